/* SPDX-License-Identifier: Apache-2.0 */
/* WORKDIR: the folder is made where it is missing, and belongs to USER. */
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/inroot.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "build/cache/cache_remote.h"
#include "build/copy/copy.h"
#include "store/layer_new.h"

static int into_layer(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return layer_new_write(arg, p, n, e);
}

static int make(struct build *b, struct stage *s, const char *path, int below, struct cached *ret,
                struct shale_err *e)
{
    const char *user = state_text(&s->state, "User");
    const struct build_tree none = {.root_fd = -1, .what = "WORKDIR"};
    const struct build_copy_opts o = {
        .tree = &none,
        .dest = path,
        .chown = *user ? user : NULL,
        .now_ns = b->epoch_ns != TIME_NONE ? b->epoch_ns : time_now_ns(),
        .max_mtime_ns = b->epoch_ns,
        .cancel = b->cancel,
    };
    struct build_copy_stats stats = {0};
    struct build_copy *c = NULL;
    struct layer_new *l = NULL;
    int r = build_copy_open(&o, &c, e);

    if (r >= 0)
        r = layer_new_begin(b->store, b->lease, b->cancel, &l, e);
    if (r >= 0)
        r = build_copy_layer(c, below, into_layer, l, &stats, e);
    if (r >= 0 && stats.n_members)
        r = layer_new_finish(l, &ret->layer, e);
    layer_new_close(l);
    build_copy_close(c);
    return r;
}

static int look(struct build *b, struct stage *s, const char *path, struct cached *ret,
                struct shale_err *e)
{
    _cleanup_close_ int below = -1, there = -1;

    *ret = (struct cached){.created_ns = time_now_ns()};
    if (s->state.n_layers) {
        int r = cache_remote_need(b, s->state.layers, s->state.n_layers, e);
        if (r < 0)
            return r;
        below = store_stack_view(b->store, s->state.layers, s->state.n_layers, b->cancel, e);
        if (below < 0)
            return below;
        there = inroot_open(below, path, O_PATH | O_DIRECTORY, NULL);
    }
    return there >= 0 ? 0 : make(b, s, path, below, ret, e);
}

int instr_workdir(struct build *b, struct stage *s, const struct instr *i, struct told *t,
                  struct shale_err *e)
{
    struct expand x = stage_expand(s);
    struct cached c = {.created_ns = 0};
    const char *text, *path;
    struct key key;
    char hex[65];
    int found = 0, r;

    (void)t;
    x.escape = b->file.escape;
    r = expand_word(&x, i->rest ? i->rest : "", &text, e);
    if (r >= 0 && !*text)
        r = err_set(e, SHALE_INVALID, "WORKDIR requires exactly one argument");
    if (r >= 0)
        r = state_change_quoted(&s->state, &s->arena, e, "WORKDIR", text);
    if (r < 0)
        return r;
    path = arena_strdup(&s->arena, state_text(&s->state, "WorkingDir"));
    const char *told = path ? arena_printf(&s->arena, "WORKDIR %s", path) : NULL;
    if (!told)
        return err_nomem(e);
    if (streq(path, "/"))
        return state_history(&s->state, told, false, b->epoch_ns, e);
    key_begin(&key, "workdir", &s->state, s);
    key_add(&key, "path", path);
    key_add(&key, "user", state_text(&s->state, "User"));
    key_add_epoch(&key, b);
    r = key_end(&key, hex, e);
    if (r >= 0)
        r = found = record_ask(b, s, hex, &c, e);
    if (r >= 0 && !found) {
        r = look(b, s, path, &c, e);
        if (r >= 0)
            r = record_put(b, hex, told, &c, e);
    }
    if (r >= 0)
        r = record_apply(b, s, &c, told, e);
    return r < 0 ? r : found;
}
