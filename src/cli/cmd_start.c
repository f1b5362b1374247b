/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/keep.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/attach.h"

struct start_opts {
    bool attach, interactive, all_restart;
    const char *detach_keys;
};

#define O(field) offsetof(struct start_opts, field)
static const struct opt opts[] = {
    {0, "all-restart", OPT_BOOL, O(all_restart), NULL,
     "Start what runs by its restart policy, as after a boot"},
    {'a', "attach", OPT_BOOL, O(attach), NULL, "Attach STDOUT/STDERR and forward signals"},
    {0, "detach-keys", OPT_STR, O(detach_keys), NULL,
     "Override the key sequence for detaching a container"},
    {'i', "interactive", OPT_BOOL, O(interactive), NULL, "Attach container's STDIN"},
    {0},
};

static int start_attached(struct cli *c, struct shale *s, const struct start_opts *o,
                          const char *name)
{
    struct shale_container *info = NULL;
    struct streams st;
    int status = -1, r = shale_container_inspect(s, name, false, &info, &c->e);
    if (r < 0)
        return r;
    bool tty = info->tty, in = o->interactive && info->interactive;
    shale_free(info);
    r = streams_begin(c, in, tty, true, streams_detach_keys(c, o->detach_keys), &st);
    if (r < 0)
        return r;
    r = shale_start(s, name, &st.o, &status, &c->e);
    streams_end(&st);
    return streams_status(r, status);
}

static int start_all(struct cli *c, struct shale *s, int n, char **args)
{
    _cleanup_(buf_clear) struct buf failed = BUF_INIT(64 << 10);
    for (int i = 0; i < n; i++) {
        int status, r = shale_start(s, args[i], NULL, &status, &c->e);
        if (r == -SHALE_CANCELED)
            return r;
        if (r == 0)
            r = cli_printf(c, "%s\n", args[i]);
        if (r < 0) {
            cli_warn_error(&c->e);
            buf_addf(&failed, "%s%s", failed.n ? ", " : "", args[i]);
        }
    }
    if (failed.n == 0)
        return 0;
    return err_set(&c->e, SHALE_CONFLICT, "failed to start containers: %.450s", buf_str(&failed));
}

/* Each on its own: one that cannot start is no reason to leave the others. */
static int start_by_policy(struct cli *c, struct shale *s)
{
    struct shale_policy_starts *res = NULL;
    int failed = 0, r = shale_start_by_policy(s, &res, &c->e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < res->n_items; i++) {
        failed |= cli_warn_problem(res->items[i].code, res->items[i].problem);
        if (r == 0 && res->items[i].code == 0)
            r = cli_printf(c, "%s\n", res->items[i].name);
    }
    shale_free(res);
    return r < 0 ? r : failed;
}

static int check(struct cli *c, const struct start_opts *o, int n)
{
    bool attach = o->attach || o->interactive;
    if (o->all_restart && (attach || n > 0))
        return err_set(&c->e, SHALE_INVALID,
                       "--all-restart chooses the containers itself, and nobody is attached: it "
                       "goes with nothing else");
    if (n == 0 && !o->all_restart)
        return err_set(&c->e, SHALE_INVALID, "'%s' requires at least 1 argument", c->path);
    return 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct start_opts *o = opts_;
    bool attach = o->attach || o->interactive;
    struct shale *s;
    int r = check(c, o, n);
    if (r != 0)
        return r;
    if (attach && n > 1)
        return err_set(&c->e, SHALE_INVALID,
                       "you cannot start and attach multiple containers at once");
    r = cli_open(c, &s);
    if (r < 0)
        return r;
    if (o->all_restart)
        return start_by_policy(c, s);
    return attach ? start_attached(c, s, o, args[0]) : start_all(c, s, n, args);
}

const struct cmd cmd_start = {
    .brief = "Start one or more stopped containers",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .text =
        "With --all-restart: every container with the restart policy \"always\", and those with\n"
        "\"unless-stopped\" that nobody has stopped, if they have been started once before. This\n"
        "is what shale-restart.service does at boot. Containers with \"on-failure\" are not meant.",
    .example = "shale start web\n"
               "shale start -ai shell\n"
               "shale start --all-restart",
    .opts = opts,
    .opts_size = sizeof(struct start_opts),
    .min_args = 1,
    .max_args = -1,
    .flags = CMD_OPT_OR_ARGS,
    .run = run,
};
