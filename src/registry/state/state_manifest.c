/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests, their edges, and tags. */
#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "registry/state/state_priv.h"

int state_manifest(struct state *s, const char *repo, const char *ref, struct arena *a,
                   struct state_manifest *ret, struct shale_err *e)
{
    static const char by_tag[] = "SELECT m.digest, m.media_type, m.size, t.updated FROM repos r"
                                 " JOIN tags t ON t.repo = r.id AND t.tag = ?2"
                                 " JOIN manifests m ON m.repo = r.id AND m.digest = t.digest"
                                 " WHERE r.name = ?1";
    static const char by_digest[] = "SELECT m.digest, m.media_type, m.size, 0 FROM repos r"
                                    " JOIN manifests m ON m.repo = r.id AND m.digest = ?2"
                                    " WHERE r.name = ?1";
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(s->r, strchr(ref, ':') ? by_digest : by_tag, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tt", repo, ref);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r;
    col_digest(&q, 0, &ret->digest);
    ret->media_type = col_dup(&q, 1, a);
    ret->size = (uint64_t)col_i64(&q, 2);
    ret->updated = col_i64(&q, 3);
    return ret->media_type ? 1 : err_nomem(e);
}

/* ---- put ---- */

/* Is it visible in the repository, and as large as the descriptor says? */
static int check_child(struct meta *m, int64_t repo, struct state_put *p, size_t i,
                       struct shale_err *e)
{
    static const char blob[] = "SELECT b.size FROM links l JOIN blobs b ON b.digest = l.digest"
                               " WHERE l.repo = ?1 AND l.digest = ?2";
    static const char manifest[] = "SELECT size FROM manifests WHERE repo = ?1 AND digest = ?2";
    const struct state_child *c = &p->children[i];
    int64_t size;
    int r = stmt_number(m, c->manifest ? manifest : blob, -1, &size, e, "id", repo, &c->digest);

    /* An index may also hold things that are no manifests to us. */
    if (r >= 0 && size < 0 && c->manifest)
        r = stmt_number(m, blob, -1, &size, e, "id", repo, &c->digest);
    if (r < 0)
        return r;
    p->missing[i] = size < 0 && !c->optional;
    p->wrong_size[i] = size >= 0 && (uint64_t)size != c->size;
    return p->missing[i] || p->wrong_size[i] ? 0 : 1;
}

static int put_tag(struct meta *m, int64_t repo, const char *tag, const struct digest *d,
                   struct shale_err *e)
{
    return stmt_run(m,
                    "INSERT INTO tags VALUES(?1, ?2, ?3, ?4)"
                    " ON CONFLICT(repo, tag) DO UPDATE SET digest = ?3, updated = ?4",
                    NULL, e, "itdi", repo, tag, d, time_now_ns());
}

static int put_rows(struct meta *m, int64_t repo, const struct state_put *p, struct shale_err *e)
{
    int64_t now = time_now_ns();
    int r = stmt_run(m, "INSERT OR IGNORE INTO blobs VALUES(?1, ?2, ?3)", NULL, e, "dii",
                     &p->m.digest, (int64_t)p->m.size, now);

    if (r >= 0)
        r = state_file_there(p->state, &p->m.digest, e);
    if (r >= 0)
        r = stmt_run(m,
                     "INSERT INTO manifests(repo, digest, media_type, size, subject, artifact_type,"
                     " annotations, pushed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                     " ON CONFLICT(repo, digest) DO UPDATE SET media_type = ?3, pushed = ?8,"
                     " retired = 0",
                     NULL, e, "idtidtti", repo, &p->m.digest, p->m.media_type, (int64_t)p->m.size,
                     p->subject, p->artifact_type, p->annotations, now);
    for (size_t i = 0; r >= 0 && i < p->n_children; i++)
        r = stmt_run(m, "INSERT OR IGNORE INTO edges VALUES(?1, ?2, ?3)", NULL, e, "idd", repo,
                     &p->m.digest, &p->children[i].digest);
    if (r >= 0 && p->cached)
        r = stmt_run(m,
                     "INSERT INTO cached VALUES(?1, ?2, ?3)"
                     " ON CONFLICT(repo, digest) DO UPDATE SET used = ?3",
                     NULL, e, "idi", repo, &p->m.digest, now);
    return r >= 0 && p->tag ? put_tag(m, repo, p->tag, &p->m.digest, e) : r;
}

/* A tag that is to stay what it is. */
static int check_fixed(struct meta *m, int64_t repo, const struct state_put *p, struct shale_err *e)
{
    int64_t other = 0;

    if (!p->fixed || !p->tag)
        return 0;
    int r = stmt_number(m, "SELECT 1 FROM tags WHERE repo = ?1 AND tag = ?2 AND digest <> ?3", 0,
                        &other, e, "itd", repo, p->tag, &p->m.digest);
    if (r >= 0 && other)
        return err_set(e, SHALE_EXISTS,
                       "tag %s of %s is immutable here and names another image already; push "
                       "under another tag",
                       p->tag, p->repo);
    return r < 0 ? r : 0;
}

static int put_manifest(struct meta *m, void *arg, struct shale_err *e)
{
    struct state_put *p = arg;
    bool good = true;
    int64_t repo = 0, before = 0;
    int r = state_repo_id(m, p->repo, false, &repo, e);

    if (r >= 0)
        r = check_fixed(m, repo, p, e);
    if (r >= 0)
        r = state_bytes(m, p->repo, &before, e);
    for (size_t i = 0; r >= 0 && !p->cached && i < p->n_children; i++) {
        r = check_child(m, repo, p, i, e);
        good &= r != 0;
    }
    if (r < 0 || !good)
        return r < 0 ? r : 0;
    r = state_repo_id(m, p->repo, true, &repo, e);
    if (r >= 0)
        r = put_rows(m, repo, p, e);
    if (r >= 0)
        r = state_quota(m, p->repo, before, p->quota, e);
    return r < 0 ? r : 1;
}

int state_manifest_put(struct state *s, struct state_put *p, struct shale_err *e)
{
    p->state = s;
    return state_write(s, true, p->repo, put_manifest, p, e);
}

/* ---- tags and deletes ---- */

struct delete_job {
    const char *repo, *tag;
    const struct digest *d;
    const struct state_tag_guard *guard;
    struct arena *a;
    struct state_names *tags;
};

/* No tag of the manifest may be one that is to stay. */
static int read_its_tags(struct meta *m, int64_t repo, const struct delete_job *j,
                         struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r =
        stmt_open(m, "SELECT tag FROM tags WHERE repo = ?1 AND digest = ?2 ORDER BY tag", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "id", repo, j->d);
    r = state_read_names(&q, UINT64_MAX, j->a, j->tags, e);
    for (size_t i = 0; r >= 0 && j->guard && i < j->tags->n; i++)
        if (j->guard->holds(j->guard->arg, j->repo, j->tags->v[i]))
            return err_set(e, SHALE_EXISTS, "tag %s of %s is immutable here, and names this image",
                           j->tags->v[i], j->repo);
    return r;
}

static int retag(struct meta *m, void *arg, struct shale_err *e)
{
    const struct delete_job *j = arg;
    int64_t repo = 0, found = 0;
    int r = state_repo_id(m, j->repo, false, &repo, e);

    if (r >= 0)
        r = stmt_number(m, "SELECT 1 FROM manifests WHERE repo = ?1 AND digest = ?2", 0, &found, e,
                        "id", repo, j->d);
    if (r < 0 || !found)
        return r < 0 ? r : 0;
    r = put_tag(m, repo, j->tag, j->d, e);
    return r < 0 ? r : 1;
}

/* When it was asked for last may be forgotten in a power cut. */
int state_tag_put(struct state *s, const char *repo, const char *tag, const struct digest *d,
                  struct shale_err *e)
{
    struct delete_job j = {.repo = repo, .tag = tag, .d = d};

    return state_write(s, false, repo, retag, &j, e);
}

static int delete_manifest(struct meta *m, void *arg, struct shale_err *e)
{
    static const char *const rest[] = {
        "DELETE FROM tags WHERE repo = ?1 AND digest = ?2",
        "DELETE FROM edges WHERE repo = ?1 AND parent = ?2",
    };
    const struct delete_job *j = arg;
    int n = 0, r;
    int64_t repo = 0;

    r = state_repo_id(m, j->repo, false, &repo, e);
    if (r >= 0)
        r = read_its_tags(m, repo, j, e);
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM manifests WHERE repo = ?1 AND digest = ?2", &n, e, "id", repo,
                     j->d);
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(rest); i++)
        r = stmt_run(m, rest[i], NULL, e, "id", repo, j->d);
    return r < 0 ? r : n > 0;
}

int state_manifest_delete(struct state *s, const char *repo, const struct digest *d,
                          const struct state_tag_guard *guard, struct arena *a,
                          struct state_names *ret_tags, struct shale_err *e)
{
    struct delete_job j = {.repo = repo, .d = d, .guard = guard, .a = a, .tags = ret_tags};

    return state_write(s, true, repo, delete_manifest, &j, e);
}

static int delete_tag(struct meta *m, void *arg, struct shale_err *e)
{
    const struct delete_job *j = arg;
    int n = 0, r;
    int64_t repo = 0;

    r = state_repo_id(m, j->repo, false, &repo, e);
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM tags WHERE repo = ?1 AND tag = ?2", &n, e, "it", repo, j->tag);
    return r < 0 ? r : n > 0;
}

int state_tag_delete(struct state *s, const char *repo, const char *tag, struct shale_err *e)
{
    struct delete_job j = {.repo = repo, .tag = tag};

    return state_write(s, true, repo, delete_tag, &j, e);
}
