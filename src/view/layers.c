/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "view/human.h"
#include "view/images.h"
#include "view/list.h"
#include "view/text.h"

#define CREATED_BY_WIDTH 45

struct row {
    const struct shale_layer_use *x;
    const struct history_opts *o;
};

enum {
    COL_BLOB,
    COL_COMPRESSED,
    COL_CREATED_BY,
    COL_DIFF_ID,
    COL_IMAGES,
    COL_LAYER,
    COL_SIZE,
    COL_TAR_SIZE,
    COL_WASTED,
    COL_WASTED_FILES,
};
static const struct list_col cols[] = {
    [COL_BLOB] = {"Blob", "BLOB"},
    [COL_COMPRESSED] = {"Compressed", "COMPRESSED"},
    [COL_CREATED_BY] = {"CreatedBy", "CREATED BY"},
    [COL_DIFF_ID] = {"DiffID", "DIFF ID"},
    [COL_IMAGES] = {"Images", "SHARED WITH"},
    [COL_LAYER] = {"Layer", "LAYER"},
    [COL_SIZE] = {"Size", "SIZE"},
    [COL_TAR_SIZE] = {"TarSize", "TAR SIZE"},
    [COL_WASTED] = {"Wasted", "WASTED"},
    [COL_WASTED_FILES] = {"WastedFiles", "WASTED FILES"},
};

static void put_bytes(const struct row *x, struct buf *b, uint64_t n)
{
    if (x->o->human)
        human_size(b, n);
    else
        buf_addf(b, "%" PRIu64, n);
}

static void put_digest(const struct row *x, struct buf *b, const char *d)
{
    if (x->o->no_trunc)
        buf_adds(b, d);
    else
        human_short_id(b, d);
}

static void put_images(const struct row *x, struct buf *b)
{
    for (size_t i = 0; i < x->x->n_images; i++) {
        buf_adds(b, i ? "," : "");
        if (str_has_prefix(x->x->images[i], "sha256:"))
            put_digest(x, b, x->x->images[i]);
        else
            buf_adds(b, x->x->images[i]);
    }
}

static void put_created_by(const struct row *x, struct buf *b)
{
    size_t from = b->n;

    buf_adds(b, x->x->created_by);
    for (size_t i = from; i < b->n; i++)
        b->p[i] = b->p[i] == '\t' ? ' ' : b->p[i];
    if (!x->o->no_trunc && b->n > from)
        text_shorten(b, from, CREATED_BY_WIDTH);
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct row *x = row;

    switch (col) {
    case COL_BLOB:
    case COL_DIFF_ID:
        put_digest(x, b, col == COL_BLOB ? x->x->blob_digest : x->x->diff_id);
        break;
    case COL_COMPRESSED:
        put_bytes(x, b, x->x->blob_bytes);
        break;
    case COL_CREATED_BY:
        put_created_by(x, b);
        break;
    case COL_IMAGES:
        put_images(x, b);
        break;
    case COL_LAYER:
        buf_addf(b, "%" PRIu32, x->x->number);
        break;
    case COL_SIZE:
        put_bytes(x, b, x->x->content_bytes);
        break;
    case COL_TAR_SIZE:
        put_bytes(x, b, x->x->tar_bytes);
        break;
    case COL_WASTED:
        put_bytes(x, b, x->x->wasted_bytes);
        break;
    case COL_WASTED_FILES:
        buf_addf(b, "%" PRIu64, x->x->n_wasted);
        break;
    }
}

static const struct list_view view = {
    .type_name = "*formatter.LayerContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

int layers_print(const struct shale_layer_uses *l, const struct history_opts *o, struct buf *out,
                 struct shale_err *e)
{
    static const unsigned char all[] = {COL_LAYER,      COL_DIFF_ID, COL_BLOB,   COL_CREATED_BY,
                                        COL_COMPRESSED, COL_SIZE,    COL_WASTED, COL_IMAGES};
    static const unsigned char id[] = {COL_DIFF_ID};
    struct list_spec spec = {
        .format = o->format && *o->format && !streq(o->format, "table") ? o->format : NULL,
        .cols = o->quiet ? id : all,
        .n_cols = o->quiet ? 1 : ARRAY_SIZE(all),
        .quiet = o->quiet,
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list list;
    int r = list_begin(&list, &view, &spec, e);
    for (size_t i = 0; r == 0 && i < l->n_items; i++) {
        struct row row = {&l->items[i], o};
        r = list_row(&list, &row, e);
    }
    return r < 0 ? r : list_end(&list, out, e);
}
