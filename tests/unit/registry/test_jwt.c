/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens against PyJWT (jwt_peer.py): what it signs, what it accepts, and what nobody may. */
#include "registry_test.h"

#include "base/proc.h"
#include "registry/auth/jwt.h"

#define NOW 1700000000

static struct tmp dir;
static const char *peer_script;

/* Runs jwt_peer.py; its output in b. */
static void peer(struct buf *b, const char *what, const char *a1, const char *a2, const char *a3,
                 const char *a4, const char *a5)
{
    const char *argv[] = {"/usr/bin/python3", peer_script, what, a1, a2, a3, a4, a5, NULL};
    struct proc_opts o = {.argv = argv};
    struct shale_err e = SHALE_ERR_INIT;
    int status;

    if (proc_run(&o, b, NULL, &status, NULL, &e) < 0 || status != 0)
        fail_msg("%s %s: %d %s", peer_script, what, status, e.msg);
}

static int setup(void **state)
{
    peer_script = getenv("SHALE_JWT_PEER");
    if (!peer_script)
        return -1;
    dir = tmp_make();
    peer(NULL, "keys", dir.path, NULL, NULL, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    tmp_clear(&dir);
    return 0;
}

static const struct jwt_expect expect = {"iss", "reg", NOW, 60};

static const char good_claims[] =
    "{\"iss\":\"iss\",\"sub\":\"alice\",\"aud\":[\"other\",\"reg\"],\"exp\":1700000300,"
    "\"nbf\":1699999990,\"iat\":1700000000,\"jti\":\"x1\",\"access\":[{\"type\":\"repository\","
    "\"name\":\"a/b\",\"actions\":[\"pull\",\"push\"]},{\"type\":\"registry\",\"name\":\"catalog\","
    "\"actions\":[\"*\"]}],\"other\":{\"a\":[1]}}";

static struct jwt_trust *trust_of(const char *name)
{
    struct jwt_trust *t = NULL;
    char path[128];

    assert_ok(jwt_trust_load(tmp_path(&dir, name, path), &t, err));
    return t;
}

/* What PyJWT shall sign; claims NULL: good_claims. */
struct want {
    const char *key, *alg, *claims, *headers;
    const char *why; /* it shall be refused */
};

/* Tokens with newlines between, of one run of the script. */
static void sign_all(struct buf *tokens, const struct want *w, size_t n)
{
    struct buf list = BUF_INIT(1u << 20);

    for (size_t i = 0; i < n; i++)
        buf_addf(&list, "%s[\"%s\", \"%s\", %s, %s]", i ? ", " : "[", w[i].key, w[i].alg,
                 w[i].claims ? w[i].claims : good_claims, w[i].headers);
    buf_adds(&list, "]");
    buf_reset(tokens);
    peer(tokens, "sign", dir.path, buf_str(&list), NULL, NULL, NULL);
    buf_clear(&list);
    tokens->n -= tokens->n > 0; /* the last newline */
}

static void check_good(const struct jwt_claims *c)
{
    assert_string_equal(c->sub, "alice");
    assert_string_equal(c->jti, "x1");
    assert_int_equal(c->exp_s, NOW + 300);
    assert_int_equal(c->n_access, 2);
    assert_string_equal(c->access[0].type, "repository");
    assert_string_equal(c->access[0].name, "a/b");
    assert_int_equal(c->access[0].actions.n, 2);
    assert_string_equal(c->access[0].actions.v[1], "push");
    assert_string_equal(c->access[1].actions.v[0], "*");
}

static void test_peer_signs(void **state)
{
    static const struct want wants[] = {
        {"rsa", "RS256", NULL, "{\"kid\":\"key-rsa\"}", NULL},
        {"ec", "ES256", NULL, "{\"kid\":\"key-ec\"}", NULL},
        {"ed", "EdDSA", NULL, "{\"kid\":\"key-ed\"}", NULL},
        {"rsa", "RS256", NULL, "{}", NULL},
        {"ec", "ES256", NULL, "{\"kid\":\"of nobody\"}", NULL},
        {"ed", "EdDSA", NULL, "{\"x5c\":[\"AAAA\"],\"jku\":\"http://evil\"}", NULL},
    };
    static const char *const trusts[] = {"jwks.json", "pub.pem"};
    struct buf b = BUF_INIT(1u << 16);

    sign_all(&b, wants, ARRAY_SIZE(wants));
    for (size_t k = 0; k < ARRAY_SIZE(trusts); k++) {
        struct jwt_trust *t = trust_of(trusts[k]);
        struct str rest = {b.p, b.n}, token;
        size_t n = 0;
        assert_int_equal(jwt_trust_count(t), 3);
        while (str_split(&rest, '\n', &token)) {
            struct arena a = ARENA_INIT(1u << 20);
            struct jwt_claims c = {0};
            for (int again = 0; again < 2; again++) { /* the second time from memory */
                assert_ok(jwt_verify(t, token.p, token.n, &expect, &a, &c, err));
                check_good(&c);
            }
            arena_clear(&a);
            n++;
        }
        assert_int_equal(n, ARRAY_SIZE(wants));
        assert_null(jwt_trust_free(t));
    }
    buf_clear(&b);
}

static void refused(struct jwt_trust *t, struct str token, const char *why)
{
    struct arena a = ARENA_INIT(1u << 20);
    struct shale_err e = SHALE_ERR_INIT;
    struct jwt_claims c = {0};

    int r = jwt_verify(t, token.p, token.n, &expect, &a, &c, &e);
    if (r != -SHALE_UNAUTHORIZED || !strstr(e.msg, why))
        fail_msg("%d %s, not %s: %.*s", r, e.msg, why, (int)token.n, token.p);
    arena_clear(&a);
}

static void all_refused(const struct want *w, size_t n)
{
    struct jwt_trust *t = trust_of("jwks.json");
    struct buf b = BUF_INIT(1u << 20);
    struct str rest, token;
    size_t i = 0;

    sign_all(&b, w, n);
    for (rest = (struct str){b.p, b.n}; str_split(&rest, '\n', &token); i++)
        refused(t, token, w[i].why);
    assert_int_equal(i, n);
    jwt_trust_free(t);
    buf_clear(&b);
}

static void test_algorithms(void **state)
{
    static const struct want wants[] = {
        {"rsa", "none", NULL, "{}", "no signature"},
        {"rsa", "HS256", NULL, "{\"kid\":\"key-rsa\"}", "algorithm that no trusted key has"},
        {"rsa", "HS256", NULL, "{\"kid\":\"oct\"}", "algorithm that no trusted key has"},
        {"rsa", "RS512", NULL, "{}", "algorithm that no trusted key has"},
        {"rsa", "PS256", NULL, "{}", "algorithm that no trusted key has"},
        {"p384", "ES384", NULL, "{\"kid\":\"key-p384\"}", "algorithm that no trusted key has"},
        {"small", "RS256", NULL, "{\"kid\":\"key-small\"}", "signature of nobody"},
        {"rsa", "RS256", NULL, "{\"kid\":\"key-ec\"}", "algorithm that no trusted key has"},
        {"rsa", "RS256", NULL, "{\"crit\":[\"b64\"],\"b64\":true}", "critical"},
    };
    all_refused(wants, ARRAY_SIZE(wants));
}

static void test_claims(void **state)
{
    static const struct want wants[] = {
        {"ed", "EdDSA", "{\"iss\":\"other\",\"aud\":\"reg\",\"exp\":1700000300}", "{}",
         "another issuer"},
        {"ed", "EdDSA", "{\"aud\":\"reg\",\"exp\":1700000300}", "{}", "another issuer"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"other\",\"exp\":1700000300}", "{}",
         "another audience"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":[],\"exp\":1700000300}", "{}",
         "another audience"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"exp\":1700000300}", "{}", "another audience"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"reg\"}", "{}", "without an end"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1699999940}", "{}", "expired"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1e20}", "{}",
         "time that is none"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":-5}", "{}", "time that is none"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1800000000}", "{}",
         "too far away"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1700000300,\"nbf\":1700000061}",
         "{}", "not good yet"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1700000300,\"iat\":1700000061}",
         "{}", "not good yet"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1700000300,\"sub\":5}", "{}",
         "no text"},
        {"ed", "EdDSA", "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1700000300,\"access\":{}}", "{}",
         "access"},
        {"ed", "EdDSA",
         "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1700000300,\"access\":[{\"type\":\"x\"}]}", "{}",
         "without type or name"},
        {"ed", "EdDSA",
         "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1700000300,\"access\":[{\"type\":\"x\",\"name\":"
         "\"n\",\"actions\":\"pull\"}]}",
         "{}", "actions that are no list"},
        {"ed", "EdDSA",
         "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1700000300,\"access\":[{\"type\":\"x\",\"name\":"
         "\"n\",\"actions\":[1]}]}",
         "{}", "something else than texts"},
    };
    static const char in_skew[] = "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1699999941}";
    static const char fraction[] =
        "{\"iss\":\"iss\",\"aud\":\"reg\",\"exp\":1700000300.75,\"nbf\":1700000060,\"access\":"
        "null}";
    static const struct want good_wants[] = {{"ed", "EdDSA", in_skew, "{}", NULL},
                                             {"ed", "EdDSA", fraction, "{}", NULL}};
    struct jwt_trust *t = trust_of("jwks.json");
    struct buf b = BUF_INIT(1u << 16);

    all_refused(wants, ARRAY_SIZE(wants));
    sign_all(&b, good_wants, 2);
    struct str rest = {b.p, b.n}, token;
    while (str_split(&rest, '\n', &token)) {
        struct arena a = ARENA_INIT(1u << 20);
        struct jwt_claims c = {0};
        assert_ok(jwt_verify(t, token.p, token.n, &expect, &a, &c, err));
        assert_int_equal(c.n_access, 0);
        arena_clear(&a);
    }
    jwt_trust_free(t);
    buf_clear(&b);
}

/* One character changed anywhere, or the token cut anywhere, is refused; also when the right one is
 * remembered. */
static void test_tampered(void **state)
{
    static const struct want wants[] = {{"ec", "ES256", NULL, "{}", NULL},
                                        {"ed", "EdDSA", NULL, "{}", NULL}};
    struct jwt_trust *t = trust_of("jwks.json");
    struct buf b = BUF_INIT(1u << 16);
    struct arena a = ARENA_INIT(1u << 20);
    struct jwt_claims c = {0};

    for (size_t k = 0; k < ARRAY_SIZE(wants); k++) {
        sign_all(&b, &wants[k], 1);
        assert_ok(jwt_verify(t, b.p, b.n, &expect, &a, &c, err));
        for (size_t i = 0; i < b.n; i++) {
            char was = b.p[i];
            b.p[i] = was == 'A' ? 'B' : 'A';
            assert_int_equal(jwt_verify(t, b.p, b.n, &expect, &a, &c, NULL), -SHALE_UNAUTHORIZED);
            b.p[i] = was;
            assert_int_equal(jwt_verify(t, b.p, i, &expect, &a, &c, NULL), -SHALE_UNAUTHORIZED);
        }
        buf_addc(&b, '.');
        refused(t, (struct str){b.p, b.n}, "three parts");
    }
    while (b.n <= JWT_MAX_BYTES)
        buf_addc(&b, 'A');
    refused(t, (struct str){b.p, b.n}, "too long");
    arena_clear(&a);
    jwt_trust_free(t);
    buf_clear(&b);
}

static struct jwt_key *key_of(const char *name)
{
    struct jwt_key *k = NULL;
    char path[128];

    assert_ok(jwt_key_load(tmp_path(&dir, name, path), &k, err));
    return k;
}

/* Ours, by every kind of key: PyJWT accepts them with the JWKS that we print, and so do we. */
static void test_we_sign(void **state)
{
    static const char *const keys[] = {"rsa.pem", "ec.pem", "ed.pem", "own.pem"};
    char *actions[] = {"pull", "push"}, *aud[] = {"reg"}, path[128];
    struct jwt_access access = {"repository", "a/b", {actions, 2, true}};
    struct jwt_claims c = {.iss = "iss",
                           .sub = "alice",
                           .jti = "j",
                           .aud = {aud, 1, true},
                           .access = &access,
                           .n_access = 1};
    struct stat st;

    assert_ok(jwt_key_create(tmp_path(&dir, "own.pem", path), err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(jwt_key_create(path, NULL), -SHALE_EXISTS);
    c.iat_s = c.nbf_s = time_now_ns() / NS_PER_S;
    c.exp_s = c.iat_s + 300;
    struct jwt_expect x = {"iss", "reg", c.iat_s, 0};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct buf token = BUF_INIT(1u << 16), jwks = BUF_INIT(1u << 16), out = BUF_INIT(1u << 16);
        struct arena a = ARENA_INIT(1u << 20);
        struct jwt_claims got = {0};
        struct jwt_trust *t = NULL;
        struct jwt_key *k = key_of(keys[i]);
        assert_ok(jwt_issue(k, &c, &token, err));
        assert_ok(jwt_key_jwks(k, &jwks, err));
        peer(&out, "verify", buf_str(&jwks), buf_str(&token), "reg", NULL, NULL);
        assert_non_null(strstr(buf_str(&out), "\"sub\": \"alice\""));
        assert_non_null(strstr(buf_str(&out), "\"access\": [{\"type\": \"repository\", \"name\": "
                                              "\"a/b\", \"actions\": [\"pull\", \"push\"]}]"));
        buf_reset(&out);
        peer(&out, "fingerprint", tmp_path(&dir, keys[i], path), NULL, NULL, NULL, NULL);
        assert_string_equal(buf_str(&out), jwt_key_fingerprint(k));
        assert_ok(jwt_trust_key(k, &t, err));
        jwt_key_free(k);
        assert_ok(jwt_verify(t, token.p, token.n, &x, &a, &got, err));
        assert_string_equal(got.sub, "alice");
        jwt_trust_free(t);
        assert_ok(jwt_trust_parse(jwks.p, jwks.n, &t, err));
        assert_ok(jwt_verify(t, token.p, token.n, &x, &a, &got, err));
        jwt_trust_free(t);
        arena_clear(&a);
        buf_clear(&token);
        buf_clear(&jwks);
        buf_clear(&out);
    }
}

/* RFC 8037, appendix A. */
static void test_vector(void **state)
{
    static const char ed[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                             "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
    /* RFC 8037, appendix A.4: signed with that key; its payload is no claims, its signature right.
     */
    static const char signed_ed[] =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    struct jwt_trust *t = NULL;

    assert_ok(jwt_trust_parse(ed, strlen(ed), &t, err));
    refused(t, str_of(signed_ed), "claims that cannot be read"); /* after the signature was right */
    jwt_trust_free(t);
}

static void test_bad_files(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":[1,null,\"x\"]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AA\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}", /* not on the curve */
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "garbage",
    };
    struct jwt_trust *t = NULL;
    struct jwt_key *k = NULL;
    char path[128];

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (jwt_trust_parse(bad[i], strlen(bad[i]), &t, NULL) != -SHALE_INVALID)
            fail_msg("case %zu", i);
    assert_int_equal(jwt_trust_load(tmp_path(&dir, "none", path), &t, NULL), -SHALE_NOT_FOUND);
    assert_int_equal(jwt_key_load(tmp_path(&dir, "small.pem", path), &k, NULL), -SHALE_INVALID);
    assert_int_equal(jwt_key_load(tmp_path(&dir, "p384.pem", path), &k, NULL), -SHALE_INVALID);
    assert_int_equal(jwt_key_load(tmp_path(&dir, "pub.pem", path), &k, NULL), -SHALE_INVALID);
    assert_int_equal(jwt_key_load(tmp_path(&dir, "jwks.json", path), &k, NULL), -SHALE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer_signs), cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_claims),     cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_we_sign),    cmocka_unit_test(test_vector),
        cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
