/* SPDX-License-Identifier: Apache-2.0 */
/* Pull: a copy from a registry into the store, then rows and names in one transaction. */
#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "image/copy.h"
#include "image/image_priv.h"
#include "model/limits.h"
#include "store/events.h"

struct pull {
    struct image_host *h;
    const struct shale_pull_opts *o;
    struct arena *a;
    struct ref ref;
    struct platform want;
    bool want_given; /* by the user, not by this host */
    struct source *from;
    struct sink *to;
    struct store_lease *lease;
    pthread_t warmer; /* opens the driver while layers come in */
    bool warming;
    const char *name;  /* tag or digest that is being pulled */
    bool told;         /* "3.20: Pulling from library/alpine" */
    bool known;        /* the image itself is here: nothing to say of its layers */
    const char *wrong; /* warning about the platform */
    struct shale_pulled *done;
    size_t n_done, cap;
    const char *given;   /* how it was named */
    struct digest found; /* of find_digest */
};

static void say(const struct pull *p, enum shale_progress_kind kind, const char *id,
                const char *text)
{
    struct shale_progress ev = {.kind = kind, .id = id, .text = text};

    if (p->o->on_progress)
        p->o->on_progress(p->o->progress_arg, &ev);
}

/* Which driver works here is found out by trying: not when everything else is done. */
static void *warm(void *arg)
{
    struct rootfs_driver *ignored;

    (void)store_driver(((struct pull *)arg)->h->store, &ignored, NULL);
    return NULL;
}

/* What source and sink report of layers. Of an image that is here there is nothing to say, unless
 * something of it must be fetched after all. */
static void on_layer(void *arg, const struct shale_progress *ev)
{
    const struct pull *p = arg;
    bool idle = ev->kind == SHALE_PROGRESS_PRESENT || ev->kind == SHALE_PROGRESS_QUEUED ||
                ev->kind == SHALE_PROGRESS_WAITING;

    if (p->o->on_progress && !(p->known && idle))
        p->o->on_progress(p->o->progress_arg, ev);
}

static void say_pulling(struct pull *p)
{
    if (!p->told)
        say(p, SHALE_PROGRESS_PULLING, p->ref.path, p->name);
    p->told = true;
}

static void pull_clear(struct pull *p)
{
    if (p->warming)
        pthread_join(p->warmer, NULL);
    if (p->to)
        p->to->ops->close(p->to);
    if (p->from)
        p->from->ops->close(p->from);
    store_lease_end(p->lease);
}

/* $DOCKER_DEFAULT_PLATFORM stands for --platform, as with docker. */
static int choose_platform(struct pull *p, const char *given, struct shale_err *e)
{
    if (!given || !*given)
        given = getenv("DOCKER_DEFAULT_PLATFORM");
    p->want_given = given && *given;
    if (p->want_given)
        return platform_parse(given, p->a, &p->want, e);
    p->want = platform_host();
    return 0;
}

static int check_ref(struct pull *p, const char *text, struct shale_err *e)
{
    int r = ref_parse(text, p->a, &p->ref, e);

    if (r < 0)
        return r;
    if (p->o->all_tags && (p->ref.tag || digest_is_set(&p->ref.digest)))
        return err_set(e, SHALE_INVALID, "tag can't be used with --all-tags/-a");
    if (!p->o->all_tags && !p->ref.tag && !digest_is_set(&p->ref.digest)) {
        say(p, SHALE_PROGRESS_MESSAGE, NULL, "Using default tag: latest");
        ref_default_tag(&p->ref);
    }
    if (p->o->all_platforms && p->o->platform && *p->o->platform)
        return err_set(e, SHALE_INVALID,
                       "conflicting options: cannot specify both --platform and --all-platforms");
    if (streq(p->ref.repo, "docker.io/library/scratch"))
        return err_set(e, SHALE_DENIED, "'scratch' is a reserved name");
    return 0;
}

/* "4f4fb700ef54: Retrying in 3 seconds" */
static void on_retry(void *arg, const struct descriptor *d, int64_t pause_ns)
{
    const struct pull *p = arg;
    struct shale_progress ev = {.kind = SHALE_PROGRESS_RETRY,
                                .current = (uint64_t)((pause_ns + NS_PER_S - 1) / NS_PER_S),
                                .total = d->size_bytes};
    char id[13];

    if (!p->o->on_progress)
        return;
    digest_short(&d->digest, id);
    ev.id = id;
    p->o->on_progress(p->o->progress_arg, &ev);
}

static int begin(struct pull *p, const char *origin, struct shale_err *e)
{
    struct store *s = p->h->store;
    int r = store_lease_begin(s, origin, &p->lease, e);

    if (r >= 0)
        r = store_settle(s, e);
    if (r < 0)
        return r;
    struct store_sink_opts so = {p->lease, origin, on_layer, p, p->o->all_platforms};
    return store_sink_open(s, &so, &p->to, e);
}

/* ---- where it may be had ---- */

/* What fails here would fail there, too. */
static bool may_be_elsewhere(int r)
{
    return r < 0 && r != -SHALE_CANCELED && r != -SHALE_NO_SPACE && r != -SHALE_NO_MEMORY &&
           r != -SHALE_SYSTEM;
}

/* Mirrors first, each with all that is still to be done; the registry itself has the last word. */
static int from_one_of(struct pull *p, int (*work)(struct pull *p, struct shale_err *e),
                       struct shale_err *e)
{
    size_t n = remote_mirrors(p->h->remote, &p->ref);
    int r = -SHALE_NOT_FOUND;

    for (size_t i = 0; i <= n && may_be_elsewhere(r); i++) {
        struct shale_err why = SHALE_ERR_INIT;
        if (p->from)
            p->from = p->from->ops->close(p->from);
        r = i < n ? remote_mirror_open(p->h->remote, i, &p->ref, &p->from, &why)
                  : remote_source_open(p->h->remote, &p->ref, &p->from, &why);
        if (r >= 0 && p->from) {
            p->from->on_retry = on_retry;
            p->from->retry_arg = p;
            r = work(p, &why);
        }
        if (r < 0 && i < n)
            log_debug("mirror %zu of docker.io: %s", i + 1, why.msg);
        if (r < 0 && e)
            *e = why;
    }
    return r;
}

/* ---- what is here already ---- */

/* 1 if all blobs of an image are there. fsck takes damaged ones away for us to fetch again. */
static int has_blobs(struct pull *p, const struct meta_image *row, struct shale_err *e)
{
    struct blobs *b = store_blobs(p->h->store);
    struct meta_image_layer *layers;
    size_t n;
    uint64_t size;
    int r = meta_image_layers(store_meta(p->h->store), &row->id, p->a, &layers, &n, e);

    if (r >= 0)
        r = blob_has(b, &row->id, &size, e);
    if (r == 1 && digest_is_set(&row->manifest))
        r = blob_has(b, &row->manifest, &size, e);
    for (size_t i = 0; r == 1 && i < n; i++)
        if (digest_is_set(&layers[i].blob))
            r = blob_has(b, &layers[i].blob, &size, e);
    return r;
}

/* 1 if the image is complete and ready to run; `want`: and of this platform. */
static int is_complete(struct pull *p, const struct digest *id, const struct platform *want,
                       struct shale_err *e)
{
    struct meta_image row;
    int r = meta_image_get(store_meta(p->h->store), id, p->a, &row, e);

    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    struct platform have = image_platform(&row);
    if (want && !platform_matches_local(want, &have))
        return 0;
    r = has_blobs(p, &row, e);
    if (r != 1)
        return r;
    if (!streq(row.os, "linux"))
        return 1;
    r = store_rootfs_prepare(p->h->store, id, p->h->cancel, e);
    if (r >= 0)
        return 1;
    return r == -SHALE_CANCELED || r == -SHALE_NO_SPACE ? r : 0; /* else: fetch what is missing */
}

/* The manifest that `target` has for the wanted platform. 0: none is known here. */
static int best_manifest(struct pull *p, const struct digest *target, struct digest *ret,
                         struct shale_err *e)
{
    const struct descriptor **found;
    struct manifest m;
    size_t n;

    *ret = *target;
    for (int depth = 0; depth <= LIMIT_INDEX_DEPTH; depth++) {
        int r = image_load_manifest(p->h->store, ret, p->a, &m, e);
        if (r < 0)
            return r == -SHALE_NOT_FOUND ? 0 : r;
        if (m.kind != MANIFEST_INDEX)
            return 1;
        r = manifest_select(&m, &p->want, p->a, &found, &n, e);
        if (r < 0 || n == 0)
            return r < 0 ? r : 0;
        *ret = found[0]->digest;
    }
    return 0;
}

/* An image that would do is not enough where an index has a better one. */
static int is_best(struct pull *p, const struct digest *target, const struct digest *id,
                   struct shale_err *e)
{
    struct digest best, image;
    int r = best_manifest(p, target, &best, e);

    if (r <= 0 || digest_eq(&best, target))
        return r;
    r = image_of_manifest(p->h->store, &best, p->a, &image, e);
    return r == 1 ? digest_eq(&image, id) : r;
}

static int is_wanted(struct pull *p, const struct digest *target, const struct digest *id,
                     struct shale_err *e)
{
    int r = is_best(p, target, id, e);

    return r <= 0 ? r : is_complete(p, id, &p->want, e);
}

/* 1 if `name` (a tag or digest) is up to date here: its target goes to *target, the image to *id.
 */
static int is_current(struct pull *p, const char *tag, struct digest *target, struct digest *id,
                      struct shale_err *e)
{
    struct meta *m = store_meta(p->h->store);
    struct meta_digests ids;
    struct descriptor d;
    struct meta_tag row;
    int r;

    if (!tag) { /* content of a digest never changes: no need to ask anybody */
        *target = p->ref.digest;
    } else {
        r = meta_tag_get(m, p->ref.repo, tag, p->a, &row, e);
        if (r < 0)
            return r == -SHALE_NOT_FOUND ? 0 : r;
        r = p->from->ops->resolve(p->from, tag, p->a, &d, p->h->cancel, e);
        if (r < 0)
            return r;
        if (!digest_eq(&d.digest, &row.target))
            return 0;
        *target = row.target;
        *id = row.image;
        r = blob_has(store_blobs(p->h->store), target, NULL, e);
        return r == 1 ? is_wanted(p, target, id, e) : r;
    }
    r = blob_has(store_blobs(p->h->store), target, NULL, e);
    if (r != 1)
        return r;
    r = meta_repo_digest_get(m, p->ref.repo, target, p->a, &ids, e);
    for (size_t i = 0; r >= 0 && i < ids.n; i++) {
        *id = ids.v[i];
        r = is_wanted(p, target, id, e);
        if (r != 0)
            return r;
    }
    return r < 0 ? r : 0;
}

/* ---- rows and names ---- */

struct naming {
    struct pull *p;
    const char *tag;
};

static int set_names(void *arg, const struct digest *target, const struct digest *id,
                     struct shale_err *e)
{
    const struct naming *n = arg;
    const struct pull *p = n->p;
    const char *tag = n->tag;
    struct meta *m = store_meta(p->h->store);
    struct digest prev;
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = meta_repo_digest_put(m, p->ref.repo, target, id, e);
    if (r >= 0 && tag)
        r = meta_tag_set(m, p->ref.repo, tag, id, target, "pull", &prev, e);
    return meta_end(m, r, e);
}

/* What the repository's digest stands for, besides the image that gets the tag. */
static int set_digest(void *arg, const struct digest *target, const struct digest *id,
                      struct shale_err *e)
{
    const struct naming *n = arg;

    return meta_repo_digest_put(store_meta(n->p->h->store), n->p->ref.repo, target, id, e);
}

/* It is told after all else, as docker does. */
static int note_platform(struct pull *p, const struct platform *have, const char *tag,
                         struct shale_err *e)
{
    struct shale_err text = SHALE_ERR_INIT;
    struct ref shown = p->ref;

    if (!p->want_given || platform_matches_local(&p->want, have))
        return 0;
    shown.tag = tag;
    const char *name = ref_canonical(&shown, p->a);
    if (!name)
        return err_nomem(e);
    image_wrong_platform(name, have, &p->want, p->a, &text);
    p->wrong = arena_printf(p->a, "WARNING: %s", text.msg);
    return p->wrong ? 0 : err_nomem(e);
}

/* The name exists; of an image that is here under another name there is no more to say. */
static int on_manifest(void *arg, const struct manifest *m, struct shale_err *e)
{
    struct pull *p = arg;
    int r = 0;

    say_pulling(p);
    if (m->kind != MANIFEST_INDEX)
        r = is_complete(p, &m->config.digest, NULL, e);
    p->known = r == 1;
    return r < 0 ? r : 0;
}

static int fetch_whole(struct pull *p, const char *tag, const struct copy_opts *co,
                       struct digest *target, struct digest *id, struct shale_err *e)
{
    struct copy_images all;
    int r = copy_whole(p->from, tag ? tag : p->ref.digest.s, p->to, co, p->a, &all, e);

    if (r < 0)
        return r;
    *target = all.target.digest;
    return image_add_whole(p->h, &all, &p->want, set_digest, set_names, &(struct naming){p, tag},
                           id, e);
}

static int fetch(struct pull *p, const char *tag, struct digest *target, struct digest *id,
                 struct shale_err *e)
{
    if (!p->warming)
        p->warming = pthread_create(&p->warmer, NULL, warm, p) == 0;
    struct copy_opts co = {
        .platform = &p->want,
        .by_host = !p->want_given,
        .n_parallel = p->o->n_parallel,
        .on_progress = on_layer,
        .progress_arg = p,
        .on_manifest = on_manifest,
        .manifest_arg = p,
        .cancel = p->h->cancel,
    };
    if (p->o->all_platforms)
        return fetch_whole(p, tag, &co, target, id, e);
    struct copy_result c;
    int r = copy_image(p->from, tag ? tag : p->ref.digest.s, p->to, &co, p->a, &c, e);

    if (r < 0)
        return r;
    r = image_add(p->h, &c, true, set_names, &(struct naming){p, tag}, id, e);
    if (r < 0)
        return r;
    *target = c.target.digest;
    return note_platform(p, &c.platform, tag, e);
}

/* "docker.io/library/alpine@sha256:…": the tag of a reference that has both plays no part. */
static const char *digest_name(struct pull *p, const struct ref *ref)
{
    struct ref only = *ref;

    only.tag = NULL;
    return ref_canonical(&only, p->a);
}

static int pull_one(struct pull *p, const char *tag, struct shale_err *e)
{
    struct ref ref = p->ref;
    struct digest target, id, before = {""};
    struct meta_tag row;
    struct shale_pulled *v;

    if (tag)
        ref.tag = tag;
    p->name = tag ? tag : digest_name(p, &ref);
    if (!p->name)
        return err_nomem(e);
    p->told = p->known = false;
    if (tag && meta_tag_get(store_meta(p->h->store), p->ref.repo, tag, p->a, &row, NULL) >= 0)
        before = row.image;
    int current = is_current(p, tag, &target, &id, e);
    if (current == 1 && p->o->all_platforms)
        current = image_is_whole(p->h->store, &target, p->a, e);
    if (current < 0)
        return current;
    if (current) {
        say_pulling(p);
    } else {
        int r = fetch(p, tag, &target, &id, e);
        if (r < 0)
            return r;
    }
    store_image_event(
        p->h->store, EVENT_IMAGE_PULL, &id,
        arena_printf(p->a, "%s%c%s", ref.familiar, tag ? ':' : '@', tag ? tag : ref.digest.s),
        ref.familiar);
    say_pulling(p);
    say(p, SHALE_PROGRESS_DIGEST, NULL, target.s);
    v = arena_grow(p->a, p->done, p->n_done, &p->cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    p->done = v;
    v += p->n_done++;
    *v = (struct shale_pulled){
        .ref = ref_canonical(&ref, p->a),
        .digest = arena_strdup(p->a, target.s),
        .id = arena_strdup(p->a, id.s),
        .changed = !current && !digest_eq(&before, &id),
    };
    return v->ref && v->digest && v->id ? 0 : err_nomem(e);
}

static int pull_named(struct pull *p, struct shale_err *e)
{
    return pull_one(p, digest_is_set(&p->ref.digest) ? NULL : p->ref.tag, e);
}

/* 1: a source before this one had it. */
static int is_done(const struct pull *p, const char *tag, struct shale_err *e)
{
    struct ref ref = p->ref;

    if (p->n_done == 0)
        return 0;
    ref.tag = tag;
    const char *name = ref_canonical(&ref, p->a);
    if (!name)
        return err_nomem(e);
    for (size_t i = 0; i < p->n_done; i++)
        if (streq(p->done[i].ref, name))
            return 1;
    return 0;
}

static int pull_all(struct pull *p, struct shale_err *e)
{
    struct strv tags;
    int r = p->from->ops->tags(p->from, p->a, &tags, p->h->cancel, e);

    if (r >= 0 && tags.n == 0)
        return err_set(e, SHALE_NOT_FOUND, "repository %s has no tags", p->ref.familiar);
    for (size_t i = 0; r >= 0 && i < tags.n; i++) {
        r = is_done(p, tags.v[i], e);
        if (r == 0)
            r = pull_one(p, tags.v[i], e);
    }
    return r < 0 ? r : 0;
}

/* "Downloaded newer image for alpine:3" */
static int say_status(struct pull *p, struct shale_err *e)
{
    bool changed = false;
    struct ref ref = p->ref;

    if (digest_is_set(&ref.digest))
        ref.tag = NULL;
    const char *shown = p->o->all_tags ? ref.familiar : ref_familiar(&ref, p->a);

    for (size_t i = 0; i < p->n_done; i++)
        changed |= p->done[i].changed;
    char *line = arena_printf(p->a, "Status: %s for %s",
                              changed ? "Downloaded newer image" : "Image is up to date", shown);
    if (!line)
        return err_nomem(e);
    say(p, SHALE_PROGRESS_STATUS, NULL, line);
    if (p->wrong)
        say(p, SHALE_PROGRESS_MESSAGE, NULL, p->wrong);
    return 0;
}

int image_pull(struct image_host *h, const char *ref, const struct shale_pull_opts *o,
               struct arena *a, struct shale_pull_result *ret, struct shale_err *e)
{
    _cleanup_(pull_clear) struct pull p = {.h = h, .o = o, .a = a};
    int r = check_ref(&p, ref, e);

    if (r >= 0)
        r = choose_platform(&p, o->platform, e);
    if (r < 0)
        return r;
    const char *origin = ref_familiar(&p.ref, a);
    if (!origin)
        return err_nomem(e);
    r = begin(&p, origin, e);
    if (r < 0)
        return r;
    r = from_one_of(&p, o->all_tags ? pull_all : pull_named, e);
    if (r >= 0)
        r = say_status(&p, e);
    if (r < 0)
        return r;
    *ret = (struct shale_pull_result){p.done, p.n_done};
    return 0;
}

/* The digest of what a name stands for, or of its image for p->want. */
static int find_digest(struct pull *p, struct shale_err *e)
{
    const char *name = digest_is_set(&p->ref.digest) ? p->ref.digest.s : p->ref.tag;
    struct descriptor image;
    struct platform have;
    int r = p->want_given ? copy_find(p->from, name, &p->want, p->a, &image, &have, p->h->cancel, e)
                          : p->from->ops->resolve(p->from, name, p->a, &image, p->h->cancel, e);

    if (r >= 0 && p->want_given && !platform_matches_local(&p->want, &have))
        return image_wrong_platform(p->given, &have, &p->want, p->a, e);
    if (r >= 0)
        p->found = image.digest;
    return r;
}

int image_digest(struct image_host *h, const char *ref, const char *platform, struct arena *a,
                 struct digest *ret, struct shale_err *e)
{
    struct shale_pull_opts none = {.size = sizeof none};
    _cleanup_(pull_clear) struct pull p = {.h = h, .o = &none, .a = a, .given = ref};
    int r = check_ref(&p, ref, e);

    p.want_given = platform && *platform;
    if (r >= 0 && p.want_given)
        r = platform_parse(platform, a, &p.want, e);
    if (r >= 0)
        r = from_one_of(&p, find_digest, e);
    if (r >= 0)
        *ret = p.found;
    return r;
}
