/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_REMOTE_H
#define SHALE_REMOTE_H
/*
 * References in registries, looked at and changed where they are: nothing is pulled, and the store
 * takes no part. See shale.h for the conventions.
 *
 * Where a comment says GLOB, the tag may be a pattern of Go's path.Match (*, ?, [a-z]):
 * "registry.example.com/team/app:1.*" stands for all tags of the repository that match.
 *
 * Errors: NOT_FOUND, DENIED, UNAUTHORIZED: the registry's words; NETWORK, TIMEOUT; INVALID for what
 * is no reference or pattern; CORRUPT, LIMIT for answers that are none; CANCELED.
 */
#include <shale/progress.h>
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tags ---- */
enum shale_tags_sort {
    SHALE_TAGS_BY_VERSION, /* 1.9 before 1.10 */
    SHALE_TAGS_BY_NAME,
    SHALE_TAGS_BY_CREATED, /* newest first */
    SHALE_TAGS_BY_SIZE,    /* largest first */
};
struct shale_tags_opts {
    size_t size;
    bool names_only;      /* ask for nothing but the list */
    const char *platform; /* "os/arch[/variant]": only tags with it, with its date and size; NULL:
                             this host's, or what there is */
    enum shale_tags_sort sort;
    bool reverse;
    uint32_t n_parallel; /* requests at once; 0: 8 */
};
struct shale_remote_tag { /* texts are "" where nothing is known */
    const char *name, *digest, *media_type;
    const char *const *platforms; /* "linux/arm64/v8" */
    size_t n_platforms;
    int64_t created_ns;
    uint64_t size_bytes; /* compressed, of the image for one platform */
    const char *problem; /* why there is no more to say of it; "" usually */
};
struct shale_remote_tags {
    const struct shale_remote_tag *items;
    size_t n_items;
};
/* Tags of a repository: "REPO" or "REPO:GLOB". NOT_FOUND also when none matches. */
SHALE_API int shale_remote_tags(struct shale *s, const char *repo, const struct shale_tags_opts *o,
                                struct shale_remote_tags **ret, struct shale_err *e);

/* ---- digests ---- */
struct shale_resolve_opts {
    size_t size;
    const char *platform; /* the digest of that entry of an index */
    uint32_t n_parallel;  /* 0: 8 */
};
struct shale_resolved {
    const char *ref;    /* familiar: "alpine:3.20" */
    const char *digest; /* "" when it failed: */
    int code;           /* enum shale_errcode; SHALE_OK */
    const char *problem;
};
struct shale_resolved_list {
    const struct shale_resolved *items; /* in the order of refs, tags by version */
    size_t n_items;
};
/* The digests that registries hold for references (GLOB), several at once. One that fails does not
 * keep the others from being asked for: see `code`. */
SHALE_API int shale_remote_resolve(struct shale *s, const char *const *refs, size_t n_refs,
                                   const struct shale_resolve_opts *o,
                                   struct shale_resolved_list **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
