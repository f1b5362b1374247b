/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Lines and hashes of a password file, for htpasswd.c and htpasswd_edit.c. */
#include "base/str.h"
#include "registry/auth/htpasswd.h"

struct htpasswd_user {
    const char *name, *hash; /* in the arena of the table */
    unsigned line, cost;
};

/* One line without its newline. 1: a user, in *ret_name and *ret_hash (slices of the line); 0: a
 * comment; INVALID: cannot be used. */
int htpasswd_line(struct str line, struct str *ret_name, struct str *ret_hash, struct shale_err *e);
/* INVALID when no user may be called so. */
int htpasswd_check_name(struct str name, struct shale_err *e);
/* The cost of a bcrypt hash of the kinds we take, 0 for anything else. */
unsigned htpasswd_cost(struct str hash);
