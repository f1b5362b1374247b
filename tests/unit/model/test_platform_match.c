/* SPDX-License-Identifier: Apache-2.0 */
#include "model/platform.h"

#include "model_test.h"

static struct platform parse(const char *s, struct arena *a)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct platform p;
    if (platform_parse(s, a, &p, &e) < 0)
        fail_msg("%s: %s", s, e.msg);
    return p;
}

static int rank(const char *want, const char *have, bool strict)
{
    TEST_ARENA;
    struct platform w = parse(want, &a), h = parse(have, &a);
    return platform_rank(&w, &h, strict);
}

/* The lists behind each wanted platform, best first, blanks between. */
static const struct {
    const char *want, *order, *never;
} lists[] = {
    {"linux/amd64", "linux/amd64 linux/386",
     "linux/amd64/v2 linux/arm/v7 linux/arm64 windows/amd64 windows/arm"},
    {"linux/amd64/v2", "linux/amd64/v2 linux/amd64/v1 linux/386",
     "linux/amd64/v3 linux/amd64/v4 linux/arm/v7 windows/amd64/v2"},
    {"linux/amd64/v4", "linux/amd64/v4 linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/386",
     "linux/amd64/v5 linux/amd64/x"},
    {"linux/amd64/x", "linux/amd64/x linux/386", "linux/amd64 linux/amd64/v2"},
    {"linux/386", "linux/386", "linux/amd64 linux/arm/v7 windows/amd64"},
    {"windows/amd64", "windows/amd64 windows/386", "linux/amd64 linux/arm/v7 windows/arm"},
    {"linux/arm/v8", "linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5",
     "linux/amd64 linux/arm/v4 linux/arm64 windows/arm"},
    {"linux/arm", "linux/arm/v7 linux/arm/v6 linux/arm/v5", "linux/arm/v8 linux/arm/v4"},
    {"linux/arm/v6", "linux/arm/v6 linux/arm/v5",
     "linux/arm linux/arm/v4 linux/arm/v7 linux/arm/v8 linux/arm64"},
    {"linux/arm/v5", "linux/arm/v5", "linux/arm linux/arm/v4 linux/arm/v6 linux/arm64"},
    {"linux/arm/v4", "linux/arm/v4", "linux/arm linux/arm/v5 linux/arm/v7"},
    {"linux/arm64", "linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5",
     "linux/amd64 linux/arm/v4 linux/arm64/v8.1 linux/arm64/v9 windows/arm"},
    {"linux/arm64/v8.1",
     "linux/arm64/v8.1 linux/arm64/v8 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5",
     "linux/arm64/v8.2 linux/arm64/v9 linux/arm/v9"},
    {"linux/arm64/v9",
     "linux/arm64/v9 linux/arm64/v8.5 linux/arm64/v8.4 linux/arm64/v8.3 linux/arm64/v8.2 "
     "linux/arm64/v8.1 linux/arm64/v8 linux/arm/v8 linux/arm linux/arm/v6 linux/arm/v5",
     "linux/arm64/v8.6 linux/arm64/v9.1 linux/arm/v4"},
    {"linux/arm64/v9.6",
     "linux/arm64/v9.6 linux/arm64/v9.5 linux/arm64/v9.4 linux/arm64/v9.3 linux/arm64/v9.2 "
     "linux/arm64/v9.1 linux/arm64/v9.0 linux/arm64/v8.9 linux/arm64/v8.8 linux/arm64/v8.7 "
     "linux/arm64/v8.6 linux/arm64/v8.5 linux/arm64/v8.4 linux/arm64/v8.3 linux/arm64/v8.2 "
     "linux/arm64/v8.1 linux/arm64/v8 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5",
     "linux/arm64/v8.10 linux/arm64/v9.7 linux/arm64/v9.8 linux/arm/v4"},
    {"linux/riscv64", "linux/riscv64", "linux/amd64 linux/riscv64/rva22u64"},
    {"linux/ppc64le/power9", "linux/ppc64le/power9", "linux/ppc64le linux/ppc64le/power8"},
};

static void test_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        TEST_ARENA;
        struct str rest = str_of(lists[i].order), part;
        for (int place = 0; str_split(&rest, ' ', &part); place++) {
            const char *have = arena_strndup(&a, part.p, part.n);
            int r = rank(lists[i].want, have, false);
            if (r != place)
                fail_msg("%s for %s: %d, not %d", have, lists[i].want, r, place);
            r = rank(lists[i].want, have, true);
            if ((r == 0) != (place == 0))
                fail_msg("%s for %s, strictly: %d", have, lists[i].want, r);
        }
        rest = str_of(lists[i].never);
        while (str_split(&rest, ' ', &part)) {
            const char *have = arena_strndup(&a, part.p, part.n);
            if (rank(lists[i].want, have, false) != -1 || rank(lists[i].want, have, true) != -1)
                fail_msg("%s serves %s", have, lists[i].want);
        }
    }
}

/* Aliases, case and unset parts on either side. */
static const struct {
    struct platform want, have;
    int rank;
} raw[] = {
    {{.os = "linux", .arch = "amd64"}, {.os = "Linux", .arch = "X86_64", .variant = "V1"}, 0},
    {{.os = "linux", .arch = "arm64"}, {.os = "linux", .arch = "aarch64", .variant = "v8"}, 0},
    {{.os = "linux", .arch = "arm64", .variant = "v8"}, {.os = "linux", .arch = "arm64"}, 0},
    {{.os = "linux", .arch = "arm"}, {.os = "linux", .arch = "armhf"}, 0},
    {{.os = "linux", .arch = "arm"}, {.os = "linux", .arch = "armel"}, 1},
    {{.os = "linux", .arch = "arm", .variant = "v6"}, {.os = "linux", .arch = "arm"}, -1},
    {{.os = "linux", .arch = "amd64"}, {.arch = "amd64"}, 0}, /* no os is linux */
    {{.os = "linux", .arch = "amd64"}, {.os = "linux"}, -1},
    {{.os = "linux", .arch = "amd64"}, {.os = "unknown", .arch = "unknown"}, -1},
    {{.os = "linux", .arch = "amd64"}, {.os = "", .arch = "", .variant = ""}, -1},
    {{.os = "linux", .arch = "amd64"}, {.os = "linux", .arch = "386", .variant = "sse2"}, -1},
    {{.os = "linux", .arch = "amd64"}, {.os = "linux", .arch = "i386", .variant = "x"}, 1},
    {{.os = "macos", .arch = "arm64"}, {.os = "darwin", .arch = "arm64"}, 0},
};

static void test_raw(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(raw); i++)
        if (platform_rank(&raw[i].want, &raw[i].have, false) != raw[i].rank)
            fail_msg("row %zu: %d", i, platform_rank(&raw[i].want, &raw[i].have, false));
}

static const struct {
    const char *want, *have;
    bool match;
} features[] = {
    {"linux(+gpu)/amd64", "linux/amd64", true},
    {"linux(+gpu)/amd64", "linux(+gpu)/amd64", true},
    {"linux(+simd+gpu)/amd64", "linux(+gpu+simd)/amd64", true},
    {"linux(+gpu)/amd64", "linux(+gpu+simd)/amd64", false},
    {"linux/amd64", "linux(+gpu)/amd64", false},
    {"linux(+a+c)/amd64", "linux(+b)/amd64", false},
    {"windows/amd64", "windows(+win32k)/amd64", true},
    {"windows/amd64", "windows(+other+win32k)/amd64", false},
    {"linux/amd64", "linux(+win32k)/amd64", false},
};

static void test_features(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        if ((rank(features[i].want, features[i].have, false) >= 0) != features[i].match)
            fail_msg("%s for %s", features[i].have, features[i].want);
}

/* Host build, container build, whether it runs. */
static const struct {
    const char *host, *ctr;
    bool runs;
} windows[] = {
    {"10.0.17763", "10.0.17763.1", true},
    {"10.0.17763", "10.0.17763.9999", true},
    {"10.0.17763", "10.0.17762.1", false},
    {"10.0.17763", "10.0.17764.1", false},
    {"10.0.17763", "10.0.20348", false},
    {"10.0.20348", "10.0.17763", false},
    {"10.0.20348", "10.0.20348", true},
    {"10.0.20348", "10.0.26100", false},
    {"10.0.20348", "10.0.22621", false},
    {"10.0.22621", "10.0.17763", false},
    {"10.0.22621", "10.0.20348", true},
    {"10.0.25398", "10.0.17763", false},
    {"10.0.25398", "10.0.20348.1", true},
    {"10.0.26100", "10.0.20348", true},
    {"10.0.26100", "10.0.22621", true},
    {"10.0.26101", "10.0.20348", false},
    {"10.0.26101", "10.0.26100.7", true},
    {"10.0.20348", "11.0.20348", false},
    {"10.0.20348", "10.1.20348", false},
    {"10.0.20348", "10.0", false},
    {"10.0.20348", "10.0.x", false},
    {"10.0.20348", "10.0.70000", false},
    {"10.0.20348", "rubbish", false},
    {"10.0.20348", "", true},
    {"", "10.0.17763", true},
    {"10.0", "10.0.17763", true}, /* a host without a build has no opinion */
};

static void test_windows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
        struct platform want = {.os = "windows", .arch = "amd64", .os_version = windows[i].host};
        struct platform have = {.os = "Windows", .arch = "amd64", .os_version = windows[i].ctr};
        for (int strict = 0; strict < 2; strict++)
            if ((platform_rank(&want, &have, strict) >= 0) != windows[i].runs)
                fail_msg("%s on %s", windows[i].ctr, windows[i].host);
        want.os = have.os = "linux"; /* versions mean nothing elsewhere */
        assert_int_equal(platform_rank(&want, &have, false), 0);
    }
}

static const struct {
    const char *want, *better, *worse; /* worse NULL: neither */
} preferences[] = {
    {"linux/amd64/v3", "linux/amd64/v3", "linux/amd64"},
    {"linux/amd64", "linux/amd64", "linux/386"},
    {"linux/amd64", "linux/386", "linux/arm64"},
    {"linux(+a+b)/amd64", "linux(+a+b)/amd64", "linux(+a)/amd64"},
    {"linux(+a)/amd64/v2", "linux/amd64/v2", "linux(+a)/amd64"},
    {"windows(10.0.26100)/amd64", "windows(10.0.26100.2)/amd64", "windows(10.0.26100.1)/amd64"},
    {"windows(10.0.26100.1)/amd64", "windows(10.0.26100.3000)/amd64",
     "windows(10.0.20348.9)/amd64"},
    {"windows(10.0.25398)/amd64", "windows(10.0.22621)/amd64", "windows(10.0.20348)/amd64"},
    {"windows(10.0.25398)/amd64", "windows(10.0.20348.100)/amd64", "windows(10.0.20348.20)/amd64"},
    {"windows(10.0.25398)/amd64", "windows(10.0.20348)/amd64", "windows/amd64"},
    {"windows(10.0.26100)/amd64", "windows/amd64", "linux/amd64"},
    {"windows/amd64", "windows(10.0.20348)/amd64", NULL},
    {"linux/amd64", "linux/amd64", NULL},
};

static void test_prefer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(preferences); i++) {
        TEST_ARENA;
        struct platform want = parse(preferences[i].want, &a);
        struct platform x = parse(preferences[i].better, &a);
        if (!preferences[i].worse) {
            struct platform same = {.os = x.os, .arch = x.arch};
            assert_int_equal(platform_prefer(&want, &x, &same, false), 0);
            continue;
        }
        struct platform y = parse(preferences[i].worse, &a);
        int xy = platform_prefer(&want, &x, &y, false), yx = platform_prefer(&want, &y, &x, false);
        if (xy >= 0 || yx <= 0)
            fail_msg("%s over %s: %d %d", preferences[i].better, preferences[i].worse, xy, yx);
    }
}

static void test_local(void **state)
{
    (void)state;
    struct platform want = {.os = "linux", .arch = "arm", .variant = "v6"};
    struct platform bare = {.os = "linux", .arch = "arm"};
    struct platform v7 = {.os = "linux", .arch = "arm", .variant = "v7"};
    struct platform other = {.os = "linux", .arch = "arm64"};
    struct platform win = {.os = "windows", .arch = "arm"};
    assert_int_equal(platform_rank(&want, &bare, false), -1);
    assert_true(platform_matches_local(&want, &bare));
    assert_false(platform_matches_local(&want, &v7));
    assert_false(platform_matches_local(&want, &other));
    assert_false(platform_matches_local(&want, &win));
    assert_true(platform_matches_local(&v7, &bare));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),    cmocka_unit_test(test_raw),
        cmocka_unit_test(test_features), cmocka_unit_test(test_windows),
        cmocka_unit_test(test_prefer),   cmocka_unit_test(test_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
