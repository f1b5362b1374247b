/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rows of lists of manifests that are being put together (`manifest create`). A list is there while
 * it has members. They lie in the database rather than in files, as docker's do: all members of a
 * `create` come at once or not at all, several processes may add to one list, and a process that
 * is killed leaves the list as it was. See meta.h for rules that hold for all functions.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/digest.h"
#include "model/platform.h"

struct meta;

struct meta_list_member {
    const char *ref; /* canonical reference; unique in its list */
    const char *media_type;
    struct digest digest;
    const char *text; /* of the manifest, as received */
    struct platform platform;
    bool local; /* it comes from the store, not from the registry that ref names */
};

/* Adds members to the list of this canonical name. EXISTS ("refusing to amend …") when it is there
 * and `amend` is not set. Who is in it already with the same digest keeps the platform. */
int meta_list_put(struct meta *m, const char *list, const struct meta_list_member *v, size_t n,
                  bool amend, struct shale_err *e);
/* All members, in docker's order: of the names that it gives to their files. None is no error. */
int meta_list_get(struct meta *m, const char *list, struct arena *a, struct meta_list_member **ret,
                  size_t *ret_n, struct shale_err *e);
/* Of a member that is there: its platform. */
int meta_list_set_platform(struct meta *m, const char *list, const char *ref,
                           const struct platform *p, struct shale_err *e);
/* NOT_FOUND "No such manifest: LIST". */
int meta_list_delete(struct meta *m, const char *list, struct shale_err *e);
/* Those of the members that are still these manifests. Missing is success. */
int meta_list_drop(struct meta *m, const char *list, const struct meta_list_member *v, size_t n,
                   struct shale_err *e);
