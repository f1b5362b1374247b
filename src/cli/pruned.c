/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pruned.h"

#include "base/units.h"

void pruned_put(struct buf *b, const char *title, const char *const *names, size_t n)
{
    if (n)
        buf_addf(b, "%s\n", title);
    for (size_t i = 0; i < n; i++)
        buf_addf(b, "%s\n", names[i]);
    if (n)
        buf_addc(b, '\n');
}

void pruned_put_images(struct buf *b, const char *title, const struct shale_rmi_result *res)
{
    if (res->n_items)
        buf_addf(b, "%s\n", title);
    for (size_t i = 0; i < res->n_items; i++)
        buf_addf(b, "%s: %s\n", res->items[i].kind == SHALE_UNTAGGED ? "untagged" : "deleted",
                 res->items[i].what);
    if (res->n_items)
        buf_addc(b, '\n');
}

void pruned_put_total(struct buf *b, uint64_t bytes)
{
    char size[32];

    buf_addf(b, "Total reclaimed space: %s\n", units_human(bytes, 4, size));
}
