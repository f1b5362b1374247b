/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON Web Tokens with the claims of the registry token specification (distribution, "Token
 * Authentication"; RFC 7515, 7517, 7519, 7638, 8037).
 *
 *   jwt_key_load("key.pem", &key, e);               // whoever issues
 *   jwt_issue(key, &claims, &buf, e);
 *   jwt_trust_load("keys.json", &trust, e);         // whoever verifies; or jwt_trust_key(key, …)
 *   jwt_verify(trust, token, n, &expect, &arena, &claims, e);
 *
 * What is accepted: RS256 (RSA of 2048 to 8192 bits), ES256 (P-256), EdDSA (Ed25519). The key
 * decides the algorithm, and a token that names another is refused: so are "none" and HMAC. Keys
 * that a token brings along (jwk, x5c, jku, x5u) are never looked at; a token with "crit" is
 * refused. `kid` chooses among the trusted keys: the one of the JWKS file, docker's libtrust
 * fingerprint, or the JWK thumbprint; a kid that fits none is no reason to refuse, since the
 * signature must fit a trusted key anyway.
 *
 * Signatures that were right are remembered by their digest (a table of fixed size in the trust),
 * so that a client with one token costs one verification; times and names are checked every time.
 *
 * Threads: keys and trusts never change after loading, and may be used by any number of threads.
 * Errors: UNAUTHORIZED with the reason for a token that is not good (the reason is for our log; a
 * peer is told "invalid token"); INVALID for files; LIMIT; NO_MEMORY.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define JWT_MAX_BYTES       (16u << 10) /* one token */
#define JWT_MAX_ACCESS      256         /* entries of "access" */
#define JWT_MAX_ACTIONS     16          /* of one entry */
#define JWT_MAX_KEYS        64          /* of a trust */
#define JWT_MAX_FILE_BYTES  (1u << 20)
#define JWT_MAX_LIFE_S      (400ll * 86400) /* exp this far after now is refused */
#define JWT_FINGERPRINT_LEN 59              /* "ABCD:…", 12 groups */
#define JWT_THUMBPRINT_LEN  43

struct jwt_access {
    const char *type, *name; /* "repository", "library/debian" */
    struct strv actions;     /* "pull", "push" … */
};

struct jwt_claims {              /* strings in the caller's arena */
    const char *iss, *sub, *jti; /* NULL: absent; sub is the user, "" for a stranger */
    struct strv aud;
    int64_t exp_s, nbf_s, iat_s; /* 0: absent */
    struct jwt_access *access;
    size_t n_access;
};

/* ---- keys ---- */

struct jwt_key;

/* A PEM private key without a passphrase. */
int jwt_key_load(const char *path, struct jwt_key **ret, struct shale_err *e);
struct jwt_key *jwt_key_free(struct jwt_key *k); /* NULL in, NULL out */
/* A new P-256 key in a new file (EXISTS) of mode 0640 and the group of its folder, on disk when
 * this returns. */
int jwt_key_create(const char *path, struct shale_err *e);
const char *jwt_key_fingerprint(const struct jwt_key *k); /* libtrust's, what `kid` says */
const char *jwt_key_thumbprint(const struct jwt_key *k);
/* The public part as a JWKS document, for whoever shall trust our tokens. */
int jwt_key_jwks(const struct jwt_key *k, struct buf *b, struct shale_err *e);

/* ---- trusts ---- */

struct jwt_trust;

/* A JWKS file (JSON), or PEM with public keys and certificates (of which only the keys count: a
 * certificate is a pinned key, its dates and issuer are not looked at). Keys that we cannot use
 * are left out; INVALID when none is left. */
int jwt_trust_load(const char *path, struct jwt_trust **ret, struct shale_err *e);
int jwt_trust_parse(const void *p, size_t n, struct jwt_trust **ret, struct shale_err *e);
int jwt_trust_key(const struct jwt_key *k, struct jwt_trust **ret, struct shale_err *e);
struct jwt_trust *jwt_trust_free(struct jwt_trust *t); /* NULL in, NULL out */
size_t jwt_trust_count(const struct jwt_trust *t);

/* ---- tokens ---- */

/* Appends the compact form. Claims that are NULL, 0 or empty are left out, but `sub` and `access`
 * (which is always there as a list). */
int jwt_issue(const struct jwt_key *k, const struct jwt_claims *c, struct buf *b,
              struct shale_err *e);

struct jwt_expect {
    const char *issuer, *audience; /* must be iss, and in aud */
    int64_t now_s, skew_s;
};
/* exp is required and not past, nbf and iat are not in the future, all with skew. */
int jwt_verify(struct jwt_trust *t, const char *token, size_t n, const struct jwt_expect *x,
               struct arena *a, struct jwt_claims *ret, struct shale_err *e);
