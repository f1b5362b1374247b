/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/confirm.h"

#include <stdio.h>

#include "base/str.h"

bool confirm(const char *warning)
{
    char line[64];

    printf("%s\nAre you sure you want to continue? [y/N] ", warning);
    (void)fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return false;
    struct str answer = str_trim(str_of(line));
    return str_eq(answer, STR("y")) || str_eq(answer, STR("Y"));
}
