/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * libcrypto (OpenSSL) and libcrypt, loaded when they are first needed and never unloaded (ADR 4).
 * Who includes this calls their functions by their own names, after crypto_load or crypt_load have
 * said once that the library is there:
 *
 *   r = crypto_load(e);      // UNSUPPORTED: it is not installed, or too old
 *   EVP_MD_CTX *c = EVP_MD_CTX_new();
 *
 * A function that is not in the lists below is not found when the program is linked.
 */
#include <crypt.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/err.h"

// clang-format off
#define CRYPTO_FUNCTIONS(X) \
    X(BIO_ctrl) \
    X(BIO_free) \
    X(BIO_new) \
    X(BIO_new_mem_buf) \
    X(BIO_s_mem) \
    X(BN_bin2bn) \
    X(BN_bn2binpad) \
    X(BN_free) \
    X(BN_is_odd) \
    X(BN_is_one) \
    X(BN_num_bits) \
    X(CRYPTO_free) \
    X(CRYPTO_memcmp) \
    X(ECDSA_SIG_free) \
    X(ECDSA_SIG_get0_r) \
    X(ECDSA_SIG_get0_s) \
    X(ECDSA_SIG_new) \
    X(ECDSA_SIG_set0) \
    X(EVP_DigestFinal_ex) \
    X(EVP_DigestInit_ex) \
    X(EVP_DigestSign) \
    X(EVP_DigestSignInit) \
    X(EVP_DigestUpdate) \
    X(EVP_DigestVerify) \
    X(EVP_DigestVerifyInit) \
    X(EVP_MD_CTX_free) \
    X(EVP_MD_CTX_new) \
    X(EVP_PKEY_CTX_free) \
    X(EVP_PKEY_CTX_new_from_name) \
    X(EVP_PKEY_Q_keygen) \
    X(EVP_PKEY_free) \
    X(EVP_PKEY_fromdata) \
    X(EVP_PKEY_fromdata_init) \
    X(EVP_PKEY_get_base_id) \
    X(EVP_PKEY_get_bits) \
    X(EVP_PKEY_get_bn_param) \
    X(EVP_PKEY_get_group_name) \
    X(EVP_PKEY_get_raw_public_key) \
    X(EVP_PKEY_new_raw_public_key) \
    X(EVP_PKEY_up_ref) \
    X(EVP_sha256) \
    X(EVP_sha384) \
    X(EVP_sha512) \
    X(HMAC) \
    X(OSSL_PARAM_BLD_free) \
    X(OSSL_PARAM_BLD_new) \
    X(OSSL_PARAM_BLD_push_BN) \
    X(OSSL_PARAM_BLD_push_octet_string) \
    X(OSSL_PARAM_BLD_push_utf8_string) \
    X(OSSL_PARAM_BLD_to_param) \
    X(OSSL_PARAM_free) \
    X(PEM_read_bio) \
    X(PEM_read_bio_PrivateKey) \
    X(PEM_write_bio_PKCS8PrivateKey) \
    X(SHA256) \
    X(X509_free) \
    X(X509_get_pubkey) \
    X(d2i_ECDSA_SIG) \
    X(d2i_PUBKEY) \
    X(d2i_X509) \
    X(i2d_ECDSA_SIG) \
    X(i2d_PUBKEY)
#define CRYPT_FUNCTIONS(X) \
    X(crypt_gensalt_rn) \
    X(crypt_r)
// clang-format on

struct crypto_api {
#define X(name) __typeof__(&(name)) name;
    CRYPTO_FUNCTIONS(X)
    CRYPT_FUNCTIONS(X)
#undef X
};

int crypto_load(struct shale_err *e); /* libcrypto */
int crypt_load(struct shale_err *e);  /* libcrypt */
/* The functions of what has been loaded; the others are NULL. */
const struct crypto_api *crypto_api(void);

#ifndef CRYPTO_NO_NAMES
// clang-format off
#define BIO_ctrl (crypto_api()->BIO_ctrl)
#define BIO_free (crypto_api()->BIO_free)
#define BIO_new (crypto_api()->BIO_new)
#define BIO_new_mem_buf (crypto_api()->BIO_new_mem_buf)
#define BIO_s_mem (crypto_api()->BIO_s_mem)
#define BN_bin2bn (crypto_api()->BN_bin2bn)
#define BN_bn2binpad (crypto_api()->BN_bn2binpad)
#define BN_free (crypto_api()->BN_free)
#define BN_is_odd (crypto_api()->BN_is_odd)
#define BN_is_one (crypto_api()->BN_is_one)
#define BN_num_bits (crypto_api()->BN_num_bits)
#define CRYPTO_free (crypto_api()->CRYPTO_free)
#define CRYPTO_memcmp (crypto_api()->CRYPTO_memcmp)
#define ECDSA_SIG_free (crypto_api()->ECDSA_SIG_free)
#define ECDSA_SIG_get0_r (crypto_api()->ECDSA_SIG_get0_r)
#define ECDSA_SIG_get0_s (crypto_api()->ECDSA_SIG_get0_s)
#define ECDSA_SIG_new (crypto_api()->ECDSA_SIG_new)
#define ECDSA_SIG_set0 (crypto_api()->ECDSA_SIG_set0)
#define EVP_DigestFinal_ex (crypto_api()->EVP_DigestFinal_ex)
#define EVP_DigestInit_ex (crypto_api()->EVP_DigestInit_ex)
#define EVP_DigestSign (crypto_api()->EVP_DigestSign)
#define EVP_DigestSignInit (crypto_api()->EVP_DigestSignInit)
#define EVP_DigestUpdate (crypto_api()->EVP_DigestUpdate)
#define EVP_DigestVerify (crypto_api()->EVP_DigestVerify)
#define EVP_DigestVerifyInit (crypto_api()->EVP_DigestVerifyInit)
#define EVP_MD_CTX_free (crypto_api()->EVP_MD_CTX_free)
#define EVP_MD_CTX_new (crypto_api()->EVP_MD_CTX_new)
#define EVP_PKEY_CTX_free (crypto_api()->EVP_PKEY_CTX_free)
#define EVP_PKEY_CTX_new_from_name (crypto_api()->EVP_PKEY_CTX_new_from_name)
#define EVP_PKEY_Q_keygen (crypto_api()->EVP_PKEY_Q_keygen)
#define EVP_PKEY_free (crypto_api()->EVP_PKEY_free)
#define EVP_PKEY_fromdata (crypto_api()->EVP_PKEY_fromdata)
#define EVP_PKEY_fromdata_init (crypto_api()->EVP_PKEY_fromdata_init)
#define EVP_PKEY_get_base_id (crypto_api()->EVP_PKEY_get_base_id)
#define EVP_PKEY_get_bits (crypto_api()->EVP_PKEY_get_bits)
#define EVP_PKEY_get_bn_param (crypto_api()->EVP_PKEY_get_bn_param)
#define EVP_PKEY_get_group_name (crypto_api()->EVP_PKEY_get_group_name)
#define EVP_PKEY_get_raw_public_key (crypto_api()->EVP_PKEY_get_raw_public_key)
#define EVP_PKEY_new_raw_public_key (crypto_api()->EVP_PKEY_new_raw_public_key)
#define EVP_PKEY_up_ref (crypto_api()->EVP_PKEY_up_ref)
#define EVP_sha256 (crypto_api()->EVP_sha256)
#define EVP_sha384 (crypto_api()->EVP_sha384)
#define EVP_sha512 (crypto_api()->EVP_sha512)
#define HMAC (crypto_api()->HMAC)
#define OSSL_PARAM_BLD_free (crypto_api()->OSSL_PARAM_BLD_free)
#define OSSL_PARAM_BLD_new (crypto_api()->OSSL_PARAM_BLD_new)
#define OSSL_PARAM_BLD_push_BN (crypto_api()->OSSL_PARAM_BLD_push_BN)
#define OSSL_PARAM_BLD_push_octet_string (crypto_api()->OSSL_PARAM_BLD_push_octet_string)
#define OSSL_PARAM_BLD_push_utf8_string (crypto_api()->OSSL_PARAM_BLD_push_utf8_string)
#define OSSL_PARAM_BLD_to_param (crypto_api()->OSSL_PARAM_BLD_to_param)
#define OSSL_PARAM_free (crypto_api()->OSSL_PARAM_free)
#define PEM_read_bio (crypto_api()->PEM_read_bio)
#define PEM_read_bio_PrivateKey (crypto_api()->PEM_read_bio_PrivateKey)
#define PEM_write_bio_PKCS8PrivateKey (crypto_api()->PEM_write_bio_PKCS8PrivateKey)
#define SHA256 (crypto_api()->SHA256)
#define X509_free (crypto_api()->X509_free)
#define X509_get_pubkey (crypto_api()->X509_get_pubkey)
#define d2i_ECDSA_SIG (crypto_api()->d2i_ECDSA_SIG)
#define d2i_PUBKEY (crypto_api()->d2i_PUBKEY)
#define d2i_X509 (crypto_api()->d2i_X509)
#define i2d_ECDSA_SIG (crypto_api()->i2d_ECDSA_SIG)
#define i2d_PUBKEY (crypto_api()->i2d_PUBKEY)
#define crypt_gensalt_rn (crypto_api()->crypt_gensalt_rn)
#define crypt_r (crypto_api()->crypt_r)
// clang-format on
#endif
