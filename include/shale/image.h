/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_IMAGE_H
#define SHALE_IMAGE_H
/*
 * Images: pull, list, look into, tag, remove. See shale.h for the conventions.
 *
 * `image` is a reference ("alpine", "registry.example.com/team/app:1.2", "alpine@sha256:…"), an ID
 * or a unique beginning of an ID, looked up in docker's order; NOT_FOUND when there is none,
 * INVALID when it is no reference.
 */
#include <shale/progress.h>
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pull (distribution-spec 1.1, "Pull") ---- */
struct shale_pull_opts {
    size_t size;
    const char *platform; /* "os/arch[/variant]"; NULL: $DOCKER_DEFAULT_PLATFORM or this host */
    bool all_tags;        /* every tag of the repository; the reference must have none */
    uint32_t n_parallel;  /* layers at once; 0: 4 */
    shale_progress_fn on_progress;
    void *progress_arg;
    bool all_platforms; /* all that an index names, kept whole; `platform` must be unset */
};
struct shale_pulled {
    const char *ref;    /* canonical reference as pulled: docker.io/library/alpine:latest */
    const char *digest; /* of the manifest or index behind the tag */
    const char *id;     /* image ID; of several platforms: this host's, or the first */
    bool changed;       /* false: was up to date */
};
struct shale_pull_result {
    const struct shale_pulled *images;
    size_t n_images;
};
/* Brings an image, or every tag of a repository, from its registry into the store. On an error all
 * that was downloaded stays for the next pull to continue with. NOT_FOUND, DENIED, UNAUTHORIZED:
 * the registry's words; NETWORK, TIMEOUT; CORRUPT: bytes that do not match their digest. */
SHALE_API int shale_pull(struct shale *s, const char *ref, const struct shale_pull_opts *o,
                         struct shale_pull_result **ret, struct shale_err *e);

/* ---- push (distribution-spec 1.1, "Push") ---- */
struct shale_push_opts {
    size_t size;
    const char *platform; /* "os/arch[/variant]": only that manifest; NULL: all that the tag stands
                             for, if it is here */
    bool all_tags;        /* every tag of the repository; the reference must have none */
    uint32_t n_parallel;  /* layers at once; 0: 5 */
    shale_progress_fn on_progress;
    void *progress_arg;
};
struct shale_pushed {
    const char *ref;     /* canonical reference */
    const char *digest;  /* of the manifest or index that the tag stands for in the registry now */
    uint64_t size_bytes; /* of that manifest */
};
struct shale_push_result {
    const struct shale_pushed *images;
    size_t n_images;
};
/* Sends what a tag stands for to its registry, byte for byte. What is there stays there on an error
 * and is not sent again. NOT_FOUND: no such tag, or content that is missing here; DENIED,
 * UNAUTHORIZED: the registry's words; NETWORK, TIMEOUT. */
SHALE_API int shale_push(struct shale *s, const char *ref, const struct shale_push_opts *o,
                         struct shale_push_result **ret, struct shale_err *e);

/* The digest that a registry holds for a reference, without pulling. With a platform: the digest of
 * that entry of an index. *ret is a string for shale_free. */
SHALE_API int shale_digest(struct shale *s, const char *ref, const char *platform, char **ret,
                           struct shale_err *e);

/* ---- downloads in flight ---- */
struct shale_transfer {
    const char *digest, *ref;        /* ref "" when not known */
    uint64_t have_bytes, size_bytes; /* size 0: unknown */
    int64_t changed_ns;
    bool active;
};
struct shale_transfer_list {
    const struct shale_transfer *items;
    size_t n_items;
};
/* Downloads that run, in whatever process, or were left over by an interrupted one. */
SHALE_API int shale_pulls(struct shale *s, struct shale_transfer_list **ret, struct shale_err *e);
/* Drops what a download has left: by digest, or a prefix of its hex (unique); "all" drops every
 * inactive one. *ret_n is their number. */
SHALE_API int shale_pulls_remove(struct shale *s, const char *digest, uint64_t *ret_n,
                                 struct shale_err *e);

/* ---- list ---- */
struct shale_image_name {
    const char *repo;   /* familiar name, "<none>" never appears: NULL when there is none */
    const char *tag;    /* NULL: digest reference only */
    const char *digest; /* repository digest of this repo, NULL if none */
};
struct shale_image {
    const char *id;     /* sha256:… */
    const char *parent; /* "" if none */
    int64_t created_ns;
    uint64_t size_bytes;
    int64_t n_containers;
    const char *os, *arch, *variant;
    const char *labels_json;              /* object text, "" if none */
    const struct shale_image_name *names; /* one per tag, then digest-only references */
    size_t n_names;
    const char *const *digests; /* every repo@digest, familiar, sorted */
    size_t n_digests;
    const char *target;   /* manifest or index digest of the first name, "" if none */
    int64_t last_used_ns; /* when a container of it was started or removed last */
    bool pinned;          /* see shale_image_pin */
};
struct shale_image_list {
    const struct shale_image *items; /* newest first */
    size_t n_items;
};
struct shale_images_opts {
    size_t size;
    bool all;                   /* with intermediate images */
    const char *const *filters; /* "name=value", NULL-terminated; may be NULL */
    const char *match;          /* REPOSITORY[:TAG] pattern, NULL: any */
    bool fewer_digests; /* without those of repositories that the image has a tag of: quicker */
    bool all_platforms; /* with images that stand behind the tag of another one, as other platforms
                           of the same list; `all` has them, too */
    bool brief;         /* id, created_ns, size_bytes, names alone, of `digests` as few as with
                           fewer_digests; the rest is 0 or "": quicker still */
};
/* Images of the store, newest first. Filters are docker's (dangling, label, before, since, until,
 * reference) and pinned; INVALID for one that does not exist. */
SHALE_API int shale_images(struct shale *s, const struct shale_images_opts *o,
                           struct shale_image_list **ret, struct shale_err *e);

/* Platforms of each image that was pulled through an index, for a tree view. */
struct shale_platform_entry {
    const char *digest, *platform;      /* manifest digest; "linux/arm64/v8" */
    const char *image_id;               /* "" when that platform is not in the store */
    uint64_t content_bytes, size_bytes; /* compressed; unpacked. 0 when not here */
    bool available, attestation;
    int64_t n_containers;
    const char *about; /* of an attestation: digest of the manifest that it speaks of, "" unknown */
    const char *media_type; /* of the manifest, as its list has it; "" unknown */
    uint64_t manifest_bytes;
    const char *const *containers; /* IDs of those of this image; NULL-terminated */
};
struct shale_platform_list {
    const struct shale_platform_entry *items;
    size_t n_items;
    const char *target_type; /* media type of the target, "" unknown */
    uint64_t target_bytes;
};
/* target_digest is `target` of a struct shale_image. One entry when that is a manifest. */
SHALE_API int shale_image_platforms(struct shale *s, const char *target_digest,
                                    struct shale_platform_list **ret, struct shale_err *e);

/* ---- look into ---- */
struct shale_layer {
    const char *diff_id, *blob_digest, *media_type;
    uint64_t content_bytes, tar_bytes, blob_bytes;
};
struct shale_attestation { /* beside an image, in the list that a name of it stands for */
    const char *digest;    /* of its manifest */
    uint64_t size_bytes;
    bool available;                /* its statements are in the store */
    const char *const *predicates; /* types of its statements, NULL-terminated */
};
struct shale_image_detail {
    struct shale_image image;
    const char *config_json; /* the config document verbatim */
    size_t config_json_bytes;
    const char *manifest_digest, *manifest_type;
    uint64_t manifest_bytes;
    const char *author, *comment, *docker_version, *os_version;
    int64_t last_tagged_ns;
    const struct shale_layer *layers; /* base first */
    size_t n_layers;
    const char *driver, *driver_lower,
        *driver_index; /* GraphDriver: name and data paths, "" if none */
    int64_t last_used_ns;
    const struct shale_attestation *attestations; /* about this image */
    size_t n_attestations;
    /* What the name that was asked for stands for, a manifest or an index (an ID: its first name);
     * with a platform its own manifest. "" where there is none. */
    const char *target_digest, *target_type;
    uint64_t target_bytes;
};
/* By reference, ID or unique ID prefix (docker's order). platform may be NULL. */
SHALE_API int shale_image_inspect(struct shale *s, const char *image, const char *platform,
                                  struct shale_image_detail **ret, struct shale_err *e);

struct shale_history_item {
    const char *id; /* image ID, or "<missing>" */
    int64_t created_ns;
    const char *created_by, *comment;
    uint64_t size_bytes;
    const char *layer_digest, *diff_id; /* "" for empty layers */
    const char *const *tags;            /* of id, NULL-terminated; NULL if none */
};
struct shale_history {
    const struct shale_history_item *items; /* newest first */
    size_t n_items;
};
/* The steps that an image was made in, newest first. platform may be NULL. */
SHALE_API int shale_history(struct shale *s, const char *image, const char *platform,
                            struct shale_history **ret, struct shale_err *e);

/* ---- names ---- */
/* Gives an image another name. A name that exists moves to this image. */
SHALE_API int shale_tag(struct shale *s, const char *source, const char *target,
                        struct shale_err *e);

struct shale_rmi_opts {
    size_t size;
    bool force, no_prune;
    const char *platform; /* the image of this platform behind the name; NULL: what it points at */
    bool dry_run;         /* nothing is changed; the result is what would be removed and freed */
    bool cascade;         /* stopped containers and images made from it go first */
};
enum shale_removed_kind { SHALE_UNTAGGED, SHALE_DELETED, SHALE_REMOVED_CONTAINER };
struct shale_removed {
    enum shale_removed_kind kind;
    const char *what; /* reference, image ID or chain ID, container ID */
    const char *name; /* of a container, else NULL */
};
struct shale_rmi_result {
    const struct shale_removed *items;
    size_t n_items;
    uint64_t freed_bytes; /* of blobs: their sizes; of layers, indexes and what removed containers
                             have written: space on disk */
    uint64_t left_bytes;  /* shale_image_prune with limit_size: what images take after it */
};
/* Takes a name off an image; the image goes with its last name. By ID: with all its names. When no
 * name is left of a list of several platforms, the images of the other platforms go, too, unless
 * they have names of their own.
 * CONFLICT: a container uses it, or it has several names; `force` overrules what docker's rmi -f
 * overrules. Also CONFLICT when the image would go and is pinned (shale_image_pin), which nothing
 * overrules.
 *
 * `cascade`, when the image itself would go: stopped containers that use it or images made from it,
 * and those images with all their names, are removed before it. CONFLICT, and nothing is removed,
 * if a container of them runs or an image of them is pinned; the message names all. A container
 * that is started meanwhile ends it in the middle. */
SHALE_API int shale_rmi(struct shale *s, const char *image, const struct shale_rmi_opts *o,
                        struct shale_rmi_result **ret, struct shale_err *e);

/* Sweeps what nothing refers to. Safe beside running pulls. */
SHALE_API int shale_gc(struct shale *s, uint64_t *ret_freed_bytes, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
