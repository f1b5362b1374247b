/* SPDX-License-Identifier: Apache-2.0 */
#include "view/differences.h"

#include "base/cleanup.h"
#include "base/str.h"

enum { COL_CHANGE, COL_PATH, COL_WHAT };
static const struct list_col cols[] = {
    [COL_CHANGE] = {"Change", "CHANGE"},
    [COL_PATH] = {"Path", "PATH"},
    [COL_WHAT] = {"What", "WHAT"},
};

static void put(const void *row, unsigned col, struct buf *b)
{
    static const char *const kinds[] = {"added", "removed", "changed"};
    static const char *const whats[] = {"type",  "content", "mode",  "owner",
                                        "xattr", "link",    "device"};
    const struct shale_difference *x = row;
    bool first = true;

    switch (col) {
    case COL_CHANGE:
        buf_adds(b, kinds[x->kind]);
        break;
    case COL_PATH:
        buf_addf(b, "/%s", x->path);
        break;
    case COL_WHAT:
        for (size_t i = 0; i < ARRAY_SIZE(whats); i++)
            if (x->what >> i & 1) {
                buf_addf(b, "%s%s", first ? "" : ",", whats[i]);
                first = false;
            }
        break;
    }
}

static const struct list_view view = {
    .type_name = "*formatter.DifferenceContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

int differences_begin(struct differences *d, const char *format, bool printable,
                      struct shale_err *e)
{
    static const unsigned char all[] = {COL_CHANGE, COL_PATH, COL_WHAT};
    struct list_spec spec = {
        .format = format && *format && !streq(format, "table") ? format : NULL,
        .cols = all,
        .n_cols = ARRAY_SIZE(all),
        .printable = printable,
    };

    *d = (struct differences){.e = SHALE_ERR_INIT};
    return list_begin(&d->l, &view, &spec, e);
}

int differences_add(void *differences, const struct shale_difference *x)
{
    struct differences *d = differences;

    return list_row(&d->l, x, &d->e);
}
