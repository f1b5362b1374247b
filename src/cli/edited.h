/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How edit, rebase and squash end: the image that they have made is printed, and released. */
#include <shale/edit.h>

#include "cli/cli.h"

/* `r` is what making it returned; NULL was not made. */
int edited_end(struct cli *c, int r, struct shale_edited *made, const char *format);
