/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mounts.h"

static bool is_listed(const char *path)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct buf b = BUF_INIT(MOUNTS_MAX_BYTES), plain = BUF_INIT(MOUNTS_MAX_BYTES);

    assert_int_equal(mounts_read(&b, &e), 0);
    assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/mountinfo", &plain, &e), 0);
    assert_string_equal(buf_str(&b), buf_str(&plain));
    bool listed = strstr(buf_str(&b), path) != NULL;
    buf_clear(&b);
    buf_clear(&plain);
    return listed;
}

/* Mounts of its own, so that nobody else's come between: 77 where that is not allowed. */
static int child(const char *dir)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 77;
    for (int i = 0; i < 3; i++) {
        if (is_listed(dir))
            return 1;
        if (mount("tmpfs", dir, "tmpfs", 0, NULL) < 0)
            return 77;
        if (!is_listed(dir) || !is_listed(dir))
            return 2;
        if (umount(dir) < 0)
            return 3;
    }
    return 0;
}

static void sees_what_is_mounted(void **state)
{
    char dir[] = "/tmp/shale-mounts.XXXXXX";
    struct buf b = BUF_INIT(MOUNTS_MAX_BYTES);
    struct shale_err e = SHALE_ERR_INIT;
    int status;

    (void)state;
    assert_non_null(mkdtemp(dir));
    /* What is kept is the parent's: the child must not take it for its own. */
    assert_int_equal(mounts_read(&b, &e), 0);
    buf_clear(&b);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(child(dir));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    rmdir(dir);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("SKIP: mounts need root\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sees_what_is_mounted)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
