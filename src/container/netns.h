/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Network namespaces that outlive the process that makes them: mounted onto a file. */
#include "base/err.h"

/* A new one, with its loopback device up, at `path` (a file that is made). */
int netns_make(const char *path, struct shale_err *e);
/* Undoes netns_make; harmless where there is none. */
void netns_drop(const char *path);
