/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, a page at a time: each is a walk along an index from a key on. */
#include "base/cleanup.h"
#include "registry/state/state_priv.h"

int state_read_names(struct stmt *q, uint64_t n, struct arena *a, struct state_names *ret,
                     struct shale_err *e)
{
    size_t cap = 0;
    int r;

    *ret = (struct state_names){0};
    while ((r = stmt_step(q, e)) == 1) {
        if (ret->n == n) {
            ret->more = true;
            return 0;
        }
        const char **v = arena_grow(a, ret->v, ret->n, &cap, sizeof *v);
        if (!v)
            return err_nomem(e);
        ret->v = v;
        v[ret->n] = col_dup(q, 0, a);
        if (!v[ret->n++])
            return err_nomem(e);
    }
    return r;
}

int state_tags(struct state *s, const char *repo, const char *last, uint64_t n, struct arena *a,
               struct state_names *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(s->r,
                      "SELECT t.tag FROM repos r JOIN tags t ON t.repo = r.id AND t.tag > ?2"
                      " WHERE r.name = ?1 ORDER BY t.tag LIMIT ?3",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tti", repo, last, (int64_t)(n < INT64_MAX ? n + 1 : n));
    return state_read_names(&q, n, a, ret, e);
}

int state_catalog(struct state *s, const char *last, uint64_t n, struct arena *a,
                  struct state_names *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(s->r,
                      "SELECT name FROM repos WHERE name > ?1 AND EXISTS(SELECT 1 FROM manifests"
                      " WHERE repo = id) ORDER BY name LIMIT ?2",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "ti", last, (int64_t)(n < INT64_MAX ? n + 1 : n));
    return state_read_names(&q, n, a, ret, e);
}

static int referrer_of(const struct stmt *q, struct arena *a, struct state_referrer *ret,
                       struct shale_err *e)
{
    struct state_referrer f = {.artifact_type = col_dup(q, 3, a), .annotations = col_dup(q, 4, a)};

    col_digest(q, 0, &f.m.digest);
    f.m.media_type = col_dup(q, 1, a);
    f.m.size = (uint64_t)col_i64(q, 2);
    if (!f.m.media_type || !f.artifact_type || !f.annotations)
        return err_nomem(e);
    *ret = f;
    return 0;
}

int state_referrers(struct state *s, const char *repo, const struct digest *subject,
                    const char *type, const char *last, uint64_t n, struct arena *a,
                    struct state_referrer **ret, size_t *ret_n, bool *ret_more, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct state_referrer *v = NULL;
    size_t k = 0, cap = 0;
    int r = stmt_open(s->r,
                      "SELECT m.digest, m.media_type, m.size, m.artifact_type, m.annotations"
                      " FROM repos r JOIN manifests m ON m.repo = r.id AND m.subject = ?2 AND"
                      " m.subject <> '' AND m.digest > ?3 WHERE r.name = ?1 AND"
                      " (?4 = 0 OR m.artifact_type = ?5) ORDER BY m.digest LIMIT ?6",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tdtiti", repo, subject, last, (int64_t)(type != NULL), type, (int64_t)n + 1);
    *ret_more = false;
    while ((r = stmt_step(&q, e)) == 1) {
        if (k == n) {
            *ret_more = true;
            r = 0;
            break;
        }
        struct state_referrer *w = arena_grow(a, v, k, &cap, sizeof *v);
        if (!w)
            return err_nomem(e);
        v = w;
        r = referrer_of(&q, a, &v[k++], e);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    *ret = v;
    *ret_n = k;
    return 0;
}
