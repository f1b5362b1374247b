/* SPDX-License-Identifier: Apache-2.0 */
#include "build/copy/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/sys.h"
#include "build/context/copy_way.h"
#include "build/copy/copy_priv.h"
#include "container/xattrs.h"

#define READ_BYTES  (128u << 10)
#define QUICK_BYTES (64u << 10)
#define FEW_BYTES   (1u << 20)
#define JOB_FILES   64 /* that a thread takes at once */

/* ---- contents ---- */

struct job {
    const struct copy_item *it;
    struct copy_entry *x;
};
struct batch {
    struct build_copy *c;
    struct job *v;
    size_t n, cap;
    uint64_t bytes;
};
struct reader {
    struct xattrs xattrs;
    struct hash h;
    char *block;
    bool quick; /* little is to be read: not worth loading libcrypto */
};

static void reader_clear(struct reader *r)
{
    xattrs_clear(&r->xattrs);
    hash_clear(&r->h);
    free(r->block);
}

static int changed(const struct build_copy *c, const struct copy_entry *x, struct shale_err *e)
{
    char shown[300];

    str_printable(shown, sizeof shown, x->path);
    return err_set(e, SHALE_CONFLICT, "\"/%s\" of %s changed while it was read; build again", shown,
                   c->o->tree->what);
}

static int fail(const struct build_copy *c, const struct copy_entry *x, const char *what,
                struct shale_err *e)
{
    char shown[300];
    int saved = errno;

    str_printable(shown, sizeof shown, x->path);
    errno = saved;
    return err_sys(e, "%s \"/%s\" of %s", what, shown, c->o->tree->what);
}

static int hash_content(struct reader *w, const struct build_copy *c, const struct copy_entry *x,
                        int fd, char hex[HASH_MAX_HEX + 1], struct shale_err *e)
{
    uint64_t left = x->st.size;
    size_t got = 0;
    bool quick = w->quick && left <= QUICK_BYTES;
    int r = quick ? 0 : hash_init(&w->h, HASH_SHA256, e);

    if (r < 0)
        return r;
    do {
        if (sys_read_full(fd, w->block, READ_BYTES, &got) < 0)
            return fail(c, x, "read", e);
        if (quick)
            return got != x->st.size ? changed(c, x, e)
                                     : hash_bytes(HASH_SHA256, w->block, got, hex, e);
        hash_update(&w->h, w->block, got);
        if (got > left)
            return changed(c, x, e);
        left -= got;
        r = cancel_check(c->o->cancel, e);
    } while (r >= 0 && got == READ_BYTES);
    if (r < 0)
        return r;
    if (left)
        return changed(c, x, e);
    hash_hex(&w->h, hex);
    return 0;
}

static void unhex(const char *hex, uint8_t ret[COPY_SUM_BYTES])
{
    memset(ret, 0, COPY_SUM_BYTES);
    for (size_t i = 0; i < COPY_SUM_XATTRS; i++) {
        unsigned v = 0;
        for (size_t j = 0; j < 2; j++) {
            char ch = hex[2 * i + j];
            v = v * 16 + (unsigned)(ch <= '9' ? ch - '0' : ch - 'a' + 10);
        }
        ret[i] = (uint8_t)v;
    }
}

/* The sum of a file that has attributes is that of its content's and theirs. */
static int add_xattrs(struct reader *w, char hex[HASH_MAX_HEX + 1], struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(TAR_MAX_XATTRS * (TAR_MAX_XATTR_BYTES + 512u));

    if (w->xattrs.n == 0)
        return 0;
    buf_adds(&b, hex);
    for (size_t i = 0; i < w->xattrs.n; i++) {
        const struct tar_xattr *x = &w->xattrs.v[i];
        buf_addf(&b, "\n%s %zu ", x->name, x->value_bytes);
        buf_add(&b, x->value, x->value_bytes);
    }
    int r = buf_check(&b, e);
    return r < 0 ? r : hash_bytes(HASH_SHA256, b.p, b.n, hex, e);
}

/* The digests among which the file's is, and by what it is known there. NULL: there are none. What
 * was fetched is never seen again. */
static struct copy_sums *sums_of(const struct build_copy *c, const struct copy_item *it,
                                 const struct copy_entry *x, struct copy_stat *ret)
{
    const struct build_tree *t = c->o->tree;
    struct rootfs_origin at;

    *ret = x->st;
    if (it->is_foreign)
        return NULL;
    if (!t->origins)
        return t->sums;
    if (!c->o->layer_sums || !rootfs_origin(t->origins, x->st.ino, x->st.size, &at))
        return NULL;
    copy_stat_of_layer(at.diff_id, at.offset, x->st.size, ret);
    return c->o->layer_sums;
}

static int open_file(const struct build_copy *c, const struct job *j, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int fd = inroot_open(j->it->root_fd, *j->x->path ? j->x->path : ".",
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, &why);

    if (fd >= 0)
        return fd;
    errno = why.sys ? why.sys : EIO;
    return fail(c, j->x, "open", e);
}

static int read_one(struct reader *w, struct build_copy *c, const struct job *j,
                    struct shale_err *e)
{
    int64_t now_ns = time_now_ns();
    _cleanup_close_ int fd = open_file(c, j, e);
    char hex[HASH_MAX_HEX + 1];
    struct copy_stat now;
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return fail(c, j->x, "stat", e);
    copy_stat_of(&st, &now);
    if (now.ino != j->x->st.ino || now.size != j->x->st.size || now.mtime_ns != j->x->st.mtime_ns)
        return changed(c, j->x, e);
    int r = S_ISDIR(now.mode) ? hash_bytes(HASH_SHA256, "", 0, hex, e)
                              : hash_content(w, c, j->x, fd, hex, e);
    if (r >= 0)
        r = xattrs_read(&w->xattrs, fd, NULL, j->x->path, e);
    if (r >= 0)
        r = add_xattrs(w, hex, e);
    if (r < 0)
        return r;
    unhex(hex, j->x->sum);
    j->x->sum[COPY_SUM_XATTRS] = w->xattrs.n > 0;
    j->x->has_sum = true;
    struct copy_sums *sums = sums_of(c, j->it, j->x, &now);
    copy_sums_put(sums, &now, j->x->sum, now_ns);
    return 0;
}

static int read_some(void *arg, size_t i, struct cancel *cancel, struct shale_err *e)
{
    _cleanup_(reader_clear) struct reader w = {.block = mem_alloc(READ_BYTES)};
    struct batch *b = arg;
    int r = w.block ? 0 : err_nomem(e);

    w.quick = b->bytes < FEW_BYTES;
    for (size_t k = i * JOB_FILES; r >= 0 && k < b->n && k < (i + 1) * JOB_FILES; k++) {
        r = cancel_check(cancel, e);
        if (r >= 0)
            r = read_one(&w, b->c, &b->v[k], e);
    }
    return r;
}

static int note_job(struct batch *b, struct copy_item *it, struct copy_entry *x,
                    struct shale_err *e)
{
    struct copy_sums *sums;
    struct copy_stat by;

    if (x->has_sum || (!S_ISREG(x->st.mode) && !S_ISDIR(x->st.mode)))
        return 0;
    sums = sums_of(b->c, it, x, &by);
    if (copy_sums_get(sums, &by, x->sum)) {
        x->has_sum = true;
        return 0;
    }
    if (b->n == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 256;
        struct job *v = mem_resize(b->v, cap * sizeof *v);
        if (!v)
            return err_nomem(e);
        b->v = v;
        b->cap = cap;
    }
    b->v[b->n++] = (struct job){it, x};
    b->bytes += x->st.size;
    return 0;
}

static void batch_clear(struct batch *b)
{
    free(b->v);
}

static int read_contents(struct build_copy *c, struct shale_err *e)
{
    _cleanup_(batch_clear) struct batch b = {.c = c};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->n_items; i++) {
        struct copy_item *it = &c->items[i];
        if (it->url)
            continue;
        for (size_t k = it->is_dir; r >= 0 && k < it->n; k++) /* a place has no contents */
            r = note_job(&b, it, &it->v[k], e);
    }
    if (r < 0 || b.n == 0)
        return r;
    return pool_run(read_some, &b, (b.n + JOB_FILES - 1) / JOB_FILES,
                    b.n < JOB_FILES && b.bytes < FEW_BYTES ? 1 : pool_n_cpus(), c->o->cancel, e);
}

/* ---- the digest ---- */

/* A digest of the digests of pieces. */
struct digester {
    struct buf piece, sums;
    int r;
};

static void flush(struct digester *d, struct shale_err *e)
{
    char hex[HASH_MAX_HEX + 1];

    if (d->r >= 0)
        d->r = buf_check(&d->piece, e);
    if (d->r >= 0)
        d->r = hash_bytes(HASH_SHA256, buf_str(&d->piece), d->piece.n, hex, e);
    if (d->r >= 0)
        buf_adds(&d->sums, hex);
    buf_reset(&d->piece);
}

static void add_flags(struct digester *d, const struct build_copy_opts *o)
{
    const char *const v[] = {o->dest, o->workdir, o->chown, o->chmod, o->checksum, o->unpack};

    buf_adds(&d->piece, "shale copy 1");
    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        buf_adds(&d->piece, v[i] ? v[i] : "");
        buf_addc(&d->piece, 0);
    }
    buf_addf(&d->piece, "%d %d %d %d %lld\n", o->add, o->parents, o->link, o->keep_git_dir,
             (long long)o->max_mtime_ns);
}

static void add_entry(struct digester *d, const struct copy_item *it, const struct copy_entry *x)
{
    const struct copy_stat *s = &x->st;

    buf_addf(&d->piece, "%o %u %u %llu ", s->mode, it->keeps_owner ? s->uid : 0,
             it->keeps_owner ? s->gid : 0, (unsigned long long)s->rdev);
    buf_add(&d->piece, x->rel, strlen(x->rel) + 1);
    if (x->has_sum)
        buf_add(&d->piece, x->sum, sizeof x->sum);
    if (x->link)
        buf_add(&d->piece, x->link, strlen(x->link) + 1);
}

static void add_item(struct digester *d, const struct copy_item *it, struct shale_err *e)
{
    buf_addf(&d->piece, "\n%d %d %s%c", it->is_dir, it->unpack, it->is_dir ? "" : it->name, 0);
    if (it->url) {
        buf_adds(&d->piece, it->sha256);
        return;
    }
    if (it->text) {
        buf_add(&d->piece, it->text, strlen(it->text) + 1);
        flush(d, e);
    }
    for (size_t i = it->is_dir; i < it->n; i++) {
        add_entry(d, it, &it->v[i]);
        if (d->piece.n > QUICK_BYTES - 2 * TAR_MAX_PATH_BYTES)
            flush(d, e);
    }
}

static void digester_clear(struct digester *d)
{
    buf_clear(&d->piece);
    buf_clear(&d->sums);
}

int build_copy_digest(struct build_copy *c, char ret_hex[65], struct shale_err *e)
{
    _cleanup_(digester_clear) struct digester d = {.piece = BUF_INIT(64u << 20),
                                                   .sums = BUF_INIT(64u << 20)};
    char hex[HASH_MAX_HEX + 1];

    d.r = read_contents(c, e);
    add_flags(&d, c->o);
    for (size_t i = 0; d.r >= 0 && i < c->n_items; i++)
        add_item(&d, &c->items[i], e);
    if (d.r >= 0)
        flush(&d, e);
    if (d.r >= 0)
        d.r = buf_check(&d.sums, e);
    if (d.r >= 0)
        d.r = hash_bytes(HASH_SHA256, d.sums.p, d.sums.n, hex, e);
    if (d.r >= 0)
        memcpy(ret_hex, hex, 65);
    return d.r;
}

/* ---- life ---- */

static int parse_excludes(struct build_copy *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(IGNORE_MAX_BYTES);
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->o->n_excludes; i++) {
        r = ignore_check_pattern(c->o->excludes[i], e);
        if (strchr(c->o->excludes[i], '\n'))
            r = err_set(e, SHALE_INVALID, "--exclude: a pattern has a line break");
        buf_addf(&b, "%s\n", c->o->excludes[i]);
    }
    if (r >= 0)
        r = buf_check(&b, e);
    if (r < 0 || !c->o->n_excludes)
        return r;
    r = ignore_parse(b.p, b.n, &c->excludes, e);
    return r < 0 ? err_wrap(e, r, "--exclude") : 0;
}

static int check(const struct build_copy_opts *o, struct shale_err *e)
{
    const char *what = o->add ? "ADD" : "COPY";

    if (o->n_sources > BUILD_COPY_MAX_SOURCES)
        return err_set(e, SHALE_LIMIT, "%s has more than %d sources", what, BUILD_COPY_MAX_SOURCES);
    if (!o->dest || !*o->dest)
        return err_set(e, SHALE_INVALID, "%s has no destination", what);
    return 0;
}

int build_copy_open(const struct build_copy_opts *o, struct build_copy **ret, struct shale_err *e)
{
    int r = check(o, e);
    if (r < 0)
        return r;
    struct build_copy *c = mem_alloc(sizeof *c);
    if (!c)
        return err_nomem(e);
    arena_init(&c->a, COPY_MAX_BYTES);
    c->opts = *o;
    c->o = &c->opts;
    r = o->chmod ? copy_mode_parse(o->chmod, &c->a, &c->mode, e) : 0;
    if (r >= 0)
        r = parse_excludes(c, e);
    if (r >= 0)
        r = copy_find_sources(c, e);
    if (r < 0)
        build_copy_close(c);
    else
        *ret = c;
    return r;
}

void build_copy_note(struct build_copy *c, const struct digest *diff_id)
{
    int64_t now_ns = time_now_ns();
    struct copy_stat by;

    for (size_t i = 0; c->o->layer_sums && i < c->n_items; i++)
        for (size_t k = 0; k < c->items[i].n; k++) {
            const struct copy_entry *x = &c->items[i].v[k];
            if (!x->data_at || !x->has_sum || x->sum[COPY_SUM_XATTRS])
                continue;
            copy_stat_of_layer(diff_id, x->data_at, x->st.size, &by);
            copy_sums_put(c->o->layer_sums, &by, x->sum, now_ns);
        }
}

struct build_copy *build_copy_close(struct build_copy *c)
{
    if (!c)
        return NULL;
    for (size_t i = 0; i < c->n_items; i++)
        copy_item_clear(&c->items[i]);
    build_room_close(c->room);
    ignore_free(c->excludes);
    arena_clear(&c->a);
    free(c);
    return NULL;
}
