/* SPDX-License-Identifier: Apache-2.0 */
/* What is likely to be a mistake: by dockerfile/lint.h. */
#include "base/str.h"
#include "build/build_priv.h"
#include "build/context/layout.h"
#include "image/image.h"
#include "dockerfile/lint.h"
#include "model/config.h"
#include "model/platform.h"
#include "store/store.h"

#define WARN_MAX 20 /* findings that a build tells of */

struct looker {
    struct build *b;
    const char *image; /* the one whose config was asked for last */
    struct config config;
    bool here;
};

static const char *given(void *arg, const char *name)
{
    const struct looker *l = arg;

    return scope_given(l->b, name);
}

/* Of a base image that is here, for nothing is asked of registries for a warning; else NULL. */
static const struct config *base_config(struct looker *l, const char *image)
{
    struct build *b = l->b;
    struct image_found found;

    if (!streq(l->image, image)) {
        l->image = image;
        l->here = !layout_is(image) && !named_find(b, image) &&
                  image_find_platform(b->store, image, b->o->platform, b->a, &found, NULL) >= 0 &&
                  store_config(b->store, &found.id, b->a, &l->config, NULL) >= 0;
    }
    return l->here ? &l->config : NULL;
}

static int base_has(void *arg, const char *image, const char *name)
{
    const struct config *c = base_config(arg, image);
    size_t n = strlen(name);

    for (size_t i = 0; c && i < c->run.env.n; i++)
        if (strncmp(c->run.env.v[i], name, n) == 0 && c->run.env.v[i][n] == '=')
            return 1;
    return !c ? -1 : streq(name, "PATH");
}

static const char *base_platform(void *arg, const char *image)
{
    struct looker *l = arg;
    const struct config *c = base_config(l, image);

    return c && c->platform.os && c->platform.arch
               ? arena_printf(l->b->a, "%s/%s", c->platform.os, c->platform.arch)
               : NULL;
}

static int look(struct build *b, struct lint *ret, struct shale_err *e)
{
    struct platform host = platform_host();
    struct looker l = {.b = b};

    host.variant = NULL;
    const struct lint_opts o = {
        .check = scope_given(b, "BUILDKIT_DOCKERFILE_CHECK"),
        .base_has = base_has,
        .base_platform = base_platform,
        .platform =
            b->o->platform && *b->o->platform ? b->o->platform : platform_format(&host, b->a),
        .target = b->o->target && *b->o->target ? b->o->target : NULL,
        .ignore = build_context_tree(b->context)->ignore,
        .build_arg = given,
        .arg = &l,
    };

    int r = dockerfile_lint(&b->file, &o, b->a, ret, e);

    return r < 0 ? err_wrap(e, r, "%s", o.check ? "BUILDKIT_DOCKERFILE_CHECK" : b->file.file) : r;
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

/* Stages are those of each platform; what is likely to be a mistake is the same for all, and told
 * for the first. */
static int findings(struct crew *c, struct shale_build_findings *ret, struct shale_err *e)
{
    struct build *b = &c->v[0];
    struct lint l = {.n = 0};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->n; i++) {
        r = build_plan(&c->v[i], e);
        if (r >= 0)
            r = precheck(&c->v[i], true, e);
    }
    if (r >= 0)
        r = look(b, &l, e);
    if (r < 0)
        return build_explain(c, r, e);
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
    struct crew c;
    int r = builds_open(&c, h, o, a, e);

    if (r < 0)
        return r;
    r = findings(&c, ret, e);
    builds_close(&c);
    crew_clear(&c);
    return r;
}
