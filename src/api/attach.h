/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Streams of containers over a connection of the API: attached ones, and what has been logged.
 */
#include <shale/container.h>

#include "api/api.h"

/* How a stream of that kind is called, in this version of the API. */
const char *attach_type(const struct api_req *q, bool frames);

/* ---- what has been logged ---- */
struct attach_logs {
    bool out, err, frames, timestamps, details, follow;
    int64_t since_ns, until_ns, tail;
    int (*send)(void *arg, const void *p, size_t n); /* all of it, or negative */
    void *arg;
};
/* stdout, stderr, timestamps, details, follow, since, until and tail of the query; one of the first
 * two is needed. */
int attach_logs_query(struct api_req *q, struct attach_logs *l, struct shale_err *e);
int attach_logs_run(struct api_req *q, const struct attach_logs *l, struct shale_err *e);

/* ---- connections ---- */
/* So that nobody who does not read can stop the one who writes. */
void attach_nonblocking(int fd);

int attach_handler(struct api_req *q, struct shale_err *e);
int attach_ws_handler(struct api_req *q, struct shale_err *e);
