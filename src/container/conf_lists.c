/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of a container's configuration as JSON, both ways. */
#include "container/conf_lists.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "container/jout.h"

static void *room(const json_t *list, size_t size, struct arena *a)
{
    return arena_array(a, json_array_size(list) + 1, size);
}

#define F(name, kind, type, field)                                                                 \
    {                                                                                              \
        name, kind, offsetof(type, field), 0                                                       \
    }

/* ---- mounts ---- */

#define M(name, kind, field) F(name, kind, struct conf_mount, field)
static const struct json_field mount_fields[] = {
    M("Type", JB_STR, type),
    M("Name", JB_STR, name),
    M("Source", JB_STR, source),
    M("Destination", JB_STR, target),
    M("Options", JB_STR, options),
    M("Propagation", JB_STR, propagation),
    M("SizeBytes", JB_U64, tmpfs_size_bytes),
    M("ReadOnly", JB_BOOL, read_only),
    M("Anonymous", JB_BOOL, anonymous),
    M("Shared", JB_BOOL, shared),
    M("NoCopy", JB_BOOL, no_copy),
};
#undef M

json_t *conf_mounts_json(const struct conf *c)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; i < c->n_mounts; i++) {
        json_t *o = json_object();
        jout_fields(&bad, o, mount_fields, ARRAY_SIZE(mount_fields), &c->mounts[i]);
        jout_add(&bad, list, o);
    }
    return bad ? NULL : TAKE_PTR(list);
}

int conf_mounts_parse(const json_t *list, struct arena *a, struct conf *c, struct shale_err *e)
{
    c->mounts = room(list, sizeof *c->mounts, a);
    if (!c->mounts)
        return err_nomem(e);
    for (size_t i = 0; i < json_array_size(list); i++) {
        c->mounts[i] = (struct conf_mount){
            .type = "", .name = "", .source = "", .target = "", .options = "", .propagation = ""};
        int r = json_bind(json_array_get(list, i), mount_fields, ARRAY_SIZE(mount_fields),
                          &c->mounts[i], a, e);
        if (r < 0)
            return r;
        c->n_mounts++;
    }
    return 0;
}

/* "src:dst:ro", as -v would take it. */
json_t *conf_binds_json(const struct conf *c)
{
    _cleanup_json_ json_t *list = json_array();

    for (size_t i = 0; i < c->n_mounts; i++) {
        const struct conf_mount *m = &c->mounts[i];
        const char *from = m->name[0] ? m->name : m->source;
        if (streq(m->type, "tmpfs") || streq(m->type, "image") || m->anonymous || m->shared)
            continue;
        if (json_array_append_new(
                list, json_sprintf("%s:%s%s", from, m->target, m->read_only ? ":ro" : "")) < 0)
            return NULL;
    }
    return json_array_size(list) ? TAKE_PTR(list) : json_null();
}

/* The member is there only where there is a tmpfs. */
void conf_put_tmpfs(int *bad, json_t *host, const struct conf *c)
{
    _cleanup_json_ json_t *o = json_object();

    for (size_t i = 0; i < c->n_mounts; i++)
        if (streq(c->mounts[i].type, "tmpfs"))
            jout_str(bad, o, c->mounts[i].target, c->mounts[i].options);
    if (json_object_size(o))
        jout_put(bad, host, "Tmpfs", TAKE_PTR(o));
}

/* ---- ulimits and devices ---- */

static const struct json_field ulimit_fields[] = {
    F("Name", JB_STR, struct run_ulimit, name),
    F("Hard", JB_I64, struct run_ulimit, hard),
    F("Soft", JB_I64, struct run_ulimit, soft),
};
static const struct json_field device_fields[] = {
    F("PathOnHost", JB_STR, struct run_device, host),
    F("PathInContainer", JB_STR, struct run_device, inside),
    F("CgroupPermissions", JB_STR, struct run_device, access),
};

json_t *conf_ulimits_json(const struct conf *c)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; i < c->n_ulimits; i++) {
        json_t *o = json_object();
        jout_fields(&bad, o, ulimit_fields, ARRAY_SIZE(ulimit_fields), &c->ulimits[i]);
        jout_add(&bad, list, o);
    }
    return bad ? NULL : TAKE_PTR(list);
}

json_t *conf_devices_json(const struct conf *c)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; i < c->n_devices; i++) {
        json_t *o = json_object();
        jout_fields(&bad, o, device_fields, ARRAY_SIZE(device_fields), &c->devices[i]);
        jout_add(&bad, list, o);
    }
    return bad ? NULL : TAKE_PTR(list);
}

int conf_ulimits_parse(const json_t *list, struct arena *a, struct conf *c, struct shale_err *e)
{
    c->ulimits = room(list, sizeof *c->ulimits, a);
    if (!c->ulimits)
        return err_nomem(e);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct run_ulimit *u = &c->ulimits[c->n_ulimits++];
        u->name = "";
        int r =
            json_bind(json_array_get(list, i), ulimit_fields, ARRAY_SIZE(ulimit_fields), u, a, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int conf_devices_parse(const json_t *list, struct arena *a, struct conf *c, struct shale_err *e)
{
    c->devices = room(list, sizeof *c->devices, a);
    if (!c->devices)
        return err_nomem(e);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct run_device *d = &c->devices[c->n_devices++];
        d->host = d->inside = d->access = "";
        int r =
            json_bind(json_array_get(list, i), device_fields, ARRAY_SIZE(device_fields), d, a, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- limits of block devices ---- */

static const struct {
    const char *name, *value;
} blkio_names[BLKIO_LISTS] = {
    [BLKIO_WEIGHTS] = {"BlkioWeightDevice", "Weight"},
    [BLKIO_READ_BPS] = {"BlkioDeviceReadBps", "Rate"},
    [BLKIO_WRITE_BPS] = {"BlkioDeviceWriteBps", "Rate"},
    [BLKIO_READ_IOPS] = {"BlkioDeviceReadIOps", "Rate"},
    [BLKIO_WRITE_IOPS] = {"BlkioDeviceWriteIOps", "Rate"},
};

void conf_put_blkio(int *bad, json_t *host, const struct conf *c)
{
    for (size_t i = 0; i < BLKIO_LISTS; i++) {
        json_t *list = c->blkio.lists[i].n ? json_array() : NULL;
        for (size_t k = 0; k < c->blkio.lists[i].n; k++) {
            const struct blkio_device *d = &c->blkio.lists[i].v[k];
            jout_add(bad, list,
                     json_pack("{s:s, s:I}", "Path", d->path, blkio_names[i].value,
                               (json_int_t)d->value));
        }
        if (c->blkio.lists[i].n)
            jout_put(bad, host, blkio_names[i].name, list);
    }
}

int conf_blkio_parse(const json_t *host, struct arena *a, struct conf *c, struct shale_err *e)
{
    for (size_t i = 0; i < BLKIO_LISTS; i++) {
        const struct json_field fields[] = {
            F("Path", JB_STR, struct blkio_device, path),
            F(blkio_names[i].value, JB_U64, struct blkio_device, value),
        };
        const json_t *list = json_object_get(host, blkio_names[i].name);
        struct blkio_device *v = room(list, sizeof *v, a);
        if (!v)
            return err_nomem(e);
        c->blkio.lists[i].v = v;
        for (size_t k = 0; k < json_array_size(list); k++) {
            v[k] = (struct blkio_device){"", 0};
            int r = json_bind(json_array_get(list, k), fields, ARRAY_SIZE(fields), &v[k], a, e);
            if (r < 0)
                return r;
        }
        c->blkio.lists[i].n = json_array_size(list);
    }
    return 0;
}
