/* SPDX-License-Identifier: Apache-2.0 */
#include "view/tree.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "view/human.h"
#include "view/text.h"

#define SPACING     3
#define MIN_WIDTH   20 /* a terminal that is narrower is not obeyed */
#define MIN_NAME    12 /* columns are left out before the names get narrower than this */
#define UNTAGGED    "<untagged>"
#define ATTESTATION "attestation"
#define NORMAL      "\033[39m"
#define FAINT       "\033[39m\033[2m"
#define HEADER      "\033[39m\033[1m"
#define NAME        "\033[34m\033[1m"
#define YELLOW      "\033[93m"
#define CHIP        "\033[38;5;0m\033[48;5;14m U \033[0m"
#define PLAIN       "\033[0m"
#define MAX_CELL    (64u << 10)
#define WARNING                                                                                    \
    "WARNING: This is an experimental feature. The output may change and shouldn't be depended "   \
    "on."

enum { COL_ID, COL_DISK, COL_CONTENT, COL_EXTRA, N_COLS };
static const struct {
    const char *title;
    size_t width;
    bool right;
} cols[N_COLS] = {
    [COL_ID] = {"ID", 12, false},
    [COL_DISK] = {"DISK USAGE", 10, true},
    [COL_CONTENT] = {"CONTENT SIZE", 12, true},
    [COL_EXTRA] = {"EXTRA", 5, false},
};

struct tree {
    struct buf *out;
    bool color, all;
    size_t width, name_width, n_cols;
};
struct columns {
    const char *name, *id;
    uint64_t disk_bytes, content_bytes;
    bool in_use;
    const char *name_color, *color;
};

static void pad(struct buf *b, size_t used, size_t width)
{
    for (; used < width; used++)
        buf_addc(b, ' ');
}

/* One cell, shortened to its width. */
static void add_cell(const struct tree *t, const char *text, size_t width, bool right,
                     const char *color)
{
    struct buf b = BUF_INIT(MAX_CELL);
    text_escape(&b, str_of(text));
    text_shorten(&b, 0, (unsigned)width);
    size_t used = text_width(str_of(buf_str(&b)));
    if (right)
        pad(t->out, used, width);
    buf_addf(t->out, "%s%s%s", t->color ? color : "", buf_str(&b), t->color ? PLAIN : "");
    if (!right)
        pad(t->out, used, width);
    buf_clear(&b);
}

static void add_column(const struct tree *t, unsigned i, const char *text, const char *color)
{
    pad(t->out, 0, SPACING);
    if (*text)
        add_cell(t, text, cols[i].width, cols[i].right, color);
    else
        pad(t->out, 0, cols[i].width);
}

static void add_row(const struct tree *t, const struct columns *c)
{
    char disk[32], content[32];
    struct buf id = BUF_INIT(64);
    human_short_id(&id, c->id);
    const char *const texts[] = {
        [COL_ID] = buf_str(&id),
        [COL_DISK] = units_human(c->disk_bytes, 3, disk),
        [COL_CONTENT] = units_human(c->content_bytes, 3, content),
    };
    add_cell(t, c->name, t->name_width, false, c->name_color);
    for (unsigned i = 0; i < COL_EXTRA && i < t->n_cols; i++)
        add_column(t, i, texts[i], c->color);
    if (t->n_cols > COL_EXTRA && c->in_use && t->color)
        buf_addf(t->out, "%*s%s  ", SPACING, "", CHIP);
    else if (t->n_cols > COL_EXTRA)
        add_column(t, COL_EXTRA, c->in_use ? "U" : "", "");
    buf_addc(t->out, '\n');
    buf_clear(&id);
}

/* The warning, the legend at the right edge, an empty line, the titles. */
static void add_title(const struct tree *t)
{
    static const char legend[] =
        "\033[1m\033[106m\033[30mi" PLAIN " \033[96mInfo → " PLAIN " " CHIP " In Use ";
    static const char plain_legend[] = "Info ->  U In Use ";
    static const size_t legend_width = 21;
    struct buf *b = t->out;
    buf_addf(b, "%s" WARNING "%s\n", t->color ? YELLOW : "", t->color ? PLAIN : "");
    pad(b, t->color ? legend_width : sizeof plain_legend - 1, t->width);
    buf_addf(b, "%s\n\n", t->color ? legend : plain_legend);
    add_cell(t, "IMAGE", t->name_width, false, HEADER);
    for (unsigned i = 0; i < t->n_cols; i++)
        add_column(t, i, cols[i].title, HEADER);
    buf_addc(b, '\n');
}

/* As many columns as leave room for names, then names as narrow as they are. */
static void lay_out(struct tree *t, size_t widest)
{
    size_t left = t->width;
    while (t->n_cols < N_COLS && left >= cols[t->n_cols].width + SPACING + MIN_NAME)
        left -= cols[t->n_cols++].width + SPACING;
    t->name_width = widest < left ? widest : left;
}

/* ---- names ---- */

static size_t name_length(const struct shale_image_name *n)
{
    return strlen(n->repo) + (n->tag ? strlen(n->tag) + 1 : 0);
}

/* Longest first, then by name. */
static int by_length(const void *a, const void *b)
{
    const struct shale_image_name *x = a, *y = b;
    size_t nx = name_length(x), ny = name_length(y);
    if (nx != ny)
        return nx > ny ? -1 : 1;
    int r = strcmp(x->repo, y->repo);
    return r ? r : strcmp(x->tag, y->tag);
}

/* The tags of an image in the order of show; *ret_n of them, freed by the caller. */
static struct shale_image_name *tags_of(const struct shale_image *i, size_t *ret_n)
{
    struct shale_image_name *v = calloc(i->n_names + 1, sizeof *v);
    size_t n = 0;
    for (size_t k = 0; v && k < i->n_names; k++)
        if (i->names[k].tag)
            v[n++] = i->names[k];
    if (v)
        qsort(v, n, sizeof *v, by_length);
    *ret_n = n;
    return v;
}

static bool is_untagged(const struct shale_image *i)
{
    for (size_t k = 0; k < i->n_names; k++)
        if (i->names[k].tag)
            return false;
    return true;
}

/* Of images that came from one index each line would be the same: the one with a tag stands for all
 * of them, else the first. */
static bool stands_elsewhere(const struct tree_image *v, size_t n, size_t i)
{
    if (!v[i].platforms || !*v[i].image->target || !is_untagged(v[i].image))
        return false;
    for (size_t k = 0; k < n; k++)
        if (k != i && v[k].platforms && streq(v[k].image->target, v[i].image->target) &&
            (k < i || !is_untagged(v[k].image)))
            return true;
    return false;
}

static bool is_shown(const struct tree_image *v, size_t n, size_t i, const struct tree_opts *o)
{
    return (v[i].image->n_names > 0 || o->all) && !stands_elsewhere(v, n, i);
}

static size_t widest(const struct tree_image *v, size_t n, const struct tree_opts *o)
{
    size_t width = sizeof "IMAGE" - 1;
    for (size_t i = 0; i < n; i++) {
        const struct shale_image *im = v[i].image;
        if (!is_shown(v, n, i, o))
            continue;
        if (is_untagged(im) && sizeof UNTAGGED - 1 > width)
            width = sizeof UNTAGGED - 1;
        for (size_t k = 0; k < im->n_names; k++)
            if (im->names[k].tag && name_length(&im->names[k]) > width)
                width = name_length(&im->names[k]);
        for (size_t k = 0; v[i].platforms && k < v[i].platforms->n_items; k++) {
            const struct shale_platform_entry *p = &v[i].platforms->items[k];
            if (p->attestation && !o->all)
                continue;
            size_t w = p->attestation ? sizeof ATTESTATION + 2 : strlen(p->platform) + 3;
            width = w > width ? w : width;
        }
    }
    return width;
}

/* ---- one image ---- */

/* All names, the last one with what belongs to the image. */
static int add_names(const struct tree *t, const struct tree_image *v, const struct columns *sizes,
                     struct shale_err *e)
{
    size_t n;
    _cleanup_free_ struct shale_image_name *tags = tags_of(v->image, &n);
    if (!tags)
        return err_nomem(e);
    struct buf name = BUF_INIT(MAX_CELL);
    struct columns c = *sizes;
    for (size_t k = 0; k < n; k++) {
        buf_reset(&name);
        buf_addf(&name, "%s:%s", tags[k].repo, tags[k].tag);
        if (k + 1 == n)
            break;
        size_t width = text_width(str_of(buf_str(&name)));
        add_cell(t, buf_str(&name), width < t->width ? width : t->width, false, NAME);
        buf_addc(t->out, '\n');
    }
    c.name = n ? buf_str(&name) : UNTAGGED;
    c.name_color = n ? NAME : FAINT;
    add_row(t, &c);
    buf_clear(&name);
    return 0;
}

/* Images, and with `all` what is said of them. */
static void add_platforms(const struct tree *t, const struct shale_platform_list *l, bool all)
{
    char name[200];
    size_t last = 0;
    for (size_t k = 0; k < l->n_items; k++)
        last = l->items[k].attestation && !all ? last : k;
    for (size_t k = 0; k < l->n_items; k++) {
        const struct shale_platform_entry *p = &l->items[k];
        if (p->attestation && !all)
            continue;
        snprintf(name, sizeof name, "%s %s", k == last ? "└─" : "├─",
                 p->attestation ? ATTESTATION : p->platform);
        const char *color = p->available ? NORMAL : FAINT;
        struct columns c = {name,
                            p->digest,
                            p->content_bytes + p->size_bytes,
                            p->content_bytes,
                            p->n_containers > 0,
                            color,
                            color};
        add_row(t, &c);
    }
}

static int add_image(const struct tree *t, const struct tree_image *v, struct shale_err *e)
{
    struct columns c = {
        .id = v->platforms && *v->image->target ? v->image->target : v->image->id,
        .disk_bytes = v->image->size_bytes,
        .in_use = v->image->n_containers > 0,
        .color = NORMAL,
    };
    if (v->platforms)
        c.disk_bytes = 0;
    for (size_t k = 0; v->platforms && k < v->platforms->n_items; k++) {
        const struct shale_platform_entry *p = &v->platforms->items[k];
        c.content_bytes += p->content_bytes;
        c.disk_bytes += p->content_bytes + p->size_bytes;
        c.in_use |= p->n_containers > 0;
    }
    int r = add_names(t, v, &c, e);
    if (r == 0 && v->platforms)
        add_platforms(t, v->platforms, t->all);
    return r;
}

int tree_print(const struct tree_image *v, size_t n, const struct tree_opts *o, struct buf *out,
               struct shale_err *e)
{
    const char *plain = getenv("NO_COLOR"); /* no-color.org: set, and not empty */
    struct tree t = {
        .out = out,
        .color = o->terminal && !(plain && *plain),
        .all = o->all,
        .width = o->columns > MIN_WIDTH ? o->columns : MIN_WIDTH,
    };
    lay_out(&t, widest(v, n, o));
    add_title(&t);
    for (size_t i = 0; i < n; i++) {
        if (!is_shown(v, n, i, o))
            continue;
        int r = add_image(&t, &v[i], e);
        if (r < 0)
            return r;
        buf_addc(out, '\n');
    }
    return buf_check(out, e);
}
