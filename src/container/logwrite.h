/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The log of a container in conmon's k8s-file format, one piece of output a line:
 *   2024-05-02T10:00:00.123456789Z stdout F text
 * F ends a line of the container, P does not (more of it follows).
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct logwrite {
    int fd; /* -1: nothing is written */
    struct buf b;
};
#define LOGWRITE_MAX (1u << 20)

int logwrite_open(struct logwrite *l, const char *path, struct shale_err *e);
void logwrite_close(struct logwrite *l);
/* Output as it came (stream 1 or 2). A disk that is full costs the log, not the container. */
void logwrite_put(struct logwrite *l, int stream, const char *p, size_t n);

struct logline {
    int64_t time_ns;
    int stream;    /* 1 or 2 */
    bool complete; /* F */
    struct str text;
};
/* One line of the file without its newline. False: not of this format. Pure. */
bool logline_parse(struct str line, struct logline *ret);
