/* SPDX-License-Identifier: Apache-2.0 */
/* GET, HEAD and DELETE of blobs (distribution-spec end-2, end-10). */
#include <fcntl.h>
#include <inttypes.h>

#include "base/str.h"
#include "http/range.h"
#include "registry/upstream/pull.h"

static void blob_headers(struct http_response *p, const struct digest *d)
{
    http_response_header(p, "Docker-Distribution-Api-Version", "registry/2.0");
    http_response_header(p, "X-Content-Type-Options", "nosniff");
    http_response_header(p, "Docker-Content-Digest", d->s);
    reg_headerf(p, "ETag", "\"%s\"", d->s);
    http_response_header(p, "Cache-Control", "max-age=31536000");
    http_response_header(p, "Accept-Ranges", "bytes");
}

bool reg_blob_part(struct rq *rq, const struct digest *d, uint64_t size, struct blob_part *ret)
{
    uint64_t first = 0, last = size ? size - 1 : 0;
    const char *if_range = http_req_header(rq->q, "If-Range");
    enum http_range range = HTTP_RANGE_NONE;
    char etag[DIGEST_MAX + 2];

    snprintf(etag, sizeof etag, "\"%s\"", d->s);
    /* Ranges are for GET alone (RFC 9110, 14.2). */
    if (rq->q->method == HTTP_GET && (!if_range || streq(if_range, etag)))
        range = http_range_parse(http_req_header(rq->q, "Range"), size, &first, &last);
    if (range == HTTP_RANGE_WRONG) {
        char all[40];
        snprintf(all, sizeof all, "bytes */%" PRIu64, size);
        reg_error_with(rq, REG_RANGE_INVALID, "the blob has no such bytes", "Content-Range", all);
        return false;
    }
    *ret = (struct blob_part){first, size ? last - first + 1 : 0, range == HTTP_RANGE_PART};
    return true;
}

void reg_answer_blob(struct rq *rq, const struct digest *d, uint64_t size,
                     const struct blob_part *x, struct http_response *p)
{
    blob_headers(p, d);
    http_response_header(p, "Content-Type", "application/octet-stream");
    if (x->part)
        reg_headerf(p, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, x->first,
                    x->first + x->n - 1, size);
    if (rq->q->method == HTTP_GET)
        reg_event(rq, REGCONF_EVENT_PULL,
                  &(struct reg_target){.digest = d->s,
                                       .size = size,
                                       .media_type = "application/octet-stream",
                                       .is_blob = true});
    http_respond(rq->q, x->part ? 206 : 200, p);
}

void reg_send_blob(struct rq *rq, const struct digest *d, uint64_t size)
{
    struct blob_part x;
    struct http_response *p;

    if (!reg_blob_part(rq, d, size, &x))
        return;
    if (rq->q->method == HTTP_HEAD) {
        p = http_response_head(x.n);
    } else {
        int fd = blob_open(rq->r->blobs, d, &rq->e);
        if (fd == -SHALE_NOT_FOUND &&
            state_blob(rq->r->state, rq->route.name, d, NULL, NULL) == 0) {
            reg_error(rq, REG_BLOB_UNKNOWN, d->s); /* it was removed meanwhile */
            return;
        }
        if (fd < 0) {
            reg_fail(rq);
            return;
        }
        (void)posix_fadvise(fd, (off_t)x.first, (off_t)x.n, POSIX_FADV_SEQUENTIAL);
        p = http_response_file(fd, x.first, x.n);
    }
    reg_answer_blob(rq, d, size, &x, p);
}

void blob_get(struct rq *rq)
{
    struct registry *reg = rq->r;
    struct upstream *up = rq_upstream(rq);
    struct digest d;
    uint64_t size = 0;
    char etag[DIGEST_MAX + 2];
    int r = digest_parse(rq->route.ref, &d, &rq->e);

    if (r >= 0)
        r = state_blob(reg->state, rq->route.name, &d, &size, &rq->e);
    if (r > 0 && !up && (r = reg_keep_asked(rq, &d)) >= 0)
        r = state_blob(reg->state, rq->route.name, &d, &size, &rq->e);
    if (r <= 0) {
        if (r < 0)
            reg_fail(rq);
        else if (up)
            cached_blob_get(rq, up, &d);
        else
            reg_error(rq, REG_BLOB_UNKNOWN, d.s);
        return;
    }
    if (up)
        metrics_count(reg->metrics, METRICS_UPSTREAM_HITS, 1);
    snprintf(etag, sizeof etag, "\"%s\"", d.s);
    if (reg_has_etag(rq->q, etag)) {
        struct http_response *p = http_response_mem("", 0, NULL, NULL);
        blob_headers(p, &d);
        http_respond(rq->q, 304, p);
        return;
    }
    reg_send_blob(rq, &d, size);
}

void blob_delete(struct rq *rq)
{
    struct digest d;
    int r = digest_parse(rq->route.ref, &d, &rq->e);

    if (r >= 0)
        r = state_blob_unlink(rq->r->state, rq->route.name, &d, &rq->e);
    if (r < 0)
        reg_fail(rq);
    else if (r == 0)
        reg_error(rq, REG_BLOB_UNKNOWN, d.s);
    else {
        reg_event(rq, REGCONF_EVENT_DELETE, &(struct reg_target){.digest = d.s, .is_blob = true});
        reg_empty(rq, 202, reg_response("", 0));
    }
}
