/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_SEARCH_H
#define SHALE_SEARCH_H
/*
 * Searching registries. See shale.h for the conventions.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHALE_SEARCH_LIMIT     25
#define SHALE_SEARCH_LIMIT_MAX 100

/* ---- repositories by name, as docker search ---- */
struct shale_search_opts {
    size_t size;
    uint32_t limit;             /* 0: 25; at most 100 */
    const char *const *filters; /* "is-official=true", "stars=3", "is-automated=false",
                                   NULL-terminated; may be NULL */
};
struct shale_repository {
    const char *name; /* as it is written to pull it, without the registry */
    const char *description;
    int64_t stars;
    bool official;
};
struct shale_repository_list {
    const struct shale_repository *items; /* in the registry's order */
    size_t n_items;
};
/* `term` is TERM (Docker Hub is asked) or REGISTRY[:PORT]/TERM. INVALID for a term with a scheme,
 * limits and filters that do not exist; UNSUPPORTED when the registry cannot be searched. */
SHALE_API int shale_search(struct shale *s, const char *term, const struct shale_search_opts *o,
                           struct shale_repository_list **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
