/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tables as docker prints them: Go's text/tabwriter with cells of at least 10 columns, 3 blanks
 * between them, aligned left. A cell ends with a tab, a row with a newline; the last cell of a row
 * is not padded. Neighbouring rows that have a cell in a column share its width, so a row without
 * tabs separates. Widths count characters, as Go does.
 */
#include "base/buf.h"
#include "base/str.h"

#define TABLE_MIN_WIDTH   10
#define TABLE_PADDING     3
#define TABLE_MAX_COLUMNS 256 /* tabs past this many in a row stay as they are */

/* Lays out `text` and appends it to out. -SHALE_NO_MEMORY; -SHALE_LIMIT for more than 4 GiB. */
int table_format(struct str text, struct buf *out, struct shale_err *e);
