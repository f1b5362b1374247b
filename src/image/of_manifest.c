/* SPDX-License-Identifier: Apache-2.0 */
/* Between images and manifests. Of an image there may be several manifests (other compressions,
 * other annotations); its row names the newest. */
#include "image/image_priv.h"
#include "model/limits.h"

/* What cannot be read as a manifest stands for no image; who needs it whole hears of it then. */
static bool is_none(int r)
{
    return r == -SHALE_NOT_FOUND || r == -SHALE_INVALID || r == -SHALE_CORRUPT || r == -SHALE_LIMIT;
}

int image_of_manifest(struct store *s, const struct digest *manifest, struct arena *a,
                      struct digest *ret, struct shale_err *e)
{
    struct meta_digests ids;
    struct meta_image row;
    struct manifest m;
    int r = meta_image_with_manifest(store_meta(s), manifest, a, &ids, e);

    if (r < 0)
        return r;
    if (ids.n > 0) {
        *ret = ids.v[0];
        return 1;
    }
    r = image_load_manifest(s, manifest, a, &m, e);
    if (r < 0 || m.kind != MANIFEST_IMAGE)
        return r < 0 && !is_none(r) ? r : 0;
    r = meta_image_get(store_meta(s), &m.config.digest, a, &row, e);
    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    *ret = row.id;
    return 1;
}

struct search {
    struct store *s;
    const struct digest *id;
    struct arena *a;
    size_t n_read; /* documents: indexes may name the same ones again and again */
};

static int manifest_in(struct search *x, const struct digest *in, unsigned depth,
                       struct digest *ret, struct shale_err *e)
{
    struct manifest m;

    if (x->n_read++ > LIMIT_INDEX_ENTRIES)
        return 0;
    int r = image_load_manifest(x->s, in, x->a, &m, e);
    if (r < 0) /* an entry that is no manifest hides none of the others */
        return r == -SHALE_NOT_FOUND || (depth > 0 && is_none(r)) ? 0 : r;
    if (m.kind == MANIFEST_IMAGE && digest_eq(&m.config.digest, x->id)) {
        *ret = *in;
        return 1;
    }
    for (size_t i = 0; m.kind == MANIFEST_INDEX && depth < LIMIT_INDEX_DEPTH && i < m.n_manifests;
         i++) {
        r = manifest_in(x, &m.manifests[i].digest, depth + 1, ret, e);
        if (r != 0)
            return r;
    }
    return 0;
}

int image_manifest_in(struct store *s, const struct digest *target, const struct digest *id,
                      struct arena *a, struct digest *ret, struct shale_err *e)
{
    struct search x = {.s = s, .id = id, .a = a};

    return digest_is_set(target) ? manifest_in(&x, target, 0, ret, e) : 0;
}
