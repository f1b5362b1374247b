/* SPDX-License-Identifier: Apache-2.0 */
/* Events from one process to another, through a file. */
#include "registry/observe/handover.h"

#include <inttypes.h>

#include "registry_test.h"

struct got {
    int n;
    char text[256];
};

static void on_event(void *arg, const struct notify_event *ev)
{
    struct got *g = arg;

    g->n++;
    snprintf(g->text, sizeof g->text, "%u %" PRId64 " %s:%s@%s %s", ev->action, ev->time_ns,
             ev->repository, ev->tag ? ev->tag : "-", ev->digest ? ev->digest : "-",
             ev->user_agent);
}

static const struct notify_event one = {.action = REGCONF_EVENT_DELETE,
                                        .time_ns = 123456789,
                                        .repository = "team/a",
                                        .tag = "v1",
                                        .user_agent = "shale (\"why\")"};

static void test_both_ways(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct handover *h = NULL, *second = NULL;
    struct shale_err e = SHALE_ERR_INIT;
    struct got g = {0};
    (void)state;
    assert_int_equal(handover_take(t.fd, on_event, &g, &e), 0); /* there is none */
    assert_ok(handover_open(t.fd, NULL, &h, err));
    assert_ok(handover_put(h, &one, err));
    struct cancel stop = {true};
    assert_int_equal(handover_open(t.fd, &stop, &second, &e), -SHALE_CANCELED); /* waits */
    assert_int_equal(handover_take(t.fd, on_event, &g, &e), 0); /* not while somebody writes */
    assert_ok(handover_close(h, err));
    /* more of it, of another process */
    assert_ok(handover_open(t.fd, NULL, &h, err));
    assert_ok(handover_put(h, &one, err));
    assert_ok(handover_close(h, err));
    assert_int_equal(handover_take(t.fd, on_event, &g, &e), 2);
    assert_int_equal(g.n, 2);
    assert_string_equal(g.text, "4 123456789 team/a:v1@- shale (\"why\")");
    assert_int_equal(handover_take(t.fd, on_event, &g, &e), 0); /* once */
    assert_int_equal(faccessat(t.fd, HANDOVER_FILE, F_OK, 0), -1);
    assert_ok(handover_close(NULL, err));
}

/* A line that a crash has cut off, and what somebody has put there, do not stop the others. */
static void test_torn(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct shale_err e = SHALE_ERR_INIT;
    struct handover *h = NULL;
    struct got g = {0};
    (void)state;
    tmp_write(&t, HANDOVER_FILE, "\n[]\n{\"action\":\"x\"}\nnothing\n{\"time\":1,\"act\n");
    assert_ok(handover_open(t.fd, NULL, &h, err));
    assert_ok(handover_put(h, &one, err));
    assert_ok(handover_close(h, err));
    assert_int_equal(handover_take(t.fd, on_event, &g, &e), 1);
    assert_string_equal(g.text, "4 123456789 team/a:v1@- shale (\"why\")");
}

static void test_full(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct shale_err e = SHALE_ERR_INIT;
    struct handover *h = NULL;
    (void)state;
    tmp_write(&t, HANDOVER_FILE, "");
    _cleanup_close_ int fd = openat(t.fd, HANDOVER_FILE, O_WRONLY | O_CLOEXEC);
    assert_int_equal(sys_ftruncate(fd, HANDOVER_MAX_BYTES - 10), 0);
    assert_ok(handover_open(t.fd, NULL, &h, err));
    assert_int_equal(handover_put(h, &one, &e), -SHALE_LIMIT);
    assert_ok(handover_close(h, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
