/* SPDX-License-Identifier: Apache-2.0 */
/* What a build tells: one event at a time, whoever tells it. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"

static void tell(struct build *b, struct shale_build_event *ev)
{
    if (!b->o->on_event)
        return;
    pthread_mutex_lock(&b->crew->events);
    ev->at_ns = time_mono_ns();
    b->o->on_event(b->o->arg, ev);
    pthread_mutex_unlock(&b->crew->events);
}

void told_begin(struct build *b, struct told *t, const char *name)
{
    pthread_mutex_lock(&b->crew->mutex);
    *t = (struct told){.b = b, .id = ++b->crew->n_events};
    pthread_mutex_unlock(&b->crew->mutex);
    tell(b, &(struct shale_build_event){.kind = SHALE_BUILD_BEGUN, .step = t->id, .name = name});
}

void told_status(struct told *t, const char *text)
{
    tell(t->b, &(struct shale_build_event){
                   .kind = SHALE_BUILD_STATUS, .step = t->id, .text = text, .n = strlen(text)});
}

void told_output(void *told, int stream, const char *p, size_t n)
{
    struct told *t = told;

    tell(t->b, &(struct shale_build_event){
                   .kind = SHALE_BUILD_OUTPUT, .step = t->id, .text = p, .n = n, .stream = stream});
}

void told_end(struct told *t, enum shale_build_event_kind kind)
{
    tell(t->b, &(struct shale_build_event){.kind = kind, .step = t->id});
}

void told_failed(struct told *t, const struct shale_err *e)
{
    const char *text = e ? e->msg : "";
    bool canceled = e && e->code == SHALE_CANCELED;

    tell(t->b,
         &(struct shale_build_event){.kind = canceled ? SHALE_BUILD_CANCELED : SHALE_BUILD_FAILED,
                                     .step = t->id,
                                     .text = text,
                                     .n = strlen(text),
                                     .status = t->status});
}

void told_warning(struct build *b, const char *text)
{
    tell(b,
         &(struct shale_build_event){.kind = SHALE_BUILD_WARNING, .text = text, .n = strlen(text)});
}

void told_shell(struct build *b, const char *shell)
{
    tell(b, &(struct shale_build_event){.kind = SHALE_BUILD_SHELL, .name = shell});
}

void told_place(struct build *b, unsigned line, unsigned end_line)
{
    const char *text = dockerfile_excerpt(b->file.text, line, end_line, b->a);

    if (text)
        tell(b, &(struct shale_build_event){.kind = SHALE_BUILD_PLACE,
                                            .text = text,
                                            .n = strlen(text),
                                            .file = b->file.file,
                                            .line = line});
}

/* Flags and arguments in one line, variables replaced where that can be done. */
static const char *words_of(struct stage *s, const struct instr *i)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1u << 20);
    struct expand x = stage_expand(s);
    const char *text;

    if (i->kind == INSTR_FROM) { /* ARGs of another scope: it is expanded already */
        text = arena_printf(&s->arena, "FROM %s", s->image);
        return text ? text : instr_name(i->kind);
    }
    buf_adds(&b, instr_name(i->kind));
    for (size_t k = 0; k < i->n_flags; k++)
        buf_addf(&b, " --%s%s%s", i->flags[k].name, i->flags[k].value ? "=" : "",
                 i->flags[k].value ? i->flags[k].value : "");
    buf_addf(&b, " %s", i->rest ? i->rest : "");
    if (buf_check(&b, NULL) < 0)
        return instr_name(i->kind);
    for (size_t k = 0; k < b.n; k++)
        if (b.p[k] == '\n')
            b.p[k] = ' ';
    x.keep_quotes = true;
    x.keep_rest = i->kind == INSTR_RUN;
    if (expand_word(&x, b.p, &text, NULL) >= 0)
        return text;
    text = arena_strndup(&s->arena, b.p, b.n);
    return text ? text : instr_name(i->kind);
}

const char *told_name(struct stage *s, const struct instr *i)
{
    unsigned width = s->n_steps >= 100 ? 3 : (s->n_steps >= 10 ? 2 : 1);
    const char *name;

    s->at_step++;
    name = arena_printf(&s->arena, "[%s%*u/%u] %s", s->shown, (int)width, s->at_step, s->n_steps,
                        words_of(s, i));
    return name ? name : instr_name(i->kind);
}
