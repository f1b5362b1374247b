/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The image that `edit` or `rebase` has made: its ID, or what --format asks for. */
#include <shale/edit.h>

#include "base/buf.h"

int edited_print(const struct shale_edited *i, const char *format, bool printable, struct buf *out,
                 struct shale_err *e);
