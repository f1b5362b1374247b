/* SPDX-License-Identifier: Apache-2.0 */
#include "build/result/verify.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"

#define EPOCH     "SOURCE_DATE_EPOCH="
#define SHOWN_MAX 40  /* files and values */
#define LINE_MAX  512 /* of a step's text */

struct verify {
    struct build_host *h;
    const struct shale_build_opts *o;
    struct arena *a;
    int64_t begun_ns;
    /* Numbers of steps go on from one build to the next. */
    unsigned offset, last;
    unsigned step;         /* of the comparison */
    size_t n_told, n_left; /* differences */
};

/* ---- events of the builds ---- */

static void pass(void *arg, const struct shale_build_event *ev)
{
    struct verify *v = arg;
    struct shale_build_event out = *ev;

    if (out.step) {
        out.step += v->offset;
        v->last = out.step > v->last ? out.step : v->last;
    }
    if (v->o->on_event)
        v->o->on_event(v->o->arg, &out);
}

static void tell(struct verify *v, enum shale_build_event_kind kind, const char *text)
{
    struct shale_build_event ev = {.kind = kind, .step = v->step, .at_ns = time_mono_ns()};

    ev.name = kind == SHALE_BUILD_BEGUN ? text : NULL;
    ev.text = text;
    ev.n = text ? strlen(text) : 0;
    if (v->o->on_event)
        v->o->on_event(v->o->arg, &ev);
}

static void __attribute__((format(printf, 2, 3))) say(struct verify *v, const char *fmt, ...)
{
    char raw[2 * LINE_MAX], text[4 * LINE_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    tell(v, SHALE_BUILD_STATUS, str_printable(text, sizeof text, raw));
}

/* ---- the builds ---- */

static int check(const struct shale_build_opts *o, struct shale_err *e)
{
    const char *const *list = o->build_args;
    bool epoch = false;

    for (; list && *list; list++)
        epoch |= str_has_prefix(*list, EPOCH) && (*list)[sizeof EPOCH - 1];
    if (!epoch)
        return err_set(e, SHALE_INVALID,
                       "--verify needs SOURCE_DATE_EPOCH, or times differ always: for instance "
                       "--build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%%ct)");
    if (o->files_to || o->tar_to || o->only_cache)
        return err_set(e, SHALE_UNSUPPORTED,
                       "--verify of files is not supported yet: it compares images");
    if (streq(o->context, "-") || streq(o->dockerfile, "-"))
        return err_set(e, SHALE_UNSUPPORTED,
                       "--verify reads the context more than once: standard input cannot be");
    return 0;
}

static int build(struct verify *v, struct shale_build_opts o, struct shale_built *ret,
                 struct shale_err *e)
{
    v->offset = v->last;
    o.verify = false;
    o.on_event = pass;
    o.arg = v;
    return build_plain(v->h, &o, v->a, ret, e);
}

/* Without what is done with an image when it is the right one. */
static int build_both(struct verify *v, struct shale_built ret[2], struct shale_err *e)
{
    struct shale_build_opts o = *v->o;

    o.tags = NULL;
    o.cache_to = o.attests = NULL;
    int r = build(v, o, &ret[0], e);
    if (r < 0)
        return r;
    o.no_cache = true;
    o.pull = false; /* the same base */
    o.cache_from = NULL;
    return build(v, o, &ret[1], e);
}

/* ---- what differs ---- */

static int on_difference(void *arg, const struct shale_difference *x)
{
    static const char *const kinds[] = {[SHALE_DIFF_ADDED] = "only in the second",
                                        [SHALE_DIFF_REMOVED] = "only in the first",
                                        [SHALE_DIFF_CHANGED] = "differs"};
    static const struct {
        unsigned bit;
        const char *name;
    } parts[] = {{SHALE_DIFF_TYPE, "type"},    {SHALE_DIFF_CONTENT, "content"},
                 {SHALE_DIFF_MODE, "mode"},    {SHALE_DIFF_OWNER, "owner"},
                 {SHALE_DIFF_XATTR, "xattr"},  {SHALE_DIFF_LINK, "link"},
                 {SHALE_DIFF_DEVICE, "device"}};
    struct verify *v = arg;
    char what[128] = "";

    if (v->n_told++ >= SHOWN_MAX) {
        v->n_left++;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (x->what & parts[i].bit) {
            size_t n = strlen(what);
            (void)snprintf(what + n, sizeof what - n, "%s%s", n ? ", " : ": ", parts[i].name);
        }
    if (x->part == SHALE_PART_FILES)
        say(v, "  /%.700s %s%s", x->path, kinds[x->kind], what);
    else if (x->kind == SHALE_DIFF_CHANGED)
        say(v, "  %.200s: \"%.200s\", then \"%.200s\"", x->name, x->from, x->to);
    else
        say(v, "  %.200s %s", x->name, kinds[x->kind]);
    return 0;
}

/* Which steps gave other layers. */
static int compare_layers(struct verify *v, const char *const id[2], struct shale_err *e)
{
    struct shale_layer_uses uses[2] = {{0}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < 2; i++)
        r = image_layer_uses(&v->h->image, id[i], NULL, v->a, &uses[i], e);
    if (r < 0)
        return r;
    if (uses[0].n_items != uses[1].n_items)
        say(v, "there are %zu layers, then %zu", uses[0].n_items, uses[1].n_items);
    for (size_t i = uses[0].n_items; uses[0].n_items == uses[1].n_items && i > 0; i--) {
        const struct shale_layer_use *x = &uses[0].items[i - 1], *y = &uses[1].items[i - 1];
        if (!streq(x->diff_id, y->diff_id))
            say(v, "layer %" PRIu32 " differs: %.*s", x->number, LINE_MAX, x->created_by);
    }
    return 0;
}

static int compare(struct verify *v, const char *platform, const char *const id[2],
                   struct shale_err *e)
{
    const struct shale_image_diff_opts q = {.size = sizeof q,
                                            .parts = SHALE_PART_CONFIG | SHALE_PART_FILES,
                                            .on_difference = on_difference,
                                            .arg = v};
    size_t before = v->n_told;

    say(v, "%s: %s, then %s", platform, id[0], id[1]);
    int r = compare_layers(v, id, e);
    if (r >= 0)
        r = image_diff(&v->h->image, id[0], id[1], &q, v->a, e);
    if (r >= 0 && v->n_told == before)
        say(v, "  files and configuration are the same: times, or the order in a layer, are not");
    return r < 0 ? r : 0;
}

static int compare_all(struct verify *v, const struct shale_platform_list l[2], struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < l[0].n_items && i < l[1].n_items; i++) {
        const char *const id[2] = {l[0].items[i].image_id, l[1].items[i].image_id};
        if (*id[0] && *id[1] && !streq(l[0].items[i].digest, l[1].items[i].digest))
            r = compare(v, l[0].items[i].platform, id, e);
    }
    if (r >= 0 && v->n_left)
        say(v, "  ... and %zu more", v->n_left);
    return r;
}

/* ---- what has been made for the comparison only ---- */

/* Not what was here before, nor what has got a name, or a container. */
static void drop(struct verify *v, const char *id)
{
    const struct shale_rmi_opts o = {.size = sizeof o, .no_prune = true};
    struct shale_rmi_result res = {0};
    struct meta_image_item x;
    struct digest d;

    if (digest_parse(id, &d, NULL) < 0 ||
        meta_image_item(store_meta(v->h->image.store), &d, v->a, &x, NULL) < 0 ||
        x.image.added_ns < v->begun_ns || x.n_tags || x.n_digests || x.n_containers)
        return;
    (void)image_remove(&v->h->image, id, &o, v->a, &res, NULL);
}

static int platforms_of(struct verify *v, const struct shale_built *b,
                        struct shale_platform_list *ret, struct shale_err *e)
{
    return image_platforms(&v->h->image, b->manifest, v->a, ret, e);
}

static int report(struct verify *v, const struct shale_built b[2],
                  const struct shale_platform_list l[2], struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;

    v->step = v->last + 1;
    tell(v, SHALE_BUILD_BEGUN, "comparing both builds");
    int r = compare_all(v, l, &why);
    if (r < 0) {
        tell(v, SHALE_BUILD_FAILED, why.msg);
        return err_set(e, why.code, "%s", why.msg);
    }
    r = err_set(&why, SHALE_CONFLICT, "the build is not reproducible: it gave %s, then %s",
                b[0].manifest, b[1].manifest);
    tell(v, SHALE_BUILD_FAILED, why.msg);
    return err_negative(err_set(e, -r, "%s", why.msg));
}

/* ---- all of it ---- */

static int name_it(struct verify *v, struct shale_built *ret, struct shale_err *e)
{
    struct shale_build_opts o = *v->o;

    o.no_cache = o.pull = false;
    o.no_cache_stages = NULL;
    return build(v, o, ret, e);
}

/* What has been compared, and nothing else. */
static int expect(struct verify *v, const struct shale_platform_list *l, struct shale_err *e)
{
    const char **list = arena_array(v->a, l->n_items + 1, sizeof *list);

    if (!list)
        return err_nomem(e);
    for (size_t i = 0, n = 0; i < l->n_items; i++)
        if (*l->items[i].image_id)
            list[n++] = l->items[i].image_id;
    v->h->expect = list;
    return 0;
}

static int compare_and_name(struct verify *v, const struct shale_built b[2],
                            const struct shale_platform_list l[2], struct shale_built *ret,
                            struct shale_err *e)
{
    int r = 0;

    if (!streq(b[0].manifest, b[1].manifest))
        return report(v, b, l, e);
    r = expect(v, &l[0], e);
    return r < 0 ? r : name_it(v, ret, e);
}

int build_verify(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                 struct shale_built *ret, struct shale_err *e)
{
    struct build_host own = *h;
    struct verify v = {.h = &own, .o = o, .a = a, .begun_ns = time_now_ns()};
    struct shale_platform_list l[2] = {{NULL, 0}};
    struct shale_built b[2];
    int r = check(o, e);

    *ret = (struct shale_built){.id = "", .manifest = ""};
    if (r >= 0) /* a list has no name yet when the next build begins */
        r = store_lease_begin(h->image.store, "build --verify", &own.keep, e);
    if (r >= 0)
        r = build_both(&v, b, e);
    for (size_t i = 0; r >= 0 && i < 2; i++)
        r = platforms_of(&v, &b[i], &l[i], e);
    if (r >= 0)
        r = compare_and_name(&v, b, l, ret, e);
    own.keep = store_lease_end(own.keep);
    if (r < 0 && ret->id && *ret->id) /* of the third build */
        drop(&v, ret->id);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < l[i].n_items; k++)
            if (r < 0 || (o->tags && o->tags[0]))
                drop(&v, l[i].items[k].image_id);
    return r;
}
