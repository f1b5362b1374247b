/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_test.h"

#include "registry/auth/guard.h"

#define S NS_PER_S

static void test_window(void **state)
{
    struct guard *g = NULL;

    assert_ok(guard_new(3, 10 * S, &g, err));
    assert_int_equal(guard_blocked(g, "192.0.2.1", 100 * S), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(guard_blocked(g, "192.0.2.1", (100 + i) * S), 0);
        guard_failed(g, "192.0.2.1", (100 + i) * S);
    }
    assert_int_equal(guard_blocked(g, "192.0.2.1", 103 * S), 7 * S);
    assert_int_equal(guard_blocked(g, "::ffff:192.0.2.1", 103 * S), 7 * S);
    assert_int_equal(guard_blocked(g, "192.0.2.2", 103 * S), 0);
    assert_int_equal(guard_blocked(g, "192.0.2.1", 110 * S), 0); /* a new window */
    guard_failed(g, "192.0.2.1", 110 * S);
    assert_int_equal(guard_blocked(g, "192.0.2.1", 110 * S), 0);
    assert_null(guard_free(g));
}

static void test_networks(void **state)
{
    struct guard *g = NULL;

    assert_ok(guard_new(1, 10 * S, &g, err));
    guard_failed(g, "2001:db8:1:2::1", S);
    assert_int_equal(guard_blocked(g, "2001:db8:1:2:ffff::9", S), 10 * S);
    assert_int_equal(guard_blocked(g, "2001:db8:1:3::1", S), 0);
    guard_failed(g, "unix:@", S);
    assert_int_equal(guard_blocked(g, "unix:@", S), 10 * S);
    assert_int_equal(guard_blocked(g, "", S), 0);
    guard_free(g);
}

/* A million peers: the table keeps its size, the newest are known, the call stays quick. */
static void test_flood(void **state)
{
    struct guard *g = NULL;
    char peer[64];

    assert_ok(guard_new(1, 3600 * S, &g, err));
    int64_t begin = time_mono_ns();
    for (unsigned i = 0; i < 1000000; i++) {
        snprintf(peer, sizeof peer, "%u.%u.%u.%u", 1 + (i >> 24), i >> 16 & 255, i >> 8 & 255,
                 i & 255);
        guard_failed(g, peer, S + i);
    }
    assert_true(guard_blocked(g, peer, S + 1000000) > 0);
    assert_true(time_mono_ns() - begin < 30 * S);
    guard_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
