/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lists: rows of text columns, printed as a table, as docker's `--format` asks (table, raw, json,
 * or a template), or as one column for --quiet. A view says which columns there are; the command
 * gives rows.
 *
 *   struct list l;
 *   r = list_begin(&l, &images_view, &spec, e);
 *   r = list_row(&l, &row, e);  …
 *   r = list_end(&l, out, e);
 *   list_clear(&l);             // or _cleanup_(list_clear)
 *
 * Tables without a template are written straight into the buffer: no document is built. Text that
 * comes from images and could harm a terminal is escaped in tables, and in templates where
 * `printable` asks.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "view/tmpl.h"

#define LIST_MAX_BYTES (512u << 20) /* of a whole listing */

enum {
    LIST_NIL = 1 << 0,    /* always null in JSON, "<nil>" in templates */
    LIST_HIDDEN = 1 << 1, /* not part of {{json .}} */
};
struct list_col {
    const char *name;   /* placeholder */
    const char *header; /* title */
    unsigned flags;
};
struct list_view {
    const char *type_name;       /* Go's, for messages: "*formatter.imageContext" */
    const struct list_col *cols; /* in byte order of their names */
    size_t n_cols;
    void (*put)(const void *row, unsigned col, struct buf *b);
    /* .Label "key"; NULL where rows have none. Appends nothing for a key that is not there. */
    void (*label)(const void *row, const char *key, struct buf *b);
};
struct list_spec {
    const char *format;        /* --format; NULL or "": the columns below */
    const unsigned char *cols; /* the default table */
    size_t n_cols;
    bool quiet;     /* the columns without header */
    bool printable; /* escape control characters in templates' data */
};

struct list {
    const struct list_view *view;
    struct list_spec spec;
    struct tmpl *t;
    bool table;
    struct buf rows, cell;
};

/* Does this --format ask for a table? */
bool list_is_table(const char *format);

/* -SHALE_INVALID "template parsing error: template: :1: …". */
int list_begin(struct list *l, const struct list_view *v, const struct list_spec *spec,
               struct shale_err *e);
int list_row(struct list *l, const void *row, struct shale_err *e);
int list_end(struct list *l, struct buf *out, struct shale_err *e);
void list_clear(struct list *l);
