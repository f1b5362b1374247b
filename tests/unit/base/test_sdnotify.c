/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "base/sdnotify.h"

/* A service manager's end: a bound socket, named in the environment as `name`. */
static int manager(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && n < sizeof a.sun_path);
    memcpy(a.sun_path, name, n);
    if (*name == '@')
        a.sun_path[0] = 0;
    assert_int_equal(bind(fd, (struct sockaddr *)&a,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*name == '/'))),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static const char *got(int fd)
{
    static char text[2048];
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    text[n < 0 ? 0 : n] = 0;
    return text;
}

static void talk(const char *name)
{
    struct shale_err e = SHALE_ERR_INIT;
    long long usec = 0;
    int fd = manager(name);

    assert_int_equal(sdnotify_ready("listening on\n1.2.3.4:5", &e), 1);
    assert_string_equal(got(fd), "READY=1\nSTATUS=listening on\\x0a1.2.3.4:5\n");
    assert_int_equal(sdnotify_ready(NULL, &e), 1);
    assert_string_equal(got(fd), "READY=1\n");
    assert_int_equal(sdnotify_reloading(&e), 1);
    const char *text = got(fd);
    assert_true(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%lld\n", &usec) == 1);
    assert_true(usec > 0);
    assert_int_equal(sdnotify_stopping(&e), 1);
    assert_string_equal(got(fd), "STOPPING=1\n");
    assert_int_equal(sdnotify_watchdog(&e), 1);
    assert_string_equal(got(fd), "WATCHDOG=1\n");
    assert_string_equal(got(fd), "");
    close(fd);
    assert_true(sdnotify_stopping(&e) < 0); /* nobody there any more */
    unsetenv("NOTIFY_SOCKET");
}

static void test_sockets(void **state)
{
    TMP_DIR(t);
    char name[128];

    snprintf(name, sizeof name, "%s/notify", t.path);
    talk(name);
    snprintf(name, sizeof name, "@shale-test-%d", (int)getpid());
    talk(name);
}

static void test_nobody(void **state)
{
    char longest[SDNOTIFY_MAX_BYTES + 2];

    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(sdnotify_ready("x", NULL), 0);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(sdnotify_ready("x", NULL), 0);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(sdnotify_ready("x", NULL), -SHALE_INVALID);
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    longest[0] = '/';
    setenv("NOTIFY_SOCKET", longest, 1);
    assert_int_equal(sdnotify_ready("x", NULL), -SHALE_INVALID);
    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    assert_int_equal(sdnotify_ready("x", NULL), -SHALE_NOT_FOUND);
    assert_int_equal(sdnotify_send(longest, NULL), -SHALE_LIMIT);
    unsetenv("NOTIFY_SOCKET");
}

static void test_watchdog(void **state)
{
    char pid[32];

    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    assert_int_equal(sdnotify_watchdog_ns(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(sdnotify_watchdog_ns(), 30000000000ll);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(sdnotify_watchdog_ns(), 30000000000ll);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(sdnotify_watchdog_ns(), 0);
    unsetenv("WATCHDOG_PID");
    setenv("WATCHDOG_USEC", "99999999999999999999", 1);
    assert_int_equal(sdnotify_watchdog_ns(), 0);
    setenv("WATCHDOG_USEC", "0", 1);
    assert_int_equal(sdnotify_watchdog_ns(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
