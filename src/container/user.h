/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who a container's process is: `user[:group]`, names or numbers, looked up in the image's own
 * /etc/passwd and /etc/group (image-spec config.md, "User"; docker's rules for what is not found).
 * Those files are hostile input: their size is bounded by USER_FILE_MAX, lines that make no sense
 * are skipped.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h" /* struct strv */

#define USER_FILE_MAX   (4u << 20)
#define USER_GROUPS_MAX 4096

struct user {
    uint32_t uid, gid;
    uint32_t *groups; /* supplementary, in the order of the file */
    size_t n_groups;
    const char *home; /* "/" if not known */
};

/* `spec` NULL or "" is root. The files' bytes may be NULL, n 0. Pure.
 * Errors: NOT_FOUND "unable to find user x: no matching entries in passwd file" (or group), INVALID
 * for numbers out of range. */
int user_resolve(const char *spec, const char *passwd, size_t n_passwd, const char *group,
                 size_t n_group, struct arena *a, struct user *ret, struct shale_err *e);
/* The same with the files of a root file system; missing files are empty ones. `more`: see
 * user_add_groups. */
int user_lookup(int root_fd, const char *spec, const struct strv *more, struct arena *a,
                struct user *ret, struct shale_err *e);
/* Adds further groups, names or numbers. NOT_FOUND "Unable to find group x". */
int user_add_groups(const struct strv *more, const char *group, size_t n_group, struct arena *a,
                    struct user *u, struct shale_err *e);
