/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/observe/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "http/http.h"
#include "registry/observe/equeue.h"

#define TEXT_BYTES     1024 /* of one text in an event */
#define CA_BYTES       (4u << 20)
#define ANSWER_BYTES   (64u << 10)
#define QUICK_RETRY_NS NS_PER_S

struct receiver {
    struct notify *n;
    const struct regconf_notify *conf;
    struct http_client *http;
    struct http_tls tls;
    char *ca_pem;
    const char **headers; /* NULL-terminated */
    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* queue, stop */
    pthread_cond_t wake;
    struct equeue *queue;
    bool stop;
    struct cancel cancel;
    uint64_t failures; /* in a row; of the thread */
};

struct notify {
    const struct regconf *conf;
    struct metrics *metrics;
    int lock_fd;
    char source[TEXT_BYTES], instance[37];
    struct receiver *receivers;
    size_t n_receivers;
};

static void count(struct notify *n, enum metrics_counter c, uint64_t by)
{
    if (n->metrics && by)
        metrics_count(n->metrics, c, by);
}

static void queued(struct notify *n, int64_t delta)
{
    if (n->metrics)
        metrics_move(n->metrics, METRICS_EVENTS_QUEUED, delta);
}

/* ---- events as JSON ---- */

/* A text from anybody as one that JSON takes; nothing for NULL. */
static void put(json_t *j, const char *name, const char *value)
{
    char plain[TEXT_BYTES];

    if (value)
        json_object_set_new(j, name, json_string(str_printable(plain, sizeof plain, value)));
}

static const char *action_name(unsigned action)
{
    return action == REGCONF_EVENT_PUSH     ? "push"
           : action == REGCONF_EVENT_PULL   ? "pull"
           : action == REGCONF_EVENT_DELETE ? "delete"
                                            : "mount";
}

static int uuid(char ret[37], struct shale_err *e)
{
    char hex[33];

    int r = random_hex(hex, 16, e);
    if (r < 0)
        return r;
    hex[12] = '4';
    snprintf(ret, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return 0;
}

static json_t *references_json(const struct notify_event *ev)
{
    json_t *all = json_array();

    for (size_t i = 0; i < ev->n_references; i++) {
        const struct descriptor *d = &ev->references[i];
        json_t *j = json_object();
        put(j, "mediaType", d->media_type);
        json_object_set_new(j, "size", json_integer((json_int_t)d->size_bytes));
        put(j, "digest", d->digest.s);
        json_array_append_new(all, j);
    }
    return all;
}

static json_t *target_json(const struct notify_event *ev)
{
    json_t *j = json_object();
    char url[2 * TEXT_BYTES];

    put(j, "mediaType", ev->media_type);
    put(j, "digest", ev->digest);
    if (ev->digest) {
        json_object_set_new(j, "size", json_integer((json_int_t)ev->size));
        json_object_set_new(j, "length", json_integer((json_int_t)ev->size));
    }
    put(j, "repository", ev->repository);
    put(j, "fromRepository", ev->from_repository);
    if (ev->base_url && ev->repository && ev->digest) {
        snprintf(url, sizeof url, "%s/v2/%s/%s/%s", ev->base_url, ev->repository,
                 ev->is_blob ? "blobs" : "manifests", ev->digest);
        put(j, "url", url);
    }
    put(j, "tag", ev->tag);
    if (ev->n_references > 0)
        json_object_set_new(j, "references", references_json(ev));
    return j;
}

/* One line of JSON, to be freed; NULL: out of memory. */
static char *event_text(const struct notify *n, const struct notify_event *ev)
{
    json_t *j = json_object(), *request = json_object(), *actor = json_object(),
           *source = json_object();
    char id[37], at[40];

    if (uuid(id, NULL) < 0)
        id[0] = 0;
    put(j, "id", id);
    put(j, "timestamp", time_format_rfc3339nano(ev->time_ns, at));
    put(j, "action", action_name(ev->action));
    json_object_set_new(j, "target", target_json(ev));
    put(request, "id", ev->request_id);
    put(request, "addr", ev->peer);
    put(request, "host", ev->host);
    put(request, "method", ev->method);
    put(request, "useragent", ev->user_agent);
    json_object_set_new(j, "request", request);
    put(actor, "name", ev->actor);
    json_object_set_new(j, "actor", actor);
    put(source, "addr", n->source);
    put(source, "instanceID", n->instance);
    json_object_set_new(j, "source", source);
    char *text = j ? json_text(j) : NULL;
    if (text && ev->n_references > 0 && strlen(text) > EQUEUE_MAX_TEXT) {
        free(text);
        json_object_del(json_object_get(j, "target"), "references");
        text = json_text(j);
    }
    json_decref(j);
    return text;
}

/* ---- delivering ---- */

static int post(struct receiver *r, const char *event, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf body = BUF_INIT(EQUEUE_MAX_TEXT + 64),
                                    answer = BUF_INIT(ANSWER_BYTES);
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
    struct http_response got = {0};

    buf_addf(&body, "{\"events\":[%s]}", event);
    struct http_request rq = {.method = "POST",
                              .url = r->conf->url,
                              .headers = r->headers,
                              .body = body.p,
                              .body_n = body.n,
                              .tls = &r->tls,
                              .collect = &answer,
                              .cancel = &r->cancel};
    int x = buf_check(&body, e);
    if (x == 0)
        x = http_do(r->http, &rq, &a, &got, e);
    if (x < 0)
        return x;
    return got.status >= 200 && got.status < 300
               ? 0
               : err_set(e, SHALE_NETWORK, "the answer was %d", got.status);
}

/* Takes the event off the queue. `done`: it was delivered. */
static void finish(struct receiver *r, uint64_t place, bool done)
{
    struct shale_err e = SHALE_ERR_INIT;

    pthread_mutex_lock(&r->mutex);
    uint64_t before = equeue_count(r->queue);
    if (equeue_pop(r->queue, place, &e) < 0)
        log_warn("notify %s: %s", r->conf->name, e.msg);
    bool gone = equeue_count(r->queue) < before;
    pthread_mutex_unlock(&r->mutex);
    if (gone)
        queued(r->n, -1);
    if (done || gone)
        count(r->n, done ? METRICS_EVENTS_SENT : METRICS_EVENTS_DROPPED, 1);
}

static int64_t pause_ns(const struct receiver *r)
{
    int64_t ns = r->conf->backoff_ns, most = NOTIFY_MAX_BACKOFF * ns;

    if (r->failures < r->conf->threshold)
        return QUICK_RETRY_NS < ns ? QUICK_RETRY_NS : ns;
    for (uint64_t i = r->conf->threshold; i < r->failures && ns < most; i++)
        ns *= 2;
    return ns < most ? ns : most;
}

/* Waits for that long, or until the end. */
static void rest(struct receiver *r, int64_t ns)
{
    int64_t until_ns = time_mono_ns() + ns;
    struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
    int waited = 0;

    pthread_mutex_lock(&r->mutex);
    while (!r->stop && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&r->wake, &r->mutex, &until);
    pthread_mutex_unlock(&r->mutex);
}

static void failed(struct receiver *r, const struct shale_err *why)
{
    struct shale_err e = SHALE_ERR_INIT;

    if (cancel_is_set(&r->cancel))
        return;
    r->failures++;
    count(r->n, METRICS_EVENTS_FAILED, 1);
    if (r->failures == 1 || r->failures == r->conf->threshold)
        log_warn("notify %s: %s: %s; it is tried again", r->conf->name, r->conf->url, why->msg);
    pthread_mutex_lock(&r->mutex);
    if (equeue_sync(r->queue, &e) < 0)
        log_warn("notify %s: %s", r->conf->name, e.msg);
    pthread_mutex_unlock(&r->mutex);
    rest(r, pause_ns(r));
}

static void deliver(struct receiver *r, const char *event, int64_t time_ns, uint64_t place)
{
    struct shale_err e = SHALE_ERR_INIT;

    if (time_now_ns() - time_ns > r->conf->max_age_ns || !*event) {
        finish(r, place, false);
        return;
    }
    if (post(r, event, &e) < 0) {
        failed(r, &e);
        return;
    }
    if (r->failures >= r->conf->threshold)
        log_warn("notify %s: %s answers again", r->conf->name, r->conf->url);
    r->failures = 0;
    finish(r, place, true);
}

/* 1: the next event is in b; 0: the end. */
static int next(struct receiver *r, struct buf *b, int64_t *time_ns, uint64_t *place,
                struct shale_err *e)
{
    int x = 0;

    pthread_mutex_lock(&r->mutex);
    while (!r->stop && (x = equeue_peek(r->queue, b, time_ns, place, e)) == 0)
        pthread_cond_wait(&r->wake, &r->mutex);
    if (r->stop)
        x = 0;
    pthread_mutex_unlock(&r->mutex);
    return x;
}

static void *run(void *arg)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(EQUEUE_MAX_TEXT + 1);
    struct shale_err e = SHALE_ERR_INIT;
    struct receiver *r = arg;
    int64_t time_ns;
    uint64_t place;
    int x;

    while ((x = next(r, &b, &time_ns, &place, &e)) == 1)
        deliver(r, buf_str(&b), time_ns, place);
    if (x < 0)
        log_warn("notify %s: no more events are delivered: %s", r->conf->name, e.msg);
    return NULL;
}

/* ---- the handle ---- */

static int set_headers(struct receiver *r, struct shale_err *e)
{
    const struct strv *v = &r->conf->headers;

    r->headers = mem_array(v->n + 2, sizeof *r->headers);
    if (!r->headers)
        return err_nomem(e);
    r->headers[0] = "Content-Type: " NOTIFY_CONTENT_TYPE;
    for (size_t i = 0; i < v->n; i++)
        r->headers[i + 1] = v->v[i];
    return 0;
}

static int set_tls(struct receiver *r, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CA_BYTES);

    r->tls.insecure = r->conf->insecure;
    if (!r->conf->ca_file)
        return 0;
    int x = fs_read_file(AT_FDCWD, r->conf->ca_file, &b, e);
    if (x < 0)
        return x;
    buf_str(&b);
    r->tls.ca_pem = r->ca_pem = buf_take(&b);
    return r->ca_pem ? 0 : err_nomem(e);
}

static int receiver_open(struct notify *n, struct receiver *r, const struct regconf_notify *conf,
                         int dirfd, struct shale_err *e)
{
    struct http_opts o = {"shale-registry", conf->timeout_ns, conf->timeout_ns};
    pthread_condattr_t attr;

    r->n = n;
    r->conf = conf;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &attr);
    pthread_condattr_destroy(&attr);
    int x = set_headers(r, e);
    if (x == 0)
        x = set_tls(r, e);
    if (x == 0)
        x = http_open(&o, &r->http, e);
    if (x == 0)
        x = equeue_open(dirfd, conf->name, conf->queue, &r->queue, e);
    if (x < 0)
        return err_wrap(e, x, "notify %s", conf->name);
    queued(n, (int64_t)equeue_count(r->queue));
    if ((errno = pthread_create(&r->thread, NULL, run, r)) != 0)
        return err_sys(e, "start a thread");
    r->running = true;
    return 0;
}

static void receiver_close(struct receiver *r)
{
    if (r->running) {
        pthread_mutex_lock(&r->mutex);
        r->stop = true;
        cancel_set(&r->cancel);
        pthread_cond_broadcast(&r->wake);
        pthread_mutex_unlock(&r->mutex);
        pthread_join(r->thread, NULL);
    }
    if (r->queue) {
        queued(r->n, -(int64_t)equeue_count(r->queue));
        (void)equeue_sync(r->queue, NULL);
    }
    equeue_close(r->queue);
    http_close(r->http);
    free(r->headers);
    free(r->ca_pem);
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->wake);
}

static int open_all(struct notify *n, int dirfd, struct shale_err *e)
{
    int r = lock_try(dirfd, "lock", LOCK_EXCLUSIVE, e);
    if (r < 0)
        return err_wrap(e, r, "events are sent by another registry already");
    n->lock_fd = r;
    r = uuid(n->instance, e);
    if (r < 0)
        return r;
    n->receivers = mem_array(n->conf->n_notify + 1, sizeof *n->receivers);
    if (!n->receivers)
        return err_nomem(e);
    for (size_t i = 0; i < n->conf->n_notify; i++) {
        n->n_receivers++;
        r = receiver_open(n, &n->receivers[i], &n->conf->notify[i], dirfd, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int notify_open(const struct regconf *c, int dirfd, const char *source, struct metrics *m,
                struct notify **ret, struct shale_err *e)
{
    struct notify *n = mem_alloc(sizeof *n);

    if (!n)
        return err_nomem(e);
    n->conf = c;
    n->metrics = m;
    n->lock_fd = -1;
    snprintf(n->source, sizeof n->source, "%s", source);
    int r = open_all(n, dirfd, e);
    if (r < 0) {
        notify_close(n);
        return r;
    }
    *ret = n;
    return 0;
}

static void enqueue(struct receiver *r, int64_t time_ns, const char *text)
{
    struct shale_err e = SHALE_ERR_INIT;
    uint64_t dropped = 0;

    pthread_mutex_lock(&r->mutex);
    int x = equeue_put(r->queue, time_ns, text, strlen(text), &dropped, &e);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mutex);
    queued(r->n, (x == 0) - (int64_t)dropped);
    count(r->n, METRICS_EVENTS_DROPPED, dropped + (x < 0));
    if (x < 0)
        log_warn("notify %s: an event is lost: %s", r->conf->name, e.msg);
}

void notify_send(struct notify *n, const struct notify_event *ev)
{
    _cleanup_free_ char *text = NULL;

    for (size_t i = 0; i < n->n_receivers; i++) {
        if (!(n->receivers[i].conf->events & ev->action))
            continue;
        if (!text && !(text = event_text(n, ev))) {
            log_warn("notify: an event is lost: out of memory");
            return;
        }
        enqueue(&n->receivers[i], ev->time_ns, text);
    }
}

uint64_t notify_queued(struct notify *n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n->n_receivers; i++) {
        pthread_mutex_lock(&n->receivers[i].mutex);
        sum += equeue_count(n->receivers[i].queue);
        pthread_mutex_unlock(&n->receivers[i].mutex);
    }
    return sum;
}

struct notify *notify_close(struct notify *n)
{
    if (!n)
        return NULL;
    for (size_t i = 0; i < n->n_receivers; i++)
        receiver_close(&n->receivers[i]);
    free(n->receivers);
    if (n->lock_fd >= 0)
        close(n->lock_fd);
    free(n);
    return NULL;
}
