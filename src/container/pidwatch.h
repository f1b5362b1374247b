/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The time between the start of a runtime and that of the process it is to start, whose number it
 * writes into a pid file. What comes on stderr in between is held back: these are first words of
 * the process, or the runtime's about its refusal, which callers pass on in words of their own.
 *
 * A timer looks for the file: now and then, and soon after something tells that the process is
 * about to be there. (inotify(7) costs more than that: at its end the kernel waits 14 ms for all
 * processors.) One thread.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "container/process.h"

struct pidwatch {
    const char *pidfile;
    int tick;            /* timerfd: can be read when it is time for pidwatch_look */
    struct process init; /* pid 0: not known yet */
    struct buf held;
    bool holding;
};
#define PIDWATCH_NONE                                                                              \
    {                                                                                              \
        .tick = -1                                                                                 \
    }

/* `pidfile` is borrowed; one that an earlier start left is removed. */
int pidwatch_open(struct pidwatch *w, const char *pidfile, struct shale_err *e);
void pidwatch_close(struct pidwatch *w); /* also a PIDWATCH_NONE */
/* The timer's time has come. True, once: the process is there now, see w->init. */
bool pidwatch_look(struct pidwatch *w);
/* The process wrote something, or is wanted for a signal: the next look comes soon. */
void pidwatch_hurry(struct pidwatch *w);
/* Bytes of stderr: true when they are held, false when they (and those of w->held, if any, before
 * them: see pidwatch_release) are to be passed on. */
bool pidwatch_hold(struct pidwatch *w, const char *p, size_t n);
/* From now on nothing is held; what was is in w->held. */
void pidwatch_release(struct pidwatch *w);
