/* SPDX-License-Identifier: Apache-2.0 */
/* What the cache has, and what goes of it. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"

struct lister {
    struct arena *a;
    struct shale_build_record *v;
    size_t n, cap;
    uint64_t size, reclaimable;
    const char **layers; /* seen so far, by number of the record */
    size_t cap_layers;
};

static int add_record(void *arg, const struct meta_build_step *s)
{
    struct lister *l = arg;
    struct shale_build_record *v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
    const char **layers = arena_grow(l->a, l->layers, l->n, &l->cap_layers, sizeof *layers);
    bool seen = !digest_is_set(&s->diff_id);

    if (!v || !layers)
        return -SHALE_NO_MEMORY;
    l->v = v;
    l->layers = layers;
    for (size_t i = 0; i < l->n && !seen; i++)
        seen = streq(layers[i], s->diff_id.s);
    l->size += seen ? 0 : s->size_bytes;
    l->reclaimable += seen || s->shared ? 0 : s->size_bytes;
    layers[l->n] = arena_strdup(l->a, s->diff_id.s);
    v[l->n] = (struct shale_build_record){
        .id = arena_strdup(l->a, s->key),
        .type = "regular",
        .description = arena_strdup(l->a, s->description),
        .size_bytes = s->size_bytes,
        .created_ns = s->created_ns,
        .used_ns = s->used_ns,
        .n_uses = s->n_uses,
        .shared = s->shared,
    };
    return v[l->n].id && v[l->n].description && layers[l->n++] ? 0 : -SHALE_NO_MEMORY;
}

static int list(struct build_host *h, struct lister *l, struct shale_err *e)
{
    int r = meta_build_each(store_meta(h->image.store), add_record, l, e);

    return r == -SHALE_NO_MEMORY ? err_nomem(e) : r;
}

int build_cache_list(struct build_host *h, struct arena *a, struct shale_build_cache *ret,
                     struct shale_err *e)
{
    struct lister l = {.a = a};
    int r = list(h, &l, e);

    *ret = (struct shale_build_cache){l.v, l.n, l.size, l.reclaimable};
    return r;
}

/* ---- prune ---- */

struct chooser {
    const struct shale_build_prune_opts *o;
    int64_t until_ns; /* TIME_NONE: no such filter */
    const char *id, *type, *description;
};

static int take_filters(struct chooser *c, struct shale_err *e)
{
    const char *const *f = c->o->filters;
    int r = 0;

    c->until_ns = TIME_NONE;
    for (; r >= 0 && f && *f; f++) {
        const char *eq = strchr(*f, '=');
        struct str name = {*f, eq ? (size_t)(eq - *f) : strlen(*f)};
        const char *value = eq ? eq + 1 : "";
        if (str_eq(name, STR("until")) || str_eq(name, STR("unused-for")))
            r = time_parse_filter(value, time_now_ns(), &c->until_ns, e);
        else if (str_eq(name, STR("id")))
            c->id = value;
        else if (str_eq(name, STR("type")))
            c->type = value;
        else if (str_eq(name, STR("description")))
            c->description = value;
        else
            r = err_set(e, SHALE_INVALID, "invalid filter '%.*s': until, id, type or description",
                        (int)name.n, name.p);
    }
    return r;
}

static bool goes(const struct chooser *c, const struct shale_build_record *v)
{
    return (c->o->all || !v->shared) && (c->until_ns == TIME_NONE || v->used_ns < c->until_ns) &&
           (!c->id || str_has_prefix(v->id, c->id)) && (!c->type || streq(c->type, v->type)) &&
           (!c->description || strstr(v->description, c->description));
}

int build_cache_prune(struct build_host *h, const struct shale_build_prune_opts *o, struct arena *a,
                      struct shale_build_pruned *ret, struct shale_err *e)
{
    struct chooser c = {.o = o};
    struct lister l = {.a = a};
    struct meta *m = store_meta(h->image.store);
    size_t n = 0;
    int r = take_filters(&c, e);

    if (r >= 0)
        r = meta_begin(m, e);
    if (r < 0)
        return r;
    r = list(h, &l, e);
    struct shale_build_record *gone = arena_array(a, l.n + 1, sizeof *gone);
    uint64_t left = l.size;
    for (size_t i = l.n; r >= 0 && gone && i > 0; i--) { /* the longest unused first */
        struct shale_build_record *v = &l.v[i - 1];
        if (o->limit_size && left <= o->keep_bytes)
            break;
        if (!goes(&c, v))
            continue;
        r = meta_build_delete(m, v->id, e);
        gone[n++] = *v;
        left -= v->size_bytes < left ? v->size_bytes : left;
    }
    if (r >= 0 && !gone)
        r = err_nomem(e);
    r = meta_end(m, r, e);
    if (r >= 0 && n > 0)
        r = store_gc(h->image.store, &ret->freed_bytes, e);
    ret->items = gone;
    ret->n_items = r < 0 ? 0 : n;
    return r < 0 ? r : 0;
}
