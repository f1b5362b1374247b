/* SPDX-License-Identifier: Apache-2.0 */
/* Stages and what they need of each other. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "build/instr/mount.h"

struct graph_walk {
    struct build *b;
    struct arena *a;
    struct stage_dep *v;
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

/* Where it is, and what is there, is told in the end. */
static int at(struct build *b, const struct instr *i, int r)
{
    if (!b->crew->failed) {
        b->crew->failed_in = b;
        b->crew->failed = i;
    }
    return r;
}

const char *graph_near(const struct build *b, const char *name)
{
    const char *found = NULL;
    size_t best = 3;

    for (size_t i = 0; i < b->file.n_stages; i++) {
        const char *other = b->file.stages[i].name;
        size_t d = other ? str_distance(name, other, best - 1) : best;
        if (d > 0 && d < best && d < strlen(other)) {
            best = d;
            found = other;
        }
    }
    return found;
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

/* "linux/arm64 build ", or "linux/amd64->arm64 build " where what is made is for another one. */
static const char *of_platform(struct build *b, struct stage *s)
{
    const struct platform *p = &s->platform, *t = &b->target_platform;
    const char *own = platform_format(p, b->a), *other = platform_format(t, b->a);

    if (!own || !other)
        return NULL;
    if (streq(own, other))
        return arena_printf(b->a, "%s %s", own, s->shown);
    if (streq(p->os, t->os))
        other += strlen(t->os) + 1;
    return arena_printf(b->a, "%s->%s %s", own, other, s->shown);
}

static int set_stage(struct build *b, size_t n, struct shale_err *e)
{
    struct stage *s = &b->stages[n];
    struct expand x = {
        .lookup = global_lookup, .arg = &b->global, .escape = b->file.escape, .arena = b->a};
    int r;

    *s = (struct stage){.src = &b->file.stages[n],
                        .index = n,
                        .shown = "",
                        .instrs = b->file.stages[n].instrs,
                        .n_instrs = b->file.stages[n].n_instrs};
    arena_init(&s->arena, BUILD_STAGE_BYTES);
    b->n_stages = n; /* those before it: what it may be from */
    r = expand_word(&x, s->src->base, &s->image, e);
    if (r >= 0 && !*s->image)
        r = err_set(e, SHALE_INVALID, "base name (%.64s) should not be blank", s->src->base);
    if (r >= 0)
        r = set_platform(b, s, &x, e);
    if (r < 0)
        return at(b, s->src->from, r);
    const struct named *named = named_find(b, s->image);
    s->is_context = named && !named->image;
    if (named && named->image)
        s->image = named->image;
    for (size_t i = n; i > 0 && !s->base && !named; i--)
        if (b->stages[i - 1].src->name && str_ieq(b->stages[i - 1].src->name, s->image))
            s->base = &b->stages[i - 1];
    if (s->base && !s->src->platform)
        s->platform = s->base->platform;
    s->no_cache = b->o->no_cache || in_list(b->o->no_cache_stages, s->src->name);
    s->n_steps = !s->base && (s->is_context || !streq(s->image, "scratch"));
    for (size_t i = 0; i < s->src->n_instrs; i++)
        s->n_steps += counts(s->src->instrs[i].kind);
    if (b->file.n_stages > 1)
        s->shown = s->src->name ? arena_printf(b->a, "%s ", s->src->name)
                                : arena_printf(b->a, "stage-%zu ", n);
    if (b->of_many && s->shown)
        s->shown = of_platform(b, s);
    return s->shown ? 0 : err_nomem(e);
}

/* ---- edges ---- */

static int push(struct graph_walk *w, struct stage *of, size_t at, struct shale_err *e)
{
    struct stage_dep *v = arena_grow(w->a, w->v, w->n, &w->cap, sizeof *v);

    if (!v)
        return err_nomem(e);
    w->v = v;
    v[w->n++] = (struct stage_dep){of, at};
    return 0;
}

static int add_dep(struct graph_walk *w, struct stage *s, size_t at, const char *from,
                   struct shale_err *e)
{
    struct stage *d = named_find(w->b, from) ? NULL : graph_find(w->b, from);
    uint64_t number;

    if (!d && !named_find(w->b, from) && str_to_u64(from, &number))
        return err_set(e, SHALE_INVALID, "invalid from flag value %.64s: index out of bounds",
                       from);
    if (!d)
        return 0; /* an image or a context */
    if (!d->src->name || !str_ieq(d->src->name, from))
        if (str_to_u64(from, &number) && number >= s->index)
            return err_set(e, SHALE_INVALID, "invalid from flag value %.64s: %s", from,
                           number == s->index ? "refers to current build stage"
                                              : "index out of bounds");
    return push(w, d, at, e);
}

static int deps_of_instr(struct graph_walk *w, struct stage *s, const struct instr *i, size_t at,
                         struct shale_err *e)
{
    int r = 0;

    for (size_t k = 0; r >= 0 && k < i->n_flags; k++) {
        const struct instr_flag *f = &i->flags[k];
        if (!f->value)
            continue;
        if ((i->kind == INSTR_COPY || i->kind == INSTR_ADD) && streq(f->name, "from"))
            r = add_dep(w, s, at, f->value, e);
        if (i->kind == INSTR_RUN && streq(f->name, "mount")) {
            const char *from = mount_from(f->value, w->a);
            r = from ? add_dep(w, s, at, from, e) : 0;
        }
    }
    return r;
}

static int set_deps(struct build *b, struct stage *s, struct shale_err *e)
{
    struct graph_walk w = {.b = b, .a = b->a};
    int r = s->base ? push(&w, s->base, 0, e) : 0;

    for (size_t i = 0; r >= 0 && i < s->n_instrs; i++) {
        r = deps_of_instr(&w, s, &s->instrs[i], i + 1, e);
        if (r < 0)
            return at(b, &s->instrs[i], r);
    }
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
                s->deps[i].of->n_users++;
            b->n_left++;
            depth--;
            continue;
        }
        struct stage *d = s->deps[next[s->index]++].of;
        if (d->mark == OPEN)
            return at(b, d->src->from,
                      err_set(e, SHALE_INVALID, "circular dependency detected on stage: %s",
                              d->src->name ? d->src->name : "(without a name)"));
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
    if (b->target)
        return 0;
    const char *near = graph_near(b, b->o->target);
    return err_set(e, SHALE_NOT_FOUND, "target stage \"%.64s\" could not be found%s%.64s%s",
                   b->o->target, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
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

/* ---- while it runs ---- */

bool graph_is_ready(struct stage *s)
{
    while (s->dep_at < s->n_deps && s->deps[s->dep_at].at <= s->pos &&
           s->deps[s->dep_at].of->status == STAGE_DONE)
        s->dep_at++;
    return s->dep_at == s->n_deps || s->deps[s->dep_at].at > s->pos;
}

bool graph_has(const struct stage *s, const struct stage *of)
{
    bool has = false;

    for (size_t i = 0; i < s->dep_at && !has; i++)
        has = s->deps[i].of == of;
    return has && of->status == STAGE_DONE;
}

/* What the base had it do first: it will be told of that again. */
static void forget_triggers(struct stage *s)
{
    size_t n = s->n_triggers, n_deps = 0;

    for (size_t i = 0; i < n; i++)
        s->n_steps -= counts(s->instrs[i].kind);
    for (size_t i = 0; i < s->n_deps; i++) {
        struct stage_dep d = s->deps[i];
        if (d.at > 0 && d.at <= n)
            continue;
        d.at -= d.at ? n : 0;
        s->deps[n_deps++] = d;
    }
    s->n_deps = n_deps;
    s->instrs += n;
    s->n_instrs -= n;
    s->n_triggers = 0;
}

static void begin_anew(struct stage *s)
{
    forget_triggers(s);
    state_clear(&s->state);
    s->dropped = false;
    s->status = STAGE_WAITING;
    s->pos = s->dep_at = s->at_step = 0;
    s->args = (struct scope){.v = NULL};
}

int graph_again(struct build *b, struct shale_err *e)
{
    b->n_left = 0;
    b->n_steps = b->n_cached = 0;
    for (size_t i = 0; i < b->n_stages; i++) {
        struct stage *s = &b->stages[i];
        begin_anew(s);
        s->needed = false;
        s->n_users = 0;
        s->mark = UNSEEN;
    }
    return need(b, e);
}

/* Its config may have gone to the stage that was the only one to need it. */
static bool is_whole(const struct stage *s)
{
    return s->needed && !s->dropped && (s->status != STAGE_DONE || s->state.doc);
}

/* Another user of `d`. One that nobody has needed so far, or that was needed no more, is to be done
 * with all that it needs itself. */
static int require(struct build *b, struct stage *d, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(BUILD_STAGE_BYTES);
    struct graph_walk w = {.b = b, .a = &a};
    int r = push(&w, d, 0, e);

    while (r >= 0 && w.n > 0) {
        struct stage *s = w.v[--w.n].of;
        s->n_users++;
        if (is_whole(s))
            continue;
        begin_anew(s);
        s->needed = true;
        b->n_left++;
        for (size_t i = 0; r >= 0 && i < s->n_deps; i++)
            r = push(&w, s->deps[i].of, 0, e);
    }
    return r;
}

/* Does `from` need `what`, itself or through others? */
static int reaches(struct build *b, struct stage *from, const struct stage *what,
                   struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(BUILD_STAGE_BYTES);
    bool *seen = arena_array(&a, b->n_stages, sizeof *seen);
    struct graph_walk w = {.b = b, .a = &a};
    int r = seen ? push(&w, from, 0, e) : err_nomem(e);

    while (r >= 0 && w.n > 0) {
        struct stage *s = w.v[--w.n].of;
        if (s == what)
            return 1;
        if (seen[s->index])
            continue;
        seen[s->index] = true;
        for (size_t i = 0; r >= 0 && i < s->n_deps; i++)
            r = push(&w, s->deps[i].of, 0, e);
    }
    return r < 0 ? r : 0;
}

static int check_trigger(struct build *b, struct stage *s, struct stage *d, struct shale_err *e)
{
    int r = reaches(b, d, s, e);

    if (r <= 0)
        return r;
    return err_set(e, SHALE_INVALID, "a trigger of ONBUILD needs stage %s, which needs this one",
                   d->src->name ? d->src->name : "(without a name)");
}

int graph_add_triggers(struct build *b, struct stage *s, const struct instr *v, size_t n,
                       struct shale_err *e)
{
    struct instr *all = arena_array(&s->arena, n + s->n_instrs, sizeof *all);
    struct graph_walk w = {.b = b, .a = &s->arena};
    int r = all ? 0 : err_nomem(e);

    if (r >= 0 && s->base) /* which is done, and stays the first */
        r = push(&w, s->base, 0, e);
    size_t n_base = w.n;
    for (size_t i = 0; r >= 0 && i < n; i++) {
        all[i] = v[i];
        r = deps_of_instr(&w, s, &all[i], i + 1, e);
    }
    size_t n_new = w.n;
    for (size_t i = 0; r >= 0 && i < s->n_instrs; i++)
        all[n + i] = s->instrs[i];
    pthread_mutex_lock(&b->crew->mutex);
    for (size_t i = n_base; r >= 0 && i < n_new; i++)
        r = check_trigger(b, s, w.v[i].of, e);
    for (size_t i = n_base; r >= 0 && i < n_new; i++)
        r = require(b, w.v[i].of, e);
    for (size_t i = n_base; r >= 0 && i < s->n_deps; i++)
        r = push(&w, s->deps[i].of, s->deps[i].at + n, e);
    if (r >= 0) {
        s->deps = w.v;
        s->n_deps = w.n;
        s->instrs = all;
        s->n_instrs += n;
        s->n_triggers = n;
    }
    pthread_cond_broadcast(&b->crew->changed);
    pthread_mutex_unlock(&b->crew->mutex);
    return r;
}
