/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files that a build writes at its end: whether they can be written is looked at before it begins.
 */
#include "cli/cli.h"

/* A file. NULL: none is asked for. `option` is shown. NOT_FOUND, DENIED, INVALID. */
int build_file_check(struct cli *c, const char *option, const char *path);
/* A folder, which is made when it is not there. */
int build_folder_check(struct cli *c, const char *option, const char *path);
