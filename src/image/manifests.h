/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Manifests and lists of them (include/shale/manifest.h); the engine calls these one to one.
 * `h->remote` is set for those that ask registries: get, members, create, push.
 */
#include <shale/manifest.h>

#include "image/image.h"
#include "meta/meta_list.h"
#include "model/endpoint.h"

int image_manifest_get(struct image_host *h, const char *what, struct arena *a,
                       struct shale_manifest *ret, struct shale_err *e);
int image_manifest_members(struct image_host *h, const char *what, struct arena *a,
                           struct shale_list *ret, struct shale_err *e);

int image_list_create(struct image_host *h, const char *name, const char *const *refs,
                      size_t n_refs, const struct shale_list_create_opts *o, struct arena *a,
                      struct shale_list *ret, struct shale_err *e);
int image_list_annotate(struct image_host *h, const char *name, const char *ref,
                        const struct shale_list_annotate_opts *o, struct arena *a,
                        struct shale_err *e);
int image_list_get(struct image_host *h, const char *name, const char *ref, struct arena *a,
                   struct shale_list *ret, struct shale_err *e);
int image_list_push(struct image_host *h, const char *name, const struct shale_list_push_opts *o,
                    struct arena *a, struct shale_list_pushed *ret, struct shale_err *e);
int image_list_remove(struct image_host *h, const char *name, struct arena *a, struct shale_err *e);

/* ---- shared: manifest_get.c ---- */
/* A reference as lists name it, "latest" where nothing is said; *ret_name is its canonical form. */
int manifest_ref(const char *text, struct arena *a, struct ref *ret, const char **ret_name,
                 struct shale_err *e);
/* The image's manifest behind a tag or digest of the source; its platform is what its config says.
 * NOT_FOUND "no such manifest: REF"; INVALID "REF is a manifest list…". */
int manifest_read(struct source *from, const char *name, const char *ref, struct arena *a,
                  struct meta_list_member *ret, struct cancel *c, struct shale_err *e);
int manifest_show(const struct meta_list_member *v, size_t n, struct arena *a,
                  struct shale_list_member **ret, struct shale_err *e);
