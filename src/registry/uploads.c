/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads of blobs (distribution-spec end-4, end-5, end-6, end-11, end-13): each begins with a
 * POST; what a request brings goes to the end of the upload; the last one names the digest.
 */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "http/range.h"
#include "registry/reg.h"

/* ---- what all have in common ---- */

/* An error of an upload, as the spec names it. */
static void upload_fail(struct rq *rq)
{
    if (rq->refused)
        reg_fail(rq);
    else if (rq->e.code == SHALE_NOT_FOUND)
        reg_error(rq, REG_BLOB_UPLOAD_UNKNOWN, rq->e.msg);
    else if (rq->e.code == SHALE_IN_USE)
        reg_error(rq, REG_RANGE_INVALID, rq->e.msg);
    else if (rq->e.code == SHALE_CORRUPT)
        reg_error(rq, REG_DIGEST_INVALID, rq->e.msg);
    else
        reg_fail(rq);
}

static void location_headers(struct rq *rq, struct http_response *p, const char *id, uint64_t size)
{
    reg_headerf(p, "Location", "/v2/%s/blobs/uploads/%s", rq->route.name, id);
    reg_headerf(p, "Range", "0-%" PRIu64, size ? size - 1 : 0);
    http_response_header(p, "Docker-Upload-UUID", id);
}

static void answer_progress(struct rq *rq, unsigned status, const char *id, uint64_t size)
{
    struct http_response *p = reg_response("", 0);

    location_headers(rq, p, id, size);
    http_respond(rq->q, status, p);
}

static void answer_created(struct rq *rq, const struct digest *d)
{
    struct http_response *p = reg_response("", 0);

    reg_headerf(p, "Location", "/v2/%s/blobs/%s", rq->route.name, d->s);
    http_response_header(p, "Docker-Content-Digest", d->s);
    http_respond(rq->q, 201, p);
}

/* 416, with where the upload stands. */
static void answer_out_of_order(struct rq *rq)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4096);
    uint64_t size = upload_size(session_upload(rq->session));
    char detail[128];

    snprintf(detail, sizeof detail,
             "the upload has %" PRIu64 " bytes, this piece begins at %" PRIu64, size,
             rq->range_first);
    buf_adds(&b, "{\"errors\":[");
    reg_error_json(&b, REG_RANGE_INVALID, detail);
    buf_adds(&b, "]}\n");
    struct http_response *p = reg_response(buf_str(&b), b.n);
    http_response_header(p, "Content-Type", "application/json");
    location_headers(rq, p, session_id(rq->session), size);
    http_respond(rq->q, 416, p);
}

static void end_session(struct rq *rq, bool over)
{
    session_give(rq->r->sessions, rq->session, over);
    rq->session = NULL;
}

static int quota_is_used_up(struct rq *rq, uint64_t used, uint64_t quota)
{
    char u[32], q[32];

    return reg_refusal(rq,
                       err_set(&rq->e, SHALE_LIMIT,
                               "the quota of %s is used up: it has %s of %s, and this does "
                               "not fit",
                               rq->route.name, units_human(used, 3, u), units_human(quota, 3, q)));
}

/* How much may come; what does not fit for sure is refused before it comes. What counts in the end
 * is asked again where the blob is linked. */
static int set_most(struct rq *rq)
{
    uint64_t used = 0, quota = reg_quota(rq), length = rq->q->length;

    rq->most = rq->live->conf->limits.upload_bytes;
    if (!rq->most)
        rq->most = UINT64_MAX;
    if (!quota)
        return 0;
    int r = state_usage_bytes(rq->r->state, rq->route.name, &used, &rq->e);
    if (r < 0)
        return r;
    uint64_t room = quota > used ? quota - used : 0;
    if (room == 0 || (length != HTTP_LENGTH_UNKNOWN && length > room))
        return quota_is_used_up(rq, used, quota);
    rq->most_is_quota = room < rq->most;
    if (rq->most_is_quota)
        rq->most = room;
    return 0;
}

static int take_session(struct rq *rq)
{
    int r = session_take(rq->r->sessions, rq->route.ref, rq->route.name, &rq->session, &rq->e);

    if (r >= 0)
        rq->begin = upload_size(session_upload(rq->session));
    return r;
}

struct recall {
    struct upload *u;
    const struct digest *d;
};

static int recall(void *arg, struct shale_err *e)
{
    const struct recall *x = arg;

    return upload_recall(x->u, x->d, e);
}

/* The bytes of the upload are those of d: link. */
static int commit(struct rq *rq, const struct digest *d)
{
    struct upload *u = session_upload(rq->session);
    uint64_t size = upload_size(u);
    int r = upload_check(u, d, &rq->e);

    if (r >= 0)
        r = state_lease(rq->r->state, d, &rq->e);
    if (r >= 0)
        r = upload_commit(u, d, &rq->e);
    if (r >= 0)
        r = reg_refusal(
            rq, state_blob_put(rq->r->state, rq->route.name, d, size, reg_quota(rq), &rq->e));
    metrics_count(rq->r->metrics, r < 0 ? METRICS_UPLOADS_FAILED : METRICS_UPLOADS_DONE, 1);
    /* Without a row the blob is nobody's: what has come stays an upload, to be tried again. */
    if (r < 0 && upload_is_committed(u))
        (void)state_blob_unknown(rq->r->state, d, recall, &(struct recall){u, d}, NULL);
    if (r >= 0)
        reg_event(rq, REGCONF_EVENT_PUSH,
                  &(struct reg_target){.digest = d->s,
                                       .size = size,
                                       .media_type = "application/octet-stream",
                                       .is_blob = true});
    return r;
}

/* The digest of a query. false: answered. */
static bool query_digest(struct rq *rq, const char *name)
{
    const char *text = rq_query(rq, name);

    if (text && digest_parse(text, &rq->digest, NULL) >= 0)
        return true;
    reg_error(rq, REG_DIGEST_INVALID, text ? text : "no digest given");
    return false;
}

static int take_bytes(struct http_req *q, const void *p, size_t n)
{
    struct rq *rq = rq_of(q);
    struct upload *u = session_upload(rq->session);

    if (upload_size(u) <= rq->most && n <= rq->most - upload_size(u))
        return upload_write(u, p, n, &rq->e);
    if (rq->most_is_quota)
        return quota_is_used_up(rq, reg_quota(rq) - rq->most, reg_quota(rq));
    return err_set(&rq->e, SHALE_LIMIT, "a blob has at most %" PRIu64 " bytes here", rq->most);
}

/* ---- POST ---- */

/* Everything in one request: the session exists for that long only. */
static void monolithic_end(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    int r = rq->e.code ? -rq->e.code : commit(rq, &rq->digest);

    if (r < 0)
        upload_discard(session_upload(rq->session)); /* nobody knows its id */
    end_session(rq, true);
    if (r < 0)
        upload_fail(rq);
    else
        answer_created(rq, &rq->digest);
}

static int count_upload(void *arg, const struct upload_info *u)
{
    uint64_t *left = arg;

    (void)u;
    return --*left == 0;
}

/* Are there as many as there may be? true: answered. One that comes at the same time may be one too
 * many. */
static bool too_many_uploads(struct rq *rq)
{
    uint64_t left = rq->live->conf->limits.uploads;
    int r = left ? upload_each(rq->r->blobs, count_upload, &left, &rq->e) : 0;

    if (r > 0)
        reg_error_say(rq, REG_TOO_MANY_REQUESTS, "too many uploads are open", NULL, NULL);
    return r > 0;
}

/* 1: mounted and answered. What cannot be mounted is uploaded: the spec knows no error for it. */
static int try_mount(struct rq *rq)
{
    const char *mount = rq_query(rq, "mount"), *from = rq_query(rq, "from");
    struct digest d;

    if (!mount || digest_parse(mount, &d, NULL) < 0 || !access_may_mount(rq))
        return 0;
    int r = state_lease(rq->r->state, &d, &rq->e);
    if (r >= 0)
        r = reg_refusal(rq,
                        state_mount(rq->r->state, rq->route.name, &d, from, reg_quota(rq), &rq->e));
    if (r <= 0)
        return r;
    reg_event(rq, REGCONF_EVENT_MOUNT,
              &(struct reg_target){.digest = d.s,
                                   .media_type = "application/octet-stream",
                                   .from = from,
                                   .is_blob = true});
    answer_created(rq, &d);
    return 1;
}

static void start(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    int r = try_mount(rq);

    if (r > 0)
        return;
    if (r >= 0)
        r = set_most(rq);
    if (r >= 0 && too_many_uploads(rq))
        return;
    if (r >= 0)
        r = session_begin(rq->r->sessions, rq->route.name, &rq->session, &rq->e);
    if (r < 0) {
        upload_fail(rq);
        return;
    }
    metrics_count(rq->r->metrics, METRICS_UPLOADS_BEGUN, 1);
    if (rq_query(rq, "digest")) {
        (void)upload_expect(session_upload(rq->session), digest_alg(&rq->digest), NULL);
        rq->anonymous = true;
        http_stream(q, take_bytes, monolithic_end);
        return;
    }
    answer_progress(rq, 202, session_id(rq->session), 0);
    end_session(rq, false);
}

void upload_start_head(struct rq *rq)
{
    if (!rq_query(rq, "digest") || query_digest(rq, "digest"))
        http_defer(rq->q, start);
}

/* ---- PATCH and PUT ---- */

/* Reads Content-Range; false: answered. */
static bool read_range(struct rq *rq)
{
    const char *range = http_req_header(rq->q, "Content-Range");
    uint64_t length = rq->q->length;

    if (!range)
        return true;
    if (!http_upload_range_parse(range, &rq->range_first, &rq->range_last)) {
        reg_error(rq, REG_RANGE_INVALID, range);
        return false;
    }
    if (length != HTTP_LENGTH_UNKNOWN && rq->range_last - rq->range_first + 1 != length) {
        reg_error(rq, REG_SIZE_INVALID, range);
        return false;
    }
    rq->has_range = true;
    return true;
}

/* Takes the session and checks where the piece begins. false: answered. */
static bool take_for_piece(struct rq *rq)
{
    if (set_most(rq) < 0 || take_session(rq) < 0) {
        upload_fail(rq);
        return false;
    }
    if (rq->has_range && rq->range_first != rq->begin) {
        answer_out_of_order(rq);
        end_session(rq, false);
        return false;
    }
    return true;
}

/* A range that promised another number of bytes than came in chunks. */
static bool as_promised(struct rq *rq)
{
    return !rq->has_range || rq->q->length != HTTP_LENGTH_UNKNOWN ||
           rq->q->body_bytes == rq->range_last - rq->range_first + 1;
}

static void patch_end(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    struct upload *u = session_upload(rq->session);
    uint64_t size = upload_size(u);

    if (rq->e.code) {
        upload_fail(rq); /* what came before stays, for a client that asks and goes on */
    } else if (!as_promised(rq)) {
        if (upload_truncate(u, rq->begin, &rq->e) < 0)
            upload_fail(rq);
        else
            reg_error(rq, REG_SIZE_INVALID, "Content-Range says otherwise");
    } else {
        answer_progress(rq, 202, session_id(rq->session), size);
    }
    end_session(rq, false);
}

static void patch(struct http_req *q)
{
    if (take_for_piece(rq_of(q)))
        http_stream(q, take_bytes, patch_end);
}

void upload_patch_head(struct rq *rq)
{
    if (read_range(rq))
        http_defer(rq->q, patch);
}

static void put_end(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    struct upload *u = session_upload(rq->session);
    int r = rq->e.code ? -rq->e.code : 0;

    if (r >= 0 && !as_promised(rq))
        r = err_set(&rq->e, SHALE_LIMIT, "Content-Range says otherwise");
    if (r >= 0)
        r = commit(rq, &rq->digest);
    /* The same request may come again: then it must find what it found this time. */
    if (!upload_is_committed(u) && (r == -SHALE_CORRUPT || r == -SHALE_LIMIT))
        (void)upload_truncate(u, rq->begin, NULL);
    bool over = r >= 0 || upload_is_committed(u);
    if (r < 0)
        upload_fail(rq);
    else
        answer_created(rq, &rq->digest);
    end_session(rq, over);
}

static void put(struct http_req *q)
{
    struct rq *rq = rq_of(q);

    if (!take_for_piece(rq))
        return;
    if (rq->begin == 0)
        (void)upload_expect(session_upload(rq->session), digest_alg(&rq->digest), NULL);
    http_stream(q, take_bytes, put_end);
}

void upload_put_head(struct rq *rq)
{
    if (query_digest(rq, "digest") && read_range(rq))
        http_defer(rq->q, put);
}

/* ---- GET and DELETE ---- */

void upload_status(struct rq *rq)
{
    char note[UPLOAD_NOTE_MAX + 1];
    uint64_t size = 0;
    int r = upload_stat(rq->r->blobs, rq->route.ref, &size, note, &rq->e);

    if (r >= 0 && !streq(note, rq->route.name))
        r = err_set(&rq->e, SHALE_NOT_FOUND, "no such upload");
    if (r < 0)
        upload_fail(rq);
    else
        answer_progress(rq, 204, rq->route.ref, size);
}

void upload_cancel(struct rq *rq)
{
    if (take_session(rq) < 0) {
        upload_fail(rq);
        return;
    }
    upload_discard(session_upload(rq->session));
    end_session(rq, true);
    metrics_count(rq->r->metrics, METRICS_UPLOADS_FAILED, 1);
    reg_empty(rq, 204, reg_response("", 0));
}
