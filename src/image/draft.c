/* SPDX-License-Identifier: Apache-2.0 */
/* What edit, rebase and squash have in common: from an image to one that is made of it. */
#include "base/cleanup.h"
#include "base/time.h"
#include "image/edit.h"
#include "model/limits.h"
#include "store/events.h"

int image_draft_read(struct image_draft *d, const struct digest *id, json_t **ret_doc,
                     struct meta_image_layer **ret, size_t *ret_n, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    _cleanup_json_ json_t *doc = NULL;
    int r = store_lease_add(d->lease, id, e);

    if (r >= 0)
        r = meta_image_layers(store_meta(d->store), id, d->a, ret, ret_n, e);
    for (size_t i = 0; r >= 0 && i < *ret_n; i++) {
        r = store_lease_add(d->lease, &(*ret)[i].diff_id, e);
        if (r >= 0 && digest_is_set(&(*ret)[i].blob))
            r = store_lease_add(d->lease, &(*ret)[i].blob, e);
    }
    if (r >= 0)
        r = store_document(d->store, id, &b, e);
    if (r >= 0)
        r = json_parse(buf_str(&b), b.n, LIMIT_CONFIG_BYTES + 1, &doc, e);
    if (r >= 0 && !json_is_object(doc))
        r = err_set(e, SHALE_CORRUPT, "the config of %s is no object", id->s);
    if (r >= 0)
        *ret_doc = TAKE_PTR(doc);
    return r < 0 ? r : 0;
}

int image_draft_open(struct image_draft *d, struct image_host *h, const char *what,
                     const char *platform, const char *name, struct arena *a, struct shale_err *e)
{
    struct image_found found;
    int r;

    *d = (struct image_draft){.store = h->store, .a = a};
    r = name && *name ? image_parse_target(name, a, &d->name, e) : 0;
    if (r >= 0)
        r = image_find_platform(h->store, what, platform, a, &found, e);
    if (r >= 0)
        r = store_lease_begin(h->store, "edit", &d->lease, e);
    if (r < 0)
        return r;
    d->id = found.id;
    return image_draft_read(d, &d->id, &d->doc, &d->layers, &d->n_layers, e);
}

size_t image_history_layers(const json_t *history, size_t from)
{
    size_t n = 0;

    for (size_t i = from; i < json_array_size(history); i++)
        n += !json_is_true(json_object_get(json_array_get(history, i), "empty_layer"));
    return n;
}

int image_history_unknown(json_t *history, size_t n, struct shale_err *e)
{
    int bad = 0;

    for (size_t i = 0; i < n; i++)
        bad |= json_array_append_new(
            history, json_pack("{s:s,s:s}", "created_by", "", "comment", "not known"));
    return bad ? err_nomem(e) : 0;
}

size_t image_draft_off_base(const struct image_draft *d, const struct meta_image_layer *base,
                            size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (i >= d->n_layers || !digest_eq(&d->layers[i].diff_id, &base[i].diff_id))
            return i + 1;
    return 0;
}

static int stamp(json_t *doc, bool keeps_created, struct shale_err *e)
{
    char created[40];

    (void)time_format_rfc3339nano(time_now_ns(), created);
    (void)json_object_del(doc, "container_config"); /* of the container the old one was made of */
    (void)json_object_del(doc, "container");
    if (keeps_created)
        return 0;
    return json_object_set_new(doc, "created", json_string(created)) < 0 ? err_nomem(e) : 0;
}

int image_draft_finish(struct image_draft *d, const char *how, struct shale_edited *ret,
                       struct shale_err *e)
{
    struct image_made made;
    int r = stamp(d->doc, d->keeps_created, e);

    if (r >= 0)
        r = image_make(d->store, d->lease, d->doc, d->layers, d->n_layers, NULL, NULL, &made, e);
    if (r >= 0)
        store_image_event(d->store, EVENT_IMAGE_CREATE, &made.id, made.id.s, made.id.s);
    if (r >= 0 && d->name.repo)
        r = image_name_it(d->store, &d->name, &made.id, &made.manifest, how, e);
    if (r < 0)
        return r;
    ret->id = arena_strdup(d->a, made.id.s);
    ret->manifest = arena_strdup(d->a, made.manifest.s);
    ret->name = d->name.repo ? ref_familiar(&d->name, d->a) : "";
    ret->n_layers = d->n_layers;
    return ret->id && ret->manifest && ret->name ? 0 : err_nomem(e);
}

void image_draft_close(struct image_draft *d)
{
    json_decref(d->doc);
    d->doc = NULL;
    d->lease = store_lease_end(d->lease);
}
