/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include <math.h>

#include "base/cleanup.h"
#include "base/dynlib.h"

struct table {
    void *unused;
    double (*cos)(double);
    double (*floor)(double);
};

static const struct dynlib_function good[] = {
    {"cos", offsetof(struct table, cos)},
    {"floor", offsetof(struct table, floor)},
};
static const struct dynlib_function bad[] = {
    {"cos", offsetof(struct table, cos)},
    {"no_such_function", offsetof(struct table, floor)},
};

static void loads(void **state)
{
    struct dynlib d = {.name = "libm",
                       .sonames = {"libm.so.none", "libm.so.6"}, /* the second one is there */
                       .functions = good,
                       .n_functions = ARRAY_SIZE(good)};
    struct table t = {0};

    assert_true(dynlib_load(&d, &t));
    assert_int_equal(dynlib_result(&d, NULL), 0);
    assert_null(t.unused);
    assert_true(t.cos(0) == 1 && t.floor(2.5) == 2);
}

static void refused(void **state)
{
    struct dynlib none = {.name = "libnone", .package = "libnone1", .sonames = {"libnone.so.1"}};
    struct dynlib old = {
        .name = "libm", .sonames = {"libm.so.6"}, .functions = bad, .n_functions = ARRAY_SIZE(bad)};
    struct shale_err e = SHALE_ERR_INIT;
    struct table t = {0};

    assert_false(dynlib_load(&none, &t));
    assert_int_equal(dynlib_result(&none, &e), -SHALE_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "libnone cannot be loaded (libnone.so.1"));
    assert_non_null(strstr(e.msg, "; install libnone1"));
    assert_false(dynlib_load(&old, &t));
    assert_int_equal(dynlib_result(&old, &e), -SHALE_UNSUPPORTED);
    assert_string_equal(e.msg, "libm is too old: it has no no_such_function");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
