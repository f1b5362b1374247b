/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Carries bytes between the streams of a caller and those of a process, until that process has
 * ended or its streams have: pipes, one terminal, or the packets of conmon's attach socket (first
 * byte 2 for stdout, 3 for stderr). Back pressure is passed on; see pass_break for streams of the
 * caller that break.
 */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "container/keys.h"

struct relay {
    /* the process's side; -1: none. Set to not blocking by relay_run. */
    int from[2];  /* its stdout and stderr, or a terminal or socket in [0] */
    bool packets; /* from[0] is an attach socket */
    int to; /* its input: a descriptor of its own, may equal from[0] for a terminal or socket */
    bool half_close; /* at the end of input: shutdown(to) instead of closing it */
    bool to_stays;   /* at the end of input: nothing */
    /* When nobody reads a caller's stream any more: close that of the process (from[i] is then -1),
     * so that it learns of it as if it wrote there itself. Else the relay ends with an error. */
    bool pass_break;
    int child; /* pidfd; its end ends the relay. -1: the end of the streams does */
    /* the caller's side; -1: none */
    int in, out, err;
    /* out and err are the same (or -1), and each piece goes there behind the eight bytes with which
     * docker says whose it is and how long (attach, exec and logs of its API). */
    bool frames;
    /* The caller is on the other side of a connection, which in, out and err are: when that has
     * gone it is as if the detach keys had been typed. */
    bool hangup;
    /* After that, and after the detach keys: go on to the end for the sake of the process, with
     * nobody there. The connection is shut down, so that the other side sees the end. */
    bool outlive;
    struct keys *keys; /* detaching; NULL: never */
    /* Called with what the process wrote, before it is passed on. False: not now, it is kept by the
     * callee. May be NULL. */
    bool (*on_output)(void *arg, int stream, const char *p, size_t n);
    int event; /* a descriptor; on_event is called when it can be read. -1 */
    void (*on_event)(void *arg);
    int signals; /* signalfd(2), or -1 */
    void (*on_signal)(void *arg, int sig);
    void *arg;
    struct cancel *cancel;
};

/* 0: ended, 1: detached. -SHALE_CANCELED, -SHALE_SYSTEM. Closes `to` at the end of input (unless it
 * is to be half closed or stays) and sets it to -1. */
int relay_run(struct relay *r, struct shale_err *e);

/* Signals while a relay runs: SIGPIPE is blocked, and what `proxy` and `winch` ask for goes to
 * *ret_fd
 * (-1: nothing). Undone by relay_signals_restore. This thread only. */
struct relay_signals {
    sigset_t old;
    int fd;
    bool active;
};
int relay_signals_take(struct relay_signals *s, bool proxy, bool winch, struct shale_err *e);
void relay_signals_restore(struct relay_signals *s);

/* Size of a terminal; false if it has none. */
bool relay_tty_size(int fd, unsigned short *rows, unsigned short *columns);
/* Writes all to a descriptor that may not block for it (waits where needed); errors are dropped. */
void relay_write(int fd, const char *p, size_t n);
/* The same as a frame of that stream (1, 2). */
void relay_write_frame(int fd, int stream, const char *p, size_t n);
/* The head of a frame. */
#define RELAY_FRAME_BYTES 8
void relay_frame(uint8_t head[RELAY_FRAME_BYTES], int stream, size_t n);
/* Is the other side of that connection gone altogether (not just done with writing)? */
bool relay_hung_up(int fd);
