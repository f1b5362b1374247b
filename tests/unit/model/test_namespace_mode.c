/* SPDX-License-Identifier: Apache-2.0 */
#include "model/namespace_mode.h"

#include "model_test.h"

static void which_modes(void **state)
{
    static const struct {
        enum ns_kind kind;
        const char *mode, *error; /* NULL: it is one */
    } rows[] = {
        {NS_PID, "", NULL},
        {NS_PID, "host", NULL},
        {NS_PID, "container:x", NULL},
        {NS_PID, "container:", "invalid PID mode: container:"},
        {NS_PID, "private", "invalid PID mode: private"},
        {NS_IPC, "none", NULL},
        {NS_IPC, "private", NULL},
        {NS_IPC, "shareable", NULL},
        {NS_IPC, "host", NULL},
        {NS_IPC, "container:x", NULL},
        {NS_IPC, "x", "invalid IPC mode: x"},
        {NS_UTS, "host", NULL},
        {NS_UTS, "container:x", "invalid UTS mode: container:x"},
        {NS_CGROUP, "host", NULL},
        {NS_CGROUP, "private", NULL},
        {NS_CGROUP, "x", "invalid cgroup namespace mode: x"},
        {NS_USER, "host", NULL},
        {NS_USER, "keep-id", "invalid USER mode: keep-id"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        int r = ns_mode_check(rows[i].kind, rows[i].mode, &e);
        assert_int_equal(r, rows[i].error ? -SHALE_INVALID : 0);
        assert_string_equal(e.msg, rows[i].error ? rows[i].error : "");
    }
}

static void what_they_mean(void **state)
{
    assert_string_equal(ns_mode_joined("container:x"), "x");
    assert_null(ns_mode_joined("host"));
    assert_null(ns_mode_joined(NULL));
    assert_true(ns_mode_is_host("host"));
    assert_false(ns_mode_is_host("container:host"));
    assert_false(ns_mode_is_host(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_modes),
        cmocka_unit_test(what_they_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
