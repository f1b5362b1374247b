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

/* ---- images by what is known of them: registries of shale answer this ---- */
struct shale_find_opts {
    size_t size;
    uint32_t limit, page;        /* 0: 25 and 1; at most 1000 */
    const char *const *criteria; /* "file=/usr/bin/jq", "package=openssl<3.0.14" …: the fields of
                                    /shale/v1/search (docs/registry.md), NULL-terminated */
};
enum shale_match_kind { SHALE_MATCH_FILE, SHALE_MATCH_PACKAGE };
struct shale_match { /* a file or a package that the image shows; texts are "" where unknown */
    enum shale_match_kind kind;
    const char *path;   /* of the file, or of the database of the package */
    const char *type;   /* "file", "dir", "symlink"; "dpkg", "apk", "rpm" */
    const char *sha256; /* of files */
    uint64_t size_bytes;
    const char *name, *version, *arch; /* of packages */
    const char *layer;                 /* digest */
};
struct shale_found_image {
    const char *name; /* repository, without the registry */
    const char *const *tags;
    size_t n_tags; /* 0: it has none */
    const char *digest, *media_type, *os, *arch, *variant;
    int64_t created_ns; /* 0: unknown */
    uint64_t size_bytes;
    const struct shale_match *matches;
    size_t n_matches; /* the first ones */
};
struct shale_found_list {
    const struct shale_found_image *items;
    size_t n_items;
    bool more;          /* there are more pages */
    uint64_t n_pending; /* images and layers that the registry has not looked at yet */
};
/* `where` is REGISTRY[:PORT] or REGISTRY[:PORT]/TERM: words that the name has. INVALID without a
 * registry, and what the registry says of criteria; UNSUPPORTED when it knows no such search. */
SHALE_API int shale_find(struct shale *s, const char *where, const struct shale_find_opts *o,
                         struct shale_found_list **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
