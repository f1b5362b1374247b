/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rows of images and their names. An image is its config (ID = digest of the config); tags and
 * repository digests are names that point at one. See meta.h for rules that hold for all functions.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "meta/meta_content.h"
#include "model/digest.h"

struct meta;

struct meta_image {
    struct digest id;       /* of the config */
    struct digest manifest; /* "" : none (built, committed) */
    struct digest parent;   /* image it was built from here; "" : none */
    struct digest chain;    /* "" : no layers */
    int64_t created_ns;     /* as in the config, TIME_NONE if absent */
    uint64_t size_bytes;    /* content of all layers */
    uint32_t n_layers;
    const char *os, *arch, *variant, *os_version;   /* "" if absent */
    const char *labels;                             /* JSON object text, "" if none */
    int64_t added_ns, last_used_ns, last_tagged_ns; /* TIME_NONE: never */
    bool pinned;
};

struct meta_image_layer { /* one of an image's layers, base first */
    struct digest diff_id;
    struct digest blob; /* compressed form it came as; "" : none */
};

/* A name of an image. Tags have a tag; repository digests have tag NULL. */
struct meta_name {
    const char *repo;     /* canonical: docker.io/library/alpine */
    const char *tag;      /* NULL: a repository digest */
    struct digest target; /* tag: manifest or index it stood for when pulled, "" if none (built);
                             else the digest itself */
    int64_t updated_ns;
};

/* ---- images ---- */
/* Puts or replaces an image and its layers in one transaction. added_ns 0 is now; of a row that is
 * there already added_ns, last_used_ns, last_tagged_ns, pinned, and a set parent (when the new one
 * has none) stay. */
int meta_image_put(struct meta *m, const struct meta_image *i,
                   const struct meta_image_layer *layers, size_t n_layers, struct shale_err *e);
int meta_image_get(struct meta *m, const struct digest *id, struct arena *a, struct meta_image *ret,
                   struct shale_err *e);
/* As get, and also finds an image that was deleted while a container still needs it. */
int meta_image_get_held(struct meta *m, const struct digest *id, struct arena *a,
                        struct meta_image *ret, struct shale_err *e);
/* With its names (logged in the tag history). While a container uses it the row stays, hidden from
 * everything but get_held, layers and collection, until the last such container is deleted. Missing
 * is success. */
int meta_image_delete(struct meta *m, const struct digest *id, const char *how,
                      struct shale_err *e);
int meta_image_set_used(struct meta *m, const struct digest *id, int64_t when_ns,
                        struct shale_err *e);
int meta_image_count(struct meta *m, uint64_t *ret_n, struct shale_err *e);
/* 1: there are more than n. Does not count the others. */
int meta_image_more_than(struct meta *m, uint64_t n, struct shale_err *e);

/* What each image is handed with, in one pass over all: no query per image. */
struct meta_image_item {
    struct meta_image image;
    const struct meta_name *tags; /* ordered by repo, tag */
    size_t n_tags;
    const struct meta_name *digests; /* repository digests, ordered by repo, digest */
    size_t n_digests;
    bool of_index;         /* no tag of its own, but one stands for an index that it came from */
    uint32_t n_children;   /* images built on it */
    uint32_t n_containers; /* of any state */
};
/* Also the repository digests that have a tag of the same repository beside them. */
#define META_EACH_ALL_DIGESTS 1u
/* Of the image only id, created_ns and size_bytes, of tags only repo and tag; the rest is unset. */
#define META_EACH_BRIEF 2u
/* In no order (META_EACH_BRIEF: of IDs), and without chain and os_version. The item is borrowed for
 * the call: copy what you keep, but for the texts of names, which are in the arena if there is one
 * (NULL: borrowed too). */
int meta_image_each(struct meta *m, unsigned flags, struct arena *a,
                    int (*f)(void *arg, const struct meta_image_item *i), void *arg,
                    struct shale_err *e);
/* The same for one image, in the arena. */
int meta_image_item(struct meta *m, const struct digest *id, struct arena *a,
                    struct meta_image_item *ret, struct shale_err *e);

/* Images whose ID begins with `prefix`: hex, optionally after "sha256:" (or another algorithm and
 * colon). At most `max` into ret[]; returns their number in *ret_n (max 2 is enough to tell
 * "ambiguous"). */
int meta_image_find_prefix(struct meta *m, const char *prefix, struct digest *ret, size_t max,
                           size_t *ret_n, struct shale_err *e);
/* Base first. Also of held images. n is 0 for an image without layers. */
int meta_image_layers(struct meta *m, const struct digest *id, struct arena *a,
                      struct meta_image_layer **ret, size_t *ret_n, struct shale_err *e);
/* Images built on this one; images with this layer; with this manifest. */
int meta_image_children(struct meta *m, const struct digest *id, struct arena *a,
                        struct meta_digests *ret, struct shale_err *e);
int meta_image_with_layer(struct meta *m, const struct digest *diff_id, struct arena *a,
                          struct meta_digests *ret, struct shale_err *e);
int meta_image_with_manifest(struct meta *m, const struct digest *manifest, struct arena *a,
                             struct meta_digests *ret, struct shale_err *e);

/* 1: another image has the same first n layers as this one, whose n-th is diff_id. 0: none. */
int meta_image_shares(struct meta *m, const struct digest *id, const struct digest *diff_id,
                      size_t n, struct shale_err *e);
int meta_image_set_pinned(struct meta *m, const struct digest *id, bool pinned,
                          struct shale_err *e);

/* ---- tags ---- */
struct meta_tag {
    const char *repo, *tag;
    struct digest image, target;
    int64_t updated_ns;
};
/* Points repo:tag at an image (NOT_FOUND if there is no such image row), and writes the history.
 * `how` says by what: "pull", "tag", "build", "load" … target may be NULL. *ret_prev (may be NULL)
 * is the image that lost the name, "" when the tag is new or did not move. */
int meta_tag_set(struct meta *m, const char *repo, const char *tag, const struct digest *image,
                 const struct digest *target, const char *how, struct digest *ret_prev,
                 struct shale_err *e);
int meta_tag_get(struct meta *m, const char *repo, const char *tag, struct arena *a,
                 struct meta_tag *ret, struct shale_err *e);
/* Tags of a repository, in order of their bytes. n may be 0. */
int meta_repo_tags(struct meta *m, const char *repo, struct arena *a, struct strv *ret,
                   struct shale_err *e);
/* *ret_target: what it stood for. Missing is NOT_FOUND. A part of a transaction (meta_part_begin).
 */
int meta_tag_delete(struct meta *m, const char *repo, const char *tag, const char *how,
                    struct digest *ret_target, struct shale_err *e);

struct meta_tag_log { /* one move of a tag, as the history keeps it */
    const char *repo, *tag, *how;
    struct digest old_image, new_image, old_target, new_target; /* "" : was new, was removed */
    int64_t when_ns;
};
/* The moves of a tag, latest first, at most `max`. n may be 0. */
int meta_tag_moves(struct meta *m, const char *repo, const char *tag, size_t max, struct arena *a,
                   struct meta_tag_log **ret, size_t *ret_n, struct shale_err *e);

/* ---- repository digests: repo@digest, digest of a manifest or index as pulled or pushed ---- */
int meta_repo_digest_put(struct meta *m, const char *repo, const struct digest *d,
                         const struct digest *image, struct shale_err *e); /* idempotent */
/* 1: a tag stands for this manifest or index. */
int meta_tag_has_target(struct meta *m, const struct digest *target, struct shale_err *e);
/* Images that repo@digest stands for (several when an index was pulled for several platforms),
 * latest first. repo NULL: any repository. n may be 0. */
int meta_repo_digest_get(struct meta *m, const char *repo, const struct digest *d, struct arena *a,
                         struct meta_digests *ret, struct shale_err *e);
/* Repositories of a registry ("docker.io"), without its name, that have repository digests of
 * images with this compressed layer; the latest first, at most eight. */
int meta_blob_repos(struct meta *m, const struct digest *blob, const char *domain, struct arena *a,
                    struct strv *ret, struct shale_err *e);
/* image NULL: all of them. Missing is NOT_FOUND. */
int meta_repo_digest_delete(struct meta *m, const char *repo, const struct digest *d,
                            const struct digest *image, struct shale_err *e);

/* Names of one image: tags ordered by repo, tag; then repository digests by repo, digest. */
int meta_image_names(struct meta *m, const struct digest *id, struct arena *a,
                     struct meta_name **ret, size_t *ret_n, struct shale_err *e);
