/* SPDX-License-Identifier: Apache-2.0 */
#include "view/tree.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "view/human.h"
#include "view/text.h"

#define SPACING      3
#define ID_WIDTH     12
#define NUMBER_WIDTH 12
#define FAINT        "\033[2m"
#define BOLD         "\033[1m"
#define PLAIN        "\033[0m"
#define UNTAGGED     "<untagged>"
#define WARNING                                                                                    \
    "WARNING: This is an experimental feature. The output may change and shouldn't be depended "   \
    "on.\n"

struct tree {
    struct buf *out;
    bool color;
    size_t name_width;
};
struct columns {
    const char *name, *id;
    uint64_t disk_bytes, content_bytes;
    bool in_use, faint;
};

static void pad(struct buf *b, size_t used, size_t width)
{
    for (; used < width; used++)
        buf_addc(b, ' ');
}

static void add_size(struct buf *b, uint64_t bytes, size_t width)
{
    char text[32];
    units_human(bytes, 3, text);
    pad(b, strlen(text), width);
    buf_adds(b, text);
}

static void add_row(const struct tree *t, const struct columns *c)
{
    struct buf *b = t->out;
    struct buf id = BUF_INIT(64);
    human_short_id(&id, c->id);
    if (t->color && c->faint)
        buf_adds(b, FAINT);
    text_escape(b, str_of(c->name));
    pad(b, text_width(str_of(c->name)), t->name_width + SPACING);
    buf_addf(b, "%-*s", ID_WIDTH + SPACING, buf_str(&id));
    add_size(b, c->disk_bytes, NUMBER_WIDTH - 2);
    pad(b, 0, SPACING);
    add_size(b, c->content_bytes, NUMBER_WIDTH);
    if (c->in_use)
        buf_adds(b, "    U");
    if (t->color && c->faint)
        buf_adds(b, PLAIN);
    buf_addc(b, '\n');
    buf_clear(&id);
}

static void add_title(const struct tree *t)
{
    struct buf *b = t->out;
    size_t width = t->name_width + SPACING + ID_WIDTH + SPACING + NUMBER_WIDTH - 2 + SPACING +
                   NUMBER_WIDTH + SPACING + 5;
    static const char legend[] = "i Info ->   U  In Use";
    pad(b, sizeof legend - 1, width);
    buf_addf(b, "%s\n", legend);
    if (t->color)
        buf_adds(b, BOLD);
    buf_adds(b, "IMAGE");
    pad(b, 5, t->name_width + SPACING);
    buf_addf(b, "%-*s", ID_WIDTH + SPACING, "ID");
    buf_addf(b, "%-*s%-*s%s", NUMBER_WIDTH - 2 + SPACING, "DISK USAGE", NUMBER_WIDTH + SPACING,
             "CONTENT SIZE", "EXTRA");
    if (t->color)
        buf_adds(b, PLAIN);
    buf_addc(b, '\n');
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

static bool is_shown(const struct shale_image *i, const struct tree_opts *o)
{
    for (size_t k = 0; k < i->n_names; k++)
        if (i->names[k].tag)
            return true;
    return o->all;
}

static size_t widest(const struct tree_image *v, size_t n, const struct tree_opts *o)
{
    size_t width = sizeof UNTAGGED - 1;
    for (size_t i = 0; i < n; i++) {
        const struct shale_image *im = v[i].image;
        for (size_t k = 0; is_shown(im, o) && k < im->n_names; k++)
            if (im->names[k].tag && name_length(&im->names[k]) > width)
                width = name_length(&im->names[k]);
        for (size_t k = 0; v[i].platforms && k < v[i].platforms->n_items; k++) {
            size_t w = strlen(v[i].platforms->items[k].platform) + 3;
            width = w > width ? w : width;
        }
    }
    return width;
}

/* ---- one image ---- */

static int add_names(const struct tree *t, const struct tree_image *v, const struct columns *sizes,
                     struct shale_err *e)
{
    size_t n;
    _cleanup_free_ struct shale_image_name *tags = tags_of(v->image, &n);
    if (!tags)
        return err_nomem(e);
    for (size_t k = 0; k + 1 < n; k++)
        buf_addf(t->out, "%s:%s\n", tags[k].repo, tags[k].tag);
    struct buf name = BUF_INIT(4096);
    if (n)
        buf_addf(&name, "%s:%s", tags[n - 1].repo, tags[n - 1].tag);
    else
        buf_adds(&name, UNTAGGED);
    struct columns c = *sizes;
    c.name = buf_str(&name);
    add_row(t, &c);
    buf_clear(&name);
    return 0;
}

static void add_platforms(const struct tree *t, const struct shale_platform_list *l)
{
    char name[200];
    size_t last = 0;
    for (size_t k = 0; k < l->n_items; k++)
        last = l->items[k].attestation ? last : k;
    for (size_t k = 0; k < l->n_items; k++) {
        const struct shale_platform_entry *p = &l->items[k];
        if (p->attestation)
            continue;
        snprintf(name, sizeof name, "%s %s", k == last ? "└─" : "├─", p->platform);
        struct columns c = {name,
                            p->digest,
                            p->content_bytes + p->size_bytes,
                            p->content_bytes,
                            p->n_containers > 0,
                            !p->available};
        add_row(t, &c);
    }
}

static int add_image(const struct tree *t, const struct tree_image *v, struct shale_err *e)
{
    struct columns c = {
        .id = v->platforms && *v->image->target ? v->image->target : v->image->id,
        .disk_bytes = v->image->size_bytes,
        .in_use = v->image->n_containers > 0,
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
        add_platforms(t, v->platforms);
    return r;
}

int tree_print(const struct tree_image *v, size_t n, const struct tree_opts *o, struct buf *out,
               struct shale_err *e)
{
    const char *plain = getenv("NO_COLOR"); /* no-color.org: set, and not empty */
    struct tree t = {out, o->terminal && !(plain && *plain), widest(v, n, o)};
    buf_adds(out, WARNING);
    add_title(&t);
    for (size_t i = 0; i < n; i++) {
        if (!is_shown(v[i].image, o))
            continue;
        int r = add_image(&t, &v[i], e);
        if (r < 0)
            return r;
    }
    return buf_check(out, e);
}
