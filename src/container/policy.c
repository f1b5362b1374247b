/* SPDX-License-Identifier: Apache-2.0 */
/* What runs by its restart policy, after a boot. */
#include "base/cleanup.h"
#include "container/keep.h"

/* docker: those that were created only are not meant. */
static bool is_due(const struct ctr *c)
{
    if (c->row.run.started_ns == SHALE_TIME_NONE)
        return false;
    return c->conf.restart.when == RESTART_ALWAYS ||
           (c->conf.restart.when == RESTART_UNLESS_STOPPED && !c->row.run.stopped);
}

/* 1: it was due. */
static int bring_up(struct container_host *h, struct arena *a, const struct meta_container *row,
                    struct shale_err *e)
{
    struct ctr c;
    int status, r = ctr_of_row(h, row, a, &c, e);

    if (r >= 0)
        r = ctr_refresh(h, a, &c, e);
    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r; /* it is gone meanwhile */
    if (ctr_need_running(&c, NULL) >= 0)
        return keep_again(h, a, &c, e);
    if (ctr_is_live(&c) || !is_due(&c))
        return 0;
    r = container_start(h, row->id, NULL, &status, e);
    return r < 0 ? r : 1;
}

int container_start_by_policy(struct container_host *h, struct arena *a,
                              struct shale_policy_starts *ret, struct shale_err *e)
{
    struct shale_policy_start *v;
    struct meta_container *rows = NULL;
    size_t n = 0, n_rows = 0;
    int r = meta_container_list(store_meta(h->store), NULL, a, &rows, &n_rows, e);

    if (r < 0)
        return r;
    v = arena_array(a, n_rows + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = n_rows; i-- > 0;) { /* the oldest first: others may need it */
        struct shale_err why = SHALE_ERR_INIT;
        r = bring_up(h, a, &rows[i], &why);
        if (cancel_is_set(h->cancel))
            return cancel_check(h->cancel, e);
        if (r == 0)
            continue;
        v[n] = (struct shale_policy_start){rows[i].name, r < 0 ? -r : 0,
                                           arena_strdup(a, r < 0 ? why.msg : "")};
        if (!v[n++].problem)
            return err_nomem(e);
    }
    *ret = (struct shale_policy_starts){v, n};
    return 0;
}
