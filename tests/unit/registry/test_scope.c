/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_test.h"

#include "registry/auth/scope.h"

static void test_scopes(void **state)
{
    static const struct {
        const char *text, *formatted;
    } good[] = {
        {"repository:a:pull", "repository:a:pull"},
        {"  repository:a/b:pull,push  registry:catalog:*",
         "repository:a/b:pull,push registry:catalog:*"},
        {"repository(plugin):host:5000/x/y:pull", "repository:host:5000/x/y:pull"},
        {"repository:a:", "repository:a:"},
        {"repository:a:,pull,,push", "repository:a:pull,push"},
        {"", ""},
    };
    static const char *const bad[] = {"repository",       "repository:a",      ":a:pull",
                                      "repository::pull", "repository:a:p\"x", "(x):a:pull",
                                      "r:\x01:p",         "r:a:\xc3\xa4"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct arena a = ARENA_INIT(1u << 20);
        struct jwt_access v[SCOPE_MAX];
        struct buf b = BUF_INIT(4096);
        size_t n = 0;
        assert_ok(scope_parse(good[i].text, &a, v, &n, err));
        for (size_t k = 0; k < n; k++)
            scope_format(&v[k], &b);
        assert_string_equal(buf_str(&b), good[i].formatted);
        buf_clear(&b);
        arena_clear(&a);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct arena a = ARENA_INIT(1u << 20);
        struct jwt_access v[SCOPE_MAX];
        size_t n = 0;
        if (scope_parse(bad[i], &a, v, &n, NULL) != -SHALE_INVALID)
            fail_msg("accepted %s", bad[i]);
        arena_clear(&a);
    }
}

static void test_many_scopes(void **state)
{
    struct arena a = ARENA_INIT(1u << 20);
    struct buf b = BUF_INIT(1u << 20);
    struct jwt_access v[SCOPE_MAX];
    size_t n = 0;

    for (int i = 0; i < SCOPE_MAX; i++)
        buf_adds(&b, "r:a:x ");
    assert_ok(scope_parse(buf_str(&b), &a, v, &n, err));
    assert_int_equal(n, SCOPE_MAX);
    assert_int_equal(scope_parse("r:a:x", &a, v, &n, NULL), -SHALE_LIMIT);
    n = 0;
    assert_int_equal(scope_parse("r:a:1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", &a, v, &n, NULL),
                     -SHALE_LIMIT);
    buf_clear(&b);
    arena_clear(&a);
}

static void test_forms(void **state)
{
    struct arena a = ARENA_INIT(1u << 20);
    struct form f = {0};

    assert_ok(form_parse(STR("service=reg&scope=repository%3Aa%2fb:pull&x&&=y&scope=2+3&e="), &a,
                         &f, err));
    assert_int_equal(f.n, 6);
    assert_string_equal(form_get(&f, "service"), "reg");
    assert_string_equal(form_get(&f, "scope"), "repository:a/b:pull");
    assert_string_equal(form_get(&f, "x"), "");
    assert_string_equal(f.v[4].value, "2 3");
    assert_null(form_get(&f, "y"));
    static const char *const bad[] = {"a=%", "a=%2", "a=%zz", "a=%00", "%0=1", "a=%2"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(form_parse(str_of(bad[i]), &a, &f, NULL), -SHALE_INVALID);
    arena_clear(&a);
}

static void test_basic(void **state)
{
    struct arena a = ARENA_INIT(1u << 20);
    const char *user, *pw;

    assert_true(basic_parse("Basic YWxpY2U6cDphOnNz", &a, &user, &pw));
    assert_string_equal(user, "alice");
    assert_string_equal(pw, "p:a:ss");
    assert_true(basic_parse("bASIC  Og== ", &a, &user, &pw));
    assert_string_equal(user, "");
    assert_string_equal(pw, "");
    static const char *const bad[] = {"Basic",
                                      "Basic ",
                                      "Basic YWxpY2U=",
                                      "Basic YQA6Yg==",
                                      "Basic YWxpY2U6cDphOnNz!",
                                      "Bearer YWxpY2U6cDphOnNz",
                                      "BasicYWxpY2U6cDphOnNz",
                                      ""};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (basic_parse(bad[i], &a, &user, &pw))
            fail_msg("accepted %s", bad[i]);
    assert_false(basic_parse(NULL, &a, &user, &pw));
    assert_string_equal(bearer_parse("bearer x.y.z"), "x.y.z");
    assert_null(bearer_parse("Bearer "));
    assert_null(bearer_parse(NULL));
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_many_scopes),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_basic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
