/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "view/human.h"
#include "view/list.h"
#include "view/search.h"

struct row {
    const struct shale_found_image *x;
    const struct search_opts *o;
};

enum {
    COL_CREATED_AT,
    COL_CREATED_SINCE,
    COL_DIGEST,
    COL_FOUND,
    COL_NAME,
    COL_PLATFORM,
    COL_SIZE,
    COL_TAGS
};
static const struct list_col cols[] = {
    [COL_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [COL_CREATED_SINCE] = {"CreatedSince", "CREATED"},
    [COL_DIGEST] = {"Digest", "DIGEST"},
    [COL_FOUND] = {"Found", "FOUND"},
    [COL_NAME] = {"Name", "NAME"},
    [COL_PLATFORM] = {"Platform", "PLATFORM"},
    [COL_SIZE] = {"Size", "SIZE"},
    [COL_TAGS] = {"Tags", "TAGS"},
};

#define SHOWN 3 /* tags and matches of an image, unless all are asked for */

static void put_match(struct buf *b, const struct shale_match *m)
{
    if (m->kind == SHALE_MATCH_PACKAGE)
        buf_addf(b, "%s %s", m->name, m->version);
    else
        buf_adds(b, m->path);
}

static void put_found(const struct row *x, struct buf *b)
{
    size_t n = x->x->n_matches, shown = x->o->no_trunc || n <= SHOWN ? n : SHOWN;

    for (size_t i = 0; i < shown; i++) {
        buf_adds(b, i ? ", " : "");
        put_match(b, &x->x->matches[i]);
    }
    if (shown < n)
        buf_adds(b, ", …");
}

static void put_tags(const struct row *x, struct buf *b)
{
    size_t n = x->x->n_tags, shown = x->o->no_trunc || n <= SHOWN ? n : SHOWN;

    for (size_t i = 0; i < shown; i++)
        buf_addf(b, "%s%s", i ? "," : "", x->x->tags[i]);
    buf_adds(b, n == 0 ? "<none>" : shown < n ? ",…" : "");
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct row *x = row;
    int64_t created = x->x->created_ns ? x->x->created_ns : TIME_NONE;

    switch (col) {
    case COL_CREATED_AT:
        human_time(b, created);
        break;
    case COL_CREATED_SINCE:
        human_ago(b, created, x->o->now_ns);
        break;
    case COL_DIGEST:
        if (x->o->no_trunc)
            buf_adds(b, x->x->digest);
        else
            human_short_id(b, x->x->digest);
        break;
    case COL_FOUND:
        put_found(x, b);
        break;
    case COL_NAME:
        buf_adds(b, x->x->name);
        break;
    case COL_PLATFORM:
        if (*x->x->os || *x->x->arch)
            buf_addf(b, "%s/%s%s%s", x->x->os, x->x->arch, *x->x->variant ? "/" : "",
                     x->x->variant);
        break;
    case COL_SIZE:
        human_size(b, x->x->size_bytes);
        break;
    case COL_TAGS:
        put_tags(x, b);
        break;
    }
}

static const struct list_view view = {
    .type_name = "*formatter.FoundContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

int search_print_images(const struct shale_found_list *l, const struct search_opts *o,
                        struct buf *out, struct shale_err *e)
{
    static const unsigned char all[] = {COL_NAME,          COL_TAGS, COL_DIGEST, COL_PLATFORM,
                                        COL_CREATED_SINCE, COL_SIZE, COL_FOUND};
    struct list_spec spec = {
        .format = o->format && *o->format && !streq(o->format, "table") ? o->format : NULL,
        .cols = all,
        .n_cols = ARRAY_SIZE(all),
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
