/* SPDX-License-Identifier: Apache-2.0 */
/* What Prometheus' own parser reads (metrics_peer.py) out of what we print. */
#include "registry_test.h"

#include <pthread.h>

#include "base/proc.h"
#include "registry/observe/metrics.h"

static const char *const routes[] = {"base", "blob", "other"};

static void *count(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        metrics_request(arg, 1, METRICS_GET, 200, 1, 10, 2 * NS_PER_MS);
        metrics_count(arg, METRICS_CACHE_HITS, 2);
        metrics_move(arg, METRICS_IN_FLIGHT, i % 2 ? -1 : 1);
    }
    return NULL;
}

static void test_sums(void **state)
{
    static const char *const want[] = {
        "shale_registry_requests_total{method=GET,route=blob,status=2xx} 80000\n",
        "shale_registry_requests_total{method=other,route=other,status=5xx} 1\n",
        "shale_registry_request_seconds_bucket{le=0.001,route=blob} 0\n",
        "shale_registry_request_seconds_bucket{le=0.005,route=blob} 80000\n",
        "shale_registry_request_seconds_bucket{le=+Inf,route=blob} 80000\n",
        "shale_registry_request_seconds_bucket{le=300,route=other} 0\n",
        "shale_registry_request_seconds_bucket{le=+Inf,route=other} 1\n",
        "shale_registry_request_seconds_sum{route=blob} 160\n",
        "shale_registry_request_seconds_count{route=blob} 80000\n",
        "shale_registry_received_bytes_total{} 80000\n",
        "shale_registry_sent_bytes_total{} 800007\n",
        "shale_registry_cache_hits_total{} 160000\n",
        "shale_registry_log_dropped_total{} 5\n",
        "shale_registry_requests_in_flight{} 0\n",
        "shale_registry_events_queued{} -3\n",
    };
    const char *script = getenv("SHALE_METRICS_PEER");
    const char *argv[] = {"/usr/bin/python3", script, NULL};
    struct buf text = BUF_INIT(METRICS_MAX_BYTES), out = BUF_INIT(1u << 20);
    struct metrics *m = NULL;
    pthread_t threads[8];
    int status;

    assert_non_null(script);
    assert_ok(metrics_new(routes, ARRAY_SIZE(routes), &m, err));
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, m), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    metrics_request(m, 99, metrics_method_of("BREW"), 999, 0, 7, 301 * NS_PER_S);
    metrics_total(m, METRICS_LOG_DROPPED, 5);
    metrics_set(m, METRICS_EVENTS_QUEUED, -3);
    metrics_print(m, &text);
    assert_ok(buf_check(&text, err));
    struct proc_opts o = {.argv = argv, .input = text.p, .input_n = text.n};
    assert_ok(proc_run(&o, &out, NULL, &status, NULL, err));
    assert_int_equal(status, 0);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        if (!strstr(buf_str(&out), want[i]))
            fail_msg("missing %s in %s", want[i], buf_str(&out));
    assert_null(strstr(buf_str(&out), "route=base")); /* nothing yet */
    assert_null(metrics_free(m));
    buf_clear(&text);
    buf_clear(&out);
}

static void test_methods(void **state)
{
    struct metrics *m = NULL;

    assert_int_equal(metrics_method_of("PATCH"), METRICS_PATCH);
    assert_int_equal(metrics_method_of("get"), METRICS_OTHER);
    assert_int_equal(metrics_method_of(""), METRICS_OTHER);
    assert_int_equal(metrics_new(routes, 0, &m, NULL), -SHALE_INVALID);
    assert_int_equal(metrics_new(routes, METRICS_MAX_ROUTES + 1, &m, NULL), -SHALE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
