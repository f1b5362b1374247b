/* SPDX-License-Identifier: Apache-2.0 */
/* Images on their way: pull, push, import, load, save. */
#include <shale/archive.h>
#include <shale/flat.h>
#include <shale/image.h>
#include <string.h>

#include "api/images.h"
#include "api/pairs.h"
#include "api/pump.h"
#include "api/registry_auth.h"
#include "api/settings.h"
#include "base/buf.h"
#include "base/str.h"

/* ---- POST /images/create ---- */

/* NAME and a tag or digest that came apart from it. Without one: the whole repository. */
static const char *reference(struct api_req *q, const char *name, const char *tag)
{
    size_t n = strlen(name);
    if (!api_text(tag)) /* "name:" is the name alone: clients send it */
        return n && name[n - 1] == ':' ? arena_strndup(q->arena, name, n - 1) : name;
    return arena_printf(q->arena, "%s%c%s", name, strchr(tag, ':') ? '@' : ':', tag);
}

static bool has_tag(const char *ref)
{
    const char *slash = strrchr(ref, '/');
    return strpbrk(slash ? slash : ref, ":@") != NULL;
}

static int pull(struct api_req *q, const char *ref, struct shale_err *e)
{
    _cleanup_result_ struct shale_pull_result *res = NULL;
    struct api_progress *p;
    struct shale_pull_opts o = {
        .size = sizeof o,
        .all_tags = !has_tag(ref),
        .n_parallel = (uint32_t)q->set->conf.n_downloads,
    };
    int r = api_query_platform(q, "platform", &o.platform, e);
    if (r >= 0)
        r = api_use_registry_auth(q, ref, e);
    if (r >= 0)
        r = api_progress_begin(q, &p, e);
    if (r < 0)
        return r;
    o.on_progress = api_progress_event;
    o.progress_arg = p;
    r = shale_pull(q->s, ref, &o, &res, e);
    if (r == -SHALE_UNAUTHORIZED || r == -SHALE_DENIED)
        api_fail_as(q, 404); /* 401 would have the client ask for a password */
    return api_progress_end(p, r, e);
}

static int import(struct api_req *q, const char *source, struct shale_err *e)
{
    _cleanup_result_ struct shale_imported *res = NULL;
    struct api_progress *p;
    const char *repo = api_text(api_query(q, "repo")), *tag = api_text(api_query(q, "tag"));
    struct shale_import_opts o = {
        .size = sizeof o,
        .input = streq(source, "-") ? NULL : source,
        .fd = -1,
        .name = repo && tag ? arena_printf(q->arena, "%s:%s", repo, tag) : repo,
        .message = api_text(api_query(q, "message")),
        .changes = api_query_all(q, "changes"),
    };
    int r = api_query_platform(q, "platform", &o.platform, e);
    if (r >= 0 && o.input && !str_has_prefix(o.input, "http://") &&
        !str_has_prefix(o.input, "https://")) /* never a file of the daemon's host */
        o.input = arena_printf(q->arena, "http://%s", o.input);
    if (r >= 0 && q->arena->failed)
        r = err_nomem(e);
    if (r >= 0 && o.name && strchr(o.name, '@'))
        r = err_set(e, SHALE_INVALID, "cannot import digest reference");
    if (r >= 0 && !o.input)
        r = api_body_fd(q, &o.fd, e);
    if (r >= 0)
        r = api_progress_begin(q, &p, e);
    if (r < 0)
        return r;
    r = shale_import(q->s, &o, &res, e);
    if (r >= 0)
        api_progress_status(p, NULL, "%s", res->id);
    return api_progress_end(p, r, e);
}

int api_image_create(struct api_req *q, struct shale_err *e)
{
    const char *image = api_text(api_query(q, "fromImage"));
    const char *source = api_text(api_query(q, "fromSrc"));
    if (!image)
        return source ? import(q, source, e)
                      : err_set(e, SHALE_INVALID, "neither fromImage nor fromSrc was given");
    const char *ref = reference(q, image, api_query(q, "tag"));
    return ref ? pull(q, ref, e) : err_nomem(e);
}

/* ---- POST /images/X/push ---- */

static void tell_pushed(struct api_progress *p, const struct shale_push_result *res)
{
    for (size_t i = 0; i < res->n_images; i++) {
        const struct shale_pushed *x = &res->images[i];
        const char *tag = strrchr(x->ref, ':');
        api_progress_aux(p, NULL,
                         json_pack("{s:s, s:s, s:I}", "Tag", tag ? tag + 1 : "", "Digest",
                                   x->digest, "Size", (json_int_t)x->size_bytes));
    }
}

int api_image_push(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_push_result *res = NULL;
    struct api_progress *p;
    const char *tag = api_text(api_query(q, "tag"));
    const char *ref = reference(q, q->args[0], tag);
    struct shale_push_opts o = {
        .size = sizeof o,
        .all_tags = ref && !has_tag(ref),
        .n_parallel = (uint32_t)q->set->conf.n_uploads,
    };
    int r = ref ? 0 : err_nomem(e);
    if (r >= 0 && q->version >= 146)
        r = api_query_platform(q, "platform", &o.platform, e);
    if (r >= 0)
        r = api_use_registry_auth(q, ref, e);
    if (r >= 0)
        r = api_progress_begin(q, &p, e);
    if (r < 0)
        return r;
    o.on_progress = api_progress_event;
    o.progress_arg = p;
    r = shale_push(q->s, ref, &o, &res, e);
    if (r >= 0)
        tell_pushed(p, res);
    if (r == -SHALE_UNAUTHORIZED || r == -SHALE_DENIED)
        api_fail_as(q, 500);
    return api_progress_end(p, r, e);
}

/* ---- POST /images/load ---- */

/* All values of "platform", as text, NULL-terminated; NULL where there is none. */
static int platforms(struct api_req *q, const char *const **ret, struct shale_err *e)
{
    const char **one = arena_array(q->arena, 2, sizeof *one);
    *ret = NULL;
    if (q->version < 148)
        return 0;
    if (!one)
        return err_nomem(e);
    one[1] = NULL;
    int r = api_query_platform(q, "platform", &one[0], e);
    if (r >= 0 && one[0])
        *ret = one;
    return r;
}

static void tell_loaded(struct api_progress *p, const struct shale_loaded *x)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64u << 10);
    if (x->replaced)
        buf_addf(&b,
                 "The image %s already exists, renaming the old one with ID %s to empty string\n",
                 x->ref, x->replaced);
    if (x->ref)
        buf_addf(&b, "Loaded image: %s\n", x->ref);
    else
        buf_addf(&b, "Loaded image ID: %s\n", x->id);
    api_progress_stream(p, buf_str(&b), b.n);
}

int api_image_load(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_load_result *res = NULL;
    struct api_progress *p;
    struct shale_load_opts o = {.size = sizeof o, .fd = -1};
    int r = platforms(q, &o.platforms, e);
    if (r >= 0)
        r = api_body_fd(q, &o.fd, e);
    if (r >= 0)
        r = api_progress_begin(q, &p, e);
    if (r < 0)
        return r;
    r = shale_load(q->s, &o, &res, e);
    for (size_t i = 0; r >= 0 && i < res->n_images; i++)
        tell_loaded(p, &res->images[i]);
    return api_progress_end(p, r, e);
}

/* ---- GET /images/get, /images/X/get ---- */

struct saving {
    struct shale *s;
    const char *const *names;
    size_t n;
    struct shale_save_opts o;
};

static int save(void *arg, int fd, struct shale_err *e)
{
    struct saving *v = arg;
    v->o.fd = fd;
    return shale_save(v->s, v->names, v->n, &v->o, e);
}

int api_image_get(struct api_req *q, struct shale_err *e)
{
    struct saving v = {.s = q->s, .o = {.size = sizeof v.o}};
    const char *const *names = api_query_all(q, "names");
    int r = names ? platforms(q, &v.o.platforms, e) : err_nomem(e);
    if (r < 0)
        return r;
    v.names = *q->args[0] ? q->args : names;
    v.n = *q->args[0] ? 1 : 0;
    while (!*q->args[0] && names[v.n])
        v.n++;
    if (v.n == 0)
        return err_set(e, SHALE_INVALID, "no name of an image was given");
    return api_pump(q, "application/x-tar", save, &v, e);
}
