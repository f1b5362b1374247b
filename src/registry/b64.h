/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Base64 (RFC 4648), strict: no blanks, no characters after the end, unused bits zero. Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum b64_kind {
    B64_STD, /* + / and = at the end */
    B64_URL, /* - _ and no = */
};

#define B64_DECODED_MAX(n) ((n) / 4 * 3 + 3)

void b64_encode(enum b64_kind kind, const void *p, size_t n, struct buf *b);
/* Into ret, which has room for B64_DECODED_MAX(s.n). */
bool b64_decode(enum b64_kind kind, struct str s, uint8_t *ret, size_t *ret_n);
