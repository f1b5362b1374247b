/* SPDX-License-Identifier: Apache-2.0 */
/* Multi-platform images: is all of one here? */
#include "image/image_priv.h"
#include "model/limits.h"

static int all_here(struct store *s, const struct digest *d, unsigned depth, struct arena *a,
                    struct shale_err *e)
{
    struct blobs *blobs = store_blobs(s);
    struct manifest m;
    int r = image_load_manifest(s, d, a, &m, e);

    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    if (m.kind == MANIFEST_INDEX) {
        r = depth < LIMIT_INDEX_DEPTH;
        for (size_t i = 0; r == 1 && i < m.n_manifests; i++)
            r = all_here(s, &m.manifests[i].digest, depth + 1, a, e);
        return r;
    }
    r = blob_has(blobs, &m.config.digest, NULL, e);
    for (size_t i = 0; r == 1 && i < m.n_layers; i++)
        if (m.layers[i].urls.n == 0)
            r = blob_has(blobs, &m.layers[i].digest, NULL, e);
    return r;
}

int image_is_whole(struct store *s, const struct digest *d, struct arena *a, struct shale_err *e)
{
    return all_here(s, d, 0, a, e);
}
