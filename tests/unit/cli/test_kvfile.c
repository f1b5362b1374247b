/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kvfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"

static char dir[] = "/tmp/shale-kvfile-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    (void)state;
    return fs_remove_tree(AT_FDCWD, dir, NULL);
}

static char *file(struct arena *a, const char *name, const void *text, size_t n)
{
    char *path = arena_printf(a, "%s/%s", dir, name);
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, text, n, 0600, false, NULL), 0);
    return path;
}

static void test_lines(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "A=1\n# comment\n\n  B=two words \r\nC\n  D  \nE=\nF==x#y";
    static const char *const want[] = {"A=1", "B=two words ", "C",   "D",
                                       "E=",  "F==x#y",       "G=1", "A=2"};
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    char *paths[] = {file(&a, "one", text, sizeof text - 1), NULL};
    char *values[] = {(char *)"G=1", (char *)"A=2", NULL};
    struct strv files = {paths, 1, true}, given = {values, 2, true}, got;
    (void)state;
    assert_int_equal(kvfile_merge(&files, &given, "env", &a, &got, NULL), 0);
    assert_int_equal(got.n, ARRAY_SIZE(want));
    for (size_t i = 0; i < got.n; i++)
        assert_string_equal(got.v[i], want[i]);
    assert_null(got.v[got.n]);
}

static void test_nothing(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct strv none = {0}, got;
    (void)state;
    assert_int_equal(kvfile_merge(&none, &none, "env", &a, &got, NULL), 0);
    assert_int_equal(got.n, 0);
}

static void test_many_lines(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4 << 20);
    struct buf b = BUF_INIT(1 << 20);
    struct strv none = {0}, got;
    (void)state;
    for (int i = 0; i < 5000; i++)
        buf_addf(&b, "K%d=%d\n", i, i);
    char *paths[] = {file(&a, "many", b.p, b.n), NULL};
    struct strv files = {paths, 1, true};
    assert_int_equal(kvfile_merge(&files, &none, "env", &a, &got, NULL), 0);
    assert_int_equal(got.n, 5000);
    assert_string_equal(got.v[4999], "K4999=4999");
    buf_clear(&b);
}

static void test_errors(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        const char *msg;
    } rows[] = {
        {"=x\n", 3, "): no variable name on line '=x'"},
        {"A B=x\n", 6, "): variable 'A B' contains whitespaces"},
        {"A =x\n", 5, "): variable 'A ' contains whitespaces"},
        {"ok=1\nA=\xff\n", 10, "): invalid utf8 bytes at line 2"},
        {"A=\0b\n", 5, "): line with a NUL byte"},
    };
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    struct strv none = {0}, got;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *paths[] = {file(&a, "bad", rows[i].text, rows[i].n), NULL};
        struct strv files = {paths, 1, true};
        assert_int_equal(kvfile_merge(&files, &none, "env", &a, &got, &e), -SHALE_INVALID);
        assert_non_null(strstr(e.msg, rows[i].msg));
    }
    char *missing[] = {(char *)"/nonexistent/env", NULL};
    struct strv files = {missing, 1, true};
    assert_int_equal(kvfile_merge(&files, &none, "env", &a, &got, &e), -SHALE_NOT_FOUND);
    assert_string_equal(e.msg, "open /nonexistent/env: no such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_many_lines),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests_name("cli/kvfile", tests, make_dir, drop_dir);
}
