/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/index/search_query.h"

#include "registry_test.h"

static int parse(const char *text, struct arena *a, struct search_query *q, struct shale_err *e)
{
    struct http_query h;

    assert_true(http_query_parse(str_of(text), a, &h));
    return search_query_parse(&h, 1000 * NS_PER_S, a, q, e);
}

static void test_good(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
    struct search_query q;
    (void)state;
    assert_ok(parse("q=a++b&file=/usr/bin/jq&file=*.so&file=/etc/**&package=openssl%3C%3D3.0"
                    "&package=lib*&label=k%3Dv%3Dw&annotation=x&arch=arm/v7&digest=abcd&size=%3E1k"
                    "&size=%3C=2k&since=10s&n=5&page=2&tag=",
                    &a, &q, err));
    assert_int_equal(q.n_words, 2);
    assert_string_equal(q.words[1], "b");
    assert_int_equal(q.n_files, 3);
    assert_string_equal(q.files[0].dir, "usr/bin");
    assert_string_equal(q.files[0].name, "jq");
    assert_false(q.files[0].name_glob || q.files[0].dir_glob);
    assert_null(q.files[1].dir);
    assert_true(q.files[1].name_glob && !q.files[1].any_name);
    assert_true(q.files[2].any_name);
    assert_int_equal(q.n_packages, 2);
    assert_string_equal(q.packages[0].name, "openssl");
    assert_int_equal(q.packages[0].op, SEARCH_LE);
    assert_string_equal(q.packages[0].version, "3.0");
    assert_true(q.packages[1].glob && !q.packages[1].version);
    assert_int_equal(q.n_facts, 2);
    assert_string_equal(q.facts[0].value, "v=w");
    assert_null(q.facts[1].value);
    assert_string_equal(q.arch, "arm");
    assert_string_equal(q.variant, "v7");
    assert_string_equal(q.digest, "sha256:abcd");
    assert_int_equal(q.min_bytes, 1025);
    assert_int_equal(q.max_bytes, 2048);
    assert_int_equal(q.since_ns, 990 * NS_PER_S);
    assert_null(q.tag);
    assert_true(search_query_looks_inside(&q));
    assert_ok(parse("file=top", &a, &q, err));
    assert_null(q.files[0].dir);
    assert_ok(parse("file=/top", &a, &q, err));
    assert_string_equal(q.files[0].dir, "");
}

static void test_bad(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"x=1", "there is no field \"x\""},
        {"file=/", "file: the path"},
        {"file=a/", "file: the path"},
        {"sha256=abc", "sha256: 64 hex"},
        {"package=%3C1", "package: NAME"},
        {"package=a%3D", "package: NAME"},
        {"label=%3Dx", "label: KEY"},
        {"digest=abc", "digest: sha256:"},
        {"digest=ABCDEF", "digest: sha256:"},
        {"size=-1", "size: a size"},
        {"size=%3E", "size: a size"},
        {"since=yesterday", "since: a time"},
        {"tag=a%20b", "tag: glob"},
        {"q=1+2+3+4+5+6+7+8+9", "q: words: at most 8"},
        {"file=1&file=2&file=3&file=4&file=5&file=6&file=7&file=8&file=9", "file: files: at most"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
        struct shale_err e = SHALE_ERR_INIT;
        struct search_query q;
        assert_int_equal(parse(cases[i].text, &a, &q, &e), -SHALE_INVALID);
        if (!strstr(e.msg, cases[i].want))
            fail_msg("%s: %s", cases[i].text, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
