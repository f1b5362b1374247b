/* SPDX-License-Identifier: Apache-2.0 */
/* `container prune`. */
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/time.h"
#include "container/events.h"
#include "container/labels.h"
#include "container/life.h"
#include "container/step.h"

struct prune {
    struct container_host *h;
    struct arena *a;
    const char *const *filters;
    int64_t until_ns; /* TIME_NONE: none given */
    const char **ids;
    size_t n_ids;
    uint64_t freed;
};

static int check_filters(struct prune *p, struct shale_err *e)
{
    for (const char *const *f = p->filters; f && *f; f++) {
        if (str_has_prefix(*f, "label=") || str_has_prefix(*f, "label!="))
            continue;
        if (!str_has_prefix(*f, "until="))
            return err_set(e, SHALE_INVALID, "invalid filter '%.*s'",
                           (int)(strcspn(*f, "=") > 64 ? 64 : strcspn(*f, "=")), *f);
        if (p->until_ns != TIME_NONE)
            return err_set(e, SHALE_INVALID, "more than one until filter specified");
        int r = time_parse_filter(*f + strlen("until="), time_now_ns(), &p->until_ns, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_meant(const struct prune *p, const struct ctr *c)
{
    if (p->until_ns != TIME_NONE && c->row.created_ns > p->until_ns)
        return false;
    for (const char *const *f = p->filters; f && *f; f++) {
        if (str_has_prefix(*f, "label=") && !labels_match(c->row.labels, *f + strlen("label=")))
            return false;
        if (str_has_prefix(*f, "label!=") && labels_match(c->row.labels, *f + strlen("label!=")))
            return false;
    }
    return true;
}

static int prune_one(struct prune *p, const struct meta_container *row, struct shale_err *e)
{
    struct shale_rm_opts o = {.size = sizeof o};
    struct shale_err why = SHALE_ERR_INIT;
    uint64_t bytes = 0;
    struct ctr c;
    int r = ctr_of_row(p->h, row, p->a, &c, e);

    if (r < 0)
        return r;
    if (ctr_refresh(p->h, p->a, &c, NULL) == -SHALE_NOT_FOUND || ctr_is_live(&c) ||
        !is_meant(p, &c))
        return 0;
    const char *upper = ctr_path(&c, p->a, "upper");
    const char *id = arena_strdup(p->a, row->id);
    if (!upper || !id)
        return err_nomem(e);
    if (fs_exists(AT_FDCWD, upper))
        (void)fs_disk_usage(AT_FDCWD, upper, &bytes, NULL);
    r = container_rm(p->h, row->id, &o, &why);
    if (r == -SHALE_CONFLICT || r == -SHALE_NOT_FOUND) /* started, or removed, meanwhile */
        return 0;
    if (r < 0) {
        if (e)
            *e = why;
        return r;
    }
    p->ids[p->n_ids++] = id;
    p->freed += bytes;
    return 0;
}

int container_prune(struct container_host *h, const struct shale_container_prune_opts *o,
                    struct arena *a, struct shale_container_pruned *ret, struct shale_err *e)
{
    struct prune p = {.h = h, .a = a, .filters = o->filters, .until_ns = TIME_NONE};
    struct meta_container *rows = NULL;
    size_t n = 0;
    int r = check_filters(&p, e);

    if (r >= 0)
        r = steps_sweep(h, e);
    if (r >= 0)
        r = meta_container_list(store_meta(h->store), NULL, a, &rows, &n, e);
    if (r < 0)
        return r;
    p.ids = arena_array(a, n + 1, sizeof *p.ids);
    if (!p.ids)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = cancel_check(h->cancel, e);
        if (r >= 0)
            r = prune_one(&p, &rows[i], e);
    }
    if (r < 0)
        return r;
    prune_event(h->store, EVENT_CONTAINER_PRUNE, p.freed);
    *ret = (struct shale_container_pruned){p.ids, p.n_ids, p.freed};
    return 0;
}
