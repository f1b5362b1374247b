/* SPDX-License-Identifier: Apache-2.0 */
#include "container/xattrs.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "base/mem.h"
#include "base/str.h"

#define NAMES_BYTES (64u << 10) /* of attributes: XATTR_LIST_MAX */

bool xattrs_is_taken(const char *name)
{
    return !str_has_prefix(name, "trusted.") && !str_has_prefix(name, "user.overlay.") &&
           !streq(name, "security.selinux") && !streq(name, "security.ima") &&
           !streq(name, "security.evm");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tar_xattr *)a)->name, ((const struct tar_xattr *)b)->name);
}

static int prepare(struct xattrs *x, struct shale_err *e)
{
    x->n = 0;
    if (x->block) {
        arena_clear(&x->a);
        return 0;
    }
    arena_init(&x->a, TAR_MAX_XATTRS * (TAR_MAX_XATTR_BYTES + 64));
    x->names = mem_alloc(NAMES_BYTES);
    x->block = x->names ? mem_alloc(TAR_MAX_XATTR_BYTES) : NULL;
    return x->block ? 0 : err_nomem(e);
}

int xattrs_read(struct xattrs *x, int dir_fd, const char *name, const char *shown,
                struct shale_err *e)
{
    char path[PATH_MAX];
    int r = prepare(x, e);

    if (r < 0)
        return r;
    if (name)
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir_fd, name);
    ssize_t n =
        name ? llistxattr(path, x->names, NAMES_BYTES) : flistxattr(dir_fd, x->names, NAMES_BYTES);
    for (const char *p = x->names; n > 0 && p < x->names + n; p += strlen(p) + 1) {
        if (!xattrs_is_taken(p))
            continue;
        ssize_t size = name ? lgetxattr(path, p, x->block, TAR_MAX_XATTR_BYTES)
                            : fgetxattr(dir_fd, p, x->block, TAR_MAX_XATTR_BYTES);
        if (size < 0)
            continue; /* gone meanwhile */
        if (x->n == TAR_MAX_XATTRS)
            return err_set(e, SHALE_LIMIT, "/%.300s has more than %d attributes", shown,
                           TAR_MAX_XATTRS);
        char *value = arena_alloc(&x->a, (size_t)size + 1);
        if (!value)
            return err_nomem(e);
        memcpy(value, x->block, (size_t)size);
        x->v[x->n++] = (struct tar_xattr){p, value, (size_t)size};
    }
    if (x->n > 1)
        qsort(x->v, x->n, sizeof *x->v, by_name);
    return 0;
}

void xattrs_clear(struct xattrs *x)
{
    arena_clear(&x->a);
    free(x->block);
    free(x->names);
    x->block = x->names = NULL;
}
