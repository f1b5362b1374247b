/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which code has which status, and how an error is told: {"message": "…"}. */
#include "base/buf.h"
#include "base/err.h"

/* Of a code of enum shale_errcode, negative or not; 500 for others. */
int api_status_of(int code);
/* The body of an error, with Go's end of line. */
void api_error_body(struct buf *b, const char *message);
