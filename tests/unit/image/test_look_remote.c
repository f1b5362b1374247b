/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that are wanted of an image in a registry, and where links lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* order matters */
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/look_remote.h"

static void test_plain(void **state)
{
    static const struct {
        const char *path, *plain;
    } v[] = {
        {"", ""},
        {"/", ""},
        {"etc/passwd", "etc/passwd"},
        {"//a///b/", "a/b"},
        {"./a/./b", "a/b"},
        {"a/../b", "b"},
        {"a/b/..", "a"},
        {"..", ""},
        {"../../a", "a"},
        {"a/b/../../c", "c"},
        {"a/...", "a/..."},
    };
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(v); i++)
        assert_string_equal(look_plain(&a, v[i].path), v[i].plain);
    char *longest = arena_alloc(&a, TAR_MAX_PATH_BYTES + 2);
    memset(longest, 'x', TAR_MAX_PATH_BYTES + 1);
    assert_null(look_plain(&a, longest));
}

static void test_leads_to(void **state)
{
    (void)state;
    assert_true(look_leads_to("a", 1, "a"));
    assert_true(look_leads_to("a", 1, "a/b"));
    assert_true(look_leads_to("a/b", 3, "a/b/c"));
    assert_false(look_leads_to("a", 1, "ab"));
    assert_false(look_leads_to("a/b", 3, "a"));
    assert_false(look_leads_to("b", 1, "a/b"));
}

static void link_is_followed(const char *wanted, enum tar_type type, const char *path,
                             const char *to, const char *expected)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct look_wanted w = {.paths = {wanted}, .n_paths = 1, .arena = &a};
    struct tar_entry t = {.type = type, .path = str_of(path), .link = str_of(to)};

    look_follow(&w, &t);
    look_follow(&w, &t); /* the same once more is nothing new */
    if (!expected) {
        assert_int_equal(w.n_paths, 1);
        return;
    }
    assert_int_equal(w.n_paths, 2);
    assert_string_equal(w.paths[1], expected);
}

static void test_follow(void **state)
{
    (void)state;
    link_is_followed("bin/sh", TAR_SYMLINK, "bin", "usr/bin", "usr/bin/sh");
    link_is_followed("etc/os-release", TAR_SYMLINK, "etc/os-release", "../usr/lib/os-release",
                     "usr/lib/os-release");
    link_is_followed("a/b/c", TAR_SYMLINK, "a/b", "/x", "x/c");
    link_is_followed("a/b", TAR_HARDLINK, "a/b", "x/y", "x/y");
    link_is_followed("a/b", TAR_SYMLINK, "a/c", "x", NULL);
    link_is_followed("a/b", TAR_SYMLINK, "a/b/c", "x", NULL);
    link_is_followed("a/b", TAR_SYMLINK, "a", "", NULL);
    link_is_followed("a/b", TAR_REG, "a", "x", NULL);
    link_is_followed("loop", TAR_SYMLINK, "loop", "loop", NULL);
}

/* Links that lead to ever more paths: there is an end. */
static void test_bound(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct look_wanted w = {.paths = {"a/a"}, .n_paths = 1, .arena = &a};
    struct tar_entry t = {.type = TAR_SYMLINK, .path = STR("a"), .link = STR("a/a")};

    (void)state;
    for (int i = 0; i < 1000; i++)
        look_follow(&w, &t);
    assert_int_equal(w.n_paths, LOOK_MAX_WANTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_leads_to),
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
