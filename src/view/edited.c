/* SPDX-License-Identifier: Apache-2.0 */
#include "view/edited.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "view/list.h"

enum { COL_DIGEST, COL_ID, COL_LAYERS, COL_NAME };
static const struct list_col cols[] = {
    [COL_DIGEST] = {"Digest", "DIGEST"},
    [COL_ID] = {"ID", "IMAGE ID"},
    [COL_LAYERS] = {"Layers", "LAYERS"},
    [COL_NAME] = {"Name", "NAME"},
};

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct shale_edited *i = row;

    switch (col) {
    case COL_DIGEST:
        buf_adds(b, i->manifest);
        break;
    case COL_ID:
        buf_adds(b, i->id);
        break;
    case COL_LAYERS:
        buf_addf(b, "%zu", i->n_layers);
        break;
    default:
        buf_adds(b, i->name);
    }
}

static const struct list_view view = {
    .type_name = "*formatter.editedContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

static int print_row(const struct shale_edited *i, const struct list_spec *spec, struct buf *out,
                     struct shale_err *e)
{
    _cleanup_(list_clear) struct list list;
    int r = list_begin(&list, &view, spec, e);

    if (r == 0)
        r = list_row(&list, i, e);
    return r < 0 ? r : list_end(&list, out, e);
}

int edited_print(const struct shale_edited *i, const char *format, bool printable, struct buf *out,
                 struct shale_err *e)
{
    static const unsigned char all[] = {COL_NAME, COL_ID, COL_LAYERS, COL_DIGEST};
    struct list_spec spec = {
        .format = format && !streq(format, "table") ? format : NULL,
        .cols = all,
        .n_cols = ARRAY_SIZE(all),
        .printable = printable,
    };

    if (format && *format)
        return print_row(i, &spec, out, e);
    buf_addf(out, "%s\n", i->id);
    return buf_check(out, e);
}
