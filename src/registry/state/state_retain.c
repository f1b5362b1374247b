/* SPDX-License-Identifier: Apache-2.0 */
/* Tags that go by rule. Which ones is asked in the transaction that removes them, so that a push or
 * a delete that came meanwhile counts. */
#include "base/cleanup.h"
#include "base/time.h"
#include "registry/state/state_priv.h"

static int read_tags(struct meta *m, struct state_retain *p, struct arena *a, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    size_t cap = 0;
    int r = stmt_open(m,
                      "SELECT t.tag, t.digest, t.updated FROM repos r JOIN tags t ON t.repo = r.id"
                      " WHERE r.name = ?1 ORDER BY t.updated DESC, t.tag DESC",
                      &q, e);

    if (r < 0)
        return r;
    p->v = NULL;
    p->n = 0;
    stmt_bind(&q, "t", p->repo);
    while ((r = stmt_step(&q, e)) == 1) {
        struct retain_tag *w = arena_grow(a, p->v, p->n, &cap, sizeof *w);
        if (!w)
            return err_nomem(e);
        p->v = w;
        w += p->n;
        *w = (struct retain_tag){.name = col_dup(&q, 0, a), .pushed_ns = col_i64(&q, 2)};
        col_digest(&q, 1, &w->digest);
        if (!w->name)
            return err_nomem(e);
        p->n++;
    }
    return r;
}

int state_retain_ask(struct state *s, struct state_retain *p, struct arena *a, struct shale_err *e)
{
    int r = read_tags(s->w ? s->w : s->r, p, a, e);

    if (r < 0)
        return r;
    retain_choose(p->rules, p->repo, p->v, p->n, time_now_ns());
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].rule)
            return 1;
    return 0;
}

struct retain_job {
    struct state_retain *p;
    struct arena *a;
};

static int drop_tag(struct meta *m, int64_t repo, const struct retain_tag *t, int64_t now,
                    struct shale_err *e)
{
    int r =
        stmt_run(m, "DELETE FROM tags WHERE repo = ?1 AND tag = ?2", NULL, e, "it", repo, t->name);

    if (r < 0)
        return r;
    return stmt_run(m,
                    "UPDATE manifests SET retired = ?3 WHERE repo = ?1 AND digest = ?2 AND"
                    " NOT EXISTS(SELECT 1 FROM tags t WHERE t.repo = ?1 AND t.digest = ?2)",
                    NULL, e, "idi", repo, &t->digest, now);
}

static int retain(struct meta *m, void *arg, struct shale_err *e)
{
    const struct retain_job *j = arg;
    struct state_retain *p = j->p;
    int64_t repo = 0, now = time_now_ns();
    int n = 0, r = state_repo_id(m, p->repo, false, &repo, e);

    if (r >= 0)
        r = read_tags(m, p, j->a, e);
    if (r < 0)
        return r;
    retain_choose(p->rules, p->repo, p->v, p->n, now);
    /* The oldest first: whenever it ends, the newest are still there. */
    for (size_t i = p->n; r >= 0 && i > 0; i--) {
        struct retain_tag *t = &p->v[i - 1];
        if (!t->rule)
            continue;
        if (n == STATE_RETAIN_MAX) {
            t->rule = NULL; /* next time */
            continue;
        }
        r = drop_tag(m, repo, t, now, e);
        n++;
    }
    return r < 0 ? r : n;
}

int state_retain(struct state *s, struct state_retain *p, struct arena *a, struct shale_err *e)
{
    struct retain_job j = {p, a};

    return state_write(s, true, p->repo, retain, &j, e);
}
