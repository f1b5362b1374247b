/* SPDX-License-Identifier: Apache-2.0 */
/* `images`: one pass over the rows, newest first. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "image/image_priv.h"

struct listing {
    const struct image_filter *f;
    bool brief;
    struct arena *a;
    struct shale_image *v; /* of the heap, while it grows */
    size_t n, cap;
    struct shale_err *e;
};

/* "repo@digest" */
static const char *show_digest(struct arena *a, const struct meta_name *d)
{
    const char *repo = ref_familiar_repo(d->repo);
    size_t n = strlen(repo), m = strlen(d->target.s);
    char *text = arena_alloc(a, n + m + 2);

    if (!text)
        return NULL;
    memcpy(text, repo, n);
    text[n] = '@';
    memcpy(text + n + 1, d->target.s, m);
    return text;
}

/* The repository digest that belongs to a tag: what it stood for when it was pulled, if that is
 * still a name of the image, else any of the same repository. */
static const struct meta_name *digest_of_tag(const struct meta_image_item *i,
                                             const struct meta_name *tag)
{
    const struct meta_name *any = NULL;

    for (size_t k = 0; k < i->n_digests; k++) {
        const struct meta_name *d = &i->digests[k];
        if (!streq(d->repo, tag->repo))
            continue;
        if (digest_eq(&d->target, &tag->target))
            return d;
        any = any ? any : d;
    }
    return any;
}

static bool repo_has_tag(const struct meta_image_item *i, const char *repo)
{
    for (size_t k = 0; k < i->n_tags; k++)
        if (streq(i->tags[k].repo, repo))
            return true;
    return false;
}

/* Of "repo@digest": texts are shared, there may be tens of thousands. */
static const char *digest_part(const char *text)
{
    return strchr(text, '@') + 1;
}

/* Texts of names are in the arena already. */
static int show_names(const struct meta_image_item *i, struct arena *a, struct shale_image *ret)
{
    struct shale_image_name *v = arena_array(a, i->n_tags + i->n_digests, sizeof *v);
    const char **digests = i->n_digests ? arena_array(a, i->n_digests, sizeof *digests) : NULL;
    size_t n = 0;

    if (!v || (i->n_digests && !digests))
        return -SHALE_NO_MEMORY;
    for (size_t k = 0; k < i->n_digests; k++) {
        const struct meta_name *d = &i->digests[k];
        digests[k] = show_digest(a, d);
        if (!digests[k])
            return -SHALE_NO_MEMORY;
    }
    for (size_t k = 0; k < i->n_tags; k++, n++) {
        const struct meta_name *d = digest_of_tag(i, &i->tags[k]);
        v[n] = (struct shale_image_name){ref_familiar_repo(i->tags[k].repo), i->tags[k].tag,
                                         d ? digest_part(digests[d - i->digests]) : NULL};
    }
    for (size_t k = 0; k < i->n_digests; k++) {
        if (repo_has_tag(i, i->digests[k].repo))
            continue;
        v[n++] = (struct shale_image_name){ref_familiar_repo(i->digests[k].repo), NULL,
                                           digest_part(digests[k])};
    }
    ret->names = v;
    ret->n_names = n;
    ret->digests = digests;
    ret->n_digests = i->n_digests;
    return 0;
}

/* Most images have none of it, or "linux" and one of a few architectures. */
static const char *show_word(struct arena *a, const char *s)
{
    static const char *const common[] = {"", "linux", "amd64", "arm64"};

    for (size_t i = 0; i < ARRAY_SIZE(common); i++)
        if (streq(common[i], s))
            return common[i];
    return arena_strdup(a, s);
}

static int show_brief(const struct meta_image_item *i, struct arena *a, struct shale_image *ret)
{
    *ret = (struct shale_image){
        .id = arena_strdup(a, i->image.id.s),
        .parent = "",
        .created_ns = i->image.created_ns,
        .size_bytes = i->image.size_bytes,
        .os = "",
        .arch = "",
        .variant = "",
        .labels_json = "",
        .target = "",
    };
    return ret->id ? show_names(i, a, ret) : -SHALE_NO_MEMORY;
}

int image_show(const struct meta_image_item *i, struct arena *a, struct shale_image *ret)
{
    const struct meta_image *m = &i->image;
    const struct digest *target = i->n_tags && digest_is_set(&i->tags[0].target)
                                      ? &i->tags[0].target
                                  : i->n_digests ? &i->digests[0].target
                                                 : &m->manifest;
    *ret = (struct shale_image){
        .id = arena_strdup(a, m->id.s),
        .parent = show_word(a, m->parent.s),
        .created_ns = m->created_ns,
        .size_bytes = m->size_bytes,
        .n_containers = i->n_containers,
        .last_used_ns = m->last_used_ns,
        .pinned = m->pinned,
        .os = show_word(a, m->os),
        .arch = show_word(a, m->arch),
        .variant = show_word(a, m->variant),
        .labels_json = show_word(a, m->labels),
    };
    if (!ret->id || !ret->parent || !ret->os || !ret->arch || !ret->variant || !ret->labels_json ||
        show_names(i, a, ret) < 0)
        return -SHALE_NO_MEMORY;
    /* most often the digest of its name */
    ret->target = ret->n_names && ret->names[0].digest && streq(ret->names[0].digest, target->s)
                      ? ret->names[0].digest
                      : arena_strdup(a, target->s);
    return ret->target ? 0 : -SHALE_NO_MEMORY;
}

/* Names that the reference filter does not want are not shown. */
static struct meta_image_item choose_names(struct listing *l, const struct meta_image_item *i,
                                           int *ret_r)
{
    struct meta_image_item chosen = *i;
    struct meta_name *tags = arena_array(l->a, i->n_tags + 1, sizeof *tags);
    struct meta_name *digests = arena_array(l->a, i->n_digests + 1, sizeof *digests);
    int r = 0;

    chosen.n_tags = chosen.n_digests = 0;
    if (!tags || !digests)
        r = err_nomem(l->e);
    for (size_t k = 0; r >= 0 && k < i->n_tags; k++) {
        r = image_filter_name(l->f, &i->tags[k], l->e);
        if (r == 1)
            tags[chosen.n_tags++] = i->tags[k];
    }
    for (size_t k = 0; r >= 0 && k < i->n_digests; k++) {
        r = image_filter_name(l->f, &i->digests[k], l->e);
        /* the digest of a tag that is shown stays with it */
        if (r == 1 || repo_has_tag(&(struct meta_image_item){.tags = tags, .n_tags = chosen.n_tags},
                                   i->digests[k].repo))
            digests[chosen.n_digests++] = i->digests[k];
    }
    chosen.tags = tags;
    chosen.digests = digests;
    *ret_r = r;
    return chosen;
}

static int grow(struct listing *l)
{
    size_t more = l->cap ? l->cap * 2 : 16;
    if (l->n < l->cap)
        return 0;
    void *v = more > SIZE_MAX / sizeof *l->v ? NULL : mem_resize(l->v, more * sizeof *l->v);

    if (!v)
        return err_nomem(l->e);
    l->v = v;
    l->cap = more;
    return 0;
}

static int on_image(void *arg, const struct meta_image_item *i)
{
    struct listing *l = arg;
    int r = image_filter_match(l->f, i, l->e);

    if (r <= 0)
        return r;
    r = grow(l);
    if (r < 0)
        return r;
    struct shale_image *v = l->v;
    if (image_filter_has_names(l->f)) {
        struct meta_image_item chosen = choose_names(l, i, &r);
        if (r >= 0)
            r = (l->brief ? show_brief : image_show)(&chosen, l->a, &v[l->n]);
    } else {
        r = (l->brief ? show_brief : image_show)(i, l->a, &v[l->n]);
    }
    if (r == -SHALE_NO_MEMORY)
        return err_nomem(l->e);
    l->n++;
    return r < 0 ? r : 0;
}

/* ---- order ---- */

struct place {
    int64_t created_ns;
    const struct shale_image *image;
};

static int newest_first(const void *x, const void *y)
{
    const struct place *a = x, *b = y;

    if (a->created_ns != b->created_ns)
        return a->created_ns < b->created_ns ? 1 : -1;
    return strcmp(a->image->id, b->image->id);
}

/* Moves each to its place, along the circles that those make. */
static void put_in_places(struct shale_image *v, struct place *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!p[i].image || p[i].image == &v[i])
            continue;
        struct shale_image first = v[i];
        size_t to = i;
        for (;;) {
            size_t from = (size_t)(p[to].image - v);
            p[to].image = NULL;
            if (from == i)
                break;
            v[to] = v[from];
            to = from;
        }
        v[to] = first;
    }
}

static int sort(struct listing *l, struct shale_err *e)
{
    struct place *p = mem_array(l->n, sizeof *p);

    if (!p)
        return err_nomem(e);
    for (size_t i = 0; i < l->n; i++)
        p[i] = (struct place){l->v[i].created_ns, &l->v[i]};
    qsort(p, l->n, sizeof *p, newest_first);
    put_in_places(l->v, p, l->n);
    free(p);
    return 0;
}

int image_list(struct image_host *h, const struct shale_images_opts *o, struct arena *a,
               struct shale_image_list *ret, struct shale_err *e)
{
    struct listing l = {.a = a, .e = e};
    struct image_filter *f;
    int r = image_filter_new(h->store, o, a, &f, e);

    if (r < 0)
        return r;
    l.f = f;
    l.brief = o->brief && !image_filter_needs_row(f);
    r = meta_image_each(store_meta(h->store),
                        l.brief            ? META_EACH_BRIEF
                        : o->fewer_digests ? 0
                                           : META_EACH_ALL_DIGESTS,
                        a, on_image, &l, e);
    if (r >= 0 && l.n)
        r = sort(&l, e);
    if (r >= 0 && l.v && arena_defer(a, free, l.v) < 0)
        r = err_nomem(e);
    if (r < 0) {
        free(l.v);
        return r;
    }
    *ret = (struct shale_image_list){l.v, l.n};
    return 0;
}
