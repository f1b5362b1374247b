/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/image.h> */
#include <string.h>

#include "base/str.h"
#include "blob/blob.h"
#include "container/life.h"
#include "engine/engine_priv.h"
#include "meta/meta_content.h"

int shale_pull(struct shale *s, const char *ref, const struct shale_pull_opts *opts,
               struct shale_pull_result **ret, struct shale_err *e)
{
    struct shale_pull_opts o;
    struct image_host h;
    struct arena *a;
    struct shale_pull_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_pull(&h, ref, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_push(struct shale *s, const char *ref, const struct shale_push_opts *opts,
               struct shale_push_result **ret, struct shale_err *e)
{
    struct shale_push_opts o;
    struct image_host h;
    struct arena *a;
    struct shale_push_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_push(&h, ref, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_digest(struct shale *s, const char *ref, const char *platform, char **ret,
                 struct shale_err *e)
{
    struct image_host h;
    struct digest d;
    struct arena *a;
    char *res = result_new(DIGEST_MAX, &a);

    if (!res)
        return err_nomem(e);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_digest(&h, ref, platform, a, &d, e);
    if (r >= 0)
        memcpy(res, d.s, sizeof d.s);
    return result_end(r, res, ret);
}

int shale_images(struct shale *s, const struct shale_images_opts *opts,
                 struct shale_image_list **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct shale_images_opts o;
    struct arena *a;
    struct shale_image_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(image_list(&h, &o, a, res, e), res, ret);
}

int shale_image_platforms(struct shale *s, const char *target_digest,
                          struct shale_platform_list **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct arena *a;
    struct shale_platform_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(image_platforms(&h, target_digest, a, res, e), res, ret);
}

int shale_image_inspect(struct shale *s, const char *image, const char *platform,
                        struct shale_image_detail **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct arena *a;
    struct shale_image_detail *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(image_inspect(&h, image, platform, a, res, e), res, ret);
}

int shale_history(struct shale *s, const char *image, const char *platform,
                  struct shale_history **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct arena *a;
    struct shale_history *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(image_history(&h, image, platform, a, res, e), res, ret);
}

int shale_tag(struct shale *s, const char *source, const char *target, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    int r = image_tag(&h, source, target, e);

    return r < 0 ? r : 0;
}

int shale_rmi(struct shale *s, const char *image, const struct shale_rmi_opts *opts,
              struct shale_rmi_result **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct container_host ch = engine_container_host(s);
    struct shale_rmi_opts o;
    struct arena *a;
    struct shale_rmi_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    (void)container_refresh_users(&ch, &h, image, &o, NULL);
    return result_end(container_remove_image(&ch, &h, image, &o, a, res, e), res, ret);
}

int shale_gc(struct shale *s, uint64_t *ret_freed_bytes, struct shale_err *e)
{
    int r = store_gc(s->store, ret_freed_bytes, e);

    return r < 0 ? r : 0;
}

/* ---- downloads in flight ---- */

struct transfers {
    struct shale *s;
    struct arena *a;
    struct shale_transfer *v;
    size_t n, cap;
};

static int on_partial(void *arg, const struct blob_partial *p)
{
    struct transfers *t = arg;
    struct meta_pull row = {.ref = ""};
    struct shale_transfer *v = arena_grow(t->a, t->v, t->n, &t->cap, sizeof *v);

    if (!v)
        return -SHALE_NO_MEMORY;
    t->v = v;
    if (meta_pull_get(store_meta(t->s->store), &p->digest, t->a, &row, NULL) < 0)
        row = (struct meta_pull){.ref = ""};
    v[t->n] = (struct shale_transfer){
        .digest = arena_strdup(t->a, p->digest.s),
        .ref = row.ref,
        .have_bytes = p->have_bytes,
        .size_bytes = p->size_bytes ? p->size_bytes : row.size_bytes,
        .changed_ns = p->changed_ns,
        .active = p->active,
    };
    return v[t->n++].digest ? 0 : -SHALE_NO_MEMORY;
}

int shale_pulls(struct shale *s, struct shale_transfer_list **ret, struct shale_err *e)
{
    struct transfers t = {.s = s};
    struct shale_transfer_list *res = result_new(sizeof *res, &t.a);

    if (!res)
        return err_nomem(e);
    int r = blob_partial_each(store_blobs(s->store), on_partial, &t, e);
    *res = (struct shale_transfer_list){t.v, t.n};
    return result_end(r == -SHALE_NO_MEMORY ? err_nomem(e) : r, res, ret);
}

/* "sha256:ab…", "ab…": does this transfer's digest begin so? */
static bool begins(const char *digest, const char *prefix)
{
    const char *hex = strchr(digest, ':');

    return str_has_prefix(digest, prefix) || (hex && str_has_prefix(hex + 1, prefix));
}

static int choose(const struct shale_transfer_list *l, const char *what,
                  const struct shale_transfer **ret, struct shale_err *e)
{
    *ret = NULL;
    for (size_t i = 0; i < l->n_items; i++) {
        if (!begins(l->items[i].digest, what))
            continue;
        if (*ret)
            return err_set(e, SHALE_INVALID, "several downloads begin with %s", what);
        *ret = &l->items[i];
    }
    return *ret ? 0 : err_set(e, SHALE_NOT_FOUND, "No such download: %s", what);
}

static int drop_transfer(struct shale *s, const struct shale_transfer *t, struct shale_err *e)
{
    struct digest d;
    int r = digest_parse(t->digest, &d, e);

    if (r >= 0)
        r = blob_partial_remove(store_blobs(s->store), &d, e);
    return r < 0 ? r : meta_pull_delete(store_meta(s->store), &d, e);
}

int shale_pulls_remove(struct shale *s, const char *digest, uint64_t *ret_n, struct shale_err *e)
{
    struct shale_transfer_list *l;
    const struct shale_transfer *one = NULL;
    uint64_t n = 0;
    int r = shale_pulls(s, &l, e);

    if (r < 0)
        return r;
    if (!streq(digest, "all")) {
        r = *digest ? choose(l, digest, &one, e) : err_set(e, SHALE_INVALID, "a digest is needed");
        if (r >= 0)
            r = drop_transfer(s, one, e);
        n = r >= 0;
    }
    for (size_t i = 0; streq(digest, "all") && r >= 0 && i < l->n_items; i++) {
        if (l->items[i].active)
            continue;
        r = drop_transfer(s, &l->items[i], e);
        if (r == -SHALE_IN_USE) /* a pull has just taken it up */
            r = 0;
        else if (r >= 0)
            n++;
    }
    shale_free(l);
    if (r < 0)
        return r;
    *ret_n = n;
    return 0;
}
