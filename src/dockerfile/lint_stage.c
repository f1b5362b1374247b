/* SPDX-License-Identifier: Apache-2.0 */
/* FROM: names, bases and platforms of stages, and which of them are needed. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "dockerfile/expand.h"
#include "dockerfile/lint_priv.h"
#include "model/platform.h"
#include "model/ref.h"

/* What is always there before the first FROM. The values are only examples. */
static const char *const predefined[][2] = {
    {"BUILDPLATFORM", "linux/amd64"},
    {"BUILDOS", "linux"},
    {"BUILDARCH", "amd64"},
    {"BUILDVARIANT", ""},
    {"TARGETOS", "linux"},
    {"TARGETARCH", "amd64"},
    {"TARGETPLATFORM", "linux/amd64"},
    {"TARGETVARIANT", ""},
    {"TARGETSTAGE", "default"},
};

struct asker {
    struct linter *l;
    const struct lint_names *names;
    const struct instr *from; /* NULL: nothing is said about unknown ones */
    bool missing;
};

static const char *find(void *arg, const char *name)
{
    const struct asker *x = arg;
    const struct lint_name *n = lint_names_find(x->names, name);

    return n ? n->value : NULL;
}

static void unknown(void *arg, const char *name)
{
    struct asker *x = arg;

    x->missing = true;
    if (!x->from || lint_names_find(x->names, name))
        return;
    const char *near = lint_names_near(x->l, NULL, name);
    lint_add(x->l, LINT_UNDEFINED_ARG_IN_FROM, x->from,
             "FROM argument '%.100s' is not declared%s%s%s", name, near ? " (did you mean " : "",
             near ? near : "", near ? "?)" : "");
}

/* NULL: it cannot be expanded. */
static const char *expanded(struct asker *x, const char *word)
{
    const struct expand how = {
        .lookup = find, .unknown = unknown, .arg = x, .escape = x->l->d->escape, .arena = x->l->a};
    const char *text = NULL;
    int r = expand_word(&how, word, &text, NULL);

    if (r == -SHALE_NO_MEMORY || x->l->a->failed)
        lint_nomem(x->l);
    return r < 0 ? NULL : text;
}

/* ARGs before the first FROM; without what --build-arg says for `defaults`. */
static void set_globals(struct linter *l, struct lint_names *t, bool given)
{
    struct asker x = {.l = l, .names = t};

    for (size_t k = 0; k < ARRAY_SIZE(predefined); k++)
        lint_names_set(l, t, predefined[k][0], predefined[k][1], false);
    for (size_t k = 0; k < l->d->n_args; k++) {
        const struct instr *i = &l->d->args[k];
        for (size_t p = 0; p < i->n_pairs; p++) {
            const char *value = NULL;
            if (given && l->o->build_arg)
                value = l->o->build_arg(l->o->arg, i->pairs[p].name);
            if (!value && i->pairs[p].value)
                value = expanded(&x, i->pairs[p].value);
            lint_names_set(l, t, i->pairs[p].name, value, false);
        }
    }
}

static long stage_named(struct linter *l, const char *name)
{
    char *lower = arena_strdup(l->a, name);

    if (!lower) {
        lint_nomem(l);
        return -1;
    }
    for (char *s = lower; *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
    const struct lint_name *found = lint_names_find(&l->stages, lower);
    return found ? strtol(found->value, NULL, 10) : -1;
}

/* Names that are none are for the build to refuse. */
static bool is_ref(struct linter *l, const char *text, struct ref *ret)
{
    int r = ref_parse(text, l->a, ret, NULL);

    if (r == -SHALE_NO_MEMORY)
        lint_nomem(l);
    return r >= 0;
}

static void look_platform(struct linter *l, const struct dockerfile_stage *s)
{
    struct asker x = {.l = l, .names = &l->global, .from = s->from};
    const char *text = s->platform ? expanded(&x, s->platform) : NULL;
    struct platform p;

    if (!text)
        return;
    if (streq(s->platform, "$TARGETPLATFORM") || streq(s->platform, "${TARGETPLATFORM}"))
        lint_add(l, LINT_REDUNDANT_TARGET_PLATFORM, s->from,
                 "Setting platform to predefined %s in FROM is redundant as this is the default "
                 "behavior",
                 s->platform);
    if (strchr(s->platform, '$'))
        return;
    int r = platform_parse(text, l->a, &p, NULL);
    if (r == -SHALE_NO_MEMORY)
        lint_nomem(l);
    if (r < 0)
        return;
    if (s->name && ((p.os && strstr(s->name, p.os)) || (p.arch && strstr(s->name, p.arch))))
        return;
    lint_add(l, LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED, s->from,
             "FROM --platform flag should not use constant value \"%.100s\"", text);
}

/* Only what is known without asking a registry. */
static void look_base_platform(struct linter *l, const struct dockerfile_stage *s,
                               const char *image)
{
    const char *wanted = s->platform ? s->platform : l->o->platform;
    const char *actual = wanted && !strchr(wanted, '$') && l->o->base_platform
                             ? l->o->base_platform(l->o->arg, image)
                             : NULL;
    struct platform want, is;

    if (!actual || platform_parse(wanted, l->a, &want, NULL) < 0 ||
        platform_parse(actual, l->a, &is, NULL) < 0)
        return;
    want = platform_normalize(want, l->a);
    is = platform_normalize(is, l->a);
    if (!streq(want.os, is.os) || !streq(want.arch, is.arch))
        lint_add(l, LINT_INVALID_BASE_IMAGE_PLATFORM, s->from,
                 "Base image %.200s was pulled with platform \"%.60s\", expected \"%.60s\" for "
                 "current build",
                 image, actual, wanted);
}

static void look_base(struct linter *l, const struct dockerfile_stage *s, struct lint_stage *ret,
                      const struct lint_names *defaults)
{
    struct asker x = {.l = l, .names = &l->global, .from = s->from};
    struct asker plain = {.l = l, .names = defaults};
    const char *by_default = expanded(&plain, s->base);
    struct ref r;

    ret->base = expanded(&x, s->base);
    ret->parent = ret->base ? stage_named(l, ret->base) : -1;
    ret->root = ret->parent >= 0 ? l->stage[ret->parent].root : (size_t)(ret - l->stage);
    if (by_default && !is_ref(l, by_default, &r))
        lint_add(l, LINT_INVALID_DEFAULT_ARG_IN_FROM, s->from,
                 "Default value for ARG %.100s results in empty or invalid base image name",
                 s->base);
    if (!ret->base || x.missing || ret->parent >= 0 || streq(ret->base, "scratch") ||
        !is_ref(l, ret->base, &r))
        return;
    look_base_platform(l, s, ret->base);
    if (r.digest.s[0])
        return;
    if (!r.tag)
        lint_add(l, LINT_LATEST_BASE, s->from,
                 "Base image %.200s has no tag, so it is whatever is the latest", ret->base);
    else if (streq(r.tag, "latest"))
        lint_add(l, LINT_LATEST_BASE, s->from,
                 "Base image %.200s is whatever is the latest: name a version", ret->base);
}

static void look_name(struct linter *l, const struct dockerfile_stage *s, size_t index)
{
    char *number = arena_printf(l->a, "%zu", index);

    if (!number) {
        lint_nomem(l);
        return;
    }
    if (!s->name)
        return;
    if (streq(s->name, "context") || streq(s->name, "scratch"))
        lint_add(l, LINT_RESERVED_STAGE_NAME, s->from,
                 "Stage name should not use the same name as reserved stage \"%s\"", s->name);
    if (lint_names_find(&l->stages, s->name))
        lint_add(l, LINT_DUPLICATE_STAGE_NAME, s->from,
                 "Duplicate stage name \"%.100s\", stage names should be unique", s->name);
    lint_names_set(l, &l->stages, s->name, number, false);
}

/* ---- which are needed ---- */

struct stack {
    size_t *v, n;
};

static void reach(struct linter *l, struct stack *todo, long index)
{
    if (index < 0 || (size_t)index >= l->d->n_stages || l->stage[index].reached)
        return;
    l->stage[index].reached = true;
    todo->v[todo->n++] = (size_t)index;
}

/* A stage by its number or name. */
static long stage_of(struct linter *l, const char *text)
{
    uint64_t number;

    if (str_to_u64(text, &number))
        return number < l->d->n_stages ? (long)number : -1;
    return stage_named(l, text);
}

static void reach_mount(struct linter *l, struct stack *todo, const char *value)
{
    struct str rest = str_of(value), part;

    while (str_split(&rest, ',', &part)) {
        if (part.n <= 5 || strncasecmp(part.p, "from=", 5) != 0)
            continue;
        char *name = arena_strndup(l->a, part.p + 5, part.n - 5);
        if (name)
            reach(l, todo, stage_of(l, name));
        else
            lint_nomem(l);
    }
}

static void reach_from(struct linter *l, struct stack *todo, const struct instr *i)
{
    for (size_t k = 0; k < i->n_flags; k++) {
        const struct instr_flag *f = &i->flags[k];
        if (streq(f->name, "from"))
            reach(l, todo, stage_of(l, f->value));
        if (streq(f->name, "mount"))
            reach_mount(l, todo, f->value);
    }
}

static void look_reach(struct linter *l)
{
    struct stack todo = {.v = arena_array(l->a, l->d->n_stages, sizeof(size_t))};
    long target = l->o->target ? stage_of(l, l->o->target) : (long)l->d->n_stages - 1;

    if (!todo.v) {
        lint_nomem(l);
        return;
    }
    if (target < 0)
        return;
    reach(l, &todo, target);
    while (todo.n > 0) {
        size_t s = todo.v[--todo.n];
        reach(l, &todo, l->stage[s].parent);
        for (size_t k = 0; k < l->d->stages[s].n_instrs; k++)
            reach_from(l, &todo, &l->d->stages[s].instrs[k]);
    }
    for (size_t s = 0; s < l->d->n_stages; s++) {
        const struct dockerfile_stage *d = &l->d->stages[s];
        char *name = l->stage[s].reached ? NULL
                     : d->name           ? arena_printf(l->a, "'%.100s'", d->name)
                                         : arena_printf(l->a, "%zu", s);
        if (name)
            lint_add(l, LINT_UNREACHABLE_STAGE, d->from,
                     "Stage %s is not needed for %s and is not built", name,
                     l->o->target ? "the target" : "the last one");
    }
}

void lint_stages(struct linter *l)
{
    struct lint_names defaults = {0};

    set_globals(l, &l->global, true);
    set_globals(l, &defaults, false);
    for (size_t s = 0; s < l->d->n_stages && !l->failed; s++) {
        look_platform(l, &l->d->stages[s]);
        look_base(l, &l->d->stages[s], &l->stage[s], &defaults);
        look_name(l, &l->d->stages[s], s);
    }
    if (!l->failed)
        look_reach(l);
}
