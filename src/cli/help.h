/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Help, as docker prints it, from the command tables. */
#include "base/buf.h"
#include "cli/cmd.h"

#define HELP_MAX (1u << 20)

/* `shale --help` */
void help_top(struct buf *b);
/* `shale image ls --help`; path is "shale image ls". */
void help_command(const char *path, const struct cmd *cmd, struct buf *b);
/* "shale image ls [OPTIONS] [REPOSITORY[:TAG]]" */
void help_usage(const char *path, const struct cmd *cmd, struct buf *b);
/* All full names of a command, comma separated. */
void help_names(const struct cmd *cmd, struct buf *b);
