/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What `inspect` prints: an indented array of documents, or what a template makes of each. As
 * docker, a template is tried on the document as if it were a Go struct; what it does not know is
 * an error.
 */
#include <jansson.h>

#include "base/buf.h"
#include "view/tmpl.h"

struct inspect {
    struct tmpl *t; /* NULL: JSON */
    struct buf *out;
    size_t n;
    bool json; /* the array on one line */
    bool printable;
};

/* format NULL, "json" (the array on one line), or a template: -SHALE_INVALID "template parsing
 * error: …". */
int inspect_begin(struct inspect *i, const char *format, bool printable, struct buf *out,
                  struct shale_err *e);
int inspect_add(struct inspect *i, const json_t *doc, const struct tmpl_field *fields,
                struct shale_err *e);
/* Ends the array; with a template and no document an empty line. */
int inspect_end(struct inspect *i, struct shale_err *e);
void inspect_clear(struct inspect *i);
