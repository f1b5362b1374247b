/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rows of containers. See meta.h for rules that hold for all functions. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/digest.h"

struct meta;

#define META_CONTAINER_ID_HEX 64

/* What changes while a container lives. */
struct meta_container_run {
    const char *state; /* "created", "running", "exited" …: words of container/ */
    int64_t pid;       /* 0: none */
    int exit_code;
    bool oom_killed;
    int64_t started_ns, finished_ns; /* TIME_NONE: never */
    const char *error;               /* why it could not start, "" */
    int64_t restarts;                /* by its restart policy, since somebody started it */
    bool stopped;                    /* somebody ended it, or is about to */
};

struct meta_container {
    char id[META_CONTAINER_ID_HEX + 1];
    const char *name; /* without a leading slash */
    struct digest image_id;
    const char *image_ref; /* as given */
    int64_t created_ns;
    bool auto_remove;
    const char *labels; /* JSON object text, "" if none */
    const char *config; /* JSON text: everything else, of container/ */
    struct str listing; /* what lists need of it, packed by container/; n 0: they read config */
    struct meta_container_run run;
    /* Images that it has mounted; for meta_container_add alone. */
    const struct digest *mounted;
    size_t n_mounted;
};

/* EXISTS when the name (or ID) is taken; then the holder's ID goes to holder (may be NULL).
 * created_ns 0 is now. NOT_FOUND if there is no row of the image. */
int meta_container_add(struct meta *m, const struct meta_container *c,
                       char holder[META_CONTAINER_ID_HEX + 1], struct shale_err *e);
/* By what a user types, in docker's order: full ID, name (a leading slash is dropped), unique
 * prefix of the ID. NOT_FOUND "No such container: x"; INVALID "multiple IDs found with provided
 * prefix: x". */
int meta_container_find(struct meta *m, const char *text, struct arena *a,
                        struct meta_container *ret, struct shale_err *e);
int meta_container_get(struct meta *m, const char *id, struct arena *a, struct meta_container *ret,
                       struct shale_err *e); /* by full ID */
/* EXISTS when another has the name; its ID goes to holder. NOT_FOUND. */
int meta_container_rename(struct meta *m, const char *id, const char *name,
                          char holder[META_CONTAINER_ID_HEX + 1], struct shale_err *e);
/* Is it removed at its end? Missing is success. */
int meta_container_set_auto_remove(struct meta *m, const char *id, bool on, struct shale_err *e);
/* Does somebody end it by hand? Missing is success. */
int meta_container_set_stopped(struct meta *m, const char *id, bool on, struct shale_err *e);
/* What it was made with, changed. Missing is success. */
int meta_container_set_config(struct meta *m, const char *id, const char *config,
                              struct str listing, struct shale_err *e);
/* Has a container other than `id` that text in its config? */
int meta_container_mentions(struct meta *m, const char *id, const char *text, bool *ret,
                            struct shale_err *e);
int meta_container_delete(struct meta *m, const char *id,
                          struct shale_err *e); /* missing is success */

/* Newest created first. An image: those of it, and those that have it mounted; NULL: all. */
int meta_container_list(struct meta *m, const struct digest *image, struct arena *a,
                        struct meta_container **ret, size_t *ret_n, struct shale_err *e);

int meta_container_count(struct meta *m, uint64_t *ret, struct shale_err *e);
/* The same as the list, each shown to `f` without its config ("") and without it being read: all of
 * them come out of one index. What the row points at is lent until `f` returns, which may read the
 * database but not change containers. What is not 0 from `f` ends it and is returned. */
int meta_container_each(struct meta *m, const struct digest *image,
                        int (*f)(void *arg, const struct meta_container *c), void *arg,
                        struct shale_err *e);

/* The images that containers are of, and those that they have mounted, each once. */
struct meta_digests;
int meta_container_images(struct meta *m, struct arena *a, struct meta_digests *ret,
                          struct shale_err *e);

/* Sets all of `to`, if the state is one of `from` (NULL-terminated; NULL: whatever it is): compare
 * and set, so that of two processes only one starts a container. CONFLICT when the state is
 * another, which goes to *ret_state (in the arena; both may be NULL). NOT_FOUND. */
int meta_container_move(struct meta *m, const char *id, const char *const *from,
                        const struct meta_container_run *to, struct arena *a,
                        const char **ret_state, struct shale_err *e);
