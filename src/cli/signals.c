/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <shale/shale.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/cleanup.h"

/* A handler has no argument: what it works on must be global. */
static _Atomic(struct shale *) watched;
static volatile sig_atomic_t seen;

static void on_signal(int sig)
{
    struct shale *s = atomic_load(&watched);
    if (!s || seen)
        _exit(128 + sig);
    seen = sig;
    shale_cancel(s);
}

static void on_pipe(int sig)
{
    (void)sig;
}

void signals_begin(void)
{
    static const int fatal[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction sa = {.sa_handler = on_signal}, old;
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
        if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* nohup */
            (void)sigaction(fatal[i], &sa, NULL);
    sa.sa_handler = on_pipe;
    (void)sigaction(SIGPIPE, &sa, NULL);
}

void signals_watch(struct shale *s)
{
    atomic_store(&watched, s);
}

int signals_seen(void)
{
    return seen;
}
