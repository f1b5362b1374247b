/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Signal names as docker takes them: "TERM", "SIGTERM", "term", "15", "RTMIN+3". Pure, thread-safe.
 */
#include "base/err.h"

/* The signal's number (1 to 64), or -SHALE_INVALID: "invalid signal: x". */
int signal_parse(const char *s, struct shale_err *e);
