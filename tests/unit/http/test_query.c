/* SPDX-License-Identifier: Apache-2.0 */
#include "http/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"

static const struct {
    const char *in, *out; /* NULL: refused */
} decoded[] = {
    {"", ""},         {"abc", "abc"},  {"a%20b", "a b"}, {"a+b", "a+b"}, {"%41%2f%2F", "A//"},
    {"%", NULL},      {"%4", NULL},    {"a%4", NULL},    {"%zz", NULL},  {"%%41", NULL},
    {"a%00b", NULL},  {"a%0ab", NULL}, {"a\nb", NULL},   {"%7f", NULL},  {"%c3%a4", "\xc3\xa4"},
    {"%2541", "%41"}, {"a%41", "aA"},
};

static void test_decode(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);

    for (size_t i = 0; i < ARRAY_SIZE(decoded); i++) {
        const char *got = http_percent_decode(str_of(decoded[i].in), false, &a);
        if (!streq(got, decoded[i].out))
            fail_msg("\"%s\": %s", decoded[i].in, got ? got : "(refused)");
    }
    assert_string_equal(http_percent_decode(STR("a+b"), true, &a), "a b");
    assert_null(http_percent_decode((struct str){"a\0b", 3}, false, &a));
    /* Nothing behind the text is looked at. */
    assert_null(http_percent_decode((struct str){"%41", 2}, false, &a));
}

static void test_query(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct http_query q;

    assert_true(http_query_parse(STR("n=5&last=a%2Fb&&x&y=&n=6&z=1=2"), &a, &q));
    assert_string_equal(http_query_get(&q, "n"), "5");
    assert_string_equal(http_query_get(&q, "last"), "a/b");
    assert_string_equal(http_query_get(&q, "x"), "");
    assert_string_equal(http_query_get(&q, "y"), "");
    assert_string_equal(http_query_get(&q, "z"), "1=2");
    assert_null(http_query_get(&q, "none"));
    assert_true(http_query_parse(STR(""), &a, &q));
    assert_int_equal(q.n, 0);
    assert_false(http_query_parse(STR("a=%"), &a, &q));
    assert_false(http_query_parse(STR("%00=a"), &a, &q));
    char many[4 * HTTP_MAX_QUERY_FIELDS + 8];
    for (size_t i = 0; i < sizeof many - 1; i += 2)
        memcpy(many + i, "a&", 2);
    many[sizeof many - 1] = 0;
    assert_false(http_query_parse(str_of(many), &a, &q));
}

static void test_encode(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1024);

    http_percent_encode(&b, "a/b c&d=\xc3\xa4~", "/");
    assert_string_equal(buf_str(&b), "a/b%20c%26d%3D%C3%A4~");
    buf_reset(&b);
    http_percent_encode(&b, "a/b", "");
    assert_string_equal(buf_str(&b), "a%2Fb");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_encode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
