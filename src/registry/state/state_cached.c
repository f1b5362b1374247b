/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests that came from other registries: when they were of use, and how they go. */
#include "base/cleanup.h"
#include "base/time.h"
#include "registry/state/state_priv.h"

#define USE_NS (3600 * NS_PER_S) /* how exactly uses are noted */
#define BATCH  64

struct use_job {
    const char *repo;
    const struct digest *d;
};

static int note_use(struct meta *m, void *arg, struct shale_err *e)
{
    const struct use_job *j = arg;

    return stmt_run(m,
                    "UPDATE cached SET used = ?3 WHERE digest = ?2 AND"
                    " repo = (SELECT id FROM repos WHERE name = ?1)",
                    NULL, e, "tdi", j->repo, j->d, time_now_ns());
}

int state_cached_use(struct state *s, const char *repo, const struct digest *d, struct shale_err *e)
{
    struct use_job j = {repo, d};
    int64_t used;
    int r = stmt_number(s->r,
                        "SELECT c.used FROM repos r JOIN cached c ON c.repo = r.id AND"
                        " c.digest = ?2 WHERE r.name = ?1",
                        INT64_MAX, &used, e, "td", repo, d);

    if (r < 0 || used > time_now_ns() - USE_NS)
        return r < 0 ? r : 0;
    return state_write(s, false, NULL, note_use, &j, e);
}

int state_parents(struct state *s, const char *repo, const struct digest *d, struct digest *ret,
                  size_t n, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    size_t got = 0;
    int r = stmt_open(s->r,
                      "SELECT x.parent FROM repos r JOIN edges x ON x.repo = r.id AND x.child = ?2"
                      " WHERE r.name = ?1 LIMIT ?3",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tdi", repo, d, (int64_t)n);
    while ((r = stmt_step(&q, e)) == 1)
        col_digest(&q, 0, &ret[got++]);
    return r < 0 ? r : (int)got;
}

/* ---- dropping ---- */

struct victim {
    int64_t repo;
    struct digest digest;
    char name[256];
};
struct drop_job {
    struct state *s;
    const char *prefix;
    int64_t before;
    struct victim v[BATCH];
    size_t n;
};

static int find(struct meta *m, struct drop_job *j, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT c.repo, c.digest, r.name FROM cached c JOIN repos r ON r.id = c.repo"
                      " WHERE c.used < ?2 AND substr(r.name, 1, length(?1)) = ?1 LIMIT ?3",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tii", j->prefix, j->before, (int64_t)BATCH);
    while ((r = stmt_step(&q, e)) == 1) {
        struct victim *v = &j->v[j->n++];
        v->repo = col_i64(&q, 0);
        col_digest(&q, 1, &v->digest);
        snprintf(v->name, sizeof v->name, "%s", col_text(&q, 2));
    }
    return r;
}

static int drop(struct meta *m, void *arg, struct shale_err *e)
{
    static const char *const removals[] = {
        "DELETE FROM tags WHERE repo = ?1 AND digest = ?2",
        "DELETE FROM edges WHERE repo = ?1 AND parent = ?2",
        "DELETE FROM manifests WHERE repo = ?1 AND digest = ?2",
        "DELETE FROM cached WHERE repo = ?1 AND digest = ?2",
    };
    struct drop_job *j = arg;

    j->n = 0;
    int r = find(m, j, e);
    for (size_t i = 0; r >= 0 && i < j->n; i++) {
        for (size_t k = 0; r >= 0 && k < ARRAY_SIZE(removals); k++)
            r = stmt_run(m, removals[k], NULL, e, "id", j->v[i].repo, &j->v[i].digest);
        state_raise(j->s, j->v[i].name);
    }
    return r;
}

int state_cached_drop(struct state *s, const char *prefix, int64_t before, struct shale_err *e)
{
    _cleanup_free_ struct drop_job *j = malloc(sizeof *j);

    if (!j)
        return err_nomem(e);
    *j = (struct drop_job){.s = s, .prefix = prefix, .before = before};
    int r = state_write(s, true, NULL, drop, j, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < j->n; i++)
        state_raise(s, j->v[i].name);
    return (int)j->n;
}
