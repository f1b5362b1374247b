/* SPDX-License-Identifier: Apache-2.0 */
#include "container/names.h"

#include "container_test.h"

static void valid(void **state)
{
    static const char *const good[] = {"ab", "a1", "0x", "web_1", "A.b-c", "a..", "x-"};
    static const char *const bad[] = {"",    "a",    "_ab", "-ab", ".ab",       "a b",
                                      "a/b", "ab\n", "a:b", "a@b", "\303\251a", "a\303\251"};
    struct shale_err e = SHALE_ERR_INIT;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(name_check(good[i], NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(name_check(bad[i], NULL), -SHALE_INVALID);
    assert_int_equal(name_check("a b", &e), -SHALE_INVALID);
    assert_string_equal(e.msg,
                        "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    assert_int_equal(name_check("\033[31m", &e), -SHALE_INVALID);
    assert_null(strchr(e.msg, '\033'));
}

static void length(void **state)
{
    char name[NAME_MAX_BYTES + 2];

    memset(name, 'a', sizeof name);
    name[NAME_MAX_BYTES] = 0;
    assert_true(name_is_valid(name));
    name[NAME_MAX_BYTES] = 'a';
    name[NAME_MAX_BYTES + 1] = 0;
    assert_false(name_is_valid(name));
}

static void made_up(void **state)
{
    char first[64], name[64];
    int n_same = 0, n_digit = 0;

    assert_int_equal(name_make(0, first, NULL), 0);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(name_make(i % 2, name, NULL), 0);
        assert_true(name_is_valid(name));
        assert_non_null(strchr(name, '_'));
        n_same += streq(name, first);
        n_digit += name[strlen(name) - 1] >= '0' && name[strlen(name) - 1] <= '9';
    }
    assert_int_equal(n_digit, 100);
    assert_in_range(n_same, 0, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid),
        cmocka_unit_test(length),
        cmocka_unit_test(made_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
