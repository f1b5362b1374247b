/* SPDX-License-Identifier: Apache-2.0 */
#include "view/found.h"

#include <inttypes.h>
#include <shale/image.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "view/human.h"

struct row {
    const struct found *x;
    const struct shale_found_inside *f;
};

enum {
    COL_ARCH,
    COL_FOUND,
    COL_ID,
    COL_IMAGE,
    COL_LAYER,
    COL_LAYER_DIGEST,
    COL_PACKAGE,
    COL_PATH,
    COL_SIZE,
    COL_VERSION,
};
static const struct list_col cols[] = {
    [COL_ARCH] = {"Arch", "ARCH"},          [COL_FOUND] = {"Found", "FOUND", LIST_HIDDEN},
    [COL_ID] = {"ID", "IMAGE ID"},          [COL_IMAGE] = {"Image", "IMAGE"},
    [COL_LAYER] = {"Layer", "LAYER"},       [COL_LAYER_DIGEST] = {"LayerDigest", "LAYER DIGEST"},
    [COL_PACKAGE] = {"Package", "PACKAGE"}, [COL_PATH] = {"Path", "PATH"},
    [COL_SIZE] = {"Size", "SIZE"},          [COL_VERSION] = {"Version", "VERSION"},
};

static void put_names(const struct shale_image *i, struct buf *b)
{
    for (size_t k = 0; k < i->n_names; k++) {
        const struct shale_image_name *n = &i->names[k];
        buf_addf(b, "%s%s%s%s", k ? "," : "", n->repo, n->tag ? ":" : "@",
                 n->tag ? n->tag : n->digest);
    }
    if (i->n_names == 0)
        buf_adds(b, "<none>");
}

static void put_id(const struct row *r, struct buf *b)
{
    const char *id = r->f->image->id, *colon = strchr(id, ':');

    if (r->x->no_trunc || !colon)
        buf_adds(b, id);
    else
        buf_addf(b, "%.12s", colon + 1);
}

static void put_found(const struct shale_found_inside *f, struct buf *b)
{
    if (*f->package)
        buf_addf(b, "%s %s", f->package, f->version);
    else
        buf_addf(b, "/%s", f->path);
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct row *r = row;
    const struct shale_found_inside *f = r->f;

    switch (col) {
    case COL_ARCH:
        buf_adds(b, f->arch);
        break;
    case COL_FOUND:
        put_found(f, b);
        break;
    case COL_ID:
        put_id(r, b);
        break;
    case COL_IMAGE:
        put_names(f->image, b);
        break;
    case COL_LAYER:
        if (f->layer_number)
            buf_addf(b, "%" PRIu32, f->layer_number);
        else
            buf_adds(b, "-");
        break;
    case COL_LAYER_DIGEST:
        buf_adds(b, f->layer);
        break;
    case COL_PACKAGE:
        buf_adds(b, f->package);
        break;
    case COL_PATH:
        buf_addf(b, "/%s", f->path);
        break;
    case COL_SIZE:
        buf_addf(b, "%" PRIu64, f->size_bytes);
        break;
    case COL_VERSION:
        buf_adds(b, f->version);
        break;
    }
}

static const struct list_view view = {
    .type_name = "*formatter.FoundContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

int found_begin(struct found *x, const char *format, bool quiet, bool no_trunc, bool printable,
                struct shale_err *e)
{
    static const unsigned char all[] = {COL_IMAGE, COL_ID, COL_LAYER, COL_FOUND};
    static const unsigned char id[] = {COL_ID};
    struct list_spec spec = {
        .format = !quiet && format && *format && !streq(format, "table") ? format : NULL,
        .cols = quiet ? id : all,
        .n_cols = quiet ? ARRAY_SIZE(id) : ARRAY_SIZE(all),
        .quiet = quiet,
        .printable = printable,
    };

    *x = (struct found){.quiet = quiet, .no_trunc = no_trunc, .e = SHALE_ERR_INIT};
    return list_begin(&x->l, &view, &spec, e);
}

int found_add(void *found, const struct shale_found_inside *f)
{
    struct found *x = found;
    struct row row = {x, f};

    if (x->quiet && x->last == f->image)
        return 0;
    x->last = f->image;
    return list_row(&x->l, &row, &x->e);
}
