/* SPDX-License-Identifier: Apache-2.0 */
/* What an image shows of its layers' files: a higher layer may replace a file, remove it or a
 * folder above it (image-spec layer.md, "Whiteouts"), or put something else in such a folder's
 * place. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "contents/contents.h"
#include "meta/stmt.h"
#include "registry/index/index_search.h"
#include "tar/tar.h"

int stack_load(struct meta *m, int64_t manifest, struct stack *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "SELECT layer FROM stacks WHERE manifest = ?1 ORDER BY pos", &q, e);

    ret->n = 0;
    if (r < 0)
        return r;
    stmt_bind(&q, "i", manifest);
    while (ret->n < INDEX_STACK_MAX && (r = stmt_step(&q, e)) == 1)
        ret->v[ret->n++] = col_i64(&q, 0);
    return r < 0 ? r : 0;
}

/* ---- the way to a file ---- */

struct place { /* a folder on the way: where it is, and its own number */
    int64_t parent, name, self;
};
struct way {
    struct place v[TAR_MAX_DEPTH + 1]; /* the root first */
    size_t n;
};

static int dir_id(struct meta *m, const char *path, int64_t *ret, struct shale_err *e)
{
    return stmt_number(m, "SELECT id FROM dirs WHERE path = ?1", 0, ret, e, "t", path);
}

/* What no layer has has the number 0, which nothing is found by. */
static int add_place(struct meta *m, struct way *w, const char *path, const char *name,
                     struct shale_err *e)
{
    struct place *p = &w->v[w->n];

    p->parent = w->v[w->n - 1].self;
    int r = stmt_number(m, "SELECT id FROM names WHERE name = ?1", 0, &p->name, e, "t", name);
    if (r >= 0)
        r = dir_id(m, path, &p->self, e);
    w->n++;
    return r;
}

static int find_way(struct meta *m, int64_t dir, struct way *w, struct shale_err *e)
{
    char path[TAR_MAX_PATH_BYTES + 1] = "";
    {
        _cleanup_(stmt_close) struct stmt q = {0};
        int r = stmt_open(m, "SELECT path FROM dirs WHERE id = ?1", &q, e);
        if (r < 0)
            return r;
        stmt_bind(&q, "i", dir);
        r = stmt_step(&q, e);
        if (r < 0)
            return r;
        if (r == 1)
            snprintf(path, sizeof path, "%s", col_text(&q, 0));
    }
    w->n = 1;
    w->v[0] = (struct place){0};
    int r = dir_id(m, "", &w->v[0].self, e);
    for (char *p = path; r >= 0 && *p && w->n <= TAR_MAX_DEPTH;) {
        char *slash = strchr(p, '/');
        if (slash)
            *slash = 0;
        r = add_place(m, w, path, p, e);
        if (!slash)
            break;
        *slash = '/';
        p = slash + 1;
    }
    return r;
}

/* ---- one layer above ---- */

static int is_gone(struct meta *m, int64_t layer, int64_t dir, int64_t name, struct shale_err *e)
{
    int64_t n = 0;
    int r = stmt_number(m, "SELECT 1 FROM gone WHERE layer = ?1 AND dir = ?2 AND name = ?3", 0, &n,
                        e, "iii", layer, dir, name);

    return r < 0 ? r : n != 0;
}

/* -1: nothing is there. */
static int kind_of(struct meta *m, int64_t layer, int64_t dir, int64_t name, int64_t *ret,
                   struct shale_err *e)
{
    return stmt_number(m, "SELECT kind FROM files WHERE layer = ?1 AND dir = ?2 AND name = ?3", -1,
                       ret, e, "iii", layer, dir, name);
}

static int hides(struct meta *m, int64_t layer, const struct way *w, int64_t name,
                 struct shale_err *e)
{
    int64_t kind = -1;
    int r = kind_of(m, layer, w->v[w->n - 1].self, name, &kind, e);

    if (r >= 0 && kind >= 0)
        return 1;
    if (r >= 0)
        r = is_gone(m, layer, w->v[w->n - 1].self, name, e);
    for (size_t i = 0; r == 0 && i < w->n; i++) {
        const struct place *p = &w->v[i];
        r = is_gone(m, layer, p->self, 0, e);
        if (r == 0 && i > 0)
            r = is_gone(m, layer, p->parent, p->name, e);
        if (r == 0 && i > 0) {
            r = kind_of(m, layer, p->parent, p->name, &kind, e);
            r = r < 0 ? r : kind >= 0 && kind != CONTENTS_DIR;
        }
    }
    return r;
}

int stack_shows(struct meta *m, const struct stack *s, size_t i, int64_t dir, int64_t name,
                struct shale_err *e)
{
    struct way w;
    int r = 0;

    if (i + 1 >= s->n)
        return 1;
    r = find_way(m, dir, &w, e);
    while (r == 0 && ++i < s->n)
        r = hides(m, s->v[i], &w, name, e);
    return r < 0 ? r : r == 0;
}

/* ---- what is told ---- */

static void hex_of(struct stmt *q, int hash, int rest, char ret[65])
{
    uint64_t first = (uint64_t)col_i64(q, hash);
    const uint8_t *p = sqlite3_column_blob(q->s, rest);

    ret[0] = 0;
    if (sqlite3_column_type(q->s, hash) == SQLITE_NULL || sqlite3_column_bytes(q->s, rest) != 24)
        return;
    snprintf(ret, 17, "%016llx", (unsigned long long)first);
    hex_encode(p, 24, ret + 16);
}

int match_of(struct meta *m, const struct hit *h, struct arena *a, struct index_match *ret,
             struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT d.path, n.name, l.digest, f.kind, f.mode, f.size, f.hash, f.rest FROM"
                      " files f JOIN dirs d ON d.id = f.dir JOIN names n ON n.id = f.name JOIN"
                      " layers l ON l.id = f.layer WHERE f.layer = ?1 AND f.dir = ?2 AND f.name ="
                      " ?3",
                      &q, e);

    *ret = (struct index_match){.package = h->package != NULL, .layer = "", .path = ""};
    if (r < 0)
        return r;
    stmt_bind(&q, "iii", h->layer, h->dir, h->name);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r;
    const char *dir = col_text(&q, 0);
    ret->path = arena_printf(a, "/%s%s%s", dir, *dir ? "/" : "", col_text(&q, 1));
    ret->layer = col_dup(&q, 2, a);
    ret->kind = h->package ? h->db : (int)col_i64(&q, 3);
    ret->name = h->package;
    ret->version = h->version;
    ret->arch = h->arch;
    if (!h->package) {
        ret->mode = (uint32_t)col_i64(&q, 4);
        ret->size_bytes = (uint64_t)col_i64(&q, 5);
        hex_of(&q, 6, 7, ret->sha256);
    }
    return ret->path && ret->layer ? 1 : err_nomem(e);
}
