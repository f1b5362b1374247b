/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys from JWKS and PEM. */
#include <fcntl.h>
#include <string.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "registry/auth/jwt_priv.h"

#define MAX_NUMBER_BYTES 1024 /* of RSA with 8192 bits */
#define P256_BYTES       32

/* ---- JWK ---- */

/* A member in base64url, of at most MAX_NUMBER_BYTES. */
static bool number_of(const json_t *jwk, const char *name, uint8_t ret[MAX_NUMBER_BYTES + 4],
                      size_t *ret_n)
{
    const char *s = json_string_value(json_object_get(jwk, name));

    if (!s || strlen(s) > MAX_NUMBER_BYTES / 3 * 4 + 4)
        return false;
    ssize_t n = base64_decode(BASE64_URL, s, strlen(s), ret);
    *ret_n = n < 0 ? 0 : (size_t)n;
    return n > 0 && n <= MAX_NUMBER_BYTES;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = bld ? OSSL_PARAM_BLD_to_param(bld) : NULL;
    EVP_PKEY *pkey = NULL;

    if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static EVP_PKEY *rsa_of(const json_t *jwk)
{
    uint8_t n_bytes[MAX_NUMBER_BYTES + 4], e_bytes[MAX_NUMBER_BYTES + 4];
    size_t n_n, n_e;

    if (!number_of(jwk, "n", n_bytes, &n_n) || !number_of(jwk, "e", e_bytes, &n_e) || n_e > 8)
        return NULL;
    BIGNUM *n = BN_bin2bn(n_bytes, (int)n_n, NULL), *x = BN_bin2bn(e_bytes, (int)n_e, NULL);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;
    if (n && x && bld && BN_is_odd(n) && BN_is_odd(x) && !BN_is_one(x) &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, x) == 1)
        pkey = from_params("RSA", bld);
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(x);
    return pkey;
}

static EVP_PKEY *ec_of(const json_t *jwk)
{
    uint8_t x[MAX_NUMBER_BYTES + 4], y[MAX_NUMBER_BYTES + 4], point[1 + 2 * P256_BYTES] = {4};
    size_t n_x, n_y;

    if (!number_of(jwk, "x", x, &n_x) || !number_of(jwk, "y", y, &n_y) || n_x != P256_BYTES ||
        n_y != P256_BYTES)
        return NULL;
    memcpy(point + 1, x, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, y, P256_BYTES);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;
    if (bld &&
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
        pkey = from_params("EC", bld);
    OSSL_PARAM_BLD_free(bld);
    return pkey;
}

static EVP_PKEY *okp_of(const json_t *jwk)
{
    uint8_t x[MAX_NUMBER_BYTES + 4];
    size_t n;

    return number_of(jwk, "x", x, &n) && n == 32
               ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, n)
               : NULL;
}

static bool is(const json_t *jwk, const char *member, const char *value)
{
    return streq(json_string_value(json_object_get(jwk, member)), value);
}

/* Adds a key; what cannot be used is left out. */
static void add_pkey(struct jwt_trust *t, EVP_PKEY *pkey, const char *kid, const char *alg)
{
    struct jwt_key *k = &t->keys[t->n];

    if (!pkey || jwt_key_init(k, pkey, NULL) < 0)
        return;
    if ((alg && !streq(alg, jwt_alg_name(k->alg))) || (kid && strlen(kid) >= sizeof k->kid)) {
        jwt_key_clear(k);
        return;
    }
    snprintf(k->kid, sizeof k->kid, "%s", kid ? kid : "");
    t->n++;
}

static void add_jwk(struct jwt_trust *t, const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use");
    EVP_PKEY *pkey = NULL;

    if (use && !is(jwk, "use", "sig"))
        return;
    if (is(jwk, "kty", "RSA"))
        pkey = rsa_of(jwk);
    else if (is(jwk, "kty", "EC") && is(jwk, "crv", "P-256"))
        pkey = ec_of(jwk);
    else if (is(jwk, "kty", "OKP") && is(jwk, "crv", "Ed25519"))
        pkey = okp_of(jwk);
    add_pkey(t, pkey, json_string_value(json_object_get(jwk, "kid")),
             json_string_value(json_object_get(jwk, "alg")));
}

static int parse_jwks(struct jwt_trust *t, const void *p, size_t n, struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    json_t *jwk;
    size_t i;

    int r = json_parse(p, n, JWT_MAX_FILE_BYTES, &j, e);
    if (r < 0)
        return r;
    const json_t *keys = json_object_get(j, "keys");
    if (!json_is_array(keys))
        return err_set(e, SHALE_INVALID, "no \"keys\" in the JSON");
    if (json_array_size(keys) > JWT_MAX_KEYS)
        return err_set(e, SHALE_LIMIT, "more than %d keys", JWT_MAX_KEYS);
    json_array_foreach(keys, i, jwk) add_jwk(t, jwk);
    return 0;
}

/* ---- PEM ---- */

static EVP_PKEY *pem_key(const char *name, const unsigned char *der, long n)
{
    const unsigned char *p = der;

    if (strcmp(name, PEM_STRING_PUBLIC) == 0)
        return d2i_PUBKEY(NULL, &p, n);
    if (strcmp(name, PEM_STRING_X509) != 0)
        return NULL;
    X509 *cert = d2i_X509(NULL, &p, n);
    EVP_PKEY *pkey = cert ? X509_get_pubkey(cert) : NULL;
    X509_free(cert);
    return pkey;
}

static int parse_pem(struct jwt_trust *t, const void *p, size_t n, struct shale_err *e)
{
    BIO *bio = BIO_new_mem_buf(p, (int)n);
    unsigned char *der;
    char *name, *header;
    long n_der;
    size_t n_blocks = 0;

    if (!bio)
        return err_nomem(e);
    while (n_blocks++ <= JWT_MAX_KEYS && PEM_read_bio(bio, &name, &header, &der, &n_der) == 1) {
        if (t->n < JWT_MAX_KEYS)
            add_pkey(t, pem_key(name, der, n_der), NULL, NULL);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    BIO_free(bio);
    return n_blocks > JWT_MAX_KEYS + 1 ? err_set(e, SHALE_LIMIT, "more than %d keys", JWT_MAX_KEYS)
                                       : 0;
}

/* ---- trusts ---- */

static int trust_new(struct jwt_trust **ret, struct shale_err *e)
{
    int r = crypto_load(e);
    if (r < 0)
        return r;
    struct jwt_trust *t = mem_alloc(sizeof *t);
    if (!t)
        return err_nomem(e);
    pthread_mutex_init(&t->mutex, NULL);
    *ret = t;
    return 0;
}

struct jwt_trust *jwt_trust_free(struct jwt_trust *t)
{
    if (t) {
        for (size_t i = 0; i < t->n; i++)
            jwt_key_clear(&t->keys[i]);
        pthread_mutex_destroy(&t->mutex);
        free(t);
    }
    return NULL;
}

static void trust_freep(struct jwt_trust **t)
{
    jwt_trust_free(*t);
}

int jwt_trust_parse(const void *p, size_t n, struct jwt_trust **ret, struct shale_err *e)
{
    _cleanup_(trust_freep) struct jwt_trust *t = NULL;
    const char *text = p;
    size_t i = 0;

    if (n > JWT_MAX_FILE_BYTES)
        return err_set(e, SHALE_LIMIT, "keys of more than %u bytes", JWT_MAX_FILE_BYTES);
    int r = trust_new(&t, e);
    if (r < 0)
        return r;
    while (i < n && strchr(" \t\r\n", text[i]) && text[i])
        i++;
    r = i < n && text[i] == '{' ? parse_jwks(t, p, n, e) : parse_pem(t, p, n, e);
    if (r < 0)
        return r;
    if (t->n == 0)
        return err_set(e, SHALE_INVALID,
                       "no usable key: RSA (2048 bits or more), P-256 or Ed25519, as JWKS, public "
                       "keys or certificates in PEM");
    *ret = TAKE_PTR(t);
    return 0;
}

int jwt_trust_load(const char *path, struct jwt_trust **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(JWT_MAX_FILE_BYTES);

    int r = fs_read_file(AT_FDCWD, path, &b, e);
    if (r < 0)
        return r;
    r = jwt_trust_parse(buf_str(&b), b.n, ret, e);
    return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

int jwt_trust_key(const struct jwt_key *k, struct jwt_trust **ret, struct shale_err *e)
{
    struct jwt_trust *t = NULL;

    int r = trust_new(&t, e);
    if (r < 0)
        return r;
    t->keys[0] = *k;
    EVP_PKEY_up_ref(k->pkey);
    t->n = 1;
    *ret = t;
    return 0;
}

size_t jwt_trust_count(const struct jwt_trust *t)
{
    return t->n;
}
