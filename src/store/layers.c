/* SPDX-License-Identifier: Apache-2.0 */
/* Layers and stacks: caches that are looked at before they are trusted, and made again from blobs.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "model/chain.h"
#include "store/layer_in.h"
#include "store/store_priv.h"

#define READ_BYTES (256 << 10)

static bool boot_trusted(const struct store *s, const char *boot_id)
{
    return boot_id[0] == 0 || streq(boot_id, s->boot_id);
}

static bool layer_files_there(struct store *s, const struct digest *diff_id)
{
    char path[HASH_MAX_HEX + 32];
    snprintf(path, sizeof path, "layers/%.*s/toc", HASH_MAX_HEX, digest_hex(diff_id));
    if (!fs_exists(s->root_fd, path))
        return false;
    snprintf(path, sizeof path, "layers/%.*s/layer.tar", HASH_MAX_HEX, digest_hex(diff_id));
    return fs_exists(s->root_fd, path);
}

int store_layer_trusted(struct store *s, const struct digest *diff_id, struct shale_err *e)
{
    struct meta_layer row;
    struct shale_err miss;
    int r = meta_layer_get(s->meta, diff_id, &row, &miss);
    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r < 0) {
        if (e)
            *e = miss;
        return r;
    }
    return row.state == META_LAYER_COMPLETE && boot_trusted(s, row.boot_id) &&
           layer_files_there(s, diff_id);
}

/* ---- making one from a blob ---- */

static int inflate_blob(struct layer_in *l, int fd, struct cancel *c, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(READ_BYTES);
    size_t n;

    if (!block)
        return err_nomem(e);
    do {
        int r = cancel_check(c, e);
        if (r < 0)
            return r;
        if (sys_read_full(fd, block, READ_BYTES, &n) < 0)
            return err_sys(e, "read blob");
        r = n ? layer_in_write(l, block, n, e) : 0;
        if (r < 0)
            return r;
    } while (n == READ_BYTES);
    return 0;
}

/* What a blob inflates to, verified; for the caller to close, also after an error. */
static int inflate(struct store *s, const struct digest *diff_id, const struct digest *blob,
                   bool later, struct cancel *c, struct layer_in **ret, struct layer_in_result *in,
                   struct shale_err *e)
{
    /* Of the same digest it is the tar itself, whatever its bytes look like. */
    struct layer_in_opts o = {.codec = digest_eq(blob, diff_id) ? DECODER_NONE : DECODER_AUTO,
                              .alg = digest_alg(diff_id),
                              .later = later};
    int r;

    *ret = NULL;
    _cleanup_close_ int fd = blob_open(s->blobs, blob, e);
    if (fd < 0)
        return fd;
    o.layers_fd = store_layers_fd(s, e);
    if (o.layers_fd < 0)
        return o.layers_fd;
    r = layer_in_begin(&o, ret, e);
    if (r >= 0)
        r = inflate_blob(*ret, fd, c, e);
    return r < 0 ? r : layer_in_finish(*ret, diff_id, in, e);
}

/* What is `in_place` stays there; `later`: a small one gets no files. */
static int make_of(struct store *s, const struct digest *diff_id, const struct digest *blob,
                   bool in_place, bool later, struct cancel *c, struct shale_err *e)
{
    struct layer_in *l;
    struct layer_in_result in;
    uint64_t size = 0;
    int r = inflate(s, diff_id, blob, later, c, &l, &in, e);

    if (r >= 0)
        r = blob_has(s->blobs, blob, &size, e);
    if (r >= 0 && !in.later)
        r = layer_in_publish(l, !in_place, e);
    if (r >= 0)
        r = store_record_layer(s, blob, size, &in, e);
    layer_in_close(l);
    return r;
}

static int rebuild(struct store *s, const struct digest *diff_id, const struct digest *blob,
                   struct cancel *c, struct shale_err *e)
{
    return make_of(s, diff_id, blob, false, false, c, e);
}

/* The lock keeps two that need the same layer from making it twice. */
static int lock_layer(struct store *s, const struct digest *diff_id, struct cancel *c,
                      struct shale_err *e)
{
    char name[HASH_MAX_HEX + 32];
    snprintf(name, sizeof name, "locks/layer-%.16s", digest_hex(diff_id));
    return lock_take(s->root_fd, name, LOCK_EXCLUSIVE, c, e);
}

int store_layer_blob(struct store *s, const struct digest *diff_id, struct arena *a,
                     struct digest *ret, struct shale_err *e)
{
    struct meta_layer_blob *blobs;
    size_t n;
    int r = meta_layer_blobs(s->meta, diff_id, a, &blobs, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = blob_has(s->blobs, &blobs[i].blob, NULL, e);
        if (r != 1)
            continue;
        *ret = blobs[i].blob;
        return 1;
    }
    return r < 0 ? r : 0;
}

int store_layer_check_blob(struct store *s, const struct digest *diff_id,
                           struct layer_in_result *ret, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct shale_err why = SHALE_ERR_INIT;
    struct layer_in *l = NULL;
    struct digest blob;
    int r = store_layer_blob(s, diff_id, &a, &blob, e);

    if (r <= 0)
        return r < 0 ? r : STORE_LAYER_BAD;
    r = inflate(s, diff_id, &blob, true, c, &l, ret, &why);
    layer_in_close(l);
    if (r == -SHALE_CORRUPT || r == -SHALE_LIMIT || r == -SHALE_NOT_FOUND)
        return STORE_LAYER_BAD;
    return r < 0 ? err_set(e, why.code, "%s", why.msg) : STORE_LAYER_GOOD;
}

static int rebuild_from_any(struct store *s, const struct digest *diff_id, struct cancel *c,
                            struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct meta_layer_blob *blobs;
    size_t n;
    int r = meta_layer_blobs(s->meta, diff_id, &a, &blobs, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        uint64_t size;
        if (blob_has(s->blobs, &blobs[i].blob, &size, NULL) != 1)
            continue;
        r = rebuild(s, diff_id, &blobs[i].blob, c, e);
        if (r >= 0 || r == -SHALE_CANCELED || r == -SHALE_NO_SPACE)
            return r;
    }
    return n ? err_set(e, SHALE_CORRUPT,
                       "layer %s is damaged and cannot be made again from its blob; pull the image "
                       "again",
                       diff_id->s)
             : err_set(e, SHALE_NOT_FOUND, "layer %s is not in the store; pull the image again",
                       diff_id->s);
}

int store_layer_make(struct store *s, const struct digest *diff_id, const struct digest *blob,
                     struct cancel *c, struct shale_err *e)
{
    int r = store_layer_trusted(s, diff_id, e);
    if (r != 0)
        return r < 0 ? r : 0;
    _cleanup_close_ int lock = lock_layer(s, diff_id, c, e);
    if (lock < 0)
        return lock;
    r = store_layer_trusted(s, diff_id, e);
    if (r != 0)
        return r < 0 ? r : 0;
    /* A row of another boot: the bytes may have been lost with the machine. */
    r = store_layer_check(s, diff_id, NULL, c, e);
    if (r < 0)
        return r;
    if (r == STORE_LAYER_GOOD) {
        r = meta_layer_set_state(s->meta, diff_id, META_LAYER_COMPLETE, s->boot_id, NULL);
        if (r >= 0)
            return 0;
    }
    if (r == STORE_LAYER_TOC_BAD) {
        r = store_layer_make_toc(s, diff_id, c, e);
        if (r != -SHALE_CORRUPT)
            return r;
    }
    return blob ? rebuild(s, diff_id, blob, c, e) : rebuild_from_any(s, diff_id, c, e);
}

int store_layer_learn(struct store *s, const struct digest *diff_id, const struct digest *blob,
                      bool later, struct cancel *c, struct shale_err *e)
{
    _cleanup_close_ int lock = lock_layer(s, diff_id, c, e);
    if (lock < 0)
        return lock;
    int r = store_layer_trusted(s, diff_id, e);

    return r < 0 ? r : make_of(s, diff_id, blob, r == 1, later, c, e);
}

int store_layer_ensure(struct store *s, const struct digest *diff_id, struct cancel *c,
                       struct shale_err *e)
{
    return store_layer_make(s, diff_id, NULL, c, e);
}

int store_layer_open(struct store *s, const struct digest *diff_id, struct cancel *c,
                     struct toc **ret_toc, int *ret_tar, struct shale_err *e)
{
    _cleanup_close_ int tar = -1;
    char path[HASH_MAX_HEX + 32];
    int r = store_layer_ensure(s, diff_id, c, e);

    if (r < 0)
        return r;
    snprintf(path, sizeof path, "layers/%.*s/layer.tar", HASH_MAX_HEX, digest_hex(diff_id));
    tar = sys_openat(s->root_fd, path, O_RDONLY | O_NOFOLLOW, 0);
    if (tar < 0)
        return err_sys(e, "%s", path);
    snprintf(path, sizeof path, "layers/%.*s/toc", HASH_MAX_HEX, digest_hex(diff_id));
    r = toc_open(s->root_fd, path, ret_toc, e);
    if (r >= 0)
        *ret_tar = TAKE_FD(tar);
    return r;
}

/* ---- stacks ---- */

int store_stack_of(const struct meta_image_layer *layers, size_t n, struct arena *a,
                   struct rootfs_image *ret, struct shale_err *e)
{
    struct rootfs_layer *v = arena_array(a, n + 1, sizeof *v);
    static const struct digest none;

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        v[i].diff_id = layers[i].diff_id;
        int r = chain_next(i ? &v[i - 1].chain_id : &none, &v[i].diff_id, &v[i].chain_id, e);
        if (r < 0)
            return r;
    }
    *ret = (struct rootfs_image){v, n};
    return 0;
}

int store_stack(struct store *s, const struct digest *image_id, struct arena *a,
                struct rootfs_image *ret, struct shale_err *e)
{
    struct meta_image_layer *rows;
    size_t n;
    int r = meta_image_layers(s->meta, image_id, a, &rows, &n, e);

    return r < 0 ? r : store_stack_of(rows, n, a, ret, e);
}

static int prepare_stack(struct store *s, struct rootfs_driver *d, const struct rootfs_image *img,
                         struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 16);
    const struct digest *chain = &img->layers[img->n_layers - 1].chain_id;
    struct meta_stack row;
    int r;

    r = meta_stack_get(s->meta, chain, d->ops->name, &a, &row, NULL);
    bool trusted = r >= 0 && boot_trusted(s, row.boot_id);
    if (!trusted) {
        for (size_t i = 0; i < img->n_layers; i++) {
            r = store_layer_ensure(s, &img->layers[i].diff_id, c, e);
            if (r < 0)
                return r;
        }
        /* Whatever is there was written under another boot, or by a process that died before it
         * could say so. In use by a container of this boot it cannot be stale. */
        r = d->ops->remove(d, chain, e);
        if (r < 0 && r != -SHALE_IN_USE)
            return r;
    }
    r = d->ops->prepare(d, img, c, e);
    if (r < 0)
        return r;
    return trusted ? 0 : meta_stack_put(s->meta, chain, d->ops->name, s->boot_id, e);
}

int store_rootfs_prepare(struct store *s, const struct digest *image_id, struct cancel *c,
                         struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4 << 20);
    struct rootfs_driver *d;
    struct rootfs_image img;
    int r = store_driver(s, &d, e);
    if (r < 0)
        return r;
    r = store_stack(s, image_id, &a, &img, e);
    if (r < 0 || img.n_layers == 0)
        return r;
    return prepare_stack(s, d, &img, c, e);
}

static int prepare_and_mount(struct store *s, struct rootfs_driver *d,
                             const struct rootfs_image *img, const char *target,
                             const struct rootfs_writable *w, struct cancel *c, struct shale_err *e)
{
    int r = img->n_layers ? prepare_stack(s, d, img, c, e) : 0;

    return r < 0 ? r : d->ops->mount(d, img, target, w, e);
}

/* Files of the cache that somebody has removed show when they are needed: it is made again, once.
 */
static int mount_stack(struct store *s, struct rootfs_driver *d, const struct rootfs_image *img,
                       const char *target, const struct rootfs_writable *w, struct cancel *c,
                       struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = prepare_and_mount(s, d, img, target, w, c, &why);

    if (r == -SHALE_NOT_FOUND && img->n_layers && !s->read_only) {
        r = meta_stack_delete(s->meta, &img->layers[img->n_layers - 1].chain_id, &why);
        if (r >= 0)
            r = prepare_and_mount(s, d, img, target, w, c, &why);
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

/* A view, or, with ret, what can be known without one. */
static int prepare_and_open(struct store *s, struct rootfs_driver *d,
                            const struct rootfs_image *img, struct lower *ret, struct cancel *c,
                            struct shale_err *e)
{
    int r = img->n_layers ? prepare_stack(s, d, img, c, e) : 0;

    if (r < 0)
        return r;
    return ret ? d->ops->lower(d, img, ret, e) : d->ops->view(d, img, e);
}

static int open_stack(struct store *s, struct rootfs_driver *d, const struct rootfs_image *img,
                      struct lower *ret, struct cancel *c, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = prepare_and_open(s, d, img, ret, c, &why);

    if (r == -SHALE_NOT_FOUND && img->n_layers && !s->read_only) {
        r = meta_stack_delete(s->meta, &img->layers[img->n_layers - 1].chain_id, &why);
        if (r >= 0)
            r = prepare_and_open(s, d, img, ret, c, &why);
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

int store_rootfs_mount(struct store *s, const struct digest *image_id, const char *target,
                       const struct rootfs_writable *w, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4 << 20);
    struct rootfs_driver *d;
    struct rootfs_image img;
    int r = store_driver(s, &d, e);

    if (r >= 0)
        r = store_stack(s, image_id, &a, &img, e);
    if (r >= 0 && sys_step("mount") < 0)
        r = err_sys(e, "mount");
    if (r >= 0)
        r = mount_stack(s, d, &img, target, w, c, e);
    if (r >= 0)
        (void)meta_image_set_used(s->meta, image_id, time_now_ns(), NULL);
    return r;
}

static int open_image(struct store *s, const struct digest *image_id, struct lower *ret,
                      struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4 << 20);
    struct rootfs_driver *d;
    struct rootfs_image img;
    int r = store_driver(s, &d, e);

    if (r >= 0)
        r = store_stack(s, image_id, &a, &img, e);
    return r < 0 ? r : open_stack(s, d, &img, ret, c, e);
}

int store_rootfs_view(struct store *s, const struct digest *image_id, struct cancel *c,
                      struct shale_err *e)
{
    return open_image(s, image_id, NULL, c, e);
}

int store_rootfs_lower(struct store *s, const struct digest *image_id, struct cancel *c,
                       struct lower *ret, struct shale_err *e)
{
    return open_image(s, image_id, ret, c, e);
}

/* ---- stacks that are no image ---- */

struct stacked { /* layers, as the driver wants them */
    struct arena a;
    struct rootfs_driver *d;
    struct rootfs_image img;
};

static void stacked_clear(struct stacked *t)
{
    arena_clear(&t->a);
}

static int stacked_open(struct store *s, const struct meta_image_layer *layers, size_t n,
                        struct stacked *t, struct shale_err *e)
{
    int r = store_driver(s, &t->d, e);

    arena_init(&t->a, 4 << 20);
    return r < 0 ? r : store_stack_of(layers, n, &t->a, &t->img, e);
}

int store_stack_prepare(struct store *s, const struct meta_image_layer *layers, size_t n,
                        struct cancel *c, struct shale_err *e)
{
    _cleanup_(stacked_clear) struct stacked t = {0};
    int r = stacked_open(s, layers, n, &t, e);

    return r < 0 || n == 0 ? r : prepare_stack(s, t.d, &t.img, c, e);
}

int store_stack_mount(struct store *s, const struct meta_image_layer *layers, size_t n,
                      const char *target, const struct rootfs_writable *w, struct cancel *c,
                      struct shale_err *e)
{
    _cleanup_(stacked_clear) struct stacked t = {0};
    int r = stacked_open(s, layers, n, &t, e);

    if (r >= 0 && sys_step("mount") < 0)
        r = err_sys(e, "mount");
    return r < 0 ? r : mount_stack(s, t.d, &t.img, target, w, c, e);
}

int store_stack_view(struct store *s, const struct meta_image_layer *layers, size_t n,
                     struct cancel *c, struct shale_err *e)
{
    _cleanup_(stacked_clear) struct stacked t = {0};
    int r = stacked_open(s, layers, n, &t, e);

    return r < 0 ? r : open_stack(s, t.d, &t.img, NULL, c, e);
}

int store_stack_lower(struct store *s, const struct meta_image_layer *layers, size_t n,
                      struct cancel *c, struct lower *ret, struct shale_err *e)
{
    _cleanup_(stacked_clear) struct stacked t = {0};
    int r = stacked_open(s, layers, n, &t, e);

    return r < 0 ? r : open_stack(s, t.d, &t.img, ret, c, e);
}

int store_stack_origins(struct store *s, const struct meta_image_layer *layers, size_t n,
                        struct rootfs_origins **ret, struct shale_err *e)
{
    _cleanup_(stacked_clear) struct stacked t = {0};
    int r = stacked_open(s, layers, n, &t, e);

    *ret = NULL;
    return r < 0 || !t.d->ops->origins ? r : t.d->ops->origins(t.d, &t.img, ret, e);
}

int store_rootfs_umount(struct store *s, const char *target, struct shale_err *e)
{
    struct rootfs_driver *d;
    int r = store_driver(s, &d, e);
    return r < 0 ? r : d->ops->umount(d, target, e);
}

/* ---- settling ---- */

struct settle {
    struct store *s;
    struct arena a;
    struct meta_digests layers;
    size_t cap;
};

static int settle_layer(void *arg, const struct meta_layer *l)
{
    struct settle *t = arg;
    if (l->state != META_LAYER_COMPLETE || !streq(l->boot_id, t->s->boot_id))
        return 0;
    struct digest *v = arena_grow(&t->a, t->layers.v, t->layers.n, &t->cap, sizeof *v);
    if (!v)
        return -SHALE_NO_MEMORY;
    t->layers.v = v;
    v[t->layers.n++] = l->diff_id;
    return 0;
}

int store_settle(struct store *s, struct shale_err *e)
{
    struct settle t = {.s = s, .a = ARENA_INIT(ARENA_DEFAULT_MAX)};
    int r = meta_layer_each(s->meta, settle_layer, &t, e);

    if (r >= 0 && t.layers.n > 0) {
        r = syncfs(s->root_fd) < 0 ? err_sys(e, "syncfs") : meta_begin(s->meta, e);
        if (r >= 0) {
            for (size_t i = 0; i < t.layers.n; i++)
                (void)meta_layer_set_state(s->meta, &t.layers.v[i], META_LAYER_COMPLETE, "", NULL);
            r = meta_commit(s->meta, e);
        }
    }
    arena_clear(&t.a);
    return r < 0 ? r : 0;
}
