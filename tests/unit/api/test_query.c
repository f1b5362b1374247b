/* SPDX-License-Identifier: Apache-2.0 */
#include "api/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/conf.h"
#include "api/errors.h"
#include "base/cleanup.h"

static struct arena arena = ARENA_INIT(16u << 20);

static struct api_req request(const char *query)
{
    struct api_req q = {.arena = &arena};

    assert_int_equal(api_query_parse(str_of(query), &arena, &q.query, &q.n_query, NULL), 0);
    return q;
}

static void fields(void **state)
{
    struct api_req q = request("a=1&b=%20x+y&&c&a=2&d=%0a%C3%A9&n=-5&big=99999999999999999999");
    int64_t n = 0;

    (void)state;
    assert_string_equal(api_query(&q, "a"), "1");
    assert_string_equal(api_query(&q, "b"), " x y");
    assert_string_equal(api_query(&q, "c"), "");
    assert_string_equal(api_query(&q, "d"), "\n\xc3\xa9");
    assert_null(api_query(&q, "e"));
    const char *const *all = api_query_all(&q, "a");
    assert_string_equal(all[0], "1");
    assert_string_equal(all[1], "2");
    assert_null(all[2]);
    assert_int_equal(api_query_i64(&q, "n", 7, &n, NULL), 0);
    assert_int_equal(n, -5);
    assert_int_equal(api_query_i64(&q, "none", 7, &n, NULL), 0);
    assert_int_equal(n, 7);
    assert_int_equal(api_query_i64(&q, "big", 7, &n, NULL), -SHALE_INVALID);
    assert_int_equal(api_query_parse(str_of("a=%0"), &arena, &q.query, &q.n_query, NULL),
                     -SHALE_INVALID);
    assert_int_equal(api_query_parse(str_of("a=%00"), &arena, &q.query, &q.n_query, NULL),
                     -SHALE_INVALID);
}

static void bools(void **state)
{
    struct api_req q = request("a=1&b=0&c=No&d=false&e=NONE&f=&g=yes&h=%20false%20&i=falsely");

    (void)state;
    assert_true(api_query_bool(&q, "a"));
    for (const char *p = "bcdefh"; *p; p++) {
        const char name[2] = {*p, 0};
        if (api_query_bool(&q, name))
            fail_msg("%s", name);
    }
    assert_true(api_query_bool(&q, "g"));
    assert_true(api_query_bool(&q, "i"));
    assert_false(api_query_bool(&q, "absent"));
    assert_true(api_query_bool_or(&q, "absent", true));
    assert_false(api_query_bool_or(&q, "b", true));
}

static void filters(void **state)
{
    static const struct {
        const char *text, *first, *second;
    } good[] = {
        {NULL, NULL, NULL},
        {"", NULL, NULL},
        {"{}", NULL, NULL},
        {"null", NULL, NULL},
        {"{\"label\":[\"a\",\"b=c\"]}", "label=a", "label=b=c"},
        {"{\"label\":{\"a\":true,\"b=c\":true}}", "label=a", "label=b=c"},
        {"{\"a\":[],\"dangling\":{\"true\":true},\"x\":[\"y\"]}", "dangling=true", "x=y"},
    };
    static const char *const bad[] = {
        "{", "[]", "1", "{\"a\":1}", "{\"a\":[1]}", "{\"a\":{\"b\":1}}", "{\"a\":\"b\"}"};
    const char *const *v;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(api_filters_parse(good[i].text, &arena, &v, NULL), 0);
        if (!good[i].first) {
            assert_null(v[0]);
            continue;
        }
        assert_string_equal(v[0], good[i].first);
        assert_string_equal(v[1], good[i].second);
        assert_null(v[2]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(api_filters_parse(bad[i], &arena, &v, NULL), -SHALE_INVALID);
}

static void platforms(void **state)
{
    struct api_req q = request("a=linux/arm64&b=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A"
                               "%22arm%22%2C%22variant%22%3A%22v7%22%7D&c=%7B%7D&d=%7B");
    const char *p = NULL;

    (void)state;
    assert_int_equal(api_query_platform(&q, "a", &p, NULL), 0);
    assert_string_equal(p, "linux/arm64");
    assert_int_equal(api_query_platform(&q, "b", &p, NULL), 0);
    assert_string_equal(p, "linux/arm/v7");
    assert_int_equal(api_query_platform(&q, "none", &p, NULL), 0);
    assert_null(p);
    assert_int_equal(api_query_platform(&q, "c", &p, NULL), -SHALE_INVALID);
    assert_int_equal(api_query_platform(&q, "d", &p, NULL), -SHALE_INVALID);
}

static void members(void **state)
{
    _cleanup_json_ json_t *j = json_pack("{s:s, s:s, s:n}", "Image", "a", "IMAGE", "b", "Cmd");

    (void)state;
    assert_string_equal(json_string_value(api_member(j, "Image")), "a");
    assert_string_equal(json_string_value(api_member(j, "IMAGE")), "b");
    assert_non_null(api_member(j, "image"));
    assert_null(api_member(j, "Cmd"));
    assert_null(api_member(j, "cmdx"));
    assert_null(api_member(NULL, "x"));
}

static void statuses(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1000);

    (void)state;
    assert_int_equal(api_status_of(-SHALE_NOT_FOUND), 404);
    assert_int_equal(api_status_of(SHALE_CONFLICT), 409);
    assert_int_equal(api_status_of(-SHALE_UNAUTHORIZED), 500); /* 401 makes the CLI ask */
    assert_int_equal(api_status_of(-12345), 500);
    for (int i = 1; i < _SHALE_ERR_MAX; i++)
        assert_in_range(api_status_of(-i), 400, 501);
    api_error_body(&b, "a \"b\" <c>\n");
    assert_string_equal(buf_str(&b), "{\"message\":\"a \\\"b\\\" \\u003cc\\u003e\\n\"}\n");
}

static void configs(void **state)
{
    static const char text[] =
        "{\"hosts\":[\"unix:///a\",\"fd://\"],\"default-ulimits\":{\"nofile\":"
        "{\"Name\":\"nofile\",\"Hard\":2,\"Soft\":1}},\"tlsverify\":true}";
    struct api_conf c;

    (void)state;
    assert_int_equal(api_conf_parse(text, sizeof text - 1, &arena, &c, NULL), 0);
    assert_int_equal(c.hosts.n, 2);
    assert_string_equal(c.hosts.v[1], "fd://");
    assert_null(c.hosts.v[2]);
    assert_string_equal(c.ulimits.v[0], "nofile=1:2");
    assert_true(c.tls_verify);
    assert_false(c.live_restore_set);
    assert_int_equal(api_conf_parse("{\"bridge\":1}", 12, &arena, &c, NULL), -SHALE_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),    cmocka_unit_test(bools),   cmocka_unit_test(filters),
        cmocka_unit_test(platforms), cmocka_unit_test(members), cmocka_unit_test(statuses),
        cmocka_unit_test(configs),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    arena_clear(&arena);
    return r;
}
