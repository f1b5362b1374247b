/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_REMOTE_H
#define SHALE_REMOTE_H
/*
 * References in registries, looked at and changed where they are: nothing is pulled, and the store
 * takes no part, but for shale_outdated, which reads it, and shale_remote_copy, which may be told
 * to. See shale.h for the conventions.
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

/* ---- what has moved since it was pulled ---- */
enum shale_freshness {
    SHALE_FRESH_NONE,     /* bases: none is named */
    SHALE_FRESH_CURRENT,  /* the registry holds what is here */
    SHALE_FRESH_OUTDATED, /* it holds something else under that name by now */
    SHALE_FRESH_LOCAL,    /* neither pulled from there nor pushed: not asked for */
    SHALE_FRESH_GONE,     /* the registry has no such tag, or no such repository, any more */
    SHALE_FRESH_UNKNOWN,  /* could not be asked; bases: named without a digest */
};
struct shale_outdated {   /* a tag of the store; texts are "" where nothing is known */
    const char *ref, *id; /* familiar; image ID */
    enum shale_freshness state;
    const char *local_digest, *remote_digest;
    const char *problem; /* why it is unknown */
    const char *base;    /* familiar */
    enum shale_freshness base_state;
    const char *base_digest, *base_remote_digest; /* as the image names it; by now */
    const char *base_problem;
};
struct shale_outdated_list {
    const struct shale_outdated *items; /* by reference */
    size_t n_items;
};
struct shale_outdated_opts {
    size_t size;
    bool no_base;        /* do not ask for base images */
    uint32_t n_parallel; /* requests at once; 0: 8 */
};
/* Compares tags of the store with their registries, by HEAD alone, and the base images that the
 * annotations or labels org.opencontainers.image.base.name and .digest name (a list that moved is
 * read, to see whether the digest is one of its entries). `refs`: "REPO", "REPO:TAG" or patterns as
 * of the filter "reference"; all with n_refs 0. NOT_FOUND for one that no tag here matches. A
 * reference that cannot be asked for is an item with a problem, not an error; a registry that has
 * failed three times is not asked again. */
SHALE_API int shale_outdated(struct shale *s, const char *const *refs, size_t n_refs,
                             const struct shale_outdated_opts *o, struct shale_outdated_list **ret,
                             struct shale_err *e);

/* ---- delete ---- */
struct shale_deleted {
    const char *ref;         /* familiar: "registry.example.com/app:1.2", "…/app@sha256:…" */
    const char *digest;      /* what it stood for; "" where it could not be found */
    const char *const *also; /* other tags that went with it */
    size_t n_also;
    int code; /* enum shale_errcode; SHALE_OK: it is gone */
    const char *problem;
};
struct shale_deleted_list {
    const struct shale_deleted *items;
    size_t n_items;
};
struct shale_remote_delete_opts {
    size_t size;
    bool with_tags; /* also what must go by digest and has other tags that would go with it */
    /* Asked once before anything is deleted, with all that patterns have found; false: CANCELED.
     * Not asked when there are no patterns. May be NULL. */
    bool (*on_confirm)(void *arg, const struct shale_deleted_list *l);
    void *arg;
};
/* Deletes tags, or manifests by their digest, from registries: "REPO:TAG", "REPO@DIGEST" or
 * "REPO:GLOB"; INVALID for a repository alone. A tag goes alone where the registry can do that.
 * CONFLICT (in an item): it would take other tags with it. UNSUPPORTED (in an item): the registry
 * does not delete. */
SHALE_API int shale_remote_delete(struct shale *s, const char *const *refs, size_t n_refs,
                                  const struct shale_remote_delete_opts *o,
                                  struct shale_deleted_list **ret, struct shale_err *e);

/* ---- copy ---- */
struct shale_copy_opts {
    size_t size;
    const char *platform; /* "os/arch[/variant]": only that manifest; NULL: all that the name stands
                             for */
    uint32_t n_parallel;  /* layers at once; 0: 4 */
    shale_progress_fn on_progress;
    void *progress_arg;
    bool referrers; /* and what refers to it: signatures, SBOMs, attestations */
};
struct shale_copied {
    const char *from, *to; /* familiar */
    const char *digest;
    bool changed; /* false: it was there under that name */
    uint64_t n_referrers;
};
struct shale_copied_list {
    const struct shale_copied *items;
    size_t n_items;
};
/* Copies from registry to registry, byte for byte, without passing through the store; what the
 * target has is not sent, and within one registry nothing is. With one source, `to` may name a tag;
 * with several, or a GLOB, it is a repository and every tag keeps its name. Stops at the first
 * failure; what is copied by then stays.
 * "store://NAME" is a name of the store (as a source also an image ID), at one of the two ends:
 * what a push would send goes out, all that the name stands for comes in; `from` and `to` of the
 * result say store://, too. UNSUPPORTED with `referrers`. "docker://" before other names may be
 * left out. */
SHALE_API int shale_remote_copy(struct shale *s, const char *const *from, size_t n_from,
                                const char *to, const struct shale_copy_opts *o,
                                struct shale_copied_list **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
