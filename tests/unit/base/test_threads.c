/* SPDX-License-Identifier: Apache-2.0 */
/* pool, ring and lock: what several threads or processes do at once. */
#include "base_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/lock.h"
#include "base/pool.h"
#include "base/ring.h"
#include "base/thread.h"
#include "base/time.h"

/* ---- pool ---- */

enum { N_JOBS = 500 };

struct jobs {
    atomic_int done[N_JOBS], n_done, running, most;
    size_t bad; /* this job fails; N_JOBS: none */
    bool wait;  /* the others wait for the token */
    struct cancel *outer;
};

static int job(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct jobs *j = arg;
    int now = atomic_fetch_add(&j->running, 1) + 1, most = atomic_load(&j->most);

    while (now > most && !atomic_compare_exchange_weak(&j->most, &most, now))
        ;
    atomic_fetch_add(&j->done[i], 1);
    atomic_fetch_add(&j->n_done, 1);
    int r = 0;
    if (i == j->bad) {
        usleep(20 * 1000);
        r = err_set(e, SHALE_CONFLICT, "job %zu", i);
    } else if (j->wait) {
        if (j->outer && i == 0)
            cancel_set(j->outer);
        while (r == 0) {
            usleep(1000);
            r = cancel_check(c, e);
        }
    }
    atomic_fetch_sub(&j->running, 1);
    return r;
}

static void test_pool_runs_all(void **state)
{
    static const size_t threads[] = {0, 1, 2, 7, 1000};

    for (size_t t = 0; t < ARRAY_SIZE(threads); t++) {
        struct jobs j = {.bad = N_JOBS};
        struct cancel c = {0};
        assert_int_equal(pool_run(job, &j, N_JOBS, threads[t], t % 2 ? &c : NULL, NULL), 0);
        for (int i = 0; i < N_JOBS; i++)
            assert_int_equal(j.done[i], 1);
        assert_true(j.most <= (threads[t] ? (int)threads[t] : 1));
    }
    struct jobs none = {.bad = N_JOBS};
    assert_int_equal(pool_run(job, &none, 0, 4, NULL, NULL), 0);
    assert_int_equal(none.n_done, 0);
    assert_true(pool_n_cpus() >= 1);
}

static void test_pool_first_error_cancels(void **state)
{
    struct jobs j = {.bad = 1, .wait = true};
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(pool_run(job, &j, N_JOBS, 3, NULL, &e), -SHALE_CONFLICT);
    assert_string_equal(e.msg, "job 1"); /* not "canceled" */
    assert_true(j.n_done <= 3);
}

static void test_pool_outer_token(void **state)
{
    struct cancel c = {0};
    struct jobs j = {.bad = N_JOBS, .wait = true, .outer = &c};
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(pool_run(job, &j, N_JOBS, 2, &c, &e), -SHALE_CANCELED);
    assert_true(j.n_done <= 2);
    j.n_done = 0;
    assert_int_equal(pool_run(job, &j, N_JOBS, 2, &c, &e), -SHALE_CANCELED);
    assert_int_equal(j.n_done, 0);
}

static int quick(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    return 0;
}

/* Watching the outer token does not make short batches long. */
static void test_pool_ends_at_once(void **state)
{
    struct cancel c = {0};
    int64_t start = time_mono_ns();

    for (int i = 0; i < 200; i++)
        assert_int_equal(pool_run(quick, NULL, 2, 2, &c, NULL), 0);
    assert_true(time_mono_ns() - start < 200 * 10 * NS_PER_MS);
}

/* ---- ring ---- */

struct flow {
    struct ring *r;
    size_t n_blocks, stop_at;
};

static void *produce(void *arg)
{
    struct flow *f = arg;

    for (size_t i = 0; i < f->n_blocks; i++) {
        unsigned *p = ring_reserve(f->r);
        if (!p)
            return NULL;
        p[0] = (unsigned)i;
        ring_publish(f->r, sizeof *p + i % 8);
        if (i + 1 == f->stop_at) {
            ring_stop(f->r);
            return NULL;
        }
    }
    ring_finish(f->r);
    return NULL;
}

static void test_ring_order(void **state)
{
    for (size_t blocks = 1; blocks <= 5; blocks += 2) {
        struct flow f = {.n_blocks = 20000};
        pthread_t thread;
        const unsigned *p;
        size_t n = 0, i = 0;
        assert_int_equal(ring_new(blocks, 64, &f.r, NULL), 0);
        assert_int_equal(ring_block_bytes(f.r), 64);
        assert_int_equal(pthread_create(&thread, NULL, produce, &f), 0);
        for (; (p = ring_peek(f.r, &n)); i++) {
            if (p[0] != i || n != sizeof *p + i % 8)
                fail_msg("block %zu", i);
            ring_release(f.r);
        }
        pthread_join(thread, NULL);
        assert_int_equal(i, 20000);
        assert_false(ring_stopped(f.r));
        assert_null(ring_peek(f.r, &n));
        ring_free(f.r);
    }
    ring_free(NULL);
}

static void test_ring_stop_by_producer(void **state)
{
    struct flow f = {.n_blocks = 100, .stop_at = 10};
    pthread_t thread;
    size_t n, i = 0;

    assert_int_equal(ring_new(2, 64, &f.r, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, produce, &f), 0);
    for (; ring_peek(f.r, &n); i++)
        ring_release(f.r);
    pthread_join(thread, NULL);
    assert_true(i <= 10 && ring_stopped(f.r));
    ring_free(f.r);
}

static void test_ring_stop_by_consumer(void **state)
{
    struct flow f = {.n_blocks = 1000};
    pthread_t thread;
    size_t n;

    assert_int_equal(ring_new(2, 64, &f.r, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, produce, &f), 0);
    assert_non_null(ring_peek(f.r, &n));
    ring_stop(f.r);
    pthread_join(thread, NULL); /* it waits for room, and must wake up */
    assert_null(ring_reserve(f.r));
    assert_null(ring_peek(f.r, &n));
    ring_free(f.r);
}

/* ---- lock ---- */

static void test_lock_in_one_process(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;

    int a = lock_take(t.fd, "l", LOCK_SHARED, NULL, &e);
    int b = lock_try(t.fd, "l", LOCK_SHARED, &e);
    assert_true(a >= 0 && b >= 0);
    assert_int_equal(lock_try(t.fd, "l", LOCK_EXCLUSIVE, &e), -SHALE_IN_USE);
    close(a);
    assert_int_equal(lock_try(t.fd, "l", LOCK_EXCLUSIVE, &e), -SHALE_IN_USE);
    close(b);
    a = lock_try(t.fd, "l", LOCK_EXCLUSIVE, &e);
    assert_true(a >= 0);
    assert_int_equal(lock_try(t.fd, "l", LOCK_SHARED, &e), -SHALE_IN_USE);
    struct cancel c = {0};
    cancel_set(&c);
    assert_int_equal(lock_take(t.fd, "l", LOCK_SHARED, &c, &e), -SHALE_CANCELED);
    close(a);
    assert_int_equal(lock_try(t.fd, "none/l", LOCK_SHARED, &e), -SHALE_NOT_FOUND);
    assert_int_equal(symlinkat("l", t.fd, "link"), 0);
    assert_true(lock_try(t.fd, "link", LOCK_SHARED, &e) < 0); /* not through links */
}

static void test_lock_between_processes(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    int p[2], status = -1;
    char c;

    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = lock_take(t.fd, "l", LOCK_EXCLUSIVE, NULL, &e);
        if (fd < 0 || sys_write_all(p[1], "x", 1) < 0)
            _exit(1);
        pause();
        _exit(2);
    }
    assert_true(pid > 0 && read(p[0], &c, 1) == 1);
    assert_int_equal(lock_try(t.fd, "l", LOCK_SHARED, &e), -SHALE_IN_USE);
    kill(pid, SIGKILL); /* it leaves no lock behind */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    int fd = lock_take(t.fd, "l", LOCK_EXCLUSIVE, NULL, &e);
    assert_true(fd >= 0);
    close(fd);
    close(p[0]);
    close(p[1]);
}

/* Four processes add one to a number in a file, many times. */
static void test_lock_excludes(void **state)
{
    enum { PROCESSES = 4, TIMES = 25 };
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    pid_t pids[PROCESSES];
    char text[32];
    int status = -1;

    put_file(t.fd, "n", "0");
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        for (int k = 0; k < TIMES; k++) {
            _cleanup_close_ int fd = lock_take(t.fd, "l", LOCK_EXCLUSIVE, NULL, &e);
            _cleanup_(buf_clear) struct buf b = BUF_INIT(32);
            if (fd < 0 || fs_read_file(t.fd, "n", &b, &e) < 0)
                _exit(1);
            int n = snprintf(text, sizeof text, "%ld", strtol(buf_str(&b), NULL, 10) + 1);
            if (fs_write_atomic(t.fd, "n", text, (uint64_t)n, 0600, false, &e) < 0)
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    _cleanup_(buf_clear) struct buf b = BUF_INIT(32);
    assert_int_equal(fs_read_file(t.fd, "n", &b, &e), 0);
    assert_string_equal(buf_str(&b), "100");
}

/* ---- threads ---- */

static void *blocked_signals(void *arg)
{
    pthread_sigmask(SIG_SETMASK, NULL, arg);
    return NULL;
}

static void *say_so(void *arg)
{
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void test_thread_has_no_signals(void **state)
{
    sigset_t before, after, inside;
    static atomic_bool ran;
    pthread_t t;

    sigemptyset(&inside);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(thread_start(&t, 0, blocked_signals, &inside, NULL), 0);
    pthread_join(t, NULL);
    for (int sig = 1; sig < SIGRTMAX; sig++) {
        bool none = sig == SIGKILL || sig == SIGSTOP || (sig > 31 && sig < SIGRTMIN);
        assert_true(none || sigismember(&inside, sig) == 1);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
    assert_int_equal(thread_start(NULL, 256 << 10, say_so, &ran, NULL), 0);
    while (!atomic_load(&ran))
        usleep(1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_has_no_signals),
        cmocka_unit_test(test_pool_runs_all),
        cmocka_unit_test(test_pool_first_error_cancels),
        cmocka_unit_test(test_pool_outer_token),
        cmocka_unit_test(test_pool_ends_at_once),
        cmocka_unit_test(test_ring_order),
        cmocka_unit_test(test_ring_stop_by_producer),
        cmocka_unit_test(test_ring_stop_by_consumer),
        cmocka_unit_test(test_lock_in_one_process),
        cmocka_unit_test(test_lock_between_processes),
        cmocka_unit_test(test_lock_excludes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
