/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What other registries do not have: answered from here for a while, so that many who ask for it
 * cost them one question. A fixed number of entries, which push each other out. Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define MISSING_ENTRIES 8192 /* power of two */

struct missing;

int missing_new(struct missing **ret, struct shale_err *e);
struct missing *missing_free(struct missing *m); /* NULL in, NULL out */
/* `kind`: a letter for what `ref` is. */
void missing_add(struct missing *m, char kind, const char *repo, const char *ref, int64_t for_ns);
bool missing_has(struct missing *m, char kind, const char *repo, const char *ref);
