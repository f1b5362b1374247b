/* SPDX-License-Identifier: Apache-2.0 */
/* ARG: which names there are, and what they stand for. */
#include "base/str.h"
#include "build/build_priv.h"

/* Usable without ARG, and then neither in the history nor in a key. */
static const char *const proxies[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                      "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",    "no_proxy",
                                      "ALL_PROXY",  "all_proxy",  NULL};

bool scope_is_proxy(const char *name)
{
    for (size_t i = 0; proxies[i]; i++)
        if (streq(proxies[i], name))
            return true;
    return false;
}

static struct scope_var *find(const struct scope *s, const char *name)
{
    for (size_t i = s->n; i > 0; i--)
        if (streq(s->v[i - 1].name, name))
            return &s->v[i - 1];
    return NULL;
}

const char *scope_get(const struct scope *s, const char *name, bool *ret_declared)
{
    const struct scope_var *v = find(s, name);

    if (ret_declared)
        *ret_declared = v != NULL;
    return v ? v->value : NULL;
}

int scope_set(struct scope *s, const char *name, const char *value, struct arena *a,
              struct shale_err *e)
{
    struct scope_var *v = find(s, name);

    if (!v) {
        if (s->n >= BUILD_MAX_ARGS)
            return err_set(e, SHALE_LIMIT, "more than %d build arguments", BUILD_MAX_ARGS);
        struct scope_var *all = arena_grow(a, s->v, s->n, &s->cap, sizeof *all);
        if (!all)
            return err_nomem(e);
        s->v = all;
        v = &all[s->n++];
        v->name = arena_strdup(a, name);
    }
    v->value = arena_strdup(a, value);
    return v->name && (v->value || !value) ? 0 : err_nomem(e);
}

/* ---- of the whole build ---- */

const char *scope_given(const struct build *b, const char *name)
{
    size_t n = strlen(name);
    const char *found = NULL;

    for (size_t i = 0; b->o->build_args && b->o->build_args[i]; i++) {
        const char *text = b->o->build_args[i];
        if (strncmp(text, name, n) == 0 && text[n] == '=')
            found = text + n + 1;
    }
    return found;
}

static int take_given(struct build *b, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && b->o->build_args && b->o->build_args[i]; i++) {
        const char *text = b->o->build_args[i], *eq = strchr(text, '=');
        if (!eq || eq == text)
            return err_set(e, SHALE_INVALID, "--build-arg \"%.64s\": write NAME=value", text);
        const char *name = arena_strndup(b->a, text, (size_t)(eq - text));
        r = name ? scope_set(&b->given, name, eq + 1, b->a, e) : err_nomem(e);
    }
    return r;
}

static int take_epoch(struct build *b, struct shale_err *e)
{
    const char *text = scope_get(&b->given, "SOURCE_DATE_EPOCH", NULL);

    b->epoch_ns = TIME_NONE;
    if (!text || !*text)
        return 0;
    if (!str_to_i64(text, &b->epoch_s) || b->epoch_s < 0 || b->epoch_s > INT64_MAX / NS_PER_S)
        return err_set(e, SHALE_INVALID,
                       "SOURCE_DATE_EPOCH \"%.64s\" is no number of seconds since 1970", text);
    b->epoch_ns = b->epoch_s * NS_PER_S;
    return 0;
}

static int set_platform(struct build *b, const char *prefix, const struct platform *p,
                        struct shale_err *e)
{
    const struct {
        const char *name, *value;
    } vars[] = {{"PLATFORM", platform_format(p, b->a)},
                {"OS", p->os},
                {"ARCH", p->arch},
                {"VARIANT", p->variant ? p->variant : ""}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < sizeof vars / sizeof *vars; i++) {
        const char *name = arena_printf(b->a, "%s%s", prefix, vars[i].name);
        const char *given = name ? scope_get(&b->given, name, NULL) : NULL;
        if (!name || !vars[i].value)
            return err_nomem(e);
        r = scope_set(&b->global, name, given ? given : vars[i].value, b->a, e);
    }
    return r;
}

static const char *global_lookup(void *arg, const char *name)
{
    return scope_get(arg, name, NULL);
}

int build_scopes(struct build *b, struct shale_err *e)
{
    struct platform host = platform_host();
    struct expand x = {
        .lookup = global_lookup, .arg = &b->global, .escape = b->file.escape, .arena = b->a};
    int r = take_given(b, e);

    host.variant = NULL; /* x86-64 levels are no part of what images say */
    host = platform_normalize(host, b->a);
    b->target_platform = host;
    if (r >= 0 && b->o->platform && *b->o->platform) {
        r = platform_parse(b->o->platform, b->a, &b->target_platform, e);
        if (r < 0)
            return err_wrap(e, r, "--platform");
        b->target_platform = platform_normalize(b->target_platform, b->a);
    }
    if (r >= 0)
        r = take_epoch(b, e);
    if (r >= 0)
        r = set_platform(b, "BUILD", &host, e);
    if (r >= 0)
        r = set_platform(b, "TARGET", &b->target_platform, e);
    if (r >= 0)
        r = scope_set(&b->global, "TARGETSTAGE",
                      b->o->target && *b->o->target ? b->o->target : "default", b->a, e);
    for (size_t i = 0; r >= 0 && i < b->file.n_args; i++)
        for (size_t k = 0; r >= 0 && k < b->file.args[i].n_pairs; k++) {
            const struct instr_pair *p = &b->file.args[i].pairs[k];
            const char *value = scope_get(&b->given, p->name, NULL);
            if (!value && p->value)
                r = expand_word(&x, p->value, &value, e);
            if (r >= 0)
                r = scope_set(&b->global, p->name, value, b->a, e);
        }
    return r;
}

/* ---- of a stage ---- */

static const char *stage_lookup(void *arg, const char *name)
{
    struct stage *s = arg;
    const char *v = state_env(&s->state, name);

    return v ? v : scope_get(&s->args, name, NULL);
}

struct expand stage_expand(struct stage *s)
{
    return (struct expand){.lookup = stage_lookup, .arg = s, .escape = '\\', .arena = &s->arena};
}

int stage_args_of(struct stage *s, const struct stage *base, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < base->args.n; i++)
        r = scope_set(&s->args, base->args.v[i].name, base->args.v[i].value, &s->arena, e);
    return r;
}

int stage_arg(struct build *b, struct stage *s, const struct instr *i, struct shale_err *e)
{
    struct expand x = stage_expand(s);
    const char *told = "ARG";
    int r = 0;

    x.escape = b->file.escape;
    for (size_t k = 0; r >= 0 && k < i->n_pairs; k++) {
        const struct instr_pair *p = &i->pairs[k];
        const char *value = scope_get(&b->given, p->name, NULL);
        if (!value && p->value)
            r = expand_word(&x, p->value, &value, e);
        else if (!value)
            value = scope_get(&b->global, p->name, NULL);
        if (r >= 0)
            r = scope_set(&s->args, p->name, value, &s->arena, e);
        if (r >= 0)
            told = arena_printf(&s->arena, "%s %s%s%s", told, p->name, value ? "=" : "",
                                value ? value : "");
        if (!told)
            return err_nomem(e);
    }
    return r < 0 ? r : state_history(&s->state, told, false, b->epoch_ns, e);
}
