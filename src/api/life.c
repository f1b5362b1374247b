/* SPDX-License-Identifier: Apache-2.0 */
#include "api/life.h"

#include <shale/life.h>
#include <shale/update.h>

#include "api/create_body.h"
#include "base/cleanup.h"

static int state_of(struct api_req *q, enum shale_container_state *ret, struct shale_err *e)
{
    struct shale_container *c = NULL;
    int r = shale_container_inspect(q->s, q->args[0], false, &c, e);

    if (r >= 0)
        *ret = c->state;
    shale_free(c);
    return r;
}

static bool is_live(enum shale_container_state s)
{
    return s == SHALE_RUNNING || s == SHALE_PAUSED || s == SHALE_RESTARTING;
}

static int done(struct api_req *q, int r)
{
    return r < 0 ? r : api_reply_empty(q, 204);
}

/* From here on NOT_FOUND and DENIED speak of the command, which a 404 must not say. */
int life_start(struct api_req *q, struct shale_err *e)
{
    enum shale_container_state s;
    int status, r = state_of(q, &s, e);

    if (r >= 0 && (s == SHALE_RUNNING || s == SHALE_RESTARTING))
        return api_reply_empty(q, 304);
    if (r < 0)
        return r;
    r = shale_start(q->s, q->args[0], NULL, &status, e);
    if (r == -SHALE_NOT_FOUND || r == -SHALE_DENIED)
        api_fail_as(q, 400);
    else if (r == -SHALE_SYSTEM || r == -SHALE_UNSUPPORTED)
        api_fail_as(q, 500);
    return done(q, r);
}

static int timeout_of(struct api_req *q, int64_t *ret, struct shale_err *e)
{
    return api_query_i64(q, "t", -1, ret, e);
}

int life_stop(struct api_req *q, struct shale_err *e)
{
    enum shale_container_state s;
    int64_t t;
    int r = timeout_of(q, &t, e);

    if (r >= 0)
        r = state_of(q, &s, e);
    if (r >= 0 && !is_live(s))
        return api_reply_empty(q, 304);
    return done(q, r < 0 ? r : shale_stop(q->s, q->args[0], api_query(q, "signal"), t, e));
}

int life_restart(struct api_req *q, struct shale_err *e)
{
    int64_t t;
    int r = timeout_of(q, &t, e);

    return done(q, r < 0 ? r : shale_restart(q->s, q->args[0], api_query(q, "signal"), t, e));
}

int life_kill(struct api_req *q, struct shale_err *e)
{
    return done(q, shale_kill(q->s, q->args[0], api_query(q, "signal"), e));
}

int life_pause(struct api_req *q, struct shale_err *e)
{
    return done(q, shale_pause(q->s, q->args[0], e));
}

int life_unpause(struct api_req *q, struct shale_err *e)
{
    return done(q, shale_unpause(q->s, q->args[0], e));
}

int life_rename(struct api_req *q, struct shale_err *e)
{
    const char *name = api_query(q, "name");

    return done(q, shale_rename(q->s, q->args[0], name ? name : "", e));
}

int life_update(struct api_req *q, struct shale_err *e)
{
    struct create_limits l;
    int r = create_body_limits(q, q->body, &l, e);

    if (r >= 0 && (l.blkio_weight || *l.cgroup_parent))
        r = err_set(e, SHALE_UNSUPPORTED, "an update of %s is not supported yet",
                    l.blkio_weight ? "BlkioWeight" : "CgroupParent");
    if (r < 0)
        return r;
    const struct shale_update_opts o = {.size = sizeof o,
                                        .memory_bytes = l.memory,
                                        .nano_cpus = l.nano_cpus,
                                        .pids_limit = l.pids_limit,
                                        .more = l.more,
                                        .restart = l.restart};
    r = shale_update(q->s, q->args[0], &o, e);
    return r < 0 ? r : api_reply_json(q, 200, json_pack("{s:n}", "Warnings"));
}

int life_size(const struct api_req *q, uint16_t *rows, uint16_t *columns, struct shale_err *e)
{
    int64_t h, w;
    int r = api_query_i64(q, "h", -1, &h, e);

    if (r >= 0)
        r = api_query_i64(q, "w", -1, &w, e);
    if (r < 0)
        return r;
    if (h < 0 || w < 0 || h > UINT16_MAX || w > UINT16_MAX)
        return err_set(e, SHALE_INVALID, "invalid size of a terminal: h and w are needed");
    *rows = (uint16_t)h;
    *columns = (uint16_t)w;
    return 0;
}

int life_resize(struct api_req *q, struct shale_err *e)
{
    uint16_t rows, columns;
    int r = life_size(q, &rows, &columns, e);

    return r < 0 ? r : shale_resize(q->s, q->args[0], rows, columns, e);
}

int life_remove(struct api_req *q, struct shale_err *e)
{
    const struct shale_rm_opts o = {
        .size = sizeof o, .force = api_query_bool(q, "force"), .volumes = api_query_bool(q, "v")};

    if (api_query_bool(q, "link"))
        return err_set(e, SHALE_UNSUPPORTED,
                       "removing links of containers is not supported: make it anew without");
    return done(q, shale_rm(q->s, q->args[0], &o, e));
}
