/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bytes of another registry on their way to a blob: they are gathered by the thread that receives
 * them, and hashed and written by a second one, so that neither waits for what the other does.
 *
 *   behind_begin(w, &b, e);          // from here on w is the second thread's
 *   behind_put(b, p, n, e); …
 *   b = behind_end(b, &r, e);        // all is written, or r says why not; w is the caller's again
 *
 * Errors: those of blob_writer_write, by the next put or by the end; SYSTEM: no thread to be had.
 */
#include <stddef.h>

#include "base/err.h"

struct blob_writer;
struct behind;

int behind_begin(struct blob_writer *w, struct behind **ret, struct shale_err *e);
/* Bytes that come quickly are written many at a time, those that come slowly at once. After an
 * error only behind_end may follow. */
int behind_put(struct behind *b, const void *p, size_t n, struct shale_err *e);
/* Accepts NULL, returns NULL. *r is 0 or -code, then e is set. */
struct behind *behind_end(struct behind *b, int *r, struct shale_err *e);
