/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removal of what nobody needs, a few rows in a transaction, so that pushes hardly wait. That
 * something is not needed is asked in the transaction that removes it.
 */
#include "base/cleanup.h"
#include "blob/blob.h"
#include "registry/state/state_priv.h"

#define BATCH     256
#define MAX_ARENA (64u << 20) /* the tags that go with a batch */

#define NOT_LEASED(column)                                                                         \
    " AND NOT EXISTS(SELECT 1 FROM leases s WHERE s.digest = " column " AND s.used >= ?1)"

/* No tag has a tilde. */
#define NAMED_AFTER "tag >= replace(?2, ':', '-') AND tag < replace(?2, ':', '-') || '~'"

struct victim {
    int64_t repo;
    struct digest digest;
    uint64_t bytes;
    char name[256]; /* of the repository */
    int64_t loose, retired;
    bool gone;
    const char *why;
};

struct lost_tag {
    size_t victim; /* after which it was named */
    const char *name;
    struct digest digest;
};

struct gc_job {
    struct state *s;
    struct state_gc *g;
    struct victim *v;
    size_t n;
    struct arena a; /* of tags */
    struct lost_tag *tags;
    size_t n_tags, cap_tags;
    int64_t repo;
    struct digest last;
};

static int read_victims(struct gc_job *j, struct stmt *q, struct shale_err *e)
{
    int r;

    j->n = j->n_tags = 0;
    while ((r = stmt_step(q, e)) == 1) {
        struct victim *v = &j->v[j->n++];
        v->repo = col_i64(q, 0);
        col_digest(q, 1, &v->digest);
        v->bytes = (uint64_t)col_i64(q, 2);
        snprintf(v->name, sizeof v->name, "%s", col_text(q, 3));
        v->loose = col_i64(q, 4);
        v->retired = col_i64(q, 5);
        v->gone = false;
        v->why = NULL;
    }
    if (r == 0 && j->n > 0) {
        j->repo = j->v[j->n - 1].repo;
        j->last = j->v[j->n - 1].digest;
    }
    return r;
}

static int find(struct gc_job *j, struct meta *m, const char *sql, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "iidi", j->g->before, j->g->repo, &j->g->last, (int64_t)BATCH);
    return read_victims(j, &q, e);
}

static void tell(const struct state_gc *g, const struct state_gone *x)
{
    if (g->on_remove)
        g->on_remove(g->arg, x);
}

static void tell_all(const struct gc_job *j, const char *what)
{
    const struct lost_tag *t = j->tags, *end = t + j->n_tags;

    for (size_t i = 0; i < j->n; i++) {
        const struct victim *v = &j->v[i];
        if (!v->gone)
            continue;
        tell(j->g, &(struct state_gone){what, v->name, v->digest.s, "",
                                        v->why ? v->why : "no manifest needs it", v->bytes});
        for (; t < end && t->victim == i; t++)
            tell(j->g, &(struct state_gone){"tag", v->name, t->name, t->digest.s,
                                            "named after an image that went", 0});
    }
}

/* Runs a step, tells of what went once that is certain, and moves the cursor. */
static int run(struct state *s, struct state_gc *g, const char *what,
               int (*f)(struct meta *m, void *arg, struct shale_err *e), struct shale_err *e)
{
    _cleanup_free_ struct victim *v = malloc(BATCH * sizeof *v);
    struct gc_job j = {.s = s, .g = g, .v = v, .repo = g->repo, .last = g->last};

    if (!v)
        return err_nomem(e);
    arena_init(&j.a, MAX_ARENA);
    int r = state_write(s, true, NULL, f, &j, e);
    for (size_t i = 0; r >= 0 && i < j.n; i++) {
        if (v[i].name[0])
            state_raise(s, v[i].name);
        g->n_gone += v[i].gone && v[i].why;
    }
    if (r >= 0) {
        tell_all(&j, what);
        g->repo = j.repo;
        g->last = j.last;
    }
    arena_clear(&j.a);
    return r < 0 ? r : (int)j.n;
}

/* ---- manifests without a tag ---- */

/* What is retired goes after the grace time; what has merely no tag when the repository says so. */
static bool manifest_goes(const struct state_gc *g, struct victim *v)
{
    if (v->retired && v->retired < g->before) {
        v->why = "its tags were removed by retention";
        return true;
    }
    v->why = "untagged";
    return g->untagged_before && v->loose < g->untagged_before(g->arg, v->name);
}

static int list_named(struct gc_job *j, struct meta *m, size_t victim, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "SELECT tag, digest FROM tags WHERE repo = ?1 AND " NAMED_AFTER, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "id", j->v[victim].repo, &j->v[victim].digest);
    while ((r = stmt_step(&q, e)) == 1) {
        struct lost_tag *v = arena_grow(&j->a, j->tags, j->n_tags, &j->cap_tags, sizeof *v);
        if (!v)
            return err_nomem(e);
        j->tags = v;
        v += j->n_tags;
        v->victim = victim;
        v->name = col_dup(&q, 0, &j->a);
        col_digest(&q, 1, &v->digest);
        if (!v->name)
            return err_nomem(e);
        j->n_tags++;
    }
    return r;
}

/* What came with an image that retention has removed goes with it: the images of an index, what
 * refers to it, and tags named after its digest (as cosign and clients without referrers make). */
static int retire_company(struct gc_job *j, struct meta *m, size_t victim, struct shale_err *e)
{
    static const char *const steps[] = {
        "UPDATE manifests SET retired = ?3 WHERE repo = ?1 AND digest IN"
        " (SELECT child FROM edges WHERE repo = ?1 AND parent = ?2) AND retired = 0 AND"
        " NOT EXISTS(SELECT 1 FROM edges x WHERE x.repo = ?1 AND x.child = manifests.digest AND"
        " x.parent <> ?2) AND NOT EXISTS(SELECT 1 FROM tags t WHERE t.repo = ?1 AND"
        " t.digest = manifests.digest)",
        "UPDATE manifests SET retired = ?3 WHERE repo = ?1 AND subject = ?2 AND subject <> '' AND"
        " retired = 0 AND NOT EXISTS(SELECT 1 FROM tags t WHERE t.repo = ?1 AND"
        " t.digest = manifests.digest)",
        "UPDATE manifests SET retired = ?3 WHERE repo = ?1 AND retired = 0 AND digest IN"
        " (SELECT digest FROM tags WHERE repo = ?1 AND " NAMED_AFTER ")",
        "DELETE FROM tags WHERE repo = ?1 AND " NAMED_AFTER,
    };
    const struct victim *v = &j->v[victim];
    int r = list_named(j, m, victim, e);

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(steps); i++)
        r = stmt_run(m, steps[i], NULL, e, i < 3 ? "idi" : "id", v->repo, &v->digest, v->retired);
    return r;
}

static int drop_manifest(struct gc_job *j, struct meta *m, size_t victim, struct shale_err *e)
{
    static const char *const removals[] = {
        "DELETE FROM manifests WHERE repo = ?1 AND digest = ?2",
        "DELETE FROM edges WHERE repo = ?1 AND parent = ?2",
    };
    const struct victim *v = &j->v[victim];
    int r = v->retired ? retire_company(j, m, victim, e) : 0;

    for (size_t k = 0; r >= 0 && k < ARRAY_SIZE(removals); k++)
        r = stmt_run(m, removals[k], NULL, e, "id", v->repo, &v->digest);
    return r;
}

static int drop_manifests(struct meta *m, void *arg, struct shale_err *e)
{
    static const char candidates[] =
        "SELECT m.repo, m.digest, m.size, r.name, max(m.pushed, m.loose), m.retired"
        " FROM manifests m JOIN repos r ON r.id = m.repo"
        " WHERE (m.repo, m.digest) > (?2, ?3) AND m.pushed < ?1"
        " AND NOT EXISTS(SELECT 1 FROM tags t WHERE t.repo = m.repo AND t.digest = m.digest)"
        " AND NOT EXISTS(SELECT 1 FROM edges x WHERE x.repo = m.repo AND x.child = m.digest)"
        " AND NOT EXISTS(SELECT 1 FROM manifests s WHERE s.repo = m.repo AND s.digest = "
        "m.subject)" NOT_LEASED("m.digest") " ORDER BY m.repo, m.digest LIMIT ?4";
    struct gc_job *j = arg;
    int r = find(j, m, candidates, e);

    for (size_t i = 0; r >= 0 && i < j->n; i++) {
        if (!manifest_goes(j->g, &j->v[i]))
            continue;
        r = drop_manifest(j, m, i, e);
        state_raise(j->s, j->v[i].name);
        j->v[i].gone = true;
    }
    return r;
}

int state_gc_untagged(struct state *s, struct state_gc *g, struct shale_err *e)
{
    return run(s, g, "manifest", drop_manifests, e);
}

/* ---- links that no manifest needs ---- */

static int drop_links(struct meta *m, void *arg, struct shale_err *e)
{
    static const char candidates[] =
        "SELECT l.repo, l.digest, coalesce(b.size, 0), r.name FROM links l"
        " JOIN repos r ON r.id = l.repo LEFT JOIN blobs b ON b.digest = l.digest"
        " WHERE (l.repo, l.digest) > (?2, ?3) AND l.added < ?1"
        " AND NOT EXISTS(SELECT 1 FROM edges x WHERE x.repo = l.repo AND x.child = "
        "l.digest)" NOT_LEASED("l.digest") " ORDER BY l.repo, l.digest LIMIT ?4";
    struct gc_job *j = arg;
    int r = find(j, m, candidates, e);

    for (size_t i = 0; r >= 0 && i < j->n; i++) {
        r = stmt_run(m, "DELETE FROM links WHERE repo = ?1 AND digest = ?2", NULL, e, "id",
                     j->v[i].repo, &j->v[i].digest);
        j->v[i].gone = true;
    }
    return r;
}

int state_gc_links(struct state *s, struct state_gc *g, struct shale_err *e)
{
    return run(s, g, "link", drop_links, e);
}

/* ---- blobs that are linked nowhere: the row, and when that is gone for sure, the file ---- */

static int drop_rows(struct meta *m, void *arg, struct shale_err *e)
{
    static const char candidates[] =
        "SELECT 0, b.digest, b.size, '' FROM blobs b WHERE ?2 = ?2 AND b.digest > ?3 AND"
        " b.added < ?1 AND NOT EXISTS(SELECT 1 FROM links l WHERE l.digest = b.digest)"
        " AND NOT EXISTS(SELECT 1 FROM manifests m WHERE m.digest = b.digest)" NOT_LEASED(
            "b.digest") " ORDER BY b.digest LIMIT ?4";
    struct gc_job *j = arg;
    int r = find(j, m, candidates, e);

    for (size_t i = 0; r >= 0 && i < j->n; i++) {
        r = stmt_run(m, "DELETE FROM blobs WHERE digest = ?1", NULL, e, "d", &j->v[i].digest);
        j->v[i].gone = true;
    }
    return r;
}

static int file_needed(struct meta *m, const struct state_gc *g, const struct digest *d,
                       struct shale_err *e)
{
    int64_t needed;
    int r = stmt_number(m,
                        "SELECT EXISTS(SELECT 1 FROM blobs WHERE digest = ?1) OR"
                        " EXISTS(SELECT 1 FROM leases WHERE digest = ?1 AND used >= ?2)",
                        1, &needed, e, "di", d, g->before);

    return r < 0 ? r : needed != 0;
}

/* A push takes a lease, then makes the file, then the row. Neither lease nor row: nobody has the
 * file, and whoever wants to has to wait for this transaction. A file that is younger than a copy
 * of the rows has its lease where that was taken from. */
static int drop_file(struct state *s, struct meta *m, const struct state_gc *g,
                     const struct digest *d, struct shale_err *e)
{
    int r = file_needed(m, g, d, e);

    if (r == 0 && s->origin)
        r = file_needed(s->origin, g, d, e);
    if (r != 0)
        return r < 0 ? r : 0;
    if (!g->dry_run)
        r = blob_remove(s->blobs, d, NULL, e);
    return r < 0 ? r : 1;
}

static int drop_files(struct meta *m, void *arg, struct shale_err *e)
{
    struct gc_job *j = arg;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < j->n; i++)
        r = drop_file(j->s, m, j->g, &j->v[i].digest, e);
    return r;
}

/* The second transaction of a batch, after the first one is on disk. */
static int drop_both(struct state *s, struct gc_job *j, struct shale_err *e)
{
    int r = state_write(s, true, NULL, drop_rows, j, e);

    return r < 0 || j->g->dry_run ? r : state_write(s, false, NULL, drop_files, j, e);
}

int state_gc_blobs(struct state *s, struct state_gc *g, struct shale_err *e)
{
    _cleanup_free_ struct victim *v = malloc(BATCH * sizeof *v);
    struct gc_job j = {.s = s, .g = g, .v = v, .last = g->last};

    if (!v)
        return err_nomem(e);
    int r = drop_both(s, &j, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < j.n; i++)
        tell(g, &(struct state_gone){"blob", "", v[i].digest.s, "", "no repository has it",
                                     v[i].bytes});
    g->last = j.last;
    return (int)j.n;
}

struct file_job {
    struct state *s;
    const struct state_gc *g;
    const struct digest *d;
};

static int drop_one(struct meta *m, void *arg, struct shale_err *e)
{
    struct file_job *j = arg;

    return drop_file(j->s, m, j->g, j->d, e);
}

int state_gc_file(struct state *s, const struct state_gc *g, const struct digest *d,
                  struct shale_err *e)
{
    struct file_job j = {s, g, d};
    int64_t known;
    int r = stmt_number(s->w, "SELECT EXISTS(SELECT 1 FROM blobs WHERE digest = ?1)", 0, &known, e,
                        "d", d);

    if (r < 0 || known)
        return r < 0 ? r : 0;
    return state_write(s, false, NULL, drop_one, &j, e);
}

/* ---- the rest ---- */

static int drop_rest(struct meta *m, void *arg, struct shale_err *e)
{
    const struct state_gc *g = arg;
    int r = stmt_run(m, "DELETE FROM leases WHERE used < ?1", NULL, e, "i", g->before);

    if (r < 0)
        return r;
    return stmt_run(m,
                    "DELETE FROM repos WHERE created < ?1 AND description = '' AND stars = 0"
                    " AND NOT EXISTS(SELECT 1 FROM manifests WHERE repo = id)"
                    " AND NOT EXISTS(SELECT 1 FROM links WHERE repo = id)"
                    " AND NOT EXISTS(SELECT 1 FROM tags WHERE repo = id)",
                    NULL, e, "i", g->before);
}

int state_gc_rest(struct state *s, const struct state_gc *g, struct shale_err *e)
{
    return state_write(s, true, NULL, drop_rest, (void *)(uintptr_t)g, e);
}
