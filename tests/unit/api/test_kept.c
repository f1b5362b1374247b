/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are kept: how long, and which go. */
#include "api/kept.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/str.h"

static const struct shale_state now = {1, 2, 3};

static void put(struct kept *k, const char *key, const struct shale_state *at, const char *text)
{
    struct buf b = BUF_INIT(2 * KEPT_MAX_BYTES);
    struct kept_answer *a;

    buf_adds(&b, text);
    a = kept_put(k, key, at, &b, NULL, 0);
    assert_non_null(a);
    assert_null(b.p);
    assert_string_equal(a->body.p, text);
    kept_unref(a);
}

static bool has(struct kept *k, const char *key, const struct shale_state *at, const char *text)
{
    struct kept_answer *a = kept_get(k, key, at, 0);
    bool same = a && streq(a->body.p, text);

    kept_unref(a);
    return same;
}

static void test_states(void **state)
{
    static const struct shale_state later[] = {{2, 2, 3}, {1, 3, 3}, {1, 2, 4}};
    struct kept *k = kept_new();

    (void)state;
    put(k, "a", &now, "[1]");
    assert_true(has(k, "a", &now, "[1]"));
    assert_false(has(k, "b", &now, "[1]"));
    for (size_t i = 0; i < 3; i++)
        assert_false(has(k, "a", &later[i], "[1]"));
    put(k, "a", &later[0], "[2]"); /* in the place of the other */
    assert_true(has(k, "a", &later[0], "[2]"));
    assert_false(has(k, "a", &now, "[1]"));
    put(k, NULL, &now, "[3]"); /* to be answered once */
    assert_false(has(k, "", &now, "[3]"));
    assert_null(kept_free(k));
}

static void test_bounds(void **state)
{
    struct kept *k = kept_new();
    struct buf b = BUF_INIT(2 * KEPT_MAX_BYTES);
    char key[16];

    (void)state;
    for (int i = 0; i <= KEPT_ANSWERS; i++) {
        snprintf(key, sizeof key, "%d", i);
        put(k, key, &now, key);
    }
    assert_false(has(k, "0", &now, "0")); /* the oldest went */
    assert_true(has(k, "1", &now, "1"));
    assert_true(has(k, key, &now, key));
    memset(buf_room(&b, KEPT_MAX_BYTES + 1), ' ', KEPT_MAX_BYTES + 1);
    b.n = KEPT_MAX_BYTES + 1;
    kept_unref(kept_put(k, "large", &now, &b, NULL, 0));
    assert_null(kept_get(k, "large", &now, 0));
    assert_null(kept_free(k));
}

static void test_dropped_in_use(void **state)
{
    struct kept *k = kept_new();
    struct kept_answer *a;

    (void)state;
    put(k, "a", &now, "[]");
    a = kept_get(k, "a", &now, 0);
    kept_drop(k);
    assert_false(has(k, "a", &now, "[]"));
    assert_string_equal(a->body.p, "[]"); /* who has it keeps it */
    kept_unref(a);
    assert_null(kept_free(k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_dropped_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
