/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `info` and `version` for people. */
#include <jansson.h>
#include <shale/shale.h>

#include "base/buf.h"
#include "view/doc.h"

void info_print(const struct shale_info *i, struct buf *out);
void version_print(const struct doc_version *v, struct buf *out);

struct info_opts {
    const char *format;    /* "json" or a template */
    const char *type_name; /* Go's, for messages: "system.dockerInfo" */
    bool printable;        /* control characters in data are taken out */
};
/* A document through --format, and a newline. -SHALE_INVALID: *ret_bad tells that the template
 * itself is wrong, "template parsing error: …"; else that the document has not what it asks for. */
int info_format(const json_t *doc, const struct info_opts *i, struct buf *out, bool *ret_bad,
                struct shale_err *e);
