/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/exit.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "view/text.h"

/* The one table. Codes that are not in it are plain failures. */
static const struct status {
    int code, plain, run;
} table[] = {
    {SHALE_OK, 0, 0},
    {SHALE_NOT_FOUND, 1, EXIT_NOCMD},
    {SHALE_DENIED, 1, EXIT_NOEXEC},
    {SHALE_CANCELED, 130, 130},
};

int exit_status(int code, bool run)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].code == code)
            return run ? table[i].run : table[i].plain;
    return run ? EXIT_USAGE : 1;
}

void exit_print_error(const struct shale_err *e)
{
    struct buf b = BUF_INIT(64 << 10);
    text_escape(&b, str_of(e->msg));
    fprintf(stderr, "Error: %s\n", buf_str(&b));
    buf_clear(&b);
}
