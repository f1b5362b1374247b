/* SPDX-License-Identifier: Apache-2.0 */
#include "view/differences.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "view/text.h"

#define SHOWN_WIDTH 40 /* of a value in the table */

enum { COL_ARCH, COL_CHANGE, COL_DETAIL, COL_FROM, COL_NAME, COL_PART, COL_PATH, COL_TO, COL_WHAT };
static const struct list_col cols[] = {
    [COL_ARCH] = {"Arch", "ARCH"},
    [COL_CHANGE] = {"Change", "CHANGE"},
    [COL_DETAIL] = {"Detail", "DETAIL", LIST_HIDDEN},
    [COL_FROM] = {"From", "FROM"},
    [COL_NAME] = {"Name", "NAME"},
    [COL_PART] = {"Part", "PART"},
    [COL_PATH] = {"Path", "PATH"},
    [COL_TO] = {"To", "TO"},
    [COL_WHAT] = {"What", "WHAT"},
};

struct row {
    const struct shale_difference *x;
    bool no_trunc;
};

static void put_what(const struct shale_difference *x, struct buf *b)
{
    static const char *const whats[] = {"type",  "content", "mode",  "owner",
                                        "xattr", "link",    "device"};
    bool first = true;

    for (size_t i = 0; i < ARRAY_SIZE(whats); i++)
        if (x->what >> i & 1) {
            buf_addf(b, "%s%s", first ? "" : ",", whats[i]);
            first = false;
        }
}

static void put_value(const struct row *r, const char *value, struct buf *b)
{
    size_t from = b->n;

    buf_adds(b, value);
    if (!r->no_trunc)
        text_shorten(b, from, SHOWN_WIDTH);
}

/* The one column of the table for what is different. */
static void put_detail(const struct row *r, struct buf *b)
{
    const struct shale_difference *x = r->x;

    if (x->part == SHALE_PART_FILES)
        put_what(x, b);
    if (*x->from || x->kind == SHALE_DIFF_REMOVED)
        put_value(r, x->from, b);
    if (x->kind == SHALE_DIFF_CHANGED && x->part != SHALE_PART_FILES)
        buf_adds(b, *x->from ? " -> " : "-> ");
    put_value(r, x->to, b);
}

static const char *part_name(enum shale_image_part part)
{
    switch (part) {
    case SHALE_PART_CONFIG:
        return "config";
    case SHALE_PART_HISTORY:
        return "history";
    case SHALE_PART_PACKAGES:
        return "package";
    default:
        return "file";
    }
}

static void put(const void *row, unsigned col, struct buf *b)
{
    static const char *const kinds[] = {"added", "removed", "changed"};
    const struct row *r = row;
    const struct shale_difference *x = r->x;

    switch (col) {
    case COL_ARCH:
        buf_adds(b, x->arch);
        break;
    case COL_CHANGE:
        buf_adds(b, kinds[x->kind]);
        break;
    case COL_DETAIL:
        put_detail(r, b);
        break;
    case COL_FROM:
        buf_adds(b, x->from);
        break;
    case COL_NAME:
    case COL_PATH:
        if (x->part == SHALE_PART_FILES)
            buf_addf(b, "/%s", x->path);
        else if (col == COL_NAME)
            buf_adds(b, x->name);
        break;
    case COL_PART:
        buf_adds(b, part_name(x->part));
        break;
    case COL_TO:
        buf_adds(b, x->to);
        break;
    case COL_WHAT:
        put_what(x, b);
        break;
    }
}

static const struct list_view view = {
    .type_name = "*formatter.DifferenceContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

int differences_begin(struct differences *d, const char *format, bool no_trunc, bool printable,
                      struct shale_err *e)
{
    static const unsigned char all[] = {COL_PART, COL_CHANGE, COL_NAME, COL_DETAIL};
    struct list_spec spec = {
        .format = format && *format && !streq(format, "table") ? format : NULL,
        .cols = all,
        .n_cols = ARRAY_SIZE(all),
        .printable = printable,
    };

    *d = (struct differences){.no_trunc = no_trunc, .e = SHALE_ERR_INIT};
    return list_begin(&d->l, &view, &spec, e);
}

int differences_add(void *differences, const struct shale_difference *x)
{
    struct differences *d = differences;
    struct row row = {x, d->no_trunc};

    return list_row(&d->l, &row, &d->e);
}
