/* SPDX-License-Identifier: Apache-2.0 */
/* Files and packages in layers, whatever images they are in. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "contents/packages.h"
#include "meta/stmt.h"
#include "base/glob.h"
#include "registry/index/index_search.h"

#define TRIGRAM     3
#define MATCH_BYTES 4096

static int add(struct hits *h, struct arena *a, const struct hit *x, struct shale_err *e)
{
    if (h->n == INDEX_HITS_MAX)
        return err_set(e, SHALE_LIMIT, "too many files match: say more of what you look for");
    struct hit *v = arena_grow(a, h->v, h->n, &h->cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    h->v = v;
    v[h->n++] = *x;
    return 0;
}

static int by_layer(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;

    return (x->layer > y->layer) - (x->layer < y->layer);
}

static int sorted(struct hits *h, int r)
{
    if (r >= 0 && h->n)
        qsort(h->v, h->n, sizeof *h->v, by_layer);
    return r;
}

const struct hit *hits_in(const struct hits *h, int64_t layer, size_t *ret_n)
{
    size_t lo = 0, hi = h->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (h->v[mid].layer < layer)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (hi = lo; hi < h->n && h->v[hi].layer == layer; hi++)
        ;
    *ret_n = hi - lo;
    return h->v ? h->v + lo : NULL;
}

/* ---- files ---- */

struct by_file {
    struct meta *m;
    const struct search_file *f;
    struct arena *a;
    struct hits *h;
    int64_t dir; /* the last one that was looked at, and whether it is good */
    bool dir_good;
};

static bool good_path(const struct by_file *x, const char *path)
{
    if (!x->f->dir)
        return true;
    return x->f->dir_glob ? glob_match(x->f->dir, path) : streq(x->f->dir, path);
}

static int good_dir(struct by_file *x, int64_t dir, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};

    if (!x->f->dir || dir == x->dir)
        return !x->f->dir || x->dir_good;
    int r = stmt_open(x->m, "SELECT path FROM dirs WHERE id = ?1", &q, e);
    if (r < 0)
        return r;
    stmt_bind(&q, "i", dir);
    r = stmt_step(&q, e);
    if (r < 0)
        return r;
    x->dir = dir;
    x->dir_good = r == 1 && good_path(x, col_text(&q, 0));
    return x->dir_good;
}

static int add_rows(struct by_file *x, struct stmt *q, struct shale_err *e)
{
    int r;

    while ((r = stmt_step(q, e)) == 1) {
        struct hit h = {.layer = col_i64(q, 0), .dir = col_i64(q, 1), .name = col_i64(q, 2)};
        r = good_dir(x, h.dir, e);
        if (r > 0)
            r = add(x->h, x->a, &h, e);
        if (r < 0)
            return r;
    }
    return r;
}

static int add_name(struct by_file *x, int64_t name, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(x->m,
                      "SELECT f.layer, f.dir, f.name FROM files f JOIN layers l ON l.id = f.layer"
                      " AND l.done = 1 WHERE f.name = ?1",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "i", name);
    return add_rows(x, &q, e);
}

static int by_name(struct by_file *x, struct shale_err *e)
{
    int64_t id = 0;
    int r = stmt_number(x->m, "SELECT id FROM names WHERE name = ?1", 0, &id, e, "t", x->f->name);

    return r < 0 || !id ? r : add_name(x, id, e);
}

/* The trigrams of the literal pieces of a glob, all of which a name must have: "abc" AND "bcd".
 * false: there are none. */
static bool trigrams(const char *glob, struct buf *b)
{
    for (const char *p = glob; *p;) {
        size_t n = strcspn(p, "*?");
        for (size_t i = 0; i + TRIGRAM <= n && b->n < MATCH_BYTES / 2; i++) {
            bool plain = (unsigned char)p[i] < 0x80 && (unsigned char)p[i + 1] < 0x80 &&
                         (unsigned char)p[i + 2] < 0x80;
            if (!plain || memchr(p + i, '"', TRIGRAM))
                continue;
            buf_addf(b, "%s\"%.3s\"", b->n ? " AND " : "", p + i);
        }
        p += n;
        p += strspn(p, "*?");
    }
    return b->n > 0;
}

/* Names that the glob may match: by their trigrams, or all that begin as it does. */
static int open_names(struct by_file *x, struct buf *b, struct stmt *q, struct shale_err *e)
{
    const char *glob = x->f->name;
    int r;

    if (trigrams(glob, b)) {
        r = stmt_open(x->m,
                      "SELECT n.id, n.name FROM names_fts t JOIN names n ON n.id = t.rowid WHERE"
                      " names_fts MATCH ?1",
                      q, e);
        if (r >= 0)
            stmt_bind(q, "t", buf_str(b));
        return r;
    }
    const char *prefix = arena_strndup(x->a, glob, strcspn(glob, "*?"));
    const char *end = prefix ? arena_printf(x->a, "%s\xff", prefix) : NULL;
    if (!end)
        return err_nomem(e);
    r = stmt_open(x->m, "SELECT id, name FROM names WHERE name >= ?1 AND name < ?2", q, e);
    if (r >= 0)
        stmt_bind(q, "tt", prefix, end);
    return r;
}

static int by_name_glob(struct by_file *x, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MATCH_BYTES);
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = open_names(x, &b, &q, e);

    while (r >= 0 && (r = stmt_step(&q, e)) == 1)
        if (glob_match(x->f->name, col_text(&q, 1)))
            r = add_name(x, col_i64(&q, 0), e);
    return r;
}

/* The name is anything: by the folder, which every layer is asked for. */
static int add_dir(struct by_file *x, int64_t dir, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(x->m,
                      "SELECT f.layer, f.dir, f.name FROM layers l CROSS JOIN files f ON f.layer ="
                      " l.id AND f.dir = ?1 WHERE l.done = 1",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "i", dir);
    return add_rows(x, &q, e);
}

static int by_dir(struct by_file *x, struct shale_err *e)
{
    const char *dir = x->f->dir ? x->f->dir : "**";
    const char *prefix = arena_strndup(x->a, dir, strcspn(dir, "*?"));
    const char *end = prefix ? arena_printf(x->a, "%s\xff", prefix) : NULL;
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = end ? stmt_open(x->m, "SELECT id, path FROM dirs WHERE path >= ?1 AND path < ?2", &q, e)
                : err_nomem(e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tt", prefix, end);
    while (r >= 0 && (r = stmt_step(&q, e)) == 1)
        /* "**" as a name goes on below the folder */
        if (good_path(x, col_text(&q, 1)) ||
            (streq(x->f->name, "**") && x->f->dir && !x->f->dir_glob &&
             str_has_prefix(col_text(&q, 1), dir) && col_text(&q, 1)[strlen(dir)] == '/')) {
            x->dir = col_i64(&q, 0);
            x->dir_good = true;
            r = add_dir(x, x->dir, e);
        }
    return r;
}

int hits_of_file(struct meta *m, const struct search_file *f, struct arena *a, struct hits *ret,
                 struct shale_err *e)
{
    struct by_file x = {.m = m, .f = f, .a = a, .h = ret};

    return sorted(ret, f->any_name    ? by_dir(&x, e)
                       : f->name_glob ? by_name_glob(&x, e)
                                      : by_name(&x, e));
}

int hits_of_sha256(struct meta *m, const uint8_t sum[32], struct arena *a, struct hits *ret,
                   struct shale_err *e)
{
    static const struct search_file any = {0};
    struct by_file x = {.m = m, .f = &any, .a = a, .h = ret};
    _cleanup_(stmt_close) struct stmt q = {0};
    int64_t first = 0;
    int r = stmt_open(m,
                      "SELECT f.layer, f.dir, f.name FROM files f JOIN layers l ON l.id = f.layer"
                      " AND l.done = 1 WHERE f.hash = ?1 AND f.rest = ?2",
                      &q, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < 8; i++)
        first = (int64_t)((uint64_t)first << 8 | sum[i]);
    sqlite3_bind_int64(q.s, 1, first);
    sqlite3_bind_blob(q.s, 2, sum + 8, 24, SQLITE_STATIC);
    return sorted(ret, add_rows(&x, &q, e));
}

/* ---- packages ---- */

static bool good_version(const struct search_package *p, int db, const char *version)
{
    if (p->op == SEARCH_ANY)
        return true;
    int r = packages_compare((enum contents_db)db, version, p->version);
    switch (p->op) {
    case SEARCH_EQ:
        return r == 0;
    case SEARCH_LT:
        return r < 0;
    case SEARCH_LE:
        return r <= 0;
    case SEARCH_GT:
        return r > 0;
    default:
        return r >= 0;
    }
}

static int add_package(struct stmt *q, struct arena *a, struct hits *ret, struct shale_err *e)
{
    struct hit h = {
        .layer = col_i64(q, 1),
        .dir = col_i64(q, 2),
        .name = col_i64(q, 3),
        .db = (int)col_i64(q, 4),
        .package = col_dup(q, 0, a),
        .version = col_dup(q, 5, a),
        .arch = col_dup(q, 6, a),
    };

    return h.package && h.version && h.arch ? add(ret, a, &h, e) : err_nomem(e);
}

int hits_of_package(struct meta *m, const struct search_package *p, struct arena *a,
                    struct hits *ret, struct shale_err *e)
{
    const char *from = arena_strndup(a, p->name, strcspn(p->name, p->glob ? "*?" : ""));
    const char *to = from ? arena_printf(a, p->glob ? "%s\xff" : "%s", from) : NULL;
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = to ? stmt_open(m,
                           "SELECT p.name, p.layer, p.dir, p.file, p.kind, p.version, p.arch FROM"
                           " packages p JOIN layers l ON l.id = p.layer AND l.done = 1 WHERE"
                           " p.name >= ?1 AND p.name <= ?2",
                           &q, e)
               : err_nomem(e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tt", from, to);
    while ((r = stmt_step(&q, e)) == 1) {
        int db = (int)col_i64(&q, 4);
        if (db < CONTENTS_DPKG || db > CONTENTS_RPM ||
            (p->glob && !glob_match(p->name, col_text(&q, 0))) ||
            !good_version(p, db, col_text(&q, 5)))
            continue;
        r = add_package(&q, a, ret, e);
        if (r < 0)
            return r;
    }
    return sorted(ret, r);
}
