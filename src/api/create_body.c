/* SPDX-License-Identifier: Apache-2.0 */
#include "api/create_body.h"

#include <inttypes.h>
#include <string.h>

#include "api/create_lists.h"
#include "api/known.h"
#include "api/pairs.h"
#include "api/settings.h"
#include "base/cleanup.h"
#include "base/str.h"

/* ---- tables ---- */

struct config {
    const char *hostname, *domainname, *user, *image, *workdir, *stop_signal, *mac;
    bool attach_in, attach_out, attach_err, tty, open_stdin, stdin_once, network_disabled;
    struct strv env, cmd, entrypoint, volumes, exposed, shell;
    struct strmap labels;
    int64_t stop_timeout;
    const json_t *health, *host, *networking;
};
#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct config, field), 0                                              \
    }
static const struct json_field config_fields[] = {
    F("Hostname", JB_STR, hostname),
    F("Domainname", JB_STR, domainname),
    F("User", JB_STR, user),
    F("Image", JB_STR, image),
    F("WorkingDir", JB_STR, workdir),
    F("StopSignal", JB_STR, stop_signal),
    F("MacAddress", JB_STR, mac),
    F("AttachStdin", JB_BOOL, attach_in),
    F("AttachStdout", JB_BOOL, attach_out),
    F("AttachStderr", JB_BOOL, attach_err),
    F("Tty", JB_BOOL, tty),
    F("OpenStdin", JB_BOOL, open_stdin),
    F("StdinOnce", JB_BOOL, stdin_once),
    F("NetworkDisabled", JB_BOOL, network_disabled),
    F("Env", JB_STRV, env),
    F("Volumes", JB_SET, volumes),
    F("ExposedPorts", JB_SET, exposed),
    F("Labels", JB_STRMAP, labels),
    F("StopTimeout", JB_I64, stop_timeout),
    F("Healthcheck", JB_OBJECT, health),
    F("HostConfig", JB_OBJECT, host),
    F("NetworkingConfig", JB_OBJECT, networking),
};
#undef F

struct host {
    const char *network, *runtime;
    bool auto_remove, privileged, publish_all, read_only, init;
    struct strv binds, volumes_from, cap_add, cap_drop, dns, dns_options, dns_search, extra_hosts,
        group_add, security_opt;
    const char *pid, *ipc, *uts, *cgroupns, *userns;
    bool oom_kill_disable;
    struct strv links, device_rules, masked_paths, readonly_paths;
    struct strmap tmpfs, sysctls, annotations;
    int64_t shm, oom_score_adj, swappiness; /* the last -1: none */
    const json_t *ports, *log, *devices, *ulimits, *mounts;
    const json_t *weight_devices, *read_bps, *write_bps, *read_iops, *write_iops;
};
#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct host, field), 0                                                \
    }
static const struct json_field host_fields[] = {
    F("NetworkMode", JB_STR, network),
    F("Runtime", JB_STR, runtime),
    F("AutoRemove", JB_BOOL, auto_remove),
    F("Privileged", JB_BOOL, privileged),
    F("PublishAllPorts", JB_BOOL, publish_all),
    F("ReadonlyRootfs", JB_BOOL, read_only),
    F("Init", JB_BOOL, init),
    F("Binds", JB_STRV, binds),
    F("VolumesFrom", JB_STRV, volumes_from),
    F("Dns", JB_STRV, dns),
    F("DnsOptions", JB_STRV, dns_options),
    F("DnsSearch", JB_STRV, dns_search),
    F("ExtraHosts", JB_STRV, extra_hosts),
    F("GroupAdd", JB_STRV, group_add),
    F("SecurityOpt", JB_STRV, security_opt),
    F("Tmpfs", JB_STRMAP, tmpfs),
    F("Sysctls", JB_STRMAP, sysctls),
    F("ShmSize", JB_I64, shm),
    F("PortBindings", JB_OBJECT, ports),
    F("LogConfig", JB_OBJECT, log),
    F("Devices", JB_ARRAY, devices),
    F("Ulimits", JB_ARRAY, ulimits),
    F("Mounts", JB_ARRAY, mounts),
    F("PidMode", JB_STR, pid),
    F("IpcMode", JB_STR, ipc),
    F("UTSMode", JB_STR, uts),
    F("CgroupnsMode", JB_STR, cgroupns),
    F("UsernsMode", JB_STR, userns),
    F("Links", JB_STRV, links),
    F("DeviceCgroupRules", JB_STRV, device_rules),
    F("MaskedPaths", JB_STRV, masked_paths),
    F("ReadonlyPaths", JB_STRV, readonly_paths),
    F("Annotations", JB_STRMAP, annotations),
    F("OomScoreAdj", JB_I64, oom_score_adj),
    F("OomKillDisable", JB_BOOL, oom_kill_disable),
    F("MemorySwappiness", JB_I64, swappiness),
    F("BlkioWeightDevice", JB_ARRAY, weight_devices),
    F("BlkioDeviceReadBps", JB_ARRAY, read_bps),
    F("BlkioDeviceWriteBps", JB_ARRAY, write_bps),
    F("BlkioDeviceReadIOps", JB_ARRAY, read_iops),
    F("BlkioDeviceWriteIOps", JB_ARRAY, write_iops),
};
#undef F

struct health {
    struct strv test;
    int64_t interval, timeout, start_period, start_interval, retries;
};
#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct health, field), 0                                              \
    }
static const struct json_field health_fields[] = {
    F("Test", JB_STRV, test),
    F("Interval", JB_I64, interval),
    F("Timeout", JB_I64, timeout),
    F("StartPeriod", JB_I64, start_period),
    F("StartInterval", JB_I64, start_interval),
    F("Retries", JB_I64, retries),
};
#undef F

#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct create_limits, field), 0                                       \
    }
static const struct json_field limit_fields[] = {
    F("Memory", JB_I64, memory),
    F("NanoCpus", JB_I64, nano_cpus),
    F("PidsLimit", JB_I64, pids_limit),
    F("MemorySwap", JB_I64, more.memory_swap_bytes),
    F("MemoryReservation", JB_I64, more.memory_reservation_bytes),
    F("CpuShares", JB_I64, more.cpu_shares),
    F("CpuPeriod", JB_I64, more.cpu_period_us),
    F("CpuQuota", JB_I64, more.cpu_quota_us),
    F("CpusetCpus", JB_STR, more.cpuset_cpus),
    F("CpusetMems", JB_STR, more.cpuset_mems),
    F("BlkioWeight", JB_I64, blkio_weight),
    F("CgroupParent", JB_STR, cgroup_parent),
};
#undef F

/* What HostConfig may ask for and we do not have. The values that stand for "nothing" beside null,
 * "", 0, false and what is empty. */
static const struct {
    struct json_field f;
    const char *nothing;
} absent[] = {
    {{"Cgroup", JB_STR, 0, 0}, NULL},
    {{"CpuRealtimePeriod", JB_I64, 0, 0}, NULL},
    {{"CpuRealtimeRuntime", JB_I64, 0, 0}, NULL},
    {{"DeviceRequests", JB_ARRAY, 0, 0}, NULL},
    {{"Isolation", JB_STR, 0, 0}, "default"},
    {{"KernelMemory", JB_I64, 0, 0}, NULL},
    {{"StorageOpt", JB_STRMAP, 0, 0}, NULL},
    {{"VolumeDriver", JB_STR, 0, 0}, "local"},
};

/* ---- small things ---- */

static bool says_nothing(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        return json_string_length(v) == 0;
    case JSON_INTEGER:
        return json_integer_value(v) == 0 || json_integer_value(v) == -1; /* "as it is" */
    case JSON_ARRAY:
        return json_array_size(v) == 0;
    case JSON_OBJECT:
        return json_object_size(v) == 0;
    case JSON_REAL:
    case JSON_TRUE:
        return false;
    default:
        return true;
    }
}

static int check_absent(struct api_req *q, const json_t *host, struct shale_err *e)
{
    union { /* each value in turn; nobody looks at it */
        char *text;
        int64_t number;
        struct strmap map;
        const json_t *json;
    } waste;

    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        const json_t *v = api_member(host, absent[i].f.name);
        int r = api_bind(q, host, &absent[i].f, 1, &waste, e);
        if (r < 0)
            return r;
        if (v && !says_nothing(v) &&
            !(absent[i].nothing && streq(json_string_value(v), absent[i].nothing)))
            return err_set(e, SHALE_UNSUPPORTED, "HostConfig.%s is not supported yet",
                           absent[i].f.name);
    }
    return 0;
}

static const char *text_or_null(const char *s)
{
    return s && *s ? s : NULL;
}

/* "Cmd": a list, or one word. */
static int take_words(struct api_req *q, const json_t *obj, const char *name, struct strv *ret,
                      struct shale_err *e)
{
    const json_t *v = api_member(obj, name);
    struct {
        struct strv list;
    } x = {{0}};
    const struct json_field field = {name, JB_STRV, 0, 0};

    if (json_is_string(v)) {
        x.list.v = arena_array(q->arena, 2, sizeof *x.list.v);
        if (!x.list.v || !(x.list.v[0] = arena_strdup(q->arena, json_string_value(v))))
            return err_nomem(e);
        x.list.n = 1;
        x.list.set = true;
    } else {
        int r = api_bind(q, obj, &field, 1, &x, e);
        if (r < 0)
            return r;
    }
    *ret = x.list;
    return 0;
}

/* ---- parts ---- */

static int take_restart(struct api_req *q, const json_t *obj, const char **ret, struct shale_err *e)
{
    struct {
        const char *name;
        int64_t count;
    } p = {"", 0};
    const struct json_field fields[] = {{"Name", JB_STR, 0, 0},
                                        {"MaximumRetryCount", JB_I64, sizeof p.name, 0}};
    const json_t *policy = api_member(obj, "RestartPolicy");

    *ret = NULL;
    if (!policy)
        return 0;
    if (!json_is_object(policy))
        return err_set(e, SHALE_INVALID, "invalid JSON: \"RestartPolicy\" is not an object");
    int r = api_bind(q, policy, fields, ARRAY_SIZE(fields), &p, e);
    if (r < 0 || !*p.name)
        return r;
    *ret = p.count ? arena_printf(q->arena, "%s:%" PRId64, p.name, p.count) : p.name;
    return *ret ? 0 : err_nomem(e);
}

int create_body_limits(struct api_req *q, const json_t *obj, struct create_limits *ret,
                       struct shale_err *e)
{
    int r;

    *ret = (struct create_limits){.cgroup_parent = ""};
    r = api_known_types(q, obj, API_KNOWN_HOST_CONFIG, e);
    if (r >= 0)
        r = check_absent(q, obj, e);
    if (r < 0)
        return r;
    r = api_bind(q, obj, limit_fields, ARRAY_SIZE(limit_fields), ret, e);
    ret->more.cpuset_cpus = text_or_null(ret->more.cpuset_cpus);
    ret->more.cpuset_mems = text_or_null(ret->more.cpuset_mems);
    return r < 0 ? r : take_restart(q, obj, &ret->restart, e);
}

static int take_health(struct api_req *q, const json_t *obj, struct shale_create_opts *o,
                       struct shale_err *e)
{
    struct health h = {.interval = 0};
    int r = api_bind(q, obj, health_fields, ARRAY_SIZE(health_fields), &h, e);

    if (r < 0)
        return r;
    o->health_test = strv_or_null(&h.test);
    o->no_healthcheck = h.test.n > 0 && streq(h.test.v[0], "NONE");
    o->health_interval_ns = h.interval;
    o->health_timeout_ns = h.timeout;
    o->health_start_period_ns = h.start_period;
    o->health_start_interval_ns = h.start_interval;
    o->health_retries = h.retries;
    return 0;
}

/* What the request says of its driver, over what the config says of the same one. */
static int take_log(struct api_req *q, const json_t *log, struct shale_create_opts *o,
                    struct shale_err *e)
{
    struct {
        const char *driver;
        struct strmap opts;
    } own = {.driver = ""};
    const struct json_field fields[] = {{"Type", JB_STR, 0, 0},
                                        {"Config", JB_STRMAP, sizeof own.driver, 0}};
    const struct api_conf *conf = q->set ? &q->set->conf : NULL;
    const char *usual = conf && conf->log_driver ? conf->log_driver : "json-file";
    int r = api_bind(q, log, fields, ARRAY_SIZE(fields), &own, e);

    if (r < 0)
        return r;
    o->log_driver = *own.driver ? own.driver : usual;
    size_t n = own.opts.n, n_conf = conf && streq(o->log_driver, usual) ? conf->log_opts.n : 0;
    struct strmap all = {.m = arena_array(q->arena, n + n_conf + 1, sizeof *all.m),
                         .set = n + n_conf > 0};
    if (!all.m)
        return err_nomem(e);
    for (size_t i = 0; i < n_conf; i++)
        strmap_put(&all, conf->log_opts.m[i].k, conf->log_opts.m[i].v);
    for (size_t i = 0; i < n; i++)
        strmap_put(&all, own.opts.m[i].k, own.opts.m[i].v);
    return api_pairs(q, &all, &o->log_opts, e);
}

static void take_config(const struct config *c, struct shale_create_opts *o)
{
    static const char *const empty[] = {NULL};
    bool attached = c->attach_in || c->attach_out || c->attach_err;

    o->attach_told = true;
    o->attach_in = c->attach_in;
    o->attach_out = c->attach_out;
    o->attach_err = c->attach_err;
    o->image = c->image ? c->image : "";
    o->hostname = text_or_null(c->hostname);
    o->domainname = text_or_null(c->domainname);
    o->user = text_or_null(c->user);
    o->workdir = text_or_null(c->workdir);
    o->stop_signal = text_or_null(c->stop_signal);
    o->stop_timeout_s = c->stop_timeout;
    o->tty = c->tty;
    o->interactive = c->open_stdin;
    o->detached = c->open_stdin ? !c->stdin_once : !attached;
    o->cmd = strv_or_null(&c->cmd);
    /* an empty list clears the image's, as one empty word does */
    o->entrypoint = c->entrypoint.set && !c->entrypoint.n ? empty : strv_or_null(&c->entrypoint);
    o->env = strv_or_null(&c->env);
    o->expose = strv_or_null(&c->exposed);
}

/* null: the usual ones; none at all where the list is empty. */
static const char *const *paths_of(const struct strv *v)
{
    static const char *const none[] = {NULL};

    return v->n ? (const char *const *)v->v : v->set ? none : NULL;
}

static void take_host(const struct host *h, struct shale_create_opts *o)
{
    o->runtime = text_or_null(h->runtime);
    o->auto_remove = h->auto_remove;
    o->privileged = h->privileged;
    o->publish_all = h->publish_all;
    o->read_only = h->read_only;
    o->init = h->init;
    o->volumes_from = strv_or_null(&h->volumes_from);
    o->cap_add = strv_or_null(&h->cap_add);
    o->cap_drop = strv_or_null(&h->cap_drop);
    o->dns = strv_or_null(&h->dns);
    o->dns_options = strv_or_null(&h->dns_options);
    o->dns_search = strv_or_null(&h->dns_search);
    o->extra_hosts = strv_or_null(&h->extra_hosts);
    o->group_add = strv_or_null(&h->group_add);
    o->security_opt = strv_or_null(&h->security_opt);
    o->shm_bytes = h->shm;
    o->namespaces = (struct shale_namespace_opts){h->pid, h->ipc, h->uts, h->cgroupns, h->userns};
    o->links = strv_or_null(&h->links);
    o->device_rules = strv_or_null(&h->device_rules);
    o->masked_paths = paths_of(&h->masked_paths);
    o->readonly_paths = paths_of(&h->readonly_paths);
    o->oom_score_adj = h->oom_score_adj;
    o->oom_kill_disable = h->oom_kill_disable;
}

static int take_blkio(struct api_req *q, const struct host *h, struct shale_blkio_opts *b,
                      struct shale_err *e)
{
    int r = body_blkio(q, h->weight_devices, "Weight", &b->weight_devices, e);

    if (r >= 0)
        r = body_blkio(q, h->read_bps, "Rate", &b->read_bps, e);
    if (r >= 0)
        r = body_blkio(q, h->write_bps, "Rate", &b->write_bps, e);
    if (r >= 0)
        r = body_blkio(q, h->read_iops, "Rate", &b->read_iops, e);
    return r < 0 ? r : body_blkio(q, h->write_iops, "Rate", &b->write_iops, e);
}

static int take_swappiness(struct api_req *q, int64_t value, struct shale_create_opts *o,
                           struct shale_err *e)
{
    int64_t *kept = value == -1 ? NULL : arena_memdup(q->arena, &value, sizeof value);

    o->memory_swappiness = kept;
    return value == -1 || kept ? 0 : err_nomem(e);
}

/* The one from before each network had its own: it is the first one's. */
static int take_mac(const struct config *c, struct shale_create_opts *o, struct shale_err *e)
{
    struct shale_endpoint_opts *first = (struct shale_endpoint_opts *)(uintptr_t)o->networks;

    if (!c->mac || !*c->mac)
        return 0;
    if (first->mac && !str_ieq(first->mac, c->mac))
        return err_set(
            e, SHALE_INVALID,
            "the container-wide MAC address must match the endpoint-specific MAC address "
            "for the main network, or be left empty");
    first->mac = c->mac;
    return 0;
}

static int take_lists(struct api_req *q, const struct config *c, const struct host *h,
                      struct shale_create_opts *o, struct shale_err *e)
{
    const struct body_mounts m = {&h->binds, h->mounts, &h->tmpfs, &c->volumes};
    int r = api_pairs(q, &c->labels, &o->labels, e);

    if (r >= 0)
        r = api_pairs(q, &h->sysctls, &o->sysctls, e);
    if (r >= 0)
        r = api_pairs(q, &h->annotations, &o->annotations, e);
    if (r >= 0)
        r = take_blkio(q, h, &o->blkio, e);
    if (r >= 0)
        r = take_swappiness(q, h->swappiness, o, e);
    if (r >= 0)
        r = body_ports(q, h->ports, &o->publish, e);
    if (r >= 0)
        r = body_devices(q, h->devices, &o->devices, e);
    if (r >= 0)
        r = body_ulimits(q, h->ulimits, &o->ulimits, e);
    if (r >= 0)
        r = body_mounts(q, &m, o, e);
    if (r >= 0)
        r = body_networks(q, c->network_disabled ? "none" : h->network, c->networking, o, e);
    return r < 0 ? r : take_mac(c, o, e);
}

int create_body_take(struct api_req *q, const json_t *body, struct shale_create_opts *ret,
                     struct shale_err *e)
{
    struct config c = {.stop_timeout = -1};
    struct host h = {.network = "", .swappiness = -1};
    struct create_limits limits;
    int r = api_bind(q, body, config_fields, ARRAY_SIZE(config_fields), &c, e);

    *ret = (struct shale_create_opts){.size = sizeof *ret, .foreign = true};
    if (r >= 0)
        r = take_words(q, body, "Cmd", &c.cmd, e);
    if (r >= 0)
        r = take_words(q, body, "Entrypoint", &c.entrypoint, e);
    if (r >= 0)
        r = take_words(q, body, "Shell", &c.shell, e);
    if (r >= 0)
        r = api_known_types(q, body, API_KNOWN_CONFIG, e);
    if (r >= 0)
        r = api_bind(q, c.host, host_fields, ARRAY_SIZE(host_fields), &h, e);
    if (r >= 0)
        r = take_words(q, c.host, "CapAdd", &h.cap_add, e);
    if (r >= 0)
        r = take_words(q, c.host, "CapDrop", &h.cap_drop, e);
    if (r >= 0)
        r = create_body_limits(q, c.host, &limits, e);
    if (r < 0)
        return r;
    take_config(&c, ret);
    take_host(&h, ret);
    ret->memory_bytes = limits.memory;
    ret->nano_cpus = limits.nano_cpus;
    ret->pids_limit = limits.pids_limit;
    ret->more_limits = limits.more;
    ret->restart = limits.restart;
    ret->blkio.weight = limits.blkio_weight;
    ret->cgroup_parent = text_or_null(limits.cgroup_parent);
    r = c.health ? take_health(q, c.health, ret, e) : 0;
    if (r >= 0)
        r = take_log(q, h.log, ret, e);
    return r < 0 ? r : take_lists(q, &c, &h, ret, e);
}
