/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Forced into every file by the build. Calls that are unsafe, or that belong behind base/sys.h, do
 * not compile outside of the one file that may use them (which defines SHALE_SYS_C first).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#pragma GCC poison strcpy strcat strncpy strncat strtok gmtime localtime ctime asctime atoi atol
#pragma GCC poison mktemp tmpnam system popen gets vsprintf
