/* SPDX-License-Identifier: Apache-2.0 */
#include "model_test.h"

#include "base/buf.h"
#include "base/time.h"
#include "model/config.h"
#include "model/limits.h"

#define ROOTFS     "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" SHA_A "\",\"" SHA_B "\"]}"
#define DOC(more)  "{" ROOTFS more "}"
#define RUN(inner) DOC(",\"config\":{" inner "}")

static void accept(const char *text, struct arena *a, struct config *c)
{
    struct shale_err e = SHALE_ERR_INIT;

    if (config_parse(text, strlen(text), a, c, &e) < 0)
        fail_msg("%s", e.msg);
}

static void refuse(const char *text, int code, const char *part)
{
    TEST_ARENA;
    struct shale_err e = SHALE_ERR_INIT;
    struct config c = {.n_history = 42};
    int r = config_parse(text, strlen(text), &a, &c, &e);

    if (r != -code || e.code != code || !strstr(e.msg, part))
        fail_msg("want %d with '%s', got %d: %s", code, part, -r, e.msg);
    assert_int_equal(c.n_history, 42);
}

static void test_minimal(void **state)
{
    TEST_ARENA;
    struct config c;

    accept(DOC(""), &a, &c);
    assert_int_equal(c.n_diff_ids, 2);
    assert_string_equal(c.diff_ids[1].s, SHA_B);
    assert_true(c.created_ns == TIME_NONE);
    assert_null(c.author);
    assert_null(c.raw_config);
    assert_int_equal(c.n_history, 0);
    assert_false(c.run.has_health || c.run.env.set || c.run.labels.set);
    assert_non_null(json_object_get(c.raw, "rootfs"));
    accept("{\"rootfs\":{\"type\":\"layers\"}}", &a, &c); /* from scratch, no layers */
    assert_int_equal(c.n_diff_ids, 0);
    accept("{\"created\":null,\"config\":null,\"history\":null,\"author\":null," ROOTFS "}", &a,
           &c);
    assert_null(c.raw_config);
}

static void test_full(void **state)
{
    TEST_ARENA;
    struct config c;

    accept("{\"created\":\"2023-01-02T03:04:05.5Z\",\"author\":\"me\",\"docker_version\":\"20\","
           "\"comment\":\"c\",\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\","
           "\"os.version\":\"1\",\"os.features\":[\"f\"],"
           "\"config\":{\"User\":\"1:2\",\"WorkingDir\":\"/w\",\"StopSignal\":\"SIGINT\","
           "\"Env\":[\"A=1\",\"B=\"],\"Entrypoint\":[\"/e\",\"x\"],\"Cmd\":[\"c\"],"
           "\"Shell\":[\"/bin/sh\",\"-c\"],\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}},"
           "\"Volumes\":{\"/v\":{}},\"OnBuild\":[\"RUN x\"],\"Labels\":{\"z\":\"1\",\"a\":\"2\"},"
           "\"ArgsEscaped\":true,\"Unknown\":[1],"
           "\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":1000000000,\"Timeout\":2,"
           "\"StartPeriod\":3,\"StartInterval\":4,\"Retries\":5}},"
           "\"history\":[{\"created\":\"2020-01-01T01:00:00+01:00\",\"created_by\":\"ADD\"},"
           "{\"empty_layer\":true,\"author\":\"x\",\"comment\":\"y\"},{}]," ROOTFS "}",
           &a, &c);
    assert_true(c.created_ns == 1672628645 * NS_PER_S + NS_PER_S / 2);
    assert_string_equal(c.author, "me");
    assert_string_equal(c.platform.variant, "v7");
    assert_int_equal(c.platform.os_features.n, 1);
    assert_string_equal(c.run.user, "1:2");
    assert_string_equal(c.run.env.v[1], "B=");
    assert_int_equal(c.run.entrypoint.n, 2);
    assert_string_equal(c.run.cmd.v[0], "c");
    assert_string_equal(c.run.shell.v[1], "-c");
    assert_string_equal(c.run.exposed_ports.v[1], "53/udp");
    assert_string_equal(c.run.volumes.v[0], "/v");
    assert_string_equal(strmap_get(&c.run.labels, "a"), "2");
    assert_true(c.run.args_escaped && c.run.has_health);
    assert_true(c.run.health.interval_ns == NS_PER_S && c.run.health.retries == 5 &&
                c.run.health.start_interval_ns == 4);
    assert_int_equal(c.n_history, 3);
    assert_true(c.history[0].created_ns == 1577836800 * NS_PER_S);
    assert_string_equal(c.history[0].created_by, "ADD");
    assert_true(c.history[1].empty_layer && c.history[1].created_ns == TIME_NONE);
    assert_null(c.history[2].created_by);
    assert_ptr_equal(c.raw_config, json_object_get(c.raw, "config"));
}

/* What docker has written at some time, and other tools still do. */
static void test_as_found(void **state)
{
    TEST_ARENA;
    struct config c;

    accept(RUN("\"Cmd\":\"one string\",\"Entrypoint\":null,\"Env\":null,\"Labels\":null,"
               "\"Volumes\":null"),
           &a, &c);
    assert_int_equal(c.run.cmd.n, 1);
    assert_string_equal(c.run.cmd.v[0], "one string");
    assert_false(c.run.entrypoint.set || c.run.env.set || c.run.volumes.set);
    accept(RUN("\"Cmd\":[],\"Entrypoint\":[]"), &a, &c);
    assert_true(c.run.cmd.set && c.run.cmd.n == 0);
    accept(DOC(",\"created\":\"\",\"history\":[null]"), &a, &c);
    assert_true(c.created_ns == TIME_NONE);
    assert_int_equal(c.n_history, 1);
    accept(DOC(",\"created\":\"0001-01-01T00:00:00Z\""), &a, &c);
    assert_true(c.created_ns == TIME_NONE);
}

static void test_rootfs(void **state)
{
    static const char said[] = "invalid rootfs in image configuration";

    refuse("{}", SHALE_INVALID, said);
    refuse("{\"rootfs\":null}", SHALE_INVALID, said);
    refuse("{\"rootfs\":[]}", SHALE_INVALID, said);
    refuse("{\"rootfs\":{\"diff_ids\":[]}}", SHALE_INVALID, said);
    refuse("{\"rootfs\":{\"type\":\"layers+base\",\"diff_ids\":[]}}", SHALE_INVALID, said);
    refuse("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":{}}}", SHALE_INVALID, said);
    refuse("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[1]}}", SHALE_INVALID, "diff_ids[0]");
    refuse("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" SHA_A "\",\"sha256:../x\"]}}",
           SHALE_INVALID, "diff_ids[1]");
}

static void test_wrong_types(void **state)
{
    refuse("", SHALE_INVALID, "invalid image configuration: not valid JSON");
    refuse("[]", SHALE_INVALID, "not a JSON object");
    refuse(DOC(",\"created\":\"yesterday\""), SHALE_INVALID, "created: not a time");
    refuse(DOC(",\"created\":5"), SHALE_INVALID, "\"created\"");
    refuse(DOC(",\"config\":[]"), SHALE_INVALID, "\"config\"");
    refuse(DOC(",\"history\":{}"), SHALE_INVALID, "\"history\"");
    refuse(DOC(",\"history\":[1]"), SHALE_INVALID, "history[0]");
    refuse(DOC(",\"history\":[{},{\"empty_layer\":1}]"), SHALE_INVALID, "history[1]");
    refuse(DOC(",\"history\":[{\"created\":\"x\"}]"), SHALE_INVALID, "history[0]: created");
    refuse(RUN("\"Env\":\"A=1\""), SHALE_INVALID, "\"Env\"");
    refuse(RUN("\"Env\":[1]"), SHALE_INVALID, "\"Env\"");
    refuse(RUN("\"Cmd\":{}"), SHALE_INVALID, "\"Cmd\"");
    refuse(RUN("\"Entrypoint\":[[]]"), SHALE_INVALID, "\"Entrypoint\"");
    refuse(RUN("\"User\":0"), SHALE_INVALID, "\"User\"");
    refuse(RUN("\"Labels\":[\"a=b\"]"), SHALE_INVALID, "\"Labels\"");
    refuse(RUN("\"ExposedPorts\":[\"80\"]"), SHALE_INVALID, "\"ExposedPorts\"");
    refuse(RUN("\"Healthcheck\":{\"Interval\":\"1s\"}"), SHALE_INVALID, "\"Interval\"");
    refuse(RUN("\"Env\":[\"A=\\u0000\"]"), SHALE_INVALID, "not valid JSON");
}

static void check_many(const char *before, const char *item, size_t n, const char *after, int code)
{
    TEST_ARENA;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    struct config c;

    buf_adds(&b, before);
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s%s", i ? "," : "", item);
    buf_adds(&b, after);
    int r = config_parse(b.p, b.n, &a, &c, &e);
    if (r != -code)
        fail_msg("%zu: want %d, got %d: %s", n, code, -r, e.msg);
}

static void test_limits(void **state)
{
    static const char rootfs[] = "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[";

    check_many(rootfs, "\"" SHA_A "\"", LIMIT_LAYERS, "]}}", 0);
    check_many(rootfs, "\"" SHA_A "\"", LIMIT_LAYERS + 1, "]}}", SHALE_LIMIT);
    check_many("{" ROOTFS ",\"history\":[", "{}", LIMIT_HISTORY, "]}", 0);
    check_many("{" ROOTFS ",\"history\":[", "{}", LIMIT_HISTORY + 1, "]}", SHALE_LIMIT);
    check_many("{" ROOTFS ",\"os.features\":[", "\"a\"", LIMIT_OS_FEATURES + 1, "]}", SHALE_LIMIT);
    check_many("{\"x\":[", "\"0123456789\"", LIMIT_CONFIG_BYTES / 12, "]}", SHALE_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimal),     cmocka_unit_test(test_full),
        cmocka_unit_test(test_as_found),    cmocka_unit_test(test_rootfs),
        cmocka_unit_test(test_wrong_types), cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
