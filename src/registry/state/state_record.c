/* SPDX-License-Identifier: Apache-2.0 */
/* What people say about a repository: description, stars, whether it is official. */
#include "base/cleanup.h"
#include "registry/state/state_priv.h"

int state_record(struct state *s, const char *repo, struct arena *a, struct state_record *ret,
                 struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(
        s->r, "SELECT description, stars, official, created FROM repos WHERE name = ?1", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "t", repo);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r;
    *ret = (struct state_record){
        .description = col_dup(&q, 0, a),
        .stars = col_i64(&q, 1),
        .official = col_i64(&q, 2) != 0,
        .created_ns = col_i64(&q, 3),
    };
    return ret->description ? 1 : err_nomem(e);
}

struct change_job {
    const char *repo;
    const struct state_record_change *c;
};

static int put_record(struct meta *m, void *arg, struct shale_err *e)
{
    const struct change_job *j = arg;
    const struct state_record_change *c = j->c;
    int n = 0;
    int r = stmt_run(m,
                     "UPDATE repos SET description = iif(?2, ?3, description),"
                     " stars = iif(?4 < 0, stars, ?4), official = iif(?5 < 0, official, ?5)"
                     " WHERE name = ?1",
                     &n, e, "titii", j->repo, (int64_t)(c->description != NULL), c->description,
                     c->stars, (int64_t)c->official);

    return r < 0 ? r : n > 0;
}

int state_record_put(struct state *s, const char *repo, const struct state_record_change *c,
                     struct shale_err *e)
{
    struct change_job j = {repo, c};

    return state_write(s, true, repo, put_record, &j, e);
}
