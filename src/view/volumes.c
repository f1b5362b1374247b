/* SPDX-License-Identifier: Apache-2.0 */
#include "view/volumes.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "view/doc.h"
#include "view/human.h"
#include "view/labels.h"
#include "view/list.h"

enum {
    COL_AVAILABILITY,
    COL_DRIVER,
    COL_GROUP,
    COL_LABELS,
    COL_LINKS,
    COL_MOUNTPOINT,
    COL_NAME,
    COL_SCOPE,
    COL_SIZE,
    COL_STATUS,
};
static const struct list_col cols[] = {
    [COL_AVAILABILITY] = {"Availability", "AVAILABILITY"},
    [COL_DRIVER] = {"Driver", "DRIVER"},
    [COL_GROUP] = {"Group", "GROUP"},
    [COL_LABELS] = {"Labels", "LABELS"},
    [COL_LINKS] = {"Links", "LINKS"},
    [COL_MOUNTPOINT] = {"Mountpoint", "MOUNTPOINT"},
    [COL_NAME] = {"Name", "VOLUME NAME"},
    [COL_SCOPE] = {"Scope", "SCOPE"},
    [COL_SIZE] = {"Size", "SIZE"},
    [COL_STATUS] = {"Status", "STATUS"},
};

static void label(const void *row, const char *key, struct buf *b)
{
    const struct shale_volume *v = row;
    labels_put_value(v->labels_json, key, b);
}

/* What docker only knows with `system df` is "N/A" there, too. */
static void put(const void *row, unsigned col, struct buf *b)
{
    const struct shale_volume *v = row;
    switch (col) {
    case COL_DRIVER:
    case COL_SCOPE:
        buf_adds(b, "local");
        break;
    case COL_LABELS:
        labels_put(v->labels_json, b);
        break;
    case COL_MOUNTPOINT:
        buf_adds(b, v->mountpoint);
        break;
    case COL_NAME:
        buf_adds(b, v->name);
        break;
    default:
        buf_adds(b, "N/A");
        break;
    }
}

static const struct list_view volumes_view = {
    .type_name = "*formatter.volumeContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
    .label = label,
};

int volumes_print(const struct shale_volume_list *volumes, const struct volumes_opts *o,
                  struct buf *out, struct shale_err *e)
{
    static const unsigned char both[] = {COL_DRIVER, COL_NAME}, name[] = {COL_NAME};
    const char *raw = o->quiet ? "name: {{.Name}}" : "name: {{.Name}}\ndriver: {{.Driver}}\n";
    struct list_spec spec = {
        .format = streq(o->format, "raw")     ? raw
                  : streq(o->format, "table") ? NULL
                                              : o->format,
        .cols = o->quiet ? name : both,
        .n_cols = o->quiet ? 1 : ARRAY_SIZE(both),
        .quiet = o->quiet,
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &volumes_view, &spec, e);
    for (size_t i = 0; r == 0 && i < volumes->n_items; i++)
        r = list_row(&l, &volumes->items[i], e);
    return r < 0 ? r : list_end(&l, out, e);
}

const struct tmpl_field doc_volume_fields[] = {
    {"Status", TMPL_ZERO_MAP}, {"Labels", TMPL_ZERO_MAP}, {"Options", TMPL_ZERO_MAP}, {NULL}};

int doc_volume(const struct shale_volume *v, json_t **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf created = BUF_INIT(64);
    struct doc d = doc_begin();
    human_rfc3339(&created, v->created_ns);
    doc_str(&d, "CreatedAt", buf_str(&created));
    doc_str(&d, "Driver", "local");
    doc_text(&d, "Labels", v->labels_json, json_null());
    doc_str(&d, "Mountpoint", v->mountpoint);
    doc_str(&d, "Name", v->name);
    doc_text(&d, "Options", v->options_json, json_null());
    doc_str(&d, "Scope", "local");
    return doc_end(&d, ret, e);
}
