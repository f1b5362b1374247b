/* SPDX-License-Identifier: Apache-2.0 */
/* /volumes */
#include <shale/volume.h>

#include "api/bodies.h"
#include "api/known.h"
#include "api/pairs.h"
#include "base/str.h"
#include "view/doc.h"
#include "view/volumes.h"

static int one_of(const void *item, json_t **ret, struct shale_err *e)
{
    return doc_volume(item, ret, e);
}

static int list(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_volume_list *l = NULL;
    struct shale_volume_ls_opts o = {.size = sizeof o};
    json_t *all = NULL;
    int r = api_query_filters(q, &o.filters, e);
    if (r >= 0)
        r = shale_volume_ls(q->s, &o, &l, e);
    if (r >= 0)
        r = doc_list(l->items, l->n_items, sizeof *l->items, one_of, &all, e);
    return r < 0 ? r : api_reply_json(q, 200, json_pack("{s:o, s:n}", "Volumes", all, "Warnings"));
}

static int reply(struct api_req *q, int status, const struct shale_volume *v, struct shale_err *e)
{
    json_t *doc = NULL;
    int r = doc_volume(v, &doc, e);
    return r < 0 ? r : api_reply_json(q, status, doc);
}

static int inspect(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_volume *v = NULL;
    int r = shale_volume_inspect(q->s, q->args[0], &v, e);
    return r < 0 ? r : reply(q, 200, v, e);
}

struct create_body {
    char *name, *driver;
    struct strmap labels, options;
};
#define O(field) offsetof(struct create_body, field)
static const struct json_field create_fields[] = {
    {"Name", JB_STR, O(name), 0},
    {"Driver", JB_STR, O(driver), 0},
    {"Labels", JB_STRMAP, O(labels), 0},
    {"DriverOpts", JB_STRMAP, O(options), 0},
};
#undef O

int body_volume(struct api_req *q, const json_t *body, struct shale_volume_create_opts *ret,
                struct shale_err *e)
{
    struct create_body b = {0};
    int r = api_bind(q, body, create_fields, ARRAY_SIZE(create_fields), &b, e);
    if (r >= 0)
        r = api_known_types(q, body, API_KNOWN_VOLUME, e);
    if (r < 0)
        return r;
    if (api_text(b.driver) && !streq(b.driver, "local"))
        return err_set(e, SHALE_NOT_FOUND,
                       "error looking up volume plugin %s: plugin \"%s\" not found", b.driver,
                       b.driver);
    *ret = (struct shale_volume_create_opts){.size = sizeof *ret, .name = b.name};
    r = api_pairs(q, &b.labels, &ret->labels, e);
    return r < 0 ? r : api_pairs(q, &b.options, &ret->options, e);
}

static int create(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_volume *v = NULL;
    struct shale_volume_create_opts o;
    int r = body_volume(q, q->body, &o, e);
    if (r >= 0)
        r = shale_volume_create(q->s, &o, &v, e);
    return r < 0 ? r : reply(q, 201, v, e);
}

/* With `force` a volume that is not there is gone, too. */
static int remove_one(struct api_req *q, struct shale_err *e)
{
    int r = shale_volume_rm(q->s, q->args[0], e);
    if (r == -SHALE_NOT_FOUND && api_query_bool(q, "force"))
        r = 0;
    return r < 0 ? r : api_reply_empty(q, 204);
}

/* Before 1.42 those with names of their own went, too. */
static int prune(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_volume_pruned *p = NULL;
    struct shale_volume_prune_opts o = {.size = sizeof o, .all = q->version < 142};
    int r = api_query_filters(q, &o.filters, e);
    if (r >= 0)
        r = shale_volume_prune(q->s, &o, &p, e);
    if (r < 0)
        return r;
    return api_reply_json(q, 200,
                          json_pack("{s:o, s:I}", "VolumesDeleted",
                                    doc_strings(p->names, p->n_names), "SpaceReclaimed",
                                    (json_int_t)p->freed_bytes));
}

const struct api_route api_routes_volumes[] = {
    {"GET", "/volumes", 0, API_BODY_NONE, list},
    {"POST", "/volumes/create", 0, API_BODY_JSON, create},
    {"POST", "/volumes/prune", 125, API_BODY_NONE, prune},
    {"GET", "/volumes/{}", 0, API_BODY_NONE, inspect},
    {"DELETE", "/volumes/{}", 0, API_BODY_NONE, remove_one},
    {NULL},
};
