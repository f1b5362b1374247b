/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that sleep without a thread, and answers that come into being while they are sent. */
#include "http/server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"

#define N_BYTES 300000

static struct {
    struct http_server *s;
    uint16_t port;
    struct http_req *parked; /* of /late */
    pthread_t waker;
    /* of a stream: how many bytes there are; who waits for more */
    pthread_mutex_t mutex;
    struct http_req *waits;
    uint64_t have;
    bool failed;
    atomic_int n_released, n_let_go;
} w = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void answer(struct http_req *q)
{
    http_respond(q, 200, http_response_copy("awake", 5));
}

static void *wake_late(void *arg)
{
    usleep(100000);
    http_unpark(arg, answer);
    return NULL;
}

static void park_early(struct http_req *q)
{
    http_park(q);
    http_unpark(q, answer);
}

static void park_again(struct http_req *q)
{
    http_park(q);
    http_unpark(q, park_early);
}

static void park_late(struct http_req *q)
{
    http_park(q);
    assert_int_equal(pthread_create(&w.waker, NULL, wake_late, q), 0);
}

static void park_until_let_go(struct http_req *q)
{
    http_park(q);
    w.parked = q;
}

static ssize_t read_stream(void *arg, uint64_t pos, char *p, size_t n)
{
    ssize_t got;

    pthread_mutex_lock(&w.mutex);
    if (pos < w.have) {
        got = (ssize_t)(n < w.have - pos ? n : w.have - pos);
        memset(p, 'x', (size_t)got);
    } else if (w.failed) {
        got = HTTP_READ_FAIL;
    } else {
        http_wait(arg);
        w.waits = arg;
        got = HTTP_READ_WAIT;
    }
    pthread_mutex_unlock(&w.mutex);
    return got;
}

static void released(void *arg)
{
    atomic_fetch_add(&w.n_released, 1);
}

/* More bytes, a few at a time. */
static void *grow(void *arg)
{
    const uint64_t *most = arg;

    for (;;) {
        usleep(2000);
        pthread_mutex_lock(&w.mutex);
        w.have += 7001;
        if (w.have >= *most) {
            w.have = *most;
            w.failed = true; /* seen only by who wants still more */
        }
        bool end = w.failed;
        struct http_req *q = w.waits;
        w.waits = NULL;
        pthread_mutex_unlock(&w.mutex);
        if (q)
            http_wake(q);
        if (end)
            return NULL;
    }
}

static void handle(void *arg, struct http_req *q)
{
    if (strcmp(q->target, "/early") == 0)
        http_defer(q, park_early);
    else if (strcmp(q->target, "/again") == 0)
        http_defer(q, park_again);
    else if (strcmp(q->target, "/late") == 0)
        http_defer(q, park_late);
    else if (strcmp(q->target, "/never") == 0)
        http_defer(q, park_until_let_go);
    else
        http_respond(q, 200, http_response_stream(N_BYTES, 64u << 10, read_stream, released, q));
}

static void let_go(void *arg)
{
    if (atomic_fetch_add(&w.n_let_go, 1) == 0)
        http_unpark(w.parked, answer);
}

/* The status, and how many bytes of the body came; 0 instead of the status when they are fewer than
 * was promised. */
static int get(const char *path, size_t *ret_n)
{
    static char answer[N_BYTES + 4096];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(w.port)};
    size_t n = 0, promised = 0;
    ssize_t k;
    int status = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    dprintf(fd, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    while (n < sizeof answer - 1 && (k = read(fd, answer + n, sizeof answer - 1 - n)) > 0)
        n += (size_t)k;
    close(fd);
    answer[n] = 0;
    const char *body = strstr(answer, "\r\n\r\n"), *length = strstr(answer, "Content-Length: ");
    if (!body || !length || sscanf(answer, "HTTP/1.1 %d", &status) != 1)
        return -1;
    *ret_n = n - (size_t)(body + 4 - answer);
    promised = strtoul(length + strlen("Content-Length: "), NULL, 10);
    return *ret_n == promised ? status : 0;
}

static int start(void **state)
{
    struct http_listener l;
    struct http_server_opts o = {.handle = handle, .let_go = let_go, .n_workers = 2};

    if (http_listen_tcp("127.0.0.1:0", &l, NULL) < 0 ||
        http_server_start(&o, &l, 1, &w.s, NULL) < 0)
        return -1;
    w.port = (uint16_t)strtoul(strrchr(l.name, ':') + 1, NULL, 10);
    return 0;
}

static void test_park(void **state)
{
    size_t n = 0;

    for (int i = 0; i < 100; i++) {
        assert_int_equal(get("/early", &n), 200);
        assert_int_equal(n, 5);
        assert_int_equal(get("/again", &n), 200);
    }
    assert_int_equal(get("/late", &n), 200);
    assert_int_equal(n, 5);
    pthread_join(w.waker, NULL);
}

static void stream(uint64_t most, int want, size_t want_n)
{
    pthread_t t;
    size_t n = 0;

    w.have = 0;
    w.failed = false;
    atomic_store(&w.n_released, 0);
    assert_int_equal(pthread_create(&t, NULL, grow, &most), 0);
    assert_int_equal(get("/stream", &n), want);
    assert_int_equal(n, want_n);
    pthread_join(t, NULL);
    for (int i = 0; i < 100 && atomic_load(&w.n_released) == 0; i++)
        usleep(10000);
    assert_int_equal(atomic_load(&w.n_released), 1);
}

static void test_stream(void **state)
{
    for (int i = 0; i < 5; i++)
        stream(N_BYTES, 200, N_BYTES);
    stream(N_BYTES - 1, 0, N_BYTES - 1);
}

static void *get_never(void *arg)
{
    size_t n;

    (void)get("/never", &n);
    return NULL;
}

/* The last one: a server that stops tells those who hold requests to let them go. */
static void test_let_go(void **state)
{
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, get_never, NULL), 0);
    for (int i = 0; i < 200 && !w.parked; i++)
        usleep(10000);
    assert_non_null(w.parked);
    int64_t begin = time_mono_ns();
    http_server_stop(w.s, NS_PER_S / 5);
    assert_true(atomic_load(&w.n_let_go) > 0);
    assert_in_range(time_mono_ns() - begin, NS_PER_S / 5, 5 * NS_PER_S);
    pthread_join(t, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_park),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_let_go),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
