/* SPDX-License-Identifier: Apache-2.0 */
#include "container/conf.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/conf_lists.h"
#include "container/conf_net.h"
#include "container/jout.h"
#include "container/maskpaths.h"

/* ---- members, for both ways ---- */

#define F(name, kind, field, flags)                                                                \
    {                                                                                              \
        name, kind, offsetof(struct conf, field), flags                                            \
    }
/* In docker's order, which inspect shows. */
static const struct json_field config_fields[] = {
    F("Hostname", JB_STR, hostname, 0),
    F("Domainname", JB_STR, domainname, 0),
    F("User", JB_STR, user, 0),
    F("AttachStdin", JB_BOOL, attach_in, 0),
    F("AttachStdout", JB_BOOL, attach_out, 0),
    F("AttachStderr", JB_BOOL, attach_err, 0),
    F("ExposedPorts", JB_SET, exposed_ports, JOUT_OMIT),
    F("Tty", JB_BOOL, tty, 0),
    F("OpenStdin", JB_BOOL, open_stdin, 0),
    F("StdinOnce", JB_BOOL, stdin_once, 0),
    F("Env", JB_STRV, env, 0),
    F("Cmd", JB_STRV, cmd, JOUT_NULL),
    F("Image", JB_STR, image, 0),
    F("Volumes", JB_SET, volumes, JOUT_NULL),
    F("WorkingDir", JB_STR, workdir, 0),
    F("Entrypoint", JB_STRV, entrypoint, JOUT_NULL),
    F("OnBuild", JB_STRV, on_build, JOUT_NULL),
    F("Labels", JB_STRMAP, labels, 0),
    F("StopSignal", JB_STR, stop_signal, JOUT_OMIT),
    F("StopTimeout", JB_I64, stop_timeout_s, JOUT_OMIT_NEGATIVE),
    F("Shell", JB_STRV, shell, JOUT_OMIT),
};
static const struct json_field health_fields[] = {
    F("Test", JB_STRV, health.test, JOUT_OMIT),
    F("Interval", JB_I64, health.interval_ns, JOUT_OMIT),
    F("Timeout", JB_I64, health.timeout_ns, JOUT_OMIT),
    F("StartPeriod", JB_I64, health.start_period_ns, JOUT_OMIT),
    F("StartInterval", JB_I64, health.start_interval_ns, JOUT_OMIT),
    F("Retries", JB_I64, health.retries, JOUT_OMIT),
};
/* What is left out is in show.c as docker shows it. */
static const struct json_field host_fields[] = {
    F("ContainerIDFile", JB_STR, cidfile, 0),
    F("NetworkMode", JB_STR, network, 0),
    F("PublishAllPorts", JB_BOOL, publish_all, 0),
    F("AutoRemove", JB_BOOL, auto_remove, 0),
    F("CapAdd", JB_STRV, cap_add, JOUT_NULL),
    F("CapDrop", JB_STRV, cap_drop, JOUT_NULL),
    F("CgroupnsMode", JB_STR, namespaces[NS_CGROUP], 0),
    F("IpcMode", JB_STR, namespaces[NS_IPC], 0),
    F("PidMode", JB_STR, namespaces[NS_PID], 0),
    F("UTSMode", JB_STR, namespaces[NS_UTS], 0),
    F("UsernsMode", JB_STR, namespaces[NS_USER], 0),
    F("CgroupParent", JB_STR, cgroup_parent, JOUT_OMIT),
    F("Annotations", JB_STRMAP, annotations, JOUT_OMIT),
    F("Links", JB_STRV, links, JOUT_OMIT),
    F("OomScoreAdj", JB_I64, oom_score_adj, JOUT_OMIT),
    F("OomKillDisable", JB_BOOL, oom_kill_disable, JOUT_OMIT),
    F("BlkioWeight", JB_I64, blkio.weight, JOUT_OMIT),
    F("DeviceCgroupRules", JB_STRV, device_rules, JOUT_OMIT),
    F("Privileged", JB_BOOL, privileged, 0),
    F("ReadonlyRootfs", JB_BOOL, read_only, 0),
    F("SecurityOpt", JB_STRV, security_opt, JOUT_NULL),
    F("ShmSize", JB_I64, shm_bytes, 0),
    F("Dns", JB_STRV, dns, 0),
    F("DnsOptions", JB_STRV, dns_options, 0),
    F("DnsSearch", JB_STRV, dns_search, 0),
    F("ExtraHosts", JB_STRV, extra_hosts, JOUT_NULL),
    F("GroupAdd", JB_STRV, group_add, JOUT_NULL),
    F("VolumesFrom", JB_STRV, volumes_from, JOUT_NULL),
    F("Sysctls", JB_STRMAP, sysctls, JOUT_OMIT),
    F("Runtime", JB_STR, runtime, 0),
    F("Memory", JB_I64, memory_bytes, 0),
    F("NanoCpus", JB_I64, nano_cpus, 0),
    F("MemorySwap", JB_I64, more.memory_swap_bytes, 0),
    F("MemoryReservation", JB_I64, more.memory_reservation_bytes, 0),
    F("CpuShares", JB_I64, more.cpu_shares, 0),
    F("CpuPeriod", JB_I64, more.cpu_period_us, 0),
    F("CpuQuota", JB_I64, more.cpu_quota_us, 0),
    F("CpusetCpus", JB_STR, more.cpuset_cpus, 0),
    F("CpusetMems", JB_STR, more.cpuset_mems, 0),
    F("PidsLimit", JB_I64, pids_limit, JOUT_NULL),
    F("Init", JB_BOOL, init, JOUT_OMIT),
    F("MemorySwappiness", JB_I64, swappiness, JOUT_SKIP), /* 0 is a value of it */
    F("MaskedPaths", JB_STRV, masked_paths, JOUT_SKIP),
    F("ReadonlyPaths", JB_STRV, readonly_paths, JOUT_SKIP),
};
static const struct json_field own_fields[] = {
    F("CgroupNamespace", JB_STR, namespaces[NS_CGROUP], 0),
    F("Path", JB_STR, path, 0),
    F("Args", JB_STRV, args, 0),
    F("DetachKeys", JB_STR, detach_keys, 0),
    F("Starter", JB_STR, starter, 0),
};
static const struct json_field log_fields[] = {
    F("Type", JB_STR, log_driver, 0),
    F("Config", JB_STRMAP, log_opts, 0),
};
#undef F

/* ---- out ---- */

static bool has_health(const struct config_health *h)
{
    return h->test.n || h->interval_ns || h->timeout_ns || h->start_period_ns ||
           h->start_interval_ns || h->retries;
}

static json_t *health_of(const struct conf *c)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0;

    jout_fields(&bad, o, health_fields, ARRAY_SIZE(health_fields), c);
    return bad ? NULL : TAKE_PTR(o);
}

int conf_config_json(const struct conf *c, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0, r;

    jout_fields(&bad, o, config_fields, ARRAY_SIZE(config_fields), c);
    if (has_health(&c->health))
        jout_put(&bad, o, "Healthcheck", health_of(c));
    r = jout_check(bad, "container configuration", e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(o);
    return 0;
}

static json_t *log_of(const struct conf *c)
{
    const char *type = c->log_driver && c->log_driver[0] ? c->log_driver : CONF_LOG_TYPE;

    return json_pack("{s:s, s:o}", "Type", type, "Config", jout_strmap(&c->log_opts));
}

static json_t *paths_of(const struct conf *c, const struct strv *paths, const char *usual)
{
    return paths->set ? jout_strv(paths) : c->privileged ? json_null() : jout_split(usual);
}

int conf_host_config_json(const struct conf *c, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0, r;

    jout_fields(&bad, o, host_fields, ARRAY_SIZE(host_fields), c);
    jout_put(&bad, o, "Binds", conf_binds_json(c));
    jout_put(&bad, o, "LogConfig", log_of(c));
    jout_put(&bad, o, "PortBindings", conf_ports_json(&c->ports));
    jout_put(&bad, o, "RestartPolicy",
             json_pack("{s:s, s:I}", "Name", restart_name(c->restart.when), "MaximumRetryCount",
                       (json_int_t)c->restart.max));
    conf_put_tmpfs(&bad, o, c);
    jout_put(&bad, o, "Ulimits", conf_ulimits_json(c));
    jout_put(&bad, o, "Devices", conf_devices_json(c));
    conf_put_blkio(&bad, o, c);
    if (c->has_swappiness)
        jout_int(&bad, o, "MemorySwappiness", c->swappiness);
    jout_put(&bad, o, "MaskedPaths", paths_of(c, &c->masked_paths, MASKED_PATHS));
    jout_put(&bad, o, "ReadonlyPaths", paths_of(c, &c->readonly_paths, READONLY_PATHS));
    r = jout_check(bad, "container configuration", e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(o);
    return 0;
}

int conf_format(const struct conf *c, struct arena *a, char **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    json_t *config, *host;
    int bad = 0, r;

    jout_put(&bad, o, "Mounts", conf_mounts_json(c));
    r = conf_config_json(c, &config, e);
    if (r < 0)
        return r;
    jout_put(&bad, o, "Config", config);
    r = conf_host_config_json(c, &host, e);
    if (r < 0)
        return r;
    jout_put(&bad, o, "HostConfig", host);
    if (c->n_networks)
        jout_put(&bad, o, "Networks", conf_networks_json(c));
    jout_fields(&bad, o, own_fields, ARRAY_SIZE(own_fields), c);
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
    c.namespaces[NS_CGROUP] = NULL; /* rows of before say "host" there whatever it was */
    if (r >= 0)
        r = bind(j, own_fields, ARRAY_SIZE(own_fields), &c, a, e);
    if (r >= 0)
        r = conf_mounts_parse(json_object_get(j, "Mounts"), a, &c, e);
    host = json_object_get(j, "HostConfig");
    health = json_object_get(json_object_get(j, "Config"), "Healthcheck");
    if (r >= 0 && health)
        r = bind(health, health_fields, ARRAY_SIZE(health_fields), &c, a, e);
    if (r >= 0)
        r = conf_ulimits_parse(json_object_get(host, "Ulimits"), a, &c, e);
    if (r >= 0)
        r = conf_devices_parse(json_object_get(host, "Devices"), a, &c, e);
    if (r >= 0)
        r = conf_blkio_parse(host, a, &c, e);
    c.has_swappiness = json_is_integer(json_object_get(host, "MemorySwappiness"));
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
