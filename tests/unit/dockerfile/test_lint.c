/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerfile/lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

static const char *given(void *arg, const char *name)
{
    (void)arg;
    return streq(name, "GIVEN") ? "given" : NULL;
}

static int has(void *arg, const char *image, const char *name)
{
    (void)arg;
    return streq(image, "known:1") ? streq(name, "IMG") : -1;
}

static const char *platform_of(void *arg, const char *image)
{
    (void)arg;
    return streq(image, "arm:1") ? "linux/arm64/v8" : streq(image, "amd:1") ? "linux/amd64" : NULL;
}

/* What is found, "line Rule text;" for each; "Rule" alone where `short` is enough. */
static const struct {
    const char *text, *want;
} rows[] = {
    {"FROM a:1 AS b\nRUN x\nFROM b\nCMD [\"x\"]\n", ""},
    {"FROM a:1 AS Build\nFROM build", "1 StageNameCasing Stage name 'Build' should be lowercase;"},
    {"FROM a:1 as b\nFROM b", "1 FromAsCasing 'as' and 'FROM' keywords' casing do not match;"},
    {"FROM a:1\nRUN a \\\n\n  b\n", "3 NoEmptyContinuation Empty continuation line;"},
    {"FROM a:1\nRUN a\nrun b\nRun c\n",
     "3 ConsistentInstructionCasing Command 'run' should match the case of the command majority "
     "(uppercase);"
     "4 ConsistentInstructionCasing Command 'Run' should match the case of the command majority "
     "(uppercase);"},
    {"FROM a:1 AS b\nFROM b AS b\nFROM b AS context",
     "2 DuplicateStageName Duplicate stage name \"b\", stage names should be unique;"
     "3 ReservedStageName Stage name should not use the same name as reserved stage \"context\";"},
    {"FROM a:1\nCMD x\nENTRYPOINT y\nSHELL [\"a\"]\nHEALTHCHECK CMD z\n",
     "2 JSONArgsRecommended JSON arguments recommended for CMD to prevent unintended behavior "
     "related to OS signals;"
     "3 JSONArgsRecommended JSON arguments recommended for ENTRYPOINT to prevent unintended "
     "behavior related to OS signals;"},
    {"FROM a:1 AS b\nSHELL [\"a\"]\nFROM b\nCMD x", ""},
    {"FROM a:1\nMAINTAINER x",
     "2 MaintainerDeprecated Maintainer instruction is deprecated in favor of using label;"},
    {"ARG VERSION=1\nFROM a:${VERSON} \nARG Z",
     "2 InvalidDefaultArgInFrom Default value for ARG a:${VERSON} results in empty or invalid base "
     "image name;"
     "2 UndefinedArgInFrom FROM argument 'VERSON' is not declared (did you mean VERSION?);"},
    {"ARG GIVEN\nFROM a:$GIVEN",
     "2 InvalidDefaultArgInFrom Default value for ARG a:$GIVEN results in empty or invalid base "
     "image name;"},
    {"ARG V\nFROM a:${V:-1}", ""},
    {"FROM a:1\nWORKDIR x\nWORKDIR y",
     "2 WorkdirRelativePath Relative workdir \"x\" can have unexpected results if the base image "
     "changes;"},
    {"FROM a:1 AS b\nWORKDIR /x\nFROM b\nWORKDIR y", ""},
    /* variables */
    {"FROM scratch\nCOPY $foo .\nENV foo=1\nCOPY $foo ${fo} .\nCOPY ${x:-1} $PATH /\n",
     "2 UndefinedVar Usage of undefined variable '$foo';"
     "4 UndefinedVar Usage of undefined variable '$fo' (did you mean $foo?);"
     "5 UndefinedVar Usage of undefined variable '$PATH';"},
    {"FROM a:1\nARG foo\nENV A=$foo B=$bar C=$fooo\n",
     "3 UndefinedVar Usage of undefined variable '$fooo' (did you mean $foo?);"},
    {"FROM known:1 AS b\nARG X=1 Y\nFROM b AS c\nENV Z=$X$Y\nFROM c\nCOPY $Z$X$Y /", ""},
    {"FROM arm:1\nFROM --platform=linux/amd64 arm:1 AS amd64-x\nFROM --platform=$BUILDPLATFORM "
     "arm:1\n"
     "FROM --platform=linux/arm64 arm:1 AS arm64-x\nFROM amd:1 AS x\nCOPY --from=0 . .\n"
     "COPY --from=1 . .\nCOPY --from=2 . .\nCOPY --from=3 . .",
     "1 InvalidBaseImagePlatform Base image arm:1 was pulled with platform \"linux/arm64/v8\", "
     "expected \"linux/amd64\" for current build;"
     "2 InvalidBaseImagePlatform Base image arm:1 was pulled with platform \"linux/arm64/v8\", "
     "expected \"linux/amd64\" for current build;"},
    {"FROM known:1\nUSER $IMG$IMH$PATH", "2 UndefinedVar Usage of undefined variable '$IMH';"
                                         "2 UndefinedVar Usage of undefined variable '$PATH';"},
    {"ARG G=1\nFROM scratch AS x\nENV E=$G\nARG G\nENV F=$G\nFROM x\nENV H=$E$F$G\n",
     "3 UndefinedVar Usage of undefined variable '$G';"},
    {"FROM scratch\nCOPY <<A <<'B' /\n$Q$Q\nA\n$R\nB\nRUN --mount=type=cache,id=$S echo $T",
     "2 UndefinedVar Usage of undefined variable '$Q';"
     "7 UndefinedVar Usage of undefined variable '$S';"},
    {"FROM a:1\nCMD [\"a\"]\nRUN x\nCMD [\"b\"]",
     "2 MultipleInstructionsDisallowed Multiple CMD instructions should not be used in the same "
     "stage because only the last one will be used;"},
    {"FROM a:1\nENV a b\nLABEL a=b",
     "2 LegacyKeyValueFormat \"ENV key=value\" should be used instead of legacy \"ENV key value\" "
     "format;"},
    {"FROM --platform=$TARGETPLATFORM a:1",
     "1 RedundantTargetPlatform Setting platform to predefined $TARGETPLATFORM in FROM is "
     "redundant as this is the default behavior;"},
    {"FROM --platform=linux/arm64 a:1 AS b-arm64\nFROM --platform=linux/arm64 b-arm64\n",
     "2 FromPlatformFlagConstDisallowed FROM --platform flag should not use constant value "
     "\"linux/arm64\";"},
    {"FROM a:1\nARG API_TOKEN\nENV PUBLIC_KEY=1 db_Password=2 MONKEY=3 TOKEN_FILE=/x",
     "2 SecretsUsedInArgOrEnv Do not use ARG or ENV instructions for sensitive data (ARG "
     "\"API_TOKEN\");"
     "3 SecretsUsedInArgOrEnv Do not use ARG or ENV instructions for sensitive data (ENV "
     "\"db_Password\");"},
    {"FROM a:1\nCOPY ./x.o /y/ src /z/\nADD --chmod=1 http://h/x.o y.o /\nCOPY --from=a x.o /",
     "2 CopyIgnoredFile Attempting to Copy file \"x.o\" that is excluded by .dockerignore;"
     "3 CopyIgnoredFile Attempting to Add file \"y.o\" that is excluded by .dockerignore;"},
    {"FROM a:1\nEXPOSE 80/TCP 127.0.0.1:80:80 $X/TCP",
     "2 ExposeInvalidFormat EXPOSE instruction should not define an IP address or host-port "
     "mapping, found '127.0.0.1:80:80';"
     "2 ExposeProtoCasing Defined protocol '80/TCP' in EXPOSE instruction should be lowercase;"},
    {"FROM a:1 AS x\nFROM a:1\nFROM a:1 AS y\nFROM a:1 AS z\nCOPY --from=Y a b\nRUN "
     "--mount=type=bind,from=1 x",
     "1 UnreachableStage Stage 'x' is not needed for the last one and is not built;"},
    {"FROM a\nFROM b:latest\nFROM scratch\nFROM a@sha256:"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nCOPY --from=0 a b\n"
     "COPY --from=1 a b\nCOPY --from=2 a b",
     "1 LatestBase Base image a has no tag, so it is whatever is the latest;"
     "2 LatestBase Base image b:latest is whatever is the latest: name a version;"},
    {"FROM a:1\nRUN ['x']\nCMD [\"x\",]\nRUN [ -f x ]\n",
     "2 JSONFormMistake RUN looks like a JSON list but is none, so it is taken as plain text: "
     "strings in JSON stand in double quotes;"
     "3 JSONArgsRecommended JSON arguments recommended for CMD to prevent unintended behavior "
     "related to OS signals;"
     "3 JSONFormMistake CMD looks like a JSON list but is none, so it is taken as plain text;"},
    /* what is off and on */
    {"# check=skip=JSONArgsRecommended,LatestBase\nFROM a\nCMD x\nENV a b",
     "4 LegacyKeyValueFormat \"ENV key=value\" should be used instead of legacy \"ENV key value\" "
     "format;"},
    {"# check=skip=all\nFROM a\nCMD x", ""},
    {"FROM a:1\n# check=skip=LegacyKeyValueFormat\nENV a b\nENV a b",
     "4 LegacyKeyValueFormat \"ENV key=value\" should be used instead of legacy \"ENV key value\" "
     "format;"},
    {"# check=experimental=all;skip=all\n# name of the thing\nARG NAME\n# BASE it\nFROM a:1 AS "
     "base",
     "3 InvalidDefinitionDescription Comment for ARG should follow the format: `# NAME "
     "<description>`;"
     "5 InvalidDefinitionDescription Comment for FROM should follow the format: `# base "
     "<description>`;"},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
        _cleanup_(buf_clear) struct buf got = BUF_INIT(1 << 20);
        struct lint_opts o = {.build_arg = given,
                              .base_has = has,
                              .base_platform = platform_of,
                              .platform = "linux/amd64"};
        struct ignore *ignore = NULL;
        struct shale_err e = SHALE_ERR_INIT;
        struct dockerfile d;
        struct lint l;

        assert_int_equal(ignore_parse("*.o", 3, &ignore, &e), 0);
        o.ignore = ignore;
        int r = dockerfile_parse("D", rows[i].text, strlen(rows[i].text), &a, &d, &e);
        assert_string_equal(e.msg, "");
        assert_int_equal(r, 0);
        assert_int_equal(dockerfile_lint(&d, &o, &a, &l, &e), 0);
        for (size_t k = 0; k < l.n; k++)
            buf_addf(&got, "%u %s %s;", l.v[k].line, l.v[k].rule, l.v[k].text);
        assert_string_equal(buf_str(&got), rows[i].want);
        ignore_free(ignore);
    }
}

static int lint(const char *text, const struct lint_opts *o, struct arena *a, struct lint *l,
                struct shale_err *e)
{
    struct dockerfile d;

    assert_int_equal(dockerfile_parse("D", text, strlen(text), a, &d, e), 0);
    return dockerfile_lint(&d, o, a, l, e);
}

static void test_options(void **state)
{
    (void)state;
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct lint_opts o = {0};
    struct shale_err e = SHALE_ERR_INIT;
    struct lint l;

    assert_int_equal(lint("# check=error=true\nFROM a\n", &o, &a, &l, &e), 0);
    assert_true(l.error);
    assert_int_equal(l.n, 1);
    assert_null(l.v[0].url);
    assert_string_equal(l.v[0].description,
                        "A base image without a version changes under the Dockerfile");
    assert_int_equal(lint("# check=bogus=1\nFROM a\n", &o, &a, &l, &e), -SHALE_INVALID);
    assert_true(str_has_prefix(e.msg, "invalid check option \"bogus=1\""));
    assert_int_equal(lint("# check=error=maybe\nFROM a\n", &o, &a, &l, &e), -SHALE_INVALID);
    assert_int_equal(lint("# check=skip\nFROM a\n", &o, &a, &l, &e), -SHALE_INVALID);
    o.check = "skip=LatestBase";
    assert_int_equal(lint("# check=bogus=1\nFROM a\nCMD x", &o, &a, &l, &e), 0);
    assert_int_equal(l.n, 1);
    assert_string_equal(l.v[0].url,
                        "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
    o.target = "x";
    assert_int_equal(lint("FROM a AS x\nFROM a AS y", &o, &a, &l, &e), 0);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.v[0].line, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
