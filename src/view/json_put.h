/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON written member by member, without a value of it in memory: for lists of many. What comes out
 * is what json_out_compact makes of the same value.
 *
 *   struct json_put w = { .b = &b, .flags = JSON_OUT_HTML };
 *   json_put_open(&w, NULL, '[');
 *   json_put_open(&w, NULL, '{');         // an element has no key
 *   json_put_str(&w, "Id", id);           // "Id" is written as it is: a plain word
 *   json_put_close(&w, '}');
 *   json_put_close(&w, ']');
 *
 * Whoever writes sees to it that what is opened is closed, and that keys differ. Failure is the
 * buffer's (buf_check).
 */
#include <jansson.h>
#include <stdbool.h>

#include "view/json_out.h"

struct json_put {
    struct buf *b;
    unsigned flags; /* JSON_OUT_… */
    bool more;      /* a comma comes next */
};

void json_put_open(struct json_put *w, const char *key, char bracket);
void json_put_close(struct json_put *w, char bracket);
void json_put_str(struct json_put *w, const char *key, const char *s); /* NULL is "" */
/* One string of three: `middle` is plain. */
void json_put_joined(struct json_put *w, const char *key, const char *a, const char *middle,
                     const char *z);
void json_put_int(struct json_put *w, const char *key, int64_t i);
void json_put_null(struct json_put *w, const char *key);
void json_put_value(struct json_put *w, const char *key, const json_t *v);
/* Takes v; NULL: there was no memory for it, which is then the buffer's failure. */
void json_put_new(struct json_put *w, const char *key, json_t *v);
/* The value in a JSON text, null where that is "". CORRUPT: it is none. NO_MEMORY. */
int json_put_text(struct json_put *w, const char *key, const char *text, struct shale_err *e);
