/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_MANIFEST_H
#define SHALE_MANIFEST_H
/*
 * Manifests and lists of them as registries hold them. The store takes no part. See shale.h for the
 * conventions.
 *
 *   r = shale_manifest_get(s, "alpine:3.20", &m, &e);
 *   fwrite(m->text, 1, m->text_n, stdout);
 *   shale_free(m);
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_manifest_entry { /* of a list; texts are "" where nothing is said */
    const char *media_type, *digest;
    uint64_t size_bytes;
    const char *os, *architecture, *variant, *os_version;
    const char *const *os_features;
    size_t n_os_features;
};
struct shale_manifest {
    const char *media_type, *digest;
    const char *text; /* as received: JSON */
    size_t text_n;
    bool is_list;
    const struct shale_manifest_entry *entries; /* of a list, in its order */
    size_t n_entries;
};
/* What a registry holds under NAME[:TAG|@DIGEST]. NOT_FOUND ("no such manifest: …"), INVALID for
 * what is no reference, UNSUPPORTED for schema 1, and the codes of remote.h. */
SHALE_API int shale_manifest_get(struct shale *s, const char *ref, struct shale_manifest **ret,
                                 struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
