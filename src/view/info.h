/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `info` and `version` for people. */
#include <jansson.h>
#include <shale/shale.h>

#include "base/buf.h"
#include "view/doc.h"

void info_print(const struct shale_info *i, struct buf *out);
void version_print(const struct doc_version *v, struct buf *out);

/* A document through --format ("json" or a template), and a newline. -SHALE_INVALID "template
 * parsing error: …". */
int info_format(const json_t *doc, const char *format, bool printable, struct buf *out,
                struct shale_err *e);
