/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Base 64 with padding (RFC 4648, section 4), on one line. Pure. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BASE64_LENGTH(n) (4 * (((n) + 2) / 3)) /* of n bytes */

void base64_encode(const void *p, size_t n, char *ret); /* BASE64_LENGTH(n) characters and NUL */
/* Bytes put into ret (which has room for n), or -1 if it is something else. White space around it
 * is passed over. */
ssize_t base64_decode(const char *text, size_t n, void *ret);
