/* SPDX-License-Identifier: Apache-2.0 */
/* Every file of the store belongs to one part: by the name that stands first below the root. */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "store/store_priv.h"

#define MAX_LINKED_BYTES (256u << 20) /* what is remembered of files that have several names */

static const struct {
    const char *name, *path;
} parts[STORE_PARTS] = {
    {"Compressed blobs", "blobs"}, {"Inflated layers", "layers"}, {"Indexes", "images"},
    {"Ingest", "ingest"},          {"Containers", "containers"},  {"Volumes", "volumes"},
    {"Registry", "registry"},      {"Database", META_FILE "*"},   {"Other", "*"},
};

struct linked { /* a name of a file that has several */
    uint64_t ino, bytes;
    unsigned part;
};

static unsigned part_of(const char *name)
{
    size_t n = strlen(name);
    unsigned i = 0;

    for (; i < STORE_PARTS - 1; i++) {
        size_t m = strlen(parts[i].path);
        if (parts[i].path[m - 1] == '*' ? strncmp(name, parts[i].path, m - 1) == 0
                                        : n == m && memcmp(name, parts[i].path, n) == 0)
            break;
    }
    return i;
}

static int by_file(const void *x, const void *y)
{
    const struct linked *a = x, *b = y;

    if (a->ino != b->ino)
        return a->ino < b->ino ? -1 : 1;
    return (a->part > b->part) - (a->part < b->part);
}

/* Each file once, in the first part that has a name of it. */
static void count_linked(struct buf *names, struct store_part *ret)
{
    struct linked *v = (void *)names->p;
    size_t n = names->n / sizeof *v;

    if (n)
        qsort(v, n, sizeof *v, by_file);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && v[i].ino == v[i - 1].ino)
            continue;
        ret[v[i].part].bytes += v[i].bytes;
        ret[v[i].part].n_files++;
    }
}

static int count(const FTSENT *f, unsigned part, struct buf *names, struct store_part *ret,
                 struct shale_err *e)
{
    struct linked l = {f->fts_statp->st_ino, (uint64_t)f->fts_statp->st_blocks * 512, part};
    bool is_dir = f->fts_info == FTS_D;

    if (!is_dir && f->fts_statp->st_nlink > 1) {
        buf_add(names, &l, sizeof l);
        return buf_check(names, e);
    }
    ret[part].bytes += l.bytes;
    ret[part].n_files += !is_dir;
    return 0;
}

static void close_walk(FTS **f)
{
    if (*f)
        fts_close(*f);
}

/* ---- content ---- */

struct content {
    struct store *s;
    const char *folder;
    uint64_t bytes;
};

static int add_blob(void *arg, const struct digest *d, uint64_t size)
{
    ((struct content *)arg)->bytes += size;
    return 0;
}

static int add_folder(void *arg, const char *name, unsigned char type)
{
    struct content *t = arg;
    char path[512];
    uint64_t bytes = 0;

    if (name[0] == '.') /* on its way in or out */
        return 0;
    snprintf(path, sizeof path, "%s/%.255s", t->folder, name);
    (void)fs_disk_usage(t->s->root_fd, path, &bytes, NULL);
    t->bytes += bytes;
    return 0;
}

int store_content_bytes(struct store *s, uint64_t *ret, struct shale_err *e)
{
    static const char *const folders[] = {"layers", "images"};
    struct content t = {.s = s};
    int r = blob_each(s->blobs, add_blob, &t, e);

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(folders); i++) {
        t.folder = folders[i];
        if (fs_exists(s->root_fd, t.folder))
            r = fs_each(s->root_fd, t.folder, add_folder, &t, e);
    }
    if (r >= 0)
        *ret = t.bytes;
    return r < 0 ? r : 0;
}

/* ---- all there is ---- */

int store_usage(struct store *s, struct store_part *ret, struct cancel *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf names = BUF_INIT(MAX_LINKED_BYTES);
    char *roots[] = {(char *)store_root(s), NULL};
    unsigned part = STORE_PARTS - 1; /* the root itself is of the last */
    dev_t dev = 0;
    FTSENT *f;
    int r = 0;

    for (size_t i = 0; i < STORE_PARTS; i++)
        ret[i] = (struct store_part){parts[i].name, parts[i].path, 0, 0};
    _cleanup_(close_walk) FTS *walk =
        fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (!walk)
        return err_sys(e, "open %s", roots[0]);
    while (r == 0 && (errno = 0, f = fts_read(walk))) {
        if (f->fts_level == 0)
            dev = f->fts_statp->st_dev;
        if (f->fts_level == 1)
            part = part_of(f->fts_name);
        switch (f->fts_info) {
        case FTS_DP:
            break;
        case FTS_DNR:
        case FTS_NS:
        case FTS_ERR:
            if (f->fts_errno != ENOENT) { /* else gone meanwhile */
                errno = f->fts_errno;
                r = err_sys(e, "look at %s", f->fts_path);
            }
            break;
        default: /* what is mounted in there is no part of the store */
            if (f->fts_statp->st_dev == dev)
                r = count(f, part, &names, ret, e);
            break;
        }
        if (r == 0)
            r = cancel_check(c, e);
    }
    if (r == 0 && errno)
        r = err_sys(e, "look through %s", roots[0]);
    if (r == 0)
        count_linked(&names, ret);
    return r;
}
