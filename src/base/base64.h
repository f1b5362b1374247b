/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Base 64 (RFC 4648). Without flags: the alphabet of section 4, padded, strict: no other
 * characters, nothing behind the end, unused bits zero. Pure.
 *
 *   k = base64_decode(BASE64_URL, text, strlen(text), bytes);    // room for BASE64_BYTES(n)
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

enum {
    BASE64_URL = 1,      /* - and _, and no = (section 5) */
    BASE64_UNPADDED = 2, /* reading: = may be missing */
    BASE64_SPARE = 4,    /* reading: unused bits may be anything */
    BASE64_LINES = 8,    /* reading: ends of lines are passed over, as Go's decoder does */
};

#define BASE64_LENGTH(n) (4 * (((n) + 2) / 3)) /* of n bytes, at most */
#define BASE64_BYTES(n)  ((n) / 4 * 3 + 3)     /* of n characters, at most */

void base64_encode(int flags, const void *p, size_t n, char *ret); /* BASE64_LENGTH(n) and NUL */
void base64_add(int flags, const void *p, size_t n, struct buf *b);
/* Bytes put into ret, which may be text itself; -1 if it is something else. */
ssize_t base64_decode(int flags, const char *text, size_t n, void *ret);
