/* SPDX-License-Identifier: Apache-2.0 */
#include "view/tag_history.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "view/human.h"
#include "view/list.h"

struct row {
    const struct shale_tag_history *l;
    size_t i;
    const struct tag_history_opts *o;
};

enum { COL_ENTRY, COL_HOW, COL_IMAGE, COL_MOVED, COL_PRESENT };
static const struct list_col cols[] = {
    [COL_ENTRY] = {"Entry", "ENTRY"},       [COL_HOW] = {"How", "BY"},
    [COL_IMAGE] = {"Image", "IMAGE ID"},    [COL_MOVED] = {"Moved", "MOVED"},
    [COL_PRESENT] = {"Present", "PRESENT"},
};

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct row *x = row;
    const struct shale_tag_move *t = &x->l->items[x->i];
    switch (col) {
    case COL_ENTRY:
        buf_addf(b, "%s@{%zu}", x->l->name, x->i);
        break;
    case COL_HOW:
        buf_adds(b, t->how);
        break;
    case COL_IMAGE:
        if (!*t->image)
            buf_adds(b, "<none>");
        else if (x->o->no_trunc)
            buf_adds(b, t->image);
        else
            human_short_id(b, t->image);
        break;
    case COL_MOVED:
        human_ago(b, t->when_ns, x->o->now_ns);
        break;
    default:
        buf_adds(b, t->present ? "yes" : "no");
    }
}

static const struct list_view view = {
    .type_name = "*formatter.tagHistoryContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

int tag_history_print(const struct shale_tag_history *l, const struct tag_history_opts *o,
                      struct buf *out, struct shale_err *e)
{
    static const unsigned char all[] = {COL_ENTRY, COL_IMAGE, COL_MOVED, COL_HOW, COL_PRESENT};
    struct list_spec spec = {
        .format = o->format && !streq(o->format, "table") ? o->format : NULL,
        .cols = all,
        .n_cols = ARRAY_SIZE(all),
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list list;
    int r = list_begin(&list, &view, &spec, e);
    for (size_t i = 0; r == 0 && i < l->n_items; i++) {
        struct row row = {l, i, o};
        r = list_row(&list, &row, e);
    }
    return r < 0 ? r : list_end(&list, out, e);
}
