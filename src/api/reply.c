/* SPDX-License-Identifier: Apache-2.0 */
/* Answers. */
#include "api/reply.h"

#include <shale/shale.h>
#include <stdarg.h>

#include "api/errors.h"
#include "api/kept.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "http/wire.h"
#include "view/json_out.h"

#define MAX_HEADERS (64u << 10)

void api_reply_init(struct api_req *q, struct api_reply *r)
{
    *r = (struct api_reply){.headers = BUF_INIT(MAX_HEADERS)};
    pthread_mutex_init(&r->mutex, NULL);
    q->reply = r;
    /* Clients read who answers, and what it can, from any answer. */
    buf_addf(&r->headers,
             "Server: Docker/28.5.1 shale/%s (linux)\r\nApi-Version: %d.%02d\r\n"
             "Docker-Experimental: false\r\nOstype: linux\r\n",
             shale_version(), API_VERSION_MAX / 100, API_VERSION_MAX % 100);
}

void api_reply_clear(struct api_req *q)
{
    api_body_end(q);
    buf_clear(&q->reply->headers);
    pthread_mutex_destroy(&q->reply->mutex);
}

/* Line ends in a value would begin another line. */
void api_reply_header(struct api_req *q, const char *name, const char *value)
{
    if (strpbrk(value, "\r\n"))
        return;
    buf_addf(&q->reply->headers, "%s: %s\r\n", name, value);
}

static int sent(int r)
{
    return r < 0 ? -SHALE_NETWORK : 0;
}

static int answer(struct api_req *q, int status, const char *type, const struct buf *body)
{
    struct buf *h = &q->reply->headers;

    if (type)
        api_reply_header(q, "Content-Type", type);
    if (h->failed || body->failed)
        return -SHALE_NO_MEMORY;
    return sent(wire_answer(q->w, status, buf_str(h), body->p, body->n));
}

int api_reply_json(struct api_req *q, int status, json_t *doc)
{
    _cleanup_json_ json_t *mine = doc;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(API_MAX_DOC);

    if (!doc)
        return -SHALE_NO_MEMORY;
    json_out_compact(&b, doc, JSON_OUT_HTML);
    return api_reply_text(q, status, &b);
}

int api_reply_text(struct api_req *q, int status, struct buf *doc)
{
    buf_addc(doc, '\n');
    return answer(q, status, "application/json", doc);
}

int api_reply_kept(struct api_req *q, const struct kept_answer *k)
{
    return answer(q, 200, "application/json", &k->body);
}

int api_reply_empty(struct api_req *q, int status)
{
    const struct buf nothing = BUF_INIT(1);

    return answer(q, status, NULL, &nothing);
}

int api_reply_bytes(struct api_req *q, int status, const char *content_type, const void *p,
                    size_t n)
{
    const struct buf b = {.p = (char *)(uintptr_t)p, .n = n};

    return answer(q, status, content_type, &b);
}

void api_reply_message(struct api_req *q, int status, const char *message)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_HEADERS);

    api_error_body(&b, message);
    (void)answer(q, status, "application/json", &b);
}

void api_reply_error(struct api_req *q, int code, const struct shale_err *e)
{
    int status = q->reply->fail_status ? q->reply->fail_status : api_status_of(code);
    const char *message = e && *e->msg               ? e->msg
                          : code == -SHALE_NO_MEMORY ? "out of memory"
                                                     : err_name(-code);

    if (wire_answered(q->w))
        wire_break(q->w);
    else
        api_reply_message(q, status, message);
}

int api_fail(struct api_req *q, int status, struct shale_err *e, const char *fmt, ...)
{
    char text[sizeof e->msg];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    q->reply->fail_status = status;
    return err_set(e, SHALE_INVALID, "%s", text);
}

void api_fail_as(struct api_req *q, int status)
{
    q->reply->fail_status = status;
}

/* ---- streams ---- */

int api_stream_begin(struct api_req *q, int status, const char *content_type)
{
    if (content_type)
        api_reply_header(q, "Content-Type", content_type);
    if (q->reply->headers.failed)
        return -SHALE_NO_MEMORY;
    q->reply->streams = true;
    return sent(wire_begin(q->w, status, buf_str(&q->reply->headers)));
}

int api_stream_write(struct api_req *q, const void *p, size_t n)
{
    pthread_mutex_lock(&q->reply->mutex);
    int r = q->reply->gone ? -1 : wire_write(q->w, p, n);
    q->reply->gone = r < 0;
    pthread_mutex_unlock(&q->reply->mutex);
    return sent(r);
}

/* Takes doc. */
static int line_of(json_t *doc, struct buf *b)
{
    _cleanup_json_ json_t *mine = doc;

    if (!doc)
        return -SHALE_NO_MEMORY;
    json_out_compact(b, doc, JSON_OUT_HTML);
    buf_adds(b, "\r\n");
    return -b->failed;
}

int api_stream_json(struct api_req *q, json_t *doc)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(API_MAX_DOC);
    int r = line_of(doc, &b);

    return r < 0 ? r : api_stream_write(q, b.p, b.n);
}

static int write_late(struct api_req *q, struct buf *late, const char *p, size_t n)
{
    pthread_mutex_lock(&q->reply->mutex);
    int r = q->reply->gone ? -1 : wire_write_late(q->w, late, p, n);
    q->reply->gone = r < 0;
    pthread_mutex_unlock(&q->reply->mutex);
    return sent(r);
}

int api_stream_json_late(struct api_req *q, struct buf *late, json_t *doc)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(API_MAX_DOC);
    int r = line_of(doc, &b);

    return r < 0 ? r : write_late(q, late, b.p, b.n);
}

int api_stream_catch_up(struct api_req *q, struct buf *late)
{
    return write_late(q, late, NULL, 0);
}

int api_stream_rest(struct api_req *q, struct buf *late)
{
    pthread_mutex_lock(&q->reply->mutex);
    int r = q->reply->gone ? -1 : wire_write_rest(q->w, late);
    q->reply->gone = r < 0;
    pthread_mutex_unlock(&q->reply->mutex);
    return sent(r);
}

bool api_stream_begun(const struct api_req *q)
{
    return q->reply->streams;
}

bool api_gone(const struct api_req *q)
{
    return wire_gone(q->w);
}

/* ---- connections that are taken over ---- */

static int take(struct api_req *q, struct buf *head, int *ret, struct shale_err *e)
{
    int r = buf_check(head, e);

    if (r < 0)
        return r;
    int fd = wire_take(q->w, head->p, head->n);
    if (fd < 0)
        return err_set(e, SHALE_NETWORK, "the client has gone");
    *ret = fd;
    return 0;
}

int api_hijack(struct api_req *q, const char *content_type, int *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_HEADERS);
    const char *to = wire_head_get(q->w->head, "Upgrade");

    if (to)
        buf_addf(&b,
                 "HTTP/1.1 101 UPGRADED\r\nContent-Type: %s\r\n"
                 "Connection: Upgrade\r\nUpgrade: tcp\r\n",
                 content_type);
    else
        buf_addf(&b, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n", content_type);
    buf_addf(&b, "%s\r\n", buf_str(&q->reply->headers));
    return take(q, &b, ret, e);
}
