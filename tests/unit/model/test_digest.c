/* SPDX-License-Identifier: Apache-2.0 */
#include "model/digest.h"

#include "model_test.h"

#define FORMAT "invalid checksum digest format"
#define LENGTH "invalid checksum digest length"
#define ALG    "unsupported digest algorithm"

static const struct {
    const char *in, *error; /* error NULL: valid */
    enum hash_alg alg;
} rows[] = {
    {SHA_A, NULL, HASH_SHA256},
    {"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL, HASH_SHA256},
    {HEX64("sha384:", "0") REP4("01234567"), NULL, HASH_SHA384},
    {HEX64("sha512:", "1") HEX64("", "2"), NULL, HASH_SHA512},
    {"", FORMAT, 0},
    {":", FORMAT, 0},
    {"sha256", FORMAT, 0},
    {"sha256:", FORMAT, 0},
    {HEX64(":", "a"), FORMAT, 0},
    {HEX64("", "a"), FORMAT, 0},
    {HEX64("sha256:", "A"), FORMAT, 0},
    {HEX64("sha256:", "g"), FORMAT, 0},
    {HEX64("sha256 :", "a"), FORMAT, 0},
    {HEX64(" sha256:", "a"), FORMAT, 0},
    {HEX64("SHA256:", "a"), FORMAT, 0},
    {HEX64("+sha256:", "a"), FORMAT, 0},
    {HEX64("sha256+:", "a"), FORMAT, 0},
    {HEX64("a..b:", "a"), FORMAT, 0},
    {"md5:a b", FORMAT, 0},
    {"md5:a:b", FORMAT, 0},
    {"sha256:abc", LENGTH, 0},
    {HEX64("sha256:", "a") "a", LENGTH, 0},
    {HEX64("sha512:", "a"), LENGTH, 0},
    {HEX64("sha384:", "a"), LENGTH, 0},
    {"md5:d41d8cd98f00b204e9800998ecf8427e", ALG, 0},
    {HEX64("blake3:", "a"), ALG, 0},
    {"sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564=", ALG, 0},
    {"multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", ALG, 0},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct digest d = {"untouched"};
        int r = digest_parse(rows[i].in, &d, &e);
        if (rows[i].error) {
            if (r == 0)
                fail_msg("%s was accepted", rows[i].in);
            assert_int_equal(r, -SHALE_INVALID);
            assert_string_equal(e.msg, rows[i].error);
            assert_string_equal(d.s, "untouched");
            continue;
        }
        if (r < 0)
            fail_msg("%s: %s", rows[i].in, e.msg);
        assert_string_equal(d.s, rows[i].in);
        assert_int_equal(digest_alg(&d), rows[i].alg);
        assert_string_equal(digest_hex(&d), strchr(rows[i].in, ':') + 1);
    }
}

static void test_parse_n(void **state)
{
    (void)state;
    struct shale_err e = SHALE_ERR_INIT;
    struct digest d;
    assert_int_equal(digest_parse_n(SHA_A "/tail", 71, &d, &e), 0);
    assert_string_equal(d.s, SHA_A);
    char nul[71];
    memcpy(nul, SHA_A, 71);
    nul[70] = 0;
    assert_int_equal(digest_parse_n(nul, 71, &d, &e), -SHALE_INVALID);
    assert_int_equal(digest_parse_n("a\0b:c", 5, &d, &e), -SHALE_INVALID);
    assert_string_equal(e.msg, FORMAT);
    assert_int_equal(digest_parse(NULL, &d, &e), -SHALE_INVALID);
    assert_int_equal(digest_parse("x", &d, NULL), -SHALE_INVALID);
}

/* FIPS 180-2: the message "abc". */
static const struct {
    enum hash_alg alg;
    const char *want;
} abc[] = {
    {HASH_SHA256, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {HASH_SHA384,
     "sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7"
     "cc2358baeca134c825a7"},
    {HASH_SHA512,
     "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274f"
     "c1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

static void test_of(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(abc); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct digest d, running;
        assert_int_equal(digest_of_bytes(abc[i].alg, "abc", 3, &d, &e), 0);
        assert_string_equal(d.s, abc[i].want);
        _cleanup_(hash_clear) struct hash h = {0};
        assert_int_equal(hash_init(&h, abc[i].alg, &e), 0);
        hash_update(&h, "a", 1);
        hash_update(&h, "bc", 2);
        digest_of_hash(&h, &running);
        assert_true(digest_eq(&d, &running));
        assert_int_equal(strncmp(d.s, digest_alg_name(abc[i].alg), 6), 0);
    }
}

static void test_short(void **state)
{
    (void)state;
    struct digest d = {"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    struct digest none = {{0}};
    char s[13];
    digest_short(&d, s);
    assert_string_equal(s, "0123456789ab");
    digest_short(&none, s);
    assert_string_equal(s, "");
    assert_true(digest_is_set(&d));
    assert_false(digest_is_set(&none));
    assert_false(digest_eq(&d, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_n),
        cmocka_unit_test(test_of),
        cmocka_unit_test(test_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
