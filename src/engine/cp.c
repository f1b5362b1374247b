/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/cp.h> */
#include "container/cp.h"

#include <string.h>

#include "engine/engine_priv.h"
#include "image/cp.h"

/* "CONTAINER:PATH" at its first colon: no name of a container has one. */
static int split(const char *text, struct arena *a, const char **ret_name, const char **ret_path,
                 struct shale_err *e)
{
    const char *colon = text ? strchr(text, ':') : NULL;

    if (!colon || colon == text)
        return err_set(e, SHALE_INVALID, "\"%.300s\" is not CONTAINER:PATH", text ? text : "");
    *ret_name = arena_strndup(a, text, (size_t)(colon - text));
    *ret_path = arena_strdup(a, colon + 1);
    return *ret_name && *ret_path ? 0 : err_nomem(e);
}

/* "IMAGE:/PATH" at its first ":/", which is in no name of an image, unless there is a container of
 * the name before the first colon: 1, 0. NOT_FOUND in the words for what the name looks like. */
static int split_image(struct shale *s, const char *text, const char *container, struct arena *a,
                       const char **ret_image, const char **ret_path, struct shale_err *e)
{
    const char *mark = strstr(text, ":/");
    struct meta_container row;
    struct image_found found;
    struct shale_err why = SHALE_ERR_INIT, no_image = SHALE_ERR_INIT;
    int r = meta_container_find(store_meta(s->store), container, a, &row, &why);

    if (r != -SHALE_NOT_FOUND || !mark)
        return 0; /* what is wrong with it is said where it is opened */
    const char *image = arena_strndup(a, text, (size_t)(mark - text));
    if (!image)
        return err_nomem(e);
    r = image_find(s->store, image, a, &found, &no_image);
    if (r < 0) {
        if (e)
            *e = strpbrk(image, ":/@") ? no_image : why;
        return r;
    }
    *ret_image = image;
    *ret_path = mark + 1;
    return 1;
}

static int cp_out(struct shale *s, const char *from, const char *to, const struct shale_cp_opts *o,
                  struct arena *a, struct shale_cp_result *ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct image_host ih = engine_image_host(s);
    const char *name = NULL, *path = NULL, *image = NULL;
    int r = split(from, a, &name, &path, e);

    if (r >= 0)
        r = split_image(s, from, name, a, &image, &path, e);
    if (r > 0)
        return image_cp_out(&ih, image, path, to, o, a, ret, e);
    return r < 0 ? r : container_cp_out(&h, name, path, to, o, a, ret, e);
}

int shale_cp_out(struct shale *s, const char *from, const char *to,
                 const struct shale_cp_opts *opts, struct shale_cp_result **ret,
                 struct shale_err *e)
{
    struct shale_cp_opts o;
    struct arena *a;
    struct shale_cp_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(cp_out(s, from, to, &o, a, res, e), res, ret);
}

int shale_cp_in(struct shale *s, const char *from, const char *to, const struct shale_cp_opts *opts,
                struct shale_cp_result **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    const char *name = NULL, *path = NULL;
    struct shale_cp_opts o;
    struct arena *a;
    struct shale_cp_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = split(to, a, &name, &path, e);
    if (r >= 0)
        r = container_cp_in(&h, from, name, path, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_cp_stat(struct shale *s, const char *container, const char *path,
                  struct shale_cp_stat **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct arena *a;
    struct shale_cp_stat *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(container_cp_stat(&h, container, path, a, res, e), res, ret);
}
