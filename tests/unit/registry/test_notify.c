/* SPDX-License-Identifier: Apache-2.0 */
/* Events to a real receiver (notify_peer.py), that is there, fails, goes away and comes back. */
#include "registry_test.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/json.h"
#include "base/proc.h"
#include "registry/observe/notify.h"

struct peer {
    pid_t pid;
    int stdin_fd; /* closing it ends the peer */
    int port;
};

/* Waits for a condition, at most 20 s. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        int64_t _until = time_mono_ns() + 20 * NS_PER_S;                                           \
        while (!(condition)) {                                                                     \
            if (time_mono_ns() > _until)                                                           \
                fail_msg("waited in vain for %s", #condition);                                     \
            usleep(20 * 1000);                                                                     \
        }                                                                                          \
    } while (0)

static struct peer peer_start(const struct tmp *t, int fails, int port)
{
    char port_file[128], log[128], n[16], p[16];
    const char *argv[] = {
        "/usr/bin/python3", getenv("SHALE_NOTIFY_PEER"), port_file, log, n, p, NULL};
    struct buf b = BUF_INIT(64);
    struct peer x = {0};
    int fds[2];

    assert_non_null(argv[1]);
    snprintf(n, sizeof n, "%d", fails);
    snprintf(p, sizeof p, "%d", port);
    tmp_path(t, "port", port_file);
    tmp_path(t, "log", log);
    unlink(port_file);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct proc_opts o = {.argv = argv, .stdin_fd = fds[0]};
    assert_ok(proc_spawn(&o, &x.pid, err));
    close(fds[0]);
    x.stdin_fd = fds[1];
    WAIT_FOR(fs_exists(AT_FDCWD, port_file));
    assert_ok(fs_read_file(AT_FDCWD, port_file, &b, err));
    x.port = (int)strtol(buf_str(&b), NULL, 10);
    buf_clear(&b);
    return x;
}

static void peer_stop(struct peer *x)
{
    int status;

    close(x->stdin_fd);
    waitpid(x->pid, &status, 0);
}

/* The requests that the peer has seen, as an array. */
static json_t *seen(const struct tmp *t)
{
    struct buf b = BUF_INIT(16u << 20);
    json_t *all = json_array();

    if (fs_exists(t->fd, "log"))
        assert_ok(fs_read_file(t->fd, "log", &b, err));
    struct str rest = {buf_str(&b), b.n}, line;
    while (str_split(&rest, '\n', &line)) {
        json_t *j = NULL;
        if (line.n == 0 || (!rest.n && !rest.p))
            continue;
        if (json_parse(line.p, line.n, 1u << 20, &j, NULL) == 0)
            json_array_append_new(all, j);
    }
    buf_clear(&b);
    return all;
}

static size_t n_seen(const struct tmp *t)
{
    json_t *j = seen(t);
    size_t n = json_array_size(j);

    json_decref(j);
    return n;
}

static struct regconf *conf_of(int port, const char *more)
{
    struct regconf *c = NULL;
    char text[512];

    snprintf(
        text, sizeof text,
        "[notify \"ci\"]\nurl = http://127.0.0.1:%d/hook?a=1\nheader = Authorization: Bearer s\n"
        "backoff = 1s\ntimeout = 2s\n%s",
        port, more);
    assert_ok(regconf_parse("f", text, strlen(text), NULL, 0, &c, err));
    return c;
}

static struct metrics *new_metrics(void)
{
    static const char *const routes[] = {"all"};
    struct metrics *m = NULL;

    assert_ok(metrics_new(routes, 1, &m, err));
    return m;
}

static bool metric_is(struct metrics *m, const char *line)
{
    struct buf b = BUF_INIT(METRICS_MAX_BYTES);

    metrics_print(m, &b);
    bool yes = strstr(buf_str(&b), line) != NULL;
    buf_clear(&b);
    return yes;
}

static void send_references(struct notify *n, size_t n_references)
{
    struct descriptor v[400] = {0};
    struct notify_event ev = {.action = REGCONF_EVENT_PUSH,
                              .time_ns = time_now_ns(),
                              .repository = "a/b",
                              .digest = "sha256:aa",
                              .references = v,
                              .n_references = n_references};

    for (size_t i = 0; i < n_references; i++) {
        v[i].media_type = "application/vnd.oci.image.manifest.v1+json";
        snprintf(v[i].digest.s, sizeof v[i].digest.s, "sha256:%064zx", i);
        v[i].size_bytes = 1000 + i;
    }
    notify_send(n, &ev);
}

static void send_event(struct notify *n, unsigned action, const char *tag)
{
    struct notify_event ev = {.action = action,
                              .time_ns = time_now_ns(),
                              .repository = "a/b",
                              .media_type = "application/vnd.oci.image.manifest.v1+json",
                              .digest = "sha256:aa",
                              .tag = tag,
                              .size = 12,
                              .base_url = "http://reg:5000",
                              .peer = "192.0.2.1",
                              .host = "reg:5000",
                              .method = "PUT",
                              .user_agent = "docker\n\xff\"",
                              .actor = "alice"};
    notify_send(n, &ev);
}

static const char *text_at(const json_t *j, const char *a, const char *b)
{
    const json_t *x = json_object_get(j, a);

    return json_string_value(b ? json_object_get(x, b) : x);
}

static void test_envelope(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct peer p = peer_start(&t, 0, 0);
    struct regconf *c = conf_of(p.port, "");
    struct metrics *m = new_metrics();
    struct notify *n = NULL;

    assert_ok(notify_open(c, t.fd, "reg.example", m, &n, err));
    assert_int_equal(notify_open(c, t.fd, "reg.example", m, &(struct notify *){NULL}, NULL),
                     -SHALE_IN_USE);
    send_event(n, REGCONF_EVENT_PULL, "latest"); /* not wanted */
    send_event(n, REGCONF_EVENT_PUSH, "latest");
    WAIT_FOR(metric_is(m, "shale_registry_events_sent_total 1\n"));
    json_t *all = seen(&t);
    assert_int_equal(json_array_size(all), 1);
    const json_t *rq = json_array_get(all, 0);
    assert_string_equal(text_at(rq, "path", NULL), "/hook?a=1");
    assert_string_equal(text_at(rq, "type", NULL), NOTIFY_CONTENT_TYPE);
    assert_string_equal(text_at(rq, "authorization", NULL), "Bearer s");
    const json_t *events = json_object_get(json_object_get(rq, "body"), "events");
    assert_int_equal(json_array_size(events), 1);
    const json_t *ev = json_array_get(events, 0);
    assert_string_equal(text_at(ev, "action", NULL), "push");
    assert_int_equal(strlen(text_at(ev, "id", NULL)), 36);
    assert_ok(time_parse_rfc3339(text_at(ev, "timestamp", NULL), &(int64_t){0}, err));
    assert_string_equal(text_at(ev, "target", "url"), "http://reg:5000/v2/a/b/manifests/sha256:aa");
    assert_string_equal(text_at(ev, "target", "tag"), "latest");
    assert_string_equal(text_at(ev, "target", "repository"), "a/b");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(ev, "target"), "size")),
                     12);
    assert_string_equal(text_at(ev, "request", "addr"), "192.0.2.1");
    assert_string_equal(text_at(ev, "request", "useragent"), "docker\\x0a\\xff\"");
    assert_string_equal(text_at(ev, "actor", "name"), "alice");
    assert_string_equal(text_at(ev, "source", "addr"), "reg.example");
    json_decref(all);
    assert_null(notify_close(n));
    metrics_free(m);
    regconf_free(c);
    peer_stop(&p);
}

/* What a manifest names, unless the event would be too long for it. */
static void test_references(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct peer p = peer_start(&t, 0, 0);
    struct regconf *c = conf_of(p.port, "");
    struct metrics *m = new_metrics();
    struct notify *n = NULL;

    assert_ok(notify_open(c, t.fd, "reg.example", m, &n, err));
    send_references(n, 2);
    send_references(n, 400);
    WAIT_FOR(metric_is(m, "shale_registry_events_sent_total 2\n"));
    json_t *all = seen(&t);
    const json_t *target[2];
    for (size_t i = 0; i < 2; i++) {
        const json_t *body = json_object_get(json_array_get(all, i), "body");
        target[i] = json_object_get(json_array_get(json_object_get(body, "events"), 0), "target");
        assert_string_equal(text_at(target[i], "digest", NULL), "sha256:aa");
    }
    const json_t *v = json_object_get(target[0], "references");
    assert_int_equal(json_array_size(v), 2);
    assert_string_equal(text_at(json_array_get(v, 1), "mediaType", NULL),
                        "application/vnd.oci.image.manifest.v1+json");
    assert_string_equal(text_at(json_array_get(v, 1), "digest", NULL) + 7 + 60, "0001");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(v, 1), "size")), 1001);
    assert_null(json_object_get(target[1], "references"));
    json_decref(all);
    assert_null(notify_close(n));
    metrics_free(m);
    regconf_free(c);
    peer_stop(&p);
}

/* Two failures, then it goes through: the same event, in order, once. */
static void test_retry(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct peer p = peer_start(&t, 2, 0);
    struct regconf *c = conf_of(p.port, "");
    struct metrics *m = new_metrics();
    struct notify *n = NULL;

    assert_ok(notify_open(c, t.fd, "reg", m, &n, err));
    send_event(n, REGCONF_EVENT_PUSH, "one");
    send_event(n, REGCONF_EVENT_DELETE, "two");
    WAIT_FOR(metric_is(m, "shale_registry_events_sent_total 2\n"));
    assert_true(metric_is(m, "shale_registry_events_failed_total 2\n"));
    assert_true(metric_is(m, "shale_registry_events_queued 0\n"));
    json_t *all = seen(&t);
    static const char *const want[] = {"one", "one", "one", "two"};
    const char *id = NULL;
    assert_int_equal(json_array_size(all), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *body = json_object_get(json_array_get(all, i), "body");
        const json_t *ev = json_array_get(json_object_get(body, "events"), 0);
        assert_string_equal(text_at(ev, "target", "tag"), want[i]);
        if (i > 0 && i < 3)
            assert_string_equal(text_at(ev, "id", NULL), id);
        id = text_at(ev, "id", NULL);
    }
    json_decref(all);
    notify_close(n);
    metrics_free(m);
    regconf_free(c);
    peer_stop(&p);
}

/* Nobody listens, the registry ends and starts again, the receiver comes: nothing is lost. */
static void test_restart(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct peer p = peer_start(&t, 0, 0); /* for a port that is free afterwards */
    struct regconf *c = conf_of(p.port, "");
    struct notify *n = NULL;
    char tag[16];

    peer_stop(&p);
    assert_ok(notify_open(c, t.fd, "reg", NULL, &n, err));
    for (int i = 0; i < 20; i++) {
        snprintf(tag, sizeof tag, "t%d", i);
        send_event(n, REGCONF_EVENT_PUSH, tag);
    }
    int64_t begin = time_mono_ns();
    notify_close(n);
    assert_true(time_mono_ns() - begin < 5 * NS_PER_S); /* it does not wait for the receiver */
    assert_int_equal(n_seen(&t), 0);
    assert_ok(notify_open(c, t.fd, "reg", NULL, &n, err));
    assert_int_equal(notify_queued(n), 20);
    p = peer_start(&t, 0, p.port);
    WAIT_FOR(notify_queued(n) == 0);
    json_t *all = seen(&t);
    assert_int_equal(json_array_size(all), 20);
    for (size_t i = 0; i < 20; i++) {
        const json_t *body = json_object_get(json_array_get(all, i), "body");
        snprintf(tag, sizeof tag, "t%zu", i);
        assert_string_equal(
            text_at(json_array_get(json_object_get(body, "events"), 0), "target", "tag"), tag);
    }
    json_decref(all);
    notify_close(n);
    regconf_free(c);
    peer_stop(&p);
}

/* What is too much, or too old, goes and is counted. */
static void test_drops(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct regconf *c = conf_of(1, "queue = 5\nmax_age = 1m\n");
    struct metrics *m = new_metrics();
    struct notify *n = NULL;

    assert_ok(notify_open(c, t.fd, "reg", m, &n, err));
    for (int i = 0; i < 8; i++)
        send_event(n, REGCONF_EVENT_PUSH, "x");
    assert_int_equal(notify_queued(n), 5);
    assert_true(metric_is(m, "shale_registry_events_dropped_total 3\n"));
    assert_true(metric_is(m, "shale_registry_events_queued 5\n"));
    notify_close(n);
    metrics_free(m);
    m = new_metrics();
    tmp_write(&t, "ci.queue", "shale-events-1 00000000000000000036\n1700000000000000000 {}\n");
    assert_ok(notify_open(c, t.fd, "reg", m, &n, err));
    WAIT_FOR(metric_is(m, "shale_registry_events_dropped_total 1\n"));
    assert_int_equal(notify_queued(n), 0);
    notify_close(n);
    metrics_free(m);
    regconf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_envelope), cmocka_unit_test(test_references),
        cmocka_unit_test(test_retry),    cmocka_unit_test(test_restart),
        cmocka_unit_test(test_drops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
