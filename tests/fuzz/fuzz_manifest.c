/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and indexes, and the choice from an index. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/limits.h"
#include "model/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_descriptor(const struct descriptor *d)
{
    struct digest again;

    if (!d->media_type || digest_parse(d->digest.s, &again, NULL) < 0 ||
        d->size_bytes > LIMIT_BLOB_BYTES)
        __builtin_trap();
    media_is_image_config(d->media_type);
    descriptor_is_attestation(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {NULL, MEDIA_OCI_MANIFEST, MEDIA_OCI_INDEX,
                                        "application/json; charset=utf-8"};
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct platform host = platform_host();

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct manifest m;
        struct shale_err e = SHALE_ERR_INIT;
        const struct descriptor **chosen;
        size_t n;

        if (manifest_parse(data, size, types[i], &a, &m, &e) < 0) {
            if (!e.code || !e.msg[0])
                __builtin_trap();
            continue;
        }
        if (!m.media || !m.media_type || (m.n_layers && m.n_manifests))
            __builtin_trap();
        if (m.kind == MANIFEST_IMAGE)
            check_descriptor(&m.config);
        for (size_t j = 0; j < m.n_layers; j++)
            check_descriptor(&m.layers[j]);
        for (size_t j = 0; j < m.n_manifests; j++)
            check_descriptor(&m.manifests[j]);
        if (manifest_select(&m, &host, &a, &chosen, &n, &e) == 0 && n > m.n_manifests)
            __builtin_trap();
    }
    return 0;
}
