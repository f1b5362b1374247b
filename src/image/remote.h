/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Operations on references in registries (include/shale/remote.h); the engine calls these one to
 * one. `h->remote` is set; the store is only used where the function says so, and by copy for names
 * that begin with store://.
 */
#include <shale/remote.h>

#include "image/image.h"
#include "model/endpoint.h"

#define REMOTE_PARALLEL 8 /* requests at once, unless told otherwise */

int image_remote_tags(struct image_host *h, const char *repo, const struct shale_tags_opts *o,
                      struct arena *a, struct shale_remote_tags *ret, struct shale_err *e);
int image_remote_resolve(struct image_host *h, const char *const *refs, size_t n_refs,
                         const struct shale_resolve_opts *o, struct arena *a,
                         struct shale_resolved_list *ret, struct shale_err *e);
int image_remote_delete(struct image_host *h, const char *const *refs, size_t n_refs,
                        const struct shale_remote_delete_opts *o, struct arena *a,
                        struct shale_deleted_list *ret, struct shale_err *e);
int image_remote_copy(struct image_host *h, const char *const *from, size_t n_from, const char *to,
                      const struct shale_copy_opts *o, struct arena *a,
                      struct shale_copied_list *ret, struct shale_err *e);
/* Reads the store; changes nothing. */
int image_outdated(struct image_host *h, const char *const *refs, size_t n_refs,
                   const struct shale_outdated_opts *o, struct arena *a,
                   struct shale_outdated_list *ret, struct shale_err *e);

/* ---- names that may be patterns: remote_name.c ---- */
struct remote_name {
    struct ref ref;   /* without a tag where there is a pattern */
    const char *glob; /* NULL: none */
};
/* "REPO", "REPO:TAG", "REPO@DIGEST", "REPO:GLOB". INVALID. No tag is added. */
int remote_name_parse(const char *text, struct arena *a, struct remote_name *ret,
                      struct shale_err *e);
/* The tags of the repository that match, by version; all of them where there is neither pattern nor
 * tag. NOT_FOUND when there is none. */
int remote_name_tags(const struct remote_name *n, struct source *from, struct arena *a,
                     struct strv *ret, struct cancel *c, struct shale_err *e);
/* Leaves of `tags` those that match, by version. NOT_FOUND as above. */
int remote_name_choose(const struct remote_name *n, struct strv *tags, struct shale_err *e);
/* Order of versions: digits count as numbers. < 0, 0, > 0; 0 only for equal texts. */
int remote_compare_versions(const char *a, const char *b);
