/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Finds out whether a runtime works by running a process with it. */
#include "container/runtime.h"

/* Sets rt->level and the verdict (one line). Only trouble of our own is an error. */
int runtime_try(struct runtime *rt, struct arena *a, char *verdict, size_t n_verdict,
                struct shale_err *e);
