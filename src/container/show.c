/* SPDX-License-Identifier: Apache-2.0 */
/* A container as the public API shows it: inspect, and one line of ps. */
#include "container/show.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "container/cgroup.h"
#include "container/exec.h"
#include "container/health.h"
#include "container/initfiles.h"
#include "container/jout.h"
#include "container/links.h"
#include "container/logrotate.h"

static const struct {
    const char *word;
    enum shale_container_state state;
} states[] = {
    {CTR_CREATED, SHALE_CREATED},       {CTR_RUNNING, SHALE_RUNNING},   {CTR_PAUSED, SHALE_PAUSED},
    {CTR_EXITED, SHALE_EXITED},         {CTR_REMOVING, SHALE_REMOVING}, {CTR_DEAD, SHALE_DEAD},
    {CTR_RESTARTING, SHALE_RESTARTING},
};

static enum shale_container_state state_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (streq(states[i].word, word))
            return states[i].state;
    return SHALE_DEAD;
}

/* The name it was made from, while that name still stands for its image; else the ID. */
static int image_shown(struct container_host *h, const struct ctr *c, struct arena *a,
                       const char **ret, struct shale_err *e)
{
    struct image_found found;
    int r = image_find(h->store, c->row.image_ref, a, &found, NULL);

    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    *ret = arena_strdup(a, r >= 0 && digest_eq(&found.id, &c->row.image_id) ? c->row.image_ref
                                                                            : c->row.image_id.s);
    return *ret ? 0 : err_nomem(e);
}

static unsigned slot_of(const char *ref)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (; *ref; ref++)
        h = (h ^ (unsigned char)*ref) * 16777619u;
    return h % SHOW_MEMO_NAMES;
}

static int put_image(struct container_host *h, const struct ctr *c, struct show_memo *memo,
                     struct arena *a, struct shale_container *ret, struct shale_err *e)
{
    if (!memo)
        return image_shown(h, c, a, &ret->image, e);
    unsigned i = slot_of(c->row.image_ref);
    if (!memo->images[i].ref || !streq(memo->images[i].ref, c->row.image_ref) ||
        !digest_eq(&memo->images[i].id, &c->row.image_id)) {
        const char *ref = arena_strdup(a, c->row.image_ref);
        int r = ref ? image_shown(h, c, a, &ret->image, e) : err_nomem(e);
        if (r < 0)
            return r;
        memo->images[i].ref = ref;
        memo->images[i].id = c->row.image_id;
        memo->images[i].shown = ret->image;
    }
    ret->image = memo->images[i].shown;
    return 0;
}

static int put_driver(struct container_host *h, struct show_memo *memo, struct shale_container *ret,
                      struct shale_err *e)
{
    struct rootfs_driver *driver;

    if (memo && memo->driver) {
        ret->driver = memo->driver;
        return 0;
    }
    int r = store_driver(h->store, &driver, NULL);
    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    ret->driver = r < 0 ? "" : driver->ops->name;
    if (memo)
        memo->driver = ret->driver;
    return 0;
}

static int put_mounts(const struct ctr *c, struct arena *a, struct shale_container *ret,
                      struct shale_err *e)
{
    struct shale_container_mount *v = arena_array(a, c->conf.n_mounts + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < c->conf.n_mounts; i++) {
        const struct conf_mount *m = &c->conf.mounts[i];
        v[i] = (struct shale_container_mount){m->type, m->name ? m->name : "",
                                              m->source ? m->source : "", m->target, !m->read_only};
    }
    ret->mounts = v;
    ret->n_mounts = c->conf.n_mounts;
    return 0;
}

static int put_paths(const struct ctr *c, struct arena *a, struct shale_container *ret,
                     struct shale_err *e)
{
    ret->log_path = logrotate_value(&c->conf).none ? "" : ctr_path(c, a, "ctr.log");
    ret->merged_path = ctr_path(c, a, "merged");
    ret->upper_path = ctr_path(c, a, "upper");
    ret->work_path = ctr_path(c, a, "work");
    ret->resolv_path = ctr_path(c, a, "resolv.conf");
    ret->hostname_path = ctr_path(c, a, "hostname");
    ret->hosts_path = ctr_path(c, a, "hosts");
    return ret->log_path && ret->merged_path && ret->upper_path && ret->work_path &&
                   ret->resolv_path && ret->hostname_path && ret->hosts_path
               ? 0
               : err_nomem(e);
}

static int put_sizes(struct container_host *h, const struct ctr *c, struct arena *a,
                     struct shale_container *ret, struct shale_err *e)
{
    struct meta_image image;
    uint64_t rw = 0;
    int r = meta_image_get_held(store_meta(h->store), &c->row.image_id, a, &image, e);

    if (r < 0)
        return r;
    const char *upper = ctr_path(c, a, "upper");
    if (!upper)
        return err_nomem(e);
    if (fs_exists(AT_FDCWD, upper)) {
        r = fs_files_size(AT_FDCWD, upper, &rw, e);
        if (r < 0)
            return r;
        uint64_t init = initfiles_bytes(upper);
        rw -= init < rw ? init : rw;
    }
    ret->size_rw_bytes = (int64_t)rw;
    ret->size_root_bytes = (int64_t)(rw + image.size_bytes);
    return 0;
}

/* All members that docker shows, in its order, with the values of what is not asked for. */
static const char host_config_shape[] =
    "{\"Binds\":null,\"ContainerIDFile\":\"\",\"LogConfig\":{},\"NetworkMode\":\"\","
    "\"PortBindings\":{},\"RestartPolicy\":{},\"AutoRemove\":false,\"VolumeDriver\":\"\","
    "\"VolumesFrom\":null,\"ConsoleSize\":[0,0],\"CapAdd\":null,\"CapDrop\":null,"
    "\"CgroupnsMode\":\"\",\"Dns\":[],\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,"
    "\"GroupAdd\":null,\"IpcMode\":\"\",\"Cgroup\":\"\",\"Links\":null,\"OomScoreAdj\":0,"
    "\"PidMode\":\"\",\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,"
    "\"SecurityOpt\":null,\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":0,\"Runtime\":\"\","
    "\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,\"CgroupParent\":\"\","
    "\"BlkioWeight\":0,\"BlkioWeightDevice\":[],\"BlkioDeviceReadBps\":[],"
    "\"BlkioDeviceWriteBps\":[],\"BlkioDeviceReadIOps\":[],\"BlkioDeviceWriteIOps\":[],"
    "\"CpuPeriod\":0,\"CpuQuota\":0,\"CpuRealtimePeriod\":0,\"CpuRealtimeRuntime\":0,"
    "\"CpusetCpus\":\"\",\"CpusetMems\":\"\",\"Devices\":[],\"DeviceCgroupRules\":null,"
    "\"DeviceRequests\":null,\"MemoryReservation\":0,\"MemorySwap\":0,"
    "\"MemorySwappiness\":null,\"OomKillDisable\":null,\"PidsLimit\":null,\"Ulimits\":[],"
    "\"CpuCount\":0,\"CpuPercent\":0,\"IOMaximumIOps\":0,\"IOMaximumBandwidth\":0}";

static int whole_host_config(struct container_host *h, struct arena *a, const struct ctr *ctr,
                             json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *shape = NULL, *ours = NULL;
    struct conf c = ctr->conf;
    json_t *links = NULL;
    int bad = 0;
    int r = json_parse(host_config_shape, sizeof host_config_shape - 1, CONF_MAX_BYTES, &shape, e);

    if (!c.namespaces[NS_CGROUP] || !*c.namespaces[NS_CGROUP])
        c.namespaces[NS_CGROUP] = cgroup_usual_namespace(cgroup_mode());
    if (r >= 0)
        r = conf_host_config_json(&c, &ours, e);
    if (r >= 0)
        r = links_show(h, a, ctr, &links, e);
    if (r < 0)
        return r;
    if (links)
        jout_put(&bad, ours, "Links", links);
    bad |= json_object_update(shape, ours) < 0;
    if (c.memory_bytes > 0 && c.memory_bytes <= INT64_MAX / 2 && !c.more.memory_swap_bytes)
        jout_int(&bad, shape, "MemorySwap", c.memory_bytes * 2);
    r = jout_check(bad, "container configuration", e);
    if (r >= 0)
        *ret = TAKE_PTR(shape);
    return r;
}

static int put_config(struct container_host *h, const struct ctr *c, struct arena *a,
                      struct shale_container *ret, struct shale_err *e)
{
    _cleanup_json_ json_t *config = NULL, *host = NULL;
    char *text, *host_text;
    int r = conf_config_json(&c->conf, &config, e);

    if (r >= 0)
        r = whole_host_config(h, a, c, &host, e);
    if (r >= 0)
        r = jout_text(config, JSON_COMPACT, a, &text, e);
    if (r >= 0)
        r = jout_text(host, JSON_COMPACT, a, &host_text, e);
    if (r < 0)
        return r;
    ret->config_json = text;
    ret->host_config_json = host_text;
    return 0;
}

static int put_health(struct container_host *h, const struct ctr *c, unsigned flags,
                      struct arena *a, struct shale_container *ret, struct shale_err *e)
{
    struct health_shown shown;

    if (flags & SHOW_BRIEF) {
        ret->health = health_name(health_status(h, c));
        ret->health_json = "";
        return 0;
    }
    int r = health_load(h, c, a, &shown, e);
    ret->health = r < 0 ? "" : health_name(shown.status);
    ret->health_json = r < 0 ? "" : shown.json;
    return r;
}

static int put_manifest(struct container_host *h, const struct ctr *c, struct arena *a,
                        struct shale_container *ret, struct shale_err *e)
{
    struct meta *m = store_meta(h->store);
    struct meta_image image;
    struct meta_blob blob;
    int r = meta_image_get_held(m, &c->row.image_id, a, &image, e);

    if (r >= 0 && digest_is_set(&image.manifest))
        r = meta_blob_get(m, &image.manifest, a, &blob, e);
    if (r < 0 || !digest_is_set(&image.manifest)) /* built here, or pruned to what runs */
        return r == -SHALE_NOT_FOUND ? 0 : r;
    ret->manifest_digest = arena_strdup(a, image.manifest.s);
    ret->manifest_type = blob.media_type;
    ret->manifest_bytes = blob.size_bytes;
    ret->image_platform = arena_printf(a, "%s/%s%s%s", image.os, image.arch,
                                       *image.variant ? "/" : "", image.variant);
    return a->failed ? err_nomem(e) : 0;
}

int show_container(struct container_host *h, const struct ctr *c, unsigned flags,
                   struct show_memo *memo, struct arena *a, struct shale_container *ret,
                   struct shale_err *e)
{
    const struct meta_container_run *run = &c->row.run;
    const char **command;
    int r = conf_command(&c->conf, a, &command, e);

    if (r < 0)
        return r;
    *ret = (struct shale_container){
        .id = arena_strdup(a, c->row.id),
        .name = c->row.name,
        .image_id = arena_strdup(a, c->row.image_id.s),
        .state = state_of(run->state),
        .pid = (int)run->pid,
        .exit_code = run->exit_code,
        .oom_killed = run->oom_killed,
        .auto_remove = c->row.auto_remove,
        .tty = c->conf.tty,
        .interactive = c->conf.open_stdin,
        .error = run->error,
        .created_ns = c->row.created_ns,
        .started_ns = run->started_ns,
        .finished_ns = run->finished_ns,
        .command = command,
        .labels_json = c->row.labels,
        .network = c->conf.network,
        .runtime = c->conf.runtime,
        .driver = "",
        .config_json = "",
        .host_config_json = "",
        .log_path = "",
        .merged_path = "",
        .upper_path = "",
        .work_path = "",
        .resolv_path = "",
        .hostname_path = "",
        .hosts_path = "",
        .size_rw_bytes = -1,
        .size_root_bytes = -1,
        .restart_count = run->restarts,
        .manifest_digest = "",
        .manifest_type = "",
        .image_platform = "",
    };
    if (!ret->id || !ret->image_id)
        return err_nomem(e);
    r = put_driver(h, memo, ret, e);
    if (r >= 0)
        r = put_image(h, c, memo, a, ret, e);
    if (r >= 0)
        r = put_mounts(c, a, ret, e);
    if (r >= 0 && !(flags & SHOW_BRIEF))
        r = put_paths(c, a, ret, e);
    if (r >= 0 && !(flags & SHOW_BRIEF))
        r = put_config(h, c, a, ret, e);
    if (r >= 0 && !(flags & SHOW_BRIEF))
        r = exec_running(h, c, a, &ret->exec_ids, e);
    if (r >= 0)
        r = put_health(h, c, flags, a, ret, e);
    if (r >= 0)
        r = show_networks(h, c, a, ret, e);
    return r >= 0 && flags & SHOW_SIZE ? put_sizes(h, c, a, ret, e) : r;
}

int container_inspect(struct container_host *h, const char *container, bool with_size,
                      struct arena *a, struct shale_container *ret, struct shale_err *e)
{
    struct ctr c;
    int r = ctr_find(h, container, a, &c, e);

    if (r >= 0)
        r = show_container(h, &c, with_size ? SHOW_SIZE : 0, NULL, a, ret, e);
    return r < 0 ? r : put_manifest(h, &c, a, ret, e);
}
