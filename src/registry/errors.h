/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The errors of the distribution spec (spec.md, "Error Codes"), and which HTTP status they have:
 * one table. */
#include <stddef.h>

#include "base/buf.h"

enum reg_code {
    REG_BLOB_UNKNOWN,
    REG_BLOB_UPLOAD_INVALID,
    REG_BLOB_UPLOAD_UNKNOWN,
    REG_DIGEST_INVALID,
    REG_MANIFEST_BLOB_UNKNOWN,
    REG_MANIFEST_INVALID,
    REG_MANIFEST_TOO_LARGE, /* MANIFEST_INVALID with status 413 */
    REG_MANIFEST_UNKNOWN,
    REG_NAME_INVALID,
    REG_NAME_UNKNOWN,
    REG_PAGINATION_NUMBER_INVALID,
    REG_RANGE_INVALID,
    REG_SIZE_INVALID,
    REG_TAG_INVALID,
    REG_UNAUTHORIZED,
    REG_DENIED,
    REG_UNSUPPORTED,
    REG_TOO_MANY_REQUESTS,
    REG_UNAVAILABLE,
    REG_UPSTREAM,       /* UNAVAILABLE with status 502 */
    REG_NO_SPACE,       /* UNAVAILABLE with status 507 */
    REG_NOT_FOUND,      /* of a path that is none: UNSUPPORTED with status 404 */
    REG_MALFORMED,      /* of a query that is none: UNSUPPORTED with status 400 */
    REG_RECORD_INVALID, /* of a repository; not of the spec, as the next */
    REG_QUERY_INVALID,  /* of a search */
    REG_UNKNOWN,
    _REG_MAX
};

unsigned reg_status(enum reg_code code);
const char *reg_code_name(enum reg_code code);
const char *reg_code_message(enum reg_code code);

/* Appends {"code":…,"message":…,"detail":…} to b; detail may be NULL, and is text. */
void reg_error_json(struct buf *b, enum reg_code code, const char *detail);
/* The same with other words than the usual ones: clients show the message, hardly ever the detail.
 */
void reg_error_said_json(struct buf *b, enum reg_code code, const char *message);
/* A string as JSON, with its quotes. What is not UTF-8 is shown as \xNN text. */
void reg_json_string(struct buf *b, const char *s);
/* From an error of ours: NO_SPACE, UNAVAILABLE, UNSUPPORTED … or UNKNOWN. */
enum reg_code reg_code_of(int code);
