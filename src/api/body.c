/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests. */
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/socket.h>

#include "api/body.h"
#include "api/reply.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/thread.h"
#include "base/time.h"
#include "http/wire.h"

#define PIECE_BYTES (64u << 10)
#define STALL_NS    (60 * NS_PER_S) /* a small body comes at once */

/* ---- JSON ---- */

json_t *api_member(const json_t *obj, const char *name)
{
    json_t *v = json_object_get(obj, name);
    const char *key;
    json_t *other;

    if (!v)
        json_object_foreach((json_t *)(uintptr_t)obj, key, other)
        {
            if (!v && strcasecmp(key, name) == 0)
                v = other;
        }
    return json_is_null(v) ? NULL : v;
}

/* The table's members under the names it has for them; nothing else is looked at. */
int api_bind(struct api_req *q, const json_t *obj, const struct json_field *fields, size_t n,
             void *out, struct shale_err *e)
{
    _cleanup_json_ json_t *view = json_object();
    int r = 0;

    if (!view)
        return err_nomem(e);
    if (obj && !json_is_object(obj))
        return err_set(e, SHALE_INVALID, "invalid JSON: an object is expected");
    for (size_t i = 0; obj && i < n; i++) {
        json_t *v = api_member(obj, fields[i].name);
        if (v && json_object_set(view, fields[i].name, v) < 0)
            return err_nomem(e);
    }
    r = json_bind(view, fields, n, out, q->arena, e);
    return r == -SHALE_INVALID ? err_wrap(e, r, "invalid JSON") : r;
}

static bool is_json_type(const char *type)
{
    struct str s = str_of(type);
    struct str first;

    if (!type || !str_split(&s, ';', &first))
        return false;
    first = str_trim(first);
    return first.n == 16 && strncasecmp(first.p, "application/json", 16) == 0;
}

int api_json_parse(const void *p, size_t n, json_t **ret, struct shale_err *e)
{
    json_t *j = NULL;
    int r = json_parse(p, n, API_MAX_JSON, &j, e);

    if (r < 0)
        return err_wrap(e, r, "invalid JSON");
    if (!json_is_object(j)) {
        bool none = json_is_null(j);
        json_decref(j);
        *ret = NULL;
        return none ? 0 : err_set(e, SHALE_INVALID, "invalid JSON: an object is expected");
    }
    *ret = j;
    return 0;
}

int api_body_json(struct api_req *q, bool must, json_t **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(API_MAX_JSON + 1);
    ssize_t n = 1;

    *ret = NULL;
    wire_hurry(q->w, STALL_NS);
    if (q->w->head->length != WIRE_LENGTH_UNKNOWN && q->w->head->length > API_MAX_JSON)
        return api_fail(q, 413, e, "the body is larger than %u MiB", API_MAX_JSON >> 20);
    while (n > 0) {
        char *p = buf_room(&b, b.n < PIECE_BYTES ? 4096 : PIECE_BYTES);
        if (!p || b.n > API_MAX_JSON)
            return b.failed == SHALE_NO_MEMORY
                       ? err_nomem(e)
                       : api_fail(q, 413, e, "the body is larger than %u MiB", API_MAX_JSON >> 20);
        n = api_body_read(q, p, b.n < PIECE_BYTES ? 4096 : PIECE_BYTES, e);
        if (n < 0)
            return (int)n;
        b.n += (size_t)n;
    }
    if (b.n == 0)
        return must ? err_set(e, SHALE_INVALID, "invalid JSON: got EOF while reading request body")
                    : 0;
    if (!is_json_type(api_header(q, "Content-Type")))
        return err_set(e, SHALE_INVALID,
                       "unsupported Content-Type header (%.60s): must be 'application/json'",
                       api_header(q, "Content-Type") ? api_header(q, "Content-Type") : "");
    int r = api_json_parse(b.p, b.n, ret, e);
    return r >= 0 && must && !*ret ? err_set(e, SHALE_INVALID, "invalid JSON: null") : r;
}

/* ---- as it comes ---- */

bool api_body_has(const struct api_req *q)
{
    return q->w->head->length > 0;
}

ssize_t api_body_read(struct api_req *q, void *p, size_t n, struct shale_err *e)
{
    ssize_t got = wire_read(q->w, p, n);

    return got < 0 ? err_set(e, SHALE_INVALID, "the body of the request is not complete") : got;
}

/* ---- as a descriptor ---- */

struct api_body_pipe {
    struct api_req *q;
    int from, to;
    pthread_t thread;
};

static void *feed(void *arg)
{
    struct api_body_pipe *p = arg;
    char piece[16384];
    ssize_t n;

    while ((n = wire_read(p->q->w, piece, sizeof piece)) > 0)
        for (ssize_t k = 0; k < n;) {
            ssize_t w = send(p->to, piece + k, (size_t)(n - k), MSG_NOSIGNAL);
            if (w < 0 && errno != EINTR)
                goto out; /* nobody reads any more */
            k += w > 0 ? w : 0;
        }
out:
    /* A body that was broken off must not look whole. Closing a socket in which something lies
     * unread is a reset for who reads the other one, behind what came before it. */
    if (n < 0)
        close(TAKE_FD(p->to));
    else
        (void)shutdown(p->to, SHUT_WR);
    return NULL;
}

int api_body_fd(struct api_req *q, int *ret, struct shale_err *e)
{
    struct api_body_pipe *p = arena_alloc(q->arena, sizeof *p);
    int fd[2];

    if (!p)
        return err_nomem(e);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        return err_sys(e, "socketpair");
    if (send(fd[0], "", 1, MSG_NOSIGNAL) != 1) { /* what lies unread; see feed */
        close(fd[0]);
        close(fd[1]);
        return err_sys(e, "socketpair");
    }
    *p = (struct api_body_pipe){.q = q, .from = fd[0], .to = fd[1]};
    int r = thread_start(&p->thread, 0, feed, p, e);
    if (r < 0) {
        close(fd[0]);
        close(fd[1]);
        return r;
    }
    q->reply->pipe = p;
    *ret = p->from;
    return 0;
}

void api_body_end(struct api_req *q)
{
    struct api_body_pipe *p = q->reply->pipe;

    if (!p)
        return;
    (void)shutdown(p->from, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->from);
    if (p->to >= 0)
        close(p->to);
    q->reply->pipe = NULL;
}
