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
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "model/chain.h"
#include "store/store_priv.h"

/* Temporary folders younger than this may belong to a running process. */
#define STALE_NS (3600 * NS_PER_S)

struct sweep {
    struct store *s;
    uint64_t freed;
};

static int drop_blob_file(struct sweep *w, const struct digest *d, struct shale_err *e)
{
    struct store *s = w->s;
    uint64_t size = 0;
    int r;

    r = meta_begin(s->meta, e);
    if (r < 0)
        return r;
    r = meta_gc_blob_needed(s->meta, d, e);
    if (r == 0 && blob_has(s->blobs, d, &size, NULL) == 1) {
        r = blob_remove(s->blobs, d, e);
        if (r >= 0)
            w->freed += size;
    }
    return meta_end(s->meta, r < 0 ? r : 0, e);
}

static int sweep_blobs(struct sweep *w, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_digests dead;
    struct meta *m = w->s->meta;
    int r = meta_gc_blobs(m, &a, &dead, e);

    for (size_t i = 0; r >= 0 && i < dead.n; i++) {
        r = meta_begin(m, e);
        if (r < 0)
            return r;
        r = meta_gc_blob_needed(m, &dead.v[i], e);
        int gone = r == 0;
        if (gone)
            r = meta_blob_delete(m, &dead.v[i], e);
        r = meta_end(m, r < 0 ? r : 0, e);
        if (r >= 0 && gone)
            r = drop_blob_file(w, &dead.v[i], e);
    }
    return r;
}

/* ---- layers ---- */

static int layer_path(const struct digest *d, char ret[HASH_MAX_HEX + 32], const char *prefix)
{
    return snprintf(ret, HASH_MAX_HEX + 32, "layers/%s%.*s", prefix, HASH_MAX_HEX, digest_hex(d));
}

static int sweep_layer(struct sweep *w, const struct digest *d, struct shale_err *e)
{
    struct store *s = w->s;
    char from[HASH_MAX_HEX + 32], to[HASH_MAX_HEX + 32];
    uint64_t bytes = 0;
    int r;

    layer_path(d, from, "");
    layer_path(d, to, ".gc-");
    r = meta_begin(s->meta, e);
    if (r < 0)
        return r;
    r = meta_gc_layer_needed(s->meta, d, e);
    int gone = r == 0;
    if (gone)
        r = meta_layer_delete(s->meta, d, e);
    /* The name goes inside the transaction, the bytes after it. */
    if (gone && r >= 0 && sys_renameat(s->root_fd, from, s->root_fd, to) < 0 && errno != ENOENT)
        r = err_sys(e, "%s", from);
    r = meta_end(s->meta, r < 0 ? r : 0, e);
    if (r < 0 || !gone)
        return r;
    if (fs_disk_usage(s->root_fd, to, &bytes, NULL) >= 0)
        w->freed += bytes;
    return fs_remove_tree(s->root_fd, to, e);
}

static int sweep_layers(struct sweep *w, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_digests dead;
    int r = meta_gc_layers(w->s->meta, &a, &dead, e);
    for (size_t i = 0; r >= 0 && i < dead.n; i++)
        r = sweep_layer(w, &dead.v[i], e);
    return r;
}

/* ---- stacks: every folder of images/ that is the chain of no image, nor a part of one ---- */

struct stacks {
    struct sweep *w;
    struct arena a;
    char **keep; /* hex of every chain and of every part of one, sorted */
    size_t n_keep, cap;
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

static int sweep_stack(void *arg, const char *name, unsigned char type)
{
    struct stacks *t = arg;
    struct store *s = t->w->s;
    struct rootfs_driver *driver;
    struct digest d;
    char path[HASH_MAX_HEX + 32];
    uint64_t bytes = 0;

    if (type != DT_DIR || name[0] == '.')
        return 0;
    snprintf(d.s, sizeof d.s, "%s:%.*s", strlen(name) == 64 ? "sha256" : "sha512", HASH_MAX_HEX,
             name);
    if (digest_parse(d.s, &d, NULL) < 0 ||
        (t->n_keep && bsearch(&name, t->keep, t->n_keep, sizeof *t->keep, by_text)))
        return 0;
    /* An image may have come since the list was made: ask again. */
    if (meta_gc_stack_needed(s->meta, &d, NULL) != 0 || store_driver(s, &driver, NULL) < 0)
        return 0;
    snprintf(path, sizeof path, "images/%.*s", HASH_MAX_HEX, name);
    (void)fs_disk_usage(s->root_fd, path, &bytes, NULL);
    if (driver->ops->remove(driver, &d, NULL) < 0)
        return 0; /* in use: next time */
    (void)meta_stack_delete(s->meta, &d, NULL);
    t->w->freed += bytes;
    return 0;
}

/* Images that only containers hold have stacks too. */
static int keep_held(struct stacks *t, struct shale_err *e)
{
    struct meta_container *rows;
    size_t n;
    int r = meta_container_list(t->w->s->meta, NULL, &t->a, &rows, &n, e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = keep_image(t, &rows[i].image_id, e);
    return r;
}

static int sweep_stacks(struct sweep *w, struct shale_err *e)
{
    struct stacks t = {.w = w, .a = ARENA_INIT(256ull << 20), .e = e};
    int r = meta_image_each(w->s->meta, keep_of_item, &t, e);

    if (r >= 0)
        r = keep_held(&t, e);
    if (r >= 0) {
        if (t.n_keep)
            qsort(t.keep, t.n_keep, sizeof *t.keep, by_text);
        r = fs_each(w->s->root_fd, "images", sweep_stack, &t, e);
    }
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
    snprintf(path, sizeof path, "layers/%s", name);
    if (fstatat(w->s->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        time_now_ns() - st.st_mtime * NS_PER_S < STALE_NS)
        return 0;
    (void)fs_remove_tree(w->s->root_fd, path, NULL);
    return 0;
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
        r = sweep_stacks(&w, e);
    if (r >= 0)
        r = sweep_layers(&w, e);
    if (r >= 0)
        r = fs_each(s->root_fd, "layers", sweep_stale, &w, e);
    if (r < 0)
        return r;
    *ret_freed_bytes = w.freed;
    return 0;
}
