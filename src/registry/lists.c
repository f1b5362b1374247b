/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of tags and repositories (distribution-spec end-8; the catalog is distribution's). */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "registry/upstream/pull.h"

#define MAX_LIST_BYTES (64u << 20)

static void add_names(struct buf *b, const struct state_names *l)
{
    buf_addc(b, '[');
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            buf_addc(b, ',');
        reg_json_string(b, l->v[i]);
    }
    buf_addc(b, ']');
}

/* "</v2/…?n=5&last=x>; rel="next"", NULL on the last page. */
static const char *next_link(struct rq *rq, const char *path, const struct page *page,
                             const struct state_names *l)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4096);

    if (!l->more || l->n == 0)
        return NULL;
    buf_addf(&b, "<%s?n=%" PRIu64 "&last=", path, page->n);
    http_percent_encode(&b, l->v[l->n - 1], "/");
    buf_adds(&b, ">; rel=\"next\"");
    return b.failed ? NULL : arena_strdup(&rq->a, b.p);
}

void reg_answer_tags(struct rq *rq, const struct page *page, const struct state_names *l)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_LIST_BYTES);
    const char *path = arena_printf(&rq->a, "/v2/%s/tags/list", rq->route.name);

    buf_adds(&b, "{\"name\":");
    reg_json_string(&b, rq->route.name);
    buf_adds(&b, ",\"tags\":");
    add_names(&b, l);
    buf_adds(&b, "}\n");
    reg_json(rq, &b, "application/json", path ? next_link(rq, path, page, l) : NULL);
}

void tags_list(struct rq *rq)
{
    struct upstream *up = rq_upstream(rq);
    struct state_names l = {0};
    struct page page;

    if (up) {
        cached_tags(rq, up);
        return;
    }

    /* Without n all of them, as far as a page goes. */
    if (!reg_page(rq, REG_LIST_MAX, &page))
        return;
    page.n = page.n > REG_LIST_MAX ? REG_LIST_MAX : page.n;
    int r = state_repo(rq->r->state, rq->route.name, &rq->e);
    if (r == 0) {
        reg_error(rq, REG_NAME_UNKNOWN, rq->route.name);
        return;
    }
    if (r > 0 && page.n > 0)
        r = state_tags(rq->r->state, rq->route.name, page.last, page.n, &rq->a, &l, &rq->e);
    if (r < 0)
        reg_fail(rq);
    else
        reg_answer_tags(rq, &page, &l);
}

/* As many names as a page has, of repositories that whoever asks may pull. */
static int visible(struct rq *rq, const struct page *page, struct state_names *ret)
{
    const char *last = page->last;
    struct state_names l = {.more = true};

    ret->v = arena_array(&rq->a, (size_t)page->n, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(&rq->e);
    while (l.more && ret->n < page->n) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(REG_REQUEST_ARENA);
        int r = state_catalog(rq->r->state, last, REG_LIST_MAX, &a, &l, &rq->e);
        if (r < 0)
            return r;
        for (size_t i = 0; i < l.n; i++) {
            if (!authz_sees(rq->live->authz, &rq->who, l.v[i]))
                continue;
            if (ret->n == page->n) {
                ret->more = true;
                return 0;
            }
            ret->v[ret->n] = arena_strdup(&rq->a, l.v[i]);
            if (!ret->v[ret->n++])
                return err_nomem(&rq->e);
        }
        last = l.n ? arena_strdup(&rq->a, l.v[l.n - 1]) : last;
        if (!last)
            return err_nomem(&rq->e);
    }
    ret->more |= l.more;
    return 0;
}

void catalog_list(struct rq *rq)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_LIST_BYTES);
    struct state_names l = {0};
    struct page page;
    int r = 0;

    if (!reg_page(rq, REG_LIST_DEFAULT, &page))
        return;
    if (page.n > REG_LIST_MAX) {
        reg_error(rq, REG_PAGINATION_NUMBER_INVALID, "n is at most 10000");
        return;
    }
    if (page.n > 0)
        r = rq->live->conf->policy.open
                ? state_catalog(rq->r->state, page.last, page.n, &rq->a, &l, &rq->e)
                : visible(rq, &page, &l);
    if (r < 0) {
        reg_fail(rq);
        return;
    }
    buf_adds(&b, "{\"repositories\":");
    add_names(&b, &l);
    buf_adds(&b, "}\n");
    reg_json(rq, &b, "application/json", next_link(rq, "/v2/_catalog", &page, &l));
}
