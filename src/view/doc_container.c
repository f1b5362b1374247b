/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as `docker inspect` shows them. */
#include "base/cleanup.h"
#include "base/str.h"
#include "view/containers.h"
#include "view/doc.h"
#include "view/networks.h"

#define ANONYMOUS_HEX 64 /* letters of the name that a volume without one gets */

const struct tmpl_field doc_container_fields[] = {
    {"Health", TMPL_ZERO_POINTER},
    {"SizeRw", TMPL_ZERO_POINTER},
    {"SizeRootFs", TMPL_ZERO_POINTER},
    {"Tmpfs", TMPL_ZERO_MAP},
    {"ExposedPorts", TMPL_ZERO_MAP},
    {"Healthcheck", TMPL_ZERO_POINTER},
    {"StopSignal", TMPL_ZERO_STRING},
    {"StopTimeout", TMPL_ZERO_POINTER},
    {"Shell", TMPL_ZERO_LIST},
    {"Sysctls", TMPL_ZERO_MAP},
    {"Annotations", TMPL_ZERO_MAP},
    {"StorageOpt", TMPL_ZERO_MAP},
    {"Volumes", TMPL_ZERO_MAP},
    {"Labels", TMPL_ZERO_MAP},
    {"Init", TMPL_ZERO_POINTER},
    {"Mounts", TMPL_ZERO_LIST},
    {"Binds", TMPL_ZERO_LIST},
    {"CapAdd", TMPL_ZERO_LIST},
    {"CapDrop", TMPL_ZERO_LIST},
    {"Cmd", TMPL_ZERO_LIST},
    {"Entrypoint", TMPL_ZERO_LIST},
    {"Env", TMPL_ZERO_LIST},
    {"ExecIDs", TMPL_ZERO_LIST},
    {"ExtraHosts", TMPL_ZERO_LIST},
    {"GroupAdd", TMPL_ZERO_LIST},
    {"Links", TMPL_ZERO_LIST},
    {"OnBuild", TMPL_ZERO_LIST},
    {"SecurityOpt", TMPL_ZERO_LIST},
    {"VolumesFrom", TMPL_ZERO_LIST},
    {"Aliases", TMPL_ZERO_LIST},
    {"DNSNames", TMPL_ZERO_LIST},
    {"DriverOpts", TMPL_ZERO_MAP},
    {"ImageManifestDescriptor", TMPL_ZERO_POINTER},
    {NULL},
};

static json_t *state_of(const struct shale_container *c)
{
    struct doc d = doc_begin();
    doc_str(&d, "Status", container_state_name(c->state));
    doc_bool(&d, "Running",
             c->state == SHALE_RUNNING || c->state == SHALE_PAUSED || c->state == SHALE_RESTARTING);
    doc_bool(&d, "Paused", c->state == SHALE_PAUSED);
    doc_bool(&d, "Restarting", c->state == SHALE_RESTARTING);
    doc_bool(&d, "OOMKilled", c->oom_killed);
    doc_bool(&d, "Dead", c->state == SHALE_DEAD);
    doc_int(&d, "Pid", c->pid);
    doc_int(&d, "ExitCode", c->exit_code);
    doc_str(&d, "Error", c->error);
    doc_time(&d, "StartedAt", c->started_ns);
    doc_time(&d, "FinishedAt", c->finished_ns);
    if (c->health_json && *c->health_json)
        doc_text(&d, "Health", c->health_json, json_object());
    return doc_take(&d);
}

static json_t *driver_of(const struct shale_container *c)
{
    struct doc data = doc_begin(), d = doc_begin();
    doc_str_opt(&data, "MergedDir", c->merged_path);
    doc_str_opt(&data, "UpperDir", c->upper_path);
    doc_str_opt(&data, "WorkDir", c->work_path);
    doc_put(&d, "Data", doc_take(&data));
    doc_str(&d, "Name", c->driver);
    return doc_take(&d);
}

/* docker's mode: as -v would take it; volumes with names of their own are shared by label. */
static const char *mode_of(const struct shale_container_mount *m)
{
    bool named = streq(m->type, "volume") && strlen(m->name) != ANONYMOUS_HEX;

    if (streq(m->type, "tmpfs") || streq(m->type, "image"))
        return "";
    return !m->read_write ? "ro" : named ? "z" : "";
}

static json_t *mount_of(const struct shale_container_mount *m)
{
    struct doc d = doc_begin();
    doc_str(&d, "Type", m->type);
    doc_str_opt(&d, "Name", m->name);
    doc_str(&d, "Source", m->source);
    doc_str(&d, "Destination", m->target);
    doc_str_opt(&d, "Driver", streq(m->type, "volume") ? "local" : "");
    doc_str(&d, "Mode", mode_of(m));
    doc_bool(&d, "RW", m->read_write);
    doc_str(&d, "Propagation", streq(m->type, "bind") ? "rprivate" : "");
    return doc_take(&d);
}

json_t *doc_container_mounts(const struct shale_container *c)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < c->n_mounts; i++) {
        if (json_array_append_new(list, mount_of(&c->mounts[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *manifest_of(const struct shale_container *c)
{
    json_t *j = doc_descriptor(c->manifest_type, c->manifest_digest, c->manifest_bytes);

    if (j && json_object_set_new(j, "platform", doc_platform(c->image_platform)) == 0)
        return j;
    json_decref(j);
    return NULL;
}

static json_t *exec_ids(const struct shale_container *c)
{
    size_t n = 0;
    while (c->exec_ids && c->exec_ids[n])
        n++;
    return n ? doc_strings(c->exec_ids, n) : json_null();
}

int doc_container(const struct shale_container *c, json_t **ret, struct shale_err *e)
{
    struct doc d = doc_begin();
    size_t n_command = 0;
    while (c->command && c->command[n_command])
        n_command++;
    doc_str(&d, "Id", c->id);
    doc_time(&d, "Created", c->created_ns);
    doc_str(&d, "Path", n_command ? c->command[0] : "");
    doc_put(&d, "Args", doc_strings(c->command + (n_command > 0), n_command ? n_command - 1 : 0));
    doc_put(&d, "State", state_of(c));
    doc_str(&d, "Image", c->image_id);
    doc_str(&d, "ResolvConfPath", c->resolv_path);
    doc_str(&d, "HostnamePath", c->hostname_path);
    doc_str(&d, "HostsPath", c->hosts_path);
    doc_str(&d, "LogPath", c->log_path);
    doc_put(&d, "Name", json_sprintf("/%s", c->name));
    doc_int(&d, "RestartCount", c->restart_count);
    doc_str(&d, "Driver", c->driver);
    doc_str(&d, "Platform", "linux");
    doc_str(&d, "MountLabel", "");
    doc_str(&d, "ProcessLabel", "");
    doc_str(&d, "AppArmorProfile", "");
    doc_put(&d, "ExecIDs", exec_ids(c));
    doc_text(&d, "HostConfig", c->host_config_json, json_object());
    doc_put(&d, "GraphDriver", driver_of(c));
    if (c->size_rw_bytes >= 0)
        doc_int(&d, "SizeRw", c->size_rw_bytes);
    if (c->size_root_bytes >= 0)
        doc_int(&d, "SizeRootFs", c->size_root_bytes);
    doc_put(&d, "Mounts", doc_container_mounts(c));
    doc_text(&d, "Config", c->config_json, json_object());
    doc_put(&d, "NetworkSettings", networks_settings(c));
    if (c->manifest_digest && *c->manifest_digest)
        doc_put(&d, "ImageManifestDescriptor", manifest_of(c));
    return doc_end(&d, ret, e);
}
