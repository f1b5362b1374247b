/* SPDX-License-Identifier: Apache-2.0 */
/* The image of the target, and its names. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/attest/attest.h"
#include "build/build_priv.h"
#include "build/cache/cache_remote.h"
#include "build/result/compress.h"
#include "store/events.h"

static int add_labels(struct build *b, struct state *s, struct shale_err *e)
{
    json_t *config = state_config(s), *labels = json_object_get(config, "Labels");
    const char *const *list = b->o->labels;

    if (list && *list && !json_is_object(labels)) {
        labels = json_object();
        if (json_object_set_new(config, "Labels", labels) < 0)
            return err_nomem(e);
    }
    for (; list && *list; list++) {
        const char *eq = strchr(*list, '=');
        const char *key = eq ? arena_strndup(b->a, *list, (size_t)(eq - *list)) : *list;
        if (!key)
            return err_nomem(e);
        if (json_object_set_new(labels, key, json_string(eq ? eq + 1 : "")) < 0)
            return json_no_string(*list, "a label", e);
    }
    return 0;
}

/* What is given its names: an image, or a list with all its images. */
struct result {
    struct digest id, target;
    const struct image_entry *others; /* of a list: all images */
    size_t n_others;
};

/* What ties the images of a list together. */
static int tie(struct build *b, const struct ref *name, const struct result *x, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < x->n_others; i++)
        r = meta_repo_digest_put(store_meta(b->store), name->repo, &x->target,
                                 &x->others[i].made.id, e);
    return r;
}

static int put_names(struct build *b, const struct ref *names, size_t n, const struct result *x,
                     struct shale_err *e)
{
    struct meta *m = store_meta(b->store);
    struct digest prev;
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = tie(b, &names[i], x, e);
        if (r >= 0)
            r = meta_tag_set(m, names[i].repo, names[i].tag, &x->id, &x->target, "build", &prev, e);
    }
    return meta_end(m, r < 0 ? r : 0, e);
}

/* All or none: they move in one transaction. */
static int give_names(struct build *b, const struct result *x, struct shale_built *ret,
                      struct told *t, struct shale_err *e)
{
    size_t n = 0;
    int r = 0;

    while (b->o->tags && b->o->tags[n])
        n++;
    const char **names = arena_array(b->a, n + 1, sizeof *names);
    struct ref *refs = arena_array(b->a, n + 1, sizeof *refs);
    if (!names || !refs)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = image_parse_target(b->o->tags[i], b->a, &refs[i], e);
    if (r >= 0)
        r = put_names(b, refs, n, x, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        names[i] = ref_canonical(&refs[i], b->a);
        const char *familiar = ref_familiar(&refs[i], b->a);
        const char *told = names[i] ? arena_printf(b->a, "naming to %s done", names[i]) : NULL;
        if (!told || !familiar)
            return err_nomem(e);
        store_image_event(b->store, EVENT_IMAGE_TAG, &x->id, x->id.s, familiar);
        told_status(t, told);
    }
    ret->names = names;
    ret->n_names = n;
    return 0;
}

static int tell_result(struct build *b, const struct result *x, const char *verb,
                       const struct digest *shown, struct shale_built *ret, struct told *t,
                       struct shale_err *e)
{
    ret->id = arena_strdup(b->a, x->id.s);
    ret->manifest = arena_strdup(b->a, x->target.s);
    const char *told = ret->id ? arena_printf(b->a, "%s %s done", verb, shown->s) : NULL;
    if (!told || !ret->manifest)
        return err_nomem(e);
    told_status(t, told);
    return 0;
}

/* Images first, then what is said of them. */
static int put_list(struct build *v, struct image_entry *list, size_t n, struct digest *ret,
                    struct shale_err *e)
{
    _cleanup_json_ json_t *annotations = NULL;
    size_t n_all = n;
    int r = annotations_of(&v[0], ANNOTATED_INDEX, NULL, &annotations, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        list[i] = (struct image_entry){v[i].made, v[i].target_platform, NULL};
        r = annotations_of(&v[i], ANNOTATED_ENTRY, &list[i].platform, &list[i].annotations, e);
    }
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = attest_make(&v[i], &list[n_all], e);
        n_all += r == 1;
    }
    if (r >= 0)
        r = image_make_list(v[0].store, v[0].lease, list, n_all, annotations, ret, e);
    if (r >= 0 && v[0].h->keep)
        r = store_lease_add(v[0].h->keep, ret, e);
    for (size_t i = 0; i < n_all; i++)
        json_decref(list[i].annotations);
    return r;
}

/* An image with attestations stands in a list with them. */
static int attest(struct build *b, struct result *x, struct told *t, struct shale_err *e)
{
    struct image_entry *list = arena_array(b->a, 2, sizeof *list);
    struct attest_opts o;
    int r = list ? attest_parse(b->o, b->a, &o, e) : err_nomem(e);

    if (r < 0 || !attest_wanted(&o))
        return r;
    r = put_list(b, list, 1, &x->target, e);
    if (r < 0)
        return r;
    x->others = list;
    x->n_others = 1;
    told_status(t, arena_printf(b->a, "writing manifest list %s done", x->target.s));
    return 0;
}

/* Before records of an inline cache are put into it: no such thing is in what was verified. What is
 * not expected is here then; who verifies removes it. */
static int check_expected(struct build *b, const json_t *annotations, struct shale_built *ret,
                          struct shale_err *e)
{
    const char *const *list = b->h->expect;
    const struct state *s = &b->target->state;
    _cleanup_json_ json_t *doc = list ? json_copy(s->doc) : NULL;
    struct image_made made;

    if (!list)
        return 0;
    int r = doc ? image_make(b->store, b->lease, doc, s->layers, s->n_layers, NULL, annotations,
                             &made, e)
                : err_nomem(e);
    while (r >= 0 && *list && !streq(*list, made.id.s))
        list++;
    if (r < 0 || *list)
        return r;
    ret->id = arena_strdup(b->a, made.id.s);
    return err_set(e, SHALE_CONFLICT, "what is built has changed while it was verified");
}

static int make(struct build *b, struct shale_built *ret, struct told *t, struct shale_err *e)
{
    struct state *s = &b->target->state;
    _cleanup_json_ json_t *annotations = NULL;
    int r = add_labels(b, s, e);

    if (r >= 0)
        r = history_finish(s->doc, b->epoch_ns, e);
    if (r >= 0)
        r = build_squash(b, e);
    if (r >= 0)
        r = compress_image(b, t, e);
    if (r >= 0)
        r = annotations_of(b, ANNOTATED_MANIFEST, &b->target_platform, &annotations, e);
    if (r >= 0)
        r = check_expected(b, annotations, ret, e);
    if (r >= 0)
        r = cache_remote_inline(b, s->doc, e);
    if (r >= 0)
        r = image_make(b->store, b->lease, s->doc, s->layers, s->n_layers, NULL, annotations,
                       &b->made, e);
    if (r < 0)
        return r;
    store_image_event(b->store, EVENT_IMAGE_CREATE, &b->made.id, b->made.id.s, b->made.id.s);
    struct result x = {b->made.id, b->made.manifest, NULL, 0};
    r = tell_result(b, &x, "writing image", &x.id, ret, t, e);
    if (r >= 0 && !b->of_many)
        r = attest(b, &x, t, e);
    if (r >= 0 && !(ret->manifest = arena_strdup(b->a, x.target.s)))
        r = err_nomem(e);
    return r < 0 || b->of_many ? r : give_names(b, &x, ret, t, e);
}

static int finish(struct told *t, int r, const struct shale_err *why, struct shale_err *e)
{
    if (r < 0) {
        told_failed(t, why);
        return err_set(e, why->code, "%s", why->msg);
    }
    told_end(t, SHALE_BUILD_DONE);
    return 0;
}

int build_finish(struct build *b, struct shale_built *ret, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct told t;
    const char *name = b->of_many ? arena_printf(b->a, "exporting to image (%s)", b->o->platform)
                                  : "exporting to image";

    told_begin(b, &t, name ? name : "exporting to image");
    return finish(&t, make(b, ret, &t, &why), &why, e);
}

/* ---- several platforms ---- */

/* The one of this machine stands for all where one image is asked for. */
static size_t choose(const struct build *v, size_t n)
{
    struct platform host = platform_host();

    for (size_t i = 0; i < n; i++)
        if (platform_rank(&host, &v[i].target_platform, false) >= 0)
            return i;
    return 0;
}

static int make_list(struct build *v, size_t n, struct shale_built *ret, struct told *t,
                     struct shale_err *e)
{
    struct build *b = &v[0];
    struct image_entry *list = arena_array(b->a, 2 * n, sizeof *list);
    struct result x = {.id = v[choose(v, n)].made.id, .others = list, .n_others = n};
    int r = list ? put_list(v, list, n, &x.target, e) : err_nomem(e);

    if (r >= 0)
        r = tell_result(b, &x, "writing manifest list", &x.target, ret, t, e);
    return r < 0 ? r : give_names(b, &x, ret, t, e);
}

int build_finish_list(struct build *v, size_t n, struct shale_built *ret, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct told t;

    told_begin(&v[0], &t, "exporting manifest list");
    return finish(&t, make_list(v, n, ret, &t, &why), &why, e);
}
