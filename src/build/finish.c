/* SPDX-License-Identifier: Apache-2.0 */
/* The image of the target, and its names. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "image/make.h"
#include "store/events.h"

static int add_labels(struct build *b, struct state *s, struct shale_err *e)
{
    json_t *config = state_config(s), *labels = json_object_get(config, "Labels");
    const char *const *list = b->o->labels;

    if (list && *list && !json_is_object(labels)) {
        labels = json_object();
        if (json_object_set_new(config, "Labels", labels) < 0)
            return err_nomem(e);
    }
    for (; list && *list; list++) {
        const char *eq = strchr(*list, '=');
        const char *key = eq ? arena_strndup(b->a, *list, (size_t)(eq - *list)) : *list;
        if (!key)
            return err_nomem(e);
        if (json_object_set_new(labels, key, json_string(eq ? eq + 1 : "")) < 0)
            return json_no_string(*list, "a label", e);
    }
    return 0;
}

/* All or none: the names move in one transaction. */
static int give_names(struct build *b, const struct image_made *made, struct shale_built *ret,
                      struct told *t, struct shale_err *e)
{
    size_t n = 0;
    int r = 0;

    while (b->o->tags && b->o->tags[n])
        n++;
    const char **names = arena_array(b->a, n + 1, sizeof *names);
    if (!names)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct ref name;
        r = image_parse_target(b->o->tags[i], b->a, &name, e);
        if (r >= 0)
            r = image_name_it(b->store, &name, &made->id, &made->manifest, "build", e);
        if (r < 0)
            break;
        names[i] = ref_canonical(&name, b->a);
        const char *told = names[i] ? arena_printf(b->a, "naming to %s done", names[i]) : NULL;
        if (!told)
            return err_nomem(e);
        told_status(t, told);
    }
    ret->names = names;
    ret->n_names = r < 0 ? 0 : n;
    return r;
}

static int make(struct build *b, struct shale_built *ret, struct told *t, struct shale_err *e)
{
    struct state *s = &b->target->state;
    struct image_made made;
    int r = add_labels(b, s, e);

    if (r >= 0)
        r = history_finish(s->doc, b->epoch_ns, e);
    if (r >= 0)
        r = image_make(b->store, b->lease, s->doc, s->layers, s->n_layers, NULL, &made, e);
    if (r < 0)
        return r;
    store_image_event(b->store, EVENT_IMAGE_CREATE, &made.id, made.id.s, made.id.s);
    ret->id = arena_strdup(b->a, made.id.s);
    ret->manifest = arena_strdup(b->a, made.manifest.s);
    const char *told = ret->id ? arena_printf(b->a, "writing image %s done", ret->id) : NULL;
    if (!told || !ret->manifest)
        return err_nomem(e);
    told_status(t, told);
    return give_names(b, &made, ret, t, e);
}

int build_finish(struct build *b, struct shale_built *ret, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct told t;
    int r;

    told_begin(b, &t, "exporting to image");
    r = make(b, ret, &t, &why);
    if (r < 0) {
        told_failed(&t, &why);
        return err_set(e, why.code, "%s", why.msg);
    }
    told_end(&t, SHALE_BUILD_DONE);
    ret->n_steps = b->n_steps;
    ret->n_cached = b->n_cached;
    return 0;
}
