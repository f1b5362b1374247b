/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "view/human.h"
#include "view/images.h"
#include "view/list.h"
#include "view/text.h"

#define CREATED_BY_WIDTH 45
#define EPOCH_NS         (946684800ll * NS_PER_S) /* 2000-01-01: images of before have no real date */
#define MAX_TEXT         (16u << 20)

struct history_row {
    const struct shale_history_item *item;
    const struct history_opts *o;
};

enum { COL_COMMENT, COL_CREATED_AT, COL_CREATED_BY, COL_CREATED_SINCE, COL_ID, COL_SIZE };
static const struct list_col cols[] = {
    [COL_COMMENT] = {"Comment", "COMMENT"},
    [COL_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [COL_CREATED_BY] = {"CreatedBy", "CREATED BY"},
    [COL_CREATED_SINCE] = {"CreatedSince", "CREATED"},
    [COL_ID] = {"ID", "IMAGE"},
    [COL_SIZE] = {"Size", "SIZE"},
};

static void put_created_by(const struct history_row *x, struct buf *b)
{
    size_t from = b->n;
    buf_adds(b, x->item->created_by);
    for (size_t i = from; i < b->n; i++)
        b->p[i] = b->p[i] == '\t' ? ' ' : b->p[i];
    if (!x->o->no_trunc && b->n > from)
        text_shorten(b, from, CREATED_BY_WIDTH);
}

static void put_created(const struct history_row *x, struct buf *b, bool since)
{
    if (x->item->created_ns == TIME_NONE || x->item->created_ns <= EPOCH_NS)
        buf_adds(b, "N/A");
    else if (since && x->o->human)
        human_ago(b, x->item->created_ns, x->o->now_ns);
    else
        human_rfc3339(b, x->item->created_ns);
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct history_row *x = row;
    switch (col) {
    case COL_COMMENT:
        buf_adds(b, x->item->comment);
        break;
    case COL_CREATED_AT:
    case COL_CREATED_SINCE:
        put_created(x, b, col == COL_CREATED_SINCE);
        break;
    case COL_CREATED_BY:
        put_created_by(x, b);
        break;
    case COL_ID:
        if (x->o->no_trunc)
            buf_adds(b, x->item->id);
        else
            human_short_id(b, x->item->id);
        break;
    case COL_SIZE:
        if (x->o->human)
            human_size(b, x->item->size_bytes);
        else
            buf_addf(b, "%llu", (unsigned long long)x->item->size_bytes);
        break;
    }
}

static const struct list_view history_view = {
    .type_name = "*image.historyContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

int history_print(const struct shale_history *h, const struct history_opts *o, struct buf *out,
                  struct shale_err *e)
{
    static const unsigned char human[] = {COL_ID, COL_CREATED_SINCE, COL_CREATED_BY, COL_SIZE,
                                          COL_COMMENT};
    static const unsigned char exact[] = {COL_ID, COL_CREATED_AT, COL_CREATED_BY, COL_SIZE,
                                          COL_COMMENT};
    static const unsigned char id[] = {COL_ID};
    struct list_spec spec = {
        .format = o->format && *o->format && !streq(o->format, "table") ? o->format : NULL,
        .cols = o->quiet   ? id
                : o->human ? human
                           : exact,
        .n_cols = o->quiet ? 1 : ARRAY_SIZE(human),
        .quiet = o->quiet,
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &history_view, &spec, e);
    for (size_t i = 0; r == 0 && i < h->n_items; i++) {
        struct history_row row = {&h->items[i], o};
        r = list_row(&l, &row, e);
    }
    return r < 0 ? r : list_end(&l, out, e);
}
