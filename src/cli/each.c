/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/each.h"

#include "base/cleanup.h"
#include "base/pool.h"

#define MAX_TEXT 4096

struct task {
    struct buf out;
    struct shale_err e;
    int r;
};
struct tasks {
    struct shale *s;
    each_fn f;
    const void *opts;
    char **args;
    struct task *v;
};

/* A failure must not keep the others from being tried: the pool never hears of it. */
static int run_task(void *arg, size_t i, struct cancel *cancel, struct shale_err *e)
{
    struct tasks *t = arg;
    struct task *k = &t->v[i];
    (void)cancel;
    (void)e;
    buf_init(&k->out, MAX_TEXT);
    k->r = t->f(t->s, t->opts, t->args[i], &k->out, &k->e);
    return 0;
}

int each_container(struct cli *c, each_fn f, const void *opts, int n, char **args,
                   size_t n_parallel, int forgive)
{
    struct tasks t = {.f = f, .opts = opts, .args = args};
    int failed = 0, canceled = 0;
    t.v = arena_array(&c->arena, (size_t)n, sizeof *t.v);
    int r = t.v ? cli_open(c, &t.s) : err_nomem(&c->e);
    if (r == 0)
        r = pool_run(run_task, &t, (size_t)n, n_parallel, NULL, &c->e);
    for (int i = 0; i < n && r == 0; i++) {
        struct task *k = &t.v[i];
        if (k->r == 0)
            r = cli_print(c, &k->out);
        else
            cli_warn_error(&k->e);
        failed |= k->r < 0 && k->r != -forgive;
        canceled |= k->r == -SHALE_CANCELED;
    }
    for (int i = 0; t.v && i < n; i++)
        buf_clear(&t.v[i].out);
    if (r == 0 && canceled)
        return err_set(&c->e, SHALE_CANCELED, "canceled");
    return r < 0 ? r : failed;
}

struct removal {
    each_rm_fn rm;
    bool force;
};

static int remove_one(struct shale *s, const void *opts, const char *name, struct buf *out,
                      struct shale_err *e)
{
    const struct removal *o = opts;
    int r = o->rm(s, name, e);
    if (r == -SHALE_NOT_FOUND && o->force)
        r = 0;
    if (r == 0)
        buf_addf(out, "%s\n", name);
    return r;
}

int each_removed(struct cli *c, each_rm_fn rm, bool force, int n, char **args)
{
    const struct removal o = {rm, force};

    return each_container(c, remove_one, &o, n, args, 1, 0);
}
