/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collection: what no name, image, container or living lease needs goes. Online: each piece is
 * asked for again inside the transaction that removes its row, and once more before its file goes,
 * so that a pull that takes a lease and then looks for the bytes cannot lose them (meta_content.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "model/chain.h"
#include "store/gc_priv.h"

/* Temporary folders younger than this may belong to a process that has not locked them yet. */
#define STALE_NS (60 * NS_PER_S)

#define CHUNK     SWEEP_CHUNK
#define N_THREADS 4 /* that remove files: they mostly wait for the file system */

static int drop_blob_file(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct doomed *d = arg;
    struct blobs *b = d->w->s->blobs;

    if (!d->w->dry)
        return blob_remove(b, d->v[i], &d->bytes[i], e);
    if (blob_has(b, d->v[i], &d->bytes[i], NULL) != 1)
        d->bytes[i] = 0;
    return 0;
}

static int drop_doomed(struct doomed *d, pool_fn f, struct shale_err *e)
{
    int r = d->n ? pool_run(f, d, d->n, d->w->dry || d->n < N_THREADS ? 1 : N_THREADS, NULL, e) : 0;

    for (size_t i = 0; i < d->n; i++)
        d->w->freed += d->bytes[i];
    return r;
}

/* 1: no row has changed since `at`, a stamp. NULL: not known. */
static int is_unchanged(struct sweep *w, const struct meta_stamp *at, struct shale_err *e)
{
    struct meta_stamp now;
    int r = at ? meta_stamp(w->s->meta, &now, e) : 0;

    return r < 0 ? r : at && meta_stamp_eq(&now, at);
}

int sweep_blob_files(struct sweep *w, const struct meta_digests *l, const struct meta_stamp *at,
                     struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < l->n; i += CHUNK) {
        struct doomed d = {.w = w};
        r = meta_begin(w->s->meta, e);
        if (r < 0)
            return r;
        int unchanged = r = is_unchanged(w, at, e);
        for (size_t k = i; r >= 0 && k < l->n && k < i + CHUNK; k++) {
            r = unchanged ? 0 : meta_gc_blob_needed(w->s->meta, &l->v[k], e);
            if (r == 0)
                d.v[d.n++] = &l->v[k];
        }
        if (r >= 0)
            r = drop_doomed(&d, drop_blob_file, e);
        r = meta_end(w->s->meta, r < 0 ? r : 0, e);
    }
    return r;
}

/* Rows of what nothing needs, all in one transaction. */
static int forget_blobs(struct meta *m, struct arena *a, struct meta_digests *ret,
                        struct meta_stamp *ret_at, struct shale_err *e)
{
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = meta_gc_blobs(m, a, ret, e);
    if (r >= 0 && ret->n > 0)
        r = meta_blobs_delete(m, ret, e);
    if (r >= 0)
        r = meta_stamp(m, ret_at, e);
    return meta_end(m, r < 0 ? r : 0, e);
}

/* First the rows, for good, then the files: a machine that stops in between must not come back with
 * rows of files that are gone. */
static int sweep_blobs(struct sweep *w, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_digests dead = {NULL, 0};
    struct meta_stamp at = {0, 0};
    int r = w->dry ? meta_gc_blobs(w->s->meta, &a, &dead, e)
                   : forget_blobs(w->s->meta, &a, &dead, &at, e);

    if (r >= 0 && w->dry)
        r = meta_stamp(w->s->meta, &at, e);
    if (r >= 0 && dead.n > 0 && !w->dry)
        r = meta_sync(w->s->meta, e);
    return r < 0 ? r : sweep_blob_files(w, &dead, &at, e);
}

/* ---- blobs without a row: a process has died between the two, or a removal between its steps ----
 */

struct orphans {
    struct meta *meta;
    struct arena a;
    struct meta_digests list;
    size_t cap;
    uint64_t n_files;
};

static int count_files(void *arg, const char *name, unsigned char type)
{
    ((struct orphans *)arg)->n_files++;
    return 0;
}

static int note_orphan(void *arg, const struct digest *d, uint64_t size)
{
    struct orphans *o = arg;
    struct meta_blob row;
    int r = meta_blob_get(o->meta, d, &o->a, &row, NULL);

    if (r != -SHALE_NOT_FOUND)
        return 0;
    struct digest *v = arena_grow(&o->a, o->list.v, o->list.n, &o->cap, sizeof *v);
    if (!v)
        return -SHALE_NO_MEMORY;
    o->list.v = v;
    v[o->list.n++] = *d;
    return 0;
}

/* Every file is asked for only when there are more of them than rows. */
static int sweep_orphans(struct sweep *w, struct shale_err *e)
{
    static const char *const folders[] = {"blobs/sha256", "blobs/sha384", "blobs/sha512"};
    struct orphans o = {.meta = w->s->meta, .a = ARENA_INIT(ARENA_DEFAULT_MAX)};
    uint64_t n_rows, bytes;
    int r = meta_blob_totals(o.meta, &n_rows, &bytes, e);

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(folders); i++)
        if (fs_exists(w->s->root_fd, folders[i]))
            r = fs_each(w->s->root_fd, folders[i], count_files, &o, e);
    if (r >= 0 && o.n_files > n_rows)
        r = blob_each(w->s->blobs, note_orphan, &o, e);
    if (r >= 0)
        r = sweep_blob_files(w, &o.list, NULL, e);
    arena_clear(&o.a);
    return r;
}

/* ---- layers ---- */

static int layer_path(const struct digest *d, char ret[HASH_MAX_HEX + 32], const char *prefix)
{
    return snprintf(ret, HASH_MAX_HEX + 32, "layers/%s%.*s", prefix, HASH_MAX_HEX, digest_hex(d));
}

/* A collector that was killed may have left a folder in the way. */
static int move_away(struct store *s, const char *from, const char *to, struct shale_err *e)
{
    for (int i = 0; i < 2; i++) {
        if (sys_renameat(s->root_fd, from, s->root_fd, to) == 0 || errno == ENOENT)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
            break;
        int r = fs_remove_tree(s->root_fd, to, e);
        if (r < 0)
            return r;
    }
    return err_sys(e, "%s", from);
}

/* 1: its row and its name are gone (dry: would be). */
static int forget_layer(struct sweep *w, const struct digest *d, bool ask, struct shale_err *e)
{
    struct store *s = w->s;
    char from[HASH_MAX_HEX + 32], to[HASH_MAX_HEX + 32];
    int r = ask ? meta_gc_layer_needed(s->meta, d, e) : 0;

    if (r != 0 || w->dry)
        return r < 0 ? r : !r;
    layer_path(d, from, "");
    layer_path(d, to, ".gc-");
    r = meta_layer_delete(s->meta, d, e);
    if (r >= 0)
        r = move_away(s, from, to, e);
    return r < 0 ? r : 1;
}

static int drop_layer_files(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct doomed *d = arg;
    struct store *s = d->w->s;
    char path[HASH_MAX_HEX + 32];

    layer_path(d->v[i], path, d->w->dry ? "" : ".gc-");
    if (!d->w->dry)
        return fs_remove_counted(s->root_fd, path, &d->bytes[i], e);
    if (fs_disk_usage(s->root_fd, path, &d->bytes[i], NULL) < 0)
        d->bytes[i] = 0;
    return 0;
}

/* Our own changes here do not count as such. */
int sweep_layer_chunk(struct sweep *w, const struct digest *v, size_t n, struct meta_stamp *at,
                      struct shale_err *e)
{
    struct doomed d = {.w = w};
    int r = meta_begin(w->s->meta, e);

    if (r < 0)
        return r;
    int unchanged = r = is_unchanged(w, at, e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = forget_layer(w, &v[i], !unchanged, e);
        if (r == 1)
            d.v[d.n++] = &v[i];
    }
    if (r >= 0 && unchanged)
        r = meta_stamp(w->s->meta, at, e);
    r = meta_end(w->s->meta, r < 0 ? r : 0, e);
    return r < 0 ? r : drop_doomed(&d, drop_layer_files, e);
}

static bool hex_digest(const char *hex, struct digest *ret)
{
    static const char *const algs[] = {"sha256", "sha384", "sha512"}; /* told by their lengths */
    char text[DIGEST_MAX];
    bool good = false;

    for (size_t i = 0; !good && i < ARRAY_SIZE(algs); i++) {
        snprintf(text, sizeof text, "%s:%.*s", algs[i], HASH_MAX_HEX, hex);
        good = digest_parse(text, ret, NULL) >= 0;
    }
    return good;
}

/* A folder without a row: a process died before it could write one. */
static int sweep_rowless(void *arg, const char *name, unsigned char type)
{
    struct sweep *w = arg;
    struct meta_layer row;
    struct digest d;

    if (type != DT_DIR || name[0] == '.' || !hex_digest(name, &d) ||
        meta_layer_get(w->s->meta, &d, &row, NULL) != -SHALE_NOT_FOUND)
        return 0;
    return sweep_layer_chunk(w, &d, 1, NULL, NULL);
}

static int list_layers(struct meta *m, struct arena *a, struct meta_digests *ret,
                       struct meta_stamp *ret_at, struct shale_err *e)
{
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = meta_gc_layers(m, a, ret, e);
    if (r >= 0)
        r = meta_stamp(m, ret_at, e);
    return meta_end(m, r < 0 ? r : 0, e);
}

static int sweep_layers(struct sweep *w, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_digests dead = {NULL, 0};
    struct meta_stamp at = {0, 0};
    int r = list_layers(w->s->meta, &a, &dead, &at, e);
    for (size_t i = 0; r >= 0 && i < dead.n; i += CHUNK)
        r = sweep_layer_chunk(w, &dead.v[i], dead.n - i < CHUNK ? dead.n - i : CHUNK, &at, e);
    return r < 0 ? r : fs_each(w->s->root_fd, "layers", sweep_rowless, w, e);
}

/* ---- stacks: every folder of images/ that is the chain of no image, nor a part of one ---- */

struct stacks {
    struct sweep *w;
    struct arena a;
    char **keep; /* hex of every chain and of every part of one, sorted */
    size_t n_keep, cap;
    struct sweep_stack *dead;
    size_t n_dead, cap_dead;
    struct shale_err *e;
};

static int keep_chain(struct stacks *t, const struct digest *chain, struct shale_err *e)
{
    char **v = arena_grow(&t->a, t->keep, t->n_keep, &t->cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    t->keep = v;
    v[t->n_keep] = arena_strdup(&t->a, digest_hex(chain));
    return v[t->n_keep++] ? 0 : err_nomem(e);
}

static int keep_image(struct stacks *t, const struct digest *id, struct shale_err *e)
{
    struct rootfs_image img;
    int r = store_stack(t->w->s, id, &t->a, &img, e);
    for (size_t i = 0; r >= 0 && i < img.n_layers; i++)
        r = keep_chain(t, &img.layers[i].chain_id, e);
    return r;
}

static int keep_of_item(void *arg, const struct meta_image_item *i)
{
    struct stacks *t = arg;
    return i->image.n_layers ? keep_image(t, &i->image.id, t->e) : 0;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

static int see_stack(void *arg, const char *name, unsigned char type)
{
    struct stacks *t = arg;
    struct digest d;

    if (type != DT_DIR || name[0] == '.' || !hex_digest(name, &d) ||
        (t->n_keep && bsearch(&name, t->keep, t->n_keep, sizeof *t->keep, by_text)))
        return 0;
    struct sweep_stack *v = arena_grow(&t->a, t->dead, t->n_dead, &t->cap_dead, sizeof *v);
    if (!v)
        return err_nomem(t->e);
    t->dead = v;
    v[t->n_dead++] = (struct sweep_stack){.chain = d};
    return 0;
}

/* One that is in use stays until the next time. */
static int drop_stack_files(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct doomed *d = arg;
    struct store *s = d->w->s;
    char path[HASH_MAX_HEX + 32];

    snprintf(path, sizeof path, "images/%.*s", HASH_MAX_HEX, digest_hex(d->v[i]));
    if (!d->w->dry)
        (void)rootfs_remove(s->root_fd, d->v[i], &d->bytes[i], NULL);
    else if (fs_disk_usage(s->root_fd, path, &d->bytes[i], NULL) < 0)
        d->bytes[i] = 0;
    return 0;
}

/* An image may have come since the list was made: asked again in the transaction. A row of a stack
 * whose files stay is only a memo. */
int sweep_stack_chunk(struct sweep *w, const struct sweep_stack *v, size_t n, struct shale_err *e)
{
    struct doomed d = {.w = w};
    int r = meta_begin(w->s->meta, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = meta_gc_stack_needed(w->s->meta, &v[i].chain, e);
        if (r == 0 && v[i].depth > 0)
            r = meta_gc_stack_part_needed(w->s->meta, &v[i].top, v[i].depth, e);
        if (r != 0)
            continue;
        d.v[d.n++] = &v[i].chain;
        if (!w->dry)
            r = meta_stack_delete(w->s->meta, &v[i].chain, e);
    }
    if (r >= 0)
        r = drop_doomed(&d, drop_stack_files, e);
    return meta_end(w->s->meta, r < 0 ? r : 0, e);
}

/* Images that only containers hold have stacks too. */
static int keep_held(struct stacks *t, struct shale_err *e)
{
    struct meta_digests used = {0};
    int r = meta_container_images(t->w->s->meta, &t->a, &used, e);
    for (size_t i = 0; r >= 0 && i < used.n; i++)
        r = keep_image(t, &used.v[i], e);
    return r;
}

static int sweep_stacks(struct sweep *w, struct shale_err *e)
{
    struct stacks t = {.w = w, .a = ARENA_INIT(256ull << 20), .e = e};
    int r = meta_image_each(w->s->meta, 0, NULL, keep_of_item, &t, e);

    if (r >= 0)
        r = keep_held(&t, e);
    if (r >= 0) {
        if (t.n_keep)
            qsort(t.keep, t.n_keep, sizeof *t.keep, by_text);
        r = fs_each(w->s->root_fd, "images", see_stack, &t, e);
    }
    for (size_t i = 0; r >= 0 && i < t.n_dead; i += CHUNK)
        r = sweep_stack_chunk(w, t.dead + i, t.n_dead - i < CHUNK ? t.n_dead - i : CHUNK, e);
    arena_clear(&t.a);
    return r;
}

/* ---- what processes that died have left ---- */

static int sweep_stale(void *arg, const char *name, unsigned char type)
{
    struct sweep *w = arg;
    char path[512];
    struct stat st;

    if (name[0] != '.')
        return 0;
    snprintf(path, sizeof path, "layers/%.255s", name);
    _cleanup_close_ int fd = fs_open_dir(w->s->root_fd, path, NULL);
    if (fd < 0 || fstat(fd, &st) < 0 || time_now_ns() - st.st_mtime * NS_PER_S < STALE_NS)
        return 0;
    /* who takes a layer in holds this lock */
    if (lock_fd_try(fd, LOCK_EXCLUSIVE, NULL) == 1)
        (void)fs_remove_tree(w->s->root_fd, path, NULL);
    return 0;
}

int store_gc_preview(struct store *s, uint64_t *ret_freed_bytes, struct shale_err *e)
{
    struct sweep w = {.s = s, .dry = true};
    int r = sweep_blobs(&w, e);

    if (r >= 0)
        r = sweep_orphans(&w, e);
    if (r >= 0)
        r = sweep_stacks(&w, e);
    if (r >= 0)
        r = sweep_layers(&w, e);
    if (r >= 0)
        *ret_freed_bytes = w.freed;
    return r;
}

int store_gc(struct store *s, uint64_t *ret_freed_bytes, struct shale_err *e)
{
    struct sweep w = {.s = s};
    uint64_t n_leases;
    int r;

    r = meta_lease_sweep(s->meta, &n_leases, e);
    if (r >= 0)
        r = sweep_blobs(&w, e);
    if (r >= 0)
        r = sweep_orphans(&w, e);
    if (r >= 0)
        r = sweep_stacks(&w, e);
    if (r >= 0)
        r = sweep_layers(&w, e);
    if (r >= 0)
        r = fs_each(s->root_fd, "layers", sweep_stale, &w, e);
    if (r >= 0)
        r = rootfs_sweep(s->root_fd, e);
    if (r >= 0)
        r = blob_partial_sweep(s->blobs, e);
    if (r < 0)
        return r;
    *ret_freed_bytes = w.freed;
    return 0;
}
