/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting in registries. A tag goes alone where the registry can do that; where it only deletes by
 * digest, all tags of that digest go, and those that were not named must be allowed. */
#include <string.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "base/str.h"
#include "image/remote.h"

#define JOB_BYTES  (16ull << 20)
#define SHOWN_TAGS 5 /* of those that a message names */

struct repo { /* one repository that something is deleted of */
    struct repo *next;
    struct ref ref;
    struct source *from;
    bool digest_only; /* it has refused to delete a tag */
    bool known;       /* what its tags stand for: */
    struct strv tags;
    struct digest *digests;
};

struct item { /* beside the struct shale_deleted of the same place */
    struct repo *repo;
    const char *tag; /* NULL: by digest */
    struct digest digest;
    bool gone;
};

struct deleting {
    struct image_host *h;
    const struct shale_remote_delete_opts *o;
    struct arena *a;
    struct repo *repos;
    struct shale_deleted *v;
    struct item *items;
    size_t n, cap, items_cap;
    bool has_patterns;
};

static void deleting_clear(struct deleting *x)
{
    for (struct repo *p = x->repos; p; p = p->next)
        p->from->ops->close(p->from);
}

/* ---- what is to go ---- */

static int get_repo(struct deleting *x, const struct ref *ref, struct repo **ret,
                    struct shale_err *e)
{
    struct repo *p = x->repos;

    while (p && !streq(p->ref.repo, ref->repo))
        p = p->next;
    if (!p) {
        p = arena_alloc(x->a, sizeof *p);
        if (!p)
            return err_nomem(e);
        p->ref = *ref;
        p->ref.tag = NULL;
        p->ref.digest = (struct digest){""};
        int r = remote_source_open(x->h->remote, ref, &p->from, e);
        if (r < 0)
            return r;
        p->next = x->repos;
        x->repos = p;
    }
    *ret = p;
    return 0;
}

static int add_item(struct deleting *x, const struct item *item, const char *ref,
                    struct shale_err *e)
{
    struct shale_deleted *v = arena_grow(x->a, x->v, x->n, &x->cap, sizeof *v);
    struct item *w = v ? arena_grow(x->a, x->items, x->n, &x->items_cap, sizeof *w) : NULL;

    if (!w || !ref)
        return err_nomem(e);
    x->v = v;
    x->items = w;
    v[x->n] = (struct shale_deleted){.ref = ref, .digest = "", .problem = ""};
    w[x->n++] = *item;
    return 0;
}

static bool is_named(const struct deleting *x, const struct repo *repo, const char *tag)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->items[i].repo == repo && streq(x->items[i].tag, tag))
            return true;
    return false;
}

static int fail_item(struct deleting *x, size_t i, int r, const struct shale_err *why,
                     struct shale_err *e)
{
    if (r == -SHALE_CANCELED || r == -SHALE_NO_MEMORY) {
        if (e)
            *e = *why;
        return r;
    }
    x->v[i].code = -r;
    x->v[i].problem = arena_strdup(x->a, why->msg);
    return x->v[i].problem ? 0 : err_nomem(e);
}

static int add_tag(struct deleting *x, struct repo *repo, const char *tag, struct shale_err *e)
{
    struct item item = {.repo = repo, .tag = tag};
    struct ref ref = repo->ref;
    struct shale_err why = SHALE_ERR_INIT;
    struct descriptor d;

    if (is_named(x, repo, tag))
        return 0;
    ref.tag = tag;
    int k = repo->from->ops->resolve(repo->from, tag, x->a, &d, x->h->cancel, &why);
    if (k >= 0)
        item.digest = d.digest;
    int r = add_item(x, &item, ref_familiar(&ref, x->a), e);
    return r < 0 || k >= 0 ? r : fail_item(x, x->n - 1, k, &why, e);
}

static int add_name(struct deleting *x, const char *text, struct shale_err *e)
{
    struct remote_name name;
    struct repo *repo;
    struct strv tags = {0};
    int r = remote_name_parse(text, x->a, &name, e);

    if (r < 0)
        return r;
    if (!name.glob && !name.ref.tag && !digest_is_set(&name.ref.digest))
        return err_set(e, SHALE_INVALID, "%s: say which tag, digest or pattern is to be deleted",
                       text);
    r = get_repo(x, &name.ref, &repo, e);
    if (r < 0)
        return r;
    if (digest_is_set(&name.ref.digest)) {
        struct item item = {.repo = repo, .digest = name.ref.digest};
        name.ref.tag = NULL;
        return add_item(x, &item, ref_familiar(&name.ref, x->a), e);
    }
    if (!name.glob)
        return add_tag(x, repo, name.ref.tag, e);
    x->has_patterns = true;
    r = remote_name_tags(&name, repo->from, x->a, &tags, x->h->cancel, e);
    for (size_t i = 0; r >= 0 && i < tags.n; i++)
        r = add_tag(x, repo, tags.v[i], e);
    return r;
}

/* ---- what else would go ---- */

static int resolve_job(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(JOB_BYTES);
    struct repo *p = arg;
    struct shale_err why = SHALE_ERR_INIT;
    struct descriptor d;
    int r = p->from->ops->resolve(p->from, p->tags.v[i], &a, &d, c, &why);

    if (r == -SHALE_NOT_FOUND) /* it has just gone */
        return 0;
    if (r < 0 && e)
        *e = why;
    if (r >= 0)
        p->digests[i] = d.digest;
    return r < 0 ? r : 0;
}

static int know_tags(struct deleting *x, struct repo *p, struct shale_err *e)
{
    struct remote_name all = {.ref = p->ref};

    if (p->known)
        return 0;
    struct shale_err why = SHALE_ERR_INIT;
    int r = remote_name_tags(&all, p->from, x->a, &p->tags, x->h->cancel, &why);
    if (r == -SHALE_NOT_FOUND) { /* it has no tags, then */
        p->known = true;
        return 0;
    }
    if (r < 0 && e)
        *e = why;
    if (r < 0)
        return r;
    p->digests = arena_array(x->a, p->tags.n + 1, sizeof *p->digests);
    if (!p->digests)
        return err_nomem(e);
    r = pool_run(resolve_job, p, p->tags.n, REMOTE_PARALLEL, x->h->cancel, e);
    p->known = r >= 0;
    return r < 0 ? r : 0;
}

/* Tags of a digest that nobody has named, for v->also. */
static int find_others(struct deleting *x, size_t i, struct shale_err *e)
{
    struct repo *p = x->items[i].repo;
    int r = know_tags(x, p, e);
    const char **also = r >= 0 ? arena_array(x->a, p->tags.n + 1, sizeof *also) : NULL;
    size_t n = 0;

    if (r < 0)
        return r;
    if (!also)
        return err_nomem(e);
    for (size_t k = 0; k < p->tags.n; k++)
        if (digest_eq(&p->digests[k], &x->items[i].digest) && !is_named(x, p, p->tags.v[k]))
            also[n++] = p->tags.v[k];
    x->v[i].also = also;
    x->v[i].n_also = n;
    return 0;
}

static int refuse(struct deleting *x, size_t i, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf names = BUF_INIT(4096);
    struct shale_deleted *v = &x->v[i];

    for (size_t k = 0; k < v->n_also && k < SHOWN_TAGS; k++)
        buf_addf(&names, "%s%s", k ? ", " : "", v->also[k]);
    if (v->n_also > SHOWN_TAGS)
        buf_addf(&names, " and %zu more", v->n_also - SHOWN_TAGS);
    v->n_also = 0;
    return err_set(e, SHALE_CONFLICT,
                   "%s: %s and with it would go: %s; --with-tags deletes them too", v->ref,
                   x->items[i].tag ? "the registry can only delete by digest," : "it has tags,",
                   buf_str(&names));
}

/* ---- deleting ---- */

static void mark_gone(struct deleting *x, size_t i)
{
    for (size_t k = 0; k < x->n; k++)
        if (x->items[k].repo == x->items[i].repo &&
            digest_eq(&x->items[k].digest, &x->items[i].digest))
            x->items[k].gone = true;
}

static int delete_by_digest(struct deleting *x, size_t i, struct shale_err *e)
{
    struct item *item = &x->items[i];
    struct source *from = item->repo->from;
    struct shale_err why = SHALE_ERR_INIT;
    int r = find_others(x, i, e);

    if (r >= 0 && x->v[i].n_also && !x->o->with_tags)
        return refuse(x, i, e);
    if (r < 0)
        return r;
    r = remote_source_delete(from, item->digest.s, x->h->cancel, &why);
    if (r >= 0)
        mark_gone(x, i);
    else
        x->v[i].n_also = 0;
    if (r == -SHALE_UNSUPPORTED)
        return err_set(e, SHALE_UNSUPPORTED, "%s: the registry does not delete (%s)", x->v[i].ref,
                       why.msg);
    if (r < 0 && e)
        *e = why;
    return r;
}

static int delete_item(struct deleting *x, size_t i, struct shale_err *e)
{
    struct item *item = &x->items[i];
    struct shale_err why = SHALE_ERR_INIT;

    if (item->gone)
        return 0;
    if (!item->tag || item->repo->digest_only)
        return delete_by_digest(x, i, e);
    int r = remote_source_delete(item->repo->from, item->tag, x->h->cancel, &why);
    if (r == -SHALE_UNSUPPORTED || r == -SHALE_INVALID) {
        item->repo->digest_only = true;
        return delete_by_digest(x, i, e);
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

int image_remote_delete(struct image_host *h, const char *const *refs, size_t n_refs,
                        const struct shale_remote_delete_opts *o, struct arena *a,
                        struct shale_deleted_list *ret, struct shale_err *e)
{
    _cleanup_(deleting_clear) struct deleting x = {.h = h, .o = o, .a = a};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n_refs; i++)
        r = add_name(&x, refs[i], e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < x.n; i++)
        x.v[i].digest = x.items[i].digest.s;
    *ret = (struct shale_deleted_list){x.v, x.n};
    if (x.has_patterns && o->on_confirm && !o->on_confirm(o->arg, ret))
        return err_set(e, SHALE_CANCELED, "nothing was deleted");
    for (size_t i = 0; r >= 0 && i < x.n; i++) {
        struct shale_err why = SHALE_ERR_INIT;
        if (x.v[i].code)
            continue;
        int k = delete_item(&x, i, &why);
        r = k < 0 ? fail_item(&x, i, k, &why, e) : 0;
    }
    return r;
}
