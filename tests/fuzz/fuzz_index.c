/* SPDX-License-Identifier: Apache-2.0 */
/* The index of an image as it may lie on a disk: all of it is looked at, some levels deep. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "rootfs/erofs_index.h"

#define DEPTH_MAX 3
#define NAMES_MAX 400 /* in all: folders of a damaged one may be in each other */

struct look {
    const struct erofs_index *x;
    uint64_t dir;
    unsigned depth, *n;
};

static void walk(struct look *l);

static int see(void *arg, const char *name, unsigned char type)
{
    struct look *l = arg;
    char value[64];
    struct stat st;
    uint64_t nid;

    if (!name[0] || ++*l->n > NAMES_MAX)
        return 1;
    if (erofs_index_find(l->x, l->dir, name, &nid, NULL) != 1) /* not in order: it is damaged */
        return 0;
    if (erofs_index_stat(l->x, nid, &st, NULL) == 1 && S_ISDIR(st.st_mode) && l->depth < DEPTH_MAX)
        walk(&(struct look){l->x, nid, l->depth + 1, l->n});
    if (erofs_index_xattr(l->x, nid, "security.capability", value, sizeof value) > sizeof value)
        __builtin_trap();
    return 0;
}

static void walk(struct look *l)
{
    struct shale_err e = SHALE_ERR_INIT;
    int r = erofs_index_each(l->x, l->dir, see, l, &e);

    if (r < 0 && (e.code != -r || !e.msg[0]))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_close_ int fd = memfd_create("index", MFD_CLOEXEC);
    struct erofs_index *x = NULL;
    unsigned n = 0;

    if (fd < 0 || size > 1 << 16 || write(fd, data, size) != (ssize_t)size ||
        erofs_index_open(fd, &x, NULL) < 0)
        return 0;
    walk(&(struct look){x, erofs_index_root(x), 0, &n});
    erofs_index_close(x);
    return 0;
}
