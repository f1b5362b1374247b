/* SPDX-License-Identifier: Apache-2.0 */
/* Hidden: the processes that look after a container with a restart policy or a health check, after
 * a process of `exec -d`, and after a container that goes when it ends. */
#include <fcntl.h>
#include <shale/keep.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "cli/cli.h"

#define READY_FD 3 /* where standard output was */

/* Nothing of who started the container stays open: a pipe of theirs would never end. */
static int let_go(struct cli *c)
{
    if (dup2(STDOUT_FILENO, READY_FD) < 0 || dup2(STDIN_FILENO, STDOUT_FILENO) < 0)
        return err_sys(&c->e, "keep container");
    (void)fcntl(READY_FD, F_SETFD, FD_CLOEXEC); /* nor in what is started later */
    closefrom(READY_FD + 1);
    return 0;
}

/* 1: in the process that stays, with the store open; 0: in the one that goes at once. */
static int stay(struct cli *c, struct shale **ret)
{
    int r = let_go(c);
    if (r < 0)
        return r;
    pid_t pid = fork(); /* before there is anything that must not be shared */
    if (pid < 0)
        return err_sys(&c->e, "keep container");
    if (pid > 0)
        return 0;
    r = cli_open(c, ret);
    return r < 0 ? r : 1;
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    struct shale *s = NULL;
    int r = stay(c, &s);
    if (r == 1)
        r = n > 1 ? shale_container_keep_exec(s, args[0], args[1], READY_FD, &c->e)
                  : shale_container_keep(s, args[0], READY_FD, &c->e);
    if (r < 0)
        (void)sys_write_all(READY_FD, c->e.msg, strlen(c->e.msg));
    return r;
}

static int watch(struct cli *c, const void *opts, int n, char **args)
{
    struct shale *s = NULL;
    int r = stay(c, &s);
    if (r < 0)
        (void)sys_write_all(READY_FD, c->e.msg, strlen(c->e.msg));
    return r == 1 ? shale_container_watch(s, args[0], READY_FD, &c->e) : r;
}

const struct cmd cmd_watch = {
    .brief = "Watch a container",
    .usage = "CONTAINER",
    .min_args = 1,
    .max_args = 1,
    .run = watch,
};

const struct cmd cmd_keep = {
    .brief = "Look after a container",
    .usage = "CONTAINER [EXEC]",
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
