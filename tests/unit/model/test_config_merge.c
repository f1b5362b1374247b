/* SPDX-License-Identifier: Apache-2.0 */
#include "model/config_merge.h"

#include "base/json.h"
#include "model_test.h"

#define BASE                                                                                       \
    "{\"User\":\"u\",\"WorkingDir\":\"/w\",\"StopSignal\":\"TERM\",\"Env\":[\"A=1\",\"B=2\"],"     \
    "\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"],\"Labels\":{\"l\":\"1\",\"m\":\"2\"},"                 \
    "\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/v\":{}},\"Hostname\":\"h\","                 \
    "\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":5,\"Retries\":2}}"

static const struct {
    const char *given, *key, *want; /* want NULL: the member is not there */
} good[] = {
    {"{}", "User", "\"u\""},
    {"{\"User\":\"\"}", "User", "\"u\""},
    {"{\"User\":\"me\",\"Unknown\":[1]}", "User", "\"me\""},
    {"{}", "WorkingDir", "\"/w\""},
    {"{\"StopSignal\":\"INT\"}", "StopSignal", "\"INT\""},
    {"{}", "Env", "[\"A=1\",\"B=2\"]"},
    {"{\"Env\":[\"B=3\",\"C\"]}", "Env", "[\"B=3\",\"C\",\"A=1\"]"},
    {"{}", "Cmd", "[\"c\"]"},
    {"{}", "Entrypoint", "[\"e\"]"},
    {"{\"Cmd\":\"one word\"}", "Cmd", "[\"one word\"]"},
    {"{\"Cmd\":[\"d\"]}", "Entrypoint", "[\"e\"]"},
    {"{\"Entrypoint\":[\"f\"]}", "Cmd", NULL},
    {"{\"Entrypoint\":[\"f\"]}", "Entrypoint", "[\"f\"]"},
    {"{\"Entrypoint\":[]}", "Entrypoint", "[]"},
    {"{\"Entrypoint\":[]}", "Cmd", "[\"c\"]"},
    {"{\"Entrypoint\":null}", "Entrypoint", "[\"e\"]"},
    {"{\"Labels\":{\"l\":\"9\",\"n\":\"3\"}}", "Labels", "{\"l\":\"9\",\"n\":\"3\",\"m\":\"2\"}"},
    {"{\"ExposedPorts\":{\"53/udp\":{}}}", "ExposedPorts", "{\"53/udp\":{},\"80/tcp\":{}}"},
    {"{\"Volumes\":{\"/x\":{}}}", "Volumes", "{\"/x\":{},\"/v\":{}}"},
    {"{}", "Healthcheck", "{\"Test\":[\"CMD\",\"x\"],\"Interval\":5,\"Retries\":2}"},
    {"{\"Healthcheck\":{\"Interval\":7,\"Other\":1}}", "Healthcheck",
     "{\"Interval\":7,\"Test\":[\"CMD\",\"x\"],\"Retries\":2}"},
    {"{}", "Hostname", NULL},
    {"{\"Hostname\":\"mine\"}", "Hostname", "\"mine\""},
};

static int merge(const char *given, const char *base, json_t **ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_json_ json_t *g = NULL, *b = NULL;

    *ret = NULL;
    assert_int_equal(json_parse(given, strlen(given), 4096, &g, e), 0);
    assert_int_equal(json_parse(base, strlen(base), 4096, &b, e), 0);
    int r = config_take(g, &a, ret, e);
    return r < 0 ? r : config_merge(*ret, b, e);
}

static void test_merged(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        _cleanup_json_ json_t *user = NULL, *want = NULL;
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(merge(good[i].given, BASE, &user, &e), 0);
        if (good[i].want)
            want = json_loads(good[i].want, JSON_DECODE_ANY, NULL);
        const json_t *v = json_object_get(user, good[i].key);
        _cleanup_free_ char *text = v && !json_is_string(v) ? json_text(v) : NULL;
        if (good[i].want ? !v || !json_equal(v, want) : v != NULL)
            fail_msg("%s: %s is %s", good[i].given, good[i].key, text ? text : "another");
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "{\"User\":1}",
        "{\"Env\":{}}",
        "{\"Env\":[1]}",
        "{\"Labels\":[]}",
        "{\"Cmd\":[[]]}",
        "{\"ExposedPorts\":[]}",
        "{\"Healthcheck\":\"x\"}",
        "{\"Healthcheck\":{\"Test\":1}}",
        "{\"Tty\":\"yes\"}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_json_ json_t *user = NULL;
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(merge(bad[i], BASE, &user, &e), -SHALE_INVALID);
        assert_true(*e.msg);
    }
}

/* An image's own config may be anything. */
static void test_odd_base(void **state)
{
    static const char *const odd[] = {
        "{}",
        "[]",
        "{\"User\":1,\"Env\":{},\"Cmd\":\"x\",\"Labels\":[],\"Healthcheck\":[],\"Volumes\":7}",
        "{\"Env\":[1,{}],\"Healthcheck\":{\"Test\":\"x\",\"Interval\":\"y\"}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        _cleanup_json_ json_t *user = NULL;
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(merge("{\"Env\":[\"A=1\"],\"Healthcheck\":{}}", odd[i], &user, &e), 0);
        assert_int_equal(json_array_size(json_object_get(user, "Env")), 1);
        assert_null(json_object_get(user, "Cmd"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_odd_base),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
