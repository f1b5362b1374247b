/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ref.h"

#include "model_test.h"

enum { NO = 0, YES = 1, ERR = -SHALE_INVALID };

static const struct {
    const char *pattern, *s;
    int want;
} rows[] = {
    {"abc", "abc", YES},
    {"", "", YES},
    {"", "a", NO},
    {"abc", "ab", NO},
    {"ab", "abc", NO},
    {"*", "abc", YES},
    {"*", "", YES},
    {"**", "abc", YES},
    {"*c", "abc", YES},
    {"a*", "a", YES},
    {"a*", "abc", YES},
    {"a*", "ab/c", NO},
    {"a*/b", "abc/b", YES},
    {"a*/b", "a/c/b", NO},
    {"a*b*c*d*e*/f", "axbxcxdxe/f", YES},
    {"a*b*c*d*e*/f", "axbxcxdxexxx/f", YES},
    {"a*b*c*d*e*/f", "axbxcxdxe/xxx/f", NO},
    {"a*b*c*d*e*/f", "axbxcxdxexxx/fff", NO},
    {"a*b?c*x", "abxbbxdbxebxczzx", YES},
    {"a*b?c*x", "abxbbxdbxebxczzy", NO},
    {"*x", "xxx", YES},
    {"*ab", "aab", YES},
    {"ab[c]", "abc", YES},
    {"ab[b-d]", "abc", YES},
    {"ab[e-g]", "abc", NO},
    {"ab[^c]", "abc", NO},
    {"ab[^b-d]", "abc", NO},
    {"ab[^e-g]", "abc", YES},
    {"a\\*b", "a*b", YES},
    {"a\\*b", "ab", NO},
    {"a\\\\b", "a\\b", YES},
    {"a?b",
     "a\xe2\x98\xba"
     "b",
     YES}, /* one character, three bytes */
    {"a[^a]b",
     "a\xe2\x98\xba"
     "b",
     YES},
    {"a???b",
     "a\xe2\x98\xba"
     "b",
     NO},
    {"a[^a][^a][^a]b",
     "a\xe2\x98\xba"
     "b",
     NO},
    {"[a-\xce\xb6]*", "\xce\xb1", YES},
    {"*[a-\xce\xb6]", "A", NO},
    {"a?b",
     "a\xff"
     "b",
     YES}, /* a byte that is no UTF-8 is one character */
    {"a?b", "a/b", NO},
    {"a*b", "a/b", NO},
    {"[\\]a]", "]", YES},
    {"[\\-]", "-", YES},
    {"[x\\-]", "x", YES},
    {"[x\\-]", "-", YES},
    {"[x\\-]", "z", NO},
    {"[\\-x]", "a", NO},
    {"[a*]", "*", YES},
    {"[*]x", "*x", YES},
    {"?", "", NO},
    {"a?", "a", NO},
    /* broken patterns, also where the text has failed before */
    {"[]a]", "]", ERR},
    {"[-]", "-", ERR},
    {"[x-]", "x", ERR},
    {"[x-]", "z", ERR},
    {"[-x]", "x", ERR},
    {"[a-b-c]", "a", ERR},
    {"\\", "a", ERR},
    {"[", "a", ERR},
    {"[^", "a", ERR},
    {"[^bc", "a", ERR},
    {"a[", "a", ERR},
    {"a[", "ab", ERR},
    {"a[", "x", ERR},
    {"a/b[", "x", ERR},
    {"a*[", "x", ERR},
    {"[a\\", "a", ERR},
    {"[\xff]", "a", ERR},
    {"*x[", "abc", ERR},
};

static void test_glob(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        int r = ref_glob(rows[i].pattern, rows[i].s, &e);
        if (r != rows[i].want)
            fail_msg("\"%s\" on \"%s\": %d", rows[i].pattern, rows[i].s, r);
        assert_string_equal(e.msg, r < 0 ? "syntax error in pattern" : "");
    }
}

/* Many stars must not cost exponential time. */
static void test_glob_effort(void **state)
{
    (void)state;
    char pattern[1024], text[1024];
    for (size_t i = 0; i + 2 < sizeof pattern; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[1000] = 'b';
    pattern[1001] = 0;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(ref_glob(pattern, text, NULL), 0);
    memset(pattern, '*', sizeof pattern);
    pattern[sizeof pattern - 1] = 0;
    assert_int_equal(ref_glob(pattern, text, NULL), 1);
}

static const struct {
    const char *pattern, *ref;
    int want;
} filters[] = {
    {"ubuntu", "ubuntu:22", YES}, /* the name alone */
    {"ubuntu:22", "ubuntu:22", YES},
    {"ubuntu:2*", "ubuntu:22", YES},
    {"ubuntu:3*", "ubuntu:22", NO},
    {"u*", "ubuntu:22", YES},
    {"*", "ubuntu:22", YES},
    {"*", "u/app:1", NO},
    {"*/*", "u/app:1", YES},
    {"u/*:1", "u/app:1", YES},
    {"docker.io/library/ubuntu", "ubuntu:22", NO}, /* familiar names only */
    {"library/ubuntu", "ubuntu:22", NO},
    {"ubuntu@sha256:a*", "ubuntu@" SHA_A, YES},
    {"ubuntu@*", "ubuntu@" SHA_B, YES},
    {"ubuntu", "ubuntu@" SHA_A, YES},
    {"localhost:5000/*", "localhost:5000/x:1", YES},
    {"[", "ubuntu:22", ERR},
};

static void test_filter(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        TEST_ARENA;
        struct shale_err e = SHALE_ERR_INIT;
        struct ref r;
        assert_int_equal(ref_parse(filters[i].ref, &a, &r, &e), 0);
        int m = ref_filter_match(filters[i].pattern, &r, &e);
        if (m != filters[i].want)
            fail_msg("\"%s\" on %s: %d", filters[i].pattern, filters[i].ref, m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_glob_effort),
        cmocka_unit_test(test_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
