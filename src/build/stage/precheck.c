/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen to be wrong before anything is done: flags, ports, signals, variables that have
 * no end. Otherwise it would be told when its turn comes, after minutes. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "build/copy/copy.h"
#include "build/instr/agent.h"
#include "build/instr/mount.h"
#include "build/instr/secret.h"

#define LONG_BYTES (64u << 10) /* what has more is not looked at */

struct checker {
    struct build *b;
    struct stage *s; /* a config for those that change nothing else */
    const struct instr *i;
    struct dockerfile_pos at;
    bool lint; /* nothing is missed that only who builds has to give */
};

static bool has_variable(const char *s)
{
    return s && strchr(s, '$');
}

static int check_needs(const struct checker *k, const struct mount_spec *m, struct arena *a,
                       struct shale_err *e)
{
    const char *where;
    struct str data;
    int r = 1;

    if (!m->required || k->lint)
        return 0;
    if (m->m.kind == STEP_MOUNT_SECRET)
        r = secret_get(k->b->o->secrets, mount_secret_id(m), a, &data, e);
    else if (m->m.kind == STEP_MOUNT_SSH)
        r = ssh_find(k->b->o->ssh, m->id ? m->id : "default", a, &where, e);
    return r == 0 ? mount_not_given(m, e) : r < 0 ? r : 0;
}

static int check_run(struct checker *k, const struct instr_flag *f, struct arena *a,
                     struct shale_err *e)
{
    struct mount_spec m;
    int r = 0;

    if (streq(f->name, "device"))
        return err_set(e, SHALE_UNSUPPORTED, "RUN --device is not supported yet");
    if (!k->lint)
        r = run_check_allowed(k->b, f->name, f->value, e);
    if (r < 0)
        return r;
    if (streq(f->name, "mount") && !has_variable(f->value)) {
        r = mount_parse(f->value, a, &m, e);
        if (r >= 0)
            r = check_needs(k, &m, a, e);
    }
    return r;
}

static int check_flags(struct checker *k, struct arena *a, struct shale_err *e)
{
    int r = 0;

    for (size_t n = 0; r >= 0 && n < k->i->n_flags; n++) {
        const struct instr_flag *f = &k->i->flags[n];
        if (k->i->kind == INSTR_RUN)
            r = check_run(k, f, a, e);
        else if (streq(f->name, "chmod") && !has_variable(f->value))
            r = build_copy_check_mode(f->value, a, e);
        if (r < 0)
            k->at = f->pos;
    }
    return r;
}

static const char *anything(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return "x";
}

/* All of it at once: what is right in each word is right in them together. */
static int check_variables(struct checker *k, struct arena *a, struct shale_err *e)
{
    const struct expand x = {.lookup = anything, .escape = k->b->file.escape, .arena = a};
    const char *text;
    size_t n = strlen(k->i->rest);

    return n < LONG_BYTES && has_variable(k->i->rest) ? expand_word(&x, k->i->rest, &text, e) : 0;
}

static int check_config(struct checker *k, struct shale_err *e)
{
    if (has_variable(k->i->source) || strlen(k->i->source) > LONG_BYTES)
        return 0;
    return instr_config(k->b, k->s, k->i, e);
}

static int check_instr(struct checker *k, struct arena *a, struct shale_err *e)
{
    switch (k->i->kind) {
    case INSTR_RUN:
        return check_flags(k, a, e);
    case INSTR_COPY:
    case INSTR_ADD:
        if (check_flags(k, a, e) < 0)
            return -e->code;
        return check_variables(k, a, e);
    case INSTR_ENV:
    case INSTR_LABEL:
    case INSTR_USER:
    case INSTR_VOLUME:
    case INSTR_WORKDIR:
        return check_variables(k, a, e);
    case INSTR_EXPOSE:
    case INSTR_STOPSIGNAL:
        if (check_variables(k, a, e) < 0)
            return -e->code;
        return check_config(k, e);
    case INSTR_CMD:
    case INSTR_ENTRYPOINT:
    case INSTR_HEALTHCHECK:
        return check_config(k, e);
    default:
        return 0;
    }
}

static int check_stage(struct checker *k, const struct stage *s, struct shale_err *e)
{
    int r = 0;

    for (size_t n = 0; r >= 0 && n < s->n_instrs; n++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
        k->i = &s->instrs[n];
        r = check_instr(k, &a, e);
    }
    if (r >= 0)
        return 0;
    k->b->crew->failed_in = k->b;
    k->b->crew->failed = k->i;
    k->b->crew->failed_at = k->at;
    return r;
}

int precheck(struct build *b, bool lint, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct stage scratch = {.shown = ""};
    struct checker k = {.b = b, .s = &scratch, .lint = lint};

    arena_init(&scratch.arena, ARENA_DEFAULT_MAX);
    int r = state_scratch(&scratch.state, &b->target_platform, &why);
    for (size_t i = 0; r >= 0 && i < b->n_stages; i++)
        if (lint || b->stages[i].needed)
            r = check_stage(&k, &b->stages[i], &why);
    state_clear(&scratch.state);
    arena_clear(&scratch.arena);
    return r < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}
