/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Ranges of bytes and entity tags, as a server reads them (RFC 9110, sections 13 and 14). */
#include <stdbool.h>
#include <stdint.h>

enum http_range {
    HTTP_RANGE_NONE,  /* no range, one that is to be ignored, or several: the whole is sent */
    HTTP_RANGE_PART,  /* 206: *first to *last, both included */
    HTTP_RANGE_WRONG, /* 416: nothing of it lies within */
};
/* `value` of a Range field (may be NULL) against `size` bytes: "bytes=a-", "bytes=a-b",
 * "bytes=-n". */
enum http_range http_range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *last);

/* The Content-Range of an upload in pieces: "a-b" (distribution-spec), also with "bytes " before
 * and "/total" or "/" "*" behind. false: malformed. */
bool http_upload_range_parse(const char *value, uint64_t *first, uint64_t *last);

/* Does an If-None-Match field (may be NULL) hold this tag (given with its quotes), or "*"? Weak
 * tags compare as strong ones. */
bool http_etag_matches(const char *value, const char *etag);
