/* SPDX-License-Identifier: Apache-2.0 */
#include "http/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"

static const struct {
    const char *in;
    uint64_t size;
    enum http_range want;
    uint64_t first, last;
} ranges[] = {
    {NULL, 10, HTTP_RANGE_NONE, 0, 0},
    {"", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-0", 10, HTTP_RANGE_PART, 0, 0},
    {"bytes=2-4", 10, HTTP_RANGE_PART, 2, 4},
    {"Bytes = 2-4", 10, HTTP_RANGE_PART, 2, 4},
    {"bytes=2-", 10, HTTP_RANGE_PART, 2, 9},
    {"bytes=2-100", 10, HTTP_RANGE_PART, 2, 9},
    {"bytes=9-9", 10, HTTP_RANGE_PART, 9, 9},
    {"bytes=10-", 10, HTTP_RANGE_WRONG, 0, 0},
    {"bytes=10-20", 10, HTTP_RANGE_WRONG, 0, 0},
    {"bytes=-4", 10, HTTP_RANGE_PART, 6, 9},
    {"bytes=-10", 10, HTTP_RANGE_PART, 0, 9},
    {"bytes=-11", 10, HTTP_RANGE_PART, 0, 9},
    {"bytes=-0", 10, HTTP_RANGE_WRONG, 0, 0},
    {"bytes=-5", 0, HTTP_RANGE_WRONG, 0, 0},
    {"bytes=0-", 0, HTTP_RANGE_WRONG, 0, 0},
    {"bytes=4-2", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=1-2,4-5", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=a-b", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=-", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=1", 10, HTTP_RANGE_NONE, 0, 0},
    {"items=1-2", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-18446744073709551615", 10, HTTP_RANGE_PART, 0, 9},
    {"bytes=0-18446744073709551616", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=18446744073709551615-", UINT64_MAX, HTTP_RANGE_WRONG, 0, 0},
};

static void test_ranges(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        uint64_t first = 0, last = 0;
        enum http_range got = http_range_parse(ranges[i].in, ranges[i].size, &first, &last);
        if (got != ranges[i].want || first != ranges[i].first || last != ranges[i].last)
            fail_msg("\"%s\" of %llu: %d %llu-%llu", ranges[i].in ? ranges[i].in : "(none)",
                     (unsigned long long)ranges[i].size, got, (unsigned long long)first,
                     (unsigned long long)last);
    }
}

static const struct {
    const char *in;
    bool good;
    uint64_t first, last;
} uploads[] = {
    {"0-4", true, 0, 4},
    {"5-5", true, 5, 5},
    {"bytes 5-9", true, 5, 9},
    {"bytes=5-9", true, 5, 9},
    {"bytes 5-9/10", true, 5, 9},
    {"bytes 5-9/*", true, 5, 9},
    {" 5-9 ", true, 5, 9},
    {"", false, 0, 0},
    {"5", false, 0, 0},
    {"5-", false, 0, 0},
    {"-5", false, 0, 0},
    {"9-5", false, 0, 0},
    {"5-9/9", false, 0, 0},
    {"5-9/x", false, 0, 0},
    {"5-9 x", false, 0, 0},
    {"bytes5-9", false, 0, 0},
    {"0-18446744073709551615", false, 0, 0},
};

static void test_upload_ranges(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(uploads); i++) {
        uint64_t first = 0, last = 0;
        bool got = http_upload_range_parse(uploads[i].in, &first, &last);
        if (got != uploads[i].good || first != uploads[i].first || last != uploads[i].last)
            fail_msg("\"%s\": %d %llu-%llu", uploads[i].in, got, (unsigned long long)first,
                     (unsigned long long)last);
    }
}

static void test_etags(void **state)
{
    static const char tag[] = "\"sha256:ab\"";

    assert_false(http_etag_matches(NULL, tag));
    assert_false(http_etag_matches("", tag));
    assert_true(http_etag_matches("\"sha256:ab\"", tag));
    assert_true(http_etag_matches("W/\"sha256:ab\"", tag));
    assert_true(http_etag_matches("\"x\", \"sha256:ab\"", tag));
    assert_true(http_etag_matches("\"x\",\"sha256:ab\",\"y\"", tag));
    assert_true(http_etag_matches("*", tag));
    assert_true(http_etag_matches(" * ", tag));
    assert_false(http_etag_matches("*x", tag));
    assert_false(http_etag_matches("\"sha256:abc\"", tag));
    assert_false(http_etag_matches("sha256:ab", tag));
    assert_false(http_etag_matches("\"a,\"sha256:ab\"", tag)); /* inside of a tag */
    assert_false(http_etag_matches("\"sha256:ab\"x", tag));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_upload_ranges),
        cmocka_unit_test(test_etags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
