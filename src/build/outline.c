/* SPDX-License-Identifier: Apache-2.0 */
/* What a Dockerfile offers: its targets, and what the one that would be built can be given. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "build/instr/mount.h"

struct outliner {
    struct build *b;
    struct shale_build_outline *ret;
    size_t cap_args, cap_secrets, cap_ssh;
};

/* "NAME what it is for" in the comments right above. */
static const char *described(const char *const *comments, const char *name)
{
    size_t n = name ? strlen(name) : 0;

    for (; n && comments && *comments; comments++) {
        struct str line = str_trim(str_of(*comments));
        if (line.n > n + 1 && memcmp(line.p, name, n) == 0 && line.p[n] == ' ')
            return line.p + n + 1;
    }
    return NULL;
}

static const char *copy(struct outliner *x, const char *s)
{
    return s ? arena_strdup(x->b->a, s) : NULL;
}

static int add_arg(struct outliner *x, const struct instr *i, const char *name, const char *value,
                   struct shale_err *e)
{
    struct shale_build_arg *v = (struct shale_build_arg *)x->ret->args;
    size_t at = 0;

    while (at < x->ret->n_args && !streq(v[at].name, name))
        at++;
    if (at == x->ret->n_args) {
        v = arena_grow(x->b->a, v, at, &x->cap_args, sizeof *v);
        if (!v)
            return err_nomem(e);
        x->ret->args = v;
        v[x->ret->n_args++] = (struct shale_build_arg){.name = copy(x, name)};
    }
    const char *text = described(i->comments, name);
    v[at].value = value ? copy(x, value) : v[at].value;
    v[at].description = text ? copy(x, text) : v[at].description;
    return x->b->a->failed ? err_nomem(e) : 0;
}

static int add_need(struct outliner *x, const struct mount_spec *m, struct shale_err *e)
{
    bool secret = m->m.kind == STEP_MOUNT_SECRET;
    const char *name = secret ? mount_secret_id(m) : m->id ? m->id : "default";
    const struct shale_build_need **list = secret ? &x->ret->secrets : &x->ret->ssh;
    size_t *n = secret ? &x->ret->n_secrets : &x->ret->n_ssh, at = 0;
    struct shale_build_need *v = (struct shale_build_need *)*list;

    while (at < *n && !streq(v[at].name, name))
        at++;
    if (at == *n) {
        v = arena_grow(x->b->a, v, at, secret ? &x->cap_secrets : &x->cap_ssh, sizeof *v);
        if (!v || !(name = copy(x, name)))
            return err_nomem(e);
        *list = v;
        v[(*n)++] = (struct shale_build_need){.name = name};
    }
    v[at].required |= m->required;
    return 0;
}

static int look_run(struct outliner *x, struct stage *s, const struct instr *i, struct shale_err *e)
{
    struct expand words = stage_expand(s);
    int r = 0;

    words.escape = x->b->file.escape;
    for (size_t k = 0; r >= 0 && k < i->n_flags; k++) {
        struct mount_spec m;
        const char *text;
        if (!streq(i->flags[k].name, "mount") || !i->flags[k].value)
            continue;
        r = expand_word(&words, i->flags[k].value, &text, e);
        if (r >= 0)
            r = mount_parse(text, &s->arena, &m, e);
        if (r >= 0 && (m.m.kind == STEP_MOUNT_SECRET || m.m.kind == STEP_MOUNT_SSH))
            r = add_need(x, &m, e);
    }
    return r;
}

static int look_stage(struct outliner *x, struct stage *s, struct shale_err *e)
{
    struct build *b = x->b;
    int r = s->base ? state_copy(&s->base->state, false, &s->state, &s->arena, e)
                    : state_scratch(&s->state, &s->platform, e);

    if (r >= 0 && s->base)
        r = stage_args_of(s, s->base, e);
    for (size_t k = 0; r >= 0 && k < s->src->n_instrs; k++) {
        const struct instr *i = &s->src->instrs[k];
        if (i->kind == INSTR_RUN)
            r = look_run(x, s, i, e);
        else if (i->kind == INSTR_ARG || i->kind == INSTR_ENV)
            r = instr_config(b, s, i, e);
        for (size_t n = 0; r >= 0 && i->kind == INSTR_ARG && n < i->n_pairs; n++)
            r = add_arg(x, i, i->pairs[n].name, scope_get(&s->args, i->pairs[n].name, NULL), e);
    }
    return r;
}

/* ---- ARG before the first FROM, as far as FROM asks for them ---- */

struct asked {
    struct build *b;
    const char *name;
    bool found;
};

static const char *ask(void *arg, const char *name)
{
    struct asked *q = arg;

    q->found |= streq(q->name, name);
    return scope_get(&q->b->global, name, NULL);
}

static bool is_asked(struct build *b, const char *name)
{
    struct asked q = {.b = b, .name = name};
    const struct expand x = {.lookup = ask, .arg = &q, .escape = b->file.escape, .arena = b->a};
    const char *text;

    for (size_t i = 0; i < b->n_stages && !q.found; i++) {
        const struct dockerfile_stage *src = b->stages[i].src;
        if (!b->stages[i].needed)
            continue;
        (void)expand_word(&x, src->base, &text, NULL);
        if (src->platform)
            (void)expand_word(&x, src->platform, &text, NULL);
    }
    return q.found;
}

static int look_globals(struct outliner *x, struct shale_err *e)
{
    struct build *b = x->b;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < b->file.n_args; i++)
        for (size_t k = 0; r >= 0 && k < b->file.args[i].n_pairs; k++) {
            const char *name = b->file.args[i].pairs[k].name;
            if (is_asked(b, name))
                r = add_arg(x, &b->file.args[i], name, scope_get(&b->global, name, NULL), e);
        }
    return r;
}

/* ---- all of it ---- */

static int look_targets(struct outliner *x, struct shale_err *e)
{
    struct build *b = x->b;
    struct shale_build_target *v = arena_array(b->a, b->n_stages + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < b->n_stages; i++) {
        const struct dockerfile_stage *src = b->stages[i].src;
        v[i] = (struct shale_build_target){
            .name = src->name ? copy(x, src->name) : arena_printf(b->a, "%zu", i),
            .description = copy(x, described(src->from->comments, src->name)),
            .has_name = src->name != NULL,
            .is_default = i + 1 == b->n_stages,
        };
        if (&b->stages[i] == b->target)
            x->ret->target = &v[i];
    }
    x->ret->targets = v;
    x->ret->n_targets = b->n_stages;
    return b->a->failed ? err_nomem(e) : 0;
}

static int outline(struct build *b, struct shale_build_outline *ret, struct shale_err *e)
{
    struct outliner x = {.b = b, .ret = ret};
    int r = build_plan(b, e);

    if (r >= 0)
        r = look_targets(&x, e);
    if (r >= 0)
        r = look_globals(&x, e);
    for (size_t i = 0; r >= 0 && i < b->n_stages; i++)
        if (b->stages[i].needed)
            r = look_stage(&x, &b->stages[i], e);
    return build_explain(b->crew, r, e);
}

int build_outline(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                  struct shale_build_outline *ret, struct shale_err *e)
{
    struct crew c;
    int r = builds_open(&c, h, o, a, e);

    if (r < 0)
        return r;
    r = outline(&c.v[0], ret, e);
    builds_close(&c);
    crew_clear(&c);
    return r;
}
