/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The target of a request: percent-decoding (RFC 3986, 2.1) and the fields of a query. Parsers of
 * hostile text: nothing is guessed. Strings live in the arena. */
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

#define HTTP_MAX_QUERY_FIELDS 32

/* Decodes %XX once. `plus`: '+' is a blank, as in queries. NULL for a % without two hex digits, for
 * NUL and other control characters, and when memory is out. */
char *http_percent_decode(struct str s, bool plus, struct arena *a);

struct http_query {
    struct {
        const char *name, *value; /* decoded; "a" without "=" has the value "" */
    } v[HTTP_MAX_QUERY_FIELDS];
    size_t n;
};
/* "n=10&last=a%20b". false: malformed, or too many fields. */
bool http_query_parse(struct str s, struct arena *a, struct http_query *ret);
/* The first field of that name, NULL if there is none. */
const char *http_query_get(const struct http_query *q, const char *name);

/* Appends s to b with everything but unreserved characters percent-encoded. `keep`: characters that
 * stay besides. */
struct buf;
void http_percent_encode(struct buf *b, const char *s, const char *keep);
