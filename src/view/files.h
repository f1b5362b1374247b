/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files of an image, as a list or a tree. files_add is the on_file of struct shale_ls_opts, its arg
 * is the struct files.
 */
#include <shale/look.h>

#include "base/buf.h"

struct files_opts {
    const char *format; /* --format; NULL: the names, or the table */
    bool tree;          /* drawn as one */
    bool lng;           /* the long table; of a tree: sizes */
    bool layers;        /* the layer of each */
    bool human;         /* sizes with units */
    bool paths;         /* whole paths instead of names */
    bool printable;     /* see view/list.h */
};

struct files;
int files_new(const struct files_opts *o, struct files **ret, struct shale_err *e);
int files_add(void *files, const struct shale_file *f);
/* Where a listing failed (r < 0) because files_add did, its reason goes to *e. */
void files_error(const struct files *f, int r, struct shale_err *e);
int files_end(struct files *f, struct buf *out, struct shale_err *e);
struct files *files_free(struct files *f); /* NULL in, NULL out */
/* "drwxr-xr-x" */
void files_mode(struct buf *b, const struct shale_file *f);
