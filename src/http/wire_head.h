/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The head of an HTTP/1 request. A parser of hostile text: what RFC 9112 does not allow is refused,
 * nothing is guessed (no bare line feeds, no folded lines, no two lengths that differ, no length
 * beside chunks). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_MAX_FIELDS     100
#define WIRE_LENGTH_UNKNOWN UINT64_MAX /* it comes in chunks */

struct wire_field {
    const char *name, *value;
};
struct wire_head {
    const char *method;
    const char *target; /* as sent: "/v1.41/images/a/json?x=1" */
    size_t path_bytes;  /* of the target, how many stand before '?' */
    int minor;          /* HTTP/1.minor: 0 or 1 */
    struct wire_field fields[WIRE_MAX_FIELDS];
    size_t n_fields;
    uint64_t length; /* of the body; 0: none */
    bool keep;       /* the connection stays when the answer is out */
    bool expects;    /* 100-continue */
};

/* How many bytes the head takes, with the empty line behind it; 0: it is not complete. */
size_t wire_head_end(const char *p, size_t n);
/* Parses the n bytes of wire_head_end in place: strings of `ret` lie in p. 0, or the status to
 * refuse it with. */
int wire_head_parse(char *p, size_t n, struct wire_head *ret);
/* The first field of that name (any case), NULL if absent. */
const char *wire_head_get(const struct wire_head *h, const char *name);
/* Is `token` one of the values, separated by commas, of that name's fields (any case)? */
bool wire_head_has(const struct wire_head *h, const char *name, const char *token);
