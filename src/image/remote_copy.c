/* SPDX-License-Identifier: Apache-2.0 */
/* From registry to registry: the graph walk between a remote source and a remote sink; one of the
 * two may be the store. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/copy_priv.h"
#include "image/image_priv.h"
#include "image/remote.h"
#include "image/remote_copy_store.h"
#include "image/remote_referrers.h"

struct from_name { /* one of the sources */
    struct remote_name name;
    const char *here; /* its name or ID in the store; NULL: it is in a registry */
};

struct copying {
    struct image_host *h;
    const struct shale_copy_opts *o;
    struct arena *a;
    struct platform want;
    bool want_given;
    struct ref from, to; /* of the source that is being copied; of all */
    const char *here;    /* the source as it is called in the store; NULL: it is in a registry */
    bool into_store;     /* the target */
    struct store_lease *lease;
    struct source *source, *there;
    struct sink *sink;
    struct shale_copied *v;
    size_t n, cap;
};

static void close_ends(struct copying *x)
{
    if (x->source)
        x->source = x->source->ops->close(x->source);
    if (x->there)
        x->there = x->there->ops->close(x->there);
    if (x->sink)
        x->sink = x->sink->ops->close(x->sink);
}

static void copying_clear(struct copying *x)
{
    close_ends(x);
    store_lease_end(x->lease);
}

/* Repositories of the target's registry that images with this blob were pulled from or pushed to.
 */
static int mount_known(void *arg, const struct digest *d, struct arena *a, struct strv *ret,
                       struct shale_err *e)
{
    const struct copying *x = arg;

    return meta_blob_repos(store_meta(x->h->store), d, x->to.domain, a, ret, e);
}

/* Within one registry blobs are mounted from where they are copied from. */
static int mount_from(void *arg, const struct digest *d, struct arena *a, struct strv *ret,
                      struct shale_err *e)
{
    const struct copying *x = arg;
    char **v = arena_array(a, 1, sizeof *v);

    (void)d;
    if (!v || !(v[0] = arena_strdup(a, x->from.path)))
        return err_nomem(e);
    *ret = (struct strv){v, 1, true};
    return 0;
}

static int open_target(struct copying *x, struct shale_err *e)
{
    bool same = !x->here && streq(x->from.domain, x->to.domain);
    char notes[PATH_MAX];
    struct remote_sink_opts so = {x->o->on_progress, x->o->progress_arg,
                                  x->here ? mount_known
                                  : same  ? mount_from
                                          : NULL,
                                  x, notes};

    snprintf(notes, sizeof notes, "%s/pushes", store_root(x->h->store));
    int r = remote_source_open(x->h->remote, &x->to, &x->there, e);
    return r < 0 ? r : remote_sink_open(x->h->remote, &x->to, &so, &x->sink, e);
}

static int open_into_store(struct copying *x, struct shale_err *e)
{
    struct store_sink_opts so = {x->lease, ref_familiar(&x->from, x->a), x->o->on_progress,
                                 x->o->progress_arg, true};

    return so.origin ? store_sink_open(x->h->store, &so, &x->sink, e) : err_nomem(e);
}

static int open_ends(struct copying *x, struct shale_err *e)
{
    int r = x->here ? store_source_open(x->h->store, &x->source, e)
                    : remote_source_open(x->h->remote, &x->from, &x->source, e);

    if (r < 0)
        return r;
    return x->into_store ? open_into_store(x, e) : open_target(x, e);
}

/* ---- one name ---- */

/* What is copied: all that the name stands for, or the image for a platform. */
static int find(struct copying *x, const char *name, struct descriptor *ret, struct shale_err *e)
{
    struct platform have;

    if (!x->want_given)
        return x->source->ops->resolve(x->source, name, x->a, ret, x->h->cancel, e);
    int r = copy_find(x->source, name, &x->want, x->a, ret, &have, x->h->cancel, e);
    if (r >= 0 && !platform_matches_local(&x->want, &have))
        return image_wrong_platform(ref_familiar(&x->from, x->a), &have, &x->want, x->a, e);
    return r;
}

/* Of the store; *tag is the one it was found under. */
static int find_here(struct copying *x, const char **tag, struct descriptor *ret,
                     struct shale_err *e)
{
    struct copy_store_from from = {x->here, x->o->platform, x->lease};
    struct shale_progress ev = {.kind = SHALE_PROGRESS_MESSAGE};
    struct digest manifest;
    int r = copy_store_find(x->h, &from, x->a, &manifest, tag, &ev.text, e);

    if (r >= 0)
        r = x->source->ops->resolve(x->source, manifest.s, x->a, ret, x->h->cancel, e);
    if (r >= 0 && ev.text && x->o->on_progress)
        x->o->on_progress(x->o->progress_arg, &ev);
    return r;
}

/* 1 if the target has it under this name. Who may push but not look is not kept from pushing. */
static int is_there(struct copying *x, const char *tag, const struct descriptor *d,
                    struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct descriptor got;

    if (x->into_store) {
        struct ref to = x->to;
        to.tag = tag;
        return copy_store_has(x->h, &to, &d->digest, x->a, e);
    }
    int r =
        x->there->ops->resolve(x->there, tag ? tag : d->digest.s, x->a, &got, x->h->cancel, &why);

    if (r == -SHALE_NOT_FOUND || r == -SHALE_DENIED || r == -SHALE_UNAUTHORIZED)
        return 0;
    if (r < 0 && e)
        *e = why;
    return r < 0 ? r : digest_eq(&got.digest, &d->digest);
}

/* Another name for what the target repository has already: nothing of it is looked at. */
static int name_only(struct copying *x, const char *tag, const struct descriptor *d,
                     struct shale_err *e)
{
    struct doc doc;
    int r = copy_fetch_doc(x->source, d->digest.s, x->a, &doc, x->h->cancel, e);

    return r < 0 ? r
                 : x->sink->ops->tag(x->sink, tag, &doc.desc, doc.raw, doc.raw_n, x->h->cancel, e);
}

static struct copy_opts opts_of(const struct copying *x)
{
    return (struct copy_opts){
        .n_parallel = x->o->n_parallel,
        .on_progress = x->o->on_progress,
        .progress_arg = x->o->progress_arg,
        .cancel = x->h->cancel,
    };
}

static int copy_referrers(struct copying *x, const struct digest *d, uint64_t *ret_n,
                          struct shale_err *e)
{
    struct copy_opts co = opts_of(x);
    struct referrers_copy c = {x->source, x->there, x->sink, &co, x->a, 0};
    int r = referrers_copy(&c, d, e);

    *ret_n = c.n;
    return r;
}

static int transfer(struct copying *x, const char *tag, struct descriptor *d, struct shale_err *e)
{
    struct copy_opts co = opts_of(x);
    struct ref to = x->to;

    if (x->into_store) {
        to.tag = tag;
        return copy_store_take(x->h, x->source, &d->digest, &to, x->sink, &co, x->a, e);
    }
    int r = tag && *d->media_type ? x->sink->ops->has(x->sink, d, e) : 0;
    if (r < 0)
        return r;
    return r == 1 ? name_only(x, tag, d, e)
                  : copy_graph(x->source, d->digest.s, x->sink, tag, &co, x->a, d, e);
}

static const char *attached(const struct copying *x, uint64_t n)
{
    const char *text =
        !x->o->referrers ? "" : arena_printf(x->a, ", %llu attached", (unsigned long long)n);
    return text ? text : "";
}

/* "app:1" as it is named where it is, "store://app:1" */
static const char *shown(const struct copying *x, const struct ref *r, bool in_store)
{
    const char *text = x->here && r != &x->to && in_store ? x->here : ref_familiar(r, x->a);

    return in_store && text ? arena_printf(x->a, "store://%s", text) : text;
}

static int tell(struct copying *x, struct shale_copied *v, struct shale_err *e)
{
    struct shale_progress ev = {.kind = SHALE_PROGRESS_MESSAGE,
                                .text = arena_printf(x->a, "%s: digest: %s%s%s", v->to, v->digest,
                                                     v->changed ? "" : " (was there)",
                                                     attached(x, v->n_referrers))};

    if (!ev.text)
        return err_nomem(e);
    if (x->o->on_progress)
        x->o->on_progress(x->o->progress_arg, &ev);
    return 0;
}

/* The source has been opened. from->tag: as the user, or the pattern, has it. */
static int find_source(struct copying *x, struct ref *from, const char *tag, struct descriptor *d,
                       struct shale_err *e)
{
    if (digest_is_set(&from->digest))
        from->tag = NULL;
    else
        from->tag = tag;
    return x->here ? find_here(x, &from->tag, d, e)
                   : find(x, from->tag ? from->tag : from->digest.s, d, e);
}

static int copy_one(struct copying *x, const char *tag, struct shale_err *e)
{
    struct ref from = x->from, to = x->to;
    struct shale_copied *v = arena_grow(x->a, x->v, x->n, &x->cap, sizeof *v);
    struct descriptor d;
    uint64_t n = 0;

    if (!v)
        return err_nomem(e);
    x->v = v;
    int r = find_source(x, &from, tag, &d, e);
    if (r < 0)
        return r;
    if (!to.tag)
        to.tag = from.tag;
    if (!to.tag && x->into_store)
        return err_set(e, SHALE_INVALID, "store://%s: a tag is missing: the source has none",
                       to.familiar);
    if (!to.tag)
        to.digest = d.digest;
    int there = is_there(x, to.tag, &d, e);
    r = there == 0 ? transfer(x, to.tag, &d, e) : there;
    if (r >= 0 && x->o->referrers)
        r = copy_referrers(x, &d.digest, &n, e);
    if (r < 0)
        return r;
    v += x->n;
    *v = (struct shale_copied){shown(x, &from, x->here != NULL), shown(x, &to, x->into_store),
                               arena_strdup(x->a, d.digest.s), !there, n};
    if (!v->from || !v->to || !v->digest)
        return err_nomem(e);
    x->n++;
    return tell(x, v, e);
}

/* ---- all ---- */

static int copy_tags(struct copying *x, const struct from_name *f, struct shale_err *e)
{
    struct strv tags = {0};
    int r = x->here ? copy_store_tags(x->h, &f->name, x->a, &tags, e)
                    : remote_name_tags(&f->name, x->source, x->a, &tags, x->h->cancel, e);

    for (size_t i = 0; r >= 0 && i < tags.n; i++) {
        if (x->here)
            x->here = arena_printf(x->a, "%s:%s", f->name.ref.familiar, tags.v[i]);
        r = x->here || !f->here ? copy_one(x, tags.v[i], e) : err_nomem(e);
    }
    return r;
}

static int copy_name(struct copying *x, struct from_name *f, struct shale_err *e)
{
    if (!f->name.glob && !f->here)
        ref_default_tag(&f->name.ref);
    x->from = f->name.ref;
    x->here = f->here;
    int r = open_ends(x, e);
    if (r >= 0)
        r = f->name.glob ? copy_tags(x, f, e) : copy_one(x, f->name.ref.tag, e);
    close_ends(x);
    return r;
}

static int check_store(const struct copying *x, const struct from_name *names, size_t n,
                       struct shale_err *e)
{
    bool any = x->into_store;

    for (size_t i = 0; i < n; i++) {
        if (names[i].here && x->into_store)
            return err_set(e, SHALE_INVALID,
                           "store://%.300s: both ends are the store: 'shale tag' gives an image "
                           "another name",
                           names[i].here);
        any |= names[i].here != NULL;
    }
    if (any && x->o->referrers)
        return err_set(e, SHALE_UNSUPPORTED,
                       "--referrers: what is attached to an image is not kept in the store");
    return 0;
}

static int check(struct copying *x, const char *to, struct from_name *names, size_t n,
                 struct shale_err *e)
{
    struct remote_name target;
    const char *here = copy_store_name(&to);
    bool many = n > 1;
    int r = remote_name_parse(here ? here : to, x->a, &target, e);

    x->into_store = here != NULL;
    for (size_t i = 0; i < n; i++)
        many |= names[i].name.glob != NULL;
    if (r >= 0 && target.glob)
        return err_set(e, SHALE_INVALID, "%s: the target cannot be a pattern", to);
    if (r >= 0 && digest_is_set(&target.ref.digest))
        return err_set(e, SHALE_INVALID, "%s: the target cannot be a digest", to);
    if (r >= 0 && many && target.ref.tag)
        return err_set(e, SHALE_INVALID,
                       "%s: several tags are copied to a repository, without a tag", to);
    if (r >= 0)
        x->to = target.ref;
    if (r >= 0)
        r = check_store(x, names, n, e);
    x->want_given = x->o->platform && *x->o->platform;
    if (r >= 0 && x->want_given)
        r = platform_parse(x->o->platform, x->a, &x->want, e);
    return r;
}

/* An ID of the store is no reference; whether there is such an image is found out in its turn. */
static int parse_from(struct copying *x, const char *text, struct from_name *ret,
                      struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;

    *ret = (struct from_name){.here = copy_store_name(&text)};
    int r = remote_name_parse(ret->here ? ret->here : text, x->a, &ret->name, &why);
    if (r < 0 && ret->here && ref_is_id_prefix(ret->here)) {
        ret->name = (struct remote_name){.glob = NULL};
        return 0;
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

int image_remote_copy(struct image_host *h, const char *const *from, size_t n_from, const char *to,
                      const struct shale_copy_opts *o, struct arena *a,
                      struct shale_copied_list *ret, struct shale_err *e)
{
    _cleanup_(copying_clear) struct copying x = {.h = h, .o = o, .a = a};
    struct from_name *names = arena_array(a, n_from + 1, sizeof *names);
    bool store = false;
    int r = names ? 0 : err_nomem(e);

    for (size_t i = 0; r >= 0 && i < n_from; i++) {
        r = parse_from(&x, from[i], &names[i], e);
        store |= r >= 0 && names[i].here;
    }
    if (r >= 0)
        r = check(&x, to, names, n_from, e);
    if (r >= 0 && (store || x.into_store))
        r = store_lease_begin(h->store, "copy", &x.lease, e);
    if (r >= 0 && x.into_store)
        r = store_settle(h->store, e);
    for (size_t i = 0; r >= 0 && i < n_from; i++)
        r = copy_name(&x, &names[i], e);
    if (r < 0)
        return r;
    *ret = (struct shale_copied_list){x.v, x.n};
    return 0;
}
