/* SPDX-License-Identifier: Apache-2.0 */
/* Searching by name as Docker Hub has it (/v1/search), which `docker search HOST/TERM` asks; and
 * the record of a repository. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "registry/search.h"

#define PAGE_DEFAULT     25
#define PAGE_MAX         100
#define MAX_ANSWER_BYTES (4u << 20)
#define MAX_RECORD_BYTES (64u << 10)

/* ---- asking ---- */

static bool sees(void *arg, const char *repository)
{
    const struct rq *rq = arg;

    return authz_sees(rq->live->authz, &rq->who, repository);
}

struct index_asker reg_asker(struct rq *rq)
{
    return (struct index_asker){sees, rq};
}

bool reg_number(struct rq *rq, const char *name, uint64_t def, uint64_t min, uint64_t max,
                uint64_t *ret)
{
    const char *text = rq_query(rq, name);

    *ret = def;
    if (!text || !*text)
        return true;
    if (str_to_u64(text, ret) && *ret >= min && *ret <= max)
        return true;
    const char *detail =
        arena_printf(&rq->a, "%s is a number from %" PRIu64 " to %" PRIu64, name, min, max);
    reg_error(rq, REG_PAGINATION_NUMBER_INVALID, detail);
    return false;
}

void reg_search_failed(struct rq *rq)
{
    if (rq->e.code == SHALE_INVALID || rq->e.code == SHALE_LIMIT)
        reg_error(rq, REG_QUERY_INVALID, rq->e.msg);
    else
        reg_fail(rq);
}

/* ---- /v1 ---- */

/* docker sends its credentials along when it reads that this registry stands alone. */
void v1_ping_head(struct rq *rq)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64);

    buf_adds(&b, "{\"standalone\":true}\n");
    reg_json(rq, &b, "application/json", NULL);
}

static void add_name(struct buf *b, const struct index_name *x)
{
    buf_adds(b, "{\"name\":");
    reg_json_string(b, x->name);
    buf_adds(b, ",\"description\":");
    reg_json_string(b, x->description);
    buf_addf(b,
             ",\"star_count\":%" PRId64 ",\"is_official\":%s,\"is_automated\":false,"
             "\"is_trusted\":%s}",
             x->stars, x->official ? "true" : "false", x->official ? "true" : "false");
}

void v1_search(struct rq *rq)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_ANSWER_BYTES);
    const char *q = rq_query(rq, "q");
    struct index_asker who = reg_asker(rq);
    struct index_names l = {0};
    uint64_t n, page;

    if (!reg_number(rq, "n", PAGE_DEFAULT, 1, PAGE_MAX, &n) ||
        !reg_number(rq, "page", 1, 1, INT32_MAX, &page))
        return;
    q = q ? q : "";
    int r = index_names(rq->r->index, q, &who, (page - 1) * n, n, &rq->a, &l, &rq->e);
    if (r < 0) {
        reg_search_failed(rq);
        return;
    }
    buf_adds(&b, "{\"query\":");
    reg_json_string(&b, q);
    buf_addf(&b,
             ",\"num_results\":%" PRIu64 ",\"num_pages\":%" PRIu64 ",\"page\":%" PRIu64
             ",\"page_size\":%" PRIu64 ",\"results\":[",
             l.n_all, (l.n_all + n - 1) / n, page, n);
    for (size_t i = 0; i < l.n; i++) {
        if (i)
            buf_addc(&b, ',');
        add_name(&b, &l.v[i]);
    }
    buf_adds(&b, "]}\n");
    reg_json(rq, &b, "application/json", NULL);
}

/* ---- the record of a repository ---- */

static void send_record(struct rq *rq)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_RECORD_BYTES);
    struct state_record x;
    char created[40];
    int r = state_record(rq->r->state, rq->route.name, &rq->a, &x, &rq->e);

    if (r < 0) {
        reg_fail(rq);
        return;
    }
    if (r == 0) {
        reg_error(rq, REG_NAME_UNKNOWN, rq->route.name);
        return;
    }
    buf_adds(&b, "{\"name\":");
    reg_json_string(&b, rq->route.name);
    buf_adds(&b, ",\"description\":");
    reg_json_string(&b, x.description);
    buf_addf(&b, ",\"stars\":%" PRId64 ",\"official\":%s,\"created\":\"%s\"}\n", x.stars,
             x.official ? "true" : "false", time_format_rfc3339nano(x.created_ns, created));
    reg_json(rq, &b, "application/json", NULL);
}

void repository_get(struct rq *rq)
{
    send_record(rq);
}

/* Every member may be missing. Others are refused, so that a slip is noticed. */
static const char *read_change(const json_t *j, struct state_record_change *ret)
{
    const char *key;
    json_t *value;

    if (!json_is_object(j))
        return "an object is expected: {\"description\": \"…\", \"stars\": 3, \"official\": true}";
    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        if (streq(key, "description") && json_is_string(value) &&
            json_string_length(value) <= STATE_DESCRIPTION_BYTES)
            ret->description = json_string_value(value);
        else if (streq(key, "stars") && json_is_integer(value) && json_integer_value(value) >= 0 &&
                 json_integer_value(value) <= STATE_STARS_MAX)
            ret->stars = json_integer_value(value);
        else if (streq(key, "official") && json_is_boolean(value))
            ret->official = json_is_true(value);
        else
            return "description is a text of at most 4096 bytes, stars a number, official true or "
                   "false; there is nothing else";
    }
    return NULL;
}

static void patch(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    struct state_record_change c = {.stars = -1, .official = -1};
    _cleanup_json_ json_t *j = NULL;

    rq->working = true;
    if (q->body_over) {
        reg_error(rq, REG_SIZE_INVALID, "a record of more than 64 KiB");
        return;
    }
    const char *wrong = json_parse(buf_str(&q->body), q->body.n, MAX_RECORD_BYTES, &j, &rq->e) < 0
                            ? rq->e.msg
                            : NULL;
    if (!wrong)
        wrong = read_change(j, &c);
    if (wrong) {
        reg_error(rq, REG_RECORD_INVALID, wrong);
        return;
    }
    /* Whoever pushes may describe; what ranks a repository is up to who may also delete it. */
    if ((c.stars >= 0 || c.official >= 0) && !access_allows(rq, false, POLICY_DELETE))
        return;
    int r = state_record_put(rq->r->state, rq->route.name, &c, &rq->e);
    if (r < 0)
        reg_fail(rq);
    else
        send_record(rq);
}

void repository_patch_head(struct rq *rq)
{
    http_collect(rq->q, MAX_RECORD_BYTES, patch);
}
