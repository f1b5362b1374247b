/* SPDX-License-Identifier: Apache-2.0 */
/* Other limits, or another restart policy, for a container that is there already. */
#include <fcntl.h>
#include <shale/update.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/brief.h"
#include "container/events.h"
#include "container/jout.h"
#include "container/keep.h"
#include "container/limits.h"

struct update {
    struct container_host *h;
    const struct shale_update_opts *o;
    struct arena *a;
    struct ctr c;
    bool is_bad; /* what was asked for, which its message says by itself */
};

/* ---- what becomes of it ---- */

static void take(int64_t *to, int64_t v)
{
    if (v)
        *to = v;
}

static void take_text(const char **to, const char *v)
{
    if (v && *v)
        *to = v;
}

static bool has_limits(const struct shale_update_opts *o)
{
    const struct shale_more_limits *m = &o->more;

    return o->memory_bytes || o->nano_cpus || o->pids_limit || m->memory_swap_bytes ||
           m->memory_reservation_bytes || m->cpu_shares || m->cpu_period_us || m->cpu_quota_us ||
           (m->cpuset_cpus && *m->cpuset_cpus) || (m->cpuset_mems && *m->cpuset_mems);
}

/* docker: of --cpus and of its parts whichever came first stays. */
static int check_conflicts(const struct conf *f, const struct shale_update_opts *o,
                           struct shale_err *e)
{
    const struct shale_more_limits *m = &o->more;

    if (o->nano_cpus > 0 && (f->more.cpu_period_us > 0 || f->more.cpu_quota_us > 0))
        return err_set(e, SHALE_CONFLICT,
                       "Conflicting options: Nano CPUs cannot be updated as CPU %s has already "
                       "been set",
                       f->more.cpu_period_us > 0 ? "Period" : "Quota");
    if ((m->cpu_period_us > 0 || m->cpu_quota_us > 0) && f->nano_cpus > 0)
        return err_set(e, SHALE_CONFLICT,
                       "Conflicting options: CPU %s cannot be updated as NanoCPUs has already been "
                       "set",
                       m->cpu_period_us > 0 ? "Period" : "Quota");
    if (f->more.memory_swap_bytes > 0 && o->memory_bytes > f->more.memory_swap_bytes &&
        m->memory_swap_bytes == 0)
        return err_set(e, SHALE_CONFLICT,
                       "Memory limit should be smaller than already set memoryswap limit, update "
                       "the memoryswap at the same time");
    return 0;
}

static int apply_limits(struct update *u, struct shale_err *e)
{
    const struct shale_more_limits *m = &u->o->more;
    const char *warnings[LIMITS_WARNINGS];
    struct conf *f = &u->c.conf;
    struct conf asked = {.memory_bytes = u->o->memory_bytes,
                         .nano_cpus = u->o->nano_cpus,
                         .pids_limit = u->o->pids_limit,
                         .more = *m};
    int r = check_conflicts(f, u->o, e);

    if (r < 0)
        return r;
    take(&f->memory_bytes, u->o->memory_bytes);
    take(&f->nano_cpus, u->o->nano_cpus);
    take(&f->pids_limit, u->o->pids_limit);
    take(&f->more.memory_swap_bytes, m->memory_swap_bytes);
    take(&f->more.memory_reservation_bytes, m->memory_reservation_bytes);
    take(&f->more.cpu_shares, m->cpu_shares);
    take(&f->more.cpu_period_us, m->cpu_period_us);
    take(&f->more.cpu_quota_us, m->cpu_quota_us);
    take_text(&f->more.cpuset_cpus, m->cpuset_cpus);
    take_text(&f->more.cpuset_mems, m->cpuset_mems);
    r = limits_check(f, e);
    if (r < 0)
        return r;
    /* No warning, as it is when one is made: nothing else was asked for. */
    if (limits_discard(&asked, warnings) > 0)
        return err_set(e, SHALE_UNSUPPORTED, "%s", warnings[0]);
    return 0;
}

static int apply_restart(struct update *u, struct shale_err *e)
{
    struct conf *f = &u->c.conf;
    int r = restart_parse(u->o->restart, &f->restart, e);

    if (r >= 0 && u->c.row.auto_remove && f->restart.when != RESTART_NO)
        return err_set(e, SHALE_CONFLICT,
                       "Restart policy cannot be updated because AutoRemove is enabled for the "
                       "container");
    return r;
}

/* ---- one that runs ---- */

static int tell_runtime(struct update *u, struct shale_err *e)
{
    const char *path = ctr_path(&u->c, u->a, "update.json");
    const char *const rest[] = {"update", "--resources", path, u->c.row.id, NULL};
    _cleanup_json_ json_t *o = json_object();
    struct ctr_run run;
    char *text;
    int bad = !path, r = ctr_run_load(u->h, &u->c, u->a, &run, e);

    if (r < 0)
        return r;
    if (!run.runtime.path[0])
        return err_set(e, SHALE_CONFLICT, "container %s is not running", u->c.row.id);
    if (run.runtime.level == RUNTIME_NO_CGROUPS)
        return err_set(e, SHALE_UNSUPPORTED,
                       "%s works without control groups here, which limits need (see shale info)",
                       run.runtime.name);
    limits_put(&bad, o, &u->c.conf, limits_swap_counts(), true);
    r = jout_check(bad, "limits", e);
    if (r >= 0)
        r = jout_text(o, JSON_COMPACT, u->a, &text, e);
    if (r >= 0)
        r = fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, false, e);
    if (r >= 0)
        r = runtime_call(&run.runtime, rest, u->a, e);
    if (path)
        (void)sys_unlinkat(AT_FDCWD, path, 0);
    return r;
}

static int update(struct update *u, struct shale_err *e)
{
    const struct shale_update_opts *o = u->o;
    struct meta *m = store_meta(u->h->store);
    bool runs = ctr_need_running(&u->c, NULL) >= 0;
    struct str listing;
    char *text;
    int r = 0;

    if (ctr_is(&u->c, CTR_REMOVING) || ctr_is(&u->c, CTR_DEAD))
        return err_set(e, SHALE_CONFLICT,
                       "container is marked for removal and cannot be \"update\"");
    if (has_limits(o))
        r = apply_limits(u, e);
    if (r >= 0 && o->restart && *o->restart)
        r = apply_restart(u, e);
    u->is_bad = r < 0;
    if (r >= 0)
        r = conf_format(&u->c.conf, u->a, &text, e);
    if (r >= 0)
        r = brief_pack(&u->c.conf, u->a, &listing, e);
    if (r >= 0 && has_limits(o) && runs)
        r = tell_runtime(u, e);
    if (r >= 0)
        r = meta_container_set_config(m, u->c.row.id, text, listing, e);
    if (r >= 0)
        ctr_event(u->h, &u->c.row, EVENT_CONTAINER_UPDATE, NULL, NULL);
    if (r >= 0 && runs && keep_is_wanted(&u->c.conf))
        r = keep_ensure(u->h, &u->c, e);
    return r;
}

int container_update(struct container_host *h, const char *container,
                     const struct shale_update_opts *o, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct update u = {.h = h, .o = o, .a = &a};
    struct meta_container row;
    int r = ctr_find(h, container, &a, &u.c, e);

    if (r < 0)
        return r;
    _cleanup_close_ int lock = ctr_lock(h, &u.c, e);
    r = lock < 0 ? lock : meta_container_get(store_meta(h->store), u.c.row.id, &a, &row, e);
    if (r >= 0) /* as it is now */
        r = ctr_of_row(h, &row, &a, &u.c, e);
    if (r >= 0)
        r = update(&u, e);
    return r < 0 && !u.is_bad ? err_wrap(e, r, "Cannot update container %s", u.c.row.id) : r;
}
