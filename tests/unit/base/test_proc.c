/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/proc.h"
#include "base/time.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SH(text)  ARGV("sh", "-c", text)

static void test_which(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    char path[4096], small[4];

    assert_int_equal(proc_which("sh", path, sizeof path, &e), 0);
    assert_true(path[0] == '/' && str_has_suffix(path, "/sh"));
    assert_int_equal(proc_which(path, path, sizeof path, &e), 0);
    assert_int_equal(proc_which("sh", small, sizeof small, &e), -SHALE_LIMIT);
    assert_int_equal(proc_which("no-such-program-here", path, sizeof path, &e), -SHALE_NOT_FOUND);
    assert_int_equal(proc_which("/none/sh", path, sizeof path, &e), -SHALE_NOT_FOUND);
}

static void test_which_ignores_relative_path(void **state)
{
    TMP_DIR(t);
    char path[4096], cwd[4096], *old = strdup(getenv("PATH"));

    put_file(t.fd, "tool", "#!/bin/sh\n");
    assert_int_equal(fchmodat(t.fd, "tool", 0755, 0), 0);
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(t.path), 0);
    setenv("PATH", ".::/bin", 1);
    assert_int_equal(proc_which("tool", path, sizeof path, NULL), -SHALE_NOT_FOUND);
    setenv("PATH", t.path, 1);
    assert_int_equal(proc_which("tool", path, sizeof path, NULL), 0);
    assert_int_equal(fchmodat(t.fd, "tool", 0644, 0), 0);
    if (geteuid() != 0 || access(path, X_OK) != 0)
        assert_int_equal(proc_which("tool", path, sizeof path, NULL), -SHALE_NOT_FOUND);
    setenv("PATH", old, 1);
    free(old);
    assert_int_equal(chdir(cwd), 0);
}

static void test_spawn_and_wait(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    pid_t pid;
    int status = -1;

    struct proc_opts o = {.argv = SH("exit 7")};
    assert_int_equal(proc_spawn(&o, &pid, &e), 0);
    assert_int_equal(proc_wait(pid, &status, &e), 0);
    assert_int_equal(status, 7);
    o.argv = SH("kill -KILL $$");
    assert_int_equal(proc_spawn(&o, &pid, &e), 0);
    assert_int_equal(proc_wait(pid, &status, &e), 0);
    assert_int_equal(status, 128 + SIGKILL);
    o.argv = ARGV("no-such-program-here");
    assert_int_equal(proc_spawn(&o, &pid, &e), -SHALE_NOT_FOUND);
    o.argv = ARGV("/");
    assert_true(proc_spawn(&o, &pid, &e) < 0);
    assert_true(proc_wait(pid, &status, &e) < 0);
}

/* What cannot be run is told here, not by a status of 127. */
static void test_spawn_says_why(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    char path[128];
    pid_t pid;

    put_file(t.fd, "script", "#!/none/interpreter\n");
    assert_int_equal(fchmodat(t.fd, "script", 0755, 0), 0);
    snprintf(path, sizeof path, "%s/script", t.path);
    struct proc_opts o = {.argv = ARGV(path)};
    assert_int_equal(proc_spawn(&o, &pid, &e), -SHALE_NOT_FOUND);
    o = (struct proc_opts){.argv = ARGV("sh"), .cwd = "/none"};
    assert_int_equal(proc_spawn(&o, &pid, &e), -SHALE_NOT_FOUND);
}

static void run(const struct proc_opts *o, const char *want_out, const char *want_err, int want)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(1 << 20), err = BUF_INIT(1 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    int status = -1;

    if (proc_run(o, &out, &err, &status, NULL, &e) < 0)
        fail_msg("%s", e.msg);
    assert_string_equal(buf_str(&out), want_out);
    assert_string_equal(buf_str(&err), want_err);
    assert_int_equal(status, want);
}

static void test_run(void **state)
{
    run(&(struct proc_opts){.argv = SH("echo out; echo err >&2; exit 3")}, "out\n", "err\n", 3);
    run(&(struct proc_opts){.argv = ARGV("cat")}, "", "", 0); /* stdin is /dev/null */
    run(&(struct proc_opts){.argv = ARGV("cat"), .input = "some\ninput", .input_n = 10},
        "some\ninput", "", 0);
    run(&(struct proc_opts){.argv = ARGV("cat"), .input = "", .input_n = 0}, "", "", 0);
    run(&(struct proc_opts){.argv = ARGV("pwd"), .cwd = "/usr"}, "/usr\n", "", 0);
}

static void test_environment(void **state)
{
    setenv("SHALE_TEST_A", "old", 1);
    setenv("SHALE_TEST_AB", "kept", 1);
    run(&(struct proc_opts){.argv = SH("echo $SHALE_TEST_A $SHALE_TEST_AB $SHALE_TEST_C"),
                            .env = ARGV("SHALE_TEST_A=new", "SHALE_TEST_C=more")},
        "new kept more\n", "", 0);
    run(&(struct proc_opts){.argv = ARGV("env"), .env = ARGV("A=1", "B="), .clear_env = true},
        "A=1\nB=\n", "", 0);
}

static void test_descriptors(void **state)
{
    TMP_DIR(t);
    char text[64];

    put_file(t.fd, "f", "through a descriptor");
    int fd = openat(t.fd, "f", O_RDONLY | O_CLOEXEC);
    int kept = fcntl(fd, F_DUPFD_CLOEXEC, 50), closed = fcntl(fd, F_DUPFD_CLOEXEC, 60);
    int keep[] = {kept, -1};
    snprintf(text, sizeof text, "cat /proc/self/fd/%d; [ ! -e /proc/self/fd/%d ]", kept, closed);
    run(&(struct proc_opts){.argv = SH(text), .keep_fds = keep}, "through a descriptor", "", 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    run(&(struct proc_opts){.argv = ARGV("cat"), .stdin_fd = fd}, "through a descriptor", "", 0);
    close(fd);
    close(kept);
    close(closed);
}

/* More than pipes hold, in both directions at once. */
static void test_much_data(void **state)
{
    enum { N = 1 << 20 };
    _cleanup_(buf_clear) struct buf out = BUF_INIT(2 * N), err = BUF_INIT(2 * N);
    _cleanup_free_ char *input = malloc(N);
    struct shale_err e = SHALE_ERR_INIT;
    int status = -1;

    assert_non_null(input);
    for (size_t i = 0; i < N; i++)
        input[i] = (char)(i >> 5);
    struct proc_opts o = {.argv = SH("tee /dev/fd/2"), .input = input, .input_n = N};
    assert_int_equal(proc_run(&o, &out, &err, &status, NULL, &e), 0);
    assert_int_equal(out.n, N);
    assert_int_equal(err.n, N);
    assert_memory_equal(out.p, input, N);
    assert_memory_equal(err.p, input, N);

    /* A child that does not read all of it is no crash of ours. */
    o.argv = ARGV("true");
    assert_int_equal(proc_run(&o, NULL, NULL, &status, NULL, &e), 0);
    assert_int_equal(status, 0);

    /* Past the maximum the rest is dropped, and the buffer tells. */
    _cleanup_(buf_clear) struct buf small = BUF_INIT(10);
    o = (struct proc_opts){.argv = SH("head -c 100000 /dev/zero; exit 4")};
    assert_int_equal(proc_run(&o, &small, NULL, &status, NULL, &e), 0);
    assert_int_equal(status, 4);
    assert_int_equal(buf_check(&small, &e), -SHALE_LIMIT);
}

static void test_timeout(void **state)
{
    static const char *const scripts[] = {"exec sleep 30", "exec sleep 30 >&- 2>&-"};

    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        _cleanup_(buf_clear) struct buf out = BUF_INIT(100);
        struct shale_err e = SHALE_ERR_INIT;
        int status = 42;
        int64_t start = time_mono_ns();
        struct proc_opts o = {.argv = SH(scripts[i]), .timeout_ns = 200 * NS_PER_MS};
        assert_int_equal(proc_run(&o, &out, NULL, &status, NULL, &e), -SHALE_TIMEOUT);
        assert_true(time_mono_ns() - start < 10 * NS_PER_S);
        assert_int_equal(status, 42);
        assert_true(waitpid(-1, NULL, WNOHANG) < 0); /* nothing is left behind */
    }
}

static void *cancel_soon(void *arg)
{
    usleep(200 * 1000);
    cancel_set(arg);
    return NULL;
}

static void test_cancel(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct cancel c = {0};
    pthread_t thread;
    int status = -1;

    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &c), 0);
    struct proc_opts o = {.argv = ARGV("sleep", "30")};
    int64_t start = time_mono_ns();
    assert_int_equal(proc_run(&o, NULL, NULL, &status, &c, &e), -SHALE_CANCELED);
    assert_true(time_mono_ns() - start < 10 * NS_PER_S);
    pthread_join(thread, NULL);
    assert_true(waitpid(-1, NULL, WNOHANG) < 0);
}

/* Signal masks and ignored signals of ours are not the child's. */
static void test_signals_are_default(void **state)
{
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGPIPE, SIG_IGN);
    run(&(struct proc_opts){.argv = SH("kill -TERM $$; echo survived")}, "", "", 128 + SIGTERM);
    run(&(struct proc_opts){.argv = SH("kill -PIPE $$; echo survived")}, "", "", 128 + SIGPIPE);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which),
        cmocka_unit_test(test_which_ignores_relative_path),
        cmocka_unit_test(test_spawn_and_wait),
        cmocka_unit_test(test_spawn_says_why),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_much_data),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_signals_are_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
