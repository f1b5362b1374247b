/* SPDX-License-Identifier: Apache-2.0 */
#include "image/remote_copy_store.h"

#include <string.h>

#include "base/str.h"
#include "image/image_priv.h"
#include "store/events.h"

#define STORE    "store://"
#define REGISTRY "docker://"

const char *copy_store_name(const char **text)
{
    if (str_has_prefix(*text, STORE))
        return *text + strlen(STORE);
    if (str_has_prefix(*text, REGISTRY))
        *text += strlen(REGISTRY);
    return NULL;
}

/* ---- out of it ---- */

int copy_store_find(struct image_host *h, const struct copy_store_from *from, struct arena *a,
                    struct digest *ret_manifest, const char **ret_tag, const char **ret_note,
                    struct shale_err *e)
{
    struct image_found found;
    struct image_sent sent;
    int r = image_find(h->store, from->what, a, &found, e);

    if (r >= 0)
        r = image_choose_sent(h->store, from->what, &found, from->platform, a, &sent, e);
    if (r >= 0)
        r = store_lease_add(from->lease, &sent.manifest, e);
    if (r < 0)
        return r;
    *ret_manifest = sent.manifest;
    *ret_note = sent.note;
    *ret_tag = found.by_id || digest_is_set(&found.ref.digest) ? NULL : found.ref.tag;
    return 0;
}

int copy_store_tags(struct image_host *h, const struct remote_name *n, struct arena *a,
                    struct strv *ret, struct shale_err *e)
{
    int r = meta_repo_tags(store_meta(h->store), n->ref.repo, a, ret, e);

    return r < 0 ? r : remote_name_choose(n, ret, e);
}

/* ---- into it ---- */

int copy_store_has(struct image_host *h, const struct ref *to, const struct digest *d,
                   struct arena *a, struct shale_err *e)
{
    struct meta_tag row;
    int r = meta_tag_get(store_meta(h->store), to->repo, to->tag, a, &row, e);

    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    return digest_eq(&row.target, d) ? image_is_whole(h->store, d, a, e) : 0;
}

struct naming {
    struct image_host *h;
    const struct ref *to;
};

static int name_other(void *arg, const struct digest *target, const struct digest *id,
                      struct shale_err *e)
{
    const struct naming *n = arg;

    return meta_repo_digest_put(store_meta(n->h->store), n->to->repo, target, id, e);
}

static int name_it(void *arg, const struct digest *target, const struct digest *id,
                   struct shale_err *e)
{
    const struct naming *n = arg;
    struct meta *m = store_meta(n->h->store);
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = meta_repo_digest_put(m, n->to->repo, target, id, e);
    if (r >= 0)
        r = meta_tag_set(m, n->to->repo, n->to->tag, id, target, "copy", NULL, e);
    return meta_end(m, r, e);
}

int copy_store_take(struct image_host *h, struct source *from, const struct digest *d,
                    const struct ref *to, struct sink *sink, const struct copy_opts *co,
                    struct arena *a, struct shale_err *e)
{
    const struct platform host = platform_host();
    struct naming n = {h, to};
    struct copy_images all;
    struct digest id;
    int r = copy_whole(from, d->s, sink, co, a, &all, e);

    if (r >= 0)
        r = image_add_whole(h, &all, &host, name_other, name_it, &n, &id, e);
    if (r < 0)
        return r;
    const char *shown = ref_familiar(to, a);
    if (!shown)
        return err_nomem(e);
    store_image_event(h->store, EVENT_IMAGE_PULL, &id, shown, to->familiar);
    return 0;
}
