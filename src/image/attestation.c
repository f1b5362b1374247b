/* SPDX-License-Identifier: Apache-2.0 */
/* What lists say of their images: attestations, as BuildKit attaches them. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/image_priv.h"
#include "model/limits.h"

#define ABOUT     "vnd.docker.reference.digest"
#define PREDICATE "in-toto.io/predicate-type"

/* 1: its manifest is here. That all statements are, goes to *ret_whole. */
static int read_statements(struct store *s, const struct digest *d, struct arena *a,
                           struct manifest *m, bool *ret_whole, struct shale_err *e)
{
    int r = image_load_manifest(s, d, a, m, e);

    *ret_whole = r >= 0 && m->kind == MANIFEST_IMAGE;
    if (r < 0 || !*ret_whole)
        return r == -SHALE_NOT_FOUND ? 0 : (r < 0 ? r : 0);
    for (size_t i = 0; r >= 0 && i < m->n_layers; i++) {
        r = blob_has(store_blobs(s), &m->layers[i].digest, NULL, e);
        *ret_whole &= r == 1;
    }
    return r < 0 ? r : 1;
}

static int take(struct store *s, const struct descriptor *d, struct arena *a,
                struct shale_attestation *ret, struct shale_err *e)
{
    struct manifest m;
    size_t n = 0;
    int r = read_statements(s, &d->digest, a, &m, &ret->available, e);

    if (r < 0)
        return r;
    const char **v = arena_array(a, (r == 1 ? m.n_layers : 0) + 1, sizeof *v);
    ret->digest = arena_strdup(a, d->digest.s);
    ret->size_bytes = d->size_bytes;
    ret->predicates = v;
    if (!v || !ret->digest)
        return err_nomem(e);
    for (size_t i = 0; r == 1 && i < m.n_layers; i++) {
        const char *type = strmap_get(&m.layers[i].annotations, PREDICATE);
        if (type)
            v[n++] = type;
    }
    return 0;
}

int image_attestations(struct store *s, const char *target, const struct digest *about,
                       struct arena *a, const struct shale_attestation **ret, size_t *ret_n,
                       struct shale_err *e)
{
    struct shale_attestation *v;
    struct manifest m;
    struct digest d;
    int r = 0;

    *ret_n = 0;
    if (!target || !*target || digest_parse(target, &d, NULL) < 0 || digest_eq(&d, about))
        return 0;
    r = image_load_manifest(s, &d, a, &m, e);
    if (r < 0 || m.kind != MANIFEST_INDEX)
        return r == -SHALE_NOT_FOUND || r >= 0 ? 0 : r;
    v = arena_array(a, m.n_manifests + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    *ret = v;
    for (size_t i = 0; r >= 0 && i < m.n_manifests; i++) {
        const struct descriptor *x = &m.manifests[i];
        if (descriptor_is_attestation(x) && streq(strmap_get(&x->annotations, ABOUT), about->s))
            r = take(s, x, a, &v[(*ret_n)++], e);
    }
    return r;
}

int image_attestation_entry(struct store *s, const struct descriptor *d, struct arena *a,
                            struct shale_platform_entry *ret, struct shale_err *e)
{
    const char *about = strmap_get(&d->annotations, ABOUT);
    struct manifest m;
    int r = read_statements(s, &d->digest, a, &m, &ret->available, e);

    ret->about = arena_strdup(a, about ? about : "");
    for (size_t i = 0; r == 1 && ret->available && i < m.n_layers; i++)
        ret->content_bytes += m.layers[i].size_bytes;
    return r < 0 ? r : (ret->about ? 0 : err_nomem(e));
}
