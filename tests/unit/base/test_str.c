/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include <errno.h>

#include "base/base64.h"
#include "base/hash.h"

static void test_compare(void **state)
{
    assert_true(str_has_prefix("sha256:a", "sha256:"));
    assert_true(str_has_prefix("a", ""));
    assert_false(str_has_prefix("sha", "sha256"));
    assert_true(str_has_suffix("a.tar", ".tar"));
    assert_false(str_has_suffix("r", ".tar"));
    assert_true(str_ieq("AMD64", "amd64"));
    assert_false(str_ieq("a", "ab"));
    assert_false(str_ieq("[", "{")); /* 0x20 apart, not letters */
    assert_true(streq(NULL, NULL));
    assert_false(streq(NULL, ""));
    assert_true(str_eq(STR("ab"), (struct str){"abc", 2}));
    assert_true(str_eq(STR(""), str_of(NULL)));
}

static void test_numbers(void **state)
{
    static const char *const bad[] = {
        "", "-", "+", " 1", "1 ", "0x1", "1.0", "--1", "-9223372036854775809"};
    uint64_t u = 7;
    int64_t i = 7;

    assert_true(str_to_u64("18446744073709551615", &u) && u == UINT64_MAX);
    assert_false(str_to_u64("18446744073709551616", &u));
    assert_false(str_to_u64("184467440737095516150", &u));
    assert_false(str_to_u64("+1", &u));
    assert_false(str_to_u64("-1", &u));
    assert_true(u == UINT64_MAX);
    assert_true(str_to_i64("-9223372036854775808", &i) && i == INT64_MIN);
    assert_true(str_to_i64("9223372036854775807", &i) && i == INT64_MAX);
    assert_false(str_to_i64("9223372036854775808", &i));
    for (size_t k = 0; k < ARRAY_SIZE(bad); k++)
        assert_false(str_to_i64(bad[k], &i));
}

static void test_split_and_trim(void **state)
{
    struct str rest = STR("a,,b,"), s;

    assert_true(str_split(&rest, ',', &s) && str_eq(s, STR("a")));
    assert_true(str_split(&rest, ',', &s) && s.n == 0);
    assert_true(str_split(&rest, ',', &s) && str_eq(s, STR("b")));
    assert_true(str_split(&rest, ',', &s) && s.n == 0);
    assert_false(str_split(&rest, ',', &s));
    assert_true(str_eq(str_trim(STR(" \t\r\n a b \v\f")), STR("a b")));
    assert_int_equal(str_trim(STR("  ")).n, 0);
}

static void test_utf8(void **state)
{
    static const char *const bad[] = {"\x80",         "\xc3",         "\xc0\xaf",
                                      "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xf8\x88",     "a\xff",        "\xe2\x82"};

    assert_true(str_is_utf8("", 0));
    assert_true(str_is_utf8("a\0b", 3));
    assert_true(str_is_utf8("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", 13));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(str_is_utf8(bad[i], strlen(bad[i])));
}

static void test_printable(void **state)
{
    char out[64], small[6];

    assert_string_equal(str_printable(out, sizeof out, "plain \xc3\xbc"), "plain \xc3\xbc");
    assert_string_equal(str_printable(out, sizeof out, "\x1b[2J\n\x7f"), "\\x1b[2J\\x0a\\x7f");
    assert_string_equal(str_printable(out, sizeof out, "\xff\xc2\x9b"), "\\xff\\xc2\\x9b");
    assert_string_equal(str_printable(small, sizeof small, "abc\xc3\xbcxyz"), "abc\xc3\xbc");
    assert_string_equal(str_printable(small, sizeof small, "abcd\xc3\xbc"), "abcd");
    assert_string_equal(str_printable(small, 1, "abc"), "");
}

static void test_distance(void **state)
{
    assert_int_equal(str_distance("pull", "pull", 2), 0);
    assert_int_equal(str_distance("pull", "pul", 2), 1);
    assert_int_equal(str_distance("kitten", "sitting", 9), 3);
    assert_int_equal(str_distance("kitten", "sitting", 2), 3);
    assert_int_equal(str_distance("", "ab", 5), 2);
}

/* ---- SHA-2: the examples of FIPS 180 ---- */

static void test_known_hashes(void **state)
{
    static const struct {
        enum hash_alg alg;
        const char *text, *hex;
    } cases[] = {
        {HASH_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {HASH_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {HASH_SHA384, "abc",
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca1"
         "34c825a7"},
        {HASH_SHA512, "abc",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23"
         "a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    };
    char hex[HASH_MAX_HEX + 1];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(hash_clear) struct hash h = {0};
        size_t n = strlen(cases[i].text);
        assert_int_equal(hash_bytes(cases[i].alg, cases[i].text, n, hex, NULL), 0);
        assert_string_equal(hex, cases[i].hex);
        assert_int_equal(strlen(hex), 2 * hash_size(cases[i].alg));
        for (int again = 0; again < 2; again++) { /* in pieces; the object is used twice */
            assert_int_equal(hash_init(&h, cases[i].alg, NULL), 0);
            for (size_t k = 0; k < n; k++)
                hash_update(&h, cases[i].text + k, 1);
            hash_hex(&h, hex);
            assert_string_equal(hex, cases[i].hex);
        }
    }
}

/* Short texts are hashed by code of our own, streams by libcrypto. */
static void test_both_hashes_agree(void **state)
{
    static const size_t around[] = {300, 4095, 65535, 65536, 65537};
    static uint8_t text[65537];
    char ours[HASH_MAX_HEX + 1], theirs[HASH_MAX_HEX + 1];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 131 + (i >> 7));
    for (size_t i = 0; i < 300 + ARRAY_SIZE(around); i++) {
        _cleanup_(hash_clear) struct hash h = {0};
        size_t n = i < 300 ? i : around[i - 300];
        assert_int_equal(hash_bytes(HASH_SHA256, text, n, ours, NULL), 0);
        assert_int_equal(hash_init(&h, HASH_SHA256, NULL), 0);
        hash_update(&h, text, n);
        hash_hex(&h, theirs);
        assert_string_equal(ours, theirs);
    }
}

/* The vectors of RFC 4648, and bytes that differ between the alphabets. */
static void test_base64(void **state)
{
    static const char *const cases[][3] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xff\xef\xbe", "/+++", "_---"},
        {"\xfb\xff\xbf", "+/+/", "-_-_"},
        {"a:\xc3\xa4", "YTrDpA==", "YTrDpA"},
    };
    char out[64];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t n = strlen(cases[i][0]);
        for (int flags = 0; flags <= BASE64_URL; flags++) {
            const char *text = cases[i][1 + flags];
            struct buf b = BUF_INIT(64);
            base64_encode(flags, cases[i][0], n, out);
            assert_string_equal(out, text);
            assert_true(strlen(out) <= BASE64_LENGTH(n));
            base64_add(flags, cases[i][0], n, &b);
            assert_string_equal(buf_str(&b), text);
            buf_clear(&b);
            assert_int_equal(base64_decode(flags, text, strlen(text), out), n);
            assert_memory_equal(out, cases[i][0], n);
            /* in place */
            snprintf(out, sizeof out, "%s", text);
            assert_int_equal(base64_decode(flags, out, strlen(out), out), n);
            assert_memory_equal(out, cases[i][0], n);
        }
    }
}

static void test_base64_what_is_none(void **state)
{
    static const struct {
        int flags;
        const char *text;
        int n; /* bytes, or -1 */
    } cases[] = {
        /* strict */
        {0, "Z", -1},
        {0, "Zg", -1},
        {0, "Zg=", -1},
        {0, "Zh==", -1},
        {0, "Zm9=", -1},
        {0, "Zg===", -1},
        {0, "====", -1},
        {0, "==", -1},
        {0, "=", -1},
        {0, "Z===", -1},
        {0, "Zm9v\n", -1},
        {0, " Zm9v", -1},
        {0, "Zm 9", -1},
        {0, "-_-_", -1},
        {0, "Zg==Zg==", -1},
        {0, "Zm9=v", -1},
        {0, "Zm9v!", -1},
        {0, "Zm9\xc3", -1},
        {0, "Zm9v=", -1},
        {0, "Zm9v====", -1},
        /* the other alphabet knows no padding */
        {BASE64_URL, "Z", -1},
        {BASE64_URL, "Zh", -1},
        {BASE64_URL, "Zm9", -1},
        {BASE64_URL, "Zg==", -1},
        {BASE64_URL, "+/+/", -1},
        {BASE64_URL, "Zm8=", -1},
        {BASE64_URL, "Zm9vY", -1},
        {BASE64_URL, "Zm.v", -1},
        {BASE64_URL, "Zm8", 2},
        /* what some take */
        {BASE64_UNPADDED, "Zg", 1},
        {BASE64_UNPADDED, "Zg==", 1},
        {BASE64_UNPADDED, "Zm8", 2},
        {BASE64_UNPADDED, "Z", -1},
        {BASE64_UNPADDED, "Zh", -1},
        {BASE64_UNPADDED, "Zg===", -1},
        {BASE64_SPARE, "Zh==", 1},
        {BASE64_SPARE, "Zm9=", 2},
        {BASE64_SPARE, "Zh", -1},
        {BASE64_LINES, "Zm9v\nYg==\n", 4},
        {BASE64_LINES, "\r\nZ\nm\r\n9\nv", 3},
        {BASE64_LINES, "Zm9v Yg==", -1},
        {BASE64_LINES, "Zg=\n=", 1},
    };
    char out[64];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ssize_t n = base64_decode(cases[i].flags, cases[i].text, strlen(cases[i].text), out);
        if (n != cases[i].n)
            fail_msg("%s with %d: %zd, not %d", cases[i].text, cases[i].flags, n, cases[i].n);
    }
}

static void test_hex(void **state)
{
    char a[33], b[33], out[7];

    hex_encode((const uint8_t *)"\x00\x9f\xff", 3, out);
    assert_string_equal(out, "009fff");
    assert_int_equal(random_hex(a, 16, NULL), 0);
    assert_int_equal(random_hex(b, 16, NULL), 0);
    assert_int_equal(strlen(a), 32);
    assert_int_equal(strspn(a, "0123456789abcdef"), 32);
    assert_string_not_equal(a, b);
    assert_int_equal(random_hex(a, 65, NULL), -SHALE_INVALID);
}

/* ---- errors ---- */

static void test_errors(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    char big[2000];

    assert_int_equal(err_set(&e, SHALE_CORRUPT, "at %d", 5), -SHALE_CORRUPT);
    assert_string_equal(e.msg, "at 5");
    assert_int_equal(err_wrap(&e, -SHALE_CORRUPT, "layer %s", "x"), -SHALE_CORRUPT);
    assert_string_equal(e.msg, "layer x: at 5");
    assert_int_equal(e.code, SHALE_CORRUPT);
    errno = ENOENT;
    assert_int_equal(err_sys(&e, "open %s", "f"), -SHALE_NOT_FOUND);
    assert_string_equal(e.msg, "open f: No such file or directory");
    assert_int_equal(e.sys, ENOENT);
    errno = EDQUOT;
    assert_int_equal(err_sys(NULL, "write"), -SHALE_NO_SPACE);
    assert_int_equal(err_code_of_errno(EIO), SHALE_SYSTEM);
    assert_string_equal(err_name(SHALE_NOT_FOUND), "NOT_FOUND");
    assert_string_equal(err_name(999), "UNKNOWN");
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_int_equal(err_set(&e, SHALE_INVALID, "%s", big), -SHALE_INVALID);
    assert_int_equal(err_wrap(&e, -SHALE_INVALID, "%s", big), -SHALE_INVALID);
    assert_true(strlen(e.msg) < sizeof e.msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_split_and_trim),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_printable),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_known_hashes),
        cmocka_unit_test(test_both_hashes_agree),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_base64_what_is_none),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
