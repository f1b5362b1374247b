/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Scopes of tokens (distribution, "Token Scope Documentation"), HTTP Basic credentials (RFC 7617)
 * and form data: texts from anybody. Pure; strings in the arena.
 *
 *   repository:library/debian:pull,push
 *   repository(plugin):host:5000/x:pull      the name runs to the last ':'
 *   registry:catalog:*
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "registry/auth/jwt.h"

#define SCOPE_MAX       64   /* of one request */
#define SCOPE_MAX_BYTES 1024 /* of one */
#define FORM_MAX_BYTES  (64u << 10)
#define FORM_MAX        256 /* fields */
#define BASIC_MAX_BYTES 4096

/* Appends the scopes of a text (blanks between) to v, which has room for SCOPE_MAX. INVALID, LIMIT.
 */
int scope_parse(const char *text, struct arena *a, struct jwt_access v[SCOPE_MAX], size_t *n,
                struct shale_err *e);
/* "repository:x:pull,push" appended to b; with a blank before it unless b is empty. */
void scope_format(const struct jwt_access *s, struct buf *b);

struct form_field {
    const char *name, *value;
};
struct form {
    struct form_field *v;
    size_t n;
};
/* application/x-www-form-urlencoded, as bodies and queries have it. INVALID (bad escapes, NUL),
 * LIMIT. */
int form_parse(struct str text, struct arena *a, struct form *ret, struct shale_err *e);
const char *form_get(const struct form *f, const char *name); /* the first, or NULL */

/* The value of an Authorization header. false: not Basic, or not well-formed. */
bool basic_parse(const char *authorization, struct arena *a, const char **ret_user,
                 const char **ret_password);
/* The token of "Bearer …", or NULL. */
const char *bearer_parse(const char *authorization);
