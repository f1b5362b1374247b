/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces of a new container; limits of block devices. */
#include "base/cleanup.h"
#include "base/str.h"
#include "container/cgroup.h"
#include "container/create_priv.h"
#include "container/limits.h"
#include "container/spaces.h"

#define OOM_SCORE_ADJ 1000

int create_joined(struct create *c, const char *name, struct meta_container *ret,
                  struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = meta_container_find(store_meta(c->h->store), name, c->a, ret, &why);

    return r < 0 ? err_set(e, r == -SHALE_NOT_FOUND ? SHALE_INVALID : why.code, "%s", why.msg) : 0;
}

/* ---- namespaces ---- */

static const char *usual_mode(enum ns_kind kind)
{
    return kind == NS_IPC      ? "private"
           : kind == NS_CGROUP ? cgroup_usual_namespace(cgroup_mode())
                               : "";
}

static int take_mode(struct create *c, enum ns_kind kind, const char *mode, struct shale_err *e)
{
    const char **to = &c->conf.namespaces[kind];
    struct meta_container row;
    int r;

    if (!mode || !*mode) {
        *to = usual_mode(kind);
        return 0;
    }
    r = ns_mode_check(kind, mode, e);
    *to = mode;
    if (r < 0 || !ns_mode_joined(mode))
        return r;
    r = create_joined(c, ns_mode_joined(mode), &row, e);
    if (r < 0)
        return r;
    *to = arena_printf(c->a, NS_MODE_JOINS "%s", row.id);
    return *to ? 0 : err_nomem(e);
}

int create_namespaces(struct create *c, struct shale_err *e)
{
    const struct shale_namespace_opts *o = &c->o->namespaces;
    const char *const modes[NS_KINDS] = {[NS_PID] = o->pid,
                                         [NS_IPC] = o->ipc,
                                         [NS_UTS] = o->uts,
                                         [NS_CGROUP] = o->cgroup,
                                         [NS_USER] = o->user};
    int r = 0;

    for (int i = 0; r >= 0 && i < NS_KINDS; i++)
        r = take_mode(c, (enum ns_kind)i, modes[i], e);
    if (r >= 0 && ns_mode_is_host(o->uts) && c->o->hostname && c->o->hostname[0])
        r = err_set(e, SHALE_INVALID, "conflicting options: hostname and the UTS mode");
    if (r >= 0 && ns_mode_is_host(o->uts) && c->o->domainname && c->o->domainname[0])
        r = err_set(e, SHALE_INVALID, "conflicting options: domainname and the UTS mode");
    return r;
}

bool create_of_host(struct create *c, const char *(*mode_of)(const struct conf *k))
{
    struct conf k = c->conf;
    struct meta_container row;

    for (int depth = 0; depth < SPACES_DEPTH_MAX; depth++) {
        const char *id = ns_mode_joined(mode_of(&k));
        if (!id)
            return ns_mode_is_host(mode_of(&k));
        if (meta_container_get(store_meta(c->h->store), id, c->a, &row, NULL) < 0 ||
            conf_parse(row.config, c->a, &k, NULL) < 0)
            return false; /* gone: the start will tell */
    }
    return false;
}

/* ---- block devices, and memory that runs out ---- */

static int take_list(struct create *c, enum blkio_list list, const char *const *texts,
                     struct shale_err *e)
{
    struct blkio_device *v;
    size_t n = 0;

    while (texts && texts[n])
        if (++n > CREATE_DEVICES_MAX)
            return err_set(e, SHALE_LIMIT, "more than %d devices", CREATE_DEVICES_MAX);
    v = arena_array(c->a, n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        int r = blkio_value(list, texts[i], c->a, &v[i], e);
        if (r < 0)
            return r;
    }
    c->conf.blkio.lists[list].v = v;
    c->conf.blkio.lists[list].n = n;
    return 0;
}

static int take_oom(struct create *c, struct shale_err *e)
{
    const struct shale_create_opts *o = c->o;
    struct conf *k = &c->conf;

    if (o->oom_score_adj < -OOM_SCORE_ADJ || o->oom_score_adj > OOM_SCORE_ADJ)
        return err_set(e, SHALE_INVALID, "Invalid value %lld, range for oom score adj is [-%d, %d]",
                       (long long)o->oom_score_adj, OOM_SCORE_ADJ, OOM_SCORE_ADJ);
    k->oom_score_adj = o->oom_score_adj;
    k->oom_kill_disable = o->oom_kill_disable;
    k->has_swappiness = o->memory_swappiness != NULL;
    k->swappiness = o->memory_swappiness ? *o->memory_swappiness : 0;
    k->cgroup_parent = o->cgroup_parent ? o->cgroup_parent : "";
    return limits_check_parent(k->cgroup_parent, e);
}

int create_blkio(struct create *c, struct shale_err *e)
{
    const struct shale_blkio_opts *b = &c->o->blkio;
    const char *const *const lists[BLKIO_LISTS] = {[BLKIO_WEIGHTS] = b->weight_devices,
                                                   [BLKIO_READ_BPS] = b->read_bps,
                                                   [BLKIO_WRITE_BPS] = b->write_bps,
                                                   [BLKIO_READ_IOPS] = b->read_iops,
                                                   [BLKIO_WRITE_IOPS] = b->write_iops};
    int r = take_oom(c, e);

    c->conf.blkio.weight = b->weight;
    for (int i = 0; r >= 0 && i < BLKIO_LISTS; i++)
        r = take_list(c, (enum blkio_list)i, lists[i], e);
    if (r >= 0)
        r = limits_more_check(&c->conf, e);
    if (r >= 0)
        c->n_warnings += limits_more_discard(&c->conf, c->warnings + c->n_warnings);
    return r;
}
