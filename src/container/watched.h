/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * `runtime run` under our own eyes: a bundle is run to its end, without conmon. What the process
 * writes comes through us; a runtime that refuses leaves its reason in a log of its own, and what
 * it says on stderr meanwhile is not taken for the process's words (see pidwatch.h).
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "container/pidwatch.h"
#include "container/runtime.h"

#define WATCHED_WORDS_MAX 400

struct watched {
    const struct runtime *rt;
    const char *id;
    const char *dir; /* the bundle */
    const char *log; /* path of the runtime's own */
    int out, err;    /* where output goes, -1: nowhere but to on_output */
    bool sig_proxy;  /* signals that reach the calling thread are passed on */
    /* What the process wrote, before it is passed on to out or err. */
    void (*on_output)(void *arg, int stream, const char *p, size_t n);
    /* The process is there: see `init`. May be NULL. Not called for one that was gone before. */
    void (*on_start)(void *arg);
    void *arg;
    struct cancel *cancel;

    /* of the run */
    struct process init;           /* pid 0: not seen */
    char words[WATCHED_WORDS_MAX]; /* why the runtime refused; "": it did not */
    struct pidwatch watch;
    uint64_t pending; /* signals that came before the process was known */
};
/* *ret_status is the runtime's: the process's, or, with `words`, that of a refusal. CANCELED and
 * what broke: the process has been killed, and *ret_status is set, too. -1: it never ran. */
int watched_run(struct watched *w, struct arena *a, int *ret_status, struct shale_err *e);
