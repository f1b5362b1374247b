/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/sessions.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "blob/blob.h"

#define ID_BYTES 16
#define POLL_NS  (20 * NS_PER_MS)

struct session {
    struct session *next;
    struct upload *upload; /* NULL: being opened */
    bool busy;
    int64_t used;
    char id[UPLOAD_ID_MAX + 1];
};

struct sessions {
    struct blobs *blobs;
    pthread_mutex_t mutex;
    pthread_cond_t cond; /* one was given back */
    struct session *list;
    size_t n;
};

int sessions_new(struct blobs *b, struct sessions **ret, struct shale_err *e)
{
    struct sessions *s = mem_alloc(sizeof *s);
    pthread_condattr_t attr;

    if (!s)
        return err_nomem(e);
    s->blobs = b;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->cond, &attr);
    pthread_condattr_destroy(&attr);
    *ret = s;
    return 0;
}

static void free_session(struct session *x)
{
    upload_close(x->upload);
    free(x);
}

struct sessions *sessions_free(struct sessions *s)
{
    if (!s)
        return NULL;
    while (s->list) {
        struct session *x = s->list;
        s->list = x->next;
        free_session(x);
    }
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->cond);
    free(s);
    return NULL;
}

static void take_out(struct sessions *s, struct session *x)
{
    struct session **p = &s->list;

    while (*p != x)
        p = &(*p)->next;
    *p = x->next;
    s->n--;
}

static void put_in(struct sessions *s, struct session *x)
{
    x->next = s->list;
    s->list = x;
    s->n++;
}

int session_begin(struct sessions *s, const char *repo, struct session **ret, struct shale_err *e)
{
    struct session *x = mem_alloc(sizeof *x);
    int r = x ? random_hex(x->id, ID_BYTES, e) : err_nomem(e);

    if (r >= 0)
        r = upload_begin(s->blobs, x->id, repo, &x->upload, e);
    if (r < 0) {
        free(x);
        return r;
    }
    x->busy = true;
    pthread_mutex_lock(&s->mutex);
    put_in(s, x);
    pthread_mutex_unlock(&s->mutex);
    *ret = x;
    return 0;
}

/* One of that id that is there, waited for; NULL: there is none. The mutex is held. *ret_busy: it
 * took too long. */
static struct session *wait_for(struct sessions *s, const char *id, bool *ret_busy)
{
    struct timespec end;
    struct session *x;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += SESSIONS_WAIT_S;
    *ret_busy = false;
    for (;;) {
        for (x = s->list; x && !streq(x->id, id); x = x->next)
            ;
        if (!x || !x->busy)
            return x;
        if (pthread_cond_timedwait(&s->cond, &s->mutex, &end) != 0) {
            *ret_busy = true;
            return NULL;
        }
    }
}

/* Opens or resumes it; waits for a request at another process that has it. */
static int get_upload(struct sessions *s, struct session *x, struct shale_err *e)
{
    int64_t end = time_mono_ns() + SESSIONS_WAIT_S * NS_PER_S;
    int r;

    for (;;) {
        r = x->upload ? upload_resume(x->upload, e) : upload_open(s->blobs, x->id, &x->upload, e);
        if (r != -SHALE_IN_USE || time_mono_ns() >= end)
            return r;
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
}

/* A placeholder keeps others of this process from opening it too. The mutex is given up. */
static int new_session(struct sessions *s, const char *id, struct session **ret,
                       struct shale_err *e)
{
    struct session *x = mem_alloc(sizeof *x);

    if (!x) {
        pthread_mutex_unlock(&s->mutex);
        return err_nomem(e);
    }
    memcpy(x->id, id, strlen(id) + 1);
    x->busy = true;
    put_in(s, x);
    pthread_mutex_unlock(&s->mutex);
    *ret = x;
    return 0;
}

int session_take(struct sessions *s, const char *id, const char *repo, struct session **ret,
                 struct shale_err *e)
{
    bool busy;
    int r = 0;

    if (strlen(id) > UPLOAD_ID_MAX)
        return err_set(e, SHALE_NOT_FOUND, "no such upload");
    pthread_mutex_lock(&s->mutex);
    struct session *x = wait_for(s, id, &busy);
    if (busy) {
        pthread_mutex_unlock(&s->mutex);
        return err_set(e, SHALE_IN_USE, "another request is at this upload");
    }
    if (x) {
        x->busy = true;
        pthread_mutex_unlock(&s->mutex);
    } else {
        r = new_session(s, id, &x, e);
    }
    if (r >= 0) {
        r = get_upload(s, x, e);
        if (r < 0) /* gone, or another's for now: what is known of it may be wrong by then */
            session_give(s, x, true);
    }
    if (r < 0)
        return r;
    if (!streq(upload_note(x->upload), repo)) {
        session_give(s, x, false);
        return err_set(e, SHALE_NOT_FOUND, "no such upload");
    }
    *ret = x;
    return 0;
}

const char *session_id(const struct session *x)
{
    return x->id;
}

struct upload *session_upload(const struct session *x)
{
    return x->upload;
}

/* The longest unused idle one, NULL if there is none. */
static struct session *oldest_idle(struct sessions *s)
{
    struct session *old = NULL;

    for (struct session *x = s->list; x; x = x->next)
        if (!x->busy && (!old || x->used < old->used))
            old = x;
    return old;
}

void session_give(struct sessions *s, struct session *x, bool over)
{
    struct session *drop = NULL;

    if (!x)
        return;
    if (!over)
        upload_rest(x->upload);
    pthread_mutex_lock(&s->mutex);
    x->busy = false;
    x->used = time_mono_ns();
    if (over)
        drop = x;
    else if (s->n > SESSIONS_KEPT)
        drop = oldest_idle(s);
    if (drop) {
        /* Closed before another may open it. */
        drop->busy = true;
        pthread_mutex_unlock(&s->mutex);
        drop->upload = upload_close(drop->upload);
        pthread_mutex_lock(&s->mutex);
        take_out(s, drop);
        free(drop);
    }
    pthread_cond_broadcast(&s->cond);
    pthread_mutex_unlock(&s->mutex);
}

void sessions_close_idle(struct sessions *s, int64_t before)
{
    pthread_mutex_lock(&s->mutex);
    for (struct session *x = s->list, *next; x; x = next) {
        next = x->next;
        if (x->busy || x->used >= before)
            continue;
        take_out(s, x);
        free_session(x);
    }
    pthread_mutex_unlock(&s->mutex);
}
