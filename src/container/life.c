/* SPDX-License-Identifier: Apache-2.0 */
/* Renaming, restarting, pausing. */
#include "container/life.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "container/events.h"
#include "container/names.h"
#include "container/resolver.h"

/* ---- names ---- */

int container_rename(struct container_host *h, const char *container, const char *name,
                     struct shale_err *e)
{
    static const char failed[] = "Error when allocating new name";
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    char holder[META_CONTAINER_ID_HEX + 1] = "";
    struct ctr c;
    int r;

    if (!container[0] || !name[0])
        return err_set(e, SHALE_INVALID, "Neither old nor new names may be empty");
    r = ctr_find(h, container, &a, &c, e);
    if (r < 0)
        return r;
    name += name[0] == '/';
    if (streq(name, c.row.name))
        return err_set(e, SHALE_INVALID,
                       "Renaming a container with the same name as its current name");
    if (!name_is_valid(name))
        return err_set(e, SHALE_INVALID,
                       "%s: Invalid container name (/%.200s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are "
                       "allowed",
                       failed, name);
    r = meta_container_rename(store_meta(h->store), c.row.id, name, holder, e);
    if (r == -SHALE_EXISTS)
        return err_set(e, SHALE_CONFLICT,
                       "%s: Conflict. The container name \"/%s\" is already in use by container "
                       "\"%s\". You have to remove (or rename) that container to be able to reuse "
                       "that name.",
                       failed, name, holder);
    if (r < 0)
        return r;
    const char *old = arena_printf(&a, "/%s", c.row.name);
    c.row.name = name;
    ctr_event(h, &c.row, EVENT_CONTAINER_RENAME, NULL, "oldName", old ? old : "", NULL);
    return resolver_rename(h, &a, &c, e);
}

/* ---- pausing ---- */

/* Tells the runtime, then the row. Lock held. */
static int freeze(struct container_host *h, struct arena *a, struct ctr *c, bool on,
                  struct shale_err *e)
{
    const char *const rest[] = {on ? "pause" : "resume", c->row.id, NULL};
    const char *const from[] = {on ? CTR_RUNNING : CTR_PAUSED, NULL};
    struct meta_container_run to = c->row.run;
    struct ctr_run run;
    int r = ctr_run_load(h, c, a, &run, e);

    if (r < 0)
        return r;
    if (!run.runtime.path[0])
        return err_set(e, SHALE_CONFLICT, "container %s is not running", c->row.id);
    if (run.runtime.level == RUNTIME_NO_CGROUPS)
        return err_set(e, SHALE_UNSUPPORTED,
                       "%s works without control groups here, which pausing needs (see shale info)",
                       run.runtime.name);
    r = runtime_call(&run.runtime, rest, a, e);
    if (r < 0)
        return r;
    to.state = on ? CTR_PAUSED : CTR_RUNNING;
    r = ctr_move(h, c, from, &to, a, e);
    if (r >= 0)
        ctr_event(h, &c->row, on ? EVENT_CONTAINER_PAUSE : EVENT_CONTAINER_UNPAUSE, NULL, NULL);
    return r;
}

static int lock_running(struct container_host *h, struct arena *a, const char *container,
                        struct ctr *c, int *ret_lock, struct shale_err *e)
{
    int r = ctr_find(h, container, a, c, e);

    if (r >= 0)
        r = ctr_need_running(c, e);
    if (r < 0)
        return r;
    *ret_lock = ctr_lock(h, c, e);
    if (*ret_lock < 0)
        return *ret_lock;
    r = ctr_reload(h, a, c, e);
    return r < 0 ? r : ctr_need_running(c, e);
}

int container_pause(struct container_host *h, const char *container, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_close_ int lock = -1;
    struct ctr c;
    int r = lock_running(h, &a, container, &c, &lock, e);

    if (r < 0)
        return r;
    if (ctr_is(&c, CTR_PAUSED))
        return err_set(e, SHALE_CONFLICT, "Container %s is already paused", c.row.id);
    r = freeze(h, &a, &c, true, e);
    return r < 0 ? err_wrap(e, r, "Cannot pause container %s", c.row.id) : 0;
}

int container_unpause(struct container_host *h, const char *container, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_close_ int lock = -1;
    struct ctr c;
    int r = ctr_find(h, container, &a, &c, e);

    if (r >= 0 && !ctr_is(&c, CTR_PAUSED))
        r = err_set(e, SHALE_CONFLICT, "Container %s is not paused", c.row.id);
    if (r >= 0)
        r = lock_running(h, &a, c.row.id, &c, &lock, e);
    if (r < 0)
        return r;
    if (!ctr_is(&c, CTR_PAUSED))
        return err_set(e, SHALE_CONFLICT, "Container %s is not paused", c.row.id);
    r = freeze(h, &a, &c, false, e);
    return r < 0 ? err_wrap(e, r, "Cannot unpause container %s", c.row.id) : 0;
}

int life_thaw(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e)
{
    if (!ctr_is(c, CTR_PAUSED))
        return 0;
    _cleanup_close_ int lock = ctr_lock(h, c, e);
    if (lock < 0)
        return lock == -SHALE_NOT_FOUND ? 0 : lock;
    int r = ctr_reload(h, a, c, NULL);
    if (r < 0 || !ctr_is(c, CTR_PAUSED))
        return 0;
    return freeze(h, a, c, false, e);
}

/* ---- restarting ---- */

static int restart(struct container_host *h, struct ctr *c, const char *signal, int64_t timeout_s,
                   struct shale_err *e)
{
    struct meta *m = store_meta(h->store);
    bool keep = c->row.auto_remove && ctr_need_running(c, NULL) >= 0;
    int r = 0, status;

    if (keep) /* it does not go with this end */
        r = meta_container_set_auto_remove(m, c->row.id, false, e);
    if (r >= 0)
        r = container_stop(h, c->row.id, signal, timeout_s, e);
    if (r >= 0)
        r = container_start(h, c->row.id, NULL, &status, e);
    if (keep) {
        int k = meta_container_set_auto_remove(m, c->row.id, true, r < 0 ? NULL : e);
        r = r < 0 ? r : k;
    }
    return r;
}

int container_restart(struct container_host *h, const char *container, const char *signal,
                      int64_t timeout_s, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    int r = ctr_find(h, container, &a, &c, e);

    if (r < 0)
        return r;
    r = restart(h, &c, signal, timeout_s, e);
    if (r < 0)
        return err_wrap(e, r, "Cannot restart container %s", container);
    ctr_event(h, &c.row, EVENT_CONTAINER_RESTART, NULL, NULL);
    return 0;
}
