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
    pthread_mutex_lock(&b->mutex);
    b->n_steps++;
    b->n_cached += cached;
    pthread_mutex_unlock(&b->mutex);
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
    if (r < 0) {
        told_failed(&t, &why);
        if (e)
            *e = why;
        return r;
    }
    count(b, r == 1);
    told_end(&t, r == 1 ? SHALE_BUILD_CACHED : SHALE_BUILD_DONE);
    return 0;
}

static int do_instrs(struct build *b, struct stage *s, const struct instr *v, size_t n,
                     struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = do_instr(b, s, &v[i], e);
        if (r >= 0)
            continue;
        pthread_mutex_lock(&b->mutex);
        if (!b->failed)
            b->failed = &v[i];
        pthread_mutex_unlock(&b->mutex);
    }
    return r;
}

/* Instructions that the base has for images that are built on it. */
static int do_triggers(struct build *b, struct stage *s, struct shale_err *e)
{
    json_t *config = state_config(&s->state);
    _cleanup_json_ json_t *list = json_incref(json_object_get(config, "OnBuild"));
    size_t n = json_array_size(list);
    int r = 0;

    (void)json_object_del(config, "OnBuild");
    for (size_t i = 0; r >= 0 && i < n; i++) {
        const char *line = json_string_value(json_array_get(list, i));
        struct instr *one = arena_alloc(&s->arena, sizeof *one);
        if (!one)
            return err_nomem(e);
        r = line ? dockerfile_parse_line("a trigger of ONBUILD", line, b->file.escape, &s->arena,
                                         one, e)
                 : 0;
        if (r >= 0 && line) {
            s->n_steps += maker_of(one->kind) != NULL;
            r = do_instr(b, s, one, e);
        }
    }
    return r;
}

int stage_run(struct build *b, struct stage *s, struct shale_err *e)
{
    int r;

    if (s->base) {
        pthread_mutex_lock(&b->mutex); /* counts of references are not those of threads */
        r = state_copy(&s->base->state, s->base->n_users == 1, &s->state, &s->arena, e);
        pthread_mutex_unlock(&b->mutex);
        s->platform = s->base->platform;
    } else {
        r = from_image(b, s, e);
    }
    if (r >= 0)
        r = state_default_path(&s->state, e);
    if (r >= 0)
        r = do_triggers(b, s, e);
    if (r < 0) {
        pthread_mutex_lock(&b->mutex);
        if (!b->failed)
            b->failed = s->src->from;
        pthread_mutex_unlock(&b->mutex);
        return r;
    }
    return do_instrs(b, s, s->src->instrs, s->src->n_instrs, e);
}
