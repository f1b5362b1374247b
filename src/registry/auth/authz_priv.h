/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The inside of authz.h, for authz.c and authz_token.c. */
#include "registry/auth/authz.h"
#include "registry/auth/guard.h"
#include "registry/auth/htpasswd.h"

struct authz {
    const struct regconf *conf;
    struct htpasswd *users; /* NULL without */
    struct guard *guard;
    struct jwt_key *key;     /* of our own token service, or NULL */
    struct jwt_trust *trust; /* NULL without tokens */
    const char *refresh_aud; /* "aud" of refresh tokens: no access token has it */
    struct arena arena;
};

/* Checks a password with all that belongs to it. 0: right. UNAUTHORIZED: wrong, *ret_delay_ns is
 * set. LIMIT: turned away, *ret_retry_ns is set. */
int authz_password(struct authz *z, const char *peer, const char *user, const char *password,
                   int64_t *ret_delay_ns, int64_t *ret_retry_ns, struct shale_err *e);
/* Counts one more failure of a peer; what its answer waits. */
int64_t authz_failure(struct authz *z, const char *peer);
/* 'Basic realm="…"' */
const char *authz_basic_challenge(const struct authz *z, struct arena *a);
