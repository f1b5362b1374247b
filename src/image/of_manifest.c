/* SPDX-License-Identifier: Apache-2.0 */
/* Between images and manifests. Of an image there may be several manifests (other compressions,
 * other annotations); its row names the newest. */
#include "image/image_priv.h"
#include "model/limits.h"

/* What cannot be read as a manifest stands for no image; who needs it whole hears of it then. */
static bool is_none(int r)
{
    return r == -SHALE_NOT_FOUND || r == -SHALE_INVALID || r == -SHALE_CORRUPT;
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

static int manifest_in(struct store *s, const struct digest *in, const struct digest *id,
                       unsigned depth, struct arena *a, struct digest *ret, struct shale_err *e)
{
    struct manifest m;
    int r = image_load_manifest(s, in, a, &m, e);

    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    if (m.kind == MANIFEST_IMAGE && digest_eq(&m.config.digest, id)) {
        *ret = *in;
        return 1;
    }
    for (size_t i = 0; m.kind == MANIFEST_INDEX && depth < LIMIT_INDEX_DEPTH && i < m.n_manifests;
         i++) {
        r = manifest_in(s, &m.manifests[i].digest, id, depth + 1, a, ret, e);
        if (r != 0)
            return r;
    }
    return 0;
}

int image_manifest_in(struct store *s, const struct digest *target, const struct digest *id,
                      struct arena *a, struct digest *ret, struct shale_err *e)
{
    return digest_is_set(target) ? manifest_in(s, target, id, 0, a, ret, e) : 0;
}
