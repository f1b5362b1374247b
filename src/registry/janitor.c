/* SPDX-License-Identifier: Apache-2.0 */
/* What has to be done now and then while a registry serves: uploads that nobody goes on with are
 * closed, and removed when they are old; so are configs that were replaced. */
#include <pthread.h>

#include "base/mem.h"
#include "base/time.h"
#include "registry/reg.h"

#define TICK_S       5
#define CLOSE_NS     (60 * NS_PER_S)   /* an upload without a request for longer is closed */
#define PURGE_NS     (3600 * NS_PER_S) /* between two looks for old ones */
#define MAX_PER_PASS 1000

struct janitor {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool stop;
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
    free(p);
}

static void *janitor_main(void *arg)
{
    struct registry *r = arg;
    struct janitor *j = r->janitor;
    int64_t purged = 0;

    pthread_mutex_lock(&j->mutex);
    while (!j->stop) {
        struct timespec end;
        pthread_mutex_unlock(&j->mutex);
        int64_t now = time_mono_ns();
        sessions_close_idle(r->sessions, now - CLOSE_NS);
        live_sweep(r);
        if (!r->read_only && (purged == 0 || now - purged > PURGE_NS)) {
            registry_purge_uploads(r, time_now_ns() - r->first->conf->storage.upload_age_ns);
            purged = now;
        }
        pthread_mutex_lock(&j->mutex);
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += TICK_S;
        if (!j->stop)
            pthread_cond_timedwait(&j->cond, &j->mutex, &end);
    }
    pthread_mutex_unlock(&j->mutex);
    return NULL;
}

int janitor_start(struct registry *r, struct shale_err *e)
{
    struct janitor *j = mem_alloc(sizeof *j);

    if (!j)
        return err_nomem(e);
    pthread_mutex_init(&j->mutex, NULL);
    pthread_cond_init(&j->cond, NULL);
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
