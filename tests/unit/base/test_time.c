/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include <time.h>

#include "base/time.h"

#define S NS_PER_S

static void test_rfc3339(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
        const char *again; /* as written, NULL: same */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, NULL},
        {"1970-01-01T00:00:00.000000001Z", 1, NULL},
        {"1969-12-31T23:59:59.999999999Z", -1, NULL},
        {"2023-01-02T03:04:05.678Z", 1672628645 * S + 678000000, NULL},
        {"2023-01-02T03:04:05.678000Z", 1672628645 * S + 678000000, "2023-01-02T03:04:05.678Z"},
        {"2023-01-02T03:04:05+02:30", (1672628645 - 9000) * S, "2023-01-02T00:34:05Z"},
        {"2023-01-02T03:04:05-23:59", (1672628645 + 86340) * S, "2023-01-03T03:03:05Z"},
        {"2024-02-29T12:00:00Z", 1709208000 * S, NULL},
        {"2000-02-29T00:00:00Z", 951782400 * S, NULL},
        {"1900-03-01T00:00:00Z", -2203891200 * S, NULL},
        {"2023-01-02T03:04:05.1234567899Z", 1672628645 * S + 123456789,
         "2023-01-02T03:04:05.123456789Z"},
        {"0001-01-01T00:00:00Z", TIME_NONE, NULL},
        {"0001-01-01T00:00:01Z", INT64_MIN + 1, "1677-09-21T00:12:43.145224193Z"},
        {"1066-10-14T09:00:00Z", INT64_MIN + 1, "1677-09-21T00:12:43.145224193Z"},
        {"9999-12-31T23:59:59Z", INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        int64_t t = 42;
        char out[40];
        if (time_parse_rfc3339(cases[i].text, &t, &e) < 0 || t != cases[i].ns)
            fail_msg("%s: %lld", cases[i].text, (long long)t);
        assert_string_equal(time_format_rfc3339nano(t, out),
                            cases[i].again ? cases[i].again : cases[i].text);
    }
}

static void test_rfc3339_bad(void **state)
{
    static const char *const bad[] = {
        "",
        "2023",
        "2023-01-02",
        "2023-01-02T03:04:05",
        "2023-01-02 03:04:05Z",
        "2023-13-02T03:04:05Z",
        "2023-00-02T03:04:05Z",
        "2023-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2023-04-31T03:04:05Z",
        "2023-01-00T03:04:05Z",
        "2023-01-02T24:00:00Z",
        "2023-01-02T03:60:05Z",
        "2023-01-02T03:04:60Z",
        "2023-01-02T03:04:05.Z",
        "2023-01-02T03:04:05+0200",
        "2023-01-02T03:04:05+02:60",
        "2023-01-02T03:04:05Zx",
        "2023-01-02T03:04:05ZZ",
        " 2023-01-02T03:04:05Z",
        "-023-01-02T03:04:05Z",
        "20230-01-02T03:04:05Z",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        int64_t t = 42;
        if (time_parse_rfc3339(bad[i], &t, &e) != -SHALE_INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(t, 42);
        assert_true(e.msg[0]);
    }
}

static void test_go_string(void **state)
{
    char out[64];

    setenv("TZ", "UTC0", 1);
    tzset();
    assert_string_equal(time_format_go(0, out), "1970-01-01 00:00:00 +0000 UTC");
    assert_string_equal(time_format_go(-1, out), "1969-12-31 23:59:59 +0000 UTC");
    assert_string_equal(time_format_go(TIME_NONE, out), "0001-01-01 00:00:00 +0000 UTC");
    setenv("TZ", "XXX-02:30", 1);
    tzset();
    assert_string_equal(time_format_go(1672628645 * S, out), "2023-01-02 05:34:05 +0230 XXX");
    setenv("TZ", "UTC0", 1);
    tzset();
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
        const char *again;
    } cases[] = {
        {"0", 0, "0s"},
        {"-0", 0, "0s"},
        {"0s", 0, "0s"},
        {"1ns", 1, "1ns"},
        {"1.1us", 1100, "1.1\xc2\xb5s"},
        {"1\xc2\xb5s", 1000, "1\xc2\xb5s"},
        {"1\xce\xbcs", 1000, "1\xc2\xb5s"},
        {"2.2ms", 2200000, "2.2ms"},
        {"3.3s", 3300000000, "3.3s"},
        {"5s", 5 * S, "5s"},
        {".5s", S / 2, "500ms"},
        {"1.s", S, "1s"},
        {"4m5.001s", 245001000000, "4m5.001s"},
        {"5h6m7.001s", 18367001000000, "5h6m7.001s"},
        {"1h30m", 5400 * S, "1h30m0s"},
        {"300ms", 300000000, "300ms"},
        {"-1.5h", -5400 * S, "-1h30m0s"},
        {"+5s", 5 * S, "5s"},
        {"39h9m14.425s", 140954425000000, "39h9m14.425s"},
        {"1m1m", 120 * S, "2m0s"},
        {"9223372036854775807ns", INT64_MAX, "2562047h47m16.854775807s"},
        {"-2562047h47m16.854775807s", INT64_MIN + 1, "-2562047h47m16.854775807s"},
        {"-9223372036854775808ns", INT64_MIN, "-2562047h47m16.854775808s"},
        {"0.3333333333333333333h", 1200 * S, "20m0s"},
    };
    static const char *const bad[] = {"",
                                      "3",
                                      "-",
                                      "s",
                                      ".",
                                      "-.",
                                      ".s",
                                      "+.s",
                                      "1d",
                                      "1 s",
                                      "1h1",
                                      "--1s",
                                      "1hs",
                                      "1.2.3s",
                                      "3000000h",
                                      "9223372036854775808ns",
                                      "9223372036854ms1h"};
    char out[64];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t d = 42;
        if (time_parse_duration(cases[i].text, &d, NULL) < 0 || d != cases[i].ns)
            fail_msg("%s: %lld", cases[i].text, (long long)d);
        assert_string_equal(time_format_duration(d, out), cases[i].again);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        int64_t d = 42;
        if (time_parse_duration(bad[i], &d, &e) != -SHALE_INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(d, 42);
        assert_true(str_has_prefix(e.msg, "time: "));
    }
    assert_string_equal(time_format_duration(INT64_MIN, out), "-2562047h47m16.854775808s");
}

static void test_human(void **state)
{
    static const struct {
        int64_t s;
        const char *text;
    } cases[] = {
        {-5, "Less than a second"},
        {0, "Less than a second"},
        {1, "1 second"},
        {45, "45 seconds"},
        {60, "About a minute"},
        {119, "About a minute"},
        {120, "2 minutes"},
        {3599, "59 minutes"},
        {3600, "About an hour"},
        {3600 + 1799, "About an hour"},
        {3600 + 1800, "2 hours"},
        {47 * 3600, "47 hours"},
        {48 * 3600, "2 days"},
        {13 * 86400, "13 days"},
        {14 * 86400, "2 weeks"},
        {59 * 86400, "8 weeks"},
        {60 * 86400, "2 months"},
        {729 * 86400, "24 months"},
        {730 * 86400, "2 years"},
        {3650 * 86400LL, "10 years"},
    };
    char out[64];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(time_human_duration(cases[i].s * S, out), cases[i].text);
    assert_string_equal(time_human_duration(S - 1, out), "Less than a second");
    assert_string_equal(time_human_duration(INT64_MAX, out), "292 years");
    assert_string_equal(time_human_duration(INT64_MIN, out), "Less than a second");
}

static void test_filters(void **state)
{
    const int64_t now = 1700000000 * S;
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"0", 0},
        {"1h", (1700000000 - 3600) * S},
        {"-1h", (1700000000 + 3600) * S},
        {"1.5h", (1700000000 - 5400) * S},
        {"1600000000", 1600000000 * S},
        {"1600000000.25", 1600000000 * S + S / 4},
        {"-5", -5 * S},
        {"2023-01-02", 1672617600 * S},
        {"2023-01-02Z", 1672617600 * S},
        {"2023-01-02T03", 1672628400 * S},
        {"2023-01-02T03:04", 1672628640 * S},
        {"2023-01-02T03:04:05", 1672628645 * S},
        {"2023-01-02T03:04:05.5", 1672628645 * S + S / 2},
        {"2023-01-02T03:04:05Z", 1672628645 * S},
        {"2023-01-02T03:04:05.000000001+01:00", 1672625045 * S + 1},
        {"2023-01-02T03:04+01:00", 1672625040 * S},
    };
    static const char *const bad[] = {"",
                                      "x",
                                      "2023-1-2",
                                      "2023-02-30",
                                      "2023-01-02T",
                                      "2023-01-02T3",
                                      "2023-01-02T03:",
                                      "1h2",
                                      "1600000000.",
                                      "99999999999999999999",
                                      "2023-01-02T25"};

    setenv("TZ", "UTC0", 1);
    tzset();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t t = 42;
        if (time_parse_filter(cases[i].text, now, &t, NULL) < 0 || t != cases[i].ns)
            fail_msg("%s: %lld", cases[i].text, (long long)t);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int64_t t;
        if (time_parse_filter(bad[i], now, &t, NULL) != -SHALE_INVALID)
            fail_msg("accepted: %s", bad[i]);
    }
    /* Without a zone it is the local one. */
    int64_t t;
    setenv("TZ", "XXX-02:00", 1);
    tzset();
    assert_int_equal(time_parse_filter("2023-01-02T02:00", now, &t, NULL), 0);
    assert_true(t == 1672617600 * S);
    setenv("TZ", "UTC0", 1);
    tzset();
}

static void test_clocks(void **state)
{
    int64_t a = time_mono_ns(), now = time_now_ns(), b = time_mono_ns();

    assert_true(b >= a);
    assert_true(now > 1700000000 * S && llabs(now / S - (int64_t)time(NULL)) <= 1);
}

static void test_span(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"30d", 30 * 86400 * S}, {"1d", 86400 * S},
        {"2w", 14 * 86400 * S},  {"0d", 0},
        {"1h30m", 5400 * S},     {"106751d", 106751ll * 86400 * S},
    };
    static const char *const bad[] = {
        "", "d", "w", "-1d", "1.5d", "1d2h", "106752d", "99999999999999999999d", "x"};
    int64_t ns;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(time_parse_span(cases[i].text, &ns, NULL), 0);
        assert_true(ns == cases[i].ns);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(time_parse_span(bad[i], &ns, NULL), -SHALE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3339),   cmocka_unit_test(test_rfc3339_bad),
        cmocka_unit_test(test_go_string), cmocka_unit_test(test_durations),
        cmocka_unit_test(test_span),      cmocka_unit_test(test_human),
        cmocka_unit_test(test_filters),   cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
