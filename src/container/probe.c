/* SPDX-License-Identifier: Apache-2.0 */
#include "container/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "container/spawn.h"
#include "model/health.h"

#define CHUNK_BYTES 4096
#define TICK_MS     200 /* how soon a request to stop is seen */
#define TEXT_MAX    (HEALTH_OUTPUT_MAX * 3 + 1024)

struct probe {
    struct container_host host; /* with a token of its own */
    struct cancel cancel;
    const char *id;
    struct shale_exec_opts o;
    struct spawn_pipe out, done;
    struct buf output;
    bool cut; /* it wrote more than is kept */
    int r, status;
    struct shale_err e;
};

/* A thread of its own: the time is looked after beside it. */
static void *run_exec(void *arg)
{
    struct probe *p = arg;

    p->r = container_exec(&p->host, p->id, &p->o, &p->status, &p->e);
    close(TAKE_FD(p->done.w));
    return NULL;
}

/* docker: the shell form runs in the shell of the image. */
static int make_command(const struct ctr *c, struct arena *a, const char *const **ret,
                        struct shale_err *e)
{
    static const char *const sh[] = {"/bin/sh", "-c"};
    const struct strv *test = &c->conf.health.test, *shell = &c->conf.shell;
    const char **v = arena_array(a, shell->n + test->n + 3, sizeof *v);
    size_t n = 0;

    if (!v)
        return err_nomem(e);
    if (streq(test->v[0], "CMD-SHELL")) {
        for (size_t i = 0; i < shell->n; i++)
            v[n++] = shell->v[i];
        for (size_t i = 0; i < ARRAY_SIZE(sh) && shell->n == 0; i++)
            v[n++] = sh[i];
    }
    for (size_t i = 1; i < test->n; i++)
        v[n++] = test->v[i];
    v[n] = NULL;
    *ret = v;
    return 0;
}

/* False: there is nothing more to read for now. */
static bool drain(struct probe *p)
{
    char chunk[CHUNK_BYTES];
    ssize_t n = read(p->out.r, chunk, sizeof chunk);
    size_t room = HEALTH_OUTPUT_MAX - p->output.n;

    if (n <= 0)
        return false;
    p->cut |= (size_t)n > room;
    buf_add(&p->output, chunk, (size_t)n < room ? (size_t)n : room);
    return true;
}

/* 1: it took too long. */
static int await(struct probe *p, struct container_host *h, int64_t timeout_ns, struct shale_err *e)
{
    int64_t end_ns = time_mono_ns() + timeout_ns;

    for (;;) {
        struct pollfd fds[] = {{p->done.r, POLLIN, 0}, {p->out.r, POLLIN, 0}};
        int64_t left_ms = (end_ns - time_mono_ns()) / NS_PER_MS;
        int r = cancel_check(h->cancel, e);
        if (r < 0 || left_ms < 0)
            return r < 0 ? r : 1;
        if (poll(fds, ARRAY_SIZE(fds), left_ms < TICK_MS ? (int)left_ms + 1 : TICK_MS) < 0 &&
            errno != EINTR)
            return err_sys(e, "health check");
        if (fds[1].revents & POLLIN)
            (void)drain(p);
        else if (fds[0].revents)
            return 0;
    }
}

/* As JSON takes it: other bytes become question marks. */
static void put_text(struct buf *to, const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = 1;
        while (len < 4 && i + len < n && ((unsigned char)p[i + len] & 0xC0) == 0x80)
            len++;
        if (p[i] && str_is_utf8(p + i, len))
            buf_add(to, p + i, len);
        else
            buf_addc(to, '?');
        i += len;
    }
}

static void take_result(struct probe *p, int waited, int64_t timeout_ns, struct probe_result *ret)
{
    char text[64];

    ret->exit_code = waited == 1 || p->r < 0 ? -1 : p->status;
    if (waited == 1)
        buf_addf(&ret->output, "Health check exceeded timeout (%s)%s",
                 time_format_duration(timeout_ns, text), p->output.n ? ": " : "");
    else if (p->r < 0)
        put_text(&ret->output, p->e.msg, strlen(p->e.msg));
    put_text(&ret->output, p->output.p, p->output.n);
    if (p->cut)
        buf_adds(&ret->output, "...");
}

static int run(struct probe *p, struct container_host *h, int64_t timeout_ns,
               struct probe_result *ret, struct shale_err *e)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run_exec, p) != 0)
        return err_set(e, SHALE_SYSTEM, "no thread for the health check");
    int waited = await(p, h, timeout_ns, e);
    if (waited != 0)
        cancel_set(&p->cancel);
    (void)pthread_join(thread, NULL);
    while (drain(p)) /* what came last */
        ;
    ret->end_ns = time_now_ns();
    if (waited >= 0)
        take_result(p, waited, timeout_ns, ret);
    return waited < 0 ? waited : buf_check(&ret->output, e);
}

int probe_run(struct container_host *h, const struct ctr *c, struct probe_result *ret,
              struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct probe p = {.host = *h,
                      .id = c->row.id,
                      .out = SPAWN_PIPE_NONE,
                      .done = SPAWN_PIPE_NONE,
                      .output = BUF_INIT(HEALTH_OUTPUT_MAX + 1),
                      .status = -1};
    int r = make_command(c, &a, &p.o.cmd, e);

    *ret = (struct probe_result){.begin_ns = time_now_ns(), .output = BUF_INIT(TEXT_MAX)};
    p.host.cancel = &p.cancel;
    if (r >= 0)
        r = spawn_pipe_open(&p.out, e);
    if (r >= 0)
        r = spawn_pipe_open(&p.done, e);
    if (r >= 0 && fcntl(p.out.r, F_SETFL, O_NONBLOCK) < 0)
        r = err_sys(e, "pipe");
    if (r >= 0) {
        p.o.size = sizeof p.o;
        p.o.streams = (struct shale_attach_opts){
            .size = sizeof p.o.streams, .in = -1, .out = p.out.w, .err = p.out.w};
        r = run(&p, h, health_timeout_ns(&c->conf.health), ret, e);
    }
    spawn_pipe_close(&p.out);
    spawn_pipe_close(&p.done);
    buf_clear(&p.output);
    return r;
}
