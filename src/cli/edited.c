/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/edited.h"

#include "base/cleanup.h"
#include "view/edited.h"

int edited_end(struct cli *c, int r, struct shale_edited *made, const char *format)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);

    if (r < 0 || !made)
        return r;
    r = edited_print(made, format, cli_is_terminal(), &out, &c->e);
    if (r >= 0)
        r = cli_print(c, &out);
    shale_free(made);
    return r;
}
