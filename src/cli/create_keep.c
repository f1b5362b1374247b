/* SPDX-License-Identifier: Apache-2.0 */
/* --restart, --health-* and --log-* of run and create. */
#include "base/str.h"
#include "cli/create.h"
#include "model/restart.h"

static int check_restart(struct cli *c, const struct create_cli *o)
{
    struct restart_policy p;
    int r = restart_parse(o->restart, &p, &c->e);
    /* as docker's daemon says it, not its client: no wrong use of create */
    if (r < 0 && !(c->cmd->flags & CMD_RUN_STATUS) &&
        !str_has_prefix(c->e.msg, "invalid restart policy format")) {
        c->fail_status = 0;
        c->plain_error = true;
    }
    if (r == 0 && p.when != RESTART_NO && o->auto_remove)
        r = err_set(&c->e, SHALE_INVALID,
                    "conflicting options: cannot specify both --restart and --rm");
    return r;
}

static int check_health(struct cli *c, const struct health_cli *h)
{
    const struct {
        const char *option;
        int64_t value;
    } numbers[] = {
        {"--health-interval", h->interval},
        {"--health-timeout", h->timeout},
        {"--health-retries", h->retries},
        {"--health-start-period", h->start_period},
        {"--health-start-interval", h->start_interval},
    };
    bool any = h->cmd && *h->cmd;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        any |= numbers[i].value != 0;
        if (!h->none && numbers[i].value < 0)
            return err_set(&c->e, SHALE_INVALID, "%s cannot be negative", numbers[i].option);
    }
    return h->none && any
               ? err_set(&c->e, SHALE_INVALID, "--no-healthcheck conflicts with --health-* options")
               : 0;
}

int create_check_keep(struct cli *c, const struct create_cli *o)
{
    int r = check_restart(c, o);
    return r < 0 ? r : check_health(c, &o->health);
}

void create_take_keep(const struct create_cli *o, struct shale_create_opts *q)
{
    q->restart = o->restart;
    q->log_driver = o->log_driver;
    q->log_opts = (const char *const *)o->log_opt.v;
    q->health_cmd = o->health.cmd;
    q->health_interval_ns = o->health.interval;
    q->health_timeout_ns = o->health.timeout;
    q->health_start_period_ns = o->health.start_period;
    q->health_start_interval_ns = o->health.start_interval;
    q->health_retries = o->health.retries;
    q->no_healthcheck = o->health.none;
}
