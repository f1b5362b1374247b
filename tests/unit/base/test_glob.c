/* SPDX-License-Identifier: Apache-2.0 */
#include "base/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/time.h"

static void test_match(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool match;
    } cases[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a", "aa", false},
        {"*", "abc", true},
        {"*", "a/b", false},
        {"**", "a/b/c", true},
        {"team/*", "team/a", true},
        {"team/*", "team/a/b", false},
        {"team/*", "team", false},
        {"team/**", "team/a/b", true},
        {"team/**", "team", false},
        {"team/**", "teams/a", false},
        {"team**", "team/a", true},
        {"*/app", "x/app", true},
        {"*/app", "x/y/app", false},
        {"**/app", "x/y/app", true},
        {"a*b*c", "a-b-b-c", true},
        {"a*b*c", "a-b-b-d", false},
        {"v?.?", "v1.2", true},
        {"v?.?", "v1.22", false},
        {"a?b", "a/b", false},
        {"***", "a/b", true},
        {"*", "", true},
        {"?", "", false},
        {"a", "", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (glob_match(cases[i].pattern, cases[i].name) != cases[i].match)
            fail_msg("%s %s", cases[i].pattern, cases[i].name);
}

/* Stars that would take for ever in a matcher that tries every split. */
static void test_hard(void **state)
{
    char pattern[GLOB_MAX_BYTES + 1], name[GLOB_MAX_BYTES + 2];

    for (size_t i = 0; i < GLOB_MAX_BYTES; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[GLOB_MAX_BYTES] = 0;
    memset(name, 'a', GLOB_MAX_BYTES);
    name[GLOB_MAX_BYTES - 1] = 'b';
    name[GLOB_MAX_BYTES] = 0;
    int64_t begin = time_mono_ns();
    assert_false(glob_match(pattern, name));
    assert_true(time_mono_ns() - begin < NS_PER_S);
    name[GLOB_MAX_BYTES] = 'b';
    name[GLOB_MAX_BYTES + 1] = 0;
    assert_false(glob_match("**", name)); /* longer than names are */
}

static void test_check(void **state)
{
    char longest[GLOB_MAX_BYTES + 2];

    assert_int_equal(glob_check("a-Z_0.9/**?*", NULL), 0);
    assert_int_equal(glob_check("", NULL), -SHALE_INVALID);
    assert_int_equal(glob_check("a b", NULL), -SHALE_INVALID);
    assert_int_equal(glob_check("[ab]", NULL), -SHALE_INVALID);
    assert_int_equal(glob_check("a\\*", NULL), -SHALE_INVALID);
    memset(longest, 'a', sizeof longest);
    longest[GLOB_MAX_BYTES + 1] = 0;
    assert_int_equal(glob_check(longest, NULL), -SHALE_INVALID);
    longest[GLOB_MAX_BYTES] = 0;
    assert_ok(glob_check(longest, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_hard),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
