/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload replaces: config, users and rules, access log. Every request keeps the one that it
 * began with; the old one goes when the last request of it has ended. */
#include "base/log.h"
#include "base/mem.h"
#include "registry/upstream/pull.h"

void live_drop(struct registry *r, struct live *v)
{
    if (v->log)
        r->log_dropped += accesslog_dropped(v->log);
    accesslog_close(v->log);
    upstreams_close(v->upstreams);
    authz_close(v->authz);
    regconf_free(v->conf);
    free(v);
}

int live_open(struct registry *r, struct regconf *conf, struct live **ret, struct shale_err *e)
{
    struct live *v = mem_alloc(sizeof *v);
    char problem[512];
    int k = 0;

    if (!v) {
        regconf_free(conf);
        return err_nomem(e);
    }
    v->conf = conf;
    atomic_init(&v->refs, 1);
    k = authz_open(conf, &v->authz, e);
    if (k >= 0 && conf->n_upstream > 0 && r->read_only)
        k = err_set(e, SHALE_INVALID,
                    "the registry was started read-only: an [upstream] needs a "
                    "restart");
    if (k >= 0)
        k = upstreams_open(conf, &v->upstreams, e);
    if (k >= 0 && v->upstreams && !r->pull)
        k = pull_open(r, &r->pull, e);
    if (k >= 0 && conf->log.access != REGCONF_LOG_OFF) {
        k = accesslog_open(conf->log.access == REGCONF_LOG_JSON ? ACCESSLOG_JSON : ACCESSLOG_TEXT,
                           conf->log.access_file, &v->log, e);
        if (k < 0)
            k = err_wrap(e, k, "[log] access_file");
    }
    if (k < 0) {
        live_drop(r, v);
        return k;
    }
    if (authz_problem(v->authz, problem, sizeof problem))
        log_warn("%s", problem);
    *ret = v;
    return 0;
}

struct live *live_get(struct registry *r)
{
    pthread_mutex_lock(&r->mutex);
    struct live *v = r->live;
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&r->mutex);
    return v;
}

struct live *live_ref(struct live *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void live_put(struct live *v)
{
    atomic_fetch_sub_explicit(&v->refs, 1, memory_order_release);
}

void live_replace(struct registry *r, struct live *v)
{
    pthread_mutex_lock(&r->mutex);
    struct live *old = r->live;
    r->live = v;
    if (old) {
        old->next = r->old;
        r->old = old;
    }
    pthread_mutex_unlock(&r->mutex);
    if (old)
        live_put(old);
}

/* Closing a log may take a moment: not in the threads of requests. */
void live_sweep(struct registry *r)
{
    struct live *gone = NULL;

    pthread_mutex_lock(&r->mutex);
    for (struct live **p = &r->old; *p;) {
        struct live *v = *p;
        if (atomic_load_explicit(&v->refs, memory_order_acquire) > 0) {
            p = &v->next;
            continue;
        }
        *p = v->next;
        v->next = gone;
        gone = v;
    }
    pthread_mutex_unlock(&r->mutex);
    while (gone) {
        struct live *v = gone;
        gone = v->next;
        live_drop(r, v);
    }
}
