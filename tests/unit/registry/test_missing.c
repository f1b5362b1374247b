/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upstream/missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000000ll

static void test_names(void **state)
{
    struct missing *m = NULL;

    assert_int_equal(missing_new(&m, NULL), 0);
    assert_false(missing_has(m, 'm', "a", "1"));
    missing_add(m, 'm', "a", "1", 60 * S);
    assert_true(missing_has(m, 'm', "a", "1"));
    assert_false(missing_has(m, 'b', "a", "1"));
    assert_false(missing_has(m, 'm', "a", "2"));
    assert_false(missing_has(m, 'm', "a/b", "1"));
    missing_add(m, 'm', "a", "3", 0);
    assert_false(missing_has(m, 'm', "a", "3"));
    missing_free(m);
    assert_null(missing_free(NULL));
}

static void test_time(void **state)
{
    struct missing *m = NULL;

    assert_int_equal(missing_new(&m, NULL), 0);
    missing_add(m, 'm', "a", "1", S / 20);
    assert_true(missing_has(m, 'm', "a", "1"));
    usleep(60000);
    assert_false(missing_has(m, 'm', "a", "1"));
    missing_free(m);
}

/* More than there is room for: entries go, none is made up; names that are too long are not kept.
 */
static void test_bounds(void **state)
{
    struct missing *m = NULL;
    char ref[32], repo[2000];
    size_t n = 0;

    assert_int_equal(missing_new(&m, NULL), 0);
    for (int i = 0; i < 2 * MISSING_ENTRIES; i++) {
        snprintf(ref, sizeof ref, "%d", i);
        missing_add(m, 'm', "a", ref, 60 * S);
        assert_true(missing_has(m, 'm', "a", ref));
    }
    for (int i = 0; i < 4 * MISSING_ENTRIES; i++) {
        snprintf(ref, sizeof ref, "%d", i);
        bool has = missing_has(m, 'm', "a", ref);
        n += has;
        assert_true(!has || i < 2 * MISSING_ENTRIES);
    }
    assert_in_range(n, MISSING_ENTRIES / 4, MISSING_ENTRIES);
    memset(repo, 'a', sizeof repo - 1);
    repo[sizeof repo - 1] = 0;
    missing_add(m, 'm', repo, "1", 60 * S);
    assert_false(missing_has(m, 'm', repo, "1"));
    missing_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
