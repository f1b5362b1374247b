/* SPDX-License-Identifier: Apache-2.0 */
/* Repositories by name and description. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "meta/stmt.h"
#include "registry/index/index.h"

#define TRIGRAM 3 /* shorter words are not looked for in descriptions of images */

struct term {
    char text[INDEX_TERM_BYTES + 1];
    const char *words[INDEX_TERM_WORDS];
    size_t n;
};

static int cut(const char *text, struct term *t, struct shale_err *e)
{
    size_t n = strlen(text);

    t->n = 0;
    if (n > INDEX_TERM_BYTES)
        return err_set(e, SHALE_LIMIT, "a search term has at most %d bytes", INDEX_TERM_BYTES);
    for (size_t i = 0; i <= n; i++)
        t->text[i] = (char)tolower((unsigned char)text[i]);
    for (char *p = t->text, *word, *rest = NULL; (word = strtok_r(p, " \t", &rest)); p = NULL) {
        if (t->n == INDEX_TERM_WORDS)
            return err_set(e, SHALE_LIMIT, "a search term has at most %d words", INDEX_TERM_WORDS);
        t->words[t->n++] = word;
    }
    return 0;
}

struct found {
    int64_t id, stars;
    bool official, exact;
    const char *name;
};

struct finding {
    struct meta *m;
    const struct term *t;
    const struct index_asker *who;
    struct arena *a;
    struct found *v;
    size_t n, cap;
};

/* Those with the i-th word. Words behind the first are looked for in what was found so far. */
static const char by_word[] =
    "SELECT r.id, r.name, r.stars, r.official FROM reg.repos r WHERE"
    " (?1 = '' OR instr(r.name, ?1) OR instr(lower(r.description), ?1) OR (?2 <> '' AND r.id IN"
    " (SELECT m.repo FROM docs d JOIN main.manifests i ON i.id = d.rowid JOIN reg.manifests m ON"
    " m.digest = i.digest WHERE docs MATCH ?2)))"
    " AND EXISTS(SELECT 1 FROM reg.manifests WHERE repo = r.id)";

/* A word as FTS5 takes it: a phrase in quotes. */
static const char *phrase(const char *word, struct arena *a)
{
    if (strlen(word) < TRIGRAM)
        return "";
    char *p = arena_alloc(a, 2 * strlen(word) + 3), *q = p;
    if (!p)
        return NULL;
    *q++ = '"';
    for (; *word; word++) {
        if (*word == '"')
            *q++ = '"';
        *q++ = *word;
    }
    *q = '"';
    return p;
}

static int keep(struct finding *f, const struct stmt *q, struct shale_err *e)
{
    struct found *v = arena_grow(f->a, f->v, f->n, &f->cap, sizeof *v);

    if (!v)
        return err_nomem(e);
    f->v = v;
    v[f->n] = (struct found){
        .id = col_i64(q, 0),
        .name = col_dup(q, 1, f->a),
        .stars = col_i64(q, 2),
        .official = col_i64(q, 3) != 0,
    };
    v[f->n].exact = f->t->n == 1 && streq(v[f->n].name, f->t->words[0]);
    return v[f->n++].name ? 0 : err_nomem(e);
}

static int find_first(struct finding *f, struct shale_err *e)
{
    const char *word = f->t->n ? f->t->words[0] : "", *match = phrase(word, f->a);
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = match ? stmt_open(f->m, by_word, &q, e) : err_nomem(e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tt", word, match);
    while ((r = stmt_step(&q, e)) == 1) {
        if (!f->who->sees(f->who->arg, col_text(&q, 1)))
            continue;
        r = keep(f, &q, e);
        if (r < 0)
            return r;
    }
    return r;
}

static int by_id(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* Leaves of what was found what has another word, too. */
static int narrow(struct finding *f, const char *word, struct shale_err *e)
{
    const char *match = phrase(word, f->a);
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = match ? stmt_open(f->m, by_word, &q, e) : err_nomem(e);
    size_t kept = 0;

    if (r < 0 || f->n == 0)
        return r;
    qsort(f->v, f->n, sizeof *f->v, by_id);
    bool *good = arena_array(f->a, f->n, sizeof *good);
    if (!good)
        return err_nomem(e);
    stmt_bind(&q, "tt", word, match);
    while ((r = stmt_step(&q, e)) == 1) {
        struct found key = {.id = col_i64(&q, 0)};
        const struct found *x = bsearch(&key, f->v, f->n, sizeof *f->v, by_id);
        if (x)
            good[x - f->v] = true;
    }
    for (size_t i = 0; i < f->n; i++)
        if (good[i])
            f->v[kept++] = f->v[i];
    f->n = kept;
    return r;
}

static int by_rank(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->exact != y->exact)
        return x->exact ? -1 : 1;
    if (x->official != y->official)
        return x->official ? -1 : 1;
    if (x->stars != y->stars)
        return x->stars > y->stars ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* ---- what is said of one ---- */

/* The image that speaks for a repository: "latest", or what was tagged last. */
static int speaker(struct meta *m, int64_t repo, struct digest *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT digest FROM (SELECT digest, 0 AS n FROM reg.tags WHERE repo = ?1 AND"
                      " tag = 'latest' UNION ALL SELECT * FROM (SELECT digest, 1 FROM reg.tags"
                      " WHERE repo = ?1 ORDER BY updated DESC LIMIT 1)) ORDER BY n LIMIT 1",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "i", repo);
    r = stmt_step(&q, e);
    if (r == 1)
        col_digest(&q, 0, ret);
    return r;
}

/* An index says it itself, or one of its images does. */
static const char said[] =
    "SELECT description, stars FROM (SELECT description, stars, 0 AS n FROM main.manifests WHERE"
    " digest = ?2 UNION ALL SELECT i.description, i.stars, 1 FROM reg.edges g JOIN main.manifests i"
    " ON i.digest = g.child WHERE g.repo = ?1 AND g.parent = ?2) WHERE description <> '' OR stars"
    " ORDER BY n LIMIT 1";

int index_describe(struct meta *m, int64_t repo, struct arena *a, struct index_name *ret,
                   struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0}, i = {0};
    struct digest d;
    int r = stmt_open(m, "SELECT name, description, stars, official FROM reg.repos WHERE id = ?1",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "i", repo);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r;
    *ret = (struct index_name){
        .name = col_dup(&q, 0, a),
        .description = col_dup(&q, 1, a),
        .stars = col_i64(&q, 2),
        .official = col_i64(&q, 3) != 0,
    };
    if (!ret->name || !ret->description)
        return err_nomem(e);
    if (*ret->description && ret->stars)
        return 1;
    r = speaker(m, repo, &d, e);
    if (r > 0)
        r = stmt_open(m, said, &i, e);
    if (r < 0 || !i.s)
        return r < 0 ? r : 1;
    stmt_bind(&i, "id", repo, &d);
    r = stmt_step(&i, e);
    if (r == 1 && !*ret->description)
        ret->description = col_dup(&i, 0, a);
    if (r == 1 && !ret->stars)
        ret->stars = col_i64(&i, 1);
    return r < 0 ? r : ret->description ? 1 : err_nomem(e);
}

static int find(struct finding *f, uint64_t skip, uint64_t n, struct arena *a,
                struct index_names *ret, struct shale_err *e)
{
    int r = find_first(f, e);

    for (size_t i = 1; r >= 0 && i < f->t->n; i++)
        r = narrow(f, f->t->words[i], e);
    if (r < 0)
        return r;
    if (f->n)
        qsort(f->v, f->n, sizeof *f->v, by_rank);
    ret->n_all = f->n;
    ret->n = 0;
    uint64_t left = skip < f->n ? f->n - skip : 0;
    ret->v = arena_array(a, left < n ? left : n, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (uint64_t i = skip; i < f->n && ret->n < n; i++) {
        r = index_describe(f->m, f->v[i].id, a, &ret->v[ret->n], e);
        if (r < 0)
            return r;
        ret->n += r > 0; /* it may be gone by now */
    }
    return 0;
}

int index_names(struct index *x, const char *term, const struct index_asker *who, uint64_t skip,
                uint64_t n, struct arena *a, struct index_names *ret, struct shale_err *e)
{
    struct term t;
    int r = cut(term, &t, e);

    if (r < 0)
        return r;
    struct finding f = {.m = index_take(x), .t = &t, .who = who, .a = a};
    r = index_result(x, find(&f, skip, n, a, ret, e), e);
    index_give(x);
    return r;
}
