/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include "base/units.h"

static void test_human(void **state)
{
    static const struct {
        uint64_t n;
        int precision;
        const char *text;
    } cases[] = {
        {0, 4, "0B"},
        {999, 4, "999B"},
        {1000, 4, "1kB"},
        {1234567, 3, "1.23MB"},
        {1234567, 4, "1.235MB"},
        {77800000, 3, "77.8MB"},
        {1000000000, 4, "1GB"},
        {5368709120, 4, "5.369GB"},
        {999999, 3, "1e+03kB"}, /* so does docker: %.3g of 999.999 */
        {UINT64_MAX, 4, "18.45EB"},
        {1500000000000000, 2, "1.5PB"},
    };
    char out[32];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(units_human(cases[i].n, cases[i].precision, out), cases[i].text);
}

/* What is printed by hand is what printf prints. */
static void test_human_is_printf(void **state)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t x = 88172645463325252ull;

    for (unsigned k = 0; k < 300000; k++) {
        char out[32], want[32];
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        uint64_t n = k < 100000 ? k * 5 : x >> (k % 64); /* small ones have the ties */
        int precision = 1 + (int)(k / 7 % 6);
        double v = (double)n;
        size_t i = 0;
        for (; v >= 1000.0; i++)
            v /= 1000.0;
        (void)snprintf(want, sizeof want, "%.*g%s", precision, v, names[i]);
        assert_string_equal(units_human(n, precision, out), want);
    }
}

static void test_binary(void **state)
{
    static const struct {
        const char *text;
        int64_t n;
    } cases[] = {
        {"0", 0},          {"512", 512},    {"512b", 512},     {"64k", 65536},
        {"64K", 65536},    {"64kb", 65536}, {"64KiB", 65536},  {"1.5g", 1610612736},
        {"1 MB", 1048576}, {"0.5k", 512},   {"7p", 7ll << 50}, {"2t", 2ll << 40},
    };
    static const char *const bad[] = {"",    "k",    "-1", "1x",    "1kk", "1.2.3", "1e3", "1bb",
                                      "1ib", "0x10", " 1", "1kib ", "inf", "nan",   "."};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t n = -1;
        if (units_parse_binary(cases[i].text, &n, NULL) < 0 || n != cases[i].n)
            fail_msg("%s: %lld", cases[i].text, (long long)n);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        int64_t n = -1;
        if (units_parse_binary(bad[i], &n, &e) != -SHALE_INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(n, -1);
        assert_non_null(strstr(e.msg, "invalid size"));
    }
    int64_t n;
    assert_int_equal(units_parse_binary("8388608t", &n, NULL), -SHALE_INVALID);
    assert_int_equal(units_parse_binary("9223372036854775808", &n, NULL), -SHALE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_human),
        cmocka_unit_test(test_human_is_printf),
        cmocka_unit_test(test_binary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
