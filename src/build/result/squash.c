/* SPDX-License-Identifier: Apache-2.0 */
/* --squash: the layers above the base image as one. */
#include "base/str.h"
#include "build/build_priv.h"
#include "image/edit.h"

static int make(struct build *b, struct state *s, struct cached *ret, struct shale_err *e)
{
    *ret = (struct cached){.created_ns = time_now_ns()};
    int r = image_squash_layers(b->store, b->lease, s->layers, s->n_layers, s->n_base, b->cancel,
                                b->a, &ret->layer, e);

    if (r == 0)
        ret->layer = (struct meta_image_layer){.diff_id = {""}};
    return r < 0 ? r : 0;
}

int build_squash(struct build *b, struct shale_err *e)
{
    struct state *s = &b->target->state, below = {.chain = {""}};
    size_t n = s->n_layers, n_kept = s->n_base;
    struct cached c;
    struct key key;
    char hex[65];
    int found = 0, r = 0;

    if (!b->o->squash || n - n_kept < 2)
        return 0;
    for (size_t i = 0; r >= 0 && i < n_kept; i++)
        r = state_add_layer(&below, &s->layers[i], b->a, e);
    if (r < 0)
        return r;
    key_begin(&key, "squash", s, b->target);
    key_add(&key, "onto", below.chain.s);
    r = key_end(&key, hex, e);
    if (r >= 0 && !b->target->no_cache)
        r = found = record_get(b, hex, b->a, &c, e);
    if (r >= 0 && !found) {
        r = make(b, s, &c, e);
        if (r >= 0)
            r = record_put(b, hex, "squash", &c, e);
    }
    bool empty = r < 0 || !digest_is_set(&c.layer.diff_id);
    if (r >= 0 && !empty)
        r = state_add_layer(&below, &c.layer, b->a, e);
    if (r < 0)
        return r;
    s->layers = below.layers;
    s->n_layers = s->cap_layers = below.n_layers;
    s->chain = below.chain;
    return image_squash_history(s->doc, n, n_kept, empty, NULL, e);
}
