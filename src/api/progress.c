/* SPDX-License-Identifier: Apache-2.0 */
/* docker's lines of progress. The threads that work do not wait for a client that does not read:
 * what it has not taken lies in `late` until it takes more; bytes are not counted meanwhile, and
 * when LATE_BYTES lie there only what closes an image is told. */
#include <pthread.h>
#include <shale/progress.h>
#include <stdarg.h>

#include "api/api.h"
#include "api/reply.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "view/api_progress.h"
#include "view/doc.h"

#define PAUSE_NS   (100 * NS_PER_MS) /* between two lines of one layer that only count bytes */
#define MAX_IDS    512
#define MAX_LINE   (64u << 10)
#define LATE_BYTES (256u << 10)

struct last {
    char id[16];
    int64_t at;
};
struct api_progress {
    struct api_req *q;
    pthread_mutex_t mutex; /* of all that follows, and one line after the other */
    struct last last[MAX_IDS];
    size_t n_last;
    struct buf late;
    int code;
    bool gone;
};

static void free_progress(void *p)
{
    struct api_progress *progress = p;

    pthread_mutex_destroy(&progress->mutex);
    buf_clear(&progress->late);
}

int api_progress_begin(struct api_req *q, struct api_progress **ret, struct shale_err *e)
{
    struct api_progress *p = arena_alloc(q->arena, sizeof *p);

    if (!p)
        return err_nomem(e);
    p->q = q;
    buf_init(&p->late, 4 * LATE_BYTES);
    pthread_mutex_init(&p->mutex, NULL);
    *ret = p;
    return arena_defer(q->arena, free_progress, p) < 0 ? err_nomem(e) : 0;
}

/* Takes line. The answer begins with the first one, so that what fails before has a status. */
static void put_locked(struct api_progress *p, json_t *line, bool waits)
{
    if (!p->gone && !api_stream_begun(p->q))
        p->gone = api_stream_begin(p->q, 200, "application/json") < 0;
    if (!p->gone && waits)
        p->gone = api_stream_rest(p->q, &p->late) < 0;
    if (p->gone)
        json_decref(line);
    else if (waits)
        p->gone = api_stream_json(p->q, line) < 0;
    else
        p->gone = api_stream_json_late(p->q, &p->late, line) < 0;
}

/* Of the thread of the request: it waits for the client. */
static void put(struct api_progress *p, json_t *line)
{
    if (!line)
        return;
    pthread_mutex_lock(&p->mutex);
    put_locked(p, line, true);
    pthread_mutex_unlock(&p->mutex);
}

static bool closes(enum shale_progress_kind kind)
{
    return kind == SHALE_PROGRESS_MESSAGE || kind == SHALE_PROGRESS_DIGEST ||
           kind == SHALE_PROGRESS_STATUS;
}

/* Bytes are counted more often than anybody looks. */
static bool is_too_soon_locked(struct api_progress *p, const struct shale_progress *ev)
{
    int64_t now = time_mono_ns();
    size_t i = 0;

    if ((ev->kind != SHALE_PROGRESS_DOWNLOADING && ev->kind != SHALE_PROGRESS_PUSHING) || !ev->id)
        return false;
    while (i < p->n_last && strncmp(p->last[i].id, ev->id, sizeof p->last[i].id - 1) != 0)
        i++;
    bool known = i < p->n_last;
    bool soon = known ? now - p->last[i].at < PAUSE_NS : i == MAX_IDS;
    soon |= p->late.n > 0;
    if (!known && i < MAX_IDS) {
        snprintf(p->last[i].id, sizeof p->last[i].id, "%s", ev->id);
        p->n_last++;
    }
    if (!soon)
        p->last[i].at = now;
    return soon;
}

void api_progress_event(void *arg, const struct shale_progress *ev)
{
    struct api_progress *p = arg;

    pthread_mutex_lock(&p->mutex);
    if (p->late.n > 0 && !p->gone) /* it may read again */
        p->gone = api_stream_catch_up(p->q, &p->late) < 0;
    bool wanted =
        !p->gone && !is_too_soon_locked(p, ev) && (p->late.n <= LATE_BYTES || closes(ev->kind));
    json_t *line = wanted ? view_api_progress(ev) : NULL;
    if (line)
        put_locked(p, line, false);
    pthread_mutex_unlock(&p->mutex);
}

void api_progress_status(struct api_progress *p, const char *id, const char *fmt, ...)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_LINE);
    va_list ap;

    va_start(ap, fmt);
    buf_addv(&b, fmt, ap);
    va_end(ap);
    struct doc d = doc_begin();
    json_t *j = NULL;
    doc_str(&d, "status", buf_str(&b));
    if (id)
        doc_str(&d, "id", id);
    if (doc_end(&d, &j, NULL) >= 0)
        put(p, j);
}

void api_progress_stream(struct api_progress *p, const char *text, size_t n)
{
    _cleanup_free_ char *copy = mem_strndup(text, n);

    json_t *line = copy ? json_pack("{s:o}", "stream", doc_string(copy)) : NULL;
    if (line)
        put(p, line);
}

void api_progress_aux(struct api_progress *p, const char *id, json_t *aux)
{
    put(p, id ? json_pack("{s:s, s:o}", "id", id, "aux", aux) : json_pack("{s:o}", "aux", aux));
}

void api_progress_code(struct api_progress *p, int code)
{
    p->code = code;
}

int api_progress_end(struct api_progress *p, int r, struct shale_err *e)
{
    const char *message = e && *e->msg ? e->msg : err_name(-r);

    if (r >= 0) { /* nothing was told: a stream without lines */
        if (!api_stream_begun(p->q) && api_stream_begin(p->q, 200, "application/json") < 0)
            return -SHALE_NETWORK;
        return p->gone ? 0 : api_stream_rest(p->q, &p->late);
    }
    if (!api_stream_begun(p->q))
        return r;
    put(p, p->code ? json_pack("{s:{s:i, s:o}, s:o}", "errorDetail", "code", p->code, "message",
                               doc_string(message), "error", doc_string(message))
                   : json_pack("{s:{s:o}, s:o}", "errorDetail", "message", doc_string(message),
                               "error", doc_string(message)));
    return 0;
}
