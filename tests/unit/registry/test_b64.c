/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_test.h"

#include "registry/b64.h"

/* RFC 4648, section 10, and bytes that differ between the alphabets. */
static void test_vectors(void **state)
{
    static const struct {
        const char *plain, *std, *url;
    } cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/", "-_-_"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t n = strlen(cases[i].plain), got;
        uint8_t out[16];
        for (int kind = B64_STD; kind <= B64_URL; kind++) {
            const char *text = kind == B64_URL ? cases[i].url : cases[i].std;
            struct buf b = BUF_INIT(64);
            b64_encode(kind, cases[i].plain, n, &b);
            assert_string_equal(buf_str(&b), text);
            assert_true(b64_decode(kind, str_of(text), out, &got));
            assert_int_equal(got, n);
            assert_memory_equal(out, cases[i].plain, n);
            buf_clear(&b);
        }
    }
}

static void test_strict(void **state)
{
    static const char *const std[] = {"Zg",   "Zg=",    "Zh==", "Zg===", "====",    "=",
                                      "Z===", "Zm9v\n", "Zm 9", "-_-_",  "Zg==Zg=="};
    static const char *const url[] = {"Z", "Zh", "Zm9", "Zg==", "+/+/", "Zm8=", "Zm9vY", "Zm.v"};
    uint8_t out[16];
    size_t n;

    for (size_t i = 0; i < ARRAY_SIZE(std); i++)
        if (b64_decode(B64_STD, str_of(std[i]), out, &n))
            fail_msg("accepted %s", std[i]);
    for (size_t i = 0; i < ARRAY_SIZE(url); i++)
        if (b64_decode(B64_URL, str_of(url[i]), out, &n))
            fail_msg("accepted %s", url[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
