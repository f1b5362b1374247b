/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names of containers and volumes. Thread-safe. */
#include <stdbool.h>

#include "base/err.h"

#define NAME_MAX_BYTES 255

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+ of at most NAME_MAX_BYTES. */
bool name_is_valid(const char *name);
/* INVALID "Invalid container name (x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed". */
int name_check(const char *name, struct shale_err *e);
/* "adjective_surname", with a digit behind when `attempt` is not 0 (the plain one was taken). */
int name_make(int attempt, char ret[64], struct shale_err *e);
