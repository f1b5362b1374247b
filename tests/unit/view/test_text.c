/* SPDX-License-Identifier: Apache-2.0 */
/* Text cut, escaped and quoted; JSON and floats as Go writes them; times and sizes for people. */
#include "view/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "view/gofloat.h"
#include "view/human.h"
#include "view/json_out.h"
#include "view/uni.h"

static void test_ellipsis(void **state)
{
    static const struct {
        const char *s;
        size_t width;
        const char *want;
    } rows[] = {
        {"abc", 3, "abc"},
        {"abcd", 3, "ab\u2026"},
        {"abc", 0, ""},
        {"abc", 1, "a"},
        {"\u00e9\u00e9\u00e9", 2, "\u00e9\u2026"},
        {"\u4e16\u754c", 4, "\u4e16\u754c"},
        {"\u4e16\u754c", 3, "\u4e16\u2026"},
        {"\u4e16\u754c", 2, "\u2026"},
    };
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_string_equal(text_ellipsis(&a, rows[i].s, rows[i].width), rows[i].want);
        if (rows[i].width < 2)
            continue;
        struct buf b = BUF_INIT(100);
        buf_adds(&b, "x");
        buf_adds(&b, rows[i].s);
        text_shorten(&b, 1, rows[i].width);
        assert_string_equal(buf_str(&b) + 1, rows[i].want);
        buf_clear(&b);
    }
}

static void test_escape(void **state)
{
    static const struct {
        const char *s, *want;
    } rows[] = {
        {"plain", "plain"},
        {"h\u00e9", "h\u00e9"},
        {"a\tb\nc\033d", "a\\tb\\nc\\x1bd"},
        {"\x7f\xc2\x85", "\\x7f\\u0085"},
        {"\xff\xc0", "\\xff\\xc0"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf b = BUF_INIT(100);
        text_escape(&b, str_of(rows[i].s));
        assert_string_equal(buf_str(&b), rows[i].want);
        assert_int_equal(text_is_clean(str_of(rows[i].s)), streq(rows[i].s, rows[i].want));
        buf_clear(&b);
    }
}

static void test_quote(void **state)
{
    struct buf b = BUF_INIT(100);
    (void)state;
    text_quote(&b, STR("a\"b\\c\n\x01\xff\u00e9\u200b"));
    assert_string_equal(buf_str(&b), "\"a\\\"b\\\\c\\n\\x01\\xff\u00e9\\u200b\"");
    buf_clear(&b);
}

static void test_json(void **state)
{
    static const struct {
        const char *in;
        unsigned flags;
        const char *want;
    } rows[] = {
        {"{\"b\":1,\"a\":[1.0,-0.5,1e30,1e-9,true,null],\"c\":{}}", 0,
         "{\"b\":1,\"a\":[1,-0.5,1e+30,1e-9,true,null],\"c\":{}}"},
        {"[\"<a>&\"]", 0, "[\"<a>&\"]"},
        {"[\"<a>&\"]", JSON_OUT_HTML, "[\"\\u003ca\\u003e\\u0026\"]"},
        {"[\"\\u0001\\n\\t\\\"\\\\\\u2028\"]", 0, "[\"\\u0001\\n\\t\\\"\\\\\\u2028\"]"},
        {"[\"\\u007f\\u0085\"]", JSON_OUT_ASCII, "[\"\\u007f\\u0085\"]"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf b = BUF_INIT(1000);
        json_t *j = NULL;
        assert_int_equal(json_parse(rows[i].in, strlen(rows[i].in), 1000, &j, NULL), 0);
        json_out_compact(&b, j, rows[i].flags);
        assert_string_equal(buf_str(&b), rows[i].want);
        json_decref(j);
        buf_clear(&b);
    }
    struct buf b = BUF_INIT(1000);
    json_out_string(&b,
                    STR("a\xff"
                        "b"),
                    0);
    assert_string_equal(buf_str(&b), "\"a\\ufffdb\"");
    buf_clear(&b);
}

static void test_floats(void **state)
{
    static const struct {
        double v;
        char verb;
        int prec;
        const char *want;
    } rows[] = {
        {0.1, 'g', -1, "0.1"},
        {1e21, 'g', -1, "1e+21"},
        {1e20, 'g', -1, "100000000000000000000"},
        {1e-5, 'g', -1, "1e-05"},
        {0.0001, 'g', -1, "0.0001"},
        {-2.5, 'f', 1, "-2.5"},
        {1234.5678, 'e', 3, "1.235e+03"},
        {3, 'f', -1, "3"},
        {0.1 + 0.2, 'g', -1, "0.30000000000000004"},
        {1.0 / 3, 'g', 3, "0.333"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf b = BUF_INIT(1000);
        gofloat_format(&b, rows[i].v, rows[i].verb, rows[i].prec, 21);
        assert_string_equal(buf_str(&b), rows[i].want);
        buf_clear(&b);
    }
    struct buf b = BUF_INIT(100);
    gofloat_format(&b, INFINITY, 'g', -1, 21);
    gofloat_format(&b, -INFINITY, 'g', -1, 21);
    gofloat_format(&b, NAN, 'g', -1, 21);
    assert_string_equal(buf_str(&b), "+Inf-InfNaN");
    buf_clear(&b);
}

static void test_characters(void **state)
{
    static const struct {
        const char *s;
        size_t n_chars;
    } rows[] = {
        {"", 0},
        {"abc", 3},
        {"h\u00e9", 2},
        {"\u4e16", 1},
        {"\xed\xa0\x80", 3},
        {"\xff\xfe", 2},
        {"\xf0\x9f\x98\x80", 1},
        {"\xc3", 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t n = strlen(rows[i].s);
        assert_int_equal(uni_count(rows[i].s, n), rows[i].n_chars);
        assert_int_equal(uni_prefix(rows[i].s, n, rows[i].n_chars), n);
    }
    for (uint32_t r = 0; r <= 0x10ffff; r += r < 0x3000 ? 1 : 97) {
        char utf8[4];
        uint32_t back;
        size_t n = uni_encode(r, utf8);
        assert_int_equal(uni_decode(utf8, n, &back), n);
        assert_int_equal(back, r >= 0xd800 && r < 0xe000 ? UNI_BAD : r);
    }
}

/* Each byte at each place of a text of each length. */
static void test_plain(void **state)
{
    char s[20];
    (void)state;
    for (size_t n = 0; n < sizeof s; n++) {
        memset(s, 'x', sizeof s);
        assert_int_equal(uni_plain(s, n), n);
        for (size_t at = 0; at < n; at++)
            for (int c = 0; c < 256; c++) {
                s[at] = (char)c;
                assert_int_equal(uni_plain(s, n), c >= 0x20 && c < 0x7f ? n : at);
                if (at + 1 < n) { /* and what comes after does not matter */
                    s[at + 1] = (char)(c ^ 0x80);
                    size_t want = c >= 0x20 && c < 0x7f ? at + 1 : at;
                    assert_int_equal(uni_plain(s, n), want);
                    s[at + 1] = 'x';
                }
                s[at] = 'x';
            }
    }
}

static void test_human(void **state)
{
    const int64_t now = 1700000000ll * NS_PER_S;
    struct buf b = BUF_INIT(1000);
    (void)state;
    human_ago(&b, now - 5 * NS_PER_S, now);
    buf_addc(&b, '|');
    human_ago(&b, TIME_NONE, now);
    buf_addc(&b, '|');
    human_rfc3339(&b, now);
    buf_addc(&b, '|');
    human_size(&b, 1234567);
    buf_addc(&b, '|');
    human_short_id(&b, "sha256:0123456789abcdef");
    buf_addc(&b, '|');
    human_short_id(&b, "abc");
    buf_addc(&b, '|');
    human_time(&b, now);
    assert_string_equal(buf_str(&b), "5 seconds ago||2023-11-14T22:13:20Z|1.23MB|0123456789ab|abc|"
                                     "2023-11-14 22:13:20 +0000 UTC");
    buf_reset(&b);
    setenv("TZ", "XXX-5:30", 1);
    tzset();
    human_rfc3339(&b, now);
    assert_string_equal(buf_str(&b), "2023-11-15T03:43:20+05:30");
    setenv("TZ", "UTC", 1);
    tzset();
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ellipsis), cmocka_unit_test(test_escape),
        cmocka_unit_test(test_quote),    cmocka_unit_test(test_json),
        cmocka_unit_test(test_floats),   cmocka_unit_test(test_characters),
        cmocka_unit_test(test_human),    cmocka_unit_test(test_plain),
    };
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests_name("view/text", tests, NULL, NULL);
}
