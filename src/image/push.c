/* SPDX-License-Identifier: Apache-2.0 */
/* Push: a copy of what a tag stands for, from the store into a registry; then the repository digest
 * is a name of the image here, too. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/copy.h"
#include "image/image_priv.h"
#include "model/limits.h"
#include "store/events.h"

#define PUSH_PARALLEL 5 /* docker's */

struct push {
    struct image_host *h;
    const struct shale_push_opts *o;
    struct arena *a;
    struct ref ref;
    struct source *from;
    struct sink *to;
    struct store_lease *lease;
    struct shale_pushed *done;
    size_t n_done, cap;
};

static void push_clear(struct push *p)
{
    if (p->to)
        p->to->ops->close(p->to);
    if (p->from)
        p->from->ops->close(p->from);
    store_lease_end(p->lease);
}

static void say(const struct push *p, const char *text)
{
    struct shale_progress ev = {.kind = SHALE_PROGRESS_MESSAGE, .text = text};

    if (p->o->on_progress && text)
        p->o->on_progress(p->o->progress_arg, &ev);
}

static int check_ref(struct push *p, const char *text, struct shale_err *e)
{
    int r = ref_parse(text, p->a, &p->ref, e);

    if (r < 0)
        return r;
    if (digest_is_set(&p->ref.digest))
        return err_set(e, SHALE_INVALID, "cannot push a digest reference");
    if (p->o->all_tags && p->ref.tag)
        return err_set(e, SHALE_INVALID, "tag can't be used with --all-tags/-a");
    if (!p->o->all_tags && !p->ref.tag) {
        say(p, "Using default tag: latest");
        ref_default_tag(&p->ref);
    }
    return 0;
}

/* Repositories of the same registry that images with this blob were pulled from or pushed to. */
static int mount_from(void *arg, const struct digest *d, struct arena *a, struct strv *ret,
                      struct shale_err *e)
{
    const struct push *p = arg;

    return meta_blob_repos(store_meta(p->h->store), d, p->ref.domain, a, ret, e);
}

static int begin(struct push *p, struct shale_err *e)
{
    char notes[PATH_MAX];
    struct remote_sink_opts so = {p->o->on_progress, p->o->progress_arg, mount_from, p, notes};

    snprintf(notes, sizeof notes, "%s/pushes", store_root(p->h->store));
    int r = store_lease_begin(p->h->store, "push", &p->lease, e);

    if (r >= 0)
        r = store_source_open(p->h->store, &p->from, e);
    return r < 0 ? r : remote_sink_open(p->h->remote, &p->ref, &so, &p->to, e);
}

/* ---- what to send ---- */

/* docker pushes the platform that is here when others are missing, and says so. */
static int note_missing(const struct image_found *f, const struct meta_image *row, struct arena *a,
                        const char **ret, struct shale_err *e)
{
    struct platform have = image_platform(row);
    const char *shown = platform_format(&have, a);

    *ret = arena_printf(a,
                        "Info: not all platforms of the image are here; only %s is pushed: %s "
                        "instead of %s",
                        shown ? shown : "one", row->manifest.s, f->target.s);
    return *ret ? 0 : err_nomem(e);
}

int image_choose_sent(struct store *s, const char *what, const struct image_found *f,
                      const char *platform, struct arena *a, struct image_sent *ret,
                      struct shale_err *e)
{
    bool one = platform && *platform;
    struct image_found found;
    struct meta_image row;
    int r = 0;

    *ret = (struct image_sent){.manifest = f->target, .image = f->id};
    if (one) {
        r = image_find_platform(s, what, platform, a, &found, e);
        if (r < 0)
            return r;
        ret->image = found.id;
    } else if (digest_is_set(&f->target)) {
        r = image_is_whole(s, &f->target, a, e);
    }
    if (r != 0)
        return r < 0 ? r : 0;
    r = meta_image_get(store_meta(s), &ret->image, a, &row, e);
    if (r < 0)
        return r;
    if (!digest_is_set(&row.manifest))
        return err_set(e, SHALE_UNSUPPORTED, "image %s has no manifest", ret->image.s);
    ret->manifest = row.manifest;
    r = image_manifest_in(s, &f->target, &ret->image, a, &ret->manifest, e);
    if (r < 0)
        return r;
    if (one || !digest_is_set(&f->target) || digest_eq(&f->target, &ret->manifest))
        return 0;
    row.manifest = ret->manifest;
    return note_missing(f, &row, a, &ret->note, e);
}

static int choose(struct push *p, const struct meta_tag *tag, struct image_sent *ret,
                  struct shale_err *e)
{
    struct image_found f = {.id = tag->image, .target = tag->target};
    struct ref ref = p->ref;

    ref.tag = tag->tag;
    const char *name = ref_familiar(&ref, p->a);
    return name ? image_choose_sent(p->h->store, name, &f, p->o->platform, p->a, ret, e)
                : err_nomem(e);
}

/* ---- one tag ---- */

static int add_result(struct push *p, const char *tag, const struct descriptor *d,
                      struct shale_err *e)
{
    struct shale_pushed *v = arena_grow(p->a, p->done, p->n_done, &p->cap, sizeof *v);
    struct ref ref = p->ref;

    if (!v)
        return err_nomem(e);
    p->done = v;
    v += p->n_done++;
    ref.tag = tag;
    *v = (struct shale_pushed){
        .ref = ref_canonical(&ref, p->a),
        .digest = arena_strdup(p->a, d->digest.s),
        .size_bytes = d->size_bytes,
    };
    say(p, arena_printf(p->a, "%s: digest: %s size: %llu", tag, d->digest.s,
                        (unsigned long long)d->size_bytes));
    return v->ref && v->digest ? 0 : err_nomem(e);
}

static int push_one(struct push *p, const char *tag, struct shale_err *e)
{
    struct copy_opts co = {
        .n_parallel = p->o->n_parallel ? p->o->n_parallel : PUSH_PARALLEL,
        .on_progress = p->o->on_progress,
        .progress_arg = p->o->progress_arg,
        .cancel = p->h->cancel,
    };
    struct meta *m = store_meta(p->h->store);
    struct image_sent what;
    struct descriptor sent;
    struct meta_tag row;
    int r = meta_tag_get(m, p->ref.repo, tag, p->a, &row, e);

    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_NOT_FOUND, "tag does not exist: %s:%s", p->ref.familiar, tag);
    if (r >= 0)
        r = choose(p, &row, &what, e);
    if (r >= 0)
        r = store_lease_add(p->lease, &what.manifest, e);
    if (r < 0)
        return r;
    say(p, what.note);
    r = copy_graph(p->from, what.manifest.s, p->to, tag, &co, p->a, &sent, e);
    if (r < 0)
        return r;
    r = meta_repo_digest_put(m, p->ref.repo, &sent.digest, &what.image, e);
    if (r < 0)
        return r;
    store_image_event(p->h->store, EVENT_IMAGE_PUSH, &what.image,
                      arena_printf(p->a, "%s:%s", p->ref.familiar, tag), p->ref.familiar);
    return add_result(p, tag, &sent, e);
}

static int push_tags(struct push *p, const struct strv *tags, struct shale_err *e)
{
    int r = 0;

    if (!p->o->all_tags)
        return push_one(p, p->ref.tag, e);
    for (size_t i = 0; r >= 0 && i < tags->n; i++)
        r = push_one(p, tags->v[i], e);
    return r;
}

int image_push(struct image_host *h, const char *ref, const struct shale_push_opts *o,
               struct arena *a, struct shale_push_result *ret, struct shale_err *e)
{
    _cleanup_(push_clear) struct push p = {.h = h, .o = o, .a = a};
    struct strv tags = {0};
    char text[LIMIT_REF_BYTES + 64];
    int r = check_ref(&p, ref, e);

    if (r < 0)
        return r;
    snprintf(text, sizeof text, "The push refers to repository [%s]", p.ref.repo);
    say(&p, text);
    r = meta_repo_tags(store_meta(h->store), p.ref.repo, a, &tags, e);
    if (r >= 0 && tags.n == 0)
        return o->all_tags
                   ? err_set(e, SHALE_NOT_FOUND, "no tags to push for %s", p.ref.familiar)
                   : err_set(e, SHALE_NOT_FOUND, "An image does not exist locally with the tag: %s",
                             p.ref.familiar);
    if (r >= 0)
        r = begin(&p, e);
    if (r >= 0)
        r = push_tags(&p, &tags, e);
    if (r < 0)
        return r;
    *ret = (struct shale_push_result){p.done, p.n_done};
    return 0;
}
