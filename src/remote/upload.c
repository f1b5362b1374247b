/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/upload.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/ring.h"
#include "base/str.h"
#include "model/limits.h"
#include "remote/upload_note.h"

#define SMALL_BYTES    (1u << 20) /* goes with the PUT */
#define RING_BLOCKS    4
#define BLOCK_BYTES    (256u << 10)
#define ARENA_BYTES    (4u << 20)
#define PROGRESS_BYTES (64u << 10) /* less than this does not renew the budget of retries */
#define MAX_SESSIONS   5           /* that the registry may lose */

static struct call call_of(const struct upload *u, const char *method)
{
    return (struct call){
        .method = method,
        .scope = u->repo->scope,
        .cancel = u->cancel,
        .what = "blob",
        .name = u->repo->familiar,
        .repo = u->repo->familiar,
        .is_push = true,
    };
}

int upload_is_there(const struct upload *u, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct shale_err why = SHALE_ERR_INIT;
    struct call call = call_of(u, "HEAD");
    struct http_response p;

    call.path = arena_printf(&a, "%s/blobs/%s", u->repo->path, u->d->digest.s);
    if (!call.path)
        return err_nomem(e);
    int r = call_run(u->repo->c, u->repo->h, &call, &a, &p, NULL, &why);
    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r < 0 && e)
        *e = why;
    return r < 0 ? r : 1;
}

/* ---- sessions ---- */

/* Where the next request of a session goes, in the arena. */
static int next_url(const struct http_response *p, struct arena *a, const char **ret,
                    bool *ret_home, struct shale_err *e)
{
    const char *to = http_header_get(p, "Location");

    if (!to)
        return err_set(e, SHALE_NETWORK, "the registry does not say where to upload to");
    int r = http_resolve(p->url, to, a, ret, ret_home, e);
    return r < 0 ? err_wrap(e, r, "the registry says a strange place to upload to") : 0;
}

struct session {
    struct arena a; /* of url */
    const char *url;
    bool home; /* it is at the registry itself */
    struct upload_note note;
};

static int session_goes_on(struct session *s, const struct http_response *p, struct shale_err *e)
{
    struct arena old = s->a, fresh = ARENA_INIT(ARENA_BYTES);
    const char *url = NULL;
    int r = next_url(p, &fresh, &url, &s->home, e);

    s->a = fresh;
    arena_clear(&old);
    s->url = r < 0 ? NULL : url;
    if (s->url)
        upload_note_write(&s->note, s->url, s->home);
    return r < 0 || url ? r : err_nomem(e);
}

static int session_begin(const struct upload *u, struct session *s, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct call call = call_of(u, "POST");
    struct http_response p;

    call.path = arena_printf(&a, "%s/blobs/uploads/", u->repo->path);
    if (!call.path)
        return err_nomem(e);
    int r = call_run(u->repo->c, u->repo->h, &call, &a, &p, NULL, e);
    return r < 0 ? r : session_goes_on(s, &p, e);
}

int upload_mount(const struct upload *u, const char *from, const char *scope, struct arena *a,
                 const char **ret_session, struct shale_err *e)
{
    struct call call = call_of(u, "POST");
    struct http_response p;
    bool home;

    *ret_session = NULL;
    call.scope = scope;
    call.path = arena_printf(a, "%s/blobs/uploads/?mount=%s&from=%s", u->repo->path, u->d->digest.s,
                             http_escape(from, a));
    if (!call.path)
        return err_nomem(e);
    int r = call_run(u->repo->c, u->repo->h, &call, a, &p, NULL, e);
    if (r < 0)
        return r;
    if (p.status == 201)
        return 1;
    r = next_url(&p, a, ret_session, &home, e);
    if (r >= 0 && !home) /* with the one of the mount there is nothing gained */
        *ret_session = NULL;
    return r < 0 ? r : 0;
}

/* ---- the bytes: the source fills a ring in a thread of its own, curl drains it ---- */

struct pump {
    struct upload *u;
    struct ring *ring;
    uint64_t from, at; /* where this exchange begins; bytes given to curl */
    struct shale_err e;
    int r; /* of the source */
    const char *left;
    size_t n_left;
};

static int pump_start(void *arg, uint64_t offset, struct shale_err *e)
{
    struct pump *p = arg;

    return offset == p->from
               ? 0
               : err_set(e, SHALE_NETWORK, "the source cannot go on in the middle of blob %s",
                         p->u->d->digest.s);
}

static int pump_data(void *arg, const void *data, size_t n, struct shale_err *e)
{
    struct pump *p = arg;

    for (const char *q = data; n > 0;) {
        void *block = ring_reserve(p->ring);
        size_t k = n < BLOCK_BYTES ? n : BLOCK_BYTES;
        if (!block) /* the other side has given up, and says why */
            return err_set(e, SHALE_CANCELED, "canceled");
        memcpy(block, q, k);
        ring_publish(p->ring, k);
        q += k;
        n -= k;
    }
    return 0;
}

static void *pump_run(void *arg)
{
    struct pump *p = arg;
    struct upload *u = p->u;

    p->r = u->from->ops->blob(u->from, u->d, p->from, pump_start, pump_data, p, u->cancel, &p->e);
    if (p->r < 0)
        ring_stop(p->ring);
    else
        ring_finish(p->ring);
    return NULL;
}

static ssize_t pump_read(void *arg, void *to, size_t n, struct shale_err *e)
{
    struct pump *p = arg;

    if (p->n_left == 0) {
        if (p->left)
            ring_release(p->ring);
        p->left = ring_peek(p->ring, &p->n_left);
        if (!p->left)
            return ring_stopped(p->ring) ? err_set(e, SHALE_CANCELED, "canceled") : 0;
    }
    size_t k = n < p->n_left ? n : p->n_left;
    memcpy(to, p->left, k);
    p->left += k;
    p->n_left -= k;
    p->at += k;
    if (p->u->on_progress)
        p->u->on_progress(p->u->arg, p->at);
    return (ssize_t)k;
}

/* Sends what is behind `at` with the given call. */
static int stream(struct upload *u, struct call *call, uint64_t at, struct arena *a,
                  struct http_response *p, bool *ret_broken, struct shale_err *e)
{
    struct pump pump = {.u = u, .from = at, .at = at, .e = SHALE_ERR_INIT};
    pthread_t t;
    int r = ring_new(RING_BLOCKS, BLOCK_BYTES, &pump.ring, e);

    if (r < 0)
        return r;
    if (pthread_create(&t, NULL, pump_run, &pump) != 0) {
        ring_free(pump.ring);
        return err_set(e, SHALE_SYSTEM, "cannot start a thread");
    }
    call->read_body = pump_read;
    call->body_n = u->d->size_bytes - at;
    call->arg = &pump;
    r = call_run(u->repo->c, u->repo->h, call, a, p, ret_broken, e);
    ring_stop(pump.ring);
    pthread_join(t, NULL);
    ring_free(pump.ring);
    if (r < 0 && pump.r < 0 && pump.e.msg[0] && pump.r != -SHALE_CANCELED) {
        *ret_broken = false;
        if (e)
            *e = pump.e;
        return pump.r;
    }
    return r;
}

/* ---- one attempt ---- */

static char *with_digest(const struct upload *u, const char *url, struct arena *a)
{
    return arena_printf(a, "%s%cdigest=%s", url, strchr(url, '?') ? '&' : '?',
                        http_escape(u->d->digest.s, a));
}

static int finish(struct upload *u, struct session *s, bool with_bytes, bool *ret_broken,
                  struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct call call = call_of(u, "PUT");
    struct http_response p;

    call.url = with_digest(u, s->url, &a);
    call.at_home = s->home;
    call.content_type = "application/octet-stream";
    if (!call.url)
        return err_nomem(e);
    if (with_bytes && !u->bytes)
        return stream(u, &call, 0, &a, &p, ret_broken, e);
    if (with_bytes) {
        call.body = u->bytes;
        call.body_n = u->d->size_bytes;
    }
    return call_run(u->repo->c, u->repo->h, &call, &a, &p, ret_broken, e);
}

static int patch(struct upload *u, struct session *s, uint64_t at, bool *ret_misplaced,
                 bool *ret_broken, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct call call = call_of(u, "PATCH");
    struct http_response p = {0};
    char range[64];

    snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, at, u->d->size_bytes - 1);
    call.url = s->url;
    call.at_home = s->home;
    call.content_type = "application/octet-stream";
    call.content_range = at ? range : NULL;
    int r = stream(u, &call, at, &a, &p, ret_broken, e);
    *ret_misplaced = r == -SHALE_CORRUPT && p.status == 416;
    return r < 0 ? r : session_goes_on(s, &p, e);
}

/* How far the registry has come. 0 and *ret_at; NOT_FOUND: it has lost the session. */
static int ask_status(const struct upload *u, struct session *s, bool once, uint64_t *ret_at,
                      struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct attempts none = {.n_used = UINT32_MAX};
    struct call call = call_of(u, "GET");
    struct http_response p;
    uint64_t last;

    if (once)
        call.attempts = &none;

    call.url = s->url;
    call.at_home = s->home;
    int r = call_run(u->repo->c, u->repo->h, &call, &a, &p, NULL, e);
    if (r < 0)
        return r;
    const char *range = http_header_get(&p, "Range"), *dash = range ? strchr(range, '-') : NULL;
    if (!dash || !str_to_u64(dash + 1, &last) || last >= u->d->size_bytes)
        return err_set(e, SHALE_NOT_FOUND, "the registry does not say how much it has");
    *ret_at = last ? last + 1 : 0; /* "0-0" is said of nothing, too */
    return http_header_get(&p, "Location") ? session_goes_on(s, &p, e) : 0;
}

struct progress { /* over all attempts */
    struct session s;
    uint64_t at;
    unsigned n_sessions;
    bool misplaced; /* the registry has more or less than it said (416) */
    bool inherited; /* the session is one that another process has begun */
    struct attempts attempts;
};

static bool is_small(const struct upload *u)
{
    return u->bytes || u->d->size_bytes <= SMALL_BYTES;
}

static int attempt(struct upload *u, struct progress *g, bool *ret_broken, struct shale_err *e)
{
    int r = 0;

    *ret_broken = g->misplaced = false;
    if (!g->s.url) {
        g->at = 0;
        g->n_sessions++;
        r = session_begin(u, &g->s, e);
    }
    if (r < 0)
        return r;
    if (is_small(u))
        return finish(u, &g->s, true, ret_broken, e);
    if (g->at < u->d->size_bytes) {
        r = patch(u, &g->s, g->at, &g->misplaced, ret_broken, e);
        if (r < 0)
            return r;
        g->at = u->d->size_bytes;
    }
    return finish(u, &g->s, false, ret_broken, e);
}

/* After an attempt that broke: where to go on. */
static void find_place(struct upload *u, struct progress *g)
{
    uint64_t at = 0;

    if (is_small(u) || !g->s.url || ask_status(u, &g->s, false, &at, NULL) < 0) {
        g->s.url = NULL;
        return;
    }
    if (at >= g->at + PROGRESS_BYTES)
        g->attempts.n_used = 0;
    g->at = at;
}

/* Where the upload begins: where one of an earlier push was broken off, if the registry still has
 * that; in `session`; else nowhere yet. */
static void find_session(struct upload *u, struct progress *g, const char *session)
{
    struct session *s = &g->s;

    upload_note_take(&s->note, is_small(u) ? -1 : u->notes_fd, u->repo, &u->d->digest);
    if (upload_note_read(&s->note, u->repo, &s->a, &s->url, &s->home) > 0 &&
        ask_status(u, s, true, &g->at, NULL) >= 0 && g->at > 0) {
        g->inherited = true;
        return;
    }
    g->at = 0;
    s->url = session ? arena_strdup(&s->a, session) : NULL;
    s->home = true;
    if (!s->url)
        return;
    upload_note_write(&s->note, s->url, s->home);
    g->n_sessions++;
}

/* Whether what went wrong was the session: the registry has lost it (it was restarted elsewhere, it
 * expired), or has spoken too early of its place: it was still writing what came before the break.
 * What others have left behind is not trusted at all. */
static bool session_is_lost(struct progress *g, int r, bool broken)
{
    bool lost =
        r == -SHALE_NOT_FOUND || g->misplaced || (g->inherited && !broken && r != -SHALE_CANCELED);

    return lost && g->s.url && g->n_sessions < MAX_SESSIONS;
}

int upload_run(struct upload *u, const char *session, struct shale_err *e)
{
    struct progress g = {.attempts = {.on_pause = u->on_pause, .arg = u->arg}};
    struct shale_err why = SHALE_ERR_INIT;
    bool broken;
    int r;

    arena_init(&g.s.a, ARENA_BYTES);
    find_session(u, &g, session);
    while ((r = attempt(u, &g, &broken, &why)) < 0) {
        bool lost = session_is_lost(&g, r, broken);
        if (!broken && !lost)
            break;
        int w =
            g.inherited && lost ? 0 : attempts_wait(u->repo->c, &g.attempts, 0, u->cancel, &why);
        if (w < 0) {
            r = w == -SHALE_CANCELED ? w : r;
            break;
        }
        if (lost) {
            g.s.url = NULL;
            g.inherited = false;
        } else {
            find_place(u, &g);
        }
    }
    upload_note_end(&g.s.note, r >= 0);
    arena_clear(&g.s.a);
    if (r < 0 && e)
        *e = why;
    return r;
}
