/* SPDX-License-Identifier: Apache-2.0 */
/* The order of versions, and names whose tag is a pattern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* order matters */
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/remote.h"

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

/* Each before all that follow. */
static const char *const ordered[] = {
    "",
    "0",
    "00",
    "0a",
    "01",
    "1",
    "1.2",
    "1.2-rc1",
    "1.2-rc2",
    "1.2-rc10",
    "1.2.0",
    "1.10",
    "2",
    "18446744073709551615",
    "18446744073709551616",
    "100000000000000000000000",
    "V1",
    "a",
    "a1",
    "a1b2",
    "a1b10",
    "a2",
    "a10",
    "latest",
};

static void test_order(void **state)
{
    size_t n = ARRAY_SIZE(ordered);

    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            int want = (i > k) - (i < k);
            if (sign(remote_compare_versions(ordered[i], ordered[k])) != want)
                fail_msg("\"%s\" and \"%s\": not %d", ordered[i], ordered[k], want);
        }
}

static const struct {
    const char *text, *repo, *tag, *glob; /* repo NULL: refused */
} names[] = {
    {"a", "docker.io/library/a", NULL, NULL},
    {"a:1", "docker.io/library/a", "1", NULL},
    {"a:1.*", "docker.io/library/a", NULL, "1.*"},
    {"h:5000/a", "h:5000/a", NULL, NULL},
    {"h:5000/a:[12].?", "h:5000/a", NULL, "[12].?"},
    {"h:5000/a:\\x", "h:5000/a", NULL, "\\x"},
    {"a:1:*", NULL, NULL, NULL},
    {"a*", NULL, NULL, NULL},
    {"h:*/a", NULL, NULL, NULL},
    {"A:*", NULL, NULL, NULL},
    {"a:[", NULL, NULL, NULL},
    {":*", NULL, NULL, NULL},
    {"", NULL, NULL, NULL},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        struct remote_name n;
        int r = remote_name_parse(names[i].text, &a, &n, &e);
        if (r != (names[i].repo ? 0 : -SHALE_INVALID))
            fail_msg("%s: %d %s", names[i].text, r, e.msg);
        if (r < 0)
            continue;
        assert_string_equal(n.ref.repo, names[i].repo);
        assert_true(streq(n.ref.tag, names[i].tag));
        assert_true(streq(n.glob, names[i].glob));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
