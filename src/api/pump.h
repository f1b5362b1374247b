/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Answers that a function of libshale writes to a descriptor (save, export, archives): it runs in a
 * thread of its own and writes to a pipe, from which the answer is sent.
 */
#include "api/api.h"

/* work(arg, fd, e) returns a negative code when it fails. The answer begins with the first byte, so
 * that an error before it is a status; one after it cuts the answer off. When the client goes,
 * writing fails with EPIPE. Returns what a handler returns. */
int api_pump(struct api_req *q, const char *content_type,
             int (*work)(void *arg, int fd, struct shale_err *e), void *arg, struct shale_err *e);
