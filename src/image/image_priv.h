/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by the files of this folder. */
#include "image/image.h"
#include "model/platform.h"

/* Platform of an image row; strings are borrowed from it. */
struct platform image_platform(const struct meta_image *i);
/* Is it of one of these platforms? */
bool image_is_of(const struct meta_image *i, const struct platform *v, size_t n);
/* A manifest or index of the store, parsed into the arena. */
int image_load_manifest(struct store *s, const struct digest *d, struct arena *a,
                        struct manifest *ret, struct shale_err *e);
/* 1 and the image that a manifest is one of, be it the newest of that image or not. 0: of none that
 * is here. */
int image_of_manifest(struct store *s, const struct digest *manifest, struct arena *a,
                      struct digest *ret, struct shale_err *e);
/* 1 and the manifest that an image has in what a name stands for. 0, and *ret is left alone: it has
 * none there, or `target` is not set. */
int image_manifest_in(struct store *s, const struct digest *target, const struct digest *id,
                      struct arena *a, struct digest *ret, struct shale_err *e);
/* Attestations that the list `target` ("": none) has of a manifest (attestation.c). */
int image_attestations(struct store *s, const char *target, const struct digest *about,
                       struct arena *a, const struct shale_attestation **ret, size_t *ret_n,
                       struct shale_err *e);
/* What a tree shows of one: what it is about, its size, whether it is here. */
int image_attestation_entry(struct store *s, const struct descriptor *d, struct arena *a,
                            struct shale_platform_entry *ret, struct shale_err *e);
/* docker's sentence, NOT_FOUND. */
int image_wrong_platform(const char *what, const struct platform *have, const struct platform *want,
                         struct arena *a, struct shale_err *e);
/* 1 if all of an image or index is in the store; what may be had elsewhere does not count. */
int image_is_whole(struct store *s, const struct digest *d, struct arena *a, struct shale_err *e);
/* What is sent of an image of the store: all that its name stands for, where that is here, else the
 * image alone. `what` is how the user calls it; `platform` (may be NULL) asks for one. */
struct image_sent {
    struct digest manifest, image;
    const char *note; /* NULL: nothing to say */
};
int image_choose_sent(struct store *s, const char *what, const struct image_found *f,
                      const char *platform, struct arena *a, struct image_sent *ret,
                      struct shale_err *e);
/* copy_opts.skip, with a struct image_entries: all but these manifests and what is said of them. */
struct image_entries {
    const struct digest *v;
    size_t n;
};
bool image_entry_is_other(void *arg, const struct descriptor *entry);
/* A file that the user has named: a descriptor, or -code with docker's sentence. */
int image_open_input(const char *path, struct shale_err *e);
/* An image row with its names, whose texts are in the arena, as the public API shows it. */
int image_show(const struct meta_image_item *i, struct arena *a, struct shale_image *ret);

/* What copy_image has brought: the image's row, its root file system, then its names, so that a
 * name never stands for something that cannot run. !to_run: each of its layers has been verified,
 * but what is mounted is merged of them when it is first needed; should that fail, it is told then
 * (ADR 26). Who names it may be called again when another
 * process removes the image meanwhile. On an error no row without names is left. */
struct copy_result;
typedef int (*image_name_fn)(void *arg, const struct digest *target, const struct digest *id,
                             struct shale_err *e);
int image_add(struct image_host *h, const struct copy_result *c, bool to_run, image_name_fn names,
              void *arg, struct digest *ret_id, struct shale_err *e);
/* Of another system it is only content for this machine. */
struct platform;
bool image_runs_here(const struct platform *p);
/* The same for the images of an index that is kept whole: `names` is called for the one that serves
 * `want` best, else the first, whose ID is *ret_id; `others` before that for all others, which are
 * made ready to run when somebody does so. Both get the index as target. */
struct copy_images;
int image_add_whole(struct image_host *h, const struct copy_images *all,
                    const struct platform *want, image_name_fn others, image_name_fn names,
                    void *arg, struct digest *ret_id, struct shale_err *e);

/* ---- filters of `images` ---- */
struct image_filter;
int image_filter_new(struct store *s, const struct shale_images_opts *o, struct arena *a,
                     struct image_filter **ret, struct shale_err *e);
/* 1: show it. 0: not. */
int image_filter_match(const struct image_filter *f, const struct meta_image_item *i,
                       struct shale_err *e);
/* 1 if a name of a shown image is shown (the reference filter chooses names too). tag NULL: a
 * digest. */
int image_filter_name(const struct image_filter *f, const struct meta_name *n, struct shale_err *e);
/* `image prune`: what was made at the time of until itself goes too. */
void image_filter_include_until(struct image_filter *f);
/* Whether it looks at more of an image than META_EACH_BRIEF gives. */
bool image_filter_needs_row(const struct image_filter *f);
/* Whether names are chosen at all. */
bool image_filter_has_names(const struct image_filter *f);
