/* SPDX-License-Identifier: Apache-2.0 */
/* Stages and what they need of each other. */
#include "base/str.h"
#include "build/build_priv.h"
#include "build/mount.h"

struct graph_walk {
    struct build *b;
    struct stage **v;
    size_t n, cap;
};

static const char *global_lookup(void *arg, const char *name)
{
    return scope_get(arg, name, NULL);
}

struct stage *graph_find(struct build *b, const char *name)
{
    uint64_t n;

    for (size_t i = b->n_stages; i > 0; i--)
        if (b->stages[i - 1].src->name && str_ieq(b->stages[i - 1].src->name, name))
            return &b->stages[i - 1];
    return str_to_u64(name, &n) && n < b->n_stages ? &b->stages[n] : NULL;
}

static int at(const struct build *b, const struct instr *i, int r, struct shale_err *e)
{
    return err_wrap(e, r, "%s:%u", b->file.file, i->pos.line);
}

static int set_platform(struct build *b, struct stage *s, struct expand *x, struct shale_err *e)
{
    int r;

    s->platform = b->target_platform;
    s->platform_text = b->o->platform && *b->o->platform ? b->o->platform : NULL;
    if (!s->src->platform)
        return 0;
    r = expand_word(x, s->src->platform, &s->platform_text, e);
    if (r < 0)
        return r;
    if (!*s->platform_text)
        return err_set(e, SHALE_INVALID, "empty platform value from expression %.64s",
                       s->src->platform);
    r = platform_parse(s->platform_text, b->a, &s->platform, e);
    s->platform = platform_normalize(s->platform, b->a);
    return r;
}

static bool in_list(const char *const *list, const char *name)
{
    for (; list && name && *list; list++)
        if (str_ieq(*list, name))
            return true;
    return false;
}

static bool counts(enum instr_kind k)
{
    return k == INSTR_COPY || k == INSTR_ADD || k == INSTR_RUN || k == INSTR_WORKDIR;
}

static int set_stage(struct build *b, size_t n, struct shale_err *e)
{
    struct stage *s = &b->stages[n];
    struct expand x = {
        .lookup = global_lookup, .arg = &b->global, .escape = b->file.escape, .arena = b->a};
    int r;

    *s = (struct stage){.src = &b->file.stages[n], .index = n, .shown = ""};
    arena_init(&s->arena, BUILD_STAGE_BYTES);
    b->n_stages = n; /* those before it: what it may be from */
    r = expand_word(&x, s->src->base, &s->image, e);
    if (r >= 0 && !*s->image)
        r = err_set(e, SHALE_INVALID, "base name (%.64s) should not be blank", s->src->base);
    if (r >= 0)
        r = set_platform(b, s, &x, e);
    if (r < 0)
        return at(b, s->src->from, r, e);
    const struct named *named = named_find(b, s->image);
    if (named && !named->image)
        return at(b, s->src->from,
                  err_set(e, SHALE_UNSUPPORTED,
                          "FROM of the context %s, which is no image, is not supported yet",
                          named->name),
                  e);
    if (named)
        s->image = named->image;
    for (size_t i = n; i > 0 && !s->base && !named; i--)
        if (b->stages[i - 1].src->name && str_ieq(b->stages[i - 1].src->name, s->image))
            s->base = &b->stages[i - 1];
    if (s->base && !s->src->platform)
        s->platform = s->base->platform;
    s->no_cache = b->o->no_cache || in_list(b->o->no_cache_stages, s->src->name);
    s->n_steps = !s->base && !streq(s->image, "scratch");
    for (size_t i = 0; i < s->src->n_instrs; i++)
        s->n_steps += counts(s->src->instrs[i].kind);
    if (b->file.n_stages > 1)
        s->shown = s->src->name ? arena_printf(b->a, "%s ", s->src->name)
                                : arena_printf(b->a, "stage-%zu ", n);
    if (b->of_many && s->shown)
        s->shown = arena_printf(b->a, "%s %s", platform_format(&s->platform, b->a), s->shown);
    return s->shown ? 0 : err_nomem(e);
}

/* ---- edges ---- */

static int add_dep(struct graph_walk *w, struct stage *s, const char *from, struct shale_err *e)
{
    struct stage *d = named_find(w->b, from) ? NULL : graph_find(w->b, from);
    uint64_t number;

    if (!d)
        return 0; /* an image or a context */
    if (!d->src->name || !str_ieq(d->src->name, from))
        if (str_to_u64(from, &number) && number >= s->index)
            return err_set(e, SHALE_INVALID, "invalid from flag value %.64s: %s", from,
                           number == s->index ? "refers to current build stage"
                                              : "index out of bounds");
    struct stage **v = arena_grow(w->b->a, w->v, w->n, &w->cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    w->v = v;
    v[w->n++] = d;
    return 0;
}

static int deps_of_instr(struct graph_walk *w, struct stage *s, const struct instr *i,
                         struct shale_err *e)
{
    int r = 0;

    for (size_t k = 0; r >= 0 && k < i->n_flags; k++) {
        const struct instr_flag *f = &i->flags[k];
        if (!f->value)
            continue;
        if ((i->kind == INSTR_COPY || i->kind == INSTR_ADD) && streq(f->name, "from"))
            r = add_dep(w, s, f->value, e);
        if (i->kind == INSTR_RUN && streq(f->name, "mount")) {
            const char *from = mount_from(f->value, w->b->a);
            r = from ? add_dep(w, s, from, e) : 0;
        }
    }
    return r < 0 ? at(w->b, i, r, e) : 0;
}

static int set_deps(struct build *b, struct stage *s, struct shale_err *e)
{
    struct graph_walk w = {.b = b};
    int r = 0;

    if (s->base) {
        w.v = arena_grow(b->a, w.v, 0, &w.cap, sizeof *w.v);
        if (!w.v)
            return err_nomem(e);
        w.v[w.n++] = s->base;
    }
    for (size_t i = 0; r >= 0 && i < s->src->n_instrs; i++)
        r = deps_of_instr(&w, s, &s->src->instrs[i], e);
    s->deps = w.v;
    s->n_deps = w.n;
    return r;
}

/* ---- what the target needs ---- */

enum { UNSEEN, OPEN, CLOSED };

/* Depth first, with a stack of its own: there may be 10,000 stages in a row. */
static int need(struct build *b, struct shale_err *e)
{
    struct stage **stack = arena_array(b->a, b->n_stages + 1, sizeof *stack);
    size_t *next = arena_array(b->a, b->n_stages + 1, sizeof *next), depth = 0;

    if (!stack || !next)
        return err_nomem(e);
    stack[depth++] = b->target;
    b->target->mark = OPEN;
    while (depth > 0) {
        struct stage *s = stack[depth - 1];
        if (next[s->index] == s->n_deps) {
            s->mark = CLOSED;
            s->needed = true;
            for (size_t i = 0; i < s->n_deps; i++)
                s->deps[i]->n_users++;
            b->n_left++;
            depth--;
            continue;
        }
        struct stage *d = s->deps[next[s->index]++];
        if (d->mark == OPEN)
            return at(b, d->src->from,
                      err_set(e, SHALE_INVALID, "circular dependency detected on stage: %s",
                              d->src->name ? d->src->name : "(without a name)"),
                      e);
        if (d->mark == CLOSED)
            continue;
        d->mark = OPEN;
        stack[depth++] = d;
    }
    return 0;
}

static int find_target(struct build *b, struct shale_err *e)
{
    if (b->n_stages == 0)
        return err_set(e, SHALE_INVALID, "%s: the file with no instructions: it needs a FROM",
                       b->file.file);
    if (!b->o->target || !*b->o->target) {
        b->target = &b->stages[b->n_stages - 1];
        return 0;
    }
    b->target = graph_find(b, b->o->target);
    return b->target ? 0
                     : err_set(e, SHALE_NOT_FOUND, "target stage \"%.64s\" could not be found",
                               b->o->target);
}

int graph_make(struct build *b, struct shale_err *e)
{
    int r = 0;

    b->stages = arena_array(b->a, b->file.n_stages + 1, sizeof *b->stages);
    if (!b->stages)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < b->file.n_stages; i++)
        r = set_stage(b, i, e);
    b->n_stages = r < 0 ? b->n_stages : b->file.n_stages;
    if (r >= 0)
        r = find_target(b, e);
    for (size_t i = 0; r >= 0 && i < b->n_stages; i++)
        r = set_deps(b, &b->stages[i], e);
    return r < 0 ? r : need(b, e);
}
