/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to clients that pause, and connections that are taken over before their body has ended.
 */
#include "http/wire.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"

#define LATE_MAX (1u << 20)
#define HEAD_NS  (300 * NS_PER_MS)

static struct {
    struct wire_server *s;
    char dir[64], path[96];
    sem_t stalled, reads;
    int late_left; /* of /late: what was still there */
    int taken;     /* of /take: what it returned */
    sem_t done;
} w;

/* Writes until the client takes no more and there is no room; goes on when it reads again. */
static void late(struct wire_req *q)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LATE_MAX);
    static const char piece[4096] = "x";
    size_t before;

    assert_int_equal(wire_begin(q, 200, ""), 0);
    do {
        before = b.n;
        assert_int_equal(wire_write_late(q, &b, piece, sizeof piece), 0);
    } while (b.n != before || b.n == 0);
    sem_post(&w.stalled);
    sem_wait(&w.reads);
    while (b.n > 0 && wire_write_late(q, &b, NULL, 0) == 0)
        usleep(1000);
    w.late_left = (int)b.n;
    (void)wire_write_late(q, &b, "end", 3);
    (void)wire_write_rest(q, &b);
}

/* Echoes what comes, until its end. */
static void take(struct wire_req *q)
{
    static const char head[] = "HTTP/1.1 101 UPGRADED\r\n\r\n";
    char text[256];
    ssize_t n;
    int fd = wire_take(q, head, sizeof head - 1);

    w.taken = fd < 0 ? -1 : 0;
    while (fd >= 0 && (n = read(fd, text, sizeof text)) > 0)
        (void)!write(fd, text, (size_t)n);
    sem_post(&w.done);
}

static void handle(void *arg, struct wire_req *q)
{
    if (streq(q->head->target, "/late"))
        late(q);
    else
        take(q);
}

static int begin(void **state)
{
    const struct wire_opts o = {.handle = handle, .head_ns = HEAD_NS};
    struct http_listener l;

    snprintf(w.dir, sizeof w.dir, "/tmp/shale-wire.XXXXXX");
    if (!mkdtemp(w.dir))
        return -1;
    snprintf(w.path, sizeof w.path, "%s/s", w.dir);
    sem_init(&w.stalled, 0, 0);
    sem_init(&w.reads, 0, 0);
    sem_init(&w.done, 0, 0);
    int r = http_listen_unix(w.path, 0600, (gid_t)-1, &l, NULL);
    return r < 0 ? r : wire_start(&o, &l, 1, &w.s, NULL);
}

static int end(void **state)
{
    wire_stop(w.s, NS_PER_S);
    (void)unlink(w.path);
    return rmdir(w.dir);
}

static int ask(const char *text)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof at.sun_path, "%s", w.path);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

/* Reads until `what` has come. */
static void expect(int fd, const char *what)
{
    char text[512];
    size_t n = 0;
    ssize_t got;

    do {
        got = read(fd, text + n, sizeof text - 1 - n);
        n += got > 0 ? (size_t)got : 0;
        text[n] = 0;
    } while (got > 0 && !strstr(text, what));
    if (!strstr(text, what))
        fail_msg("no %s in '%s'", what, text);
}

static void reads_again(void **state)
{
    int fd = ask("GET /late HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    char text[65536], last[16] = "";
    ssize_t n;

    sem_wait(&w.stalled);
    sem_post(&w.reads);
    while ((n = read(fd, text, sizeof text)) > 0) {
        size_t k = (size_t)n < sizeof last - 1 ? (size_t)n : sizeof last - 1;
        memmove(last, last + k, sizeof last - 1 - k);
        memcpy(last + sizeof last - 1 - k, text + (size_t)n - k, k);
    }
    close(fd);
    assert_int_equal(w.late_left, 0); /* all that was late has gone without another line */
    assert_string_equal(last, "\r\n3\r\nend\r\n0\r\n\r\n");
}

#define UPGRADE "Host: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"

static void taken_over(void **state)
{
    /* nobody knows where it ends, nor waits for that */
    int fd = ask("POST /take HTTP/1.1\r\n" UPGRADE "Transfer-Encoding: chunked\r\n\r\n");
    expect(fd, "101 UPGRADED\r\n\r\n");
    assert_int_equal(write(fd, "hello", 5), 5);
    expect(fd, "hello");
    close(fd);
    sem_wait(&w.done);
    assert_int_equal(w.taken, 0);
    /* one that was announced is not carried */
    fd = ask("POST /take HTTP/1.1\r\n" UPGRADE "Content-Length: 4\r\n\r\nbo");
    assert_int_equal(write(fd, "dymore", 6), 6);
    expect(fd, "101 UPGRADED\r\n\r\nmore");
    close(fd);
    sem_wait(&w.done);
    assert_int_equal(w.taken, 0);
}

static void too_slow(void **state)
{
    int fd = ask("POST /take HTTP/1.1\r\n" UPGRADE "Content-Length: 1000000\r\n\r\n");
    int64_t from = time_mono_ns();

    /* each byte is in time, all of them would be not */
    while (sem_trywait(&w.done) < 0 && time_mono_ns() - from < 60 * NS_PER_S) {
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
        usleep(20000);
    }
    close(fd);
    assert_int_equal(w.taken, -1);
    assert_true(time_mono_ns() - from < 30 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_again),
        cmocka_unit_test(taken_over),
        cmocka_unit_test(too_slow),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
