/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/outfile.h"

static char dir[] = "/tmp/shale-outfile.XXXXXX";

static const char *in(const char *name)
{
    static char path[2][256];
    static int turn;

    turn = !turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static void is(const char *name, const char *want)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct buf b = BUF_INIT(4096);

    assert_int_equal(fs_read_file(AT_FDCWD, in(name), &b, &e), 0);
    assert_string_equal(buf_str(&b), want);
    buf_clear(&b);
}

static void whole_or_as_before(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct outfile o = OUTFILE_INIT;

    (void)state;
    assert_int_equal(outfile_put(in("a"), "one", 3, 0644, &e), 0);
    is("a", "one");
    assert_int_equal(outfile_open(&o, in("a"), &e), 0);
    assert_int_equal(write(o.fd, "half", 4), 4);
    outfile_clear(&o); /* not published */
    is("a", "one");
    assert_int_equal(outfile_put(in("a"), "two", 3, 0644, &e), 0);
    is("a", "two");
}

static void links_stay(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct stat st;

    (void)state;
    assert_int_equal(symlink("a", in("link")), 0);
    assert_int_equal(outfile_put(in("link"), "three", 5, 0644, &e), 0);
    is("a", "three");
    assert_int_equal(lstat(in("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

/* By a link, so that a mistake takes the link's place and not the device's. */
static void devices_are_written_as_they_stand(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct stat st;

    (void)state;
    assert_int_equal(symlink("/dev/null", in("null")), 0);
    assert_int_equal(symlink("/dev/full", in("full")), 0);
    assert_int_equal(outfile_put(in("null"), "x", 1, 0644, &e), 0);
    assert_true(outfile_put(in("full"), "x", 1, 0644, &e) < 0);
    assert_non_null(strstr(e.msg, strerror(ENOSPC)));
    assert_int_equal(lstat(in("null"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(in("full"), &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

static void refuses(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;

    (void)state;
    assert_int_equal(outfile_put(dir, "x", 1, 0644, &e), -SHALE_INVALID);
    assert_non_null(strstr(e.msg, "must be a file, it is a folder"));
    assert_int_equal(outfile_put(in("none/x"), "x", 1, 0644, &e), -SHALE_INVALID);
    assert_non_null(strstr(e.msg, "no such file or directory"));
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return fs_remove_tree(AT_FDCWD, dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_or_as_before),
        cmocka_unit_test(links_stay),
        cmocka_unit_test(devices_are_written_as_they_stand),
        cmocka_unit_test(refuses),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
