/* SPDX-License-Identifier: Apache-2.0 */
#include "model/restart.h"

#include "base/time.h"
#include "model_test.h"

static struct restart_policy good(const char *text)
{
    struct restart_policy p = {RESTART_NO, -1};
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(restart_parse(text, &p, &e), 0);
    return p;
}

static void bad(const char *text, const char *words)
{
    struct restart_policy p;
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(restart_parse(text, &p, &e), -SHALE_INVALID);
    assert_string_equal(e.msg, words);
}

static void names_and_counts(void **state)
{
    (void)state;
    assert_int_equal(good("").when, RESTART_NO);
    assert_int_equal(good("no").when, RESTART_NO);
    assert_int_equal(good("always").when, RESTART_ALWAYS);
    assert_int_equal(good("always:0").when, RESTART_ALWAYS);
    assert_int_equal(good("unless-stopped").when, RESTART_UNLESS_STOPPED);
    assert_int_equal(good("on-failure").max, 0);
    assert_int_equal(good("on-failure:").max, 0);
    assert_int_equal(good("on-failure:3").when, RESTART_ON_FAILURE);
    assert_int_equal(good("on-failure:3").max, 3);
}

static void what_is_wrong_is_said_in_dockers_words(void **state)
{
    (void)state;
    bad(":3", "invalid restart policy format: no policy provided before colon");
    bad("on-failure:x", "invalid restart policy format: maximum retry count must be an integer");
    bad("on-failure:-1", "invalid restart policy: maximum retry count cannot be negative");
    bad("always:3",
        "invalid restart policy: maximum retry count can only be used with 'on-failure'");
    bad("always:-3", "invalid restart policy: maximum retry count can only be used with "
                     "'on-failure' and cannot be negative");
    bad("sometimes", "invalid restart policy: unknown policy 'sometimes'; use one of 'no', "
                     "'always', 'on-failure', or 'unless-stopped'");
}

static void long_names_are_cut(void **state)
{
    char text[400];
    struct restart_policy p;
    struct shale_err e = SHALE_ERR_INIT;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(restart_parse(text, &p, &e), -SHALE_INVALID);
    assert_true(strlen(e.msg) < 200);
}

static void which_ends_count(void **state)
{
    struct restart_policy p = good("on-failure:2");

    (void)state;
    assert_true(restart_applies(&p, 1, 0));
    assert_true(restart_applies(&p, 137, 1));
    assert_false(restart_applies(&p, 1, 2));
    assert_false(restart_applies(&p, 0, 0));
    p = good("on-failure");
    assert_true(restart_applies(&p, 1, 1000));
    p = good("always");
    assert_true(restart_applies(&p, 0, 1000));
    p = good("no");
    assert_false(restart_applies(&p, 1, 0));
}

static void pauses_double_up_to_a_minute(void **state)
{
    int64_t t = 0;
    static const int64_t want_ms[] = {100,  200,   400,   800,   1600,  3200,
                                      6400, 12800, 25600, 51200, 60000, 60000};

    (void)state;
    for (size_t i = 0; i < sizeof want_ms / sizeof *want_ms; i++) {
        t = restart_pause_ns(t, NS_PER_S);
        assert_int_equal(t, want_ms[i] * NS_PER_MS);
    }
    assert_int_equal(restart_pause_ns(t, 10 * NS_PER_S), 100 * NS_PER_MS);
    assert_int_equal(restart_pause_ns(t, 10 * NS_PER_S - 1), 60 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_counts),
        cmocka_unit_test(what_is_wrong_is_said_in_dockers_words),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(which_ends_count),
        cmocka_unit_test(pauses_double_up_to_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
