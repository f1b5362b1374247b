/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that change the image's config only. Values are expanded here and then given to
 * model/change.h in quotes, so that they stand for themselves. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "container/signals.h"
#include "model/port.h"

struct doer {
    struct build *b;
    struct stage *s;
    struct arena *a;
    struct expand x;
    const struct instr *i;
};

static int history(struct doer *d, const char *text, struct shale_err *e)
{
    return text ? state_history(&d->s->state, text, false, d->b->epoch_ns, e) : err_nomem(e);
}

/* "NAME word", the word as it is. */
static int change_word_to(struct doer *d, const char *name, const char *word, struct shale_err *e)
{
    return state_change_quoted(&d->s->state, d->a, e, name, word);
}

static int one_word(struct doer *d, const char **ret, struct shale_err *e)
{
    int r = expand_word(&d->x, d->i->rest ? d->i->rest : "", ret, e);

    if (r >= 0 && !**ret)
        r = err_set(e, SHALE_INVALID, "%s requires exactly one argument", instr_name(d->i->kind));
    return r;
}

/* ---- pairs ---- */

static int do_pairs(struct doer *d, struct shale_err *e)
{
    const char *name = instr_name(d->i->kind), *told = name;
    const char **v = arena_array(d->a, 2 * d->i->n_pairs + 1, sizeof *v);
    int r = v ? 0 : err_nomem(e);

    for (size_t k = 0; r >= 0 && k < d->i->n_pairs; k++) { /* by what was there before the line */
        r = expand_word(&d->x, d->i->pairs[k].name, &v[2 * k], e);
        if (r >= 0)
            r = expand_word(&d->x, d->i->pairs[k].value ? d->i->pairs[k].value : "", &v[2 * k + 1],
                            e);
        if (r >= 0 && !*v[2 * k])
            r = err_set(e, SHALE_INVALID, "%s names can not be blank", name);
    }
    for (size_t k = 0; r >= 0 && k < d->i->n_pairs; k++) {
        const char *left = state_quote(v[2 * k], d->a), *right = state_quote(v[2 * k + 1], d->a);
        if (!left || !right)
            return err_nomem(e);
        r = state_change(&d->s->state, d->a, e, arena_printf(d->a, "%s %s=%s", name, left, right));
        told = told ? arena_printf(d->a, "%s %s=%s", told, v[2 * k], v[2 * k + 1]) : NULL;
    }
    return r < 0 ? r : history(d, told, e);
}

/* ---- lists of words ---- */

static int words_of(struct doer *d, const char *const **ret, size_t *ret_n, struct shale_err *e)
{
    if (!d->i->json)
        return expand_words(&d->x, d->i->rest ? d->i->rest : "", ret, ret_n, e);
    const char **v = arena_array(d->a, d->i->n_words + 1, sizeof *v);
    int r = v ? 0 : err_nomem(e);
    for (size_t k = 0; r >= 0 && k < d->i->n_words; k++)
        r = expand_word(&d->x, d->i->words[k], &v[k], e);
    *ret = v;
    *ret_n = d->i->n_words;
    return r;
}

static int each_word(struct doer *d, const char *const **ret, size_t *ret_n, struct shale_err *e)
{
    int r = words_of(d, ret, ret_n, e);

    if (r >= 0 && *ret_n == 0)
        r = err_set(e, SHALE_INVALID, "%s requires at least one argument", instr_name(d->i->kind));
    for (size_t k = 0; r >= 0 && k < *ret_n; k++)
        r = change_word_to(d, instr_name(d->i->kind), (*ret)[k], e);
    return r;
}

static int do_volume(struct doer *d, struct shale_err *e)
{
    const char *const *v;
    size_t n;
    int r = each_word(d, &v, &n, e);
    const char *list = r < 0 ? NULL : history_list(v, n, false, d->a);

    return r < 0 ? r : history(d, list ? arena_printf(d->a, "VOLUME [%s]", list) : NULL, e);
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The history tells ports as BuildKit's map of them. */
static int do_expose(struct doer *d, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf told = BUF_INIT(4u << 20);
    struct port_list ports = {0};
    const char *const *v;
    size_t n;
    int r = each_word(d, &v, &n, e);

    for (size_t k = 0; r >= 0 && k < n; k++)
        r = port_inside(v[k], d->a, &ports, e);
    const char **sorted = r < 0 ? NULL : arena_array(d->a, ports.n + 1, sizeof *sorted);
    if (r < 0)
        return r;
    for (size_t k = 0; sorted && k < ports.n; k++)
        sorted[k] = arena_printf(d->a, "%u/%s", ports.v[k].inside, ports.v[k].protocol);
    if (!sorted || d->a->failed)
        return err_nomem(e);
    qsort(sorted, ports.n, sizeof *sorted, by_text);
    buf_adds(&told, "EXPOSE map[");
    for (size_t k = 0; k < ports.n; k++)
        if (!k || !streq(sorted[k], sorted[k - 1]))
            buf_addf(&told, "%s%s:{}", k ? " " : "", sorted[k]);
    buf_addc(&told, ']');
    r = buf_check(&told, e);
    return r < 0 ? r : history(d, buf_str(&told), e);
}

/* ---- commands ---- */

static const char *told_command(struct doer *d, const char *key)
{
    const json_t *list = json_object_get(state_config(&d->s->state), key);
    size_t n = json_array_size(list);
    const char **v = arena_array(d->a, n + 1, sizeof *v);

    for (size_t k = 0; v && k < n; k++)
        v[k] = json_string_value(json_array_get(list, k));
    const char *text = v ? history_list(v, n, true, d->a) : NULL;
    return text ? arena_printf(d->a, "%s [%s]", instr_name(d->i->kind), text) : NULL;
}

static int apply_rest(struct doer *d, struct shale_err *e)
{
    return state_change(
        &d->s->state, d->a, e,
        arena_printf(d->a, "%s %s", instr_name(d->i->kind), d->i->rest ? d->i->rest : ""));
}

static void drop_empty(json_t *config, const char *key)
{
    if (json_array_size(json_object_get(config, key)) == 0)
        (void)json_object_del(config, key);
}

static int do_cmd(struct doer *d, struct shale_err *e)
{
    int r = apply_rest(d, e);

    d->s->state.cmd_set = true;
    if (r >= 0)
        r = history(d, told_command(d, "Cmd"), e);
    drop_empty(state_config(&d->s->state), "Cmd");
    return r;
}

/* A CMD of this stage stays, one of the base goes. */
static int do_entrypoint(struct doer *d, struct shale_err *e)
{
    json_t *config = state_config(&d->s->state);
    _cleanup_json_ json_t *cmd = json_incref(json_object_get(config, "Cmd"));
    int r = apply_rest(d, e);

    if (r >= 0 && cmd && d->s->state.cmd_set && json_object_set(config, "Cmd", cmd) < 0)
        r = err_nomem(e);
    return r < 0 ? r : history(d, told_command(d, "Entrypoint"), e);
}

static int do_shell(struct doer *d, struct shale_err *e)
{
    json_t *list = json_array();
    const char *text;

    if (!d->i->json || d->i->n_words == 0) {
        json_decref(list);
        return err_set(e, SHALE_INVALID,
                       "SHELL requires the arguments to be in JSON form: [\"/bin/bash\", \"-c\"]");
    }
    for (size_t k = 0; k < d->i->n_words; k++)
        (void)json_array_append_new(list, json_string(d->i->words[k]));
    if (json_array_size(list) != d->i->n_words) {
        json_decref(list);
        return err_nomem(e);
    }
    if (json_object_set_new(state_config(&d->s->state), "Shell", list) < 0)
        return err_nomem(e);
    text = history_list(d->i->words, d->i->n_words, false, d->a);
    return history(d, text ? arena_printf(d->a, "SHELL [%s]", text) : NULL, e);
}

/* ---- single values ---- */

static int do_user(struct doer *d, struct shale_err *e)
{
    const char *text;
    int r = one_word(d, &text, e);

    if (r >= 0)
        r = change_word_to(d, "USER", text, e);
    return r < 0 ? r : history(d, arena_printf(d->a, "USER %s", text), e);
}

static int do_stopsignal(struct doer *d, struct shale_err *e)
{
    const char *text;
    int r = one_word(d, &text, e);

    if (r >= 0)
        r = signal_parse(text, e);
    if (r >= 0)
        r = change_word_to(d, "STOPSIGNAL", text, e);
    return r < 0 ? r : history(d, arena_printf(d->a, "STOPSIGNAL %s", text), e);
}

static int do_maintainer(struct doer *d, struct shale_err *e)
{
    json_t *author = json_string(d->i->rest ? d->i->rest : "");

    if (!author)
        return json_no_string(d->i->rest, "MAINTAINER", e);
    if (json_object_set_new(d->s->state.doc, "author", author) < 0)
        return err_nomem(e);
    return history(d, arena_printf(d->a, "MAINTAINER %s", d->i->rest ? d->i->rest : ""), e);
}

static int do_onbuild(struct doer *d, struct shale_err *e)
{
    return apply_rest(d, e);
}

static const char *told_health(struct doer *d)
{
    static const char *const names[] = {"Interval", "Timeout", "StartPeriod", "StartInterval"};
    const json_t *h = json_object_get(state_config(&d->s->state), "Healthcheck");
    const json_t *test = json_object_get(h, "Test");
    const char *text = "HEALTHCHECK {Test:[";
    char time[64];

    for (size_t k = 0; text && k < json_array_size(test); k++)
        text = arena_printf(d->a, "%s%s%s", text, k ? " " : "",
                            json_string_value(json_array_get(test, k)));
    text = text ? arena_printf(d->a, "%s]", text) : NULL;
    for (size_t k = 0; text && k < ARRAY_SIZE(names); k++)
        text = arena_printf(
            d->a, "%s %s:%s", text, names[k],
            time_format_duration(json_integer_value(json_object_get(h, names[k])), time));
    return text ? arena_printf(d->a, "%s Retries:%lld}", text,
                               (long long)json_integer_value(json_object_get(h, "Retries")))
                : NULL;
}

static int do_healthcheck(struct doer *d, struct shale_err *e)
{
    const char *line = "HEALTHCHECK";
    int r;

    for (size_t k = 0; line && k < d->i->n_flags; k++)
        line = arena_printf(d->a, "%s --%s=%s", line, d->i->flags[k].name,
                            d->i->flags[k].value ? d->i->flags[k].value : "");
    if (line)
        line = d->i->inner ? arena_printf(d->a, "%s CMD %s", line, d->i->inner->rest)
                           : arena_printf(d->a, "%s NONE", line);
    r = state_change(&d->s->state, d->a, e, line);
    return r < 0 ? r : history(d, told_health(d), e);
}

static int do_arg(struct doer *d, struct shale_err *e)
{
    return stage_arg(d->b, d->s, d->i, e);
}

int instr_config(struct build *b, struct stage *s, const struct instr *i, struct shale_err *e)
{
    static int (*const table[INSTR_KINDS])(struct doer * d, struct shale_err * e) = {
        [INSTR_ARG] = do_arg,
        [INSTR_CMD] = do_cmd,
        [INSTR_ENTRYPOINT] = do_entrypoint,
        [INSTR_ENV] = do_pairs,
        [INSTR_LABEL] = do_pairs,
        [INSTR_EXPOSE] = do_expose,
        [INSTR_VOLUME] = do_volume,
        [INSTR_USER] = do_user,
        [INSTR_STOPSIGNAL] = do_stopsignal,
        [INSTR_SHELL] = do_shell,
        [INSTR_HEALTHCHECK] = do_healthcheck,
        [INSTR_ONBUILD] = do_onbuild,
        [INSTR_MAINTAINER] = do_maintainer,
    };
    struct doer d = {.b = b, .s = s, .a = &s->arena, .x = stage_expand(s), .i = i};

    d.x.escape = b->file.escape;
    if (!table[i->kind])
        return err_set(e, SHALE_INTERNAL, "%s is not known here", instr_name(i->kind));
    return table[i->kind](&d, e);
}
