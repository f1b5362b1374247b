/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The store at one end of a copy (remote_copy.c): names that begin with "store://".
 *
 * A reference has no "//", so such a name cannot be taken for one. Out of the store goes what a
 * push would send, under whatever name; into it comes what the name stands for, whole.
 */
#include "image/copy.h"
#include "image/remote.h"

/* What follows "store://"; NULL: it is a name in a registry, of which *text loses "docker://". */
const char *copy_store_name(const char **text);

/* What `what` stands for here, for which of its platforms; *ret_tag is its tag, NULL when it was
 * found by ID or digest. It is leased. *ret_note (NULL: none) tells of platforms that are missing.
 */
struct copy_store_from {
    const char *what; /* "app:1", an ID, or a prefix of one */
    const char *platform;
    struct store_lease *lease;
};
int copy_store_find(struct image_host *h, const struct copy_store_from *from, struct arena *a,
                    struct digest *ret_manifest, const char **ret_tag, const char **ret_note,
                    struct shale_err *e);
/* The tags here that match, by version. NOT_FOUND when there is none. */
int copy_store_tags(struct image_host *h, const struct remote_name *n, struct arena *a,
                    struct strv *ret, struct shale_err *e);

/* 1: the tag of the store stands for it already, and all of it is here. */
int copy_store_has(struct image_host *h, const struct ref *to, const struct digest *d,
                   struct arena *a, struct shale_err *e);
/* Takes it in with all that it names, then gives it the name. */
int copy_store_take(struct image_host *h, struct source *from, const struct digest *d,
                    const struct ref *to, struct sink *sink, const struct copy_opts *co,
                    struct arena *a, struct shale_err *e);
