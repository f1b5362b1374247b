/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Copies what is in a directory, with owner, mode, times and extended attributes, never following a
 * link. */
#include "base/err.h"

#define COPYTREE_DEPTH_MAX 512

/* Entries of from_fd into to_fd (both directories); what is there already is an error. Hard links
 * become files of their own. The directory itself gets the mode and owner of the source. */
int copytree(int from_fd, int to_fd, struct shale_err *e);
