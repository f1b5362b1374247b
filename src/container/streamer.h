/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The attach socket of a container without input, as conmon's is (relay.h reads it): whoever
 * connects gets what is written from then on, packets of one byte (2 stdout, 3 stderr) and up to
 * STREAMER_BYTES of output. One that does not read holds the output back, as with a pipe; one that
 * has gone is forgotten.
 *
 *   struct streamer s = STREAMER_NONE;
 *   r = streamer_open(&s, dir, e);          // listens; nobody has been let in yet
 *   streamer_put(&s, stream, p, n, alive, arg);
 *   streamer_close(&s);                     // they see the end
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define STREAMER_BYTES   8191
#define STREAMER_READERS 64 /* more are sent away */

struct streamer {
    int fd; /* -1: none */
    int v[STREAMER_READERS];
    size_t n;
    int64_t end_ns; /* monotonic: nobody who does not read is waited for any more; 0: none yet */
};
#define STREAMER_NONE                                                                              \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* `dir`: the container's folder; the socket is its "attach". */
int streamer_open(struct streamer *s, const char *dir, struct shale_err *e);
/* Blocks while somebody does not read, as long as alive(arg) says that the process is there; after
 * its end, a while longer, one for all of them together. */
void streamer_put(struct streamer *s, int stream, const char *p, size_t n, bool (*alive)(void *arg),
                  void *arg);
void streamer_close(struct streamer *s);
