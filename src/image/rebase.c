/* SPDX-License-Identifier: Apache-2.0 */
/* `rebase`: what an image has above its base, on another base. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/edit.h"
#include "image/image_priv.h"
#include "model/limits.h"

#define MAX_MOVES 1000 /* of the new base's tag, that are looked at for the old base */

struct under { /* an image that another one stands on */
    struct digest id;
    json_t *doc; /* owned */
    struct meta_image_layer *layers;
    size_t n;
};

/* ---- the old base ---- */

/* Keeps in *best the one with most layers of those that the image stands on. */
static int try_base(const struct image_draft *d, const struct under *onto, const struct digest *id,
                    struct under *best, struct shale_err *e)
{
    struct under u = {.id = *id};
    struct meta_image row;

    if (!digest_is_set(id) || digest_eq(id, &d->id) || digest_eq(id, &onto->id))
        return 0;
    int r = meta_image_get(store_meta(d->store), id, d->a, &row, NULL);
    if (r < 0) /* removed since */
        return r == -SHALE_NOT_FOUND ? 0 : err_set(e, -r, "%s cannot be looked up", id->s);
    r = meta_image_layers(store_meta(d->store), id, d->a, &u.layers, &u.n, e);
    if (r >= 0 && u.n > best->n && image_draft_off_base(d, u.layers, u.n) == 0)
        *best = u;
    return r;
}

static int guess_base(const struct image_draft *d, const struct under *onto, const struct ref *name,
                      struct under *best, struct shale_err *e)
{
    struct meta *m = store_meta(d->store);
    struct meta_tag_log *moves;
    struct meta_tag tag;
    struct strv tags;
    size_t n = 0;
    int r = meta_repo_tags(m, name->repo, d->a, &tags, e);

    for (size_t i = 0; r >= 0 && i < tags.n; i++) {
        r = meta_tag_get(m, name->repo, tags.v[i], d->a, &tag, NULL);
        if (r >= 0)
            r = try_base(d, onto, &tag.image, best, e);
        else if (r == -SHALE_NOT_FOUND)
            r = 0;
        else
            r = err_set(e, -r, "the tags of %s cannot be read", name->familiar);
    }
    if (r >= 0 && name->tag)
        r = meta_tag_moves(m, name->repo, name->tag, MAX_MOVES, d->a, &moves, &n, e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = try_base(d, onto, &moves[i].old_image, best, e);
    return r;
}

static int find_base(struct image_draft *d, const char *what, const struct shale_rebase_opts *o,
                     const struct under *onto, const struct ref *onto_name, struct under *ret,
                     struct shale_err *e)
{
    struct image_found found;
    int r;

    if (o->from) {
        r = image_find_platform(d->store, o->from, o->platform, d->a, &found, e);
        ret->id = found.id;
    } else if (image_draft_off_base(d, onto->layers, onto->n) == 0) {
        return err_set(e, SHALE_CONFLICT, "%s stands on %s already", what, o->onto);
    } else {
        r = onto_name ? guess_base(d, onto, onto_name, ret, e) : 0;
        if (r >= 0 && ret->n == 0)
            return err_set(e, SHALE_INVALID,
                           "no other image of the repository of %s is the base of %s: name its old "
                           "base with --from",
                           o->onto, what);
    }
    if (r >= 0)
        r = image_draft_read(d, &ret->id, &ret->doc, &ret->layers, &ret->n, e);
    if (r < 0)
        return r;
    if (digest_eq(&ret->id, &onto->id))
        return err_set(e, SHALE_INVALID, "--from and --onto are the same image");
    size_t other = image_draft_off_base(d, ret->layers, ret->n);
    if (other)
        return err_set(e, SHALE_INVALID, "%s is not built on %s: layer %zu of %zu is another one",
                       what, o->from ? o->from : ret->id.s, other, ret->n);
    return 0;
}

/* ---- history ---- */

/* Where the image's own history begins: behind the old base's, or behind the entry of its last
 * layer. */
static size_t own_history(const json_t *history, const json_t *old, size_t n_old)
{
    size_t i = 0, n = json_array_size(old);

    while (i < n && json_equal(json_array_get(history, i), json_array_get(old, i)))
        i++;
    if (i == n && image_history_layers(old, 0) == n_old)
        return n;
    for (i = 0; i < json_array_size(history) && n_old > 0; i++)
        n_old -= !json_is_true(json_object_get(json_array_get(history, i), "empty_layer"));
    return i;
}

/* Entries from `from` on; where they do not fit the layers, as many that say so. */
static int add_history(json_t *to, const json_t *history, size_t from, size_t n_layers,
                       struct shale_err *e)
{
    int bad = 0;

    if (image_history_layers(history, from) != n_layers)
        return image_history_unknown(to, n_layers, e);
    for (size_t i = from; i < json_array_size(history); i++)
        bad |= json_array_append(to, json_array_get(history, i));
    return bad ? err_nomem(e) : 0;
}

static int put_history(struct image_draft *d, const struct under *old, const struct under *onto,
                       struct shale_err *e)
{
    const json_t *ours = json_object_get(d->doc, "history");
    const json_t *base = json_object_get(onto->doc, "history");
    _cleanup_json_ json_t *history = json_array();
    size_t from = own_history(ours, json_object_get(old->doc, "history"), old->n);
    int r = history ? add_history(history, base, 0, onto->n, e) : err_nomem(e);

    if (r >= 0)
        r = add_history(history, ours, from, d->n_layers - old->n, e);
    if (r < 0)
        return r;
    if (json_array_size(ours) == 0 && json_array_size(base) == 0) /* none before, none now */
        return 0;
    return json_object_set(d->doc, "history", history) < 0 ? err_nomem(e) : 0;
}

/* ---- all of it ---- */

static int put_layers(struct image_draft *d, const struct under *old, const struct under *onto,
                      const char *what, struct shale_err *e)
{
    size_t own = d->n_layers - old->n, n = onto->n + own;

    if (n > LIMIT_LAYERS)
        return err_set(e, SHALE_LIMIT, "%s would have %zu layers: over the limit of %u", what, n,
                       (unsigned)LIMIT_LAYERS);
    struct meta_image_layer *layers = arena_array(d->a, n + 1, sizeof *layers);
    if (!layers)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        layers[i] = i < onto->n ? onto->layers[i] : d->layers[old->n + i - onto->n];
    d->layers = layers;
    d->n_layers = n;
    return 0;
}

/* The new base, for the platform that the image is for. */
static int find_onto(struct image_draft *d, const char *text, struct image_found *found,
                     struct under *ret, struct shale_err *e)
{
    struct meta_image row;
    int r = meta_image_get(store_meta(d->store), &d->id, d->a, &row, e);

    if (r < 0)
        return r;
    struct platform plat = image_platform(&row);
    const char *want = *row.os ? platform_format(&plat, d->a) : "";
    if (!want)
        return err_nomem(e);
    r = image_find_platform(d->store, text, want, d->a, found, e);
    if (r < 0)
        return r;
    ret->id = found->id;
    return image_draft_read(d, &ret->id, &ret->doc, &ret->layers, &ret->n, e);
}

static int rebase(struct image_draft *d, const char *what, const struct shale_rebase_opts *o,
                  struct under *old, struct under *onto, struct shale_err *e)
{
    struct image_found found = {0};
    int r = find_onto(d, o->onto, &found, onto, e);

    if (r >= 0)
        r = find_base(d, what, o, onto, found.by_id ? NULL : &found.ref, old, e);
    if (r >= 0)
        r = put_history(d, old, onto, e);
    return r < 0 ? r : put_layers(d, old, onto, what, e);
}

int image_rebase(struct image_host *h, const char *what, const struct shale_rebase_opts *o,
                 struct arena *a, struct shale_edited *ret, struct shale_err *e)
{
    struct under old = {0}, onto = {0};
    struct image_draft d;

    if (!o->onto || !*o->onto)
        return err_set(e, SHALE_INVALID, "the new base is missing: name it with --onto");
    int r = image_draft_open(&d, h, what, o->platform, o->name, a, e);
    if (r >= 0)
        r = rebase(&d, what, o, &old, &onto, e);
    if (r >= 0)
        r = image_draft_finish(&d, "rebase", ret, e);
    json_decref(old.doc);
    json_decref(onto.doc);
    image_draft_close(&d);
    return r < 0 ? r : 0;
}
