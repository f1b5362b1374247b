/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Asking before something is removed, in docker's words. */
#include <stdbool.h>

/* Prints the warning and "Are you sure you want to continue? [y/N] ", reads a line. Anything but y
 * or Y, and the end of input, is no. */
bool confirm(const char *warning);
