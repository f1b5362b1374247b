/* SPDX-License-Identifier: Apache-2.0 */
/* FROM, and --from of an image: found here, pulled where it is not. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/attest/attest.h"
#include "build/build_priv.h"
#include "build/cache/cache_remote_doc.h"
#include "build/context/layout.h"
#include "build/instr/copying.h"
#include "image/edit.h"
#include "model/chain.h"

#define PULL_POLL_NS (20 * NS_PER_MS)

static int wait_for_pull(struct build *b, struct shale_err *e)
{
    int r = 0;

    while (r >= 0 && pthread_mutex_trylock(&b->crew->pull) != 0) {
        nanosleep(&(struct timespec){.tv_nsec = PULL_POLL_NS}, NULL);
        r = cancel_check(b->cancel, e);
    }
    return r;
}

/* One after the other: stages often have the same base. It is found before the next one pulls, who
 * may move the name. */
static int pull(struct build *b, struct stage *s, const char *image, const char *platform,
                struct told *t, struct image_found *ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct shale_pull_opts o = {.size = sizeof o, .platform = platform};
    struct shale_pull_result res = {0};
    struct image_host h = b->h->image;
    int r = wait_for_pull(b, e);

    if (r < 0)
        return r;
    if (b->o->pull || image_find_platform(b->store, image, platform, &s->arena, ret, NULL) < 0) {
        told_status(t, "pulling the image");
        h.cancel = b->cancel;
        r = b->h->online(b->h->online_arg, &h.remote, e);
        if (r >= 0)
            r = image_pull(&h, image, &o, &a, &res, e);
        if (r >= 0)
            r = image_find_platform(b->store, image, platform, &s->arena, ret, e);
    }
    pthread_mutex_unlock(&b->crew->pull);
    return r < 0 ? r : 0;
}

static int find(struct build *b, struct stage *s, const char *image, const char *platform,
                struct told *t, struct image_found *ret, struct shale_err *e)
{
    int r = -SHALE_NOT_FOUND;

    if (!b->o->pull)
        r = image_find_platform(b->store, image, platform, &s->arena, ret, NULL);
    if (r >= 0)
        return 1;
    return pull(b, s, image, platform, t, ret, e);
}

static int read_image(struct build *b, struct stage *s, const char *image, const char *platform,
                      struct told *t, json_t **ret_doc, struct meta_image_layer **ret,
                      size_t *ret_n, struct shale_err *e)
{
    struct image_draft d = {.store = b->store, .lease = b->lease, .a = &s->arena};
    struct image_found found;

    if (layout_is(image)) {
        int q = layout_read(b, &s->arena, image, platform, ret_doc, ret, ret_n, e);
        return q < 0 ? q : 1; /* nothing had to come from afar */
    }
    int here = find(b, s, image, platform, t, &found, e);
    int r = here;

    if (r >= 0)
        r = attest_note_image(b, s, image, platform, &found, e);
    if (r >= 0)
        r = image_draft_read(&d, &found.id, ret_doc, ret, ret_n, e);
    if (r >= 0)
        (void)meta_image_set_used(store_meta(b->store), &found.id, time_now_ns(), NULL);
    return r < 0 ? r : here;
}

/* Of the base that it was committed or built from: no part of what is built on it. */
static void drop_past(json_t *doc)
{
    static const char *const members[] = {"container", "container_config", "docker_version",
                                          "id",        "parent",           "comment",
                                          "author",    CACHE_DOC_INLINE};

    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        (void)json_object_del(doc, members[i]);
}

/* What is added must stand behind as many entries as there are layers. */
static int whole_history(json_t *doc, size_t n_layers, struct shale_err *e)
{
    json_t *history = json_object_get(doc, "history");

    if (!json_is_array(history)) {
        history = json_array();
        if (json_object_set_new(doc, "history", history) < 0)
            return err_nomem(e);
    }
    size_t n = image_history_layers(history, 0);
    return n < n_layers ? image_history_unknown(history, n_layers - n, e) : 0;
}

static int take(struct build *b, struct stage *s, struct told *t, struct shale_err *e)
{
    struct meta_image_layer *layers = NULL;
    size_t n = 0;
    int here = read_image(b, s, s->image, s->platform_text, t, &s->state.doc, &layers, &n, e);
    int r = here;

    for (size_t i = 0; r >= 0 && i < n; i++)
        r = state_add_layer(&s->state, &layers[i], &s->arena, e);
    if (r < 0)
        return r;
    s->state.n_base = n;
    drop_past(s->state.doc);
    r = whole_history(s->state.doc, n, e);
    if (r < 0)
        return r;
    const char *arch = json_string_value(json_object_get(s->state.doc, "architecture"));
    const char *os = json_string_value(json_object_get(s->state.doc, "os"));
    const char *variant = json_string_value(json_object_get(s->state.doc, "variant"));
    s->platform = (struct platform){.os = arena_strdup(&s->arena, os ? os : "linux"),
                                    .arch = arena_strdup(&s->arena, arch ? arch : ""),
                                    .variant = arena_strdup(&s->arena, variant)};
    if (!json_is_object(state_config(&s->state)) &&
        json_object_set_new(s->state.doc, "config", json_object()) < 0)
        return err_nomem(e);
    return here;
}

/* The files of a further context are all that is there. */
static int take_context(struct build *b, struct stage *s, struct shale_err *e)
{
    struct copy_source_files f;
    int r = state_scratch(&s->state, &s->platform, e);

    if (r >= 0)
        r = copying_files(b, s, s->image, NULL, &f, e);
    for (size_t i = 0; r >= 0 && i < f.n_layers; i++)
        r = state_add_layer(&s->state, &f.layers[i], &s->arena, e);
    s->state.n_base = s->state.n_layers;
    if (r >= 0 && f.n_layers)
        r = state_history(&s->state, arena_printf(&s->arena, "FROM %s", s->image), true,
                          b->epoch_ns != TIME_NONE ? b->epoch_ns : f.created_ns, e);
    return r < 0 ? r : f.cached;
}

int from_image(struct build *b, struct stage *s, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct told t;
    int r;

    if (streq(s->image, "scratch") && !s->is_context)
        return state_scratch(&s->state, &s->platform, e);
    told_begin(b, &t, told_name(s, s->src->from));
    r = s->is_context ? take_context(b, s, &why) : take(b, s, &t, &why);
    record_let_go(b, s);
    const char *near = r < 0 && r != -SHALE_CANCELED ? graph_near(b, s->image) : NULL;
    if (near)
        (void)err_set(&why, why.code, "%s (did you mean the stage %.64s?)",
                      arena_strdup(&s->arena, why.msg), near);
    if (r < 0) {
        told_failed(&t, &why);
        return err_set(e, why.code, "%s", why.msg);
    }
    told_end(&t, r == 1 ? SHALE_BUILD_CACHED : SHALE_BUILD_DONE);
    return 0;
}

int from_layers(struct build *b, struct stage *s, const char *image, struct meta_image_layer **ret,
                size_t *ret_n, struct digest *ret_chain, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    _cleanup_json_ json_t *doc = NULL;
    struct told t;
    const char *name = arena_printf(&s->arena, "[internal] files of %s", image);
    int r;

    told_begin(b, &t, name ? name : image);
    r = read_image(b, s, image, b->o->platform, &t, &doc, ret, ret_n, &why);
    *ret_chain = (struct digest){""};
    for (size_t i = 0; r >= 0 && i < *ret_n; i++) {
        struct digest c;
        int q = chain_next(ret_chain, &(*ret)[i].diff_id, &c, &why);
        r = q < 0 ? q : r;
        if (q >= 0)
            *ret_chain = c;
    }
    if (r < 0) {
        told_failed(&t, &why);
        return err_set(e, why.code, "%s", why.msg);
    }
    told_end(&t, r == 1 ? SHALE_BUILD_CACHED : SHALE_BUILD_DONE);
    return 0;
}
