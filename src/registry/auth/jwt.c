/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: issuing and verifying. */
#include "registry/auth/jwt.h"

#include <string.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "registry/auth/jwt_priv.h"

#define MAX_TIME_S (1ll << 40)

/* ---- signatures ---- */

static const EVP_MD *md_of(enum jwt_alg alg)
{
    return alg == JWT_EDDSA ? NULL : EVP_sha256();
}

/* r and s in 32 bytes each, from OpenSSL's DER, and back. */
static bool ecdsa_to_raw(const uint8_t *der, size_t n, uint8_t raw[JWT_ES256_BYTES])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32;

    ECDSA_SIG_free(sig);
    return ok;
}

static size_t ecdsa_from_raw(const uint8_t raw[JWT_ES256_BYTES], uint8_t der[JWT_MAX_SIG])
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    int n = 0;

    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL;
        n = i2d_ECDSA_SIG(sig, NULL);
        if (n > 0 && n <= JWT_MAX_SIG)
            n = i2d_ECDSA_SIG(sig, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return n > 0 ? (size_t)n : 0;
}

static int sign(const struct jwt_key *k, const void *p, size_t n, uint8_t ret[JWT_MAX_SIG],
                size_t *ret_n, struct shale_err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t der[JWT_MAX_SIG];
    size_t n_der = sizeof der;

    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, md_of(k->alg), NULL, k->pkey) == 1 &&
              EVP_DigestSign(ctx, der, &n_der, p, n) == 1;
    EVP_MD_CTX_free(ctx);
    if (ok && k->alg == JWT_ES256) {
        ok = ecdsa_to_raw(der, n_der, ret);
        *ret_n = JWT_ES256_BYTES;
    } else if (ok) {
        memcpy(ret, der, n_der);
        *ret_n = n_der;
    }
    return ok ? 0 : err_set(e, SHALE_SYSTEM, "cannot sign a token");
}

static bool signature_fits(const struct jwt_key *k, struct str text, const uint8_t *sig, size_t n)
{
    uint8_t der[JWT_MAX_SIG];

    if (k->alg == JWT_ES256) {
        if (n != JWT_ES256_BYTES || (n = ecdsa_from_raw(sig, der)) == 0)
            return false;
        sig = der;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, md_of(k->alg), NULL, k->pkey) == 1 &&
              EVP_DigestVerify(ctx, sig, n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* ---- issuing ---- */

static json_t *strings(const struct strv *v)
{
    json_t *a = json_array();

    for (size_t i = 0; a && i < v->n; i++)
        json_array_append_new(a, json_string(v->v[i]));
    return a;
}

static void put_text(json_t *j, const char *name, const char *value)
{
    if (value)
        json_object_set_new(j, name, json_string(value));
}

static void put_time(json_t *j, const char *name, int64_t s)
{
    if (s)
        json_object_set_new(j, name, json_integer(s));
}

static json_t *claims_json(const struct jwt_claims *c)
{
    json_t *j = json_object(), *access = json_array();

    put_text(j, "iss", c->iss);
    json_object_set_new(j, "sub", json_string(c->sub ? c->sub : ""));
    if (c->aud.n == 1)
        put_text(j, "aud", c->aud.v[0]);
    else if (c->aud.n)
        json_object_set_new(j, "aud", strings(&c->aud));
    put_time(j, "exp", c->exp_s);
    put_time(j, "nbf", c->nbf_s);
    put_time(j, "iat", c->iat_s);
    put_text(j, "jti", c->jti);
    for (size_t i = 0; i < c->n_access; i++)
        json_array_append_new(access, json_pack("{s:s, s:s, s:o}", "type", c->access[i].type,
                                                "name", c->access[i].name, "actions",
                                                strings(&c->access[i].actions)));
    json_object_set_new(j, "access", access);
    return j;
}

static int add_part(struct buf *b, json_t *j, struct shale_err *e)
{
    _cleanup_free_ char *text = j ? json_text(j) : NULL;

    json_decref(j);
    if (!text)
        return err_nomem(e);
    base64_add(BASE64_URL, text, strlen(text), b);
    return buf_check(b, e);
}

int jwt_issue(const struct jwt_key *k, const struct jwt_claims *c, struct buf *b,
              struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf t = BUF_INIT(JWT_MAX_BYTES);
    uint8_t sig[JWT_MAX_SIG];
    size_t n_sig = 0;

    int r = add_part(&t,
                     json_pack("{s:s, s:s, s:s}", "typ", "JWT", "alg", jwt_alg_name(k->alg), "kid",
                               k->fingerprint),
                     e);
    if (r < 0)
        return r;
    buf_addc(&t, '.');
    r = add_part(&t, claims_json(c), e);
    if (r == 0)
        r = sign(k, t.p, t.n, sig, &n_sig, e);
    if (r < 0)
        return r;
    buf_addc(&t, '.');
    base64_add(BASE64_URL, sig, n_sig, &t);
    r = buf_check(&t, e);
    if (r < 0)
        return r;
    buf_add(b, t.p, t.n);
    return buf_check(b, e);
}

/* ---- verifying ---- */

static int refuse(struct shale_err *e, const char *why)
{
    return err_set(e, SHALE_UNAUTHORIZED, "token: %s", why);
}

struct parts {
    struct str signed_text, header, payload, signature;
};

static bool split(struct str token, struct parts *ret)
{
    const char *a = memchr(token.p, '.', token.n), *end = token.p + token.n;
    const char *b = a ? memchr(a + 1, '.', (size_t)(end - a - 1)) : NULL;

    if (!b || memchr(b + 1, '.', (size_t)(end - b - 1)))
        return false;
    ret->header = (struct str){token.p, (size_t)(a - token.p)};
    ret->payload = (struct str){a + 1, (size_t)(b - a - 1)};
    ret->signature = (struct str){b + 1, (size_t)(end - b - 1)};
    ret->signed_text = (struct str){token.p, (size_t)(b - token.p)};
    return ret->header.n && ret->payload.n;
}

static json_t *json_part(struct str part)
{
    uint8_t bytes[BASE64_BYTES(JWT_MAX_BYTES)];
    json_t *j = NULL;

    ssize_t n = base64_decode(BASE64_URL, part.p, part.n, bytes);
    if (n < 0 || json_parse(bytes, (size_t)n, sizeof bytes, &j, NULL) < 0)
        return NULL;
    if (!json_is_object(j)) {
        json_decref(j);
        return NULL;
    }
    return j;
}

static bool kid_fits(const struct jwt_key *k, const char *kid)
{
    return kid && ((*k->kid && streq(kid, k->kid)) || streq(kid, k->fingerprint) ||
                   streq(kid, k->thumbprint));
}

static bool remembered(struct jwt_trust *t, const uint8_t sha[SHA256_DIGEST_LENGTH], bool remember)
{
    size_t slot = (sha[0] | (size_t)sha[1] << 8) & (JWT_MEMORY_SLOTS - 1);

    pthread_mutex_lock(&t->mutex);
    bool yes = memcmp(t->memory[slot], sha, SHA256_DIGEST_LENGTH) == 0;
    if (remember)
        memcpy(t->memory[slot], sha, SHA256_DIGEST_LENGTH);
    pthread_mutex_unlock(&t->mutex);
    return yes;
}

/* The signature by a trusted key whose algorithm is the one the header names; keys that `kid` names
 * come first. */
static int check_signature(struct jwt_trust *t, const struct parts *p, const char *alg,
                           const char *kid, struct shale_err *e)
{
    uint8_t sig[BASE64_BYTES(JWT_MAX_SIG / 3 * 4 + 4)];
    bool named = false, some_alg = false;
    ssize_t n = -1;

    if (p->signature.n <= JWT_MAX_SIG / 3 * 4 + 4)
        n = base64_decode(BASE64_URL, p->signature.p, p->signature.n, sig);
    if (n <= 0)
        return refuse(e, "no signature");
    for (size_t i = 0; i < t->n; i++)
        named |= kid_fits(&t->keys[i], kid);
    for (size_t i = 0; i < t->n; i++) {
        const struct jwt_key *k = &t->keys[i];
        if (!streq(alg, jwt_alg_name(k->alg)) || (named && !kid_fits(k, kid)))
            continue;
        some_alg = true;
        if (signature_fits(k, p->signed_text, sig, n))
            return 0;
    }
    return refuse(e, some_alg ? "signature of nobody that is trusted"
                              : "algorithm that no trusted key has");
}

static int check_header(struct jwt_trust *t, struct str token, const struct parts *p,
                        struct shale_err *e)
{
    uint8_t sha[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)token.p, token.n, sha);
    if (remembered(t, sha, false))
        return 0;
    _cleanup_json_ json_t *h = json_part(p->header);
    if (!h)
        return refuse(e, "header that cannot be read");
    const char *alg = json_string_value(json_object_get(h, "alg"));
    if (!alg)
        return refuse(e, "no algorithm");
    if (json_object_get(h, "crit"))
        return refuse(e, "critical extensions");
    int r = check_signature(t, p, alg, json_string_value(json_object_get(h, "kid")), e);
    if (r == 0)
        remembered(t, sha, true);
    return r;
}

/* ---- claims ---- */

static int text_claim(const json_t *j, const char *name, struct arena *a, const char **ret,
                      struct shale_err *e)
{
    const json_t *v = json_object_get(j, name);

    if (!v || json_is_null(v))
        return 0;
    if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
        return refuse(e, "claim that is no text");
    *ret = arena_strdup(a, json_string_value(v));
    return *ret ? 0 : err_nomem(e);
}

static int time_claim(const json_t *j, const char *name, int64_t *ret, struct shale_err *e)
{
    const json_t *v = json_object_get(j, name);

    if (!v || json_is_null(v))
        return 0;
    double d = json_number_value(v);
    if (!json_is_number(v) || !(d > 0) || d > (double)MAX_TIME_S)
        return refuse(e, "time that is none");
    *ret = (int64_t)d;
    return 0;
}

static int list_claim(const json_t *v, size_t max, struct arena *a, struct strv *ret,
                      struct shale_err *e)
{
    json_t *one;
    size_t i;

    if (json_array_size(v) > max)
        return refuse(e, "list that is too long");
    ret->v = arena_array(a, json_array_size(v) + 1, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    json_array_foreach(v, i, one)
    {
        if (!json_is_string(one))
            return refuse(e, "list with something else than texts");
        if (!(ret->v[i] = arena_strdup(a, json_string_value(one))))
            return err_nomem(e);
        ret->n++;
    }
    return 0;
}

static int aud_claim(const json_t *j, struct arena *a, struct strv *ret, struct shale_err *e)
{
    const json_t *v = json_object_get(j, "aud");

    if (json_is_array(v))
        return list_claim(v, JWT_MAX_ACTIONS, a, ret, e);
    const char *one = NULL;
    int r = text_claim(j, "aud", a, &one, e);
    if (r < 0 || !one)
        return r;
    if (!(ret->v = arena_array(a, 1, sizeof *ret->v)))
        return err_nomem(e);
    ret->v[0] = (char *)one;
    ret->n = 1;
    return 0;
}

static int access_claim(const json_t *j, struct arena *a, struct jwt_claims *c, struct shale_err *e)
{
    const json_t *list = json_object_get(j, "access");
    json_t *one;
    size_t i;
    int r = 0;

    if (!list || json_is_null(list))
        return 0;
    if (!json_is_array(list) || json_array_size(list) > JWT_MAX_ACCESS)
        return refuse(e, "access that cannot be read");
    c->access = arena_array(a, json_array_size(list) + 1, sizeof *c->access);
    if (!c->access)
        return err_nomem(e);
    json_array_foreach(list, i, one)
    {
        struct jwt_access *x = &c->access[i];
        const json_t *actions = json_object_get(one, "actions");
        if (actions && !json_is_array(actions) && !json_is_null(actions))
            return refuse(e, "actions that are no list");
        r = text_claim(one, "type", a, &x->type, e);
        if (r == 0)
            r = text_claim(one, "name", a, &x->name, e);
        if (r == 0)
            r = list_claim(actions, JWT_MAX_ACTIONS, a, &x->actions, e);
        if (r < 0)
            return r;
        if (!x->type || !x->name)
            return refuse(e, "access without type or name");
        c->n_access++;
    }
    return 0;
}

static int read_claims(const json_t *j, struct arena *a, struct jwt_claims *c, struct shale_err *e)
{
    int r = text_claim(j, "iss", a, &c->iss, e);
    if (r == 0)
        r = text_claim(j, "sub", a, &c->sub, e);
    if (r == 0)
        r = text_claim(j, "jti", a, &c->jti, e);
    if (r == 0)
        r = aud_claim(j, a, &c->aud, e);
    if (r == 0)
        r = time_claim(j, "exp", &c->exp_s, e);
    if (r == 0)
        r = time_claim(j, "nbf", &c->nbf_s, e);
    if (r == 0)
        r = time_claim(j, "iat", &c->iat_s, e);
    return r < 0 ? r : access_claim(j, a, c, e);
}

static int check_claims(const struct jwt_claims *c, const struct jwt_expect *x, struct shale_err *e)
{
    if (!streq(c->iss, x->issuer))
        return refuse(e, "of another issuer");
    bool for_us = false;
    for (size_t i = 0; i < c->aud.n; i++)
        for_us |= streq(c->aud.v[i], x->audience);
    if (!for_us)
        return refuse(e, "for another audience");
    if (!c->exp_s)
        return refuse(e, "without an end");
    if (x->now_s >= c->exp_s + x->skew_s)
        return refuse(e, "expired");
    if (c->exp_s > x->now_s + JWT_MAX_LIFE_S)
        return refuse(e, "with an end too far away");
    if (c->nbf_s > x->now_s + x->skew_s || c->iat_s > x->now_s + x->skew_s)
        return refuse(e, "not good yet");
    return 0;
}

int jwt_verify(struct jwt_trust *t, const char *token, size_t n, const struct jwt_expect *x,
               struct arena *a, struct jwt_claims *ret, struct shale_err *e)
{
    struct jwt_claims c = {0};
    struct parts p;

    if (n > JWT_MAX_BYTES)
        return refuse(e, "too long");
    if (!split((struct str){token, n}, &p))
        return refuse(e, "not of three parts");
    int r = check_header(t, (struct str){token, n}, &p, e);
    if (r < 0)
        return r;
    _cleanup_json_ json_t *j = json_part(p.payload);
    if (!j)
        return refuse(e, "claims that cannot be read");
    r = read_claims(j, a, &c, e);
    if (r == 0)
        r = check_claims(&c, x, e);
    if (r < 0)
        return r;
    *ret = c;
    return 0;
}
