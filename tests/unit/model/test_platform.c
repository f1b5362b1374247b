/* SPDX-License-Identifier: Apache-2.0 */
#include "model/platform.h"

#include "model/limits.h"
#include "model_test.h"

#define HOST "@" /* stands for this machine's architecture */

static const struct {
    const char *in, *os, *arch, *variant, *version, *features, *format;
} rows[] = {
    {"linux/arm64", "linux", "arm64", "", "", "", "linux/arm64"},
    {"linux/arm64/v8", "linux", "arm64", "v8", "", "", "linux/arm64/v8"},
    {"linux/arm64/8", "linux", "arm64", "v8", "", "", "linux/arm64/v8"},
    {"linux/arm64/v8.0", "linux", "arm64", "v8", "", "", "linux/arm64/v8"},
    {"linux/arm64/9", "linux", "arm64", "v9", "", "", "linux/arm64/v9"},
    {"linux/arm64/v8.2", "linux", "arm64", "v8.2", "", "", "linux/arm64/v8.2"},
    {"linux/arm", "linux", "arm", "", "", "", "linux/arm"},
    {"linux/arm/v6", "linux", "arm", "v6", "", "", "linux/arm/v6"},
    {"linux/arm/v7", "linux", "arm", "v7", "", "", "linux/arm/v7"},
    {"linux/arm/7", "linux", "arm", "v7", "", "", "linux/arm/v7"},
    {"linux/arm/5", "linux", "arm", "v5", "", "", "linux/arm/v5"},
    {"linux/arm/8", "linux", "arm", "v8", "", "", "linux/arm/v8"},
    {"linux/armel", "linux", "arm", "v6", "", "", "linux/arm/v6"},
    {"linux/armhf", "linux", "arm", "", "", "", "linux/arm"},
    {"linux/amd64/v1", "linux", "amd64", "", "", "", "linux/amd64"},
    {"linux/amd64/v3", "linux", "amd64", "v3", "", "", "linux/amd64/v3"},
    {"linux/i386", "linux", "386", "", "", "", "linux/386"},
    {"linux/x86-64", "linux", "amd64", "", "", "", "linux/amd64"},
    {"Linux/x86_64", "linux", "amd64", "", "", "", "linux/amd64"},
    {"LINUX/ARM/V6", "linux", "arm", "v6", "", "", "linux/arm/v6"},
    {"linux/s390x", "linux", "s390x", "", "", "", "linux/s390x"},
    {"wherever/whatever/x.y", "wherever", "whatever", "x.y", "", "", "wherever/whatever/x.y"},
    {"arm", "linux", "arm", "", "", "", "linux/arm"},
    {"armel", "linux", "arm", "v6", "", "", "linux/arm/v6"},
    {"armhf", "linux", "arm", "", "", "", "linux/arm"},
    {"Aarch64", "linux", "arm64", "", "", "", "linux/arm64"},
    {"x86_64", "linux", "amd64", "", "", "", "linux/amd64"},
    {"i386", "linux", "386", "", "", "", "linux/386"},
    {"riscv64", "linux", "riscv64", "", "", "", "linux/riscv64"},
    {"linux", "linux", HOST, NULL, "", "", NULL},
    {"macOS", "darwin", HOST, NULL, "", "", NULL},
    {"windows", "windows", HOST, NULL, "", "", NULL},
    {"windows()/amd64", "windows", "amd64", "", "", "", "windows/amd64"},
    {"windows(10.0.17763)", "windows", HOST, NULL, "10.0.17763", "", NULL},
    {"windows(10.0.17763)/amd64", "windows", "amd64", "", "10.0.17763", "",
     "windows(10.0.17763)/amd64"},
    {"windows(10.0.17763+win32k)/amd64", "windows", "amd64", "", "10.0.17763", "win32k",
     "windows(10.0.17763+win32k)/amd64"},
    {"linux(+gpu)/amd64", "linux", "amd64", "", "", "gpu", "linux(+gpu)/amd64"},
    {"linux(+unsorted+erofs)/arm/v7", "linux", "arm", "v7", "", "unsorted erofs",
     "linux(+erofs+unsorted)/arm/v7"},
    {"windows(10.0.17763%2Bbuild.42+a%2fb)/amd64", "windows", "amd64", "", "10.0.17763+build.42",
     "a/b", "windows(10.0.17763%2Bbuild.42+a%2Fb)/amd64"},
    {"windows(50%25done)/amd64", "windows", "amd64", "", "50%done", "", "windows(50%25done)/amd64"},
    {"windows(1.0%28beta%29)/amd64", "windows", "amd64", "", "1.0(beta)", "",
     "windows(1.0%28beta%29)/amd64"},
};

static char *join(const struct strv *v, struct arena *a)
{
    char *s = arena_strdup(a, "");
    for (size_t i = 0; i < v->n; i++)
        s = arena_printf(a, "%s%s%s", s, i ? " " : "", v->v[i]);
    return s;
}

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        TEST_ARENA;
        struct shale_err e = SHALE_ERR_INIT;
        struct platform p, again, host = platform_host();
        if (platform_parse(rows[i].in, &a, &p, &e) < 0)
            fail_msg("%s: %s", rows[i].in, e.msg);
        const char *arch = strcmp(rows[i].arch, HOST) == 0 ? host.arch : rows[i].arch;
        assert_string_equal(p.os, rows[i].os);
        assert_string_equal(p.arch, arch);
        if (rows[i].variant)
            assert_string_equal(or_empty(p.variant), rows[i].variant);
        assert_string_equal(or_empty(p.os_version), rows[i].version);
        assert_string_equal(join(&p.os_features, &a), rows[i].features);
        char *text = platform_format_all(&p, &a);
        if (rows[i].format)
            assert_string_equal(text, rows[i].format);
        assert_int_equal(platform_parse(text, &a, &again, &e), 0);
        assert_string_equal(platform_format_all(&again, &a), text);
        assert_true(platform_is_set(&p));
    }
}

#define PART "platform specifier component must match \"^[A-Za-z0-9_.-]+$\": invalid argument"
#define OS_PART                                                                                    \
    "OSAndVersion specifier component must match "                                                 \
    "\"^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$\": "        \
    "invalid argument"

static const struct {
    const char *in, *error;
} bad[] = {
    {"", "\"\" is an invalid OS component of \"\": " OS_PART},
    {"x", "\"x\": unknown operating system or architecture: invalid argument"},
    {"x(1)", "\"x(1)\": unknown operating system or architecture: invalid argument"},
    {"a/b/c/d", "\"a/b/c/d\": cannot parse platform specifier: invalid argument"},
    {"linux/arm/foo/bar",
     "\"linux/arm/foo/bar\": cannot parse platform specifier: invalid argument"},
    {"a/b/c/d/e", "\"d/e\" is an invalid component of \"a/b/c/d/e\": " PART},
    {"*", "\"*\": wildcards not yet supported: invalid argument"},
    {"linux/*", "\"linux/*\": wildcards not yet supported: invalid argument"},
    {"/linux/arm", "\"\" is an invalid OS component of \"/linux/arm\": " OS_PART},
    {"linux/arm/", "\"\" is an invalid component of \"linux/arm/\": " PART},
    {"linux//v7", "\"\" is an invalid component of \"linux//v7\": " PART},
    {"linux /arm", "\"linux \" is an invalid OS component of \"linux /arm\": " OS_PART},
    {"linux.x/arm", "\"linux.x\" is an invalid OS component of \"linux.x/arm\": " OS_PART},
    {"linux/&arm", "\"&arm\" is an invalid component of \"linux/&arm\": " PART},
    {"linux/a\"\\\x01",
     "\"a\\\"\\\\\\x01\" is an invalid component of \"linux/a\\\"\\\\\\x01\": " PART},
    {"linux/\xff", "\"\\xff\" is an invalid component of \"linux/\\xff\": " PART},
    {"windows(1", "\"windows(1\" is an invalid OS component of \"windows(1\": " OS_PART},
    {"windows(1)x", "\"windows(1)x\" is an invalid OS component of \"windows(1)x\": " OS_PART},
    {"windows(1+)", "\"windows(1+)\" is an invalid OS component of \"windows(1+)\": " OS_PART},
    {"windows(%zz)/amd64",
     "\"windows(%zz)/amd64\" has an invalid OS version \"%zz\": invalid URL escape \"%zz\""},
    {"windows(%4)/amd64",
     "\"windows(%4)/amd64\" has an invalid OS version \"%4\": invalid URL escape \"%4\""},
    {"windows(%00)/amd64",
     "\"windows(%00)/amd64\" has an invalid OS version \"%00\": invalid URL escape \"%00\""},
    {"linux(+a+%g0)", "\"linux(+a+%g0)\" has invalid OS features: invalid os feature \"%g0\": "
                      "invalid URL escape \"%g0\""},
};

static void test_parse_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        TEST_ARENA;
        struct shale_err e = SHALE_ERR_INIT;
        struct platform p = {.os = "untouched"};
        if (platform_parse(bad[i].in, &a, &p, &e) == 0)
            fail_msg("%s was accepted", bad[i].in);
        if (strcmp(e.msg, bad[i].error) != 0)
            fail_msg("%s: %s, not %s", bad[i].in, e.msg, bad[i].error);
        assert_int_equal(e.code, SHALE_INVALID);
        assert_string_equal(p.os, "untouched");
    }
}

static void test_parse_long(void **state)
{
    (void)state;
    TEST_ARENA;
    char s[LIMIT_PLATFORM_BYTES + 2];
    struct shale_err e = SHALE_ERR_INIT;
    struct platform p;
    memset(s, 'a', sizeof s);
    memcpy(s, "linux/", 6);
    s[LIMIT_PLATFORM_BYTES] = 0;
    assert_int_equal(platform_parse(s, &a, &p, &e), 0);
    s[LIMIT_PLATFORM_BYTES] = 'a';
    s[LIMIT_PLATFORM_BYTES + 1] = 0;
    assert_int_equal(platform_parse(s, &a, &p, &e), -SHALE_INVALID);
    memset(s, '\x01', LIMIT_PLATFORM_BYTES);
    s[LIMIT_PLATFORM_BYTES] = 0;
    assert_int_equal(platform_parse(s, &a, &p, &e), -SHALE_INVALID);
    assert_int_equal(platform_parse(NULL, &a, &p, &e), -SHALE_INVALID);
    _cleanup_(arena_clear) struct arena tiny = ARENA_INIT(8);
    assert_int_equal(platform_parse("linux/amd64", &tiny, &p, &e), -SHALE_NO_MEMORY);
}

static const struct {
    struct platform in;
    const char *os, *arch, *variant;
} normal[] = {
    {{.os = "Linux", .arch = "AMD64", .variant = "V1"}, "linux", "amd64", ""},
    {{.os = "", .arch = "amd64"}, "linux", "amd64", ""},
    {{.os = NULL, .arch = NULL}, "linux", "", ""},
    {{.os = "macos", .arch = "aarch64"}, "darwin", "arm64", ""},
    {{.os = "linux", .arch = "x86_64"}, "linux", "amd64", ""},
    {{.os = "linux", .arch = "x86-64", .variant = "v2"}, "linux", "amd64", "v2"},
    {{.os = "linux", .arch = "i386", .variant = "x"}, "linux", "386", ""},
    {{.os = "linux", .arch = "aarch64", .variant = "8"}, "linux", "arm64", ""},
    {{.os = "linux", .arch = "arm64", .variant = "v8"}, "linux", "arm64", ""},
    {{.os = "linux", .arch = "arm64", .variant = "v8.0"}, "linux", "arm64", ""},
    {{.os = "linux", .arch = "arm64", .variant = "v8.1"}, "linux", "arm64", "v8.1"},
    {{.os = "linux", .arch = "arm64", .variant = "9"}, "linux", "arm64", "v9"},
    {{.os = "linux", .arch = "arm64", .variant = "v9.0"}, "linux", "arm64", "v9"},
    {{.os = "linux", .arch = "armhf"}, "linux", "arm", "v7"},
    {{.os = "linux", .arch = "armel"}, "linux", "arm", "v6"},
    {{.os = "linux", .arch = "arm"}, "linux", "arm", "v7"},
    {{.os = "linux", .arch = "arm", .variant = "7"}, "linux", "arm", "v7"},
    {{.os = "linux", .arch = "arm", .variant = "5"}, "linux", "arm", "v5"},
    {{.os = "linux", .arch = "arm", .variant = "6"}, "linux", "arm", "v6"},
    {{.os = "linux", .arch = "arm", .variant = "8"}, "linux", "arm", "v8"},
    {{.os = "linux", .arch = "S390X", .variant = "Z"}, "linux", "s390x", "z"},
};

static void test_normalize(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(normal); i++) {
        TEST_ARENA;
        struct platform p = platform_normalize(normal[i].in, &a);
        assert_string_equal(or_empty(p.os), normal[i].os);
        assert_string_equal(or_empty(p.arch), normal[i].arch);
        assert_string_equal(or_empty(p.variant), normal[i].variant);
    }
    TEST_ARENA;
    char *f[] = {"b", "a", "b"};
    struct platform p = {.os = "linux", .arch = "amd64", .os_features = {f, 3, true}};
    struct platform n = platform_normalize(p, &a);
    assert_string_equal(join(&n.os_features, &a), "a b");
    assert_string_equal(f[0], "b"); /* the caller's array stays as it was */
}

static void test_format(void **state)
{
    (void)state;
    TEST_ARENA;
    char *f[] = {"", "gpu", "", "simd", "gpu"};
    struct platform p = {.os = "linux", .arch = "amd64", .os_features = {f, 5, true}};
    assert_string_equal(platform_format(&p, &a), "linux/amd64");
    assert_string_equal(platform_format_all(&p, &a), "linux(+gpu+simd)/amd64");
    p = (struct platform){.os = "windows", .arch = "amd64", .os_version = "a/b"};
    assert_string_equal(platform_format(&p, &a), "windows/amd64");
    assert_string_equal(platform_format_all(&p, &a), "windows(a%2Fb)/amd64");
    p = (struct platform){.arch = "amd64"};
    assert_string_equal(platform_format(&p, &a), "unknown");
    assert_true(platform_is_set(&p));
    p = (struct platform){.os = "", .arch = ""};
    assert_false(platform_is_set(&p));
    p = (struct platform){.os = "linux", .arch = "", .variant = "v7"};
    assert_string_equal(platform_format_all(&p, &a), "linux/v7");
}

static void test_host(void **state)
{
    (void)state;
    struct platform p = platform_host();
    assert_string_equal(p.os, "linux");
    assert_true(p.arch && *p.arch);
#if defined(__x86_64__)
    assert_string_equal(p.arch, "amd64");
    /* The compiler's own run-time check is the independent word on the level. */
    __builtin_cpu_init();
    bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
              __builtin_cpu_supports("fma");
    bool v4 = v3 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    assert_string_equal(or_empty(p.variant), v4 ? "v4" : v3 ? "v3" : v2 ? "v2" : "");
#endif
    struct platform plain = {.os = "linux", .arch = p.arch};
    assert_true(platform_rank(&p, &p, true) == 0);
    assert_true(strcmp(p.arch, "arm") == 0 || platform_rank(&p, &plain, false) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_parse_bad),
        cmocka_unit_test(test_parse_long), cmocka_unit_test(test_normalize),
        cmocka_unit_test(test_format),     cmocka_unit_test(test_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
