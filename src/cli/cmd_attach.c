/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/attach.h"

struct attach_opts {
    bool no_stdin, sig_proxy;
    const char *detach_keys;
};
static const struct attach_opts preset = {.sig_proxy = true};

#define O(field) offsetof(struct attach_opts, field)
static const struct opt opts[] = {
    {0, "detach-keys", OPT_STR, O(detach_keys), NULL,
     "Override the key sequence for detaching a container"},
    {0, "no-stdin", OPT_BOOL, O(no_stdin), NULL, "Do not attach STDIN"},
    {0, "sig-proxy", OPT_BOOL, O(sig_proxy), NULL, "Proxy all received signals to the process", 0,
     "true"},
    {0},
};

static int check_state(struct cli *c, const struct shale_container *info)
{
    if (info->state == SHALE_PAUSED)
        return err_set(&c->e, SHALE_CONFLICT,
                       "You cannot attach to a paused container, unpause it first");
    if (info->state != SHALE_RUNNING)
        return err_set(&c->e, SHALE_CONFLICT,
                       "You cannot attach to a stopped container, start it first");
    return 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct attach_opts *o = opts_;
    struct shale_container *info = NULL;
    struct streams st;
    struct shale *s = NULL;
    int status = -1, r = cli_open(c, &s);
    if (r == 0)
        r = shale_container_inspect(s, args[0], false, &info, &c->e);
    if (r < 0 || !info)
        return r;
    bool tty = info->tty, in = info->interactive && !o->no_stdin;
    r = check_state(c, info);
    shale_free(info);
    if (r == 0)
        r = streams_begin(c, in, tty, o->sig_proxy && !tty, streams_detach_keys(c, o->detach_keys),
                          &st);
    if (r < 0)
        return r;
    r = shale_attach(s, args[0], &st.o, &status, &c->e);
    streams_end(&st);
    return r == 0 && status < 0 ? streams_detached() : streams_status(r, status);
}

const struct cmd cmd_attach = {
    .brief = "Attach local standard input, output, and error streams to a running container",
    .usage = "[OPTIONS] CONTAINER",
    .example = "shale attach shell",
    .opts = opts,
    .opts_size = sizeof(struct attach_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
