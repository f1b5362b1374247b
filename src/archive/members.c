/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "archive/archive_priv.h"
#include "base/cleanup.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/sys.h"
#include "model/limits.h"
#include "tar/codec.h"

#define BLOCK_BYTES (256u << 10)
#define DRAIN_BYTES (4u << 20) /* read behind the end, so that who writes a pipe can end */

/* Where a link of `from` leads: from its folder if it is symbolic. NULL: out of the archive. */
static const char *link_target(struct reading *x, const struct tar_entry *t)
{
    char out[TAR_MAX_PATH_BYTES + 1];
    const char *slash = t->type == TAR_SYMLINK ? strrchr(t->path.p, '/') : NULL;
    struct str rest = t->link, part;
    size_t n = slash ? (size_t)(slash - t->path.p) : 0;

    memcpy(out, t->path.p, n);
    while (str_split(&rest, '/', &part)) {
        if (part.n == 0 || (part.n == 1 && part.p[0] == '.'))
            continue;
        if (part.n == 2 && part.p[0] == '.' && part.p[1] == '.') {
            if (n == 0)
                return NULL;
            while (n > 0 && out[--n] != '/')
                ;
            continue;
        }
        if (n + part.n + 2 > sizeof out)
            return NULL;
        if (n > 0)
            out[n++] = '/';
        memcpy(out + n, part.p, part.n);
        n += part.n;
    }
    return arena_strndup(x->a, out, n);
}

static int on_entry(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    struct reading *x = arg;
    struct member *v;
    bool is_link = t->type == TAR_SYMLINK || t->type == TAR_HARDLINK;

    if (t->type != TAR_REG && !is_link)
        return 0;
    if (t->sparse)
        return err_set(e, SHALE_UNSUPPORTED, "the archive has the sparse member %s", t->path.p);
    if (x->n_members == ARCHIVE_MAX_MEMBERS)
        return err_set(e, SHALE_LIMIT, "the archive has more than %d members", ARCHIVE_MAX_MEMBERS);
    v = arena_grow(x->a, x->members, x->n_members, &x->cap_members, sizeof *v);
    if (!v)
        return err_nomem(e);
    x->members = v;
    v += x->n_members++;
    *v = (struct member){.name = arena_strndup(x->a, t->path.p, t->path.n),
                         .offset = t->data_offset,
                         .size_bytes = t->size_bytes};
    if (!v->name)
        return err_nomem(e);
    if (is_link)
        v->link = link_target(x, t);
    if (is_link && !v->link)
        return x->a->failed
                   ? err_nomem(e)
                   : err_set(e, SHALE_CORRUPT, "the link %s leads out of the archive", v->name);
    return 0;
}

/* ---- reading the tar ---- */

/* A plain tar in a file: only headers are read. */
static int scan_file(struct reading *x, uint64_t size, struct tar_reader *t, struct cancel *c,
                     struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(BLOCK_BYTES);
    uint64_t at = 0;
    int r = block ? 0 : err_nomem(e);

    while (r >= 0 && at < size) {
        size_t n;
        if (sys_pread_full(x->fd, block, 8192, at, &n) < 0)
            return err_sys(e, "read the archive");
        if (n == 0)
            break;
        r = tar_reader_feed(t, block, n, e);
        if (r < 0)
            break;
        at += n;
        uint64_t data = tar_reader_data_bytes(t);
        if (data == UINT64_MAX)
            break;
        if (data > size - at)
            data = size - at;
        tar_reader_pass(t, data);
        at += data;
        r = cancel_check(c, e);
    }
    return r < 0 ? r : tar_reader_end(t, e);
}

struct spool {
    int from, to;
    struct decoder *d;
    struct tar_reader *t;
    char *in, *out;
};

/* 1: the end mark has been read. */
static int spool_block(struct spool *s, size_t n, struct shale_err *e)
{
    struct str in = {s->in, n};
    size_t got;

    do {
        int r = decoder_run(s->d, &in, s->out, BLOCK_BYTES, &got, e);
        if (r >= 0)
            r = tar_reader_feed(s->t, s->out, got, e);
        if (r < 0)
            return r;
        if (sys_write_all(s->to, s->out, got) < 0)
            return err_sys(e, "unpack the archive");
        if (tar_reader_data_bytes(s->t) == UINT64_MAX)
            return 1;
    } while (got == BLOCK_BYTES || in.n > 0);
    return 0;
}

static int drain(struct spool *s, struct shale_err *e)
{
    for (size_t n = 1, sum = 0; n > 0 && sum < DRAIN_BYTES; sum += n)
        if (sys_read_full(s->from, s->in, BLOCK_BYTES, &n) < 0)
            return err_sys(e, "read the archive");
    return 0;
}

static int spool_all(struct spool *s, struct cancel *c, struct shale_err *e)
{
    size_t n;
    int r = 0;

    while (r == 0) {
        if (sys_read_full(s->from, s->in, BLOCK_BYTES, &n) < 0)
            return err_sys(e, "read the archive");
        if (n == 0)
            break;
        r = spool_block(s, n, e);
        if (r == 0)
            r = cancel_check(c, e);
    }
    if (r == 1)
        return drain(s, e);
    if (r == 0)
        r = decoder_end(s->d, e);
    return r < 0 ? r : tar_reader_end(s->t, e);
}

static int spool(struct reading *x, int fd, int dir_fd, struct tar_reader *t, struct cancel *c,
                 struct shale_err *e)
{
    const struct decoder_limits limits = {
        .max_bytes = LIMIT_LAYER_BYTES,
        .max_ratio = LIMIT_INFLATE_RATIO,
        .ratio_floor_bytes = LIMIT_INFLATE_FLOOR_BYTES,
    };
    _cleanup_free_ char *in = mem_alloc(BLOCK_BYTES), *out = mem_alloc(BLOCK_BYTES);
    struct spool s = {.from = fd, .t = t, .in = in, .out = out};

    if (!in || !out)
        return err_nomem(e);
    x->fd = s.to = sys_openat(dir_fd, ".", O_TMPFILE | O_RDWR, 0600);
    if (s.to < 0)
        return err_sys(e, "make a file to unpack the archive into");
    x->owns_fd = true;
    int r = decoder_new(DECODER_ARCHIVE, &limits, &s.d, e);
    if (r >= 0)
        r = spool_all(&s, c, e);
    decoder_free(s.d);
    return r;
}

/* ---- names ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static int sort_members(struct reading *x, struct shale_err *e)
{
    if (x->n_members)
        qsort(x->members, x->n_members, sizeof *x->members, by_name);
    for (size_t i = 1; i < x->n_members; i++)
        if (streq(x->members[i - 1].name, x->members[i].name))
            return err_set(e, SHALE_CORRUPT, "the archive has several members named %.200s",
                           x->members[i].name);
    return 0;
}

static bool is_packed(int fd)
{
    uint8_t b[6] = {0};
    size_t n;

    return sys_pread_full(fd, b, sizeof b, 0, &n) < 0 || (b[0] == 0x1f && b[1] == 0x8b) ||
           (b[1] == 0xb5 && b[2] == 0x2f) || (b[1] == 0x2a && b[2] == 0x4d) ||
           memcmp(b,
                  "\xfd"
                  "7zXZ",
                  6) == 0 ||
           memcmp(b, "BZh", 3) == 0;
}

int members_scan(struct reading *x, int fd, int spool_dir_fd, struct cancel *c, struct shale_err *e)
{
    struct tar_reader *t;
    struct stat st;

    x->fd = fd;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "look at the archive");
    x->is_folder = S_ISDIR(st.st_mode);
    if (x->is_folder)
        return 0;
    int r = tar_reader_new(on_entry, x, &t, e);
    if (r < 0)
        return r;
    if (S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0 && !is_packed(fd))
        r = scan_file(x, (uint64_t)st.st_size, t, c, e);
    else
        r = spool(x, fd, spool_dir_fd, t, c, e);
    tar_reader_free(t);
    return r < 0 ? r : sort_members(x, e);
}

const struct member *member_find(const struct reading *x, const char *name)
{
    for (int i = 0; i <= ARCHIVE_MAX_LINKS && x->n_members; i++) {
        struct member key = {.name = name};
        const struct member *m =
            bsearch(&key, x->members, x->n_members, sizeof *x->members, by_name);
        if (!m || !m->link)
            return m;
        name = m->link;
    }
    return NULL;
}

int member_read(const struct reading *x, const char *name, struct buf *b, struct shale_err *e)
{
    const struct member *m;
    size_t n;

    if (x->is_folder)
        return inroot_read(x->fd, name, b, e);
    m = member_find(x, name);
    if (!m)
        return err_set(e, SHALE_NOT_FOUND, "the archive has no %.200s", name);
    if (m->size_bytes > b->max - b->n)
        return err_set(e, SHALE_LIMIT, "%.200s of %llu bytes is over the limit of %zu", name,
                       (unsigned long long)m->size_bytes, b->max);
    void *p = buf_room(b, (size_t)m->size_bytes + 1);
    if (!p)
        return buf_check(b, e);
    if (sys_pread_full(x->fd, p, (size_t)m->size_bytes, m->offset, &n) < 0)
        return err_sys(e, "read the archive");
    if (n != m->size_bytes)
        return err_set(e, SHALE_CORRUPT, "the archive is cut off within %.200s", name);
    b->n += n;
    return 0;
}
