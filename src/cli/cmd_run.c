/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cli/attach.h"
#include "cli/create.h"
#include "cli/exit.h"

static bool attaches(const struct create_cli *o, const char *stream)
{
    for (size_t i = 0; i < o->attach.n; i++)
        if (str_ieq(o->attach.v[i], stream))
            return true;
    return o->attach.n == 0;
}

/* A container that never ran is not kept for its log. */
static void drop_unstarted(struct shale *s, const struct create_cli *o, const char *id)
{
    struct shale_rm_opts rm = {.size = sizeof rm, .force = true, .volumes = true};
    if (o->auto_remove)
        (void)shale_rm(s, id, &rm, NULL);
}

static int start_detached(struct cli *c, struct shale *s, const struct create_cli *o,
                          const char *id)
{
    int status, r = shale_start(s, id, NULL, &status, &c->e);
    if (r < 0) {
        drop_unstarted(s, o, id);
        return r;
    }
    return cli_printf(c, "%s\n", id);
}

static int start_attached(struct cli *c, struct shale *s, const struct create_cli *o,
                          const char *id)
{
    struct streams st;
    bool in = o->attach.n ? attaches(o, "stdin") : o->interactive;
    int status = -1;
    int r = streams_begin(c, in, o->tty, o->sig_proxy, streams_detach_keys(c, o->detach_keys), &st);
    if (r < 0)
        return r;
    st.o.out = attaches(o, "stdout") ? st.o.out : -1;
    st.o.err = attaches(o, "stderr") ? st.o.err : -1;
    r = shale_start(s, id, &st.o, &status, &c->e);
    streams_end(&st);
    if (r < 0)
        drop_unstarted(s, o, id);
    return streams_status(r, status);
}

/* What is wrong here ends with 1 and without a word of --help, as docker has it. */
static int check_streams(struct cli *c, const struct create_cli *o)
{
    int r = 0;
    if (o->detach && o->attach.n)
        r = err_set(&c->e, SHALE_INVALID,
                    "conflicting options: cannot specify both --attach and --detach");
    else if (!o->detach)
        r = streams_check(c, o->interactive, o->tty);
    if (r < 0) {
        c->fail_status = 1;
        c->plain_error = true;
    }
    return r;
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    const struct create_cli *o = opts;
    struct shale_created *made = NULL;
    c->fail_status = EXIT_USAGE;
    int r = create_check(c, o);
    if (r == 0)
        r = check_streams(c, o);
    if (r == 0)
        r = create_container(c, o, true, n, args, &made);
    if (r < 0 || !made)
        return r;
    c->fail_status = 0;
    struct shale *s = c->engine;
    r = o->detach ? start_detached(c, s, o, made->id) : start_attached(c, s, o, made->id);
    shale_free(made);
    return r;
}

const struct cmd cmd_run = {
    .brief = "Create and run a new container from an image",
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .text = "The exit status is the command's; 125 when shale failed, 126 when the command could "
            "not be\n"
            "executed, 127 when it does not exist.",
    .example =
        "shale run --rm alpine echo hello\n"
        "shale run -it --rm alpine sh\n"
        "shale run -d --name web -p 8080:80 -v /srv/www:/www:ro registry.example.com/web:1\n"
        "shale run --rm --network none --memory 64m --cpus 0.5 --read-only --tmpfs /tmp alpine df",
    .opts = run_options,
    .opts_size = sizeof(struct create_cli),
    .preset = &create_preset,
    .min_args = 1,
    .max_args = -1,
    .flags = CMD_OPTS_FIRST | CMD_RUN_STATUS | CMD_HINT,
    .run = run,
};
