/* SPDX-License-Identifier: Apache-2.0 */
/* A stage: its base, triggers of the base, its instructions. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"

static int (*maker_of(enum instr_kind k))(struct build *b, struct stage *s, const struct instr *i,
                                          struct told *t, struct shale_err *e)
{
    switch (k) {
    case INSTR_RUN:
        return instr_run;
    case INSTR_COPY:
    case INSTR_ADD:
        return instr_copy;
    case INSTR_WORKDIR:
        return instr_workdir;
    default:
        return NULL;
    }
}

static void count(struct build *b, bool cached)
{
    pthread_mutex_lock(&b->crew->mutex);
    b->n_steps++;
    b->n_cached += cached;
    pthread_mutex_unlock(&b->crew->mutex);
}

static int do_instr(struct build *b, struct stage *s, const struct instr *i, struct shale_err *e)
{
    int (*make)(struct build *, struct stage *, const struct instr *, struct told *,
                struct shale_err *) = maker_of(i->kind);
    struct shale_err why = SHALE_ERR_INIT;
    struct told t;
    int r = cancel_check(b->cancel, e);

    if (r < 0)
        return r;
    if (!make)
        return instr_config(b, s, i, e);
    told_begin(b, &t, told_name(s, i));
    r = make(b, s, i, &t, &why);
    if (r < 0) { /* it is let go of when the crew has stopped */
        told_failed(&t, &why);
        if (i->kind != INSTR_RUN && r != -SHALE_CANCELED)
            run_keep_state(b, s, i);
        if (e)
            *e = why;
        return r;
    }
    record_let_go(b, s);
    count(b, r == 1);
    told_end(&t, r == 1 ? SHALE_BUILD_CACHED : SHALE_BUILD_DONE);
    return 0;
}

/* 1: it cannot go on now, and the worker lets go of it. */
static int must_wait(struct build *b, struct stage *s)
{
    pthread_mutex_lock(&b->crew->mutex);
    bool ready = graph_is_ready(s);
    if (!ready)
        s->status = STAGE_WAITING;
    pthread_mutex_unlock(&b->crew->mutex);
    return !ready;
}

static int do_instrs(struct build *b, struct stage *s, struct shale_err *e)
{
    int r = 0;

    while (r == 0 && s->pos <= s->n_instrs) {
        r = must_wait(b, s);
        if (r == 0)
            r = do_instr(b, s, &s->instrs[s->pos - 1], e);
        if (r == 0) /* else another worker may have it already */
            s->pos++;
    }
    return r;
}

/* Instructions that the base has for images that are built on it. */
static int take_triggers(struct build *b, struct stage *s, struct shale_err *e)
{
    json_t *config = state_config(&s->state);
    _cleanup_json_ json_t *list = json_incref(json_object_get(config, "OnBuild"));
    size_t n = json_array_size(list), n_all = 0;
    struct instr *v = arena_array(&s->arena, n + 1, sizeof *v);
    int r = v ? 0 : err_nomem(e);

    (void)json_object_del(config, "OnBuild");
    for (size_t i = 0; r >= 0 && i < n; i++) {
        const char *line = json_string_value(json_array_get(list, i));
        if (!line)
            continue;
        r = dockerfile_parse_line("a trigger of ONBUILD", line, b->file.escape, &s->arena,
                                  &v[n_all], e);
        if (r >= 0)
            s->n_steps += maker_of(v[n_all++].kind) != NULL;
    }
    return r < 0 || n_all == 0 ? r : graph_add_triggers(b, s, v, n_all, e);
}

static int do_from(struct build *b, struct stage *s, struct shale_err *e)
{
    int r;

    if (s->base) {
        pthread_mutex_lock(&b->crew->mutex); /* counts of references are not those of threads */
        r = state_copy(&s->base->state, s->base->n_users == 1, &s->state, &s->arena, e);
        if (r >= 0)
            r = stage_args_of(s, s->base, e);
        pthread_mutex_unlock(&b->crew->mutex);
        s->platform = s->base->platform;
    } else {
        r = from_image(b, s, e);
    }
    if (r >= 0)
        r = state_default_path(&s->state, e);
    return r < 0 ? r : take_triggers(b, s, e);
}

int stage_run(struct build *b, struct stage *s, struct shale_err *e)
{
    int r = s->pos == 0 ? do_from(b, s, e) : 0;

    if (r >= 0 && s->pos == 0)
        s->pos = 1;
    return r < 0 ? r : do_instrs(b, s, e);
}
