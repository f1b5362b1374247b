/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of a repository with what they stand for: the list, then a HEAD for each tag, then what
 * hangs on each digest once, however many tags it has. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/time.h"
#include "image/copy_priv.h"
#include "image/remote.h"
#include "model/limits.h"

#define JOB_BYTES  (64ull << 20) /* of one manifest with its config, parsed */
#define MAX_BROKEN 3             /* answers that are none, before it is the registry's trouble */

struct detail { /* of one digest */
    struct digest digest;
    const char *media_type;
    const char **platforms;
    size_t n_platforms;
    int64_t created_ns;
    uint64_t size_bytes;
    bool fits; /* the platform that was asked for is there */
    const char *problem;
};

struct listing {
    struct image_host *h;
    const struct shale_tags_opts *o;
    struct platform want;
    bool want_given;
    struct source *from;
    struct strv tags;
    struct detail *of_tag;   /* digest and media type, or problem */
    struct detail **details; /* of every digest once */
    size_t n_details;
    pthread_mutex_t mutex; /* guards what follows */
    struct arena *a;
    unsigned n_broken;
};

static void listing_clear(struct listing *l)
{
    if (l->from)
        l->from->ops->close(l->from);
    pthread_mutex_destroy(&l->mutex);
}

/* Is it about one tag only? Then the others are listed all the same. */
static bool is_single(struct listing *l, int code)
{
    if (code == SHALE_NETWORK) {
        pthread_mutex_lock(&l->mutex);
        bool few = l->n_broken++ < MAX_BROKEN;
        pthread_mutex_unlock(&l->mutex);
        return few;
    }
    return code == SHALE_NOT_FOUND || code == SHALE_UNSUPPORTED || code == SHALE_CORRUPT ||
           code == SHALE_INVALID || code == SHALE_LIMIT;
}

/* Names are asked for first: who cannot be reached is not met here for the first time. */
static int keep_problem(struct listing *l, struct detail *d, int r, const struct shale_err *why,
                        struct shale_err *e)
{
    if (!is_single(l, -r)) {
        if (e)
            *e = *why;
        return r;
    }
    pthread_mutex_lock(&l->mutex);
    d->problem = arena_strdup(l->a, why->msg);
    pthread_mutex_unlock(&l->mutex);
    return d->problem ? 0 : err_nomem(e);
}

/* ---- one HEAD a tag ---- */

static int resolve_tag(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(JOB_BYTES);
    struct listing *l = arg;
    struct detail *d = &l->of_tag[i];
    struct shale_err why = SHALE_ERR_INIT;
    struct descriptor got;
    int r = l->from->ops->resolve(l->from, l->tags.v[i], &a, &got, c, &why);

    if (r < 0)
        return keep_problem(l, d, r, &why, e);
    d->digest = got.digest;
    pthread_mutex_lock(&l->mutex);
    d->media_type = arena_strdup(l->a, got.media_type);
    pthread_mutex_unlock(&l->mutex);
    return d->media_type ? 0 : err_nomem(e);
}

static int by_digest(const void *a, const void *b)
{
    const struct detail *x = *(struct detail *const *)a, *y = *(struct detail *const *)b;

    return strcmp(x->digest.s, y->digest.s);
}

static int unite(struct listing *l, struct shale_err *e)
{
    struct detail **v = arena_array(l->a, l->tags.n + 1, sizeof *v);
    size_t n = 0, kept = 0;

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < l->tags.n; i++)
        if (digest_is_set(&l->of_tag[i].digest))
            v[n++] = &l->of_tag[i];
    qsort(v, n, sizeof *v, by_digest);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !digest_eq(&v[kept - 1]->digest, &v[i]->digest))
            v[kept++] = v[i];
    l->details = v;
    l->n_details = kept;
    return 0;
}

/* ---- what hangs on a digest ---- */

static bool is_shown(const struct descriptor *d)
{
    return d->has_platform && platform_is_set(&d->platform) && !descriptor_is_attestation(d) &&
           !streq(d->platform.os, "unknown");
}

static int keep_platform(struct listing *l, struct detail *d, const struct platform *p,
                         struct shale_err *e)
{
    pthread_mutex_lock(&l->mutex);
    char *text = platform_format(p, l->a);
    pthread_mutex_unlock(&l->mutex);
    if (!text)
        return err_nomem(e);
    d->platforms[d->n_platforms++] = text;
    d->fits |= platform_matches_local(&l->want, p);
    return 0;
}

static int room_for_platforms(struct listing *l, struct detail *d, size_t n, struct shale_err *e)
{
    pthread_mutex_lock(&l->mutex);
    d->platforms = arena_array(l->a, n + 1, sizeof *d->platforms);
    pthread_mutex_unlock(&l->mutex);
    return d->platforms ? 0 : err_nomem(e);
}

/* The entry whose date and size are shown: the one for the platform, else the first image. */
static int choose_entry(const struct listing *l, const struct manifest *m, struct arena *a,
                        const struct descriptor **ret, struct shale_err *e)
{
    const struct descriptor **found = NULL;
    size_t n = 0;
    int r = manifest_select(m, &l->want, a, &found, &n, e);

    *ret = r >= 0 && n ? found[0] : NULL;
    for (size_t i = 0; r >= 0 && !*ret && i < m->n_manifests; i++)
        if (is_shown(&m->manifests[i]))
            *ret = &m->manifests[i];
    return r < 0 ? r : 0;
}

static int read_image(struct listing *l, struct detail *d, const struct doc *doc, struct arena *a,
                      struct cancel *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    const char *created = strmap_get(&doc->m.annotations, "org.opencontainers.image.created");
    struct config cfg;

    d->size_bytes = doc->m.config.size_bytes;
    for (size_t i = 0; i < doc->m.n_layers; i++)
        if (d->size_bytes + doc->m.layers[i].size_bytes > d->size_bytes)
            d->size_bytes += doc->m.layers[i].size_bytes;
    if (!media_is_image_config(doc->m.config.media_type)) { /* another artifact */
        if (created && time_parse_rfc3339(created, &d->created_ns, NULL) < 0)
            d->created_ns = TIME_NONE;
        return 0;
    }
    int r = copy_fetch_config(l->from, &doc->m.config, &b, c, e);
    if (r >= 0)
        r = config_parse(buf_str(&b), b.n, a, &cfg, e);
    if (r < 0)
        return r;
    d->created_ns = cfg.created_ns;
    if (d->n_platforms || !platform_is_set(&cfg.platform))
        return 0;
    r = d->platforms ? 0 : room_for_platforms(l, d, 1, e);
    return r < 0 ? r : keep_platform(l, d, &cfg.platform, e);
}

static int read_index(struct listing *l, struct detail *d, const struct manifest *m,
                      struct shale_err *e)
{
    int r = room_for_platforms(l, d, m->n_manifests, e);

    for (size_t i = 0; r >= 0 && i < m->n_manifests; i++)
        if (is_shown(&m->manifests[i]))
            r = keep_platform(l, d, &m->manifests[i].platform, e);
    return r;
}

static int read_digest(struct listing *l, struct detail *d, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(JOB_BYTES);
    struct doc doc;
    int r = copy_fetch_doc(l->from, d->digest.s, &a, &doc, c, e);

    if (r >= 0 && doc.m.kind == MANIFEST_INDEX)
        r = read_index(l, d, &doc.m, e);
    for (unsigned depth = 0; r >= 0 && doc.m.kind == MANIFEST_INDEX; depth++) {
        const struct descriptor *next = NULL;
        if (depth == LIMIT_INDEX_DEPTH)
            return err_set(e, SHALE_LIMIT, "more than %d indexes within indexes",
                           LIMIT_INDEX_DEPTH);
        r = choose_entry(l, &doc.m, &a, &next, e);
        if (r < 0 || !next)
            return r;
        r = copy_fetch_doc(l->from, next->digest.s, &a, &doc, c, e);
    }
    return r < 0 ? r : read_image(l, d, &doc, &a, c, e);
}

static int detail_job(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct listing *l = arg;
    struct shale_err why = SHALE_ERR_INIT;
    int r = read_digest(l, l->details[i], c, &why);

    return r < 0 ? keep_problem(l, l->details[i], r, &why, e) : 0;
}

/* ---- all ---- */

static int ask(struct listing *l, struct shale_err *e)
{
    size_t n_parallel = l->o->n_parallel ? l->o->n_parallel : REMOTE_PARALLEL;
    int r = pool_run(resolve_tag, l, l->tags.n, n_parallel, l->h->cancel, e);

    if (r >= 0)
        r = unite(l, e);
    return r < 0 ? r : pool_run(detail_job, l, l->n_details, n_parallel, l->h->cancel, e);
}

static const struct detail *detail_of(const struct listing *l, const struct detail *of_tag)
{
    struct detail *const *found =
        digest_is_set(&of_tag->digest)
            ? bsearch(&of_tag, l->details, l->n_details, sizeof(struct detail *), by_digest)
            : NULL;

    return found ? *found : of_tag;
}

static int by_created(const void *a, const void *b)
{
    const struct shale_remote_tag *x = a, *y = b;

    if (x->created_ns != y->created_ns)
        return x->created_ns > y->created_ns ? -1 : 1;
    return remote_compare_versions(x->name, y->name);
}
static int by_size(const void *a, const void *b)
{
    const struct shale_remote_tag *x = a, *y = b;

    if (x->size_bytes != y->size_bytes)
        return x->size_bytes > y->size_bytes ? -1 : 1;
    return remote_compare_versions(x->name, y->name);
}
static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct shale_remote_tag *)a)->name,
                  ((const struct shale_remote_tag *)b)->name);
}

static void sort(struct shale_remote_tag *v, size_t n, const struct shale_tags_opts *o)
{
    static int (*const orders[])(const void *, const void *) = {
        [SHALE_TAGS_BY_VERSION] = NULL, /* as they come */
        [SHALE_TAGS_BY_NAME] = by_name,
        [SHALE_TAGS_BY_CREATED] = by_created,
        [SHALE_TAGS_BY_SIZE] = by_size,
    };

    if ((size_t)o->sort < ARRAY_SIZE(orders) && orders[o->sort])
        qsort(v, n, sizeof *v, orders[o->sort]);
    for (size_t i = 0; o->reverse && i < n / 2; i++) {
        struct shale_remote_tag t = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = t;
    }
}

static int show(struct listing *l, struct shale_remote_tags *ret, struct shale_err *e)
{
    struct shale_remote_tag *v = arena_array(l->a, l->tags.n + 1, sizeof *v);
    size_t n = 0;

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < l->tags.n; i++) {
        const struct detail *t = &l->of_tag[i], *d = detail_of(l, t);
        const char *problem = t->problem ? t->problem : d->problem ? d->problem : "";
        if (l->want_given && !l->o->names_only && !d->fits && !*problem)
            continue;
        v[n++] = (struct shale_remote_tag){
            .name = l->tags.v[i],
            .digest = t->digest.s,
            .media_type = t->media_type ? t->media_type : "",
            .platforms = d->platforms,
            .n_platforms = d->n_platforms,
            .created_ns = d->created_ns,
            .size_bytes = d->size_bytes,
            .problem = problem,
        };
    }
    sort(v, n, l->o);
    *ret = (struct shale_remote_tags){v, n};
    return 0;
}

static int begin(struct listing *l, const char *repo, struct shale_err *e)
{
    struct remote_name name;
    int r = remote_name_parse(repo, l->a, &name, e);

    if (r >= 0 && digest_is_set(&name.ref.digest))
        r = err_set(e, SHALE_INVALID, "%s has a digest: the tags of a repository are listed", repo);
    l->want = platform_host();
    l->want_given = l->o->platform && *l->o->platform;
    if (r >= 0 && l->want_given)
        r = platform_parse(l->o->platform, l->a, &l->want, e);
    if (r >= 0)
        r = remote_source_open(l->h->remote, &name.ref, &l->from, e);
    if (r >= 0)
        r = remote_name_tags(&name, l->from, l->a, &l->tags, l->h->cancel, e);
    return r;
}

int image_remote_tags(struct image_host *h, const char *repo, const struct shale_tags_opts *o,
                      struct arena *a, struct shale_remote_tags *ret, struct shale_err *e)
{
    _cleanup_(listing_clear) struct listing l = {.h = h, .o = o, .a = a};

    pthread_mutex_init(&l.mutex, NULL);
    int r = begin(&l, repo, e);
    if (r >= 0 && !(l.of_tag = arena_array(a, l.tags.n + 1, sizeof *l.of_tag)))
        r = err_nomem(e);
    for (size_t i = 0; r >= 0 && i < l.tags.n; i++)
        l.of_tag[i].created_ns = TIME_NONE;
    if (r >= 0 && !o->names_only)
        r = ask(&l, e);
    return r < 0 ? r : show(&l, ret, e);
}
