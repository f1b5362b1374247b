/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of block devices; what happens when memory runs out; where the control group is. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/cgroup.h"
#include "container/jout.h"
#include "container/limits.h"

#define SWAPPINESS_MAX 100
#define GONE           "or the cgroup is not mounted. "
#define V1_BLKIO       "/sys/fs/cgroup/blkio/blkio."
#define V1_MEMORY      "/sys/fs/cgroup/memory/memory."

int limits_check_parent(const char *parent, struct shale_err *e)
{
    if (parent && parent[0] && (parent[0] != '/' || strstr(parent, "..")))
        return err_set(e, SHALE_INVALID,
                       "invalid cgroup parent \"%.200s\": it is an absolute path, as /builds",
                       parent);
    return 0;
}

int limits_more_check(const struct conf *c, struct shale_err *e)
{
    if (c->has_swappiness && (c->swappiness < 0 || c->swappiness > SWAPPINESS_MAX))
        return err_set(e, SHALE_INVALID,
                       "Invalid value: %lld, valid memory swappiness range is 0-%d",
                       (long long)c->swappiness, SWAPPINESS_MAX);
    return blkio_weight_check((uint64_t)c->blkio.weight, e);
}

/* ---- what the host has ---- */

/* How docker, the kernel's version 1 of control groups and a runtime call each list. */
static const struct {
    const char *file, *member, *value, *warning;
} blkio[BLKIO_LISTS] = {
    [BLKIO_WEIGHTS] = {V1_BLKIO "weight_device", "weightDevice", "weight",
                       "Your kernel does not support Block I/O weight_device " GONE
                       "Weight-device discarded."},
    [BLKIO_READ_BPS] = {V1_BLKIO "throttle.read_bps_device", "throttleReadBpsDevice", "rate",
                        "Your kernel does not support BPS Block I/O read limit " GONE
                        "Block I/O BPS read limit discarded."},
    [BLKIO_WRITE_BPS] = {V1_BLKIO "throttle.write_bps_device", "throttleWriteBpsDevice", "rate",
                         "Your kernel does not support BPS Block I/O write limit " GONE
                         "Block I/O BPS write limit discarded."},
    [BLKIO_READ_IOPS] = {V1_BLKIO "throttle.read_iops_device", "throttleReadIOPSDevice", "rate",
                         "Your kernel does not support IOPS Block read limit " GONE
                         "Block I/O IOPS read limit discarded."},
    [BLKIO_WRITE_IOPS] = {V1_BLKIO "throttle.write_iops_device", "throttleWriteIOPSDevice", "rate",
                          "Your kernel does not support IOPS Block write limit " GONE
                          "Block I/O IOPS write limit discarded."},
};

static bool has_blkio(enum cgroup_mode mode, const char *file)
{
    return mode == CGROUP_V2 ? cgroup_has(mode, "io") : access(file, F_OK) == 0;
}

/* Version 2 has neither. */
static bool has_memory(enum cgroup_mode mode, const char *file)
{
    return mode != CGROUP_V2 && access(file, F_OK) == 0;
}

bool limits_more_any(const struct conf *c)
{
    bool any = c->has_swappiness || c->oom_kill_disable || c->blkio.weight;

    for (size_t i = 0; i < BLKIO_LISTS; i++)
        any |= c->blkio.lists[i].n > 0;
    return any;
}

size_t limits_more_discard(struct conf *c, const char **ret)
{
    enum cgroup_mode mode;
    size_t n = 0;

    if (!limits_more_any(c))
        return 0;
    mode = cgroup_mode();
    if (c->has_swappiness && !has_memory(mode, V1_MEMORY "swappiness")) {
        c->has_swappiness = false;
        ret[n++] = "Your kernel does not support memory swappiness capabilities " GONE
                   "Memory swappiness discarded.";
    }
    if (c->oom_kill_disable && !has_memory(mode, V1_MEMORY "oom_control")) {
        c->oom_kill_disable = false;
        ret[n++] = "Your kernel does not support OomKillDisable. OomKillDisable discarded.";
    }
    if (c->oom_kill_disable && !c->memory_bytes)
        ret[n++] = "OOM killer is disabled for the container, but no memory limit is set, this can "
                   "result in the system running out of resources.";
    if (c->blkio.weight && !has_blkio(mode, V1_BLKIO "weight") &&
        !has_blkio(mode, V1_BLKIO "bfq.weight")) {
        c->blkio.weight = 0;
        ret[n++] = "Your kernel does not support Block I/O weight " GONE "Weight discarded.";
    }
    for (size_t i = 0; i < BLKIO_LISTS; i++) {
        if (!c->blkio.lists[i].n || has_blkio(mode, blkio[i].file))
            continue;
        c->blkio.lists[i].n = 0;
        ret[n++] = blkio[i].warning;
    }
    return n;
}

/* ---- for the runtime ---- */

void limits_put_memory(int *bad, json_t *memory, const struct conf *c)
{
    if (c->has_swappiness)
        jout_int(bad, memory, "swappiness", c->swappiness);
    if (c->oom_kill_disable)
        jout_bool(bad, memory, "disableOOMKiller", true);
}

static int add_device(json_t *list, const struct blkio_device *d, const char *value,
                      struct shale_err *e)
{
    struct stat st;
    int bad = 0;

    if (stat(d->path, &st) < 0)
        return err_set(e, SHALE_INVALID, "limit of block device %.200s: %s", d->path,
                       errno == ENOENT ? "no such file or directory" : "it cannot be read");
    if (!S_ISBLK(st.st_mode))
        return err_set(e, SHALE_INVALID, "limit of block device %.200s: it is none", d->path);
    jout_add(&bad, list,
             json_pack("{s:I, s:I, s:I}", "major", (json_int_t)major(st.st_rdev), "minor",
                       (json_int_t)minor(st.st_rdev), value, (json_int_t)d->value));
    return bad ? err_nomem(e) : 0;
}

int limits_block_io(const struct conf *c, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0;

    *ret = NULL;
    if (c->blkio.weight)
        jout_int(&bad, o, "weight", c->blkio.weight);
    for (size_t i = 0; i < BLKIO_LISTS; i++) {
        if (!c->blkio.lists[i].n)
            continue;
        json_t *list = json_array();
        jout_put(&bad, o, blkio[i].member, list);
        for (size_t k = 0; !bad && k < c->blkio.lists[i].n; k++) {
            int r = add_device(list, &c->blkio.lists[i].v[k], blkio[i].value, e);
            if (r < 0)
                return r;
        }
    }
    if (bad)
        return err_nomem(e);
    if (json_object_size(o))
        *ret = TAKE_PTR(o);
    return 0;
}
