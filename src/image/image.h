/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Operations on images of the local store, and between it and registries. The engine calls these
 * one to one for the functions of <shale/image.h>; options travel unchanged, results are built in
 * the arena that the caller gives (it becomes the block that shale_free releases).
 */
#include <shale/df.h>
#include <shale/explain.h>
#include <shale/image.h>
#include <shale/look.h>
#include <shale/prune.h>
#include <shale/tag_history.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "model/ref.h"
#include "remote/remote.h"
#include "store/store.h"

/* What image operations work on. Borrowed. */
struct image_host {
    struct store *store;
    struct remote_client *remote; /* NULL until image_remote is needed by the call */
    struct cancel *cancel;
};

/* ---- find ---- */
struct image_found {
    struct digest id;
    bool by_id;           /* the argument was an ID or a prefix of one, not a name */
    struct ref ref;       /* the name, when !by_id */
    struct digest target; /* manifest or index behind the name, "" if unknown */
};
/* docker's order: full ID, then name (tag "latest" added), then unique ID prefix. NOT_FOUND "No
 * such image: foo:latest"; an ambiguous prefix is reported so too. */
int image_find(struct store *s, const char *what, struct arena *a, struct image_found *ret,
               struct shale_err *e);
/* As image_find, then the image for `platform` where the name stands for an index of several (NULL:
 * the one the name points at). NOT_FOUND in docker's words when it is not that platform. */
int image_find_platform(struct store *s, const char *what, const char *platform, struct arena *a,
                        struct image_found *ret, struct shale_err *e);

/* ---- pull, push ---- */
int image_pull(struct image_host *h, const char *ref, const struct shale_pull_opts *o,
               struct arena *a, struct shale_pull_result *ret, struct shale_err *e);
int image_push(struct image_host *h, const char *ref, const struct shale_push_opts *o,
               struct arena *a, struct shale_push_result *ret, struct shale_err *e);
int image_digest(struct image_host *h, const char *ref, const char *platform, struct arena *a,
                 struct digest *ret, struct shale_err *e);

/* ---- list and look into ---- */
int image_list(struct image_host *h, const struct shale_images_opts *o, struct arena *a,
               struct shale_image_list *ret, struct shale_err *e);
int image_platforms(struct image_host *h, const char *target, struct arena *a,
                    struct shale_platform_list *ret, struct shale_err *e);
int image_inspect(struct image_host *h, const char *what, const char *platform, struct arena *a,
                  struct shale_image_detail *ret, struct shale_err *e);
int image_history(struct image_host *h, const char *what, const char *platform, struct arena *a,
                  struct shale_history *ret, struct shale_err *e);

/* What images take; fills in `images` and layers_bytes. */
int image_df(struct image_host *h, struct arena *a, struct shale_df *ret, struct shale_err *e);

/* ---- the files of an image ---- */
int image_ls(struct image_host *h, const char *what, const char *const *paths, size_t n,
             const struct shale_ls_opts *o, struct arena *a, struct shale_err *e);
int image_cat(struct image_host *h, const char *what, const char *const *paths, size_t n,
              const struct shale_cat_opts *o, struct arena *a, struct shale_err *e);

int image_layer_uses(struct image_host *h, const char *what, const char *platform, struct arena *a,
                     struct shale_layer_uses *ret, struct shale_err *e);

/* 1: they differ. */
int image_diff(struct image_host *h, const char *a, const char *b,
               const struct shale_image_diff_opts *o, struct arena *arena, struct shale_err *e);

int image_look_for(struct image_host *h, const struct shale_look_for_opts *o, struct arena *a,
                   struct shale_look_for_result *ret, struct shale_err *e);

/* ---- names ---- */
/* A name that an image may get, with its tag. INVALID in docker's words. */
int image_parse_target(const char *text, struct arena *a, struct ref *ret, struct shale_err *e);
/* The same without the words of `tag` before what is wrong with it. */
int image_parse_name(const char *text, struct arena *a, struct ref *ret, struct shale_err *e);
/* Gives an image the name, with its event. `how` as of meta_tag_set; target may be NULL. */
int image_name_it(struct store *s, const struct ref *name, const struct digest *id,
                  const struct digest *target, const char *how, struct shale_err *e);
int image_tag(struct image_host *h, const char *source, const char *target, struct shale_err *e);
/* The images that removing `what` may look at: it, the others behind its names, and what they were
 * made from and was made from them. NOT_FOUND as image_find. */
struct meta_digests;
int image_removal_near(struct image_host *h, const char *what, const struct shale_rmi_opts *o,
                       struct arena *a, struct meta_digests *ret, struct shale_err *e);
/* With `cascade` a dry run takes stopped containers as gone, and notes them; else they must be gone
 * (container_remove_image). */
int image_remove(struct image_host *h, const char *what, const struct shale_rmi_opts *o,
                 struct arena *a, struct shale_rmi_result *ret, struct shale_err *e);
/* What containers have written is in none of the sums. */
int image_explain(struct image_host *h, const char *what, const struct shale_rmi_opts *o,
                  struct arena *a, struct shale_rmi_explained *ret, struct shale_err *e);
int image_prune(struct image_host *h, const struct shale_image_prune_opts *o, struct arena *a,
                struct shale_rmi_result *ret, struct shale_err *e);
int image_tag_history(struct image_host *h, const char *name, struct arena *a,
                      struct shale_tag_history *ret, struct shale_err *e);
int image_tag_restore(struct image_host *h, const char *entry, struct digest *ret,
                      struct shale_err *e);
int image_pin(struct image_host *h, const char *what, bool pinned, struct shale_err *e);
