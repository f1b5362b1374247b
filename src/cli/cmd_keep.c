/* SPDX-License-Identifier: Apache-2.0 */
/* Hidden: the process that looks after a container with a restart policy or a health check, or
 * after a process of `exec -d`. */
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
    closefrom(READY_FD + 1);
    return 0;
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    struct shale *s = NULL;
    int r = let_go(c);
    if (r < 0)
        return r;
    pid_t pid = fork(); /* before there is anything that must not be shared */
    if (pid < 0)
        return err_sys(&c->e, "keep container");
    if (pid > 0)
        return 0;
    r = cli_open(c, &s);
    if (r >= 0)
        r = n > 1 ? shale_container_keep_exec(s, args[0], args[1], READY_FD, &c->e)
                  : shale_container_keep(s, args[0], READY_FD, &c->e);
    if (r < 0)
        (void)sys_write_all(READY_FD, c->e.msg, strlen(c->e.msg));
    return r;
}

const struct cmd cmd_keep = {
    .brief = "Look after a container",
    .usage = "CONTAINER [EXEC]",
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
