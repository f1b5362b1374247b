/* SPDX-License-Identifier: Apache-2.0 */
/* How much a repository takes. repos.bytes is a running total, kept by triggers of the tables that
 * it sums up (state.c), so that a quota costs a push one row and not a sum over all its blobs. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "registry/state/state_priv.h"

int state_bytes(struct meta *m, const char *repo, int64_t *ret, struct shale_err *e)
{
    return stmt_number(m, "SELECT bytes FROM repos WHERE name = ?1", 0, ret, e, "t", repo);
}

int state_quota(struct meta *m, const char *repo, int64_t before, uint64_t quota,
                struct shale_err *e)
{
    char used[32], wanted[32], limit[32];
    int64_t now = 0;
    int r = quota ? state_bytes(m, repo, &now, e) : 0;

    if (r < 0 || now <= before || (uint64_t)now <= quota)
        return r;
    return err_set(e, SHALE_LIMIT,
                   "the quota of %s is used up: it has %s of %s, and this would add %s", repo,
                   units_human((uint64_t)before, 3, used), units_human(quota, 3, limit),
                   units_human((uint64_t)(now - before), 3, wanted));
}

int state_usage_bytes(struct state *s, const char *repo, uint64_t *ret, struct shale_err *e)
{
    int64_t n = 0;
    int r = state_bytes(s->r, repo, &n, e);

    if (r >= 0)
        *ret = n > 0 ? (uint64_t)n : 0;
    return r;
}

int state_usage(struct state *s, const char *last, uint64_t n, struct arena *a,
                struct state_usage **ret, size_t *ret_n, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct state_usage *v = NULL;
    size_t k = 0, cap = 0;
    int r = stmt_open(s->r,
                      "SELECT name, (SELECT count(*) FROM tags WHERE repo = id),"
                      " (SELECT count(*) FROM manifests WHERE repo = id),"
                      " (SELECT count(*) FROM links WHERE repo = id), bytes"
                      " FROM repos WHERE name > ?1 ORDER BY name LIMIT ?2",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "ti", last, (int64_t)(n < INT64_MAX ? n : INT64_MAX));
    while ((r = stmt_step(&q, e)) == 1) {
        struct state_usage *w = arena_grow(a, v, k, &cap, sizeof *v);
        if (!w)
            return err_nomem(e);
        v = w;
        v[k] = (struct state_usage){.repo = col_dup(&q, 0, a),
                                    .n_tags = (uint64_t)col_i64(&q, 1),
                                    .n_manifests = (uint64_t)col_i64(&q, 2),
                                    .n_blobs = (uint64_t)col_i64(&q, 3),
                                    .bytes = (uint64_t)col_i64(&q, 4)};
        if (!v[k++].repo)
            return err_nomem(e);
    }
    *ret = v;
    *ret_n = k;
    return r < 0 ? r : 0;
}

int state_usage_total(struct state *s, uint64_t *ret, struct shale_err *e)
{
    int64_t n = 0;
    int r = stmt_number(s->r, "SELECT coalesce(sum(size), 0) FROM blobs", 0, &n, e, "");

    if (r >= 0)
        *ret = (uint64_t)n;
    return r;
}

/* ---- counted anew, in case that something else has written to the tables ---- */

struct usage_job {
    int64_t repo;
    int wrong;
};

static int recount(struct meta *m, void *arg, struct shale_err *e)
{
    struct usage_job *j = arg;

    return stmt_run(m,
                    "UPDATE repos SET bytes = " STATE_TRUE_BYTES
                    " WHERE id = ?1 AND bytes <> " STATE_TRUE_BYTES,
                    &j->wrong, e, "i", j->repo);
}

/* Looked at without keeping anybody waiting; only what differs is counted in a transaction. */
int state_gc_usage(struct state *s, struct state_gc *g, uint64_t *ret_wrong, struct shale_err *e)
{
    struct usage_job j = {0};
    int64_t differs = 0;
    int r =
        stmt_number(s->w, "SELECT min(id) FROM repos WHERE id > ?1", 0, &j.repo, e, "i", g->repo);

    if (r < 0 || j.repo == 0)
        return r < 0 ? r : 0;
    g->repo = j.repo;
    r = stmt_number(s->w, "SELECT bytes <> " STATE_TRUE_BYTES " FROM repos WHERE id = ?1", 0,
                    &differs, e, "i", j.repo);
    if (r >= 0 && differs)
        r = state_write(s, true, NULL, recount, &j, e);
    *ret_wrong += (uint64_t)j.wrong;
    return r < 0 ? r : 1;
}
