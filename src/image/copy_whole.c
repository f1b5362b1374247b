/* SPDX-License-Identifier: Apache-2.0 */
/* All images that hang on a name, each of them checked: children before parents. */
#include "base/str.h"
#include "image/copy_priv.h"
#include "model/limits.h"

struct whole {
    struct source *from;
    struct sink *to;
    const struct copy_opts *o;
    struct arena *a;
    struct copy_images *ret;
    size_t cap, n_docs;
};

/* The config of an attestation looks like that of an image. */
static bool is_image(const struct descriptor *entry, const struct manifest *m)
{
    if (!media_is_image_config(m->config.media_type) || descriptor_is_attestation(entry))
        return false;
    for (size_t i = 0; i < m->n_layers; i++)
        if (media_find(m->layers[i].media_type)->kind != MEDIA_LAYER)
            return false;
    return true;
}

static bool is_known(const struct whole *w, const struct digest *d)
{
    for (size_t i = 0; i < w->ret->n; i++)
        if (digest_eq(&w->ret->v[i].image.digest, d))
            return true;
    return false;
}

static int copy_one(struct whole *w, const struct doc *d, struct shale_err *e)
{
    struct copy_result *v = arena_grow(w->a, w->ret->v, w->ret->n, &w->cap, sizeof *v);

    if (!v)
        return err_nomem(e);
    w->ret->v = v;
    int r = copy_image_doc(w->from, d, w->to, w->o, w->a, &v[w->ret->n], e);
    if (r >= 0)
        w->ret->n++;
    return r;
}

/* An index says more of it than configs do, which seldom have the variant. */
static void take_platform(const struct descriptor *entry, struct platform *p)
{
    if (entry->has_platform && streq(entry->platform.os, p->os) &&
        streq(entry->platform.arch, p->arch))
        *p = entry->platform;
}

static int copy_index(struct whole *w, const struct doc *index, unsigned depth,
                      struct shale_err *e);

static int copy_entry(struct whole *w, const struct descriptor *entry, unsigned depth,
                      struct shale_err *e)
{
    enum media_kind kind = media_find(entry->media_type)->kind;
    struct doc d;

    if (*entry->media_type && kind != MEDIA_MANIFEST && kind != MEDIA_INDEX)
        return 0; /* an index may name anything */
    if (is_known(w, &entry->digest) ||
        (kind != MEDIA_INDEX && w->o->skip && w->o->skip(w->o->skip_arg, entry)))
        return 0;
    if (++w->n_docs > LIMIT_INDEX_ENTRIES)
        return err_set(e, SHALE_LIMIT, "more than %d manifests hang on one name",
                       LIMIT_INDEX_ENTRIES);
    struct shale_err why = SHALE_ERR_INIT;
    int r = copy_fetch_doc(w->from, entry->digest.s, w->a, &d, w->o->cancel, &why);
    if (r == -SHALE_NOT_FOUND && w->o->skip_missing)
        return 0;
    if (r < 0)
        return err_set(e, why.code, "%s", why.msg);
    if (entry->size_bytes != d.raw_n)
        return err_set(e, SHALE_CORRUPT, "manifest %s has %zu bytes, its index says %llu",
                       entry->digest.s, d.raw_n, (unsigned long long)entry->size_bytes);
    if (d.m.kind == MANIFEST_INDEX)
        return copy_index(w, &d, depth + 1, e);
    if (!is_image(entry, &d.m))
        return copy_artifact(w->from, &d, w->to, w->o, w->a, e);
    r = copy_one(w, &d, e);
    if (r >= 0)
        take_platform(entry, &w->ret->v[w->ret->n - 1].platform);
    return r;
}

static int copy_index(struct whole *w, const struct doc *index, unsigned depth, struct shale_err *e)
{
    int r = 0;

    if (depth >= LIMIT_INDEX_DEPTH)
        return err_set(e, SHALE_LIMIT, "more than %d indexes within indexes", LIMIT_INDEX_DEPTH);
    for (size_t i = 0; r >= 0 && i < index->m.n_manifests; i++)
        r = copy_entry(w, &index->m.manifests[i], depth, e);
    return r < 0 ? r
                 : w->to->ops->put(w->to, &index->desc, index->raw, index->raw_n, w->o->cancel, e);
}

int copy_whole(struct source *from, const char *name, struct sink *to, const struct copy_opts *o,
               struct arena *a, struct copy_images *ret, struct shale_err *e)
{
    struct copy_images found = {.n = 0};
    struct whole w = {.from = from, .to = to, .o = o, .a = a, .ret = &found};
    struct doc top;
    int r = copy_fetch_doc(from, name, a, &top, o->cancel, e);

    if (r < 0)
        return r;
    if (top.m.kind != MANIFEST_INDEX) {
        r = copy_one(&w, &top, e);
    } else {
        r = o->on_manifest ? o->on_manifest(o->manifest_arg, &top.m, e) : 0;
        if (r >= 0)
            r = copy_index(&w, &top, 0, e);
    }
    if (r >= 0 && found.n == 0)
        return err_set(e, SHALE_UNSUPPORTED, "%s has no image", name);
    if (r < 0)
        return r;
    found.target = top.desc;
    *ret = found;
    return 0;
}
