/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, and the two names that a key gives itself. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "registry/auth/jwt_priv.h"

#define RSA_MIN_BITS    2048
#define RSA_MAX_BITS    8192
#define FINGERPRINT_SHA 30 /* bytes of the SHA-256 that count */
#define P256_BYTES      32
#define ED25519_BYTES   32

const char *jwt_alg_name(enum jwt_alg alg)
{
    static const char *const names[_JWT_ALG_MAX] = {"RS256", "ES256", "EdDSA"};

    return names[alg];
}

static int alg_of(const EVP_PKEY *pkey, enum jwt_alg *ret, struct shale_err *e)
{
    char group[32] = "";
    int bits = EVP_PKEY_get_bits(pkey);

    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
            return err_set(e, SHALE_INVALID, "an RSA key of %d bits; %d to %d are taken", bits,
                           RSA_MIN_BITS, RSA_MAX_BITS);
        *ret = JWT_RS256;
        return 0;
    case EVP_PKEY_EC:
        EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL);
        if (strcmp(group, "prime256v1") != 0)
            return err_set(e, SHALE_INVALID, "an EC key on %s; only P-256 is taken", group);
        *ret = JWT_ES256;
        return 0;
    case EVP_PKEY_ED25519:
        *ret = JWT_EDDSA;
        return 0;
    default:
        return err_set(e, SHALE_INVALID, "a key that is neither RSA, P-256 nor Ed25519");
    }
}

/* Base32 of the first 240 bits of the SHA-256 over the public key in DER, in groups of four. */
static int set_fingerprint(struct jwt_key *k, struct shale_err *e)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned char sha[SHA256_DIGEST_LENGTH], *der = NULL;
    int n = i2d_PUBKEY(k->pkey, &der);
    char *out = k->fingerprint;

    if (n <= 0)
        return err_set(e, SHALE_INVALID, "a public key that cannot be written");
    SHA256(der, (size_t)n, sha);
    OPENSSL_free(der);
    for (unsigned bit = 0; bit < FINGERPRINT_SHA * 8; bit += 5) {
        unsigned at = bit / 8, pair = (unsigned)sha[at] << 8 | sha[at + 1];
        if (bit && bit % 20 == 0)
            *out++ = ':';
        *out++ = letters[pair >> (11 - bit % 8) & 31];
    }
    *out = 0;
    return 0;
}

/* ---- JWK ---- */

static json_t *b64_json(const uint8_t *p, size_t n)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4096);

    base64_add(BASE64_URL, p, n, &b);
    return buf_check(&b, NULL) < 0 ? NULL : json_string(buf_str(&b));
}

/* A number of the key, in n bytes (0: as many as it has). */
static json_t *bn_json(const EVP_PKEY *pkey, const char *name, size_t n)
{
    uint8_t bytes[RSA_MAX_BITS / 8];
    BIGNUM *bn = NULL;

    if (EVP_PKEY_get_bn_param(pkey, name, &bn) != 1)
        return NULL;
    size_t size = n ? n : (size_t)BN_num_bytes(bn);
    bool ok = size <= sizeof bytes && BN_bn2binpad(bn, bytes, (int)size) >= 0;
    BN_free(bn);
    return ok ? b64_json(bytes, size) : NULL;
}

json_t *jwt_key_jwk(const struct jwt_key *k)
{
    uint8_t raw[ED25519_BYTES];
    size_t n = sizeof raw;

    switch (k->alg) {
    case JWT_RS256:
        return json_pack("{s:o, s:s, s:o}", "e", bn_json(k->pkey, OSSL_PKEY_PARAM_RSA_E, 0), "kty",
                         "RSA", "n", bn_json(k->pkey, OSSL_PKEY_PARAM_RSA_N, 0));
    case JWT_ES256:
        return json_pack("{s:s, s:s, s:o, s:o}", "crv", "P-256", "kty", "EC", "x",
                         bn_json(k->pkey, OSSL_PKEY_PARAM_EC_PUB_X, P256_BYTES), "y",
                         bn_json(k->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, P256_BYTES));
    default:
        if (EVP_PKEY_get_raw_public_key(k->pkey, raw, &n) != 1 || n != sizeof raw)
            return NULL;
        return json_pack("{s:s, s:s, s:o}", "crv", "Ed25519", "kty", "OKP", "x", b64_json(raw, n));
    }
}

static int set_thumbprint(struct jwt_key *k, struct shale_err *e)
{
    _cleanup_json_ json_t *jwk = jwt_key_jwk(k);
    _cleanup_free_ char *text = jwk ? json_text(jwk) : NULL;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(JWT_THUMBPRINT_LEN + 1);
    unsigned char sha[SHA256_DIGEST_LENGTH];

    if (!text)
        return err_set(e, SHALE_INVALID, "a public key that cannot be written");
    SHA256((const unsigned char *)text, strlen(text), sha);
    base64_add(BASE64_URL, sha, sizeof sha, &b);
    snprintf(k->thumbprint, sizeof k->thumbprint, "%s", buf_str(&b));
    return buf_check(&b, e);
}

/* ---- keys ---- */

int jwt_key_init(struct jwt_key *k, EVP_PKEY *pkey, struct shale_err *e)
{
    memset(k, 0, sizeof *k);
    k->pkey = pkey;
    int r = alg_of(pkey, &k->alg, e);
    if (r == 0)
        r = set_fingerprint(k, e);
    if (r == 0)
        r = set_thumbprint(k, e);
    if (r < 0)
        jwt_key_clear(k);
    return r;
}

void jwt_key_clear(struct jwt_key *k)
{
    EVP_PKEY_free(k->pkey);
    k->pkey = NULL;
}

struct jwt_key *jwt_key_free(struct jwt_key *k)
{
    if (k) {
        jwt_key_clear(k);
        free(k);
    }
    return NULL;
}

static int no_passphrase(char *p, int n, int writing, void *arg)
{
    return -1; /* never asks at a terminal */
}

static void warn_if_open(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & 007))
        log_warn("%s can be read by everybody who is on this machine; chmod o-rwx it", path);
}

int jwt_key_load(const char *path, struct jwt_key **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(JWT_MAX_FILE_BYTES);

    int r = crypto_load(e);
    if (r >= 0)
        r = fs_read_file(AT_FDCWD, path, &b, e);
    if (r < 0)
        return r;
    warn_if_open(path);
    BIO *bio = BIO_new_mem_buf(buf_str(&b), (int)b.n);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    explicit_bzero(b.p, b.n);
    if (!pkey)
        return err_set(e, SHALE_INVALID,
                       "%s: no private key in PEM without a passphrase; make one with openssl "
                       "genpkey -algorithm ed25519",
                       path);
    struct jwt_key *k = mem_alloc(sizeof *k);
    if (!k) {
        EVP_PKEY_free(pkey);
        return err_nomem(e);
    }
    r = jwt_key_init(k, pkey, e);
    if (r < 0) {
        free(k);
        return err_wrap(e, r, "%s", path);
    }
    *ret = k;
    return 0;
}

/* For its owner, and for the group of its folder: a service that root makes a key for can read it.
 */
static bool share(int fd, const char *path)
{
    char dir[4096];
    struct stat st, now;
    const char *slash = strrchr(path, '/');

    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    if (stat(dir, &st) < 0 || fstat(fd, &now) < 0 ||
        (st.st_gid != now.st_gid && fchown(fd, now.st_uid, st.st_gid) < 0))
        return true; /* then only for its owner */
    return fchmod(fd, 0640) == 0;
}

int jwt_key_create(const char *path, struct shale_err *e)
{
    int r = crypto_load(e);
    if (r < 0)
        return r;
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;

    if (!pkey || !bio || PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1)
        r = err_set(e, SHALE_SYSTEM, "cannot make a key");
    long n = r == 0 ? BIO_get_mem_data(bio, &pem) : 0;
    _cleanup_close_ int fd =
        r == 0 ? sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600) : -1;
    if (r == 0 && fd < 0)
        r = err_sys(e, "create %s", path);
    else if (r == 0 &&
             (!share(fd, path) || sys_write_all(fd, pem, (size_t)n) < 0 || sys_fsync(fd) < 0)) {
        r = err_sys(e, "write %s", path);
        unlink(path);
    }
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return r;
}

const char *jwt_key_fingerprint(const struct jwt_key *k)
{
    return k->fingerprint;
}

const char *jwt_key_thumbprint(const struct jwt_key *k)
{
    return k->thumbprint;
}

int jwt_key_jwks(const struct jwt_key *k, struct buf *b, struct shale_err *e)
{
    json_t *jwk = jwt_key_jwk(k);

    if (jwk)
        json_object_set_new(jwk, "kid", json_string(k->fingerprint)),
            json_object_set_new(jwk, "alg", json_string(jwt_alg_name(k->alg))),
            json_object_set_new(jwk, "use", json_string("sig"));
    _cleanup_json_ json_t *all = json_pack("{s:[o]}", "keys", jwk);
    _cleanup_free_ char *text = all ? json_text(all) : NULL;
    if (!text)
        return err_nomem(e);
    buf_adds(b, text);
    return buf_check(b, e);
}
