/* SPDX-License-Identifier: Apache-2.0 */
#include "view/build_cache.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "base/units.h"
#include "view/human.h"
#include "view/list.h"
#include "view/text.h"

#define SHORT_ID   25
#define SHORTER_ID 12 /* of system df */
#define SHORT_TEXT 60

struct row {
    const struct shale_build_record *v;
    bool whole;
    size_t short_id;
    int64_t now_ns;
};

enum {
    COL_CREATED_SINCE,
    COL_DESCRIPTION,
    COL_ID,
    COL_LAST_USED,
    COL_SHARED,
    COL_SIZE,
    COL_TYPE,
    COL_USAGE
};
static const struct list_col cols[] = {
    [COL_CREATED_SINCE] = {"CreatedSince", "CREATED"},
    [COL_DESCRIPTION] = {"Description", "DESCRIPTION"},
    [COL_ID] = {"ID", "CACHE ID"},
    [COL_LAST_USED] = {"LastUsedSince", "LAST USED"},
    [COL_SHARED] = {"Shared", "SHARED"},
    [COL_SIZE] = {"Size", "SIZE"},
    [COL_TYPE] = {"Type", "CACHE TYPE"},
    [COL_USAGE] = {"UsageCount", "USAGE"},
};

static void put_since(struct buf *b, const struct row *r, int64_t then)
{
    char text[64];

    if (then != SHALE_TIME_NONE)
        buf_addf(b, "%s ago", time_human_duration(r->now_ns - then, text));
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct row *r = row;
    char text[32];
    size_t from = b->n;

    switch (col) {
    case COL_CREATED_SINCE:
        put_since(b, r, r->v->created_ns);
        break;
    case COL_DESCRIPTION:
        buf_adds(b, r->v->description);
        if (!r->whole)
            text_shorten(b, from, SHORT_TEXT);
        break;
    case COL_ID:
        buf_add(b, r->v->id, r->whole ? strlen(r->v->id) : strnlen(r->v->id, r->short_id));
        break;
    case COL_LAST_USED:
        put_since(b, r, r->v->used_ns);
        break;
    case COL_SHARED:
        buf_adds(b, r->v->shared ? "true" : "false");
        break;
    case COL_SIZE:
        buf_adds(b, units_human(r->v->size_bytes, 4, text));
        break;
    case COL_TYPE:
        buf_adds(b, r->v->type);
        break;
    default:
        buf_addf(b, "%llu", (unsigned long long)r->v->n_uses);
        break;
    }
}

static const struct list_view view = {
    .type_name = "*formatter.buildCacheContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

static int put_rows(struct list *l, const struct shale_build_cache *c, struct row row,
                    struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < c->n_items; i++) {
        row.v = &c->items[i];
        r = list_row(l, &row, e);
    }
    return r;
}

int build_cache_rows(const struct shale_build_cache *c, const char *format, int64_t now_ns,
                     struct buf *out, struct shale_err *e)
{
    static const unsigned char shown[] = {COL_ID,        COL_TYPE,  COL_SIZE,  COL_CREATED_SINCE,
                                          COL_LAST_USED, COL_USAGE, COL_SHARED};
    struct list_spec spec = {.format = format, .cols = shown, .n_cols = ARRAY_SIZE(shown)};
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &view, &spec, e);

    if (r == 0)
        r = put_rows(&l, c, (struct row){.short_id = SHORTER_ID, .now_ns = now_ns}, e);
    return r < 0 ? r : list_end(&l, out, e);
}

int build_cache_print(const struct shale_build_cache *c, const char *format, bool whole,
                      bool printable, struct buf *out, struct shale_err *e)
{
    static const unsigned char all[] = {COL_ID,        COL_TYPE,  COL_SIZE,   COL_CREATED_SINCE,
                                        COL_LAST_USED, COL_USAGE, COL_SHARED, COL_DESCRIPTION};
    struct list_spec spec = {
        .format = streq(format, "table") ? NULL : format,
        .cols = all,
        .n_cols = ARRAY_SIZE(all),
        .printable = printable,
    };
    _cleanup_(list_clear) struct list l;
    char size[32];
    int r = list_begin(&l, &view, &spec, e);

    if (r == 0)
        r = put_rows(&l, c, (struct row){NULL, whole || format, SHORT_ID, time_now_ns()}, e);
    if (r == 0)
        r = list_end(&l, out, e);
    if (r == 0 && !format) {
        buf_addf(out, "Shared:\t\t%s\n",
                 units_human(c->size_bytes - c->reclaimable_bytes, 4, size));
        buf_addf(out, "Reclaimable:\t%s\n", units_human(c->reclaimable_bytes, 4, size));
        buf_addf(out, "Total:\t\t%s\n", units_human(c->size_bytes, 4, size));
    }
    return r < 0 ? r : buf_check(out, e);
}

static void put_text(struct buf *out, const char *text)
{
    for (struct str rest = str_of(text), line; str_split(&rest, '\n', &line);) {
        text_escape(out, line);
        buf_addc(out, '\n');
        if (rest.n == 0)
            break;
    }
}

void build_findings_print(const struct shale_build_findings *f, struct buf *out)
{
    for (size_t i = 0; i < f->n_items; i++) {
        const struct shale_build_finding *v = &f->items[i];
        buf_addf(out, "%sWARNING: %s%s%s\n", i ? "\n" : "", v->rule, v->url ? " - " : "",
                 v->url ? v->url : "");
        put_text(out, v->description);
        put_text(out, v->text);
        text_escape(out, str_of(f->file));
        buf_addf(out, ":%u\n--------------------\n", v->line);
        put_text(out, v->place);
        buf_adds(out, "--------------------\n");
    }
    if (f->n_items == 0)
        buf_adds(out, "Check complete, no warnings found.\n");
    else
        buf_addf(out, "\nCheck complete, %zu warning%s found!\n", f->n_items,
                 f->n_items == 1 ? " has been" : "s have been");
}
