/* SPDX-License-Identifier: Apache-2.0 */
#include "http/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "http/http.h"

/* Challenges as "scheme(name=value;name=value) scheme()". */
static const struct {
    const char *in, *out;
} challenges[] = {
    {"", ""},
    {",, ,", ""},
    {"Basic", "basic()"},
    {"Basic realm=\"a b\"", "basic(realm=a b)"},
    {"bAsIc REALM=x", "basic(realm=x)"},
    {"Bearer realm=\"https://a/token\",service=\"reg\",scope=\"repository:x/y:pull,push\"",
     "bearer(realm=https://a/token;service=reg;scope=repository:x/y:pull,push)"},
    {"Bearer realm = \"r\" , service = s", "bearer(realm=r;service=s)"},
    {"Bearer realm=https://a/token,service=reg", "bearer(realm=https://a/token;service=reg)"},
    {"Basic realm=\"x\", Bearer realm=\"y\",error=\"insufficient_scope\"",
     "basic(realm=x) bearer(realm=y;error=insufficient_scope)"},
    {"Negotiate, Basic realm=\"x\"", "negotiate() basic(realm=x)"},
    {"Basic realm=\"quo\\\"te\\\\d\"", "basic(realm=quo\"te\\d)"},
    {"Basic realm=\"\"", "basic(realm=)"},
    {"Basic realm=\"a,b=c\", charset=\"UTF-8\"", "basic(realm=a,b=c;charset=UTF-8)"},
    {"realm=\"x\"", ""},
    {"\"Basic\"", ""},
};

static void show(const struct http_challenge *c, size_t n, struct buf *b)
{
    for (size_t i = 0; i < n; i++) {
        buf_addf(b, "%s%s(", i ? " " : "", c[i].scheme);
        for (size_t k = 0; k < c[i].n_params; k++)
            buf_addf(b, "%s%s=%s", k ? ";" : "", c[i].params[k].name, c[i].params[k].value);
        buf_addc(b, ')');
    }
}

static void test_challenges(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(challenges); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
        _cleanup_(buf_clear) struct buf b = BUF_INIT(4096);
        struct http_challenge c[HTTP_MAX_CHALLENGES];
        size_t n = http_parse_challenges(challenges[i].in, &a, c);
        show(c, n, &b);
        assert_string_equal(buf_str(&b), challenges[i].out);
    }
}

static void test_challenges_unfinished(void **state)
{
    static const char *const rows[] = {"Bearer realm=\"x", "Bearer realm=\"x\\", "Bearer realm=\"",
                                       "Bearer =", "Bearer realm"};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
        struct http_challenge c[HTTP_MAX_CHALLENGES];
        size_t n = http_parse_challenges(rows[i], &a, c);
        for (size_t k = 0; k < n; k++) /* half a value is no value */
            assert_null(http_challenge_get(&c[k], "realm"));
    }
}

static void test_challenges_are_bounded(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1u << 20);
    struct http_challenge c[HTTP_MAX_CHALLENGES];

    for (int i = 0; i < 1000; i++)
        buf_addf(&b, "S%d x=1, ", i);
    assert_int_equal(http_parse_challenges(buf_str(&b), &a, c), HTTP_MAX_CHALLENGES);
    buf_reset(&b);
    buf_adds(&b, "S a=b");
    for (int i = 0; i < 1000; i++)
        buf_addf(&b, ", p%d=1", i);
    size_t n = http_parse_challenges(buf_str(&b), &a, c);
    for (size_t i = 0; i < n; i++)
        assert_true(c[i].n_params <= HTTP_MAX_PARAMS);
}

static void test_link(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"</v2/x/tags/list?n=1&last=a>; rel=\"next\"", "/v2/x/tags/list?n=1&last=a"},
        {"<a>; rel=next", "a"},
        {"<a>;rel=\"next\";title=x", "a"},
        {"<a>; rel=prev, <b>; REL=\"Next\"", "b"},
        {"<a,b;c>; rel=next", "a,b;c"},
        {"<a>; title=\"rel=next\"", NULL},
        {"<a>", NULL},
        {"<a; rel=next", NULL},
        {"<>; rel=next", NULL},
        {"a; rel=next", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
        const char *got = http_parse_link_next(rows[i].in, &a);
        if (rows[i].out)
            assert_string_equal(got ? got : "(none)", rows[i].out);
        else
            assert_null(got);
    }
}

static void test_retry_after(void **state)
{
    const int64_t now = 1700000000 * NS_PER_S, day = 24 * 3600 * NS_PER_S;
    static const struct {
        const char *in;
        int64_t out; /* seconds; -1: refused, -2: a day, the most */
    } rows[] = {
        {"0", 0},
        {"120", 120},
        {"86400", 86400},
        {"86401", -2},
        {"18446744073709551615", -2},
        {"18446744073709551616", -1},
        {"-1", -1},
        {"1.5", -1},
        {"", -1},
        {"soon", -1},
        {"Tue, 14 Nov 2023 22:13:50 GMT", 30},
        {"Tue, 14 Nov 2023 22:13:20 GMT", 0},
        {"Mon, 13 Nov 2023 22:13:50 GMT", 0},
        {"Tue, 14 Nov 2093 22:13:50 GMT", -2},
        {"Tue, 14 Nov 2023 22:13:50 CET", -1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t got = -7;
        bool ok = http_parse_retry_after(rows[i].in, now, &got);
        if (ok != (rows[i].out != -1))
            fail_msg("'%s': %s", rows[i].in, ok ? "accepted" : "refused");
        if (ok)
            assert_int_equal(got, rows[i].out == -2 ? day : rows[i].out * NS_PER_S);
        else
            assert_int_equal(got, -7);
    }
}

static void test_content_range(void **state)
{
    static const struct {
        const char *in;
        bool ok;
        uint64_t first, last, total;
    } rows[] = {
        {"bytes 5-9/10", true, 5, 9, 10},
        {"Bytes 0-0/1", true, 0, 0, 1},
        {"bytes 5-9/*", true, 5, 9, UINT64_MAX},
        {"bytes 5-9/9", false, 0, 0, 0},
        {"bytes 9-5/10", false, 0, 0, 0},
        {"bytes */10", false, 0, 0, 0},
        {"bytes 5-9", false, 0, 0, 0},
        {"bytes 5-9/10 ", false, 0, 0, 0},
        {"bytes -9/10", false, 0, 0, 0},
        {"bytes 1-99999999999999999999999/*", false, 0, 0, 0},
        {"chars 5-9/10", false, 0, 0, 0},
        {"", false, 0, 0, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t first = 0, last = 0, total = 0;
        bool ok = http_parse_content_range(rows[i].in, &first, &last, &total);
        if (ok != rows[i].ok)
            fail_msg("'%s': %s", rows[i].in, ok ? "accepted" : "refused");
        assert_int_equal(first, rows[i].first);
        assert_int_equal(last, rows[i].last);
        assert_int_equal(total, rows[i].total);
    }
}

static void test_escape(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);

    assert_string_equal(http_escape("repository:a/b:pull,push", &a),
                        "repository%3Aa%2Fb%3Apull%2Cpush");
    assert_string_equal(http_escape("a-b.c_d~e", &a), "a-b.c_d~e");
    assert_string_equal(http_escape("\xc3\xa4 &=%", &a), "%C3%A4%20%26%3D%25");
    assert_string_equal(http_escape("", &a), "");
}

static void test_loopback(void **state)
{
    static const char *const yes[] = {"localhost",   "LOCALHOST", "a.localhost", "127.0.0.1",
                                      "127.255.0.9", "::1",       "[::1]"};
    static const char *const no[] = {"localhost.example", "128.0.0.1",        "10.0.0.1", "[::2]",
                                     "127.example.org",   "127.0.0.1.nip.io", ""};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        if (!http_is_loopback(yes[i]))
            fail_msg("%s is loopback", yes[i]);
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        if (http_is_loopback(no[i]))
            fail_msg("%s is not loopback", no[i]);
}

static void test_resolve(void **state)
{
    static const struct {
        const char *base, *ref, *url; /* url NULL: any spelling, "": refused or elsewhere */
        bool same;
    } rows[] = {
        {"https://h/v2/x/tags/list?n=1", "/v2/y", "https://h/v2/y", true},
        {"https://h/v2/x/tags/list?n=1", "list?last=a", "https://h/v2/x/tags/list?last=a", true},
        {"https://h/v2/x/tags/list?n=1", "?last=a", "https://h/v2/x/tags/list?last=a", true},
        {"https://h/a", "https://H:443/b", NULL, true},
        {"https://h/a", "https://h:444/b", "https://h:444/b", false},
        {"https://h/a", "http://h/b", "http://h/b", false},
        {"https://h/a", "https://h.evil/b", "https://h.evil/b", false},
        {"https://h/a", "//other/b", "https://other/b", false},
        {"https://h/a", "ftp://h/b", "", false},
        {"https://h/a", "file:///etc/passwd", "", false},
        {"https://h/a", "javascript:alert(1)", "", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
        struct shale_err e = SHALE_ERR_INIT;
        const char *url = NULL;
        bool same = false;
        int r = http_resolve(rows[i].base, rows[i].ref, &a, &url, &same, &e);
        if (rows[i].url && !*rows[i].url) {
            if (r == 0 && (same || strncmp(url, "http", 4) != 0))
                fail_msg("%s: %s", rows[i].ref, url);
            continue;
        }
        if (r < 0)
            fail_msg("%s: %s", rows[i].ref, e.msg);
        if (rows[i].url) /* without: spelling is curl's, the place counts */
            assert_string_equal(url, rows[i].url);
        assert_int_equal(same, rows[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_challenges),
        cmocka_unit_test(test_challenges_unfinished),
        cmocka_unit_test(test_challenges_are_bounded),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_content_range),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_resolve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
