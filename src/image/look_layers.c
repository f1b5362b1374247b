/* SPDX-License-Identifier: Apache-2.0 */
/* `history --layers`: the layers of an image beside the steps that made them, and what of each the
 * image still shows. */
#include "base/mem.h"
#include "base/str.h"
#include "image/image_priv.h"
#include "image/look.h"

#define CANCEL_EVERY 65536

struct uses {
    struct image_host *h;
    struct arena *a;
    const struct digest *self;
    struct shale_layer_use *v; /* base first while it is filled */
    size_t n;
};

/* What of the layer's files is seen: taken off what it brings. */
static int count_shown(struct look *l, struct shale_layer_use *v, struct cancel *c,
                       struct shale_err *e)
{
    struct tree *t = l->tree;
    struct tar_entry x;
    int r = 0;

    for (uint32_t k = 0; r >= 0 && k < t->n_inodes; k++) {
        const struct tree_inode *i = &t->inodes[k];
        if (k % CANCEL_EVERY == 0)
            r = cancel_check(c, e);
        if (r < 0 || i->number == 0 || i->type != TAR_REG)
            continue;
        r = tree_entry(t, k, &x, e);
        if (r >= 0) {
            v[i->layer].wasted_bytes -= x.size_bytes;
            v[i->layer].n_wasted--;
        }
    }
    return r;
}

static int count_brought(struct toc *toc, struct shale_layer_use *v, struct shale_err *e)
{
    struct tar_entry x;
    uint64_t pos = 0;
    int r;

    while ((r = toc_next(toc, &pos, &x, e)) == 1) {
        const char *slash = memrchr(x.path.p, '/', x.path.n);
        bool mark = str_has_prefix(slash ? slash + 1 : x.path.p, ".wh.");
        if (x.type != TAR_REG || mark)
            continue;
        v->wasted_bytes += x.size_bytes;
        v->n_wasted++;
    }
    return r;
}

static int count_wasted(struct uses *u, struct shale_err *e)
{
    struct look l = LOOK_INIT;
    int r = look_open(u->h->store, u->self, u->a, u->h->cancel, &l, e);

    for (size_t i = 0; r >= 0 && i < l.n_layers && i < u->n; i++)
        r = count_brought(l.tocs[i], &u->v[i], e);
    if (r >= 0)
        r = count_shown(&l, u->v, u->h->cancel, e);
    look_close(&l);
    return r;
}

static const char *name_of(struct uses *u, const struct digest *id, struct shale_err *e)
{
    struct meta_name *names;
    size_t n;

    if (meta_image_names(store_meta(u->h->store), id, u->a, &names, &n, e) < 0)
        return NULL;
    const char *text = arena_strdup(u->a, id->s);
    for (size_t i = 0; i < n; i++)
        if (names[i].tag) {
            text = arena_printf(u->a, "%s:%s", ref_familiar_repo(names[i].repo), names[i].tag);
            break;
        }
    if (!text)
        (void)err_nomem(e);
    return text;
}

static int sharers(struct uses *u, const struct digest *diff_id, struct shale_layer_use *x,
                   struct shale_err *e)
{
    struct meta_digests ids;
    const char **names;
    int r = meta_image_with_layer(store_meta(u->h->store), diff_id, u->a, &ids, e);

    if (r < 0)
        return r;
    names = arena_array(u->a, ids.n + 1, sizeof *names);
    if (!names)
        return err_nomem(e);
    for (size_t i = 0; i < ids.n; i++) {
        if (streq(ids.v[i].s, u->self->s))
            continue;
        names[x->n_images] = name_of(u, &ids.v[i], e);
        if (!names[x->n_images++])
            return e ? -e->code : -SHALE_NO_MEMORY;
    }
    x->images = names;
    return 0;
}

static int put_layer(struct uses *u, const struct meta_image_layer *l, struct shale_err *e)
{
    struct shale_layer_use *x = &u->v[u->n++];
    struct meta_layer_blob blob;
    struct meta_layer row;
    int r = meta_layer_get(store_meta(u->h->store), &l->diff_id, &row, e);

    if (r < 0)
        return r;
    *x = (struct shale_layer_use){
        .number = (uint32_t)u->n,
        .created_by = "",
        .diff_id = l->diff_id.s,
        .blob_digest = l->blob.s,
        .content_bytes = row.content_bytes,
        .tar_bytes = row.tar_bytes,
    };
    if (digest_is_set(&l->blob) &&
        meta_layer_blob_get(store_meta(u->h->store), &l->blob, &blob, NULL) >= 0)
        x->blob_bytes = blob.size_bytes;
    return sharers(u, &l->diff_id, x, e);
}

/* The steps that made layers, in order: image_history has checked that there are not too many. */
static void name_steps(struct uses *u, const struct shale_history *steps)
{
    size_t at = 0;

    for (size_t i = steps->n_items; i-- > 0 && at < u->n;)
        if (*steps->items[i].diff_id)
            u->v[at++].created_by = steps->items[i].created_by;
}

int image_layer_uses(struct image_host *h, const char *what, const char *platform, struct arena *a,
                     struct shale_layer_uses *ret, struct shale_err *e)
{
    struct uses u = {.h = h, .a = a};
    struct meta_image_layer *rows = NULL;
    struct shale_history steps = {0};
    struct image_found found;
    size_t n = 0;
    int r = image_find_platform(h->store, what, platform, a, &found, e);

    if (r >= 0)
        r = image_history(h, what, platform, a, &steps, e);
    if (r >= 0)
        r = meta_image_layers(store_meta(h->store), &found.id, a, &rows, &n, e);
    if (r < 0)
        return r;
    u.self = &found.id;
    u.v = arena_array(a, n + 1, sizeof *u.v);
    if (!u.v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = put_layer(&u, &rows[i], e);
    if (r >= 0)
        r = count_wasted(&u, e);
    if (r < 0)
        return r;
    name_steps(&u, &steps);
    for (size_t i = 0; i < n / 2; i++) {
        struct shale_layer_use x = u.v[i];
        u.v[i] = u.v[n - 1 - i];
        u.v[n - 1 - i] = x;
    }
    *ret = (struct shale_layer_uses){u.v, n};
    return 0;
}
