/* SPDX-License-Identifier: Apache-2.0 */
/* The little of HTTP that the service speaks. */
#pragma once
#include <stddef.h>

/* The path of a GET request, into `path`; -1 when it is something else or too long. */
int http_path(const char *request, char *path, size_t size);

/* An answer of text, whole, into `out`; its length, or -1 when it does not fit. */
int http_answer(char *out, size_t size, int status, const char *text);
