/* SPDX-License-Identifier: Apache-2.0 */
/* Hidden: the process that carries what comes to IPv6 addresses into a container. Its arguments
 * are a file for its number and, for each socket it has inherited, PROTOCOL:FD:ADDRESS:PORT. */
#include <fcntl.h>
#include <shale/keep.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/cli.h"

static int read_way(struct cli *c, const char *text, struct shale_carried_port *ret)
{
    const char *what[4];
    struct str rest = str_of(text), one;
    uint64_t fd, port;
    size_t n = 0;

    while (n < 4 && str_split(&rest, ':', &one)) {
        what[n] = arena_strndup(&c->arena, one.p, one.n);
        if (!what[n++])
            return err_nomem(&c->e);
    }
    if (n < 4 || rest.n || !str_to_u64(what[1], &fd) || fd <= STDERR_FILENO || fd > INT32_MAX ||
        !str_to_u64(what[3], &port) || port > UINT16_MAX)
        return err_set(&c->e, SHALE_INVALID, "no socket and address: %.100s", text);
    *ret = (struct shale_carried_port){what[0], (int)fd, what[2], (uint16_t)port};
    return 0;
}

static int by_fd(const void *a, const void *b)
{
    const struct shale_carried_port *x = a, *y = b;

    return (x->fd > y->fd) - (x->fd < y->fd);
}

/* Nothing else of who started the container stays open: a pipe of theirs would never end. */
static void let_go(const struct shale_carried_port *v, size_t n)
{
    int next = STDERR_FILENO + 1;

    for (size_t i = 0; i < n; i++) {
        if (v[i].fd > next)
            (void)close_range((unsigned)next, (unsigned)v[i].fd - 1, 0);
        next = v[i].fd + 1;
    }
    closefrom(next);
}

/* The first process goes when the number of the one that stays is in the file. */
static int stay(struct cli *c, const char *pidfile)
{
    char text[32];
    pid_t pid = fork();

    if (pid < 0)
        return err_sys(&c->e, "start a process");
    if (pid == 0) {
        (void)dup2(STDOUT_FILENO, STDERR_FILENO);
        return 0;
    }
    (void)snprintf(text, sizeof text, "%d\n", (int)pid);
    int r = fs_write_atomic(AT_FDCWD, pidfile, text, strlen(text), 0600, false, &c->e);
    if (r < 0)
        (void)kill(pid, SIGKILL);
    return r < 0 ? r : 1;
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    size_t n_ways = (size_t)n - 1;
    struct shale_carried_port *v = arena_array(&c->arena, n_ways, sizeof *v);
    int r = v ? 0 : err_nomem(&c->e);
    for (size_t i = 0; r == 0 && i < n_ways; i++)
        r = read_way(c, args[i + 1], &v[i]);
    if (r < 0)
        return r;
    qsort(v, n_ways, sizeof *v, by_fd);
    let_go(v, n_ways);
    r = stay(c, args[0]);
    if (r != 0)
        return r < 0 ? r : 0;
    return shale_container_carry_ports(args[0], v, n_ways, &c->e);
}

const struct cmd cmd_ports = {
    .brief = "Carry what comes to IPv6 addresses into a container",
    .usage = "FILE PROTOCOL:FD:ADDRESS:PORT...",
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
