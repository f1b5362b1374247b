/* SPDX-License-Identifier: Apache-2.0 */
#include "view/transfers.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "view/human.h"
#include "view/list.h"

struct row {
    const struct shale_transfer *t;
    const struct transfers_opts *o;
};

enum { COL_CHANGED, COL_DIGEST, COL_DONE, COL_IMAGE, COL_RECEIVED, COL_SIZE, COL_STATE };
static const struct list_col cols[] = {
    [COL_CHANGED] = {"Changed", "CHANGED"},
    [COL_DIGEST] = {"Digest", "DIGEST"},
    [COL_DONE] = {"Done", "DONE"},
    [COL_IMAGE] = {"Image", "IMAGE"},
    [COL_RECEIVED] = {"Received", "RECEIVED"},
    [COL_SIZE] = {"Size", "SIZE"},
    [COL_STATE] = {"State", "STATE"},
};

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct row *x = row;
    const struct shale_transfer *t = x->t;
    switch (col) {
    case COL_CHANGED:
        human_ago(b, t->changed_ns, x->o->now_ns);
        break;
    case COL_DIGEST:
        if (x->o->no_trunc)
            buf_adds(b, t->digest);
        else
            human_short_id(b, t->digest);
        break;
    case COL_DONE:
        if (t->size_bytes)
            buf_addf(b, "%.0f%%", 100.0 * (double)t->have_bytes / (double)t->size_bytes);
        break;
    case COL_IMAGE:
        buf_adds(b, *t->ref ? t->ref : "<none>");
        break;
    case COL_RECEIVED:
        human_size(b, t->have_bytes);
        break;
    case COL_SIZE:
        if (t->size_bytes)
            human_size(b, t->size_bytes);
        else
            buf_adds(b, "N/A");
        break;
    default:
        buf_adds(b, t->active ? "active" : "interrupted");
    }
}

static const struct list_view view = {
    .type_name = "*formatter.transferContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

int transfers_print(const struct shale_transfer_list *l, const struct transfers_opts *o,
                    struct buf *out, struct shale_err *e)
{
    static const unsigned char all[] = {COL_DIGEST, COL_RECEIVED, COL_SIZE, COL_DONE,
                                        COL_STATE,  COL_CHANGED,  COL_IMAGE};
    static const unsigned char id[] = {COL_DIGEST};
    struct list_spec spec = {
        .format = o->format && !streq(o->format, "table") ? o->format : NULL,
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
