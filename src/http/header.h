/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Values of header fields that mean something to us. Parsers of hostile text: they never read past
 * it, and say false (or find nothing) instead of guessing. Strings live in the arena. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define HTTP_MAX_CHALLENGES 8
#define HTTP_MAX_PARAMS     16

struct http_param {
    const char *name; /* lower case */
    const char *value;
};
struct http_challenge { /* RFC 9110, 11.3 */
    const char *scheme; /* lower case: "basic", "bearer" */
    struct http_param params[HTTP_MAX_PARAMS];
    size_t n_params;
};
/* WWW-Authenticate. Returns the number of challenges in ret[] (0: nothing usable). */
size_t http_parse_challenges(const char *value, struct arena *a,
                             struct http_challenge ret[HTTP_MAX_CHALLENGES]);
const char *http_challenge_get(const struct http_challenge *c, const char *name); /* NULL: absent */

/* Target of rel="next" in a Link field (RFC 8288), NULL: none. */
char *http_parse_link_next(const char *value, struct arena *a);
/* Retry-After (RFC 9110, 10.2.3): seconds or a date. *ret_ns is the pause from now_ns on, not
 * negative. */
bool http_parse_retry_after(const char *value, int64_t now_ns, int64_t *ret_ns);
/* Content-Range: "bytes 5-9/10", total UINT64_MAX when it is "*". */
bool http_parse_content_range(const char *value, uint64_t *ret_first, uint64_t *ret_last,
                              uint64_t *ret_total);
