/* SPDX-License-Identifier: Apache-2.0 */
#include "model/change.h"

#include "base/json.h"
#include "model_test.h"

#define BEFORE "{\"Env\":[\"PATH=/bin\"],\"Cmd\":[\"old\"],\"WorkingDir\":\"/srv\"}"

static const struct {
    const char *lines[4], *key, *want; /* want NULL: the member is not there */
} good[] = {
    {{"CMD echo hello"}, "Cmd", "[\"/bin/sh\",\"-c\",\"echo hello\"]"},
    {{"cmd [\"a\", \"b c\"]"}, "Cmd", "[\"a\",\"b c\"]"},
    {{"ENTRYPOINT [\"/x\"]"}, "Cmd", NULL},
    {{"CMD [\"c\"]", "ENTRYPOINT [\"/x\"]"}, "Cmd", "[\"c\"]"},
    {{"ENTRYPOINT run it"}, "Entrypoint", "[\"/bin/sh\",\"-c\",\"run it\"]"},
    {{"ENTRYPOINT []"}, "Entrypoint", NULL},
    {{"ENV A=1 B='two words' C=\"x $A\""},
     "Env",
     "[\"PATH=/bin\",\"A=1\",\"B=two words\",\"C=x 1\"]"},
    {{"ENV PATH=$PATH:/sbin"}, "Env", "[\"PATH=/bin:/sbin\"]"},
    {{"ENV GREETING hello  world"}, "Env", "[\"PATH=/bin\",\"GREETING=hello  world\"]"},
    {{"ENV X=${NONE:-${PATH}!} Y=${PATH:+yes} Z=\\$PATH"},
     "Env",
     "[\"PATH=/bin\",\"X=/bin!\",\"Y=yes\",\"Z=$PATH\"]"},
    {{"EXPOSE 80 53/UDP 8000-8001"},
     "ExposedPorts",
     "{\"80/tcp\":{},\"53/udp\":{},\"8000/tcp\":{},\"8001/tcp\":{}}"},
    {{"LABEL a=b \"c d\"=e"}, "Labels", "{\"a\":\"b\",\"c d\":\"e\"}"},
    {{"USER 1000:1000"}, "User", "\"1000:1000\""},
    {{"VOLUME /a /b"}, "Volumes", "{\"/a\":{},\"/b\":{}}"},
    {{"VOLUME [\"/a b\"]"}, "Volumes", "{\"/a b\":{}}"},
    {{"WORKDIR app/../lib"}, "WorkingDir", "\"/srv/lib\""},
    {{"WORKDIR /"}, "WorkingDir", "\"/\""},
    {{"WORKDIR ../../.."}, "WorkingDir", "\"/\""},
    {{"STOPSIGNAL SIGRTMIN+3"}, "StopSignal", "\"SIGRTMIN+3\""},
    {{"ONBUILD RUN make", "onbuild COPY . /"}, "OnBuild", "[\"RUN make\",\"COPY . /\"]"},
    {{"HEALTHCHECK NONE"}, "Healthcheck", "{\"Test\":[\"NONE\"]}"},
    {{"HEALTHCHECK --interval=5s --retries=3 CMD curl -f x"},
     "Healthcheck",
     "{\"Interval\":5000000000,\"Retries\":3,\"Test\":[\"CMD-SHELL\",\"curl -f x\"]}"},
    {{"HEALTHCHECK CMD [\"/ok\"]"}, "Healthcheck", "{\"Test\":[\"CMD\",\"/ok\"]}"},
};

static void test_good(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
        _cleanup_json_ json_t *config = NULL;
        struct shale_err e = SHALE_ERR_INIT;
        size_t n = 0;

        while (n < ARRAY_SIZE(good[i].lines) && good[i].lines[n])
            n++;
        assert_int_equal(json_parse(BEFORE, strlen(BEFORE), 4096, &config, &e), 0);
        if (change_apply(config, good[i].lines, n, &a, &e) < 0)
            fail_msg("%s: %s", good[i].lines[0], e.msg);
        const json_t *v = json_object_get(config, good[i].key);
        _cleanup_free_ char *text = v && !json_is_string(v) ? json_text(v) : NULL;
        _cleanup_free_ char *quoted = NULL;
        if (json_is_string(v))
            assert_true(asprintf(&quoted, "\"%s\"", json_string_value(v)) > 0);
        if (!good[i].want)
            assert_null(v);
        else
            assert_string_equal(quoted ? quoted : text, good[i].want);
    }
}

static const struct {
    const char *line, *want;
} bad[] = {
    {"FOO bar", "FOO is not a valid change command"},
    {"RUN true", "RUN is not a valid change command"},
    {"", "an empty change"},
    {"CMD", "CMD requires at least one argument"},
    {"ENV", "ENV requires at least one argument"},
    {"ENV A", "ENV must have two arguments"},
    {"ENV =x", "ENV names can not be blank"},
    {"ENV A=1 B", "can't find = in \"B\""},
    {"ENV A=\"x", "matching double-quote"},
    {"ENV A='x", "matching single-quote"},
    {"ENV A=${B", "unsupported modifier"},
    {"ENV A=${B:-c", "missing '}'"},
    {"ENV A=${B:?c}", "unsupported modifier"},
    {"EXPOSE a:80", "invalid hostPort: a"},
    {"EXPOSE 1.2.3:1:80", "invalid IP address: 1.2.3"},
    {"EXPOSE x", "invalid containerPort: x"},
    {"EXPOSE 70000", "invalid containerPort: 70000"},
    {"EXPOSE 9-8", "invalid containerPort: 9-8"},
    {"EXPOSE 80/icmp", "invalid proto: icmp"},
    {"VOLUME [\"\"]", "can not be an empty string"},
    {"ONBUILD ONBUILD RUN x", "isn't allowed"},
    {"ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"},
    {"HEALTHCHECK", "HEALTHCHECK requires at least one argument"},
    {"HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"},
    {"HEALTHCHECK FOO x", "Unknown type \"FOO\""},
    {"HEALTHCHECK NONE x", "takes no arguments"},
    {"HEALTHCHECK --x=1 CMD y", "unknown flag: --x=1"},
    {"HEALTHCHECK --interval=1us CMD y", "cannot be less than 1ms"},
    {"HEALTHCHECK --retries=-1 CMD y", "--retries must be at least 0"},
    {"STOPSIGNAL a b", "invalid signal"},
    {"USER \xff", "not valid UTF-8"},
};

static void test_bad(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
        _cleanup_json_ json_t *config = json_object();
        struct shale_err e = SHALE_ERR_INIT;

        assert_int_equal(change_apply(config, &bad[i].line, 1, &a, &e), -SHALE_INVALID);
        if (!strstr(e.msg, bad[i].want))
            fail_msg("%s: %s", bad[i].line, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
