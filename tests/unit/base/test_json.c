/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include "base/json.h"

static int parse(const char *text, json_t **ret, struct shale_err *e)
{
    return json_parse(text, strlen(text), 1000, ret, e);
}

static void test_one_value(void **state)
{
    static const char *const good[] = {"{}", " [1, 2] ", "\"s\"", "1", "true", "null", "-0.5e3"};
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "{} {}",
                                      "{} x",
                                      "{'a':1}",
                                      "[01]",
                                      "nul",
                                      "\"\n\"",
                                      "{\"a\":1,\"a\":2}",
                                      "\"\xff\"",
                                      "[\"\\u0000\"]",
                                      "{\"a\\u0000b\":1}",
                                      "\"\\ud800\"",
                                      "{\"a\":{\"b\":1,\"b\":1}}",
                                      "[99999999999999999999]"};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        _cleanup_json_ json_t *j = NULL;
        assert_int_equal(parse(good[i], &j, NULL), 0);
        assert_non_null(j);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        json_t *j = NULL;
        if (parse(bad[i], &j, &e) != -SHALE_INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_null(j);
        assert_non_null(strstr(e.msg, "not valid JSON"));
    }
}

static void test_limits(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    char text[2 * JSON_MAX_DEPTH + 3];

    for (size_t depth = JSON_MAX_DEPTH - 1; depth <= JSON_MAX_DEPTH + 1; depth++) {
        _cleanup_json_ json_t *j = NULL;
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        int r = json_parse(text, 2 * depth, 1000, &j, &e);
        assert_int_equal(r, depth > JSON_MAX_DEPTH ? -SHALE_LIMIT : 0);
    }
    /* Brackets in strings are no depth, and a quote behind a backslash ends no string. */
    _cleanup_json_ json_t *j = NULL;
    assert_int_equal(parse("\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                           "[[[[[[[[[[[[[[[[[[[[[[\"",
                           &j, &e),
                     0);
    json_t *none = NULL;
    assert_int_equal(json_parse("[1]", 3, 2, &none, &e), -SHALE_LIMIT);
    assert_int_equal(json_parse(NULL, 0, 2, &none, &e), -SHALE_INVALID);
    assert_int_equal(json_parse("{}\0", 3, 10, &none, &e), -SHALE_INVALID);
    assert_null(none);
}

struct all {
    char *str;
    uint64_t u64;
    int64_t i64;
    bool flag;
    struct strv strv, set;
    struct strmap map;
    const json_t *object, *array;
};

static const struct json_field fields[] = {
    {"str", JB_STR, offsetof(struct all, str), 0},
    {"u64", JB_U64, offsetof(struct all, u64), 0},
    {"i64", JB_I64, offsetof(struct all, i64), 0},
    {"bool", JB_BOOL, offsetof(struct all, flag), 0},
    {"strv", JB_STRV, offsetof(struct all, strv), 0},
    {"set", JB_SET, offsetof(struct all, set), 0},
    {"map", JB_STRMAP, offsetof(struct all, map), 0},
    {"object", JB_OBJECT, offsetof(struct all, object), 0},
    {"array", JB_ARRAY, offsetof(struct all, array), 0},
};

static int bind(const char *text, struct all *out, struct arena *a, json_t **keep,
                struct shale_err *e)
{
    assert_int_equal(parse(text, keep, e), 0);
    return json_bind(*keep, fields, ARRAY_SIZE(fields), out, a, e);
}

static void test_bind_all(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    _cleanup_json_ json_t *j = NULL;
    struct all v = {0};
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(
        bind("{\"str\":\"\xc3\xbc\",\"u64\":9223372036854775807,\"i64\":-9223372036854775808,"
             "\"bool\":true,\"strv\":[\"a\",\"\"],\"set\":{\"80/tcp\":{},\"x\":null},"
             "\"map\":{\"z\":\"1\",\"a\":\"2\"},\"object\":{\"k\":1},\"array\":[1,2,3],"
             "\"other\":[{}]}",
             &v, &a, &j, &e),
        0);
    assert_string_equal(v.str, "\xc3\xbc");
    assert_true(v.u64 == INT64_MAX && v.i64 == INT64_MIN && v.flag);
    assert_int_equal(v.strv.n, 2);
    assert_true(v.strv.set);
    assert_string_equal(v.strv.v[0], "a");
    assert_string_equal(v.strv.v[1], "");
    assert_int_equal(v.set.n, 2);
    assert_string_equal(v.set.v[0], "80/tcp");
    assert_string_equal(v.set.v[1], "x");
    assert_int_equal(v.map.n, 2); /* in the order of the document */
    assert_string_equal(v.map.m[0].k, "z");
    assert_string_equal(v.map.m[1].k, "a");
    assert_string_equal(strmap_get(&v.map, "a"), "2");
    assert_null(strmap_get(&v.map, "b"));
    assert_int_equal(json_object_size(v.object), 1);
    assert_int_equal(json_array_size(v.array), 3);
}

static void test_bind_absent(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    _cleanup_json_ json_t *j = NULL;
    struct all v = {.u64 = 5, .flag = true};
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(bind("{\"u64\":null,\"strv\":[],\"map\":null}", &v, &a, &j, &e), 0);
    assert_int_equal(v.u64, 5);
    assert_true(v.flag);
    assert_null(v.str);
    assert_true(v.strv.set && v.strv.n == 0);
    assert_false(v.map.set);
    assert_false(v.set.set);
}

static void test_bind_wrong_types(void **state)
{
    static const struct {
        const char *text, *member;
    } cases[] = {
        {"{\"str\":1}", "str"},      {"{\"u64\":-1}", "u64"},
        {"{\"u64\":1.5}", "u64"},    {"{\"u64\":\"1\"}", "u64"},
        {"{\"u64\":1e3}", "u64"},    {"{\"i64\":0.5}", "i64"},
        {"{\"bool\":0}", "bool"},    {"{\"strv\":\"a\"}", "strv"},
        {"{\"strv\":[1]}", "strv"},  {"{\"strv\":[null]}", "strv"},
        {"{\"set\":[]}", "set"},     {"{\"map\":{\"a\":1}}", "map"},
        {"{\"map\":[]}", "map"},     {"{\"object\":[]}", "object"},
        {"{\"array\":{}}", "array"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
        _cleanup_json_ json_t *j = NULL;
        struct shale_err e = SHALE_ERR_INIT;
        struct all v = {0};
        char quoted[32];

        if (bind(cases[i].text, &v, &a, &j, &e) != -SHALE_INVALID)
            fail_msg("accepted: %s", cases[i].text);
        snprintf(quoted, sizeof quoted, "\"%s\"", cases[i].member);
        assert_non_null(strstr(e.msg, quoted));
    }
}

static void test_bind_required_and_memory(void **state)
{
    static const struct json_field need[] = {
        {"str", JB_STR, offsetof(struct all, str), JB_REQUIRED}};
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(16), large = ARENA_INIT(1000);
    _cleanup_json_ json_t *j = NULL, *k = NULL, *n = NULL, *l = NULL;
    struct shale_err e = SHALE_ERR_INIT;
    struct all v = {0};

    assert_int_equal(parse("{}", &j, &e), 0);
    assert_int_equal(json_bind(j, need, 1, &v, &large, &e), -SHALE_INVALID);
    assert_non_null(strstr(e.msg, "\"str\" is missing"));
    assert_int_equal(parse("{\"str\":null}", &n, &e), 0);
    assert_int_equal(json_bind(n, need, 1, &v, &large, &e), -SHALE_INVALID);
    assert_int_equal(parse("{\"str\":\"longer than the arena may become\"}", &k, &e), 0);
    assert_int_equal(json_bind(k, need, 1, &v, &a, &e), -SHALE_NO_MEMORY);
    assert_int_equal(parse("[]", &l, &e), 0);
    assert_int_equal(json_bind(l, need, 1, &v, &large, &e), -SHALE_INVALID);
    assert_int_equal(json_bind(NULL, need, 1, &v, &large, &e), -SHALE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_value),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_bind_all),         cmocka_unit_test(test_bind_absent),
        cmocka_unit_test(test_bind_wrong_types), cmocka_unit_test(test_bind_required_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
