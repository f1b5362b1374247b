/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Users and their bcrypt hashes, a `name:hash` a line, as Apache's htpasswd -B writes them.
 *
 *   r = htpasswd_open("/etc/shale/users", &h, e);
 *   r = htpasswd_verify(h, user, password, e);     // 0, or UNAUTHORIZED
 *   h = htpasswd_close(h);
 *
 * Only bcrypt ($2a$, $2b$, $2y$, cost 4 to HTPASSWD_MAX_COST) is accepted. Lines that cannot be
 * used are left out, and the first of them is told by htpasswd_problem: a line without ':', a name
 * that no user may have, another kind of hash, a name that stood before (the first counts), a line
 * over HTPASSWD_MAX_LINE_BYTES. Empty lines and lines with '#' first are comments; CRLF is taken.
 *
 * The file is looked at again (at most once a second) when it is used, and read when it changed; if
 * it cannot be read then, the users stay as they were, and log_warn tells.
 *
 * Time: an unknown name costs as much as a wrong password (a hash of the cost that most users
 * have); hashes are compared in constant time. Pairs that were right are remembered for
 * HTPASSWD_MEMORY_NS, as a keyed digest, so that not every request costs a bcrypt; a new hash in
 * the file ends that. At most as many bcrypts run at once as there are processors; who waits
 * longer than 2 s for one gets LIMIT ("try again").
 *
 * Any number of threads.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HTPASSWD_MAX_BYTES          (16u << 20)
#define HTPASSWD_MAX_LINE_BYTES     1024
#define HTPASSWD_MAX_USERS          200000
#define HTPASSWD_MAX_USER_BYTES     128
#define HTPASSWD_MAX_PASSWORD_BYTES 72 /* bcrypt ignores what follows; new ones are refused */
#define HTPASSWD_DEFAULT_COST       10
#define HTPASSWD_MAX_COST           16
#define HTPASSWD_MEMORY_NS          (10 * 60 * 1000000000ll)
#define HTPASSWD_MARK_HEX           32

struct htpasswd;

int htpasswd_open(const char *path, struct htpasswd **ret, struct shale_err *e);
struct htpasswd *htpasswd_close(struct htpasswd *h); /* NULL in, NULL out */

int htpasswd_verify(struct htpasswd *h, const char *user, const char *password,
                    struct shale_err *e);
/* A short text that stands for the user's present password: it changes when that changes. NOT_FOUND
 * without such a user. For refresh tokens, which end then. */
int htpasswd_mark(struct htpasswd *h, const char *user, char ret[HTPASSWD_MARK_HEX + 1],
                  struct shale_err *e);
size_t htpasswd_count(struct htpasswd *h);
/* "FILE:3: …" of the first line that was left out into ret; false when there is none. */
bool htpasswd_problem(struct htpasswd *h, char *ret, size_t n);

/* ---- editing the file: between processes safe, atomic, on disk when they return 0. Comments and
 * lines that are not understood stay, and so do owner and mode. ---- */

enum htpasswd_put { HTPASSWD_ADD, HTPASSWD_REPLACE };
/* Adds (EXISTS) or gives a new password to (NOT_FOUND) a user. The file is made with mode 0640 and
 * the group of its folder when it is missing. cost 0: the default. INVALID: a name or password that
 * cannot be. */
int htpasswd_put(const char *path, enum htpasswd_put how, const char *user, const char *password,
                 unsigned cost, struct shale_err *e);
int htpasswd_remove(const char *path, const char *user, struct shale_err *e); /* NOT_FOUND */
/* Users in the order of the alphabet; f returns 0 to go on, anything else is returned. */
int htpasswd_each(const char *path, int (*f)(void *arg, const char *user), void *arg,
                  struct shale_err *e);
