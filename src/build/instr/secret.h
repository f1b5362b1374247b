/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What --secret gives to RUN. The lists are as of struct shale_build_opts. */
#include "base/arena.h"
#include "base/str.h"

#define SECRET_MAX_BYTES (500u << 10) /* BuildKit's limit */

/* 1: there is one of that name, read into the arena and ended by 0; 0: there is none. */
int secret_get(const char *const *list, const char *id, struct arena *a, struct str *ret,
               struct shale_err *e);
/* All of them make sense, and the files are there. */
int secret_check(const char *const *list, struct arena *a, struct shale_err *e);
