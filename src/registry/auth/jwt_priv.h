/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Keys as jwt.c, jwt_key.c and jwt_trust.c share them. */
#include <pthread.h>

#include "base/crypto.h"
#include "registry/auth/jwt.h"

enum jwt_alg { JWT_RS256, JWT_ES256, JWT_EDDSA, _JWT_ALG_MAX };

#define JWT_ES256_BYTES  64   /* r and s, 32 bytes each */
#define JWT_MAX_SIG      1024 /* of RSA with 8192 bits */
#define JWT_MEMORY_SLOTS 4096 /* power of two */

struct jwt_key {
    EVP_PKEY *pkey;
    enum jwt_alg alg;
    char kid[128]; /* of a JWKS; "" without */
    char fingerprint[JWT_FINGERPRINT_LEN + 1];
    char thumbprint[JWT_THUMBPRINT_LEN + 1];
};

struct jwt_trust {
    struct jwt_key keys[JWT_MAX_KEYS];
    size_t n;
    pthread_mutex_t mutex;                /* memory */
    uint8_t memory[JWT_MEMORY_SLOTS][32]; /* digests of tokens whose signature is right */
};

const char *jwt_alg_name(enum jwt_alg alg);
/* Fills k from a key, which it takes over in any case. INVALID: a kind or size we do not use. */
int jwt_key_init(struct jwt_key *k, EVP_PKEY *pkey, struct shale_err *e);
void jwt_key_clear(struct jwt_key *k);
/* The public members as a JWK, in the order of RFC 7638 (which is that of the alphabet), or NULL.
 */
json_t *jwt_key_jwk(const struct jwt_key *k);
