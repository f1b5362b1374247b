/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/erofs_xattr.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

static const struct {
    const char *prefix;
    uint8_t index;
    bool whole; /* the name is the prefix */
} prefixes[] = {
    {"user.", 1, false},
    {"system.posix_acl_access", 2, true},
    {"system.posix_acl_default", 3, true},
    {"trusted.", 4, false},
    {"security.", 6, false},
};

static bool is_known(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        size_t n = strlen(prefixes[i].prefix);
        if (prefixes[i].whole ? streq(name, prefixes[i].prefix)
                              : strncmp(name, prefixes[i].prefix, n) == 0 && name[n])
            return strlen(name + n) <= UINT8_MAX;
    }
    return false;
}

bool erofs_xattr_is_dropped(const struct tar_xattr *a, enum tar_type type)
{
    if (str_has_prefix(a->name, "user.") && type != TAR_REG && type != TAR_DIR)
        return true;
    return str_has_prefix(a->name, "trusted.overlay.") ||
           str_has_prefix(a->name, "user.overlay.") || a->value_bytes > UINT16_MAX ||
           !is_known(a->name);
}

static void add(struct erofs_xattrs *x, const struct tar_xattr *v)
{
    static const char zeros[4];

    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        size_t n = strlen(prefixes[i].prefix);
        if (prefixes[i].whole ? !streq(v->name, prefixes[i].prefix)
                              : strncmp(v->name, prefixes[i].prefix, n) != 0)
            continue;
        size_t name_n = strlen(v->name + n);
        if (x->out.n == 0) {
            struct erofs_xattr_body body = {0};
            buf_add(&x->out, &body, sizeof body);
        }
        struct erofs_xattr_entry entry = {(uint8_t)name_n, prefixes[i].index,
                                          (uint16_t)v->value_bytes};
        buf_add(&x->out, &entry, sizeof entry);
        buf_add(&x->out, v->name + n, name_n);
        buf_add(&x->out, v->value, v->value_bytes);
        buf_add(&x->out, zeros, (4 - x->out.n % 4) % 4);
        return;
    }
}

/* Does the name stand for this one? */
static bool is_named(const struct erofs_xattr_entry *x, const char *rest, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        size_t n = strlen(prefixes[i].prefix);
        if (prefixes[i].index == x->prefix && strncmp(name, prefixes[i].prefix, n) == 0)
            return strlen(name + n) == x->name_n && memcmp(name + n, rest, x->name_n) == 0;
    }
    return false;
}

size_t erofs_xattrs_find(struct str all, const char *name, void *ret, size_t n)
{
    struct erofs_xattr_entry x;
    size_t at = sizeof(struct erofs_xattr_body);

    while (at + sizeof x <= all.n) {
        memcpy(&x, all.p + at, sizeof x);
        at += sizeof x;
        if ((size_t)x.name_n + x.value_n > all.n - at)
            break;
        if (is_named(&x, all.p + at, name)) {
            if (x.value_n > n)
                return 0;
            memcpy(ret, all.p + at + x.name_n, x.value_n);
            return x.value_n;
        }
        at += ((size_t)x.name_n + x.value_n + 3) / 4 * 4;
        if (at > all.n)
            break;
    }
    return 0;
}

int erofs_xattrs_encode(struct erofs_xattrs *x, const struct tar_entry *t, struct shale_err *e)
{
    buf_reset(&x->out);
    x->icount = 0;
    for (size_t i = 0; i < t->n_xattrs; i++)
        if (!erofs_xattr_is_dropped(&t->xattrs[i], t->type))
            add(x, &t->xattrs[i]);
    int r = buf_check(&x->out, e);
    if (r < 0)
        return r;
    if (x->out.n == 0)
        return 0;
    size_t count = (x->out.n - sizeof(struct erofs_xattr_body)) / 4 + 1;
    if (count > UINT16_MAX)
        return err_set(e, SHALE_LIMIT, "more than 256 KiB of extended attributes on one file");
    x->icount = (uint16_t)count;
    return 0;
}
