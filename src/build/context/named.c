/* SPDX-License-Identifier: Apache-2.0 */
/* --build-context name=where. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "build/context/layout.h"
#include "model/ref.h"

#define NAMED_MAX 256
#define IMAGE     "docker-image://"

/* An image's name in full, so that "debian" is "docker.io/library/debian:latest"; NULL: none. */
static const char *in_full(const char *name, struct arena *a)
{
    struct ref r;

    if (ref_parse(name, a, &r, NULL) < 0)
        return NULL;
    ref_default_tag(&r);
    return ref_canonical(&r, a);
}

const struct named *named_find(const struct build *b, const char *name)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);

    for (size_t i = 0; i < b->n_named; i++)
        if (str_ieq(b->named[i].name, name))
            return &b->named[i];
    const char *full = b->n_named ? in_full(name, &a) : NULL;
    for (size_t i = 0; full && i < b->n_named; i++)
        if (b->named[i].full && streq(b->named[i].full, full))
            return &b->named[i];
    return NULL;
}

static int open_one(struct build *b, const char *text, struct shale_err *e)
{
    const char *eq = strchr(text, '=');
    struct named *n = &b->named[b->n_named];

    if (!eq || eq == text || !eq[1])
        return err_set(e, SHALE_INVALID,
                       "invalid context value \"%.128s\": write NAME=FOLDER, NAME=URL, "
                       "NAME=" IMAGE "IMAGE or NAME=" LAYOUT_PREFIX "FOLDER:TAG",
                       text);
    *n = (struct named){.name = arena_strndup(b->a, text, (size_t)(eq - text))};
    if (!n->name)
        return err_nomem(e);
    n->full = in_full(n->name, b->a);
    if (str_has_prefix(eq + 1, IMAGE) || layout_is(eq + 1)) {
        n->image = layout_is(eq + 1) ? eq + 1 : eq + 1 + strlen(IMAGE);
        b->n_named++;
        return 0;
    }
    if (str_has_prefix(eq + 1, "target:"))
        return err_set(e, SHALE_UNSUPPORTED, "context %s: %.64s is not supported yet", n->name,
                       eq + 1);
    const struct build_context_opts o = {
        .store = b->store,
        .context = eq + 1,
        .stdin_fd = STDIN_FILENO,
        .no_dockerfile = true,
        .cancel = b->h->image.cancel,
    };
    int r = build_context_open(&o, &n->context, e);
    b->n_named += r >= 0;
    return r < 0 ? err_wrap(e, r, "context %s", n->name) : 0;
}

int named_open(struct build *b, struct shale_err *e)
{
    size_t n = 0;
    int r = 0;

    while (b->o->contexts && b->o->contexts[n])
        n++;
    if (n > NAMED_MAX)
        return err_set(e, SHALE_LIMIT, "more than %d contexts", NAMED_MAX);
    b->named = arena_array(b->a, n + 1, sizeof *b->named);
    if (!b->named)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = open_one(b, b->o->contexts[i], e);
    return r;
}

void named_close(struct build *b)
{
    for (size_t i = 0; i < b->n_named; i++)
        b->named[i].context = build_context_close(b->named[i].context);
    b->n_named = 0;
}
