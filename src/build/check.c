/* SPDX-License-Identifier: Apache-2.0 */
/* What is likely to be a mistake: by dockerfile/lint.h. */
#include "base/str.h"
#include "build/build_priv.h"
#include "dockerfile/lint.h"

#define WARN_MAX 20 /* findings that a build tells of */

static const char *given(void *arg, const char *name)
{
    const struct build *b = arg;

    for (size_t i = 0; b->o->build_args && b->o->build_args[i]; i++) {
        const char *text = b->o->build_args[i];
        size_t n = strlen(name);
        if (strncmp(text, name, n) == 0 && text[n] == '=')
            return text + n + 1;
    }
    return NULL;
}

static int look(struct build *b, struct lint *ret, struct shale_err *e)
{
    const struct lint_opts o = {
        .target = b->o->target && *b->o->target ? b->o->target : NULL,
        .ignore = build_context_tree(b->context)->ignore,
        .build_arg = given,
        .arg = b,
    };

    return dockerfile_lint(&b->file, &o, b->a, ret, e);
}

int check_warn(struct build *b, struct shale_err *e)
{
    struct lint l = {.n = 0};
    int r = look(b, &l, e);

    for (size_t i = 0; r >= 0 && i < l.n && i < WARN_MAX; i++) {
        if (!l.v[i].url && !l.error) /* ours are told by --check only */
            continue;
        const char *text =
            arena_printf(b->a, "warning: %s: %s (line %u)", l.v[i].rule, l.v[i].text, l.v[i].line);
        if (text)
            told_warning(b, text);
    }
    if (r >= 0 && l.error && l.n)
        r = err_set(e, SHALE_CONFLICT,
                    "lint violation found for rules: %s%s (%s says \"check=error=true\")",
                    l.v[0].rule, l.n > 1 ? " and others" : "", b->file.file);
    return r;
}

static int findings(struct build *b, struct shale_build_findings *ret, struct shale_err *e)
{
    struct lint l = {.n = 0};
    int r = build_open_context(b, e);

    if (r >= 0)
        r = look(b, &l, e);
    if (r < 0)
        return r;
    struct shale_build_finding *v = arena_array(b->a, l.n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < l.n; i++) {
        v[i] = (struct shale_build_finding){
            .rule = l.v[i].rule,
            .description = l.v[i].description,
            .url = l.v[i].url,
            .text = l.v[i].text,
            .place = dockerfile_excerpt(b->file.text, l.v[i].line, l.v[i].end_line, b->a),
            .line = l.v[i].line,
        };
        if (!v[i].place)
            return err_nomem(e);
    }
    *ret = (struct shale_build_findings){
        .file = arena_strdup(b->a, b->file.file), .items = v, .n_items = l.n};
    return ret->file ? 0 : err_nomem(e);
}

int build_check(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                struct shale_build_findings *ret, struct shale_err *e)
{
    struct build b;
    struct crew c;

    crew_init(&c, &b, 1);
    build_init(&b, &c, h, o, a);
    int r = findings(&b, ret, e);

    b.context = build_context_close(b.context);
    return r;
}
