/* SPDX-License-Identifier: Apache-2.0 */
/* `outdated`: tags of the store beside what their registries hold by now. Every reference is asked
 * for once, by HEAD, however many images it is the base of. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "base/str.h"
#include "image/copy_priv.h"
#include "image/image_priv.h"
#include "image/remote.h"

#define JOB_BYTES        (64ull << 20) /* of one index, parsed */
#define LABELS_MAX_BYTES (8u << 20)
#define MAX_BROKEN       3 /* failures of a registry, before it is not asked any more */

#define BASE_NAME   "org.opencontainers.image.base.name"
#define BASE_DIGEST "org.opencontainers.image.base.digest"

struct question {     /* about one reference */
    const char *name; /* familiar */
    struct ref ref;
    struct question *same; /* the one that is asked, this one or an equal one */
    bool by_entries;       /* are its entries wanted, too? */
    struct digest digest;  /* the answer */
    bool is_index;
    struct digest *entries;
    size_t n_entries;
    int code; /* enum shale_errcode */
    const char *problem;
};

struct row {
    struct digest id, manifest;
    struct digest *known; /* digests that the image has in the repository of its tag */
    size_t n_known;
    struct digest target;
    const char *labels;
    struct question *tag, *base; /* NULL: nothing to ask for */
    struct ref ref;
    const char *name;
    const char *base_name;
    struct digest base_digest;
};

struct domain { /* that fails */
    const char *name;
    unsigned n_broken;
    const struct question *first;
};

struct asking {
    struct image_host *h;
    const struct shale_outdated_opts *o;
    const char *const *wanted;
    size_t n_wanted;
    bool *found; /* of each that is wanted */
    struct row *rows;
    size_t n_rows, cap_rows;
    struct question *questions;
    struct question **asked; /* each once */
    size_t n_questions, n_asked;
    pthread_mutex_t mutex; /* guards what follows, once several ask */
    struct arena *a;
    struct domain *domains;
    size_t n_domains, cap_domains;
};

/* ---- what is here ---- */

/* 1: this tag is one of those that were asked for. */
static int is_wanted(struct asking *x, const struct ref *r, struct shale_err *e)
{
    int any = x->n_wanted == 0;

    for (size_t i = 0; i < x->n_wanted; i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
        struct ref w;
        int k = ref_parse(x->wanted[i], &a, &w, NULL) >= 0 && !digest_is_set(&w.digest) &&
                streq(w.repo, r->repo) && (!w.tag || streq(w.tag, r->tag));
        if (!k)
            k = ref_filter_match(x->wanted[i], r, e);
        if (k < 0)
            return k;
        x->found[i] |= k;
        any |= k;
    }
    return any;
}

static int add_row(struct asking *x, const struct meta_image_item *i, const struct meta_name *tag,
                   const struct ref *ref, struct shale_err *e)
{
    struct row *v = arena_grow(x->a, x->rows, x->n_rows, &x->cap_rows, sizeof *v);
    struct digest *known = arena_array(x->a, i->n_digests + 1, sizeof *known);

    if (!v || !known)
        return err_nomem(e);
    x->rows = v;
    v = &v[x->n_rows++];
    *v = (struct row){
        .id = i->image.id,
        .manifest = i->image.manifest,
        .known = known,
        .target = tag->target,
        .labels = arena_strdup(x->a, i->image.labels),
        .ref = *ref,
        .name = ref_familiar(ref, x->a),
    };
    for (size_t k = 0; k < i->n_digests; k++)
        if (streq(i->digests[k].repo, tag->repo))
            known[v->n_known++] = i->digests[k].target;
    return v->labels && v->name ? 0 : err_nomem(e);
}

static int on_image(void *arg, const struct meta_image_item *i, struct shale_err *e)
{
    struct asking *x = arg;
    int r = 0;

    for (size_t k = 0; r >= 0 && k < i->n_tags; k++) {
        struct ref ref;
        r = ref_parse(i->tags[k].repo, x->a, &ref, e);
        if (r >= 0 && !(ref.tag = arena_strdup(x->a, i->tags[k].tag)))
            r = err_nomem(e);
        if (r >= 0)
            r = is_wanted(x, &ref, e);
        if (r == 1)
            r = add_row(x, i, &i->tags[k], &ref, e);
    }
    return r < 0 ? r : 0;
}

struct each {
    struct asking *x;
    struct shale_err *e;
};
static int on_item(void *arg, const struct meta_image_item *i)
{
    struct each *each = arg;

    return on_image(each->x, i, each->e);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static int list_rows(struct asking *x, struct shale_err *e)
{
    struct each each = {x, e};
    int r =
        meta_image_each(store_meta(x->h->store), META_EACH_ALL_DIGESTS, NULL, on_item, &each, e);

    for (size_t i = 0; r >= 0 && i < x->n_wanted; i++)
        if (!x->found[i])
            r = err_set(e, SHALE_NOT_FOUND, "no image here has a tag that matches %s",
                        x->wanted[i]);
    if (r >= 0 && x->n_rows)
        qsort(x->rows, x->n_rows, sizeof *x->rows, by_name);
    return r < 0 ? r : 0;
}

/* ---- the base that an image names ---- */

struct base {
    const char *name, *digest; /* NULL: not named */
};

static int keep_base(struct asking *x, const char *name, const char *digest, struct base *ret,
                     struct shale_err *e)
{
    *ret = (struct base){arena_strdup(x->a, name), arena_strdup(x->a, digest)};
    return (name && !ret->name) || (digest && !ret->digest) ? err_nomem(e) : 0;
}

/* Of a manifest or index of the store. What is not there, or makes no sense, names no base. 1: it
 * may be asked of the image's own manifest, too. */
static int base_of_document(struct asking *x, const struct digest *d, const struct digest *own,
                            struct base *ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(JOB_BYTES);
    struct manifest m;
    int has = 0;

    if (!digest_is_set(d))
        return 1;
    if (image_load_manifest(x->h->store, d, &a, &m, NULL) < 0)
        return 0;
    for (size_t i = 0; !has && i < m.n_manifests; i++)
        has = digest_eq(&m.manifests[i].digest, own);
    int r = keep_base(x, strmap_get(&m.annotations, BASE_NAME),
                      strmap_get(&m.annotations, BASE_DIGEST), ret, e);
    return r < 0 ? r : has;
}

static int base_of_labels(struct asking *x, const struct row *row, struct base *ret,
                          struct shale_err *e)
{
    _cleanup_json_ json_t *labels = NULL;

    if (ret->name || !strstr(row->labels, BASE_NAME) ||
        json_parse(row->labels, strlen(row->labels), LABELS_MAX_BYTES, &labels, NULL) < 0)
        return 0;
    return keep_base(x, json_string_value(json_object_get(labels, BASE_NAME)),
                     json_string_value(json_object_get(labels, BASE_DIGEST)), ret, e);
}

/* A base that is named by its digest alone stays what it is. */
static int find_base(struct asking *x, struct row *row, struct question *q, struct shale_err *e)
{
    struct base b = {0};
    int r = base_of_document(x, &row->target, &row->manifest, &b, e);

    /* Images of one config may have several manifests: this tag's counts. */
    if (r == 1 && !b.name && digest_is_set(&row->manifest))
        r = base_of_document(x, &row->manifest, &row->manifest, &b, e);
    if (r >= 0)
        r = base_of_labels(x, row, &b, e);
    if (r < 0 || !b.name || ref_parse(b.name, x->a, &q->ref, NULL) < 0 ||
        (digest_is_set(&q->ref.digest) && !q->ref.tag))
        return r;
    q->ref.digest = (struct digest){0};
    ref_default_tag(&q->ref);
    row->base_name = q->name = ref_familiar(&q->ref, x->a);
    if (!q->name)
        return err_nomem(e);
    if (!b.digest || digest_parse(b.digest, &row->base_digest, NULL) < 0)
        row->base_digest = (struct digest){0};
    if (digest_is_set(&row->base_digest))
        row->base = q;
    return 0;
}

/* ---- asking ---- */

static int by_question(const void *a, const void *b)
{
    return strcmp((*(struct question *const *)a)->name, (*(struct question *const *)b)->name);
}

static int put_questions(struct asking *x, struct shale_err *e)
{
    int r = 0;

    x->questions = arena_array(x->a, 2 * x->n_rows + 1, sizeof *x->questions);
    x->asked = arena_array(x->a, 2 * x->n_rows + 1, sizeof(struct question *));
    if (!x->questions || !x->asked)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < x->n_rows; i++) {
        struct row *row = &x->rows[i];
        struct question *q = &x->questions[x->n_questions];
        if (row->n_known) { /* it has been in that repository */
            *q = (struct question){.name = row->name, .ref = row->ref};
            row->tag = q;
            x->asked[x->n_questions++] = q++;
        }
        if (!x->o->no_base)
            r = find_base(x, row, q, e);
        if (row->base)
            x->asked[x->n_questions++] = q;
    }
    if (r < 0)
        return r;
    if (x->n_questions)
        qsort(x->asked, x->n_questions, sizeof *x->asked, by_question);
    for (size_t i = 0; i < x->n_questions; i++) {
        struct question *q = x->asked[i];
        bool again = x->n_asked && streq(x->asked[x->n_asked - 1]->name, q->name);
        if (!again)
            x->asked[x->n_asked++] = q;
        q->same = x->asked[x->n_asked - 1];
    }
    return 0;
}

/* NULL: no memory. The mutex is held. */
static struct domain *domain_of(struct asking *x, const char *name)
{
    for (size_t i = 0; i < x->n_domains; i++)
        if (streq(x->domains[i].name, name))
            return &x->domains[i];
    struct domain *v = arena_grow(x->a, x->domains, x->n_domains, &x->cap_domains, sizeof *v);
    if (!v)
        return NULL;
    x->domains = v;
    v[x->n_domains] = (struct domain){.name = name};
    return &v[x->n_domains++];
}

/* True, with the words of the first failure: that registry does not answer. */
static bool is_given_up(struct asking *x, struct question *q)
{
    pthread_mutex_lock(&x->mutex);
    const struct domain *d = domain_of(x, q->ref.domain);
    bool up = d && d->n_broken >= MAX_BROKEN;
    if (up) {
        q->code = d->first->code;
        q->problem = d->first->problem;
    }
    pthread_mutex_unlock(&x->mutex);
    return up;
}

static int keep_problem(struct asking *x, struct question *q, int r, const struct shale_err *why,
                        struct shale_err *e)
{
    if (r == -SHALE_CANCELED || r == -SHALE_NO_MEMORY) {
        if (e)
            *e = *why;
        return r;
    }
    pthread_mutex_lock(&x->mutex);
    q->code = -r;
    q->problem = arena_strdup(x->a, why->msg);
    struct domain *d = domain_of(x, q->ref.domain);
    if (d && (r == -SHALE_NETWORK || r == -SHALE_TIMEOUT) && d->n_broken++ == 0)
        d->first = q;
    pthread_mutex_unlock(&x->mutex);
    return q->problem && d ? 0 : err_nomem(e);
}

static int head_job(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(JOB_BYTES);
    struct asking *x = arg;
    struct question *q = x->asked[i];
    struct shale_err why = SHALE_ERR_INIT;
    struct descriptor got;
    struct source *from;

    if (is_given_up(x, q))
        return 0;
    int r = remote_source_open(x->h->remote, &q->ref, &from, &why);
    if (r >= 0) {
        r = from->ops->resolve(from, q->ref.tag, &a, &got, c, &why);
        from->ops->close(from);
    }
    if (r < 0)
        return keep_problem(x, q, r, &why, e);
    const struct media *m = media_find(got.media_type);
    q->digest = got.digest;
    q->is_index = m && m->kind == MEDIA_INDEX;
    return 0;
}

/* Some note the digest of the list as that of the base, some that of the entry: only where the
 * first does not fit, the list itself is read. */
static int entries_job(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(JOB_BYTES);
    struct asking *x = arg;
    struct question *q = x->asked[i];
    struct shale_err why = SHALE_ERR_INIT;
    struct source *from;
    struct doc doc;

    if (!q->by_entries)
        return 0;
    int r = remote_source_open(x->h->remote, &q->ref, &from, &why);
    if (r >= 0) {
        r = copy_fetch_doc(from, q->digest.s, &a, &doc, c, &why);
        from->ops->close(from);
    }
    if (r < 0)
        return keep_problem(x, q, r, &why, e);
    pthread_mutex_lock(&x->mutex);
    q->entries = arena_array(x->a, doc.m.n_manifests + 1, sizeof *q->entries);
    pthread_mutex_unlock(&x->mutex);
    if (!q->entries)
        return err_nomem(e);
    for (; q->n_entries < doc.m.n_manifests; q->n_entries++)
        q->entries[q->n_entries] = doc.m.manifests[q->n_entries].digest;
    return 0;
}

static int ask(struct asking *x, struct shale_err *e)
{
    size_t n_parallel = x->o->n_parallel ? x->o->n_parallel : REMOTE_PARALLEL;
    int r = pool_run(head_job, x, x->n_asked, n_parallel, x->h->cancel, e);

    for (size_t i = 0; r >= 0 && i < x->n_rows; i++) {
        struct question *q = x->rows[i].base ? x->rows[i].base->same : NULL;
        if (q && !q->code && q->is_index && !digest_eq(&q->digest, &x->rows[i].base_digest))
            q->by_entries = true;
    }
    return r < 0 ? r : pool_run(entries_job, x, x->n_asked, n_parallel, x->h->cancel, e);
}

/* ---- the result ---- */

static bool among(const struct digest *v, size_t n, const struct digest *d)
{
    for (size_t i = 0; i < n; i++)
        if (digest_eq(&v[i], d))
            return true;
    return false;
}

/* An index that was asked for its entries in vain still has its digest. */
static enum shale_freshness tag_state(const struct row *row)
{
    const struct question *q = row->tag ? row->tag->same : NULL;

    if (!q)
        return SHALE_FRESH_LOCAL;
    if (!digest_is_set(&q->digest))
        return q->code == SHALE_NOT_FOUND ? SHALE_FRESH_GONE : SHALE_FRESH_UNKNOWN;
    return among(row->known, row->n_known, &q->digest) ? SHALE_FRESH_CURRENT : SHALE_FRESH_OUTDATED;
}

static enum shale_freshness base_state(const struct row *row)
{
    const struct question *q = row->base ? row->base->same : NULL;

    if (!row->base_name)
        return SHALE_FRESH_NONE;
    if (q && q->code == SHALE_NOT_FOUND)
        return SHALE_FRESH_GONE;
    if (!q || q->code)
        return SHALE_FRESH_UNKNOWN;
    if (digest_eq(&q->digest, &row->base_digest) ||
        among(q->entries, q->n_entries, &row->base_digest))
        return SHALE_FRESH_CURRENT;
    return SHALE_FRESH_OUTDATED;
}

static const char *local_digest(const struct row *row)
{
    if (digest_is_set(&row->target) &&
        (!row->n_known || among(row->known, row->n_known, &row->target)))
        return row->target.s;
    return row->n_known ? row->known[0].s : "";
}

static int show(struct asking *x, struct shale_outdated_list *ret, struct shale_err *e)
{
    struct shale_outdated *v = arena_array(x->a, x->n_rows + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < x->n_rows; i++) {
        const struct row *row = &x->rows[i];
        const struct question *t = row->tag ? row->tag->same : NULL;
        const struct question *b = row->base ? row->base->same : NULL;
        v[i] = (struct shale_outdated){
            .ref = row->name,
            .id = row->id.s,
            .state = tag_state(row),
            .local_digest = local_digest(row),
            .remote_digest = t ? t->digest.s : "",
            .base = row->base_name ? row->base_name : "",
            .base_state = base_state(row),
            .base_digest = row->base_digest.s,
            .base_remote_digest = b ? b->digest.s : "",
        };
        v[i].problem = t && v[i].state == SHALE_FRESH_UNKNOWN ? t->problem : "";
        v[i].base_problem =
            b && b->code && v[i].base_state == SHALE_FRESH_UNKNOWN ? b->problem : "";
    }
    *ret = (struct shale_outdated_list){v, x->n_rows};
    return 0;
}

int image_outdated(struct image_host *h, const char *const *refs, size_t n_refs,
                   const struct shale_outdated_opts *o, struct arena *a,
                   struct shale_outdated_list *ret, struct shale_err *e)
{
    struct asking x = {.h = h, .o = o, .wanted = refs, .n_wanted = n_refs, .a = a};
    int r;

    if (!(x.found = arena_array(a, n_refs + 1, sizeof *x.found)))
        return err_nomem(e);
    r = list_rows(&x, e);
    if (r >= 0)
        r = put_questions(&x, e);
    if (r < 0)
        return r;
    pthread_mutex_init(&x.mutex, NULL);
    r = ask(&x, e);
    pthread_mutex_destroy(&x.mutex);
    return r < 0 ? r : show(&x, ret, e);
}
