/* SPDX-License-Identifier: Apache-2.0 */
/* Who is attached to a container that is watched by ours. */
#include "container/streamer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/time.h"

static char dir[] = "/tmp/test-streamer-XXXXXX";

static bool is_alive(void *arg)
{
    (void)arg;
    return true;
}

static int dial(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof a.sun_path, "%s/attach", dir);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void test_streams(void **state)
{
    static char big[2 * STREAMER_BYTES + 5], packet[2 * STREAMER_BYTES];
    struct streamer s = STREAMER_NONE;

    (void)state;
    assert_int_equal(streamer_open(&s, dir, NULL), 0);
    streamer_put(&s, 1, "lost", 4, is_alive, NULL); /* nobody is there */
    int one = dial(), two = dial();
    streamer_put(&s, 1, "out", 3, is_alive, NULL);
    streamer_put(&s, 2, "err", 3, is_alive, NULL);
    assert_int_equal(recv(one, packet, sizeof packet, 0), 4);
    assert_memory_equal(packet, "\2out", 4);
    assert_int_equal(recv(one, packet, sizeof packet, 0), 4);
    assert_memory_equal(packet, "\3err", 4);
    assert_int_equal(recv(two, packet, sizeof packet, 0), 4);
    assert_memory_equal(packet, "\2out", 4);
    close(two);
    memset(big, 'x', sizeof big);
    streamer_put(&s, 1, big, sizeof big, is_alive, NULL);
    assert_int_equal(s.n, 1); /* who has gone is forgotten */
    assert_int_equal(recv(one, packet, sizeof packet, 0), 1 + STREAMER_BYTES);
    assert_int_equal(recv(one, packet, sizeof packet, 0), 1 + STREAMER_BYTES);
    assert_int_equal(recv(one, packet, sizeof packet, 0), 1 + 5);
    int three = dial(); /* not let in yet: it sees the end, too */
    streamer_close(&s);
    assert_int_equal(recv(one, packet, sizeof packet, 0), 0);
    assert_true(recv(three, packet, sizeof packet, 0) <= 0);
    close(one);
    close(three);
}

static int n_asked;

/* Reads on when it is asked for the first time: what was held back goes on. */
static bool reads_later(void *arg)
{
    char packet[2 * STREAMER_BYTES];

    n_asked++;
    while (recv(*(int *)arg, packet, sizeof packet, MSG_DONTWAIT) > 0)
        ;
    return true;
}

static void test_held_back(void **state)
{
    static char big[256 << 10];
    struct streamer s = STREAMER_NONE;

    (void)state;
    assert_int_equal(streamer_open(&s, dir, NULL), 0); /* in the place of the last one */
    int fd = dial();
    n_asked = 0;
    for (int i = 0; n_asked == 0 && i < 4; i++)
        streamer_put(&s, 1, big, 256 << 10, reads_later, &fd);
    assert_true(n_asked > 0);
    assert_int_equal(s.n, 1);
    streamer_close(&s);
    close(fd);
}

static void test_too_many(void **state)
{
    struct streamer s = STREAMER_NONE;
    int v[STREAMER_READERS + 1];
    char packet[16];

    (void)state;
    assert_int_equal(streamer_open(&s, dir, NULL), 0);
    for (size_t i = 0; i <= STREAMER_READERS; i++)
        v[i] = dial();
    streamer_put(&s, 1, "x", 1, is_alive, NULL);
    assert_int_equal(s.n, STREAMER_READERS);
    assert_int_equal(recv(v[0], packet, sizeof packet, 0), 2);
    assert_int_equal(recv(v[STREAMER_READERS], packet, sizeof packet, 0), 0);
    streamer_close(&s);
    for (size_t i = 0; i <= STREAMER_READERS; i++)
        close(v[i]);
}

/* Clients that come and go while nothing is written take no place, also not from who stays. */
static void test_gone_take_no_place(void **state)
{
    struct streamer s = STREAMER_NONE;
    char packet[16];
    int v[STREAMER_READERS];

    (void)state;
    assert_int_equal(streamer_open(&s, dir, NULL), 0);
    for (size_t i = 0; i <= STREAMER_READERS; i++)
        close(dial());
    for (size_t i = 0; i < STREAMER_READERS; i++)
        v[i] = dial();
    assert_int_equal(shutdown(v[0], SHUT_WR), 0); /* says no more, and reads on */
    streamer_put(&s, 1, "x", 1, is_alive, NULL);
    assert_int_equal(s.n, STREAMER_READERS);
    for (size_t i = 1; i < STREAMER_READERS; i++)
        close(v[i]);
    int last = dial();
    streamer_put(&s, 1, "y", 1, is_alive, NULL);
    assert_int_equal(s.n, 2);
    assert_int_equal(recv(last, packet, sizeof packet, 0), 2);
    assert_memory_equal(packet, "\2y", 2);
    assert_int_equal(recv(v[0], packet, sizeof packet, 0), 2);
    streamer_close(&s);
    close(v[0]);
    close(last);
}

static bool is_dead(void *arg)
{
    (void)arg;
    return false;
}

/* After the end one time is for all who do not read, not one each. */
static void test_one_deadline(void **state)
{
    static char big[1 << 20];
    struct streamer s = STREAMER_NONE;
    int v[8];
    int64_t began = time_mono_ns();

    (void)state;
    assert_int_equal(streamer_open(&s, dir, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(v); i++)
        v[i] = dial();
    s.end_ns = began + NS_PER_S / 2; /* it has been found dead a while ago */
    streamer_put(&s, 1, big, sizeof big, is_dead, NULL);
    assert_int_equal(s.n, 0);
    assert_true(time_mono_ns() - began >= NS_PER_S / 2);
    assert_true(time_mono_ns() - began < 3 * NS_PER_S);
    streamer_close(&s);
    for (size_t i = 0; i < ARRAY_SIZE(v); i++)
        close(v[i]);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char path[sizeof dir + 8];

    (void)state;
    snprintf(path, sizeof path, "%s/attach", dir);
    unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),      cmocka_unit_test(test_held_back),
        cmocka_unit_test(test_too_many),     cmocka_unit_test(test_gone_take_no_place),
        cmocka_unit_test(test_one_deadline),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
