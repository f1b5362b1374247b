/* SPDX-License-Identifier: Apache-2.0 */
/* The process of portproxy.h, from outside. */
#include <fcntl.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/portproxy.h"
#include "container/spawn.h"
#include "model/ipv4.h"

#define FILE_NAME      "ports.pid"
#define COMMAND_MAX    16
#define WORDS_MAX      400
#define SAID_MAX       4096
#define LINE_MAX_BYTES (1u << 20)
#define END_MS         2000

/* "tcp:7:172.17.0.2:80" */
static const char *way_text(const struct hostports_carried *p, uint32_t address, struct arena *a)
{
    char text[IPV4_BYTES];

    return arena_printf(a, "%s:%d:%s:%u", p->protocol, p->fd, ipv4_format(address, text),
                        p->inside);
}

int portproxy_start(struct container_host *h, const struct ctr *c, const struct hostports *ports,
                    uint32_t address, struct arena *a, struct shale_err *e)
{
    const char **argv;
    char words[WORDS_MAX], text[SAID_MAX];
    int *keep, status, r;
    size_t n = 0, n_text = 0;
    pid_t pid;

    if (ports->n_carried == 0)
        return 0;
    argv = arena_array(a, COMMAND_MAX + ports->n_carried + 2, sizeof *argv);
    keep = arena_array(a, ports->n_carried + 1, sizeof *keep);
    if (!argv || !keep)
        return err_nomem(e);
    for (; h->ports_command && h->ports_command[n] && n < COMMAND_MAX; n++)
        argv[n] = h->ports_command[n];
    argv[n++] = ctr_path(c, a, FILE_NAME);
    for (size_t i = 0; i < ports->n_carried; i++) {
        argv[n] = way_text(&ports->carried[i], address, a);
        keep[i] = ports->carried[i].fd;
        if (!argv[n++])
            return err_nomem(e);
    }
    keep[ports->n_carried] = -1;
    _cleanup_(spawn_pipe_close) struct spawn_pipe p = SPAWN_PIPE_NONE;
    r = spawn_pipe_open(&p, e);
    if (r < 0)
        return r;
    const struct spawn_opts o = {.argv = argv,
                                 .in = -1,
                                 .out = -1,
                                 .err = p.w,
                                 .keep_fds = keep,
                                 .dir = "/",
                                 .new_session = true};
    r = spawn_start(&o, &pid, NULL, e);
    if (r < 0)
        return r;
    close(TAKE_FD(p.w));
    (void)sys_read_full(p.r, text, sizeof text - 1, &n_text);
    text[n_text] = 0;
    r = spawn_wait(pid, &status, e); /* the first process goes when the other one is there */
    if (r < 0 || status == 0)
        return r;
    str_printable(words, sizeof words, n_text ? text : "it did not say why");
    return err_set(e, SHALE_SYSTEM, "the process for ports of IPv6 addresses: %s", words);
}

/* The ports are free when it is gone. */
static void end(const struct process *p)
{
    static const int signals[] = {SIGTERM, SIGKILL};

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        if (process_kill(p, signals[i], NULL) < 0 || process_wait(p, END_MS, NULL, NULL) != 0)
            return;
}

void portproxy_stop(const struct ctr *c, struct arena *a)
{
    const char *pidfile = ctr_path(c, a, FILE_NAME);
    _cleanup_(buf_clear) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    char path[64];

    if (!pidfile || !fs_exists(AT_FDCWD, pidfile))
        return;
    struct process p = process_find(process_read_pidfile(pidfile));
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)p.pid);
    /* a number may have become another process's */
    if (p.pid > 0 && fs_read_file(AT_FDCWD, path, &line, NULL) != -SHALE_NO_MEMORY && line.n &&
        memmem(buf_str(&line), line.n, pidfile, strlen(pidfile)))
        end(&p);
    (void)sys_unlinkat(AT_FDCWD, pidfile, 0);
}
