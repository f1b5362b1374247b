/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A line for every request, as text (the "combined" format, with the time it took at the end) or as
 * JSON, to a file or standard output.
 *
 *   accesslog_open(ACCESSLOG_JSON, "/var/log/shale/access.log", &l, e);
 *   accesslog_write(l, &entry);        // from any thread, never waits for the disk
 *   accesslog_reopen(l);               // after logrotate has moved the file away
 *   l = accesslog_close(l);            // writes what is left, waits at most 2 s for it
 *
 * Lines go into a buffer of fixed size that a thread of its own empties; nothing is locked while it
 * writes. When the reader of a pipe or the disk is slower than the requests, lines are dropped and
 * counted, and a line says how many as soon as there is room. When a file cannot be written the
 * lines are dropped too; the first error is told through log_warn.
 *
 * Whatever is in a request cannot break a line or a field: in text, everything but printable ASCII,
 * and quotes and backslashes, is \xHH; in JSON, control characters are \u00XX and bytes that are
 * not UTF-8 are U+FFFD. Fields are cut at ACCESSLOG_FIELD_BYTES.
 */
#include <stdint.h>

#include "base/err.h"

#define ACCESSLOG_FIELD_BYTES  1024
#define ACCESSLOG_BUFFER_BYTES (1u << 20)

enum accesslog_format { ACCESSLOG_TEXT, ACCESSLOG_JSON };

struct accesslog_entry { /* texts may be NULL */
    int64_t begin_ns;    /* wall clock */
    int64_t took_ns;
    const char *peer;     /* address */
    const char *user;     /* NULL: a stranger */
    const char *method;   /* as sent */
    const char *target;   /* path and query, as sent */
    const char *protocol; /* "HTTP/1.1" */
    const char *host, *referer, *user_agent;
    const char *id; /* of the request */
    int status;
    uint64_t bytes_in, bytes_out; /* of bodies */
};

struct accesslog;

/* `path` NULL: standard output. */
int accesslog_open(enum accesslog_format format, const char *path, struct accesslog **ret,
                   struct shale_err *e);
void accesslog_write(struct accesslog *l, const struct accesslog_entry *x);
/* The file is opened anew (by the writing thread, before its next line). Not for signal handlers.
 */
void accesslog_reopen(struct accesslog *l);
uint64_t accesslog_dropped(struct accesslog *l);        /* lines so far */
struct accesslog *accesslog_close(struct accesslog *l); /* NULL in, NULL out */

/* One line with its newline, for tests and for other sinks: at most n bytes with the NUL; returns
 * its length. n >= ACCESSLOG_LINE_BYTES is always enough. */
#define ACCESSLOG_LINE_BYTES (8u * 6 * ACCESSLOG_FIELD_BYTES + 1024)
size_t accesslog_format(enum accesslog_format format, const struct accesslog_entry *x, char *ret,
                        size_t n);
