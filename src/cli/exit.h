/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From error codes to exit statuses, and how errors look. */
#include <stdbool.h>

#include "base/err.h"

enum {
    EXIT_USAGE = 125,   /* a wrong option; or of `run`: shale itself failed */
    EXIT_NOEXEC = 126,  /* of `run`: the command is not executable */
    EXIT_NOCMD = 127,   /* of `run`: there is no such command */
    EXIT_TEMPLATE = 64, /* of `inspect`: --format does not parse */
};

/* code is an enum shale_errcode. `run`: as of `shale run`. */
int exit_status(int code, bool run);

/* "Error: <message>" on standard error, made harmless for a terminal. */
void exit_print_error(const struct shale_err *e);
