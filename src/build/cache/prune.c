/* SPDX-License-Identifier: Apache-2.0 */
/* What the cache has, and what goes of it. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "container/step_cache.h"
#include "model/limits.h"

#define CACHE_MOUNT "exec.cachemount"
#define ID_SHOWN    256

struct item {
    struct shale_build_record v;
    uint64_t counts; /* bytes: of a layer that several have, with the one used last */
};

struct lister {
    struct arena *a;
    struct item *v; /* used last first */
    size_t n, cap;
    uint64_t size, reclaimable;
    const char **layers; /* seen so far, by number of the record */
    size_t cap_layers;
};

static int add_record(void *arg, const struct meta_build_step *s)
{
    struct lister *l = arg;
    struct item *v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
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
    v[l->n].counts = seen ? 0 : s->size_bytes;
    v[l->n].v = (struct shale_build_record){
        .id = arena_strdup(l->a, s->key),
        .type = "regular",
        .description = arena_strdup(l->a, s->description),
        .size_bytes = s->size_bytes,
        .created_ns = s->created_ns,
        .used_ns = s->used_ns,
        .n_uses = s->n_uses,
        .shared = s->shared,
    };
    bool ok = v[l->n].v.id && v[l->n].v.description && layers[l->n];
    l->n++;
    return ok ? 0 : -SHALE_NO_MEMORY;
}

static int list(struct build_host *h, struct lister *l, struct shale_err *e)
{
    int r = meta_build_each(store_meta(h->image.store), add_record, l, e);

    return r == -SHALE_NO_MEMORY ? err_nomem(e) : r;
}

static int by_use(const void *a_, const void *b_)
{
    const struct item *a = a_, *b = b_;

    return a->v.used_ns < b->v.used_ns
               ? 1
               : (a->v.used_ns > b->v.used_ns ? -1 : strcmp(a->v.id, b->v.id));
}

/* They stand between the others. */
static int add_mounts(struct build_host *h, struct lister *l, struct shale_err *e)
{
    struct step_cache *list = NULL;
    size_t n = 0;
    int r = step_cache_list(&h->container, l->a, &list, &n, e);

    if (r < 0 || n == 0)
        return r;
    struct item *v = arena_array(l->a, l->n + n, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < l->n; i++)
        v[i] = l->v[i];
    for (size_t i = 0; i < n; i++) {
        char shown[ID_SHOWN];
        v[l->n].counts = list[i].bytes;
        v[l->n].v = (struct shale_build_record){
            .id = list[i].name,
            .type = CACHE_MOUNT,
            .description = arena_printf(l->a, "cached mount %s",
                                        str_printable(shown, sizeof shown, list[i].id)),
            .size_bytes = list[i].bytes,
            .created_ns = list[i].created_ns,
            .used_ns = list[i].used_ns,
        };
        if (!v[l->n++].v.description)
            return err_nomem(e);
        l->size += list[i].bytes;
        l->reclaimable += list[i].in_use ? 0 : list[i].bytes;
    }
    l->v = v;
    qsort(v, l->n, sizeof *v, by_use);
    return 0;
}

int build_cache_list(struct build_host *h, struct arena *a, struct shale_build_cache *ret,
                     struct shale_err *e)
{
    struct lister l = {.a = a};
    int r = list(h, &l, e);

    if (r >= 0)
        r = add_mounts(h, &l, e);
    if (r < 0)
        return r;
    struct shale_build_record *v = arena_array(a, l.n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < l.n; i++)
        v[i] = l.v[i].v;
    *ret = (struct shale_build_cache){v, l.n, l.size, l.reclaimable};
    return 0;
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

static bool is_mount(const struct shale_build_record *v)
{
    return streq(v->type, CACHE_MOUNT);
}

/* Cache mounts, which no build can make again, go only if all shall, or if they are meant. */
static bool goes(const struct chooser *c, const struct shale_build_record *v)
{
    bool meant = c->o->all || (is_mount(v) ? c->type || c->id : !v->shared);

    return meant && (c->until_ns == TIME_NONE || v->used_ns < c->until_ns) &&
           (!c->id || str_has_prefix(v->id, c->id)) && (!c->type || streq(c->type, v->type)) &&
           (!c->description || strstr(v->description, c->description));
}

struct pruning {
    struct build_host *h;
    struct lister l;
    struct shale_build_record *gone;
    size_t n_gone;
    bool rows_gone;
    uint64_t left, freed;
};

/* 1: it is gone. A mount that a step has stays. */
static int drop(struct pruning *p, const struct item *x, struct shale_err *e)
{
    const struct shale_build_record *v = &x->v;
    uint64_t freed = 0;
    int r = 1;

    if (is_mount(v)) {
        struct shale_err why = SHALE_ERR_INIT;
        r = step_cache_remove(&p->h->container, v->id, &freed, &why);
        p->freed += freed;
        if (r < 0 && r != -SHALE_IN_USE)
            return err_set(e, why.code, "%s", why.msg);
        r = r >= 0;
    } else {
        r = meta_build_delete(store_meta(p->h->image.store), v->id, e);
        p->rows_gone = true;
        r = r < 0 ? r : 1;
    }
    if (r <= 0)
        return r;
    p->gone[p->n_gone++] = *v;
    p->left -= x->counts < p->left ? x->counts : p->left;
    return 1;
}

/* The longest unused first. Rows in one transaction, folders outside of it. */
static int drop_all(struct pruning *p, const struct chooser *c, bool mounts, struct shale_err *e)
{
    int r = 0;

    for (size_t i = p->l.n; r >= 0 && i > 0; i--) {
        const struct item *x = &p->l.v[i - 1];
        if (c->o->limit_size && p->left <= c->o->keep_bytes)
            break;
        if (is_mount(&x->v) == mounts && goes(c, &x->v))
            r = drop(p, x, e);
    }
    return r < 0 ? r : 0;
}

int build_cache_prune(struct build_host *h, const struct shale_build_prune_opts *o, struct arena *a,
                      struct shale_build_pruned *ret, struct shale_err *e)
{
    struct chooser c = {.o = o};
    struct pruning p = {.h = h, .l = {.a = a}};
    struct meta *m = store_meta(h->image.store);
    int r = take_filters(&c, e);

    if (r >= 0)
        r = meta_begin(m, e);
    if (r < 0)
        return r;
    r = list(h, &p.l, e);
    if (r >= 0)
        r = add_mounts(h, &p.l, e);
    p.left = p.l.size;
    p.gone = arena_array(a, p.l.n + 1, sizeof *p.gone);
    if (r >= 0)
        r = p.gone ? drop_all(&p, &c, false, e) : err_nomem(e);
    r = meta_end(m, r, e);
    if (r >= 0)
        r = drop_all(&p, &c, true, e);
    if (r >= 0 && p.rows_gone)
        r = store_gc(h->image.store, &ret->freed_bytes, e);
    ret->freed_bytes += p.freed;
    ret->items = p.gone;
    ret->n_items = r < 0 ? 0 : p.n_gone;
    return r < 0 ? r : 0;
}

/* ---- after a build ---- */

int build_cache_collect(struct build_host *h, uint64_t limit, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta *m = store_meta(h->image.store);
    struct pruning p = {.h = h, .l = {.a = &a}};
    uint64_t bytes, freed;
    int r = meta_build_own_bytes(m, &bytes, e);

    if (r < 0 || bytes <= limit)
        return r;
    r = meta_begin(m, e);
    if (r < 0)
        return r;
    r = list(h, &p.l, e);
    p.left = p.l.reclaimable;
    p.gone = arena_array(&a, p.l.n + 1, sizeof *p.gone);
    if (r >= 0 && !p.gone)
        r = err_nomem(e);
    for (size_t i = p.l.n; r >= 0 && i > 0 && p.left > limit / 8 * 7; i--)
        if (!p.l.v[i - 1].v.shared)
            r = drop(&p, &p.l.v[i - 1], e);
    r = meta_end(m, r < 0 ? r : 0, e);
    return r < 0 || !p.rows_gone ? r : store_gc(h->image.store, &freed, e);
}
