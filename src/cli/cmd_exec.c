/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "cli/attach.h"
#include "cli/create.h"
#include "cli/kvfile.h"

struct exec_cli {
    bool detach, interactive, privileged, tty;
    const char *detach_keys, *user, *workdir;
    struct strv env, env_file;
};

#define O(field) offsetof(struct exec_cli, field)
static const struct opt opts[] = {
    {'d', "detach", OPT_BOOL, O(detach), NULL, "Detached mode: run command in the background"},
    {0, "detach-keys", OPT_STR, O(detach_keys), NULL,
     "Override the key sequence for detaching a container"},
    {'e', "env", OPT_LIST, O(env), NULL, "Set environment variables"},
    {0, "env-file", OPT_LIST, O(env_file), NULL, "Read in a file of environment variables"},
    {'i', "interactive", OPT_BOOL, O(interactive), NULL, "Keep STDIN open even if not attached"},
    {0, "privileged", OPT_BOOL, O(privileged), NULL, "Give extended privileges to the command"},
    {'t', "tty", OPT_BOOL, O(tty), NULL, "Allocate a pseudo-TTY"},
    {'u', "user", OPT_STR, O(user), NULL, "Username or UID (format: \"<name|uid>[:<group|gid>]\")"},
    {'w', "workdir", OPT_STR, O(workdir), NULL, "Working directory inside the container"},
    {0},
};

/* 127 and 126 speak of the command; a container that is not there is a plain failure. */
static void choose_status(struct cli *c, struct shale *s, const char *container, int r)
{
    struct shale_container *info = NULL;
    if (r == -SHALE_NOT_FOUND &&
        shale_container_inspect(s, container, false, &info, NULL) == -SHALE_NOT_FOUND)
        c->fail_status = 1;
    else if (r != -SHALE_NOT_FOUND && r != -SHALE_DENIED)
        c->fail_status = 1;
    shale_free(info);
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct exec_cli *o = opts_;
    struct strv env = {0};
    struct streams st;
    struct shale *s = NULL;
    int status = 0;
    int u = create_check_env(c, &o->env);
    if (u != 0)
        return u;
    c->fail_status = 1;
    int r = kvfile_merge(&o->env_file, &o->env, "env", &c->arena, &env, &c->e);
    if (r == 0)
        r = cli_open(c, &s);
    if (r == 0)
        r = streams_begin(c, o->interactive && !o->detach, o->tty, false,
                          streams_detach_keys(c, o->detach_keys), &st);
    if (r < 0)
        return r;
    struct shale_exec_opts q = {
        .size = sizeof q,
        .cmd = (const char *const *)args + 1,
        .env = (const char *const *)env.v,
        .user = o->user,
        .workdir = o->workdir,
        .tty = o->tty,
        .interactive = o->interactive,
        .detach = o->detach,
        .privileged = o->privileged,
        .streams = st.o,
    };
    r = shale_exec(s, args[0], &q, &status, &c->e);
    streams_end(&st);
    c->fail_status = 0;
    if (r < 0)
        choose_status(c, s, args[0], r);
    if (r == 0 && status < 0)
        return o->detach ? 0 : streams_detached();
    return o->detach && r == 0 ? 0 : streams_status(r, status);
}

const struct cmd cmd_exec = {
    .brief = "Execute a command in a running container",
    .usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
    .example = "shale exec web ls /\n"
               "shale exec -it -u 1000 -w /srv web sh",
    .opts = opts,
    .opts_size = sizeof(struct exec_cli),
    .min_args = 2,
    .max_args = -1,
    .flags = CMD_OPTS_FIRST | CMD_RUN_STATUS,
    .run = run,
};
