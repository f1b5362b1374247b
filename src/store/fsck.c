/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsck: every blob and every layer is read and hashed, every row is compared with what lies on
 * disk. Caches are made again; a damaged blob is moved out of the way, so that the next pull
 * fetches it again, and every image that needs it is named.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/limits.h"
#include "store/layer_in.h"
#include "store/store_priv.h"

struct check {
    struct store *s;
    const struct shale_fsck_opts *o;
    struct shale_fsck_result *res;
    struct cancel *c;
    struct arena a;
    struct digest *v; /* what to look at, collected first: callbacks may not take long */
    size_t n, cap;
};

static void say(struct check *k, enum shale_fsck_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct check *k, enum shale_fsck_kind kind, const char *fmt, ...)
{
    char line[512];
    va_list ap;

    k->res->n_repaired += kind == SHALE_FSCK_REPAIRED;
    k->res->n_damaged += kind == SHALE_FSCK_DAMAGED;
    if (!k->o->on_finding)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    k->o->on_finding(k->o->arg, kind, line);
}

static int collect(struct check *k, const struct digest *d)
{
    struct digest *v = arena_grow(&k->a, k->v, k->n, &k->cap, sizeof *v);
    if (!v)
        return -SHALE_NO_MEMORY;
    k->v = v;
    v[k->n++] = *d;
    return 0;
}

/* Reasons that say nothing about the store: the check ends with them. */
static bool stops_check(int r)
{
    return r == -SHALE_CANCELED || r == -SHALE_NO_SPACE || r == -SHALE_NO_MEMORY;
}

static int stop_check(int r, const struct shale_err *why, struct shale_err *e)
{
    if (e)
        *e = *why;
    return r;
}

static void reset(struct check *k)
{
    arena_clear(&k->a);
    k->v = NULL;
    k->n = k->cap = 0;
}

/* ---- blobs ---- */

static int collect_blob(void *arg, const struct digest *d, uint64_t size)
{
    struct check *k = arg;
    k->res->n_bytes += size;
    return collect(k, d);
}

static int drop_bad_blob(struct check *k, const struct digest *d, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = blob_verify(k->s->blobs, d, k->c, &why);

    if (r >= 0)
        return 0;
    if (r != -SHALE_CORRUPT) {
        if (e)
            *e = why;
        return r;
    }
    if (k->o->check_only) {
        say(k, SHALE_FSCK_DAMAGED, "%s", why.msg);
        return 0;
    }
    say(k, SHALE_FSCK_DAMAGED, "%s; taken out of the store, the next pull fetches it again",
        why.msg);
    r = blob_remove(k->s->blobs, d, NULL, e);
    if (r < 0)
        return r;
    return meta_blob_delete(k->s->meta, d, e);
}

static int check_blobs(struct check *k, struct shale_err *e)
{
    int r = blob_each(k->s->blobs, collect_blob, k, e);
    for (size_t i = 0; r >= 0 && i < k->n; i++) {
        r = drop_bad_blob(k, &k->v[i], e);
        k->res->n_blobs++;
    }
    if (r >= 0)
        say(k, SHALE_FSCK_OK, "%llu blobs, %llu bytes hashed", (unsigned long long)k->res->n_blobs,
            (unsigned long long)k->res->n_bytes);
    return r;
}

static int collect_row(void *arg, const struct meta_blob *b)
{
    return collect(arg, &b->digest);
}

/* Rows whose bytes are gone. */
static int check_blob_rows(struct check *k, struct shale_err *e)
{
    int r = meta_blob_each(k->s->meta, collect_row, k, e);
    for (size_t i = 0; r >= 0 && i < k->n; i++) {
        uint64_t size;
        int there = blob_has(k->s->blobs, &k->v[i], &size, e);
        if (there < 0)
            return there;
        if (there)
            continue;
        say(k, SHALE_FSCK_DAMAGED, "blob %s is missing", k->v[i].s);
        if (!k->o->check_only)
            r = meta_blob_delete(k->s->meta, &k->v[i], e);
    }
    return r;
}

/* ---- layers ---- */

static int collect_layer(void *arg, const struct meta_layer *l)
{
    struct check *k = arg;
    k->res->n_bytes += l->tar_bytes;
    return collect(k, &l->diff_id);
}

/* A removal that was cut short leaves the row of a layer that nothing needs any more. */
static int drop_leftover(struct check *k, const struct digest *d, struct shale_err *e)
{
    if (k->o->check_only)
        return 0;
    say(k, SHALE_FSCK_REPAIRED, "layer %s was half removed and is needed by nothing: forgotten",
        d->s);
    return meta_layer_delete(k->s->meta, d, e);
}

/* What the row says of a good layer is compared with the layer. A layer that was known to be on
 * disk stays so. */
static int check_layer_row(struct check *k, const struct layer_in_result *is, struct shale_err *e)
{
    struct meta_layer row;
    int r = meta_layer_get(k->s->meta, &is->diff_id, &row, e);

    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r; /* removed meanwhile */
    bool same = row.tar_bytes == is->tar_bytes && row.content_bytes == is->toc.content_bytes &&
                row.n_entries == is->toc.n_entries;
    if (!same && k->o->check_only) {
        say(k, SHALE_FSCK_DAMAGED, "layer %s: its sizes in the database are wrong", is->diff_id.s);
        return 0;
    }
    if (!same) {
        say(k, SHALE_FSCK_REPAIRED, "layer %s: its sizes in the database were wrong, corrected",
            is->diff_id.s);
        if (!is->later)
            return store_record_layer(k->s, NULL, 0, is, e);
        row.tar_bytes = is->tar_bytes;
        row.content_bytes = is->toc.content_bytes;
        row.n_entries = is->toc.n_entries;
        return meta_layer_put(k->s->meta, &row, e);
    }
    if (k->o->check_only || is->later || (row.state == META_LAYER_COMPLETE && row.boot_id[0] == 0))
        return 0;
    r = meta_layer_set_state(k->s->meta, &is->diff_id, META_LAYER_COMPLETE, k->s->boot_id, e);
    return r == -SHALE_NOT_FOUND ? 0 : r;
}

static int repair_layer(struct check *k, const struct digest *d, const char *what,
                        struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = meta_layer_set_state(k->s->meta, d, META_LAYER_SUSPECT, "", e);

    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    r = store_layer_ensure(k->s, d, k->c, &why);
    if (stops_check(r))
        return stop_check(r, &why, e);
    if (r < 0)
        say(k, SHALE_FSCK_DAMAGED, "%s", why.msg);
    else
        say(k, SHALE_FSCK_REPAIRED, "%s %s was damaged or missing, made again", what, d->s);
    return 0;
}

static int check_layer(struct check *k, const struct digest *d, struct shale_err *e)
{
    struct layer_in_result is = {.later = false};
    struct meta_layer row;
    bool later = meta_layer_get(k->s->meta, d, &row, NULL) >= 0 && row.state == META_LAYER_LATER;
    int good = later ? store_layer_check_blob(k->s, d, &is, k->c, e)
                     : store_layer_check(k->s, d, &is, k->c, e);
    int r;

    if (good < 0)
        return good;
    is.later = later; /* none has files, whatever its size */
    if (good == STORE_LAYER_GOOD)
        return check_layer_row(k, &is, e);
    r = meta_gc_layer_needed(k->s->meta, d, e);
    if (r <= 0)
        return r < 0 ? r : drop_leftover(k, d, e);
    const char *what = good == STORE_LAYER_TOC_BAD ? "table of contents of layer" : "layer";
    if (!k->o->check_only)
        return repair_layer(k, d, what, e);
    say(k, SHALE_FSCK_DAMAGED, "%s %s is damaged or missing", what, d->s);
    return 0;
}

static int check_layers(struct check *k, struct shale_err *e)
{
    int r = meta_layer_each(k->s->meta, collect_layer, k, e);
    for (size_t i = 0; r >= 0 && i < k->n; i++) {
        r = check_layer(k, &k->v[i], e);
        k->res->n_layers++;
    }
    if (r >= 0)
        say(k, SHALE_FSCK_OK, "%llu layers hashed", (unsigned long long)k->res->n_layers);
    return r;
}

/* ---- images ---- */

static int collect_image(void *arg, const struct meta_image_item *i)
{
    return collect(arg, &i->image.id);
}

static int check_stack(struct check *k, const struct digest *id, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4 << 20);
    struct shale_err why = SHALE_ERR_INIT;
    struct rootfs_driver *driver;
    struct rootfs_image img;
    struct meta_stack row;
    int r;

    r = store_driver(k->s, &driver, e);
    if (r < 0)
        return r;
    r = store_stack(k->s, id, &a, &img, e);
    if (r < 0 || img.n_layers == 0)
        return r;
    const struct digest *chain = &img.layers[img.n_layers - 1].chain_id;
    if (meta_stack_get(k->s->meta, chain, driver->ops->name, &a, &row, NULL) < 0)
        return 0; /* never prepared */
    r = driver->ops->verify(driver, &img, k->c, &why);
    if (r >= 0)
        return 0;
    if (stops_check(r))
        return stop_check(r, &why, e);
    if (k->o->check_only && r == -SHALE_DENIED) { /* it is compared with one that is made anew */
        say(k, SHALE_FSCK_OK, "index of %s is not looked at: %s", id->s, why.msg);
        return 0;
    }
    if (k->o->check_only) {
        say(k, SHALE_FSCK_DAMAGED, "index of %s: %s", id->s, why.msg);
        return 0;
    }
    r = driver->ops->remove(driver, chain, &why);
    if (r >= 0)
        r = meta_stack_delete(k->s->meta, chain, &why);
    if (r >= 0)
        r = store_rootfs_prepare(k->s, id, k->c, &why);
    if (stops_check(r))
        return stop_check(r, &why, e);
    if (r < 0)
        say(k, SHALE_FSCK_DAMAGED, "index of %s: %s", id->s, why.msg);
    else
        say(k, SHALE_FSCK_REPAIRED, "index of %s was damaged, made again", id->s);
    return 0;
}

/* Names the image of a blob that is not there. */
static void need_blob(struct check *k, const struct digest *id, const struct digest *blob,
                      const char *what)
{
    uint64_t size;

    if (digest_is_set(blob) && blob_has(k->s->blobs, blob, &size, NULL) != 1)
        say(k, SHALE_FSCK_DAMAGED, "image %s: blob %s of its %s is missing; pull it again", id->s,
            blob->s, what);
}

static int check_image(struct check *k, const struct digest *id, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(LIMIT_CONFIG_BYTES * 8);
    struct shale_err why = SHALE_ERR_INIT;
    struct meta_image_layer *layers;
    struct meta_image row;
    struct config cfg;
    size_t n;
    int r;

    k->res->n_images++;
    r = store_config(k->s, id, &a, &cfg, &why);
    if (stops_check(r))
        return stop_check(r, &why, e);
    if (r < 0) {
        say(k, SHALE_FSCK_DAMAGED, "image %s: %s; pull it again", id->s, why.msg);
        return 0;
    }
    r = meta_image_layers(k->s->meta, id, &a, &layers, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        need_blob(k, id, &layers[i].blob, "layers");
    if (meta_image_get(k->s->meta, id, &a, &row, NULL) >= 0)
        need_blob(k, id, &row.manifest, "manifest");
    return check_stack(k, id, e);
}

static int check_images(struct check *k, struct shale_err *e)
{
    int r = meta_image_each(k->s->meta, 0, NULL, collect_image, k, e);
    for (size_t i = 0; r >= 0 && i < k->n; i++) {
        r = cancel_check(k->c, e);
        if (r >= 0)
            r = check_image(k, &k->v[i], e);
    }
    if (r >= 0)
        say(k, SHALE_FSCK_OK, "%llu images checked", (unsigned long long)k->res->n_images);
    return r;
}

int store_fsck(struct store *s, const struct shale_fsck_opts *o, struct shale_fsck_result *ret,
               struct cancel *c, struct shale_err *e)
{
    static int (*const steps[])(struct check *, struct shale_err *) = {check_blobs, check_blob_rows,
                                                                       check_layers, check_images};
    struct check k = {.s = s, .o = o, .res = ret, .c = c, .a = ARENA_INIT(1ull << 30)};
    int r;

    *ret = (struct shale_fsck_result){0};
    r = meta_check(s->meta, e);
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(steps); i++) {
        r = steps[i](&k, e);
        reset(&k);
    }
    return r < 0 ? r : 0;
}
