/* SPDX-License-Identifier: Apache-2.0 */
#include "model/health.h"

#include "base/time.h"
#include "model_test.h"

static char *cmd[] = {"CMD", "true"}, *shell[] = {"CMD-SHELL", "true"}, *none[] = {"NONE", "x"},
            *odd[] = {"ODD", "x"};

static struct config_health with(char **v, size_t n)
{
    return (struct config_health){.test = {v, n, true}};
}

static void what_is_a_check(void **state)
{
    struct config_health h = with(cmd, 2);

    (void)state;
    assert_true(health_is_probed(&h));
    h = with(shell, 2);
    assert_true(health_is_probed(&h));
    h = with(shell, 1);
    assert_false(health_is_probed(&h));
    h = with(none, 2);
    assert_false(health_is_probed(&h));
    h = with(odd, 2);
    assert_false(health_is_probed(&h));
    h = with(NULL, 0);
    assert_false(health_is_probed(&h));
}

static void bad(struct config_health h, const char *words)
{
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(health_check(&h, &e), -SHALE_INVALID);
    assert_string_equal(e.msg, words);
}

static void numbers_that_make_no_sense(void **state)
{
    struct config_health good = {.interval_ns = NS_PER_MS, .retries = 1};

    (void)state;
    assert_int_equal(health_check(&good, NULL), 0);
    bad((struct config_health){.interval_ns = 1},
        "Interval in Healthcheck cannot be less than 1ms");
    bad((struct config_health){.timeout_ns = -NS_PER_S},
        "Timeout in Healthcheck cannot be less than 1ms");
    bad((struct config_health){.retries = -1}, "Retries in Healthcheck cannot be negative");
    bad((struct config_health){.start_period_ns = 5},
        "StartPeriod in Healthcheck cannot be less than 1ms");
    bad((struct config_health){.start_interval_ns = 5},
        "StartInterval in Healthcheck cannot be less than 1ms");
}

static void each_setting_on_its_own(void **state)
{
    struct config_health base = with(cmd, 2), over = {.retries = 7, .timeout_ns = NS_PER_S};

    (void)state;
    base.interval_ns = 5 * NS_PER_S;
    base.retries = 1;
    health_merge(&base, &over);
    assert_ptr_equal(base.test.v, cmd);
    assert_int_equal(base.interval_ns, 5 * NS_PER_S);
    assert_int_equal(base.retries, 7);
    assert_int_equal(base.timeout_ns, NS_PER_S);
    over = with(shell, 2);
    health_merge(&base, &over);
    assert_ptr_equal(base.test.v, shell);
}

static void times_between(void **state)
{
    struct config_health h = {.interval_ns = 0};

    (void)state;
    assert_int_equal(health_timeout_ns(&h), 30 * NS_PER_S);
    assert_int_equal(health_interval_ns(&h, HEALTH_STARTING, 0), 30 * NS_PER_S);
    h.start_period_ns = 10 * NS_PER_S;
    assert_int_equal(health_interval_ns(&h, HEALTH_STARTING, 0), 5 * NS_PER_S);
    h.start_interval_ns = NS_PER_S;
    assert_int_equal(health_interval_ns(&h, HEALTH_STARTING, 9 * NS_PER_S), NS_PER_S);
    assert_int_equal(health_interval_ns(&h, HEALTH_STARTING, 10 * NS_PER_S), 30 * NS_PER_S);
    assert_int_equal(health_interval_ns(&h, HEALTH_HEALTHY, 0), 30 * NS_PER_S);
}

static void outcomes(void **state)
{
    struct config_health h = {.start_period_ns = 10 * NS_PER_S};
    struct health_state s = {HEALTH_STARTING, 0};

    (void)state;
    assert_false(health_take(&s, &h, 1, NS_PER_S)); /* does not count yet */
    assert_int_equal(s.failing, 0);
    assert_false(health_take(&s, &h, 1, 11 * NS_PER_S));
    assert_false(health_take(&s, &h, -1, 12 * NS_PER_S));
    assert_true(health_take(&s, &h, 2, 13 * NS_PER_S));
    assert_int_equal(s.status, HEALTH_UNHEALTHY);
    assert_int_equal(s.failing, 3);
    assert_true(health_take(&s, &h, 0, 14 * NS_PER_S));
    assert_int_equal(s.status, HEALTH_HEALTHY);
    assert_int_equal(s.failing, 0);
    assert_false(health_take(&s, &h, 1, NS_PER_S)); /* counts at once: it was healthy once */
    assert_int_equal(s.failing, 1);
    h.retries = 2;
    assert_true(health_take(&s, &h, 1, NS_PER_S));
    assert_int_equal(s.status, HEALTH_UNHEALTHY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_check),
        cmocka_unit_test(numbers_that_make_no_sense),
        cmocka_unit_test(each_setting_on_its_own),
        cmocka_unit_test(times_between),
        cmocka_unit_test(outcomes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
