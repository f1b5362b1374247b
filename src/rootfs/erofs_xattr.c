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

bool erofs_xattr_is_dropped(const char *name)
{
    return str_has_prefix(name, "trusted.overlay.") || str_has_prefix(name, "user.overlay.");
}

static void add(struct erofs_xattrs *x, const struct tar_xattr *v)
{
    static const char zeros[4];

    if (erofs_xattr_is_dropped(v->name) || v->value_bytes > UINT16_MAX)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        size_t n = strlen(prefixes[i].prefix);
        if (prefixes[i].whole ? !streq(v->name, prefixes[i].prefix)
                              : strncmp(v->name, prefixes[i].prefix, n) != 0)
            continue;
        size_t name_n = strlen(v->name + n);
        if (name_n > UINT8_MAX || (name_n == 0 && !prefixes[i].whole))
            return;
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

int erofs_xattrs_encode(struct erofs_xattrs *x, const struct tar_xattr *v, size_t n,
                        struct shale_err *e)
{
    buf_reset(&x->out);
    x->icount = 0;
    for (size_t i = 0; i < n; i++)
        add(x, &v[i]);
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
