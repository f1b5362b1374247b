/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bodies of JSON, for dispatch.c and tests. */
#include "api/api.h"

/* Reads and parses it; *ret is NULL when there is none (then INVALID with `must`). */
int api_body_json(struct api_req *q, bool must, json_t **ret, struct shale_err *e);
/* An object, or null: *ret is NULL then. */
int api_json_parse(const void *p, size_t n, json_t **ret, struct shale_err *e);
