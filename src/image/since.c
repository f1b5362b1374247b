/* SPDX-License-Identifier: Apache-2.0 */
#include "image/since.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "image/copy_priv.h"
#include "image/image_priv.h"
#include "model/limits.h"

#define MAX_SHOWN 4 /* layers that an error names */

/* ---- what is left out ---- */

static bool knows(const struct since *x, const struct digest *d)
{
    for (size_t i = 0; i < x->n; i++)
        if (digest_eq(&x->v[i], d))
            return true;
    return false;
}

static int add(struct since *x, const struct digest *d, struct arena *a, struct shale_err *e)
{
    if (!digest_is_set(d) || knows(x, d))
        return 0;
    struct digest *v = arena_grow(a, x->v, x->n, &x->cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    x->v = v;
    v[x->n++] = *d;
    return 0;
}

static int add_image(struct store *s, const struct digest *id, struct arena *a, struct since *x,
                     struct shale_err *e)
{
    struct meta_image_layer *layers = NULL;
    size_t n = 0;
    int r = meta_image_layers(store_meta(s), id, a, &layers, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = add(x, &layers[i].diff_id, a, e);
        if (r >= 0)
            r = add(x, &layers[i].blob, a, e);
    }
    return r;
}

/* Entries of an index that are not here have nothing to leave out. */
static int add_target(struct store *s, const struct digest *d, unsigned depth, struct arena *a,
                      struct since *x, struct shale_err *e)
{
    struct digest id;
    struct manifest m;
    int r = image_load_manifest(s, d, a, &m, e);

    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    if (m.kind == MANIFEST_INDEX) {
        for (size_t i = 0; r >= 0 && i < m.n_manifests && depth < LIMIT_INDEX_DEPTH; i++)
            r = add_target(s, &m.manifests[i].digest, depth + 1, a, x, e);
        return r;
    }
    for (size_t i = 0; r >= 0 && i < m.n_layers; i++)
        r = add(x, &m.layers[i].digest, a, e);
    if (r >= 0)
        r = image_of_manifest(s, d, a, &id, e);
    return r == 1 ? add_image(s, &id, a, x, e) : r;
}

int since_find(struct store *s, const char *const *images, struct arena *a, struct since *ret,
               struct shale_err *e)
{
    char shown[200];

    *ret = (struct since){.text = ""};
    for (const char *const *p = images; *p; p++) {
        struct image_found found = {.by_id = false};
        int r = image_find(s, *p, a, &found, e);
        if (r == -SHALE_NOT_FOUND)
            return err_set(e, SHALE_NOT_FOUND, "reference does not exist: %s",
                           str_printable(shown, sizeof shown, *p));
        if (r >= 0)
            r = add_image(s, &found.id, a, ret, e);
        if (r >= 0 && digest_is_set(&found.target))
            r = add_target(s, &found.target, 0, a, ret, e);
        if (r < 0)
            return r;
        const char *name = found.by_id ? "image" : ref_familiar(&found.ref, a);
        ret->text = name ? arena_printf(a, "%s%s%s (%s)", ret->text, *ret->text ? ", " : "", name,
                                        found.id.s)
                         : NULL;
        if (!ret->text)
            return err_nomem(e);
    }
    return 0;
}

bool since_leaves_out(void *arg, const struct descriptor *d, const struct digest *diff_id)
{
    struct since *x = arg;
    bool yes = knows(x, &d->digest) || (diff_id && knows(x, diff_id));

    x->n_left_out += yes;
    return yes;
}

/* ---- is it here? ---- */

/* 1 if the layer is in the store, whatever its compression. */
static int is_here(struct store *s, const struct digest *blob, const struct digest *diff_id,
                   struct arena *a, struct shale_err *e)
{
    struct meta_layer_blob *v = NULL;
    size_t n = 0;
    int r = blob_has(store_blobs(s), blob, NULL, e);

    if (r == 0)
        r = meta_layer_blobs(store_meta(s), diff_id, a, &v, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = blob_has(store_blobs(s), &v[i].blob, NULL, e);
    return r;
}

static int missing(const struct archive *x, const char *names, size_t n, struct shale_err *e)
{
    char since[200];

    return err_set(e, SHALE_NOT_FOUND,
                   "the archive was saved without the layers of %s, and %zu of them %s not here "
                   "(%s%s); pull or load that image first",
                   str_printable(since, sizeof since, x->since), n, n == 1 ? "is" : "are", names,
                   n > MAX_SHOWN ? ", …" : "");
}

int since_check(struct store *s, struct archive *x, const struct manifest *m, struct cancel *c,
                struct arena *a, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    const char *names = "";
    struct config cfg = {0};
    size_t n = 0;

    if (!x->since || m->kind == MANIFEST_INDEX)
        return 0;
    int r = copy_fetch_config(&x->source, &m->config, &b, c, e);
    if (r >= 0)
        r = config_parse(buf_str(&b), b.n, a, &cfg, e);
    if (r < 0 || cfg.n_diff_ids != m->n_layers)
        return r < 0 ? r : 0; /* the copy says it */
    for (size_t i = 0; i < m->n_layers; i++) {
        const struct digest *d = &m->layers[i].digest;
        if (archive_has_blob(x, d))
            continue;
        r = is_here(s, d, &cfg.diff_ids[i], a, e);
        if (r < 0)
            return r;
        if (r == 1 || n++ >= MAX_SHOWN)
            continue;
        names = arena_printf(a, "%s%s%s", names, *names ? ", " : "", d->s);
        if (!names)
            return err_nomem(e);
    }
    return n ? missing(x, names, n, e) : 0;
}
