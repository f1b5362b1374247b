/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images: tags with their history, repository digests. */
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "meta/meta_image.h"
#include "meta/stmt.h"

static int log_move(struct meta *m, const struct meta_tag_log *l, struct shale_err *e)
{
    return stmt_run(
        m,
        "INSERT INTO tag_log(repo, tag, how, old_image, new_image, old_target, new_target, at)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        NULL, e, "tttddddi", l->repo, l->tag, l->how, &l->old_image, &l->new_image, &l->old_target,
        &l->new_target, l->when_ns);
}

/* What a tag stands for now; 0 if there is none. */
static int current(struct meta *m, const char *repo, const char *tag, struct digest *image,
                   struct digest *target, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "SELECT image, target FROM tags WHERE repo = ?1 AND tag = ?2", &q, e);

    *image = *target = (struct digest){""};
    if (r < 0)
        return r;
    stmt_bind(&q, "tt", repo, tag);
    r = stmt_step(&q, e);
    if (r == 1) {
        col_digest(&q, 0, image);
        col_digest(&q, 1, target);
    }
    return r;
}

static int set(struct meta *m, const char *repo, const char *tag, const struct digest *image,
               const struct digest *target, const char *how, struct digest *prev,
               struct shale_err *e)
{
    struct meta_tag_log l = {
        .repo = repo, .tag = tag, .how = how, .new_image = *image, .when_ns = time_now_ns()};
    int64_t there;
    int r =
        stmt_number(m, "SELECT 1 FROM images WHERE id = ?1 AND held = 0", 0, &there, e, "d", image);

    if (r < 0)
        return r;
    if (!there)
        return err_set(e, SHALE_NOT_FOUND, "No such image: %s", image->s);
    if (target)
        l.new_target = *target;
    r = current(m, repo, tag, &l.old_image, &l.old_target, e);
    if (r < 0)
        return r;
    bool moved = !digest_eq(&l.old_image, &l.new_image);
    if (moved || !digest_eq(&l.old_target, &l.new_target)) {
        r = log_move(m, &l, e);
        if (r >= 0)
            r = stmt_run(m,
                         "INSERT OR REPLACE INTO tags(repo, tag, image, target, updated) "
                         "VALUES(?1, ?2, ?3, ?4, ?5)",
                         NULL, e, "ttddi", repo, tag, image, target, l.when_ns);
    }
    if (r >= 0)
        r = stmt_run(m, "UPDATE images SET tagged = ?2 WHERE id = ?1", NULL, e, "di", image,
                     l.when_ns);
    *prev = moved ? l.old_image : (struct digest){""};
    return r;
}

int meta_tag_set(struct meta *m, const char *repo, const char *tag, const struct digest *image,
                 const struct digest *target, const char *how, struct digest *ret_prev,
                 struct shale_err *e)
{
    struct digest prev;
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = meta_end(m, set(m, repo, tag, image, target, how, &prev, e), e);
    if (r >= 0 && ret_prev)
        *ret_prev = prev;
    return r;
}

static int no_tag(const char *repo, const char *tag, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "No such image: %s:%s", repo, tag);
}

int meta_tag_get(struct meta *m, const char *repo, const char *tag, struct arena *a,
                 struct meta_tag *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r =
        stmt_open(m, "SELECT image, target, updated FROM tags WHERE repo = ?1 AND tag = ?2", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tt", repo, tag);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r < 0 ? r : no_tag(repo, tag, e);
    struct meta_tag t = {
        .repo = arena_strdup(a, repo), .tag = arena_strdup(a, tag), .updated_ns = col_i64(&q, 2)};
    if (!t.repo || !t.tag)
        return err_nomem(e);
    col_digest(&q, 0, &t.image);
    col_digest(&q, 1, &t.target);
    *ret = t;
    return 0;
}

static int read_names(struct stmt *q, size_t skip, struct arena *a, struct strv *ret,
                      struct shale_err *e)
{
    size_t cap = 0;
    int r;

    *ret = (struct strv){.set = true};
    while ((r = stmt_step(q, e)) == 1) {
        char **v = arena_grow(a, ret->v, ret->n, &cap, sizeof *v);
        if (!v)
            return err_nomem(e);
        ret->v = v;
        v[ret->n] = arena_strdup(a, col_text(q, 0) + skip);
        if (!v[ret->n++])
            return err_nomem(e);
    }
    return r;
}

int meta_repo_tags(struct meta *m, const char *repo, struct arena *a, struct strv *ret,
                   struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "SELECT tag FROM tags WHERE repo = ?1 ORDER BY tag", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "t", repo);
    return read_names(&q, 0, a, ret, e);
}

int meta_tag_delete(struct meta *m, const char *repo, const char *tag, const char *how,
                    struct digest *ret_target, struct shale_err *e)
{
    struct meta_tag_log l = {.repo = repo, .tag = tag, .how = how, .when_ns = time_now_ns()};
    int begun = meta_part_begin(m, e);

    if (begun < 0)
        return begun;
    int r = current(m, repo, tag, &l.old_image, &l.old_target, e);
    if (r == 0)
        r = no_tag(repo, tag, e);
    if (r >= 0)
        r = log_move(m, &l, e);
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM tags WHERE repo = ?1 AND tag = ?2", NULL, e, "tt", repo, tag);
    r = meta_part_end(m, begun, r, e);
    if (r >= 0)
        *ret_target = l.old_target;
    return r;
}

int meta_tag_has_target(struct meta *m, const struct digest *target, struct shale_err *e)
{
    int64_t yes;
    int r = stmt_number(m, "SELECT EXISTS (SELECT 1 FROM tags WHERE target = ?1)", 0, &yes, e, "d",
                        target);

    return r < 0 ? r : yes != 0;
}

int meta_tag_moves(struct meta *m, const char *repo, const char *tag, size_t max, struct arena *a,
                   struct meta_tag_log **ret, size_t *ret_n, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct meta_tag_log *v = NULL;
    size_t n = 0, cap = 0;
    int r = stmt_open(m,
                      "SELECT how, old_image, new_image, old_target, new_target, at FROM tag_log"
                      " WHERE repo = ?1 AND tag = ?2 ORDER BY seq DESC",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tt", repo, tag);
    while (n < max && (r = stmt_step(&q, e)) == 1) {
        struct meta_tag_log *w = arena_grow(a, v, n, &cap, sizeof *w);
        if (!w)
            return err_nomem(e);
        v = w;
        w += n++;
        *w = (struct meta_tag_log){
            .repo = repo, .tag = tag, .how = col_dup(&q, 0, a), .when_ns = col_i64(&q, 5)};
        if (!w->how)
            return err_nomem(e);
        col_digest(&q, 1, &w->old_image);
        col_digest(&q, 2, &w->new_image);
        col_digest(&q, 3, &w->old_target);
        col_digest(&q, 4, &w->new_target);
    }
    if (r < 0)
        return r;
    *ret = v;
    *ret_n = n;
    return 0;
}

/* ---- repository digests ---- */

int meta_repo_digest_put(struct meta *m, const char *repo, const struct digest *d,
                         const struct digest *image, struct shale_err *e)
{
    return stmt_run(
        m,
        "INSERT OR REPLACE INTO repo_digests(repo, digest, image, updated) VALUES(?1, ?2, ?3, ?4)",
        NULL, e, "tddi", repo, d, image, time_now_ns());
}

int meta_repo_digest_get(struct meta *m, const char *repo, const struct digest *d, struct arena *a,
                         struct meta_digests *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT image FROM repo_digests WHERE digest = ?2 AND (?1 = '' OR repo = ?1)"
                      " GROUP BY image ORDER BY max(seq) DESC",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "td", repo, d);
    return stmt_digests(&q, a, ret, e);
}

int meta_repo_digest_delete(struct meta *m, const char *repo, const struct digest *d,
                            const struct digest *image, struct shale_err *e)
{
    int n;
    int r = stmt_run(
        m, "DELETE FROM repo_digests WHERE repo = ?1 AND digest = ?2 AND (?3 = '' OR image = ?3)",
        &n, e, "tdd", repo, d, image);

    return r < 0 || n > 0 ? r : err_set(e, SHALE_NOT_FOUND, "No such image: %s@%s", repo, d->s);
}

/* ---- names of one image ---- */

static int add_names(struct meta *m, const char *sql, bool is_tag, const struct digest *id,
                     struct arena *a, struct meta_name **v, size_t *n, size_t *cap,
                     struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "d", id);
    while ((r = stmt_step(&q, e)) == 1) {
        struct meta_name *w = arena_grow(a, *v, *n, cap, sizeof *w);
        if (!w)
            return err_nomem(e);
        *v = w;
        w += (*n)++;
        *w = (struct meta_name){.repo = col_dup(&q, 0, a),
                                .tag = is_tag ? col_dup(&q, 1, a) : NULL,
                                .updated_ns = col_i64(&q, 3)};
        if (!w->repo || (is_tag && !w->tag))
            return err_nomem(e);
        col_digest(&q, 2, &w->target);
    }
    return r;
}

int meta_image_names(struct meta *m, const struct digest *id, struct arena *a,
                     struct meta_name **ret, size_t *ret_n, struct shale_err *e)
{
    struct meta_name *v = NULL;
    size_t n = 0, cap = 0;
    int r = add_names(
        m, "SELECT repo, tag, target, updated FROM tags WHERE image = ?1 ORDER BY repo, tag", true,
        id, a, &v, &n, &cap, e);

    if (r >= 0)
        r = add_names(m,
                      "SELECT repo, '', digest, updated FROM repo_digests WHERE image = ?1 ORDER "
                      "BY repo, digest",
                      false, id, a, &v, &n, &cap, e);
    if (r < 0)
        return r;
    *ret = v;
    *ret_n = n;
    return 0;
}

int meta_blob_repos(struct meta *m, const struct digest *blob, const char *domain, struct arena *a,
                    struct strv *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT repo FROM repo_digests WHERE image IN"
                      " (SELECT image FROM image_layers WHERE blob = ?1)"
                      " AND substr(repo, 1, length(?2) + 1) = ?2 || '/'"
                      " GROUP BY repo ORDER BY max(updated) DESC LIMIT 8",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "dt", blob, domain);
    return read_names(&q, strlen(domain) + 1, a, ret, e);
}
