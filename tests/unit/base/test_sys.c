/* SPDX-License-Identifier: Apache-2.0 */
/* The thin calls, and in builds with -Dfault=true the seam behind them: each case runs in a
 * process of its own, because the hooks read the environment once. */
#include "base_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/json.h"
#include "base/mem.h"

static void test_calls(void **state)
{
    TMP_DIR(t);
    char text[16];
    size_t got;

    _cleanup_close_ int fd = sys_openat(t.fd, "f", O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(sys_write_all(fd, "0123456789", 10), 0);
    assert_int_equal(sys_pwrite_all(fd, "xy", 2, 12), 0);
    assert_int_equal(sys_pread_full(fd, text, sizeof text, 8, &got), 0);
    assert_int_equal(got, 6);
    assert_memory_equal(text, "89\0\0xy", 6);
    assert_int_equal(lseek(fd, 13, SEEK_SET), 13);
    assert_int_equal(sys_read_full(fd, text, sizeof text, &got), 0);
    assert_int_equal(got, 1);
    assert_int_equal(sys_ftruncate(fd, 5), 0);
    assert_int_equal(sys_fsync(fd), 0);
    assert_int_equal(sys_fdatasync(fd), 0);
    assert_int_equal(sys_renameat(t.fd, "f", t.fd, "g"), 0);
    assert_int_equal(sys_linkat(t.fd, "g", t.fd, "h"), 0);
    assert_int_equal(sys_symlinkat("h", t.fd, "l"), 0);
    assert_int_equal(sys_mkdirat(t.fd, "d", 0700), 0);
    assert_int_equal(sys_unlinkat(t.fd, "l", 0), 0);
    assert_int_equal(sys_unlinkat(t.fd, "d", AT_REMOVEDIR), 0);
    assert_int_equal(sys_unlinkat(t.fd, "l", 0), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(sys_step("any"), 0);
    _cleanup_close_ int full = open("/dev/full", O_WRONLY);
    assert_int_equal(sys_write_all(full, "x", 1), -1);
    assert_int_equal(errno, ENOSPC);
}

/* What the children do: a durable write of one file, in fixed steps. */
static int work(const char *dir, struct shale_err *e)
{
    _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY);

    return fs_write_atomic(fd, "f", "new", 3, 0600, true, e);
}

/* This program again, as main sees it with arguments: the hooks are armed when it starts. */
static int in_child(const char *name, const char *value, const char *what)
{
    int status = -1;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        setenv(name, value, 1);
        execl("/proc/self/exe", "child", what, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static bool has_fault(void)
{
    if (!sys_fault_built())
        skip_loudly("built without -Dfault=true");
    return sys_fault_built();
}

static unsigned long count_calls(const struct tmp *t)
{
    char value[128];
    _cleanup_(buf_clear) struct buf b = BUF_INIT(32);

    snprintf(value, sizeof value, "count:%s/count", t->path);
    assert_int_equal(in_child("SHALE_FAULT", value, t->path), 0);
    assert_int_equal(fs_read_file(t->fd, "count", &b, NULL), 0);
    assert_int_equal(unlinkat(t->fd, "count", 0), 0);
    return strtoul(buf_str(&b), NULL, 10);
}

/* Whatever happens, the file is the old or the new one. */
static bool is_new(const struct tmp *t)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(32);

    assert_int_equal(fs_read_file(t->fd, "f", &b, NULL), 0);
    if (streq(buf_str(&b), "new"))
        return true;
    assert_string_equal(buf_str(&b), "old");
    return false;
}

static void test_fail_every_call(void **state)
{
    if (!has_fault())
        return;
    TMP_DIR(t);
    char value[32];

    put_file(t.fd, "f", "old");
    unsigned long n = count_calls(&t);
    assert_int_equal(n, 5); /* create, write, fsync, rename, fsync of the folder */
    for (unsigned long i = 1; i <= n + 1; i++) {
        put_file(t.fd, "f", "old");
        snprintf(value, sizeof value, "fail:%lu:%d", i, ENOSPC);
        int status = in_child("SHALE_FAULT", value, t.path);
        assert_int_equal(status, i > n ? 0 : W_EXITCODE(SHALE_NO_SPACE, 0));
        assert_int_equal(is_new(&t), i >= n); /* the last one comes after the rename */
    }
}

static void test_kill_at_every_call(void **state)
{
    if (!has_fault())
        return;
    TMP_DIR(t);
    char value[32];

    put_file(t.fd, "f", "old");
    unsigned long n = count_calls(&t);
    for (unsigned long i = 1; i <= n; i++) {
        put_file(t.fd, "f", "old");
        snprintf(value, sizeof value, "kill:%lu", i);
        int status = in_child("SHALE_FAULT", value, t.path);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(is_new(&t), i == n);
    }
}

/* ---- the n-th allocation fails ---- */

static int parse_something(void)
{
    static const char text[] = "{\"v\":[\"a\",\"b\"],\"m\":{\"k\":\"v\"}}";
    static const struct json_field f[] = {{"v", JB_STRV, 0, JB_REQUIRED}};
    struct arena a = ARENA_INIT(1 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    struct strv v = {0};
    json_t *j = NULL;

    int r = json_parse(text, sizeof text - 1, 1000, &j, &e);
    if (r == 0)
        r = json_bind(j, f, 1, &v, &a, &e);
    json_decref(j);
    arena_clear(&a);
    if (r == 0) {
        struct buf b = BUF_INIT(100);
        buf_adds(&b, "text");
        r = buf_check(&b, &e);
        buf_clear(&b);
    }
    return r;
}

static void test_fail_allocations(void **state)
{
    if (!has_fault())
        return;
    int failed = 0;

    for (int i = 1; i <= 50; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        int status = in_child("SHALE_FAULT_ALLOC", value, "allocate");
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SHALE_NO_MEMORY);
        failed += WEXITSTATUS(status) != 0;
    }
    assert_true(failed >= 2 && failed < 50);
}

static void test_mem(void **state)
{
    _cleanup_free_ char *zero = mem_alloc(0), *eight = mem_alloc(8);

    assert_non_null(zero);
    assert_memory_equal(eight, "\0\0\0\0\0\0\0\0", 8);
    assert_null(mem_array(SIZE_MAX / 2, 3));
    _cleanup_free_ char *text = mem_printf("%s %d", "a", 5), *dup = mem_strndup("abc", 2);
    assert_string_equal(text, "a 5");
    assert_string_equal(dup, "ab");
}

static int child(const char *what)
{
    struct shale_err e = SHALE_ERR_INIT;

    return streq(what, "allocate") ? -parse_something() : work(what, &e) < 0 ? e.code : 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return child(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_mem),
        cmocka_unit_test(test_fail_every_call),
        cmocka_unit_test(test_kill_at_every_call),
        cmocka_unit_test(test_fail_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
