/* SPDX-License-Identifier: Apache-2.0 */
/* `history`: the config's steps, newest first, with the layers that they made. */
#include "base/str.h"
#include "base/time.h"
#include "image/image_priv.h"

struct steps {
    struct store *s;
    struct arena *a;
    const struct meta_image_layer *layers; /* base first */
    size_t n_layers, at;                   /* next layer without a step */
    struct shale_history_item *v;          /* oldest first while it is filled */
    size_t n;
};

static int put_layer(struct steps *t, struct shale_history_item *it, struct shale_err *e)
{
    const struct meta_image_layer *l = &t->layers[t->at++];
    struct meta_layer row;
    int r = meta_layer_get(store_meta(t->s), &l->diff_id, &row, e);

    if (r < 0)
        return r;
    it->size_bytes = row.content_bytes;
    it->diff_id = l->diff_id.s;
    it->layer_digest = l->blob.s;
    return 0;
}

static int put_step(struct steps *t, const struct config_history *h, struct shale_err *e)
{
    struct shale_history_item *it = &t->v[t->n++];

    *it = (struct shale_history_item){
        .id = "<missing>",
        .created_ns = h ? h->created_ns : TIME_NONE,
        .created_by = h && h->created_by ? h->created_by : "",
        .comment = h && h->comment ? h->comment : "",
        .layer_digest = "",
        .diff_id = "",
    };
    if (h && h->empty_layer)
        return 0;
    if (t->at >= t->n_layers)
        return err_set(e, SHALE_CORRUPT, "too many non-empty layers in History section");
    return put_layer(t, it, e);
}

static void reverse(struct steps *t)
{
    for (size_t i = 0; i < t->n / 2; i++) {
        struct shale_history_item x = t->v[i];
        t->v[i] = t->v[t->n - 1 - i];
        t->v[t->n - 1 - i] = x;
    }
}

/* The top one is the image itself. */
static int name_top(struct steps *t, const struct digest *id, struct shale_err *e)
{
    struct meta_name *names;
    const char **tags;
    size_t n, n_tags = 0;
    int r = meta_image_names(store_meta(t->s), id, t->a, &names, &n, e);

    if (r < 0 || t->n == 0)
        return r;
    tags = arena_array(t->a, n + 1, sizeof *tags);
    if (!tags)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        if (names[i].tag) {
            tags[n_tags] =
                arena_printf(t->a, "%s:%s", ref_familiar_repo(names[i].repo), names[i].tag);
            if (!tags[n_tags++])
                return err_nomem(e);
        }
    t->v[0].id = arena_strdup(t->a, id->s);
    t->v[0].tags = n_tags ? tags : NULL;
    return t->v[0].id ? 0 : err_nomem(e);
}

int image_history(struct image_host *h, const char *what, const char *platform, struct arena *a,
                  struct shale_history *ret, struct shale_err *e)
{
    struct steps t = {.s = h->store, .a = a};
    struct meta_image_layer *layers;
    struct image_found found;
    struct config cfg;
    int r = image_find_platform(h->store, what, platform, a, &found, e);

    if (r >= 0)
        r = store_config(h->store, &found.id, a, &cfg, e);
    if (r >= 0)
        r = meta_image_layers(store_meta(h->store), &found.id, a, &layers, &t.n_layers, e);
    if (r < 0)
        return r;
    t.layers = layers;
    t.v = arena_array(a, cfg.n_history + t.n_layers + 1, sizeof *t.v);
    if (!t.v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < cfg.n_history; i++)
        r = put_step(&t, &cfg.history[i], e);
    while (r >= 0 && t.at < t.n_layers) /* tools that write no history still made layers */
        r = put_step(&t, NULL, e);
    reverse(&t);
    if (r >= 0)
        r = name_top(&t, &found.id, e);
    if (r < 0)
        return r;
    *ret = (struct shale_history){t.v, t.n};
    return 0;
}
