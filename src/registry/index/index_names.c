/* SPDX-License-Identifier: Apache-2.0 */
/* Repositories by name and description. */
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "meta/stmt.h"
#include "registry/index/index.h"

#define TRIGRAM   3         /* shorter words are not looked for in descriptions of images */
#define COMMON    256       /* images that say a word: fewer are looked up one by one, … */
#define COMMON_OF 8         /* … and also when they are less than that part of all */
#define DENSE_IDS (1 << 20) /* so many have a place each; two bytes */

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

/* Which of the words something has, as bits. IDs are rowids: most often few are free. */
struct marks {
    uint16_t *dense; /* of the IDs below n_dense */
    int64_t n_dense;
    struct mark {   /* of all others */
        int64_t id; /* 0: an empty place */
        unsigned words;
    } * v;
    size_t n, cap; /* cap: a power of two */
};

static void marks_clear(struct marks *k)
{
    free(k->dense);
    free(k->v);
}

/* No ID will be larger, most likely. */
static int marks_expect(struct marks *k, int64_t max_id, struct shale_err *e)
{
    static_assert(INDEX_TERM_WORDS <= 16, "a bit for each word");

    if (k->dense || max_id <= 0 || max_id >= DENSE_IDS)
        return 0;
    k->dense = mem_array((size_t)max_id + 1, sizeof *k->dense);
    if (!k->dense)
        return err_nomem(e);
    k->n_dense = max_id + 1;
    return 0;
}

static uint16_t *dense_of(const struct marks *k, int64_t id)
{
    return k->dense && id >= 0 && id < k->n_dense ? &k->dense[id] : NULL;
}

static struct mark *mark_find(const struct marks *k, int64_t id)
{
    size_t i = (size_t)((uint64_t)id * 0x9e3779b97f4a7c15ull >> 20);

    for (; k->v[i & (k->cap - 1)].id && k->v[i & (k->cap - 1)].id != id; i++)
        ;
    return &k->v[i & (k->cap - 1)];
}

static unsigned mark_get(const struct marks *k, int64_t id)
{
    const uint16_t *dense = dense_of(k, id);

    return dense ? *dense : k->n ? mark_find(k, id)->words : 0;
}

static int mark_add(struct marks *k, int64_t id, unsigned words, struct shale_err *e)
{
    uint16_t *dense = dense_of(k, id);

    if (dense) {
        *dense |= (uint16_t)words;
        return 0;
    }
    if (2 * (k->n + 1) > k->cap) {
        struct marks more = {
            .dense = k->dense, .n_dense = k->n_dense, .cap = k->cap ? 2 * k->cap : 256};
        more.v = mem_array(more.cap, sizeof *more.v);
        if (!more.v)
            return err_nomem(e);
        for (size_t i = 0; i < k->cap; i++)
            if (k->v[i].id)
                *mark_find(&more, k->v[i].id) = k->v[i];
        more.n = k->n;
        free(k->v);
        *k = more;
    }
    struct mark *m = mark_find(k, id);
    k->n += m->id == 0;
    m->id = id;
    m->words |= words;
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
    size_t rarest;      /* of the words */
    uint64_t common;    /* so many images say a common word, at least; and are walked at most */
    bool is_common;     /* even the rarest is */
    unsigned said;      /* words that images say at all */
    struct marks docs;  /* which of the others they say */
    struct marks repos; /* repositories with images that say the rarest, and what those say */
    uint64_t walked;    /* images of repositories */
    bool all;           /* repos has what any image says */
    uint64_t wanted;    /* so many of the best are kept in v, the last of them first (a heap) */
    uint64_t n_all;     /* were found */
    struct found *v;
    size_t n, cap;
};

/* ---- what images say ---- */

/* A word as FTS5 takes it: a phrase in quotes. */
static const char *phrase(const char *word, struct arena *a)
{
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

static int open_docs(struct finding *f, const char *sql, size_t word, struct stmt *ret,
                     struct shale_err *e)
{
    const char *match = phrase(f->t->words[word], f->a);
    int r = match ? stmt_open(f->m, sql, ret, e) : err_nomem(e);

    if (r >= 0)
        stmt_bind(ret, "t", match);
    return r;
}

/* How many say the word, f->common of them at most. */
static int count_docs(struct finding *f, size_t word, uint64_t *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = 0;

    *ret = 0;
    if (strlen(f->t->words[word]) >= TRIGRAM)
        r = open_docs(f, "SELECT rowid FROM docs WHERE docs MATCH ?1", word, &q, e);
    while (q.s && *ret < f->common && (r = stmt_step(&q, e)) == 1)
        ++*ret;
    return r < 0 ? r : 0;
}

static int look_at_words(struct finding *f, struct shale_err *e)
{
    uint64_t n, least = UINT64_MAX;
    int64_t all = 0, repos = 0;
    int r = stmt_number(f->m, "SELECT max(id) FROM main.manifests", 0, &all, e, "");

    if (r >= 0)
        r = stmt_number(f->m, "SELECT max(id) FROM reg.repos", 0, &repos, e, "");
    if (r >= 0 && f->t->n > 0)
        r = marks_expect(&f->docs, all, e);
    if (r >= 0 && f->t->n > 0)
        r = marks_expect(&f->repos, repos, e);

    f->common = all > COMMON_OF * COMMON ? (uint64_t)all / COMMON_OF : COMMON;
    for (size_t i = 0; r >= 0 && i < f->t->n; i++) {
        r = count_docs(f, i, &n, e);
        if (r < 0)
            return r;
        f->said |= n > 0 ? 1u << i : 0;
        if (n < least)
            f->rarest = i;
        least = n < least ? n : least;
    }
    f->is_common = least >= f->common && least != UINT64_MAX;
    return r;
}

/* ---- words that so many images say that all are read, in the order in which they lie ---- */

/* The index of words folds letters of all scripts; here it is those of ASCII. */
static bool is_plain(const struct term *t)
{
    for (size_t i = 0; i < t->n; i++)
        for (const char *p = t->words[i]; *p; p++)
            if ((unsigned char)*p >= 0x80)
                return false;
    return true;
}

static int read_docs(struct finding *f, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(f->m, "SELECT id, c0 FROM main.docs_content", &q, e);

    while (r >= 0 && (r = stmt_step(&q, e)) == 1) {
        const char *text = col_text(&q, 1);
        unsigned words = 0;
        for (size_t i = 0; i < f->t->n; i++)
            if (f->said >> i & 1 && strcasestr(text, f->t->words[i]))
                words |= 1u << i;
        if (words)
            r = mark_add(&f->docs, col_i64(&q, 0), words, e);
    }
    return r;
}

/* Both databases are read in the order of digests: looking each up costs several times as much. */
static int read_repos(struct finding *f, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt i = {0}, m = {0};
    int r = stmt_open(f->m, "SELECT digest, id FROM main.manifests ORDER BY digest", &i, e);

    if (r >= 0)
        r = stmt_open(f->m, "SELECT digest, repo FROM reg.manifests ORDER BY digest", &m, e);
    if (r < 0)
        return r;
    int r_i = stmt_step(&i, e), r_m = stmt_step(&m, e);
    while (r_i == 1 && r_m == 1) {
        int order = strcmp(col_text(&i, 0), col_text(&m, 0));
        unsigned words = order == 0 ? mark_get(&f->docs, col_i64(&i, 1)) : 0;
        r = words ? mark_add(&f->repos, col_i64(&m, 1), words, e) : 0;
        if (r < 0)
            return r;
        if (order < 0)
            r_i = stmt_step(&i, e);
        else
            r_m = stmt_step(&m, e);
    }
    return r_i < 0 ? r_i : r_m < 0 ? r_m : 0;
}

static int read_all(struct finding *f, struct shale_err *e)
{
    int r = read_docs(f, e);

    f->all = true;
    return r < 0 ? r : read_repos(f, e);
}

/* ---- rarer ones ---- */

static int mark_docs(struct finding *f, size_t word, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = open_docs(f, "SELECT rowid FROM docs WHERE docs MATCH ?1", word, &q, e);

    while (r >= 0 && (r = stmt_step(&q, e)) == 1)
        r = mark_add(&f->docs, col_i64(&q, 0), 1u << word, e);
    return r;
}

static int mark_repos(struct finding *f, size_t word, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = open_docs(f,
                      "SELECT m.repo, i.id FROM docs d JOIN main.manifests i ON i.id = d.rowid JOIN"
                      " reg.manifests m ON m.digest = i.digest WHERE docs MATCH ?1",
                      word, &q, e);

    while (r >= 0 && (r = stmt_step(&q, e)) == 1)
        r = mark_add(&f->repos, col_i64(&q, 0), 1u << word | mark_get(&f->docs, col_i64(&q, 1)), e);
    return r;
}

/* In which repositories an image is costs the most: that is asked of the rarest word's only. */
static int mark_all(struct finding *f, struct shale_err *e)
{
    int r = look_at_words(f, e);

    if (r >= 0 && f->is_common && is_plain(f->t))
        return read_all(f, e);
    for (size_t i = 0; r >= 0 && i < f->t->n; i++)
        if (f->said >> i & 1 && i != f->rarest)
            r = mark_docs(f, i, e);
    if (r >= 0 && f->said >> f->rarest & 1)
        r = mark_repos(f, f->rarest, e);
    return r;
}

static int mark_rest(struct finding *f, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < f->t->n; i++)
        if (f->said >> i & 1 && i != f->rarest)
            r = mark_repos(f, i, e);
    f->all = true;
    return r;
}

/* Adds what is said by those of its images that do not say the rarest word, as far as needed. */
static int mark_more(struct finding *f, int64_t repo, unsigned needed, unsigned *marks,
                     struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = 0;

    if (!f->all && f->walked >= f->common)
        r = is_plain(f->t) ? read_all(f, e) : mark_rest(f, e);
    *marks |= mark_get(&f->repos, repo);
    if (r >= 0 && !f->all)
        r = stmt_open(
            f->m,
            "SELECT i.id FROM reg.manifests m JOIN main.manifests i ON i.digest = m.digest"
            " WHERE m.repo = ?1",
            &q, e);
    if (r < 0 || f->all)
        return r;
    stmt_bind(&q, "i", repo);
    while ((*marks & needed) != needed && (r = stmt_step(&q, e)) == 1) {
        *marks |= mark_get(&f->docs, col_i64(&q, 0));
        f->walked++;
    }
    return r < 0 ? r : 0;
}

/* ---- what repositories say themselves ---- */

/* 1: it has all words. */
static int has_words(struct finding *f, const struct stmt *q, struct shale_err *e)
{
    const char *name = col_text(q, 1), *description = col_text(q, 4);
    unsigned marks = mark_get(&f->repos, col_i64(q, 0)), needed = (1u << f->t->n) - 1;

    for (size_t i = 0; i < f->t->n; i++)
        if (strstr(name, f->t->words[i]) || strcasestr(description, f->t->words[i]))
            marks |= 1u << i;
    unsigned missing = needed & ~marks;
    if (!missing)
        return 1;
    if (!(marks >> f->rarest & 1) || missing & ~f->said)
        return 0;
    int r = mark_more(f, col_i64(q, 0), missing, &marks, e);
    return r < 0 ? r : (marks & needed) == needed;
}

static int has_manifests(struct finding *f, int64_t repo, struct shale_err *e)
{
    int64_t found = 0;
    int r = stmt_number(f->m, "SELECT 1 FROM reg.manifests WHERE repo = ?1 LIMIT 1", 0, &found, e,
                        "i", repo);

    return r < 0 ? r : found != 0;
}

/* ---- the best of them ---- */

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

/* Puts x where it belongs on the way from the place `at` of a heap of n down to the leaves. */
static void sift_down(struct found *v, size_t n, size_t at, struct found x)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && by_rank(&v[child], &v[child + 1]) < 0)
            child++;
        if (by_rank(&x, &v[child]) >= 0)
            break;
        v[at] = v[child];
    }
    v[at] = x;
}

static void sift_up(struct found *v, size_t at, struct found x)
{
    for (; at > 0 && by_rank(&v[(at - 1) / 2], &x) < 0; at = (at - 1) / 2)
        v[at] = v[(at - 1) / 2];
    v[at] = x;
}

/* Thousands may be found, of which a page is shown: only those that may still be on it are kept. */
static int keep(struct finding *f, const struct stmt *q, struct shale_err *e)
{
    struct found x = {
        .id = col_i64(q, 0),
        .name = col_text(q, 1),
        .stars = col_i64(q, 2),
        .official = col_i64(q, 3) != 0,
    };

    f->n_all++;
    x.exact = f->t->n == 1 && streq(x.name, f->t->words[0]);
    bool full = f->n >= f->wanted;
    if (full && (f->n == 0 || by_rank(&x, &f->v[0]) >= 0))
        return 0;
    struct found *v = full ? f->v : arena_grow(f->a, f->v, f->n, &f->cap, sizeof *v);
    x.name = col_dup(q, 1, f->a);
    if (!v || !x.name)
        return err_nomem(e);
    f->v = v;
    if (full)
        sift_down(v, f->n, 0, x);
    else
        sift_up(v, f->n++, x);
    return 0;
}

/* ---- all ---- */

static int find_all(struct finding *f, struct shale_err *e)
{
    static const char every[] = "SELECT id, name, stars, official, description FROM reg.repos";
    static const char with_manifests[] =
        "SELECT id, name, stars, official, description FROM reg.repos r WHERE"
        " EXISTS(SELECT 1 FROM reg.manifests WHERE repo = r.id)";
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = mark_all(f, e);

    if (r >= 0)
        r = stmt_open(f->m, f->t->n ? every : with_manifests, &q, e);
    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        r = has_words(f, &q, e);
        if (r > 0 && !f->who->sees(f->who->arg, col_text(&q, 1)))
            r = 0;
        if (r > 0 && f->t->n && !mark_get(&f->repos, col_i64(&q, 0)))
            r = has_manifests(f, col_i64(&q, 0), e);
        if (r > 0)
            r = keep(f, &q, e);
        if (r < 0)
            return r;
    }
    return r;
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

/* A statement that has not ended holds what is seen of both databases: thousands of small ones that
 * begin and end by themselves would take their locks each time. */
static int hold(struct meta *m, struct stmt *ret, struct shale_err *e)
{
    int r = stmt_open(m,
                      "SELECT (SELECT 1 FROM main.manifests LIMIT 1), (SELECT 1 FROM reg.repos"
                      " LIMIT 1) UNION ALL SELECT 2, 2",
                      ret, e);

    return r < 0 ? r : stmt_step(ret, e);
}

static int find(struct finding *f, uint64_t skip, uint64_t n, struct arena *a,
                struct index_names *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt both = {0};
    int r = hold(f->m, &both, e);

    if (r >= 0)
        r = find_all(f, e);
    if (r < 0)
        return r;
    if (f->n)
        qsort(f->v, f->n, sizeof *f->v, by_rank);
    ret->n_all = f->n_all;
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
    struct finding f = {.m = index_take(x), .t = &t, .who = who, .a = a, .wanted = skip + n};
    r = index_result(x, find(&f, skip, n, a, ret, e), e);
    index_give(x);
    marks_clear(&f.docs);
    marks_clear(&f.repos);
    return r;
}
