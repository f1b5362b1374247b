/* SPDX-License-Identifier: Apache-2.0 */
/* `squash`: several layers of an image as one. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/edit.h"
#include "image/image_priv.h"
#include "image/look_pack.h"
#include "store/layer_new.h"

struct squash {
    struct image_host *h;
    struct image_draft *d;
    const char *what;
    const struct shale_squash_opts *o;
    size_t n_kept;   /* layers that stay, from the base on */
    size_t n_merged; /* those above them */
    bool empty;      /* these come to nothing */
};

/* ---- which layers ---- */

static int above_image(struct squash *q, struct shale_err *e)
{
    struct image_draft *d = q->d;
    struct meta_image_layer *layers;
    struct image_found found;
    struct meta_image row;
    size_t n;
    int r = meta_image_get(store_meta(d->store), &d->id, d->a, &row, e);

    if (r < 0)
        return r;
    struct platform plat = image_platform(&row);
    const char *want = *row.os ? platform_format(&plat, d->a) : "";
    if (!want)
        return err_nomem(e);
    r = image_find_platform(d->store, q->o->from, want, d->a, &found, e);
    if (r >= 0)
        r = meta_image_layers(store_meta(d->store), &found.id, d->a, &layers, &n, e);
    if (r < 0)
        return r;
    size_t other = image_draft_off_base(d, layers, n);
    if (other)
        return err_set(e, SHALE_INVALID, "%s is not built on %s: layer %zu of %zu is another one",
                       q->what, q->o->from, other, n);
    q->n_kept = n;
    return 0;
}

static int choose(struct squash *q, struct shale_err *e)
{
    const char *from = q->o->from;
    uint64_t n = 1;
    int r = 0;

    if (from && str_to_u64(from, &n)) {
        if (n < 1 || n > q->d->n_layers)
            return err_set(e, SHALE_INVALID,
                           "%s has no layer %s: it has %zu, see shale history "
                           "--layers",
                           q->what, from, q->d->n_layers);
        q->n_kept = (size_t)n - 1;
    } else if (from) {
        r = *from ? above_image(q, e)
                  : err_set(e, SHALE_INVALID, "--from names no layer and no image");
    }
    if (r < 0)
        return r;
    q->n_merged = q->d->n_layers - q->n_kept;
    if (q->n_merged < 2)
        return err_set(e, SHALE_INVALID, "there is nothing to squash: %s has %zu layer%s%s%s",
                       q->what, q->n_merged, q->n_merged == 1 ? "" : "s",
                       !from   ? ""
                       : n > 1 ? " from there on"
                               : " above ",
                       from && n == 1 ? from : "");
    return 0;
}

/* ---- the layer ---- */

static int into_layer(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return layer_new_write(arg, p, n, e);
}

static int pack(struct look *l, struct look *base, struct layer_new *to, struct cancel *c,
                uint64_t *ret_members, struct shale_err *e)
{
    struct look_pack *p = NULL;
    int r = look_pack_new(l, into_layer, to, c, &p, e);

    if (r >= 0)
        r = look_pack_changes(p, base, e);
    if (r >= 0)
        r = look_pack_end(p, ret_members, e);
    look_pack_free(p);
    return r;
}

int image_squash_layers(struct store *s, struct store_lease *lease,
                        const struct meta_image_layer *v, size_t n, size_t n_kept, struct cancel *c,
                        struct arena *a, struct meta_image_layer *ret, struct shale_err *e)
{
    struct look l = LOOK_INIT, base = LOOK_INIT;
    struct layer_new *to = NULL;
    uint64_t n_members = 0;
    int r = look_open_layers(s, v, n, a, c, &l, e);

    if (r >= 0)
        r = look_open_layers(s, v, n_kept, a, c, &base, e);
    if (r >= 0)
        r = layer_new_begin(s, lease, c, &to, e);
    if (r >= 0)
        r = pack(&l, &base, to, c, &n_members, e);
    if (r >= 0 && n_members)
        r = layer_new_finish(to, ret, e);
    layer_new_close(to);
    look_close(&base);
    look_close(&l);
    return r < 0 ? r : n_members > 0;
}

static int merge(struct squash *q, struct shale_err *e)
{
    struct image_draft *d = q->d;
    struct meta_image_layer *layers = arena_array(d->a, q->n_kept + 1, sizeof *layers);

    if (!layers)
        return err_nomem(e);
    for (size_t i = 0; i < q->n_kept; i++)
        layers[i] = d->layers[i];
    int r = image_squash_layers(d->store, d->lease, d->layers, d->n_layers, q->n_kept, q->h->cancel,
                                d->a, &layers[q->n_kept], e);
    if (r < 0)
        return r;
    q->empty = r == 0;
    d->layers = layers;
    d->n_layers = q->n_kept + !q->empty;
    return 0;
}

/* ---- history ---- */

/* Entries of layers that are kept stay as they are, those of the others have none any more. */
static int mark_merged(json_t *history, size_t n_kept, struct shale_err *e)
{
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(history); i++) {
        json_t *item = json_array_get(history, i);
        if (!json_is_object(item) || json_is_true(json_object_get(item, "empty_layer")))
            continue;
        if (n++ >= n_kept && json_object_set_new(item, "empty_layer", json_true()) < 0)
            return err_nomem(e);
    }
    return 0;
}

static int add_entry(json_t *doc, size_t n_merged, bool empty, const char *message,
                     struct shale_err *e)
{
    const json_t *created = json_object_get(doc, "created");
    json_t *item = json_pack("{s:s}", "created_by", "squash");
    int bad = !item;

    if (json_is_string(created))
        bad |= json_object_set(item, "created", (json_t *)created);
    if (empty)
        bad |= json_object_set_new(item, "empty_layer", json_true());
    bad |= json_array_append(json_object_get(doc, "history"), item);
    int no_text = json_object_set_new(
        item, "comment",
        message && *message ? json_string(message) : json_sprintf("%zu layers in one", n_merged));
    json_decref(item);
    if (bad)
        return err_nomem(e);
    return no_text ? err_set(e, SHALE_INVALID, "the message is not valid UTF-8") : 0;
}

int image_squash_history(json_t *doc, size_t n_before, size_t n_kept, bool empty,
                         const char *message, struct shale_err *e)
{
    json_t *history = json_object_get(doc, "history");
    int r;

    if (json_array_size(history) == 0) /* none before, none now */
        return 0;
    if (image_history_layers(history, 0) == n_before) {
        r = mark_merged(history, n_kept, e);
    } else { /* it did not fit the layers, as that of no tool does */
        json_array_clear(history);
        r = image_history_unknown(history, n_kept, e);
    }
    return r < 0 ? r : add_entry(doc, n_before - n_kept, empty, message, e);
}

int image_squash(struct image_host *h, const char *what, const struct shale_squash_opts *o,
                 struct arena *a, struct shale_edited *ret, struct shale_err *e)
{
    struct image_draft d;
    struct squash q = {.h = h, .d = &d, .what = what, .o = o};
    int r = image_draft_open(&d, h, what, o->platform, o->name, a, e);

    d.keeps_created = true;
    if (r >= 0)
        r = choose(&q, e);
    size_t n_before = d.n_layers;
    if (r >= 0)
        r = merge(&q, e);
    if (r >= 0)
        r = image_squash_history(d.doc, n_before, q.n_kept, q.empty, o->message, e);
    if (r >= 0)
        r = image_draft_finish(&d, "squash", ret, e);
    image_draft_close(&d);
    return r < 0 ? r : 0;
}
