/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <errno.h>
#include <sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/crypto.h"

/* Up to this libmd, which needs no setting up, is sooner done than libcrypto is there (ADR 4). */
#define SHORT_BYTES (64u << 10)

static const EVP_MD *md_of(enum hash_alg alg)
{
    return alg == HASH_SHA512 ? EVP_sha512() : alg == HASH_SHA384 ? EVP_sha384() : EVP_sha256();
}

/* ---- hashing ---- */

size_t hash_size(enum hash_alg alg)
{
    return alg == HASH_SHA512 ? 64 : alg == HASH_SHA384 ? 48 : 32;
}

int hash_init(struct hash *h, enum hash_alg alg, struct shale_err *e)
{
    int r = crypto_load(e);

    if (r < 0)
        return r;
    if (!h->ctx)
        h->ctx = EVP_MD_CTX_new();
    h->alg = alg;
    if (!h->ctx || EVP_DigestInit_ex(h->ctx, md_of(alg), NULL) != 1)
        return err_nomem(e);
    return 0;
}

void hash_update(struct hash *h, const void *p, size_t n)
{
    EVP_DigestUpdate(h->ctx, p, n);
}

void hash_final(struct hash *h, uint8_t ret[HASH_MAX_BYTES])
{
    unsigned int n = 0;
    EVP_DigestFinal_ex(h->ctx, ret, &n);
}

void hash_hex(struct hash *h, char ret[HASH_MAX_HEX + 1])
{
    uint8_t md[HASH_MAX_BYTES];
    hash_final(h, md);
    hex_encode(md, hash_size(h->alg), ret);
}

void hash_clear(struct hash *h)
{
    if (h->ctx)
        EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

int hash_bytes(enum hash_alg alg, const void *p, size_t n, char ret_hex[HASH_MAX_HEX + 1],
               struct shale_err *e)
{
    struct hash h = {0};
    int r;

    if (alg == HASH_SHA256 && n <= SHORT_BYTES) {
        uint8_t md[SHA256_DIGEST_LENGTH];
        SHA2_CTX c;
        SHA256Init(&c);
        SHA256Update(&c, p, n);
        SHA256Final(md, &c);
        hex_encode(md, sizeof md, ret_hex);
        return 0;
    }
    r = hash_init(&h, alg, e);
    if (r >= 0) {
        hash_update(&h, p, n);
        hash_hex(&h, ret_hex);
    }
    hash_clear(&h);
    return r;
}

void hex_encode(const uint8_t *p, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        ret[2 * i] = digits[p[i] >> 4];
        ret[2 * i + 1] = digits[p[i] & 15];
    }
    ret[2 * n] = 0;
}

int random_hex(char *ret, size_t n_bytes, struct shale_err *e)
{
    uint8_t b[64];
    if (n_bytes > sizeof b)
        return err_set(e, SHALE_INVALID, "random_hex: at most %zu bytes", sizeof b);
    if (getrandom(b, n_bytes, 0) != (ssize_t)n_bytes)
        return err_sys(e, "getrandom");
    hex_encode(b, n_bytes, ret);
    return 0;
}
