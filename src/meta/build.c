/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the build cache. */
#include "base/cleanup.h"
#include "base/time.h"
#include "meta/meta_build.h"
#include "meta/stmt.h"

int meta_build_put(struct meta *m, const struct meta_build_step *s, struct shale_err *e)
{
    return stmt_run(m,
                    "INSERT OR REPLACE INTO build_steps(key, description, diff_id, blob, created,"
                    " used, uses) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0)",
                    NULL, e, "ttddii", s->key, s->description, &s->diff_id, &s->blob, s->created_ns,
                    s->used_ns);
}

static void read_row(const struct stmt *q, struct meta_build_step *ret)
{
    *ret = (struct meta_build_step){
        .key = col_text(q, 0),
        .description = col_text(q, 1),
        .created_ns = col_i64(q, 4),
        .used_ns = col_i64(q, 5),
        .n_uses = (uint64_t)col_i64(q, 6),
    };
    col_digest(q, 2, &ret->diff_id);
    col_digest(q, 3, &ret->blob);
}

int meta_build_get(struct meta *m, const char *key, struct arena *a, struct meta_build_step *ret,
                   struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT key, description, diff_id, blob, created, used, uses"
                      " FROM build_steps WHERE key = ?1",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "t", key);
    r = stmt_step(&q, e);
    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, SHALE_NOT_FOUND, "no record of a build step %.64s", key);
    read_row(&q, ret);
    ret->key = arena_strdup(a, ret->key);
    ret->description = arena_strdup(a, ret->description);
    return ret->key && ret->description ? 0 : err_nomem(e);
}

int meta_build_used(struct meta *m, const char *key, struct shale_err *e)
{
    return stmt_run(m, "UPDATE build_steps SET used = ?2, uses = uses + 1 WHERE key = ?1", NULL, e,
                    "ti", key, time_now_ns());
}

int meta_build_each(struct meta *m, int (*f)(void *arg, const struct meta_build_step *s), void *arg,
                    struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT key, description, b.diff_id, blob, created, used, uses,"
                      " coalesce(content_bytes, 0),"
                      " EXISTS (SELECT 1 FROM image_layers WHERE diff_id = b.diff_id)"
                      " FROM build_steps b LEFT JOIN layers ON layers.diff_id = b.diff_id"
                      " ORDER BY used DESC, key",
                      &q, e);

    while (r >= 0 && (r = stmt_step(&q, e)) == 1) {
        struct meta_build_step s;
        read_row(&q, &s);
        s.size_bytes = (uint64_t)col_i64(&q, 7);
        s.shared = col_i64(&q, 8) != 0;
        r = f(arg, &s);
        if (r != 0)
            return r;
    }
    return r;
}

int meta_build_delete(struct meta *m, const char *key, struct shale_err *e)
{
    return stmt_run(m, "DELETE FROM build_steps WHERE key = ?1", NULL, e, "t", key);
}

int meta_build_own_bytes(struct meta *m, uint64_t *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT coalesce(sum(content_bytes), 0) FROM layers"
                      " WHERE diff_id IN (SELECT diff_id FROM build_steps)"
                      " AND NOT EXISTS (SELECT 1 FROM image_layers i"
                      " WHERE i.diff_id = layers.diff_id)",
                      &q, e);

    if (r >= 0)
        r = stmt_step(&q, e);
    if (r < 0)
        return r;
    *ret = r == 1 ? (uint64_t)col_i64(&q, 0) : 0;
    return 0;
}
