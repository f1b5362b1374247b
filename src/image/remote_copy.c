/* SPDX-License-Identifier: Apache-2.0 */
/* From registry to registry: the graph walk between a remote source and a remote sink. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/copy_priv.h"
#include "image/image_priv.h"
#include "image/remote.h"
#include "image/remote_referrers.h"

struct copying {
    struct image_host *h;
    const struct shale_copy_opts *o;
    struct arena *a;
    struct platform want;
    bool want_given;
    struct ref from, to; /* of the source that is being copied; of all */
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

static int open_ends(struct copying *x, struct shale_err *e)
{
    bool same = streq(x->from.domain, x->to.domain);
    char notes[PATH_MAX];
    struct remote_sink_opts so = {x->o->on_progress, x->o->progress_arg, same ? mount_from : NULL,
                                  x, notes};

    snprintf(notes, sizeof notes, "%s/pushes", store_root(x->h->store));
    int r = remote_source_open(x->h->remote, &x->from, &x->source, e);

    if (r >= 0)
        r = remote_source_open(x->h->remote, &x->to, &x->there, e);
    return r < 0 ? r : remote_sink_open(x->h->remote, &x->to, &so, &x->sink, e);
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

/* 1 if the target has it under this name. Who may push but not look is not kept from pushing. */
static int is_there(struct copying *x, const char *tag, const struct descriptor *d,
                    struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct descriptor got;
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

static int copy_one(struct copying *x, const char *tag, struct shale_err *e)
{
    struct ref from = x->from, to = x->to;
    struct shale_copied *v = arena_grow(x->a, x->v, x->n, &x->cap, sizeof *v);
    struct descriptor d;

    if (!v)
        return err_nomem(e);
    x->v = v;
    if (digest_is_set(&from.digest))
        from.tag = NULL;
    else
        from.tag = tag;
    if (!to.tag)
        to.tag = from.tag;
    int r = find(x, from.tag ? from.tag : from.digest.s, &d, e);
    if (r < 0)
        return r;
    if (!to.tag)
        to.digest = d.digest;
    int there = is_there(x, to.tag, &d, e);
    uint64_t n = 0;
    r = there == 0 ? transfer(x, to.tag, &d, e) : there;
    if (r >= 0 && x->o->referrers)
        r = copy_referrers(x, &d.digest, &n, e);
    if (r < 0)
        return r;
    v[x->n] = (struct shale_copied){ref_familiar(&from, x->a), ref_familiar(&to, x->a),
                                    arena_strdup(x->a, d.digest.s), !there, n};
    if (!v[x->n].from || !v[x->n].to || !v[x->n].digest)
        return err_nomem(e);
    struct shale_progress ev = {.kind = SHALE_PROGRESS_MESSAGE,
                                .text =
                                    arena_printf(x->a, "%s: digest: %s%s%s", v[x->n].to, d.digest.s,
                                                 there ? " (was there)" : "", attached(x, n))};
    x->n++;
    if (x->o->on_progress && ev.text)
        x->o->on_progress(x->o->progress_arg, &ev);
    return 0;
}

/* ---- all ---- */

static int copy_name(struct copying *x, struct remote_name *name, struct shale_err *e)
{
    struct strv tags = {0};

    if (!name->glob)
        ref_default_tag(&name->ref);
    x->from = name->ref;
    int r = open_ends(x, e);
    if (r >= 0 && name->glob)
        r = remote_name_tags(name, x->source, x->a, &tags, x->h->cancel, e);
    if (r >= 0 && !name->glob)
        r = copy_one(x, name->ref.tag, e);
    for (size_t i = 0; r >= 0 && i < tags.n; i++)
        r = copy_one(x, tags.v[i], e);
    close_ends(x);
    return r;
}

static int check(struct copying *x, const char *to, struct remote_name *names, size_t n,
                 struct shale_err *e)
{
    struct remote_name target;
    bool many = n > 1;
    int r = remote_name_parse(to, x->a, &target, e);

    for (size_t i = 0; i < n; i++)
        many |= names[i].glob != NULL;
    if (r >= 0 && target.glob)
        return err_set(e, SHALE_INVALID, "%s: the target cannot be a pattern", to);
    if (r >= 0 && digest_is_set(&target.ref.digest))
        return err_set(e, SHALE_INVALID, "%s: the target cannot be a digest", to);
    if (r >= 0 && many && target.ref.tag)
        return err_set(e, SHALE_INVALID,
                       "%s: several tags are copied to a repository, without a tag", to);
    if (r >= 0)
        x->to = target.ref;
    x->want_given = x->o->platform && *x->o->platform;
    if (r >= 0 && x->want_given)
        r = platform_parse(x->o->platform, x->a, &x->want, e);
    return r;
}

int image_remote_copy(struct image_host *h, const char *const *from, size_t n_from, const char *to,
                      const struct shale_copy_opts *o, struct arena *a,
                      struct shale_copied_list *ret, struct shale_err *e)
{
    _cleanup_(close_ends) struct copying x = {.h = h, .o = o, .a = a};
    struct remote_name *names = arena_array(a, n_from + 1, sizeof *names);
    int r = names ? 0 : err_nomem(e);

    for (size_t i = 0; r >= 0 && i < n_from; i++)
        r = remote_name_parse(from[i], a, &names[i], e);
    if (r >= 0)
        r = check(&x, to, names, n_from, e);
    for (size_t i = 0; r >= 0 && i < n_from; i++)
        r = copy_name(&x, &names[i], e);
    if (r < 0)
        return r;
    *ret = (struct shale_copied_list){x.v, x.n};
    return 0;
}
