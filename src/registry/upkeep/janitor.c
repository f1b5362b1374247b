/* SPDX-License-Identifier: Apache-2.0 */
/* What has to be done now and then while a registry serves: uploads that nobody goes on with are
 * closed, and removed when they are old; so are configs that were replaced. And the collection, by
 * the config's clock. */
#include <pthread.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/units.h"
#include "registry/observe/handover.h"
#include "registry/upstream/pull.h"

#define TICK_NS      (5 * NS_PER_S)
#define PAUSE_NS     (5 * NS_PER_MS)   /* between two transactions of a collection */
#define CLOSE_NS     (60 * NS_PER_S)   /* an upload without a request for longer is closed */
#define PURGE_NS     (3600 * NS_PER_S) /* between two looks for old ones */
#define MAX_PER_PASS 1000

struct janitor {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool stop;
    /* the thread's own */
    struct cancel cancel;
    int64_t ticked, purged; /* monotonic; 0: not yet */
    int64_t collected;      /* monotonic: the end of the last collection, or our start */
    int64_t seen_wall;      /* when the time of day was looked at last */
};

struct purge {
    struct registry *r;
    int64_t before;
    size_t n;
    char ids[MAX_PER_PASS][UPLOAD_ID_MAX + 1];
};

static int see_upload(void *arg, const struct upload_info *u)
{
    struct purge *p = arg;

    if (u->changed_ns >= p->before)
        return 0;
    snprintf(p->ids[p->n], sizeof p->ids[0], "%s", u->id);
    return ++p->n == MAX_PER_PASS;
}

/* Blobs of other registries that broke off, and that nobody asked for again. */
static int see_partial(void *arg, const struct blob_partial *x)
{
    const struct purge *p = arg;

    if (!x->active && x->changed_ns < p->before)
        (void)blob_partial_remove(p->r->blobs, &x->digest, NULL);
    return 0;
}

void registry_purge_uploads(struct registry *r, int64_t before)
{
    struct purge *p = mem_alloc(sizeof *p);

    if (!p)
        return; /* next time */
    p->r = r;
    p->before = before;
    (void)upload_each(r->blobs, see_upload, p, NULL);
    for (size_t i = 0; i < p->n; i++)
        (void)upload_remove(r->blobs, p->ids[i], NULL); /* one in use is in use */
    (void)blob_partial_each(r->blobs, see_partial, p, NULL);
    (void)blob_partial_sweep(r->blobs, NULL);
    free(p);
}

static void send_event(void *arg, const struct notify_event *ev)
{
    notify_send(arg, ev);
}

/* What collections in other processes have removed. */
static void take_events(struct registry *r)
{
    struct shale_err e = SHALE_ERR_INIT;

    if (r->notify && !r->read_only && handover_take(r->root_fd, send_event, r->notify, &e) < 0)
        log_warn("events of collections: %s", e.msg);
}

static void tick(struct registry *r)
{
    struct janitor *j = r->janitor;
    int64_t now = time_mono_ns();

    if (j->ticked && now - j->ticked < TICK_NS)
        return;
    j->ticked = now;
    sessions_close_idle(r->sessions, now - CLOSE_NS);
    live_sweep(r);
    take_events(r);
    if (!r->read_only && (j->purged == 0 || now - j->purged > PURGE_NS)) {
        registry_purge_uploads(r, time_now_ns() - r->first->conf->storage.upload_age_ns);
        cached_sweep(r);
        j->purged = now;
    }
}

/* Until then, or until the server stops. */
static void sleep_until(struct janitor *j, int64_t mono)
{
    struct timespec end = {mono / NS_PER_S, mono % NS_PER_S};

    pthread_mutex_lock(&j->mutex);
    while (!j->stop && pthread_cond_timedwait(&j->cond, &j->mutex, &end) == 0)
        ;
    if (j->stop)
        cancel_set(&j->cancel);
    pthread_mutex_unlock(&j->mutex);
}

/* ---- the collection ---- */

/* Today at that minute, local time. */
static int64_t today_at(int64_t wall, unsigned minute)
{
    time_t s = (time_t)(wall / NS_PER_S);
    struct tm tm;

    localtime_r(&s, &tm);
    tm.tm_hour = (int)(minute / 60);
    tm.tm_min = (int)(minute % 60);
    tm.tm_sec = 0;
    tm.tm_isdst = -1;
    return (int64_t)mktime(&tm) * NS_PER_S;
}

static bool collection_is_due(struct janitor *j, const struct regconf_gc *c)
{
    int64_t wall = time_now_ns(), seen = j->seen_wall;

    j->seen_wall = wall;
    if (c->interval_ns)
        return time_mono_ns() - j->collected >= c->interval_ns;
    if (!c->at)
        return false;
    int64_t then = today_at(wall, c->at_minute);
    return seen < then && then <= wall;
}

/* Requests go on: each transaction is short, and there is room between two. */
static void between(void *arg)
{
    struct registry *r = arg;

    tick(r);
    sleep_until(r->janitor, time_mono_ns() + PAUSE_NS);
}

static void on_remove(void *arg, const struct registry_gc_item *i)
{
    struct registry *r = arg;
    struct notify_event ev;
    char why[256];

    if (registry_gc_event(i, why, &ev))
        notify_send(r->notify, &ev);
}

static void count(struct metrics *m, const struct registry_gc_result *n)
{
    metrics_count(m, METRICS_GC_TAGS, n->n_tags);
    metrics_count(m, METRICS_GC_MANIFESTS, n->n_manifests);
    metrics_count(m, METRICS_GC_BLOBS, n->n_blobs);
    metrics_count(m, METRICS_GC_BYTES, n->n_bytes);
    metrics_count(m, METRICS_GC_RUNS, 1);
    metrics_set(m, METRICS_GC_LAST, time_now_ns() / NS_PER_S);
}

static void collect(struct registry *r, const struct regconf *c)
{
    struct janitor *j = r->janitor;
    struct registry_gc_opts o = {.grace_ns = c->gc.grace_ns,
                                 .untagged = c->gc.untagged,
                                 .retain = &c->retain,
                                 .upload_age_ns = c->storage.upload_age_ns,
                                 .on_remove = r->events & REGCONF_EVENT_DELETE ? on_remove : NULL,
                                 .between = between,
                                 .arg = r};
    struct registry_gc_result n = {0};
    struct shale_err e = SHALE_ERR_INIT;
    int64_t begin = time_mono_ns();
    char size[32];

    _cleanup_close_ int lock = registry_gc_lock(r->root_fd, false, NULL, &e);
    if (lock == -SHALE_IN_USE)
        return; /* what is to be done is being done */
    int k =
        lock < 0 ? lock : registry_collect(r->root_fd, r->state, r->blobs, &o, &j->cancel, &n, &e);
    count(r->metrics, &n);
    if (k < 0 && k != -SHALE_CANCELED) {
        metrics_count(r->metrics, METRICS_GC_FAILURES, 1);
        log_warn("the collection ended early: %s", e.msg);
    }
    int64_t ms = (time_mono_ns() - begin) / NS_PER_MS;
    log_info("collection: removed %" PRIu64 " tags, %" PRIu64 " manifests, %" PRIu64
             " blobs, %" PRIu64 " uploads: %s; took %" PRId64 ".%03" PRId64 " s",
             n.n_tags, n.n_manifests, n.n_blobs, n.n_uploads, units_human(n.n_bytes, 3, size),
             ms / 1000, ms % 1000);
}

static void collect_if_due(struct registry *r)
{
    struct janitor *j = r->janitor;
    struct live *v = live_get(r); /* the config as it is now */

    if (!r->read_only && !v->conf->server.read_only && collection_is_due(j, &v->conf->gc)) {
        collect(r, v->conf);
        j->collected = time_mono_ns();
    }
    live_put(v);
}

/* When the thread has to look again. */
static int64_t next_look(struct registry *r)
{
    struct janitor *j = r->janitor;
    struct live *v = live_get(r);
    int64_t next = time_mono_ns() + TICK_NS, interval = v->conf->gc.interval_ns;

    if (interval && j->collected + interval < next)
        next = j->collected + interval;
    live_put(v);
    return next;
}

static void *janitor_main(void *arg)
{
    struct registry *r = arg;
    struct janitor *j = r->janitor;

    j->collected = time_mono_ns();
    j->seen_wall = time_now_ns();
    if (!r->read_only)
        registry_keep_reserve(r->root_fd);
    while (!cancel_is_set(&j->cancel)) {
        tick(r);
        collect_if_due(r);
        sleep_until(j, next_look(r));
    }
    return NULL;
}

int janitor_start(struct registry *r, struct shale_err *e)
{
    struct janitor *j = mem_alloc(sizeof *j);
    pthread_condattr_t attr;

    if (!j)
        return err_nomem(e);
    pthread_mutex_init(&j->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->cond, &attr);
    pthread_condattr_destroy(&attr);
    r->janitor = j;
    int rc = pthread_create(&j->thread, NULL, janitor_main, r);
    if (rc == 0)
        return 0;
    r->janitor = NULL;
    free(j);
    return err_set(e, SHALE_SYSTEM, "cannot start a thread: %s", strerror(rc));
}

void janitor_stop(struct registry *r)
{
    struct janitor *j = r->janitor;

    if (!j)
        return;
    pthread_mutex_lock(&j->mutex);
    j->stop = true;
    pthread_cond_signal(&j->cond);
    pthread_mutex_unlock(&j->mutex);
    pthread_join(j->thread, NULL);
    pthread_mutex_destroy(&j->mutex);
    pthread_cond_destroy(&j->cond);
    free(j);
    r->janitor = NULL;
}
