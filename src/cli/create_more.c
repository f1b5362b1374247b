/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, links, block devices, and what else run and create hand on as it is. */
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/create.h"
#include "model/blkio_value.h"
#include "model/namespace_mode.h"
#include "model/run_value.h"

#define SWAPPINESS_MAX 100

#define O(field) offsetof(struct more_cli, field)
static const struct {
    enum ns_kind kind;
    size_t offset;
    const char *wrong; /* docker's words; NULL: those of the rule */
} modes[] = {
    {NS_PID, O(pid), "--pid: invalid PID mode"},
    {NS_UTS, O(uts), "--uts: invalid UTS mode"},
    {NS_USER, O(userns), "--userns: invalid USER mode"},
    {NS_CGROUP, O(cgroupns), "--cgroupns: invalid CGROUP mode"},
    {NS_IPC, O(ipc), NULL},
};
#undef O

static int check_modes(struct cli *c, const struct more_cli *o)
{
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        const char *const *mode = (const void *)((const char *)o + modes[i].offset);
        struct shale_err why = SHALE_ERR_INIT;
        if (*mode && ns_mode_check(modes[i].kind, *mode, &why) < 0)
            return err_set(&c->e, SHALE_INVALID, "%s", modes[i].wrong ? modes[i].wrong : why.msg);
    }
    return 0;
}

int create_check_more(struct cli *c, const struct create_cli *o)
{
    const struct more_cli *m = &o->more;
    char *mac;
    int r = check_modes(c, m);

    if (r == 0 && m->mac)
        r = run_mac(m->mac, &c->arena, &mac, &c->e);
    if (r == 0 && (m->swappiness < -1 || m->swappiness > SWAPPINESS_MAX))
        r = err_set(&c->e, SHALE_INVALID,
                    "invalid value: %lld. Valid memory swappiness range is 0-%d",
                    (long long)m->swappiness, SWAPPINESS_MAX);
    if (r == 0)
        r = blkio_weight_check((uint64_t)m->blkio_weight, &c->e);
    return r;
}

/* docker's command takes this one away: it is no option of the engine, but two empty lists. */
static int take_system_paths(struct cli *c, struct shale_create_opts *q)
{
    static const char *const none[] = {NULL};
    const char **kept;
    size_t n = 0;

    for (const char *const *o = q->security_opt; o && *o; o++)
        n++;
    kept = arena_array(&c->arena, n + 1, sizeof *kept);
    if (!kept)
        return err_nomem(&c->e);
    n = 0;
    for (const char *const *o = q->security_opt; o && *o; o++) {
        if (streq(*o, "systempaths=unconfined"))
            q->masked_paths = q->readonly_paths = none;
        else
            kept[n++] = *o;
    }
    q->security_opt = kept;
    return 0;
}

int create_take_more(struct cli *c, const struct create_cli *o, struct shale_create_opts *q)
{
    const struct more_cli *m = &o->more;

    q->namespaces = (struct shale_namespace_opts){
        .pid = m->pid, .ipc = m->ipc, .uts = m->uts, .cgroup = m->cgroupns, .user = m->userns};
    q->domainname = m->domainname;
    q->links = strv_or_null(&m->link);
    q->cgroup_parent = m->cgroup_parent;
    q->device_rules = strv_or_null(&m->device_rule);
    q->annotations = strv_or_null(&m->annotation);
    q->oom_score_adj = m->oom_score;
    q->oom_kill_disable = m->oom_kill_disable;
    q->memory_swappiness = m->swappiness >= 0 ? &m->swappiness : NULL;
    q->blkio = (struct shale_blkio_opts){.weight = m->blkio_weight,
                                         .weight_devices = strv_or_null(&m->weight_device),
                                         .read_bps = strv_or_null(&m->read_bps),
                                         .write_bps = strv_or_null(&m->write_bps),
                                         .read_iops = strv_or_null(&m->read_iops),
                                         .write_iops = strv_or_null(&m->write_iops)};
    return take_system_paths(c, q);
}
