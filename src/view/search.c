/* SPDX-License-Identifier: Apache-2.0 */
#include "view/search.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "view/list.h"
#include "view/text.h"

#define DESCRIPTION_WIDTH 45

struct row {
    const struct shale_repository *x;
    const struct search_opts *o;
    bool json;
};

enum { COL_DESCRIPTION, COL_IS_OFFICIAL, COL_NAME, COL_STAR_COUNT };
static const struct list_col cols[] = {
    [COL_DESCRIPTION] = {"Description", "DESCRIPTION"},
    [COL_IS_OFFICIAL] = {"IsOfficial", "OFFICIAL"},
    [COL_NAME] = {"Name", "NAME"},
    [COL_STAR_COUNT] = {"StarCount", "STARS"},
};

static void put_description(const struct row *x, struct buf *b)
{
    size_t from = b->n;

    buf_adds(b, x->x->description);
    for (size_t i = from; i < b->n; i++)
        if (b->p[i] == '\n' || b->p[i] == '\r')
            b->p[i] = ' ';
    if (!x->o->no_trunc && b->n > from)
        text_shorten(b, from, DESCRIPTION_WIDTH);
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct row *x = row;

    switch (col) {
    case COL_DESCRIPTION:
        put_description(x, b);
        break;
    case COL_IS_OFFICIAL:
        if (x->json)
            buf_adds(b, x->x->official ? "true" : "false");
        else if (x->x->official)
            buf_adds(b, "[OK]");
        break;
    case COL_NAME:
        buf_adds(b, x->x->name);
        break;
    case COL_STAR_COUNT:
        buf_addf(b, "%" PRId64, x->x->stars);
        break;
    }
}

static const struct list_view view = {
    .type_name = "*formatter.SearchContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

/* Yes and no are words in JSON only. */
static bool is_json(const char *format)
{
    return format && (streq(format, "json") || strstr(format, "{{json .}}"));
}

int search_print(const struct shale_repository_list *l, const struct search_opts *o,
                 struct buf *out, struct shale_err *e)
{
    static const unsigned char all[] = {COL_NAME, COL_DESCRIPTION, COL_STAR_COUNT, COL_IS_OFFICIAL};
    struct list_spec spec = {
        .format = o->format && *o->format && !streq(o->format, "table") ? o->format : NULL,
        .cols = all,
        .n_cols = ARRAY_SIZE(all),
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list list;
    int r = list_begin(&list, &view, &spec, e);
    for (size_t i = 0; r == 0 && i < l->n_items; i++) {
        struct row row = {&l->items[i], o, is_json(o->format)};
        r = list_row(&list, &row, e);
    }
    return r < 0 ? r : list_end(&list, out, e);
}
