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
#include "cli/cli.h"

int cli_confirm(struct cli *c, const char *warning, const char *what)
    char answer[64];
    int r = cli_printf(c, "%s\nAre you sure you want to continue? [y/N] ", warning);

    if (r < 0)
        return r;
    fflush(stdout);
    if (!fgets(answer, sizeof answer, stdin))
        *answer = 0;
    struct str s = str_trim(str_of(answer));
    if (s.n == 1 && (*s.p == 'y' || *s.p == 'Y'))
        return 0;
    return err_set(&c->e, SHALE_INVALID, "%s has been cancelled", what);
}
