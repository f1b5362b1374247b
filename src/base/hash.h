/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * SHA-2 through OpenSSL EVP, but for hash_bytes of something short: libcrypto is loaded when it is
 * needed first (ADR 4). hash_init may be called again on the same object. An object is for one
 * thread. UNSUPPORTED when libcrypto is not there.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum hash_alg { HASH_SHA256, HASH_SHA384, HASH_SHA512, _HASH_MAX };
#define HASH_MAX_BYTES 64
#define HASH_MAX_HEX   (2 * HASH_MAX_BYTES)

struct hash {
    void *ctx; /* EVP_MD_CTX */
    enum hash_alg alg;
};

size_t hash_size(enum hash_alg alg); /* bytes of the result */
int hash_init(struct hash *h, enum hash_alg alg, struct shale_err *e);
void hash_update(struct hash *h, const void *p, size_t n); /* cannot fail after init */
void hash_final(struct hash *h, uint8_t ret[HASH_MAX_BYTES]);
void hash_hex(struct hash *h, char ret[HASH_MAX_HEX + 1]); /* final, as lower-case hex */
void hash_clear(struct hash *h);

int hash_bytes(enum hash_alg alg, const void *p, size_t n, char ret_hex[HASH_MAX_HEX + 1],
               struct shale_err *e);
void hex_encode(const uint8_t *p, size_t n, char *ret); /* 2n characters and NUL */
int random_hex(char *ret, size_t n_bytes, struct shale_err *e);
