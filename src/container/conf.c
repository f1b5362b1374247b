/* SPDX-License-Identifier: Apache-2.0 */
#include "container/conf_net.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/jout.h"
#include "container/maskpaths.h"

/* ---- out ---- */

static json_t *set_of(const struct strv *v) /* {"a":{}, …} */
{
    _cleanup_json_ json_t *o = json_object();

    for (size_t i = 0; i < v->n; i++)
        if (json_object_set_new(o, v->v[i], json_object()) < 0)
            return NULL;
    return TAKE_PTR(o);
}

static json_t *map_of(const struct strmap *m)
{
    _cleanup_json_ json_t *o = json_object();

    for (size_t i = 0; i < m->n; i++)
        if (json_object_set_new(o, m->m[i].k, json_string(m->m[i].v)) < 0)
            return NULL;
    return TAKE_PTR(o);
}

static json_t *strv_or_null(const struct strv *v)
{
    return v->n ? jout_strv(v) : json_null();
}

/* Members that are not set are not there. */
static json_t *health_of(const struct config_health *h)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0;
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {
        {"Interval", h->interval_ns},
        {"Timeout", h->timeout_ns},
        {"StartPeriod", h->start_period_ns},
        {"StartInterval", h->start_interval_ns},
        {"Retries", h->retries},
    };

    if (h->test.n)
        jout_put(&bad, o, "Test", jout_strv(&h->test));
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (numbers[i].value)
            jout_int(&bad, o, numbers[i].key, numbers[i].value);
    return bad ? NULL : TAKE_PTR(o);
}

static bool has_health(const struct config_health *h)
{
    return h->test.n || h->interval_ns || h->timeout_ns || h->start_period_ns ||
           h->start_interval_ns || h->retries;
}

int conf_config_json(const struct conf *c, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0, r;

    jout_str(&bad, o, "Hostname", c->hostname);
    jout_str(&bad, o, "Domainname", "");
    jout_str(&bad, o, "User", c->user);
    jout_bool(&bad, o, "AttachStdin", c->open_stdin && c->attached);
    jout_bool(&bad, o, "AttachStdout", c->attached);
    jout_bool(&bad, o, "AttachStderr", c->attached);
    if (c->exposed_ports.n)
        jout_put(&bad, o, "ExposedPorts", set_of(&c->exposed_ports));
    jout_bool(&bad, o, "Tty", c->tty);
    jout_bool(&bad, o, "OpenStdin", c->open_stdin);
    jout_bool(&bad, o, "StdinOnce", c->stdin_once);
    jout_put(&bad, o, "Env", jout_strv(&c->env));
    jout_put(&bad, o, "Cmd", strv_or_null(&c->cmd));
    jout_str(&bad, o, "Image", c->image);
    jout_put(&bad, o, "Volumes", c->volumes.n ? set_of(&c->volumes) : json_null());
    jout_str(&bad, o, "WorkingDir", c->workdir);
    jout_put(&bad, o, "Entrypoint", strv_or_null(&c->entrypoint));
    jout_put(&bad, o, "OnBuild", json_null());
    jout_put(&bad, o, "Labels", map_of(&c->labels));
    if (c->stop_signal[0])
        jout_str(&bad, o, "StopSignal", c->stop_signal);
    if (c->stop_timeout_s >= 0)
        jout_int(&bad, o, "StopTimeout", c->stop_timeout_s);
    if (has_health(&c->health))
        jout_put(&bad, o, "Healthcheck", health_of(&c->health));
    if (c->shell.n)
        jout_put(&bad, o, "Shell", jout_strv(&c->shell));
    r = jout_check(bad, "container configuration", e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(o);
    return 0;
}

/* "src:dst:ro", as -v would take it. */
static json_t *binds_of(const struct conf *c)
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
static void put_tmpfs(int *bad, json_t *host, const struct conf *c)
{
    _cleanup_json_ json_t *o = json_object();

    for (size_t i = 0; i < c->n_mounts; i++)
        if (streq(c->mounts[i].type, "tmpfs"))
            jout_str(bad, o, c->mounts[i].target, c->mounts[i].options);
    if (json_object_size(o))
        jout_put(bad, host, "Tmpfs", TAKE_PTR(o));
}

static json_t *ulimits_of(const struct conf *c)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; i < c->n_ulimits; i++) {
        const struct run_ulimit *u = &c->ulimits[i];
        jout_add(&bad, list,
                 json_pack("{s:s, s:I, s:I}", "Name", u->name, "Hard", (json_int_t)u->hard, "Soft",
                           (json_int_t)u->soft));
    }
    return bad ? NULL : TAKE_PTR(list);
}

static json_t *devices_of(const struct conf *c)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; i < c->n_devices; i++) {
        const struct run_device *d = &c->devices[i];
        jout_add(&bad, list,
                 json_pack("{s:s, s:s, s:s}", "PathOnHost", d->host, "PathInContainer", d->inside,
                           "CgroupPermissions", d->access));
    }
    return bad ? NULL : TAKE_PTR(list);
}

static void put_more_limits(int *bad, json_t *o, const struct shale_more_limits *m)
{
    jout_int(bad, o, "MemorySwap", m->memory_swap_bytes);
    jout_int(bad, o, "MemoryReservation", m->memory_reservation_bytes);
    jout_int(bad, o, "CpuShares", m->cpu_shares);
    jout_int(bad, o, "CpuPeriod", m->cpu_period_us);
    jout_int(bad, o, "CpuQuota", m->cpu_quota_us);
    jout_str(bad, o, "CpusetCpus", m->cpuset_cpus);
    jout_str(bad, o, "CpusetMems", m->cpuset_mems);
}

static json_t *log_of(const struct conf *c)
{
    const char *type = c->log_driver && c->log_driver[0] ? c->log_driver : CONF_LOG_TYPE;

    return json_pack("{s:s, s:o}", "Type", type, "Config", map_of(&c->log_opts));
}

int conf_host_config_json(const struct conf *c, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0, r;

    jout_put(&bad, o, "Binds", binds_of(c));
    jout_str(&bad, o, "ContainerIDFile", c->cidfile);
    jout_put(&bad, o, "LogConfig", log_of(c));
    jout_str(&bad, o, "NetworkMode", c->network);
    jout_put(&bad, o, "PortBindings", conf_ports_json(&c->ports));
    jout_bool(&bad, o, "PublishAllPorts", c->publish_all);
    jout_put(&bad, o, "RestartPolicy",
             json_pack("{s:s, s:I}", "Name", restart_name(c->restart.when), "MaximumRetryCount",
                       (json_int_t)c->restart.max));
    jout_bool(&bad, o, "AutoRemove", c->auto_remove);
    jout_put(&bad, o, "CapAdd", strv_or_null(&c->cap_add));
    jout_put(&bad, o, "CapDrop", strv_or_null(&c->cap_drop));
    jout_str(&bad, o, "CgroupnsMode", "host");
    jout_str(&bad, o, "IpcMode", "private");
    jout_str(&bad, o, "PidMode", "");
    jout_str(&bad, o, "UTSMode", "");
    jout_str(&bad, o, "UsernsMode", "");
    jout_bool(&bad, o, "Privileged", c->privileged);
    jout_bool(&bad, o, "ReadonlyRootfs", c->read_only);
    jout_put(&bad, o, "SecurityOpt", strv_or_null(&c->security_opt));
    put_tmpfs(&bad, o, c);
    jout_int(&bad, o, "ShmSize", c->shm_bytes);
    jout_put(&bad, o, "Dns", jout_strv(&c->dns));
    jout_put(&bad, o, "DnsOptions", jout_strv(&c->dns_options));
    jout_put(&bad, o, "DnsSearch", jout_strv(&c->dns_search));
    jout_put(&bad, o, "ExtraHosts", strv_or_null(&c->extra_hosts));
    jout_put(&bad, o, "GroupAdd", strv_or_null(&c->group_add));
    jout_put(&bad, o, "VolumesFrom", strv_or_null(&c->volumes_from));
    jout_put(&bad, o, "Ulimits", ulimits_of(c));
    jout_put(&bad, o, "Devices", devices_of(c));
    if (c->sysctls.n)
        jout_put(&bad, o, "Sysctls", map_of(&c->sysctls));
    jout_str(&bad, o, "Runtime", c->runtime);
    jout_int(&bad, o, "Memory", c->memory_bytes);
    jout_int(&bad, o, "NanoCpus", c->nano_cpus);
    put_more_limits(&bad, o, &c->more);
    jout_put(&bad, o, "PidsLimit", c->pids_limit ? json_integer(c->pids_limit) : json_null());
    if (c->init)
        jout_bool(&bad, o, "Init", true);
    jout_put(&bad, o, "MaskedPaths", c->privileged ? json_null() : jout_split(MASKED_PATHS));
    jout_put(&bad, o, "ReadonlyPaths", c->privileged ? json_null() : jout_split(READONLY_PATHS));
    r = jout_check(bad, "container configuration", e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(o);
    return 0;
}

static json_t *mount_json(const struct conf_mount *m)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0;

    jout_str(&bad, o, "Type", m->type);
    jout_str(&bad, o, "Name", m->name);
    jout_str(&bad, o, "Source", m->source);
    jout_str(&bad, o, "Destination", m->target);
    jout_str(&bad, o, "Options", m->options);
    jout_str(&bad, o, "Propagation", m->propagation);
    jout_int(&bad, o, "SizeBytes", (int64_t)m->tmpfs_size_bytes);
    jout_bool(&bad, o, "ReadOnly", m->read_only);
    jout_bool(&bad, o, "Anonymous", m->anonymous);
    jout_bool(&bad, o, "Shared", m->shared);
    if (m->no_copy)
        jout_bool(&bad, o, "NoCopy", true);
    return bad ? NULL : TAKE_PTR(o);
}

int conf_format(const struct conf *c, struct arena *a, char **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    _cleanup_json_ json_t *mounts = json_array();
    json_t *config, *host;
    int bad = 0, r;

    for (size_t i = 0; i < c->n_mounts; i++)
        jout_add(&bad, mounts, mount_json(&c->mounts[i]));
    jout_put(&bad, o, "Mounts", TAKE_PTR(mounts));
    r = conf_config_json(c, &config, e);
    if (r < 0)
        return r;
    jout_put(&bad, o, "Config", config);
    r = conf_host_config_json(c, &host, e);
    if (r < 0)
        return r;
    jout_put(&bad, o, "HostConfig", host);
    jout_str(&bad, o, "Path", c->path);
    jout_put(&bad, o, "Args", jout_strv(&c->args));
    if (c->n_networks)
        jout_put(&bad, o, "Networks", conf_networks_json(c));
    jout_str(&bad, o, "DetachKeys", c->detach_keys);
    jout_str(&bad, o, "Starter", c->starter);
    r = jout_check(bad, "container configuration", e);
    if (r < 0)
        return r;
    r = jout_text(o, JSON_COMPACT, a, ret, e);
    if (r < 0)
        return r;
    if (strlen(*ret) > CONF_MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "container configuration of more than %u bytes",
                       CONF_MAX_BYTES);
    return 0;
}

/* ---- in ---- */

#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct conf, field), 0                                                \
    }
static const struct json_field config_fields[] = {
    F("Hostname", JB_STR, hostname),
    F("User", JB_STR, user),
    F("WorkingDir", JB_STR, workdir),
    F("StopSignal", JB_STR, stop_signal),
    F("Image", JB_STR, image),
    F("Tty", JB_BOOL, tty),
    F("OpenStdin", JB_BOOL, open_stdin),
    F("StdinOnce", JB_BOOL, stdin_once),
    F("AttachStdout", JB_BOOL, attached),
    F("Env", JB_STRV, env),
    F("Entrypoint", JB_STRV, entrypoint),
    F("Cmd", JB_STRV, cmd),
    F("ExposedPorts", JB_SET, exposed_ports),
    F("Volumes", JB_SET, volumes),
    F("Labels", JB_STRMAP, labels),
    F("StopTimeout", JB_I64, stop_timeout_s),
    F("Shell", JB_STRV, shell),
};
static const struct json_field health_fields[] = {
    F("Test", JB_STRV, health.test),
    F("Interval", JB_I64, health.interval_ns),
    F("Timeout", JB_I64, health.timeout_ns),
    F("StartPeriod", JB_I64, health.start_period_ns),
    F("StartInterval", JB_I64, health.start_interval_ns),
    F("Retries", JB_I64, health.retries),
};
static const struct json_field host_fields[] = {
    F("NetworkMode", JB_STR, network),
    F("Runtime", JB_STR, runtime),
    F("ContainerIDFile", JB_STR, cidfile),
    F("AutoRemove", JB_BOOL, auto_remove),
    F("PublishAllPorts", JB_BOOL, publish_all),
    F("Privileged", JB_BOOL, privileged),
    F("Init", JB_BOOL, init),
    F("ReadonlyRootfs", JB_BOOL, read_only),
    F("CapAdd", JB_STRV, cap_add),
    F("CapDrop", JB_STRV, cap_drop),
    F("SecurityOpt", JB_STRV, security_opt),
    F("Memory", JB_I64, memory_bytes),
    F("NanoCpus", JB_I64, nano_cpus),
    F("PidsLimit", JB_I64, pids_limit),
    F("MemorySwap", JB_I64, more.memory_swap_bytes),
    F("MemoryReservation", JB_I64, more.memory_reservation_bytes),
    F("CpuShares", JB_I64, more.cpu_shares),
    F("CpuPeriod", JB_I64, more.cpu_period_us),
    F("CpuQuota", JB_I64, more.cpu_quota_us),
    F("CpusetCpus", JB_STR, more.cpuset_cpus),
    F("CpusetMems", JB_STR, more.cpuset_mems),
    F("ShmSize", JB_I64, shm_bytes),
    F("Dns", JB_STRV, dns),
    F("DnsOptions", JB_STRV, dns_options),
    F("DnsSearch", JB_STRV, dns_search),
    F("ExtraHosts", JB_STRV, extra_hosts),
    F("VolumesFrom", JB_STRV, volumes_from),
    F("GroupAdd", JB_STRV, group_add),
    F("Sysctls", JB_STRMAP, sysctls),
};
static const struct json_field own_fields[] = {
    F("Path", JB_STR, path),
    F("Args", JB_STRV, args),
    F("DetachKeys", JB_STR, detach_keys),
    F("Starter", JB_STR, starter),
};
#undef F
#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct conf_mount, field), 0                                          \
    }
static const struct json_field mount_fields[] = {
    F("Type", JB_STR, type),
    F("Name", JB_STR, name),
    F("Source", JB_STR, source),
    F("Destination", JB_STR, target),
    F("Options", JB_STR, options),
    F("Propagation", JB_STR, propagation),
    F("SizeBytes", JB_U64, tmpfs_size_bytes),
    F("ReadOnly", JB_BOOL, read_only),
    F("Anonymous", JB_BOOL, anonymous),
    F("Shared", JB_BOOL, shared),
    F("NoCopy", JB_BOOL, no_copy),
};
#undef F

static int parse_mounts(const json_t *list, struct arena *a, struct conf *c, struct shale_err *e)
{
    c->mounts = arena_array(a, json_array_size(list) + 1, sizeof *c->mounts);
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

#define F(name, kind, type, field)                                                                 \
    {                                                                                              \
        name, kind, offsetof(type, field), 0                                                       \
    }
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
#undef F

static int parse_ulimits(const json_t *list, struct arena *a, struct conf *c, struct shale_err *e)
{
    c->ulimits = arena_array(a, json_array_size(list) + 1, sizeof *c->ulimits);
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

static int parse_devices(const json_t *list, struct arena *a, struct conf *c, struct shale_err *e)
{
    c->devices = arena_array(a, json_array_size(list) + 1, sizeof *c->devices);
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

#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct conf, field), 0                                                \
    }
static const struct json_field log_fields[] = {
    F("Type", JB_STR, log_driver),
    F("Config", JB_STRMAP, log_opts),
};
#undef F

static int parse_log(const json_t *obj, struct conf *c, struct arena *a, struct shale_err *e)
{
    return json_is_object(obj) ? json_bind(obj, log_fields, ARRAY_SIZE(log_fields), c, a, e) : 0;
}

static int parse_restart(const json_t *obj, struct conf *c, struct shale_err *e)
{
    const char *name = json_string_value(json_object_get(obj, "Name"));

    c->restart.max = json_integer_value(json_object_get(obj, "MaximumRetryCount"));
    return restart_by_name(name ? name : "no", &c->restart.when)
               ? 0
               : err_set(e, SHALE_CORRUPT, "row of a container has an unknown restart policy");
}

static int bind(const json_t *obj, const struct json_field *fields, size_t n, struct conf *c,
                struct arena *a, struct shale_err *e)
{
    return json_is_object(obj) ? json_bind(obj, fields, n, c, a, e)
                               : err_set(e, SHALE_CORRUPT, "row of a container is incomplete");
}

int conf_parse(const char *text, struct arena *a, struct conf *ret, struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    struct conf c = CONF_INIT;
    const json_t *host, *health;
    int r;

    r = json_parse(text, strlen(text), CONF_MAX_BYTES, &j, e);
    if (r < 0)
        return r;
    r = bind(json_object_get(j, "Config"), config_fields, ARRAY_SIZE(config_fields), &c, a, e);
    if (r >= 0)
        r = bind(json_object_get(j, "HostConfig"), host_fields, ARRAY_SIZE(host_fields), &c, a, e);
    if (r >= 0)
        r = bind(j, own_fields, ARRAY_SIZE(own_fields), &c, a, e);
    if (r >= 0)
        r = parse_mounts(json_object_get(j, "Mounts"), a, &c, e);
    host = json_object_get(j, "HostConfig");
    health = json_object_get(json_object_get(j, "Config"), "Healthcheck");
    if (r >= 0 && health)
        r = bind(health, health_fields, ARRAY_SIZE(health_fields), &c, a, e);
    if (r >= 0)
        r = parse_ulimits(json_object_get(host, "Ulimits"), a, &c, e);
    if (r >= 0)
        r = parse_devices(json_object_get(host, "Devices"), a, &c, e);
    if (r >= 0)
        r = parse_log(json_object_get(host, "LogConfig"), &c, a, e);
    if (r >= 0)
        r = parse_restart(json_object_get(host, "RestartPolicy"), &c, e);
    if (r >= 0)
        r = conf_ports_parse(json_object_get(host, "PortBindings"), a, &c.ports, e);
    if (r >= 0)
        r = conf_networks_parse(json_object_get(j, "Networks"), a, &c, e);
    if (r < 0)
        return r;
    *ret = c;
    return 0;
}

/* ---- small questions ---- */

int conf_command(const struct conf *c, struct arena *a, const char ***ret, struct shale_err *e)
{
    const char **v = arena_array(a, c->args.n + 2, sizeof *v);

    if (!v)
        return err_nomem(e);
    v[0] = c->path;
    for (size_t i = 0; i < c->args.n; i++)
        v[i + 1] = c->args.v[i];
    *ret = v;
    return 0;
}

const char *conf_cgroup_parent(const struct conf *c)
{
    return c->cgroup_parent && c->cgroup_parent[0] ? c->cgroup_parent : CONF_CGROUP_PARENT;
}

const char *conf_security_opt(const struct conf *c, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < c->security_opt.n; i++) {
        const char *s = c->security_opt.v[i];
        if (strncmp(s, name, n) != 0)
            continue;
        if (s[n] == 0)
            return "";
        if (s[n] == '=' || s[n] == ':')
            return s + n + 1;
    }
    return NULL;
}

bool conf_no_new_privileges(const struct conf *c)
{
    const char *value = conf_security_opt(c, "no-new-privileges");

    return value && !strchr("0fF", value[0]) ? true : value && value[0] == 0;
}
