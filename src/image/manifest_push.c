/* SPDX-License-Identifier: Apache-2.0 */
/* A list goes into its registry: first what its members need there, then the list under its tag. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/copy_priv.h"
#include "image/image_priv.h"
#include "image/manifests.h"
#include "model/limits.h"
#include "model/list_text.h"

struct list_push {
    struct image_host *h;
    const struct shale_list_push_opts *o;
    struct arena *a;
    struct ref ref;
    const char *name;
    struct ref from; /* of the member that is being sent */
    struct sink *to;
    struct store_lease *lease;
};

static void push_clear(struct list_push *p)
{
    if (p->to)
        p->to->ops->close(p->to);
    store_lease_end(p->lease);
}

/* Blobs of another repository of the same registry need not be sent. */
static int mount_from(void *arg, const struct digest *d, struct arena *a, struct strv *ret,
                      struct shale_err *e)
{
    const struct list_push *p = arg;
    char **v = arena_array(a, 1, sizeof *v);

    (void)d;
    if (!v)
        return err_nomem(e);
    *ret = (struct strv){v, 0, true};
    if (!p->from.path || !streq(p->from.domain, p->ref.domain))
        return 0;
    v[0] = arena_strdup(a, p->from.path);
    ret->n = 1;
    return v[0] ? 0 : err_nomem(e);
}

/* ---- one member ---- */

static int open_local(struct list_push *p, const struct meta_list_member *x, struct source **ret,
                      struct shale_err *e)
{
    int r = 0;

    if (!p->lease)
        r = store_lease_begin(p->h->store, "manifest push", &p->lease, e);
    if (r >= 0)
        r = store_lease_add(p->lease, &x->digest, e);
    if (r >= 0)
        r = image_is_whole(p->h->store, &x->digest, p->a, e);
    if (r == 0)
        return err_set(e, SHALE_NOT_FOUND,
                       "%s (%s) is not here any more: with the image back, run shale manifest "
                       "create --amend %s %s",
                       x->ref, x->digest.s, p->name, x->ref);
    return r < 0 ? r : store_source_open(p->h->store, ret, e);
}

static int send(struct list_push *p, const struct meta_list_member *x, struct source *from,
                struct shale_err *e)
{
    struct copy_opts co = {.cancel = p->h->cancel};
    struct doc d = {.desc = {.media_type = x->media_type, .digest = x->digest},
                    .raw = x->text,
                    .raw_n = strlen(x->text)};
    int r = manifest_parse(d.raw, d.raw_n, x->media_type, p->a, &d.m, e);

    d.desc.size_bytes = d.raw_n;
    return r < 0 ? r : copy_artifact(from, &d, p->to, &co, p->a, e);
}

static int push_member(struct list_push *p, const struct meta_list_member *x, struct shale_err *e)
{
    struct source *from = NULL;
    int r = ref_parse(x->ref, p->a, &p->from, e);

    if (r < 0 || (!x->local && streq(p->from.repo, p->ref.repo))) /* it is where it must be */
        return r;
    if (x->local) {
        p->from = (struct ref){0};
        r = open_local(p, x, &from, e);
    } else {
        r = remote_source_open(p->h->remote, &p->from, &from, e);
    }
    if (r >= 0)
        r = send(p, x, from, e);
    if (from)
        from->ops->close(from);
    if (r < 0)
        return r;
    const char *there = arena_printf(p->a, "%s@%s", p->ref.repo, x->digest.s);
    if (!there)
        return err_nomem(e);
    if (p->o->on_pushed)
        p->o->on_pushed(p->o->arg, there, x->digest.s);
    return 0;
}

/* ---- the list ---- */

static int check(const struct meta_list_member *v, size_t n, struct shale_err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!v[i].platform.os || !*v[i].platform.os || !v[i].platform.arch || !*v[i].platform.arch)
            return err_set(e, SHALE_INVALID,
                           "manifest %s must have an OS and Architecture to be pushed to a "
                           "registry: see shale manifest annotate",
                           v[i].ref);
    return 0;
}

static int push_list(struct list_push *p, const struct meta_list_member *v, size_t n,
                     struct descriptor *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES);
    struct shale_list_member *shown;
    struct shale_manifest_entry *entries = arena_array(p->a, n + 1, sizeof *entries);
    int r = entries ? manifest_show(v, n, p->a, &shown, e) : err_nomem(e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        entries[i] = shown[i].entry;
    list_text(entries, n, &b);
    r = buf_check(&b, e);
    *ret = (struct descriptor){.media_type = list_media_type(entries, n), .size_bytes = b.n};
    if (r >= 0)
        r = digest_of_bytes(HASH_SHA256, buf_str(&b), b.n, &ret->digest, e);
    return r < 0 ? r : p->to->ops->tag(p->to, p->ref.tag, ret, buf_str(&b), b.n, p->h->cancel, e);
}

int image_list_push(struct image_host *h, const char *name, const struct shale_list_push_opts *o,
                    struct arena *a, struct shale_list_pushed *ret, struct shale_err *e)
{
    _cleanup_(push_clear) struct list_push p = {.h = h, .o = o, .a = a};
    char notes[PATH_MAX];
    struct remote_sink_opts so = {o->on_progress, o->progress_arg, mount_from, &p, notes};
    struct meta *m = store_meta(h->store);
    struct meta_list_member *v;
    struct descriptor list;
    size_t n;
    int r = manifest_ref(name, a, &p.ref, &p.name, e);

    snprintf(notes, sizeof notes, "%s/pushes", store_root(h->store));
    if (r >= 0)
        r = meta_list_get(m, p.name, a, &v, &n, e);
    if (r >= 0 && n == 0)
        return err_set(e, SHALE_NOT_FOUND, "No such manifest: %s", p.name);
    if (r >= 0)
        r = check(v, n, e);
    if (r >= 0)
        r = remote_sink_open(h->remote, &p.ref, &so, &p.to, e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = push_member(&p, &v[i], e);
    if (r >= 0)
        r = push_list(&p, v, n, &list, e);
    if (r >= 0 && o->purge)
        r = meta_list_drop(m, p.name, v, n, e);
    if (r < 0)
        return r;
    *ret = (struct shale_list_pushed){p.name, arena_strdup(a, list.digest.s), list.size_bytes};
    return ret->digest ? 0 : err_nomem(e);
}
