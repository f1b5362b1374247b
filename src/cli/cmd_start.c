/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/attach.h"

struct start_opts {
    bool attach, interactive;
    const char *detach_keys;
};

#define O(field) offsetof(struct start_opts, field)
static const struct opt opts[] = {
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

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct start_opts *o = opts_;
    bool attach = o->attach || o->interactive;
    struct shale *s;
    if (attach && n > 1)
        return err_set(&c->e, SHALE_INVALID,
                       "you cannot start and attach multiple containers at once");
    int r = cli_open(c, &s);
    if (r < 0)
        return r;
    return attach ? start_attached(c, s, o, args[0]) : start_all(c, s, n, args);
}

const struct cmd cmd_start = {
    .brief = "Start one or more stopped containers",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .example = "shale start web\n"
               "shale start -ai shell",
    .opts = opts,
    .opts_size = sizeof(struct start_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
