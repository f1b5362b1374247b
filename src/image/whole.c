/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of images of several platforms: is all of one here? Some of its entries. */
#include "base/str.h"
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

bool image_entry_is_other(void *arg, const struct descriptor *entry)
{
    const struct image_entries *chosen = arg;
    const char *about = descriptor_is_attestation(entry)
                            ? strmap_get(&entry->annotations, "vnd.docker.reference.digest")
                            : entry->digest.s;

    for (size_t i = 0; i < chosen->n; i++)
        if (streq(chosen->v[i].s, about))
            return false;
    return true;
}
