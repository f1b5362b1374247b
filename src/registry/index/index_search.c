/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/index/index_search.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "meta/stmt.h"
#include "base/glob.h"

#define CRITERIA_MAX (2 * SEARCH_MANY + 1)
#define RARE         200    /* repositories, images */
#define TAGS_READ    200000 /* of an image, before it is given up that one of them matches */

struct searching {
    struct meta *m;
    const struct search_query *q;
    const struct index_asker *who;
    struct arena *a;
    struct index_images *ret;
    uint64_t skip, n;
    struct hits hits[CRITERIA_MAX];
    size_t n_hits;
    struct stack stack;
    bool tagged;  /* images without a tag do not count */
    int64_t repo; /* where we are, and which of its images were seen */
    struct seen seen;
};

/* What an image is, as a row of main.manifests. */
struct candidate {
    int64_t id, repo;
    const char *repo_name;
    struct digest digest;
};

/* ---- the repository ---- */

static bool has_words(const struct search_query *q, const char *name)
{
    for (size_t i = 0; i < q->n_words; i++)
        if (!strstr(name, q->words[i]))
            return false;
    return true;
}

static bool wants_repo(const struct searching *s, const char *name)
{
    return has_words(s->q, name) && (!s->q->repo || glob_match(s->q->repo, name)) &&
           s->who->sees(s->who->arg, name);
}

/* ---- the image ---- */

static int64_t clamp(uint64_t n)
{
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static int has_facts(struct searching *s, int64_t id, struct shale_err *e)
{
    int r = 1;

    for (size_t i = 0; r > 0 && i < s->q->n_facts; i++) {
        const struct search_fact *f = &s->q->facts[i];
        int64_t found = 0;
        r = stmt_number(s->m,
                        "SELECT 1 FROM facts WHERE kind = ?1 AND key = ?2 AND (?3 OR value = ?4)"
                        " AND manifest = ?5 LIMIT 1",
                        0, &found, e, "ttiti", f->kind, f->key, (int64_t)(f->value == NULL),
                        f->value, id);
        r = r < 0 ? r : found != 0;
    }
    return r;
}

static const char image_row[] =
    "SELECT i.os, i.arch, i.variant, i.created, i.size, m.media_type FROM main.manifests i JOIN"
    " reg.manifests m ON m.repo = ?2 AND m.digest = i.digest WHERE i.id = ?1 AND NOT i.is_index"
    " AND (?3 = '' OR i.os = ?3) AND (?4 = '' OR i.arch = ?4) AND (?5 = '' OR i.variant = ?5)"
    " AND i.size BETWEEN ?6 AND ?7 AND (?8 OR i.created BETWEEN ?9 AND ?10)";

static int read_image(struct searching *s, const struct candidate *c, struct index_image *ret,
                      struct shale_err *e)
{
    const struct search_query *q = s->q;
    bool any_time = q->since_ns == INT64_MIN && q->before_ns == INT64_MAX;
    _cleanup_(stmt_close) struct stmt row = {0};
    int r = stmt_open(s->m, image_row, &row, e);

    if (r < 0)
        return r;
    /* one without a date has the date 0 */
    stmt_bind(&row, "iitttiiiii", c->id, c->repo, q->os, q->arch, q->variant, clamp(q->min_bytes),
              clamp(q->max_bytes), (int64_t)any_time,
              q->since_ns == INT64_MIN ? (int64_t)1 : q->since_ns, q->before_ns);
    r = stmt_step(&row, e);
    if (r <= 0)
        return r;
    *ret = (struct index_image){
        .repo = arena_strdup(s->a, c->repo_name),
        .digest = c->digest,
        .os = col_dup(&row, 0, s->a),
        .arch = col_dup(&row, 1, s->a),
        .variant = col_dup(&row, 2, s->a),
        .created_ns = col_i64(&row, 3),
        .size_bytes = (uint64_t)col_i64(&row, 4),
        .media_type = col_dup(&row, 5, s->a),
    };
    return ret->repo && ret->os && ret->arch && ret->variant && ret->media_type ? 1 : err_nomem(e);
}

/* Its own tags, and those of indexes that it is in. 0 when it must have one (such as is asked for)
 * and has none. */
static int read_tags(struct searching *s, const struct candidate *c, struct index_image *ret,
                     struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r =
        stmt_open(s->m,
                  "SELECT tag FROM reg.tags WHERE repo = ?1 AND digest = ?2 UNION ALL SELECT"
                  " t.tag FROM reg.edges g CROSS JOIN reg.tags t ON t.repo = g.repo AND t.digest ="
                  " g.parent WHERE g.repo = ?1 AND g.child = ?2 LIMIT ?3",
                  &q, e);

    if (r < 0)
        return r;
    ret->tags = arena_array(s->a, INDEX_TAGS_MAX, sizeof *ret->tags);
    if (!ret->tags)
        return err_nomem(e);
    stmt_bind(&q, "idi", c->repo, &c->digest, (int64_t)TAGS_READ);
    while (ret->n_tags < INDEX_TAGS_MAX && (r = stmt_step(&q, e)) == 1) {
        if (s->q->tag && !glob_match(s->q->tag, col_text(&q, 0)))
            continue;
        ret->tags[ret->n_tags] = col_dup(&q, 0, s->a);
        if (!ret->tags[ret->n_tags++])
            return err_nomem(e);
    }
    return r < 0 ? r : !(s->q->tag || s->tagged) || ret->n_tags > 0;
}

/* What it shows of one criterion. */
static int read_matches(struct searching *s, const struct hits *h, struct index_image *ret,
                        struct shale_err *e)
{
    bool found = false;

    for (size_t i = 0; i < s->stack.n; i++) {
        size_t n = 0;
        const struct hit *v = hits_in(h, s->stack.v[i], &n);
        for (size_t k = 0; k < n; k++) {
            if (found && ret->n_matches == INDEX_MATCHES_MAX)
                return 1;
            int r = stack_shows(s->m, &s->stack, i, v[k].dir, v[k].name, e);
            if (r > 0 && ret->n_matches < INDEX_MATCHES_MAX) {
                r = match_of(s->m, &v[k], s->a, &ret->matches[ret->n_matches], e);
                ret->n_matches += r > 0;
            }
            if (r < 0)
                return r;
            found |= r > 0;
        }
    }
    return found;
}

static int read_all_matches(struct searching *s, const struct candidate *c, struct index_image *ret,
                            struct shale_err *e)
{
    if (s->n_hits == 0)
        return 1;
    ret->matches = arena_array(s->a, INDEX_MATCHES_MAX, sizeof *ret->matches);
    int r = ret->matches ? stack_load(s->m, c->id, &s->stack, e) : err_nomem(e);
    if (r < 0)
        return r;
    r = 1;
    for (size_t i = 0; r > 0 && i < s->n_hits; i++)
        r = read_matches(s, &s->hits[i], ret, e);
    return r;
}

/* 1: there is enough. */
static int consider(struct searching *s, const struct candidate *c, struct shale_err *e)
{
    struct index_image x = {0};
    int r = 1;

    if (s->q->digest && !str_has_prefix(c->digest.s, s->q->digest))
        return 0;
    r = has_facts(s, c->id, e);
    if (r > 0)
        r = read_image(s, c, &x, e);
    if (r > 0)
        r = read_tags(s, c, &x, e);
    if (r > 0)
        r = read_all_matches(s, c, &x, e);
    if (r <= 0)
        return r;
    if (s->skip > 0) {
        s->skip--;
        return 0;
    }
    if (s->ret->n == s->n) {
        s->ret->more = true;
        return 1;
    }
    s->ret->v[s->ret->n++] = x;
    return 0;
}

/* ---- from images that something was found of ---- */

static int consider_everywhere(struct searching *s, int64_t id, struct shale_err *e)
{
    struct candidate c = {.id = id};
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(s->m,
                      "SELECT i.digest, r.id, r.name FROM main.manifests i JOIN reg.manifests m ON"
                      " m.digest = i.digest JOIN reg.repos r ON r.id = m.repo WHERE i.id = ?1 AND"
                      " NOT i.is_index ORDER BY r.name",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "i", id);
    while ((r = stmt_step(&q, e)) == 1) {
        col_digest(&q, 0, &c.digest);
        c.repo = col_i64(&q, 1);
        c.repo_name = col_text(&q, 2);
        r = wants_repo(s, c.repo_name) ? consider(s, &c, e) : 0;
        if (r != 0)
            return r;
    }
    return r;
}

static int consider_rows(struct searching *s, struct stmt *q, struct shale_err *e)
{
    int r;

    while ((r = stmt_step(q, e)) == 1) {
        r = consider_everywhere(s, col_i64(q, 0), e);
        if (r != 0)
            return r;
    }
    return r;
}

static int newest_first(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x < *y) - (*x > *y);
}

/* Each once, the newest first. */
static int consider_all(struct searching *s, int64_t *v, size_t n, struct shale_err *e)
{
    if (n)
        qsort(v, n, sizeof *v, newest_first);
    for (size_t i = 0; i < n; i++) {
        int r = i && v[i] == v[i - 1] ? 0 : consider_everywhere(s, v[i], e);
        if (r != 0)
            return r;
    }
    return 0;
}

/* Images whose layers have hits of a criterion. */
static int by_hits(struct searching *s, const struct hits *h, struct shale_err *e)
{
    int64_t *v = NULL;
    size_t n = 0, cap = 0;
    {
        _cleanup_(stmt_close) struct stmt q = {0};
        int r = stmt_open(s->m, "SELECT manifest FROM stacks WHERE layer = ?1", &q, e);
        for (size_t i = 0; r >= 0 && i < h->n; i++) {
            if (i && h->v[i].layer == h->v[i - 1].layer)
                continue;
            stmt_reset(&q);
            stmt_bind(&q, "i", h->v[i].layer);
            while ((r = stmt_step(&q, e)) == 1) {
                v = arena_grow(s->a, v, n, &cap, sizeof *v);
                if (!v)
                    return err_nomem(e);
                v[n++] = col_i64(&q, 0);
            }
        }
        if (r < 0)
            return r;
    }
    return consider_all(s, v, n, e);
}

static int by_digest(struct searching *s, struct shale_err *e)
{
    const char *end = arena_printf(s->a, "%s\x7f", s->q->digest);
    _cleanup_(stmt_close) struct stmt q = {0};
    int r =
        end ? stmt_open(s->m, "SELECT id FROM main.manifests WHERE digest >= ?1 AND digest < ?2",
                        &q, e)
            : err_nomem(e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tt", s->q->digest, end);
    return consider_rows(s, &q, e);
}

static int by_fact(struct searching *s, struct shale_err *e)
{
    static const char with_value[] = "SELECT manifest FROM facts WHERE kind = ?1 AND key = ?2 AND"
                                     " value = ?3 ORDER BY manifest DESC";
    static const char with_key[] =
        "SELECT manifest FROM facts WHERE kind = ?1 AND key = ?2 AND ?3 = ''";
    const struct search_fact *f = &s->q->facts[0];
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(s->m, f->value ? with_value : with_key, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "ttt", f->kind, f->key, f->value);
    return consider_rows(s, &q, e);
}

/* ---- from few images, of which everything is asked ---- */

struct rare {
    int64_t v[RARE];
    size_t n;
};

/* By what they are: platform, size, date. 1: these are all. */
static int rare_images(struct searching *s, struct rare *ret, struct shale_err *e)
{
    static const char of_any[] =
        "SELECT id FROM main.manifests WHERE NOT is_index AND (?1 = '' OR os = ?1) AND ?2 = '' AND"
        " (?3 = '' OR variant = ?3) AND size BETWEEN ?4 AND ?5 AND (?6 OR created BETWEEN ?7 AND"
        " ?8) ORDER BY id DESC LIMIT ?9";
    static const char of_arch[] =
        "SELECT id FROM main.manifests WHERE NOT is_index AND (?1 = '' OR os = ?1) AND arch = ?2"
        " AND (?3 = '' OR variant = ?3) AND size BETWEEN ?4 AND ?5 AND (?6 OR created BETWEEN ?7"
        " AND ?8) ORDER BY id DESC LIMIT ?9";
    const struct search_query *q = s->q;
    bool any_time = q->since_ns == INT64_MIN && q->before_ns == INT64_MAX;
    _cleanup_(stmt_close) struct stmt row = {0};

    if (!(q->os && *q->os) && !(q->arch && *q->arch) && any_time && q->min_bytes == 0 &&
        q->max_bytes == UINT64_MAX)
        return 0;
    int r = stmt_open(s->m, q->arch && *q->arch ? of_arch : of_any, &row, e);
    if (r < 0)
        return r;
    stmt_bind(&row, "tttiiiiii", q->os, q->arch, q->variant, clamp(q->min_bytes),
              clamp(q->max_bytes), (int64_t)any_time,
              q->since_ns == INT64_MIN ? (int64_t)1 : q->since_ns, q->before_ns, (int64_t)RARE);
    while (ret->n < RARE && (r = stmt_step(&row, e)) == 1)
        ret->v[ret->n++] = col_i64(&row, 0);
    return r < 0 ? r : ret->n < RARE;
}

static int add_images_of(struct searching *s, int64_t repo, struct rare *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(s->m,
                      "SELECT i.id FROM reg.manifests m CROSS JOIN main.manifests i ON i.digest ="
                      " m.digest WHERE m.repo = ?1",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "i", repo);
    while (ret->n < RARE && (r = stmt_step(&q, e)) == 1)
        ret->v[ret->n++] = col_i64(&q, 0);
    return r < 0 ? r : 0;
}

/* By the repositories that are wanted. 1: these are all. */
static int images_of_rare_repos(struct searching *s, struct rare *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};

    if (!s->q->repo && s->q->n_words == 0)
        return 0;
    int r = stmt_open(s->m, "SELECT id, name FROM reg.repos", &q, e);
    while (r >= 0 && ret->n < RARE && (r = stmt_step(&q, e)) == 1)
        if (wants_repo(s, col_text(&q, 1)))
            r = add_images_of(s, col_i64(&q, 0), ret, e);
    return r < 0 ? r : ret->n < RARE;
}

/* ---- from the tags of repositories ---- */

static const char images_of[] =
    "SELECT id, digest FROM main.manifests WHERE digest = ?1 AND NOT is_index UNION ALL SELECT"
    " i.id, i.digest FROM reg.edges g JOIN main.manifests i ON i.digest = g.child AND NOT"
    " i.is_index WHERE g.repo = ?2 AND g.parent = ?1";

static int consider_tagged(struct searching *s, const char *repo_name, const struct digest *d,
                           struct shale_err *e)
{
    struct candidate c = {.repo = s->repo, .repo_name = repo_name};
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = seen_before(&s->seen, d->s, e);

    if (r != 0)
        return r < 0 ? r : 0;
    r = stmt_open(s->m, images_of, &q, e);
    if (r < 0)
        return r;
    stmt_bind(&q, "di", d, s->repo);
    while ((r = stmt_step(&q, e)) == 1) {
        c.id = col_i64(&q, 0);
        col_digest(&q, 1, &c.digest);
        r = digest_eq(&c.digest, d) ? 0 : seen_before(&s->seen, c.digest.s, e);
        if (r == 0)
            r = consider(s, &c, e);
        else if (r > 0)
            continue;
        if (r != 0)
            return r;
    }
    return r;
}

/* From, and to before what, tags are that the one that is asked for may be. */
static int range_of_tag(struct searching *s, const char **ret_from, const char **ret_to,
                        struct shale_err *e)
{
    const char *tag = s->q->tag;
    size_t n = strcspn(tag, "*?");

    *ret_from = arena_strndup(s->a, tag, n);
    *ret_to = *ret_from ? arena_printf(s->a, tag[n] ? "%s\x7f" : "%s\x01", *ret_from) : NULL;
    return *ret_to ? 0 : err_nomem(e);
}

static int open_tags(struct searching *s, struct stmt *q, struct shale_err *e)
{
    static const char newest[] =
        "SELECT tag, digest FROM reg.tags WHERE repo = ?1 ORDER BY updated DESC";
    static const char range[] = "SELECT tag, digest FROM reg.tags WHERE repo = ?1 AND tag >= ?2 AND"
                                " tag < ?3 ORDER BY tag";
    const char *from, *to;
    int r = s->q->tag ? range_of_tag(s, &from, &to, e) : 0;

    if (r >= 0)
        r = stmt_open(s->m, s->q->tag ? range : newest, q, e);
    if (r < 0)
        return r;
    if (s->q->tag)
        stmt_bind(q, "itt", s->repo, from, to);
    else
        stmt_bind(q, "i", s->repo);
    return 0;
}

static int by_tags_of(struct searching *s, const char *repo_name, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct digest d;
    int r = open_tags(s, &q, e);

    seen_forget(&s->seen);
    while (r >= 0 && (r = stmt_step(&q, e)) == 1) {
        if (s->q->tag && !glob_match(s->q->tag, col_text(&q, 0)))
            continue;
        col_digest(&q, 1, &d);
        r = consider_tagged(s, repo_name, &d, e);
        if (r != 0)
            return r;
    }
    return r;
}

/* Is the tag that is asked for so rare that it tells in which repositories to look? */
static int is_rare_tag(struct searching *s, struct shale_err *e)
{
    const char *from, *to;
    int64_t n = 0;

    if (!s->q->tag || strchr("*?", *s->q->tag))
        return 0;
    int r = range_of_tag(s, &from, &to, e);
    if (r >= 0)
        r = stmt_number(s->m,
                        "SELECT count(*) FROM (SELECT 1 FROM reg.tags WHERE tag >= ?1 AND tag < ?2"
                        " LIMIT ?3)",
                        0, &n, e, "tti", from, to, (int64_t)RARE);
    return r < 0 ? r : n < RARE;
}

static int open_repos(struct searching *s, bool rare_tag, struct stmt *q, struct shale_err *e)
{
    static const char one[] = "SELECT id, name FROM reg.repos WHERE name = ?1";
    static const char all[] = "SELECT id, name FROM reg.repos WHERE ?1 = '' ORDER BY name";
    static const char by_tag[] =
        "SELECT r.id, r.name FROM (SELECT DISTINCT repo FROM reg.tags WHERE tag >= ?1 AND tag <"
        " ?2) t CROSS JOIN reg.repos r ON r.id = t.repo ORDER BY r.name";
    bool exact = s->q->repo && !strpbrk(s->q->repo, "*?");
    const char *from = exact ? s->q->repo : "", *to;
    int r = !exact && rare_tag ? range_of_tag(s, &from, &to, e) : 0;

    if (r >= 0)
        r = stmt_open(s->m, exact ? one : rare_tag ? by_tag : all, q, e);
    if (r < 0)
        return r;
    if (!exact && rare_tag)
        stmt_bind(q, "tt", from, to);
    else
        stmt_bind(q, "t", from);
    return 0;
}

static int by_tags(struct searching *s, bool rare_tag, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = open_repos(s, rare_tag, &q, e);

    while (r >= 0 && (r = stmt_step(&q, e)) == 1) {
        s->repo = col_i64(&q, 0);
        r = wants_repo(s, col_text(&q, 1)) ? by_tags_of(s, col_text(&q, 1), e) : 0;
        if (r != 0)
            return r;
    }
    return r;
}

/* ---- all of it ---- */

static int find_hits(struct searching *s, struct shale_err *e)
{
    const struct search_query *q = s->q;
    int r = 0;

    if (q->has_sha256)
        r = hits_of_sha256(s->m, q->sha256, s->a, &s->hits[s->n_hits++], e);
    for (size_t i = 0; r >= 0 && i < q->n_packages; i++)
        r = hits_of_package(s->m, &q->packages[i], s->a, &s->hits[s->n_hits++], e);
    for (size_t i = 0; r >= 0 && i < q->n_files; i++)
        r = hits_of_file(s->m, &q->files[i], s->a, &s->hits[s->n_hits++], e);
    return r;
}

static const struct hits *fewest_hits(const struct searching *s)
{
    const struct hits *fewest = &s->hits[0];

    for (size_t i = 1; i < s->n_hits; i++)
        fewest = s->hits[i].n < fewest->n ? &s->hits[i] : fewest;
    return fewest;
}

/* Whatever finds images, all that is asked for is asked of each; so what tells most comes first. */
static int run(struct searching *s, struct shale_err *e)
{
    const struct search_query *q = s->q;
    int r = find_hits(s, e);

    if (r < 0 || (s->n_hits > 0 && fewest_hits(s)->n == 0))
        return r;
    /* Only what is asked for by its inside or its digest may be without a tag. */
    s->tagged = s->n_hits == 0 && !q->digest && q->n_facts == 0;
    struct rare rare = {0};
    r = rare_images(s, &rare, e);
    if (r > 0)
        return consider_all(s, rare.v, rare.n, e);
    if (r == 0)
        r = is_rare_tag(s, e);
    if (r != 0 || s->tagged)
        return r < 0 ? r : by_tags(s, r > 0, e);
    rare.n = 0;
    r = images_of_rare_repos(s, &rare, e);
    if (r != 0)
        return r < 0 ? r : consider_all(s, rare.v, rare.n, e);
    if (s->n_hits > 0)
        return by_hits(s, fewest_hits(s), e);
    return q->digest ? by_digest(s, e) : by_fact(s, e);
}

int index_search(struct index *x, const struct search_query *q, const struct index_asker *who,
                 uint64_t skip, uint64_t n, struct arena *a, struct index_images *ret,
                 struct shale_err *e)
{
    _cleanup_free_ struct searching *s = mem_alloc(sizeof *s);

    if (!s)
        return err_nomem(e);
    *s = (struct searching){.q = q, .who = who, .a = a, .ret = ret, .skip = skip, .n = n};
    *ret = (struct index_images){.v = arena_array(a, n, sizeof *ret->v)};
    if (!ret->v)
        return err_nomem(e);
    s->m = index_take(x);
    int r = index_result(x, run(s, e), e);
    index_give(x);
    seen_clear(&s->seen);
    return r < 0 ? r : 0;
}
