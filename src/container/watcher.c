/* SPDX-License-Identifier: Apache-2.0 */
/* A container that goes when it ends, that nobody gives input and nobody is in front of: watched by
 * a process of ours instead of conmon, and run by one call of the runtime instead of three. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/endpoint.h"
#include "container/keep.h"
#include "container/start_priv.h"
#include "container/streamer.h"

/* What it says at ready_fd: the container runs, or has run already; or else "CODE MESSAGE". */
#define READY "\n"

bool watcher_can(const struct start *s)
{
    return s->h->watcher_command && !s->attach && start_is_plain(s) &&
           s->c->conf.memory_bytes <= 0 /* conmon sees its end */ && s->c->net &&
           s->c->net->ports.n == 0 /* conmon holds the ports */;
}

static int launch(struct start *s, struct shale_err *e)
{
    const struct ctr_run run = {.runtime = s->rt};
    char words[KEEP_WORDS_MAX];
    int code = 0, at = 0, r = ctr_run_save(s->h, s->c, &run, e);

    if (r >= 0)
        r = keep_launch(s->h->watcher_command, s->c->row.id, NULL, words, e);
    if (r < 0)
        return r;
    if (streq(words, READY)) {
        s->c->row.run.state = CTR_RUNNING;
        return 0;
    }
    if (sscanf(words, "%d %n", &code, &at) < 1 || at == 0 || code <= 0)
        return err_set(e, SHALE_SYSTEM, "the watcher of the container could not start: %s", words);
    return err_set(e, code, "%s", words + at);
}

int watcher_start(struct start *s, struct shale_err *e)
{
    int r = launch(s, e);

    if (r < 0)
        s->c->row.run.state = CTR_CREATED; /* it never ran, whatever it did before */
    return r;
}

void watcher_ready(struct start *s)
{
    if (s->ready < 0)
        return;
    (void)sys_write_all(s->ready, READY, strlen(READY));
    close(TAKE_FD(s->ready));
}

static void refuse(struct start *s, int r, const struct shale_err *why)
{
    char words[KEEP_WORDS_MAX];

    if (s->ready < 0)
        return;
    int n = snprintf(words, sizeof words - 1, "%d %s", -r, why->msg);
    (void)sys_write_all(s->ready, words, n < (int)sizeof words ? (size_t)n : sizeof words - 1);
    close(TAKE_FD(s->ready));
}

static int run(struct start *s, const char *id, struct shale_err *e)
{
    struct streamer streams = STREAMER_NONE;
    struct meta_container row;
    struct ctr_run was;
    int status, r = meta_container_get(store_meta(s->h->store), id, s->a, &row, e);

    if (r >= 0)
        r = ctr_of_row(s->h, &row, s->a, s->c, e);
    if (r >= 0)
        r = ctr_run_load(s->h, s->c, s->a, &was, e);
    if (r >= 0)
        r = streamer_open(&streams, s->c->dir, e);
    if (r < 0)
        return r;
    s->rt = was.runtime;
    s->streams = &streams;
    ctr_await_attachers(s->h, s->c);
    r = direct_run(s, &status, e);
    streamer_close(&streams);
    return r;
}

int container_watch(struct container_host *h, const char *id, int ready_fd, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const struct shale_attach_opts nobody = {.size = sizeof nobody, .in = -1, .out = -1, .err = -1};
    struct shale_err why = SHALE_ERR_INIT;
    struct ctr c;
    struct start s = {.h = h, .a = &a, .c = &c, .attach = &nobody, .lock = -1, .ready = ready_fd};
    int r = run(&s, id, &why);

    if (r < 0)
        refuse(&s, r, &why);
    else
        watcher_ready(&s);
    if (r < 0 && e)
        *e = why;
    return r;
}
