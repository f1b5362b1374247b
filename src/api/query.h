/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Parsers of what stands in a request's target, on their own: for dispatch.c, and for tests. */
#include "api/api.h"
#include "base/str.h"

/* "a=1&b=%20x": decoded, in their order; both in the arena. INVALID: cannot be decoded. LIMIT. */
int api_query_parse(struct str s, struct arena *a, struct shale_kv **ret, size_t *ret_n,
                    struct shale_err *e);
/* See api_query_filters. text may be NULL. */
int api_filters_parse(const char *text, struct arena *a, const char *const **ret,
                      struct shale_err *e);
/* {"os": …, "architecture": …, "variant": …} as text. */
int api_platform_of(struct api_req *q, const json_t *j, const char **ret, struct shale_err *e);
