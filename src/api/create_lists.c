/* SPDX-License-Identifier: Apache-2.0 */
#include "api/create_lists.h"

#include <inttypes.h>

#include "api/known.h"
#include "api/pairs.h"
#include "api/settings.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "model/mount_value.h"

struct texts {
    const char **v;
    size_t n, cap;
};

/* Takes text from the arena; NULL: no memory. */
static int add(struct arena *a, struct texts *t, const char *text, struct shale_err *e)
{
    if (t->n >= CREATE_LIST_MAX)
        return err_set(e, SHALE_LIMIT, "more than %d values in one list", CREATE_LIST_MAX);
    const char **v = arena_add_text(a, t->v, &t->n, &t->cap, text);
    if (!v)
        return err_nomem(e);
    t->v = v;
    return 0;
}

static int need_object(const json_t *v, const char *where, struct shale_err *e)
{
    return json_is_object(v)
               ? 0
               : err_set(e, SHALE_INVALID, "invalid JSON: %s: an object is expected", where);
}

/* ---- ports: {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]} ---- */

static int add_port(struct api_req *q, struct texts *t, const char *inside, const json_t *binding,
                    struct shale_err *e)
{
    struct {
        const char *ip, *port;
    } b = {"", ""};
    const struct json_field fields[] = {{"HostIp", JB_STR, 0, 0},
                                        {"HostPort", JB_STR, sizeof b.ip, 0}};
    int r = binding ? need_object(binding, "PortBindings", e) : 0;

    if (r >= 0)
        r = api_bind(q, binding, fields, ARRAY_SIZE(fields), &b, e);
    if (r < 0)
        return r;
    const char *open = strchr(b.ip, ':') && *b.ip != '[' ? "[" : "", *close = *open ? "]" : "";
    return add(q->arena, t,
               *b.ip     ? arena_printf(q->arena, "%s%s%s:%s:%s", open, b.ip, close, b.port, inside)
               : *b.port ? arena_printf(q->arena, "%s:%s", b.port, inside)
                         : arena_strdup(q->arena, inside),
               e);
}

int body_ports(struct api_req *q, const json_t *bindings, const char *const **ret,
               struct shale_err *e)
{
    struct texts t = {.v = NULL};
    const char *inside;
    json_t *list, *one;
    size_t i;
    int r = 0;

    json_object_foreach((json_t *)(uintptr_t)bindings, inside, list)
    {
        if (!json_is_array(list) && !json_is_null(list))
            return err_set(e, SHALE_INVALID, "invalid JSON: PortBindings: an array is expected");
        if (json_array_size(list) == 0)
            r = add_port(q, &t, inside, NULL, e);
        json_array_foreach(list, i, one) r = r < 0 ? r : add_port(q, &t, inside, one, e);
        if (r < 0)
            return r;
    }
    *ret = t.v;
    return 0;
}

/* ---- devices, ulimits ---- */

int body_devices(struct api_req *q, const json_t *list, const char *const **ret,
                 struct shale_err *e)
{
    struct device {
        const char *host, *inside, *access;
    };
    static const struct json_field fields[] = {
        {"PathOnHost", JB_STR, offsetof(struct device, host), 0},
        {"PathInContainer", JB_STR, offsetof(struct device, inside), 0},
        {"CgroupPermissions", JB_STR, offsetof(struct device, access), 0}};
    struct texts t = {.v = NULL};
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        struct device d = {"", "", ""};
        int r = need_object(one, "Devices", e);
        if (r >= 0)
            r = api_bind(q, one, fields, ARRAY_SIZE(fields), &d, e);
        if (r >= 0)
            r = add(q->arena, &t,
                    arena_printf(q->arena, "%s:%s:%s", d.host, *d.inside ? d.inside : d.host,
                                 *d.access ? d.access : "rwm"),
                    e);
        if (r < 0)
            return r;
    }
    *ret = t.v;
    return 0;
}

/* Is there one for the same limit, which ends at the '='? */
static bool has_limit(const struct texts *t, const char *limit)
{
    size_t name = strcspn(limit, "=") + 1;

    for (size_t i = 0; i < t->n; i++)
        if (strncmp(t->v[i], limit, name) == 0)
            return true;
    return false;
}

/* Those of the config file that the request says nothing of. */
static int add_defaults(struct api_req *q, struct texts *t, struct shale_err *e)
{
    const struct strv *all = q->set ? &q->set->conf.ulimits : NULL;
    int r = 0;

    for (size_t i = 0; all && r >= 0 && i < all->n; i++)
        if (!has_limit(t, all->v[i]))
            r = add(q->arena, t, arena_strdup(q->arena, all->v[i]), e);
    return r;
}

int body_ulimits(struct api_req *q, const json_t *list, const char *const **ret,
                 struct shale_err *e)
{
    struct ulimit {
        const char *name;
        int64_t soft, hard;
    };
    static const struct json_field fields[] = {{"Name", JB_STR, offsetof(struct ulimit, name), 0},
                                               {"Soft", JB_I64, offsetof(struct ulimit, soft), 0},
                                               {"Hard", JB_I64, offsetof(struct ulimit, hard), 0}};
    struct texts t = {.v = NULL};
    json_t *one;
    size_t i;

    if (list && !json_is_array(list) && !json_is_null(list))
        return err_set(e, SHALE_INVALID, "invalid JSON: Ulimits: an array is expected");
    json_array_foreach(list, i, one)
    {
        struct ulimit u = {"", 0, 0};
        int r = need_object(one, "Ulimits", e);
        if (r >= 0)
            r = api_bind(q, one, fields, ARRAY_SIZE(fields), &u, e);
        if (r >= 0)
            r = add(q->arena, &t,
                    arena_printf(q->arena, "%s=%" PRId64 ":%" PRId64, u.name, u.soft, u.hard), e);
        if (r < 0)
            return r;
    }
    int r = add_defaults(q, &t, e);
    if (r < 0)
        return r;
    *ret = t.v;
    return 0;
}

int body_blkio(struct api_req *q, const json_t *list, const char *value, const char *const **ret,
               struct shale_err *e)
{
    struct device {
        const char *path;
        uint64_t value;
    };
    const struct json_field fields[] = {{"Path", JB_STR, offsetof(struct device, path), 0},
                                        {value, JB_U64, offsetof(struct device, value), 0}};
    struct texts t = {.v = NULL};
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        struct device d = {"", 0};
        int r = need_object(one, "BlkioDevice", e);
        if (r >= 0)
            r = api_bind(q, one, fields, ARRAY_SIZE(fields), &d, e);
        if (r >= 0)
            r = add(q->arena, &t, arena_printf(q->arena, "%s:%" PRIu64, d.path, d.value), e);
        if (r < 0)
            return r;
    }
    *ret = t.v;
    return 0;
}

/* ---- mounts ---- */

struct mount_body {
    const char *type, *source, *target, *propagation, *subpath;
    bool read_only, make_source, no_copy;
    const json_t *bind, *volume, *tmpfs, *image, *driver;
    struct strmap driver_options, labels;
    const char *driver_name;
    int64_t size, mode;
};
#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct mount_body, field), 0                                          \
    }
static const struct json_field mount_fields[] = {
    F("Type", JB_STR, type),
    F("Source", JB_STR, source),
    F("Target", JB_STR, target),
    F("ReadOnly", JB_BOOL, read_only),
    F("BindOptions", JB_OBJECT, bind),
    F("VolumeOptions", JB_OBJECT, volume),
    F("TmpfsOptions", JB_OBJECT, tmpfs),
    F("ImageOptions", JB_OBJECT, image),
};
static const struct json_field bind_fields[] = {F("Propagation", JB_STR, propagation),
                                                F("CreateMountpoint", JB_BOOL, make_source)};
static const struct json_field tmpfs_fields[] = {F("SizeBytes", JB_I64, size),
                                                 F("Mode", JB_I64, mode)};
static const struct json_field image_fields[] = {F("Subpath", JB_STR, subpath)};
static const struct json_field volume_fields[] = {
    F("Subpath", JB_STR, subpath), F("NoCopy", JB_BOOL, no_copy), F("Labels", JB_STRMAP, labels),
    F("DriverConfig", JB_OBJECT, driver)};
static const struct json_field driver_fields[] = {F("Name", JB_STR, driver_name),
                                                  F("Options", JB_STRMAP, driver_options)};
#undef F

static int mount_type(const char *name, enum shale_mount_type *ret, struct shale_err *e)
{
    static const char *const names[] = {[SHALE_MOUNT_BIND] = "bind",
                                        [SHALE_MOUNT_VOLUME] = "volume",
                                        [SHALE_MOUNT_TMPFS] = "tmpfs",
                                        [SHALE_MOUNT_IMAGE] = "image"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (streq(names[i], name)) {
            *ret = (enum shale_mount_type)i;
            return 0;
        }
    return err_set(e, SHALE_INVALID, "invalid mount config for type \"%.60s\": mount type unknown",
                   name);
}

static int check_mount(const struct mount_body *b, const struct shale_mount *m, struct shale_err *e)
{
    if (!*b->target)
        return err_set(e, SHALE_INVALID,
                       "invalid mount config for type \"%s\": field Target must not be empty",
                       b->type);
    if ((m->type == SHALE_MOUNT_BIND || m->type == SHALE_MOUNT_IMAGE) && !*b->source)
        return err_set(e, SHALE_INVALID,
                       "invalid mount config for type \"%s\": field Source must not be empty",
                       b->type);
    if (m->type == SHALE_MOUNT_TMPFS && *b->source)
        return err_set(e, SHALE_INVALID,
                       "invalid mount config for type \"tmpfs\": field Source must not be "
                       "specified");
    if (m->type == SHALE_MOUNT_VOLUME && *b->subpath)
        return err_set(e, SHALE_UNSUPPORTED, "VolumeOptions.Subpath is not supported yet");
    if (*b->driver_name && !streq(b->driver_name, "local"))
        return err_set(e, SHALE_UNSUPPORTED,
                       "VolumeOptions.DriverConfig: volume driver \"%.60s\" is not supported yet, "
                       "only \"local\" is",
                       b->driver_name);
    return 0;
}

/* What is not looked at in a mount, and in its options. */
static int known_options(struct api_req *q, const json_t *one, const struct mount_body *b,
                         struct shale_err *e)
{
    int r = api_known_types(q, one, API_KNOWN_MOUNT, e);

    if (r >= 0)
        r = api_known_types(q, b->bind, API_KNOWN_BIND_OPTIONS, e);
    return r < 0 ? r : api_known_types(q, b->tmpfs, API_KNOWN_TMPFS_OPTIONS, e);
}

static int take_mount(struct api_req *q, const json_t *one, struct shale_mount *ret,
                      struct shale_err *e)
{
    struct mount_body b = {.type = "",
                           .source = "",
                           .target = "",
                           .propagation = "",
                           .subpath = "",
                           .driver_name = ""};
    struct shale_mount m = {.type = SHALE_MOUNT_VOLUME};
    int r = need_object(one, "Mounts", e);

    if (r >= 0)
        r = api_bind(q, one, mount_fields, ARRAY_SIZE(mount_fields), &b, e);
    if (r >= 0)
        r = api_bind(q, b.bind, bind_fields, ARRAY_SIZE(bind_fields), &b, e);
    if (r >= 0)
        r = api_bind(q, b.tmpfs, tmpfs_fields, ARRAY_SIZE(tmpfs_fields), &b, e);
    if (r >= 0)
        r = api_bind(q, b.image, image_fields, ARRAY_SIZE(image_fields), &b, e);
    if (r >= 0)
        r = api_bind(q, b.volume, volume_fields, ARRAY_SIZE(volume_fields), &b, e);
    if (r >= 0)
        r = api_bind(q, b.driver, driver_fields, ARRAY_SIZE(driver_fields), &b, e);
    if (r >= 0)
        r = known_options(q, one, &b, e);
    if (r >= 0)
        r = mount_type(b.type, &m.type, e);
    if (r >= 0)
        r = check_mount(&b, &m, e);
    if (r < 0)
        return r;
    m.source = *b.source ? b.source : NULL;
    m.target = b.target;
    m.read_only = b.read_only || m.type == SHALE_MOUNT_IMAGE;
    m.create_source = b.make_source;
    m.propagation = *b.propagation ? b.propagation : NULL;
    m.subpath = *b.subpath ? b.subpath : NULL;
    m.tmpfs_size_bytes = b.size > 0 ? (uint64_t)b.size : 0;
    m.no_copy = b.no_copy;
    r = api_pairs(q, &b.driver_options, &m.volume_options, e);
    if (r >= 0)
        r = api_pairs(q, &b.labels, &m.volume_labels, e);
    if (r < 0)
        return r;
    m.options = b.mode ? arena_printf(q->arena, "mode=%o", (unsigned)b.mode) : NULL;
    if (b.mode && !m.options)
        return err_nomem(e);
    *ret = m;
    return 0;
}

/* "source:target:options"; docker says of which one it is that something is wrong. */
static int take_bind(struct api_req *q, const char *text, struct shale_mount *ret,
                     struct shale_err *e)
{
    int r = mount_value_volume(text, q->arena, ret, e);

    if (r < 0)
        return r;
    const char *kind = ret->type == SHALE_MOUNT_BIND ? "bind" : "volume";
    if (streq(ret->target, "/"))
        return err_set(e, SHALE_INVALID,
                       "invalid volume specification: '%.200s': invalid mount config for type "
                       "\"%s\": invalid specification: destination can't be '/'",
                       text, kind);
    if (ret->target[0] != '/')
        return err_set(e, SHALE_INVALID,
                       "invalid volume specification: '%.200s': invalid mount config for type "
                       "\"%s\": invalid mount path: '%.200s' mount path must be absolute",
                       text, kind, ret->target);
    return 0;
}

static int take_tmpfs(struct api_req *q, const char *target, const char *options,
                      struct shale_mount *ret, struct shale_err *e)
{
    const char *text = *options ? arena_printf(q->arena, "%s:%s", target, options) : target;

    return text ? mount_value_tmpfs(text, q->arena, ret, e) : err_nomem(e);
}

static bool is_mounted(const struct shale_mount *v, size_t n, const char *target)
{
    for (size_t i = 0; i < n; i++)
        if (streq(v[i].target, target))
            return true;
    return false;
}

int body_mounts(struct api_req *q, const struct body_mounts *m, struct shale_create_opts *o,
                struct shale_err *e)
{
    size_t all = m->binds->n + json_array_size(m->mounts) + m->tmpfs->n + m->volumes->n, n = 0;
    struct shale_mount *v = arena_array(q->arena, all + 1, sizeof *v);
    int r = v ? 0 : err_nomem(e);
    json_t *one;
    size_t i;

    if (r >= 0 && all > CREATE_LIST_MAX)
        r = err_set(e, SHALE_LIMIT, "more than %d mounts", CREATE_LIST_MAX);
    json_array_foreach(m->mounts, i, one) r = r < 0 ? r : take_mount(q, one, &v[n++], e);
    for (i = 0; r >= 0 && i < m->binds->n; i++)
        r = take_bind(q, m->binds->v[i], &v[n++], e);
    for (i = 0; r >= 0 && i < m->tmpfs->n; i++)
        r = take_tmpfs(q, m->tmpfs->m[i].k, m->tmpfs->m[i].v, &v[n++], e);
    for (i = 0; r >= 0 && i < m->volumes->n; i++)
        if (!is_mounted(v, n, m->volumes->v[i]))
            v[n++] = (struct shale_mount){.type = SHALE_MOUNT_VOLUME, .target = m->volumes->v[i]};
    o->mounts = v;
    o->n_mounts = n;
    return r;
}
