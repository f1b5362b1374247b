/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON written as Go's encoding/json writes it. Keys keep the order of the value, integers are
 * exact, floats are Go's. Bytes that are not UTF-8 become U+FFFD. Failure is the buffer's
 * (buf_check).
 */
#include <jansson.h>

#include "base/buf.h"
#include "base/str.h"

enum {
    JSON_OUT_HTML = 1 << 0, /* < > & as \u003c \u003e \u0026 (Go's json.Marshal) */
    JSON_OUT_ASCII =
        1 << 1, /* control characters past ASCII (DEL, C1) escaped too: for terminals */
};

/* One line, no blanks. */
void json_out_compact(struct buf *b, const json_t *v, unsigned flags);
/* A string with its quotes; what stands between them. */
void json_out_string(struct buf *b, struct str s, unsigned flags);
void json_out_letters(struct buf *b, struct str s, unsigned flags);

/* docker inspect's output, one document at a time: an array of objects.
 *   json_out_array_begin(b); json_out_array_item(b, v, &n)…; json_out_array_end(b, n); */
void json_out_array_begin(struct buf *b);
void json_out_array_item(struct buf *b, const json_t *v, size_t *n);
void json_out_array_end(struct buf *b, size_t n);
