/* SPDX-License-Identifier: Apache-2.0 */
#include "model/health.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"

#define INTERVAL_NS       (30 * NS_PER_S)
#define TIMEOUT_NS        (30 * NS_PER_S)
#define START_INTERVAL_NS (5 * NS_PER_S)
#define RETRIES           3

static const char *const names[] = {
    [HEALTH_NONE] = "none",
    [HEALTH_STARTING] = "starting",
    [HEALTH_HEALTHY] = "healthy",
    [HEALTH_UNHEALTHY] = "unhealthy",
};

const char *health_name(enum health_status s)
{
    return names[s];
}

bool health_by_name(const char *name, enum health_status *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (streq(names[i], name)) {
            *ret = (enum health_status)i;
            return true;
        }
    return false;
}

bool health_is_probed(const struct config_health *h)
{
    return h->test.n > 1 && (streq(h->test.v[0], "CMD") || streq(h->test.v[0], "CMD-SHELL"));
}

static int check_time(const char *what, int64_t ns, struct shale_err *e)
{
    return ns == 0 || ns >= NS_PER_MS
               ? 0
               : err_set(e, SHALE_INVALID, "%s in Healthcheck cannot be less than 1ms", what);
}

int health_check(const struct config_health *h, struct shale_err *e)
{
    int r = check_time("Interval", h->interval_ns, e);

    if (r >= 0)
        r = check_time("Timeout", h->timeout_ns, e);
    if (r >= 0 && h->retries < 0)
        r = err_set(e, SHALE_INVALID, "Retries in Healthcheck cannot be negative");
    if (r >= 0)
        r = check_time("StartPeriod", h->start_period_ns, e);
    return r < 0 ? r : check_time("StartInterval", h->start_interval_ns, e);
}

void health_merge(struct config_health *base, const struct config_health *over)
{
    if (over->test.n)
        base->test = over->test;
    if (over->interval_ns)
        base->interval_ns = over->interval_ns;
    if (over->timeout_ns)
        base->timeout_ns = over->timeout_ns;
    if (over->start_period_ns)
        base->start_period_ns = over->start_period_ns;
    if (over->start_interval_ns)
        base->start_interval_ns = over->start_interval_ns;
    if (over->retries)
        base->retries = over->retries;
}

static int64_t or_default(int64_t ns, int64_t def)
{
    return ns > 0 ? ns : def;
}

int64_t health_timeout_ns(const struct config_health *h)
{
    return or_default(h->timeout_ns, TIMEOUT_NS);
}

int64_t health_interval_ns(const struct config_health *h, enum health_status now,
                           int64_t since_start_ns)
{
    bool begins = now == HEALTH_STARTING && since_start_ns < h->start_period_ns;

    return begins ? or_default(h->start_interval_ns, START_INTERVAL_NS)
                  : or_default(h->interval_ns, INTERVAL_NS);
}

bool health_take(struct health_state *s, const struct config_health *h, int exit_code,
                 int64_t begin_ns)
{
    enum health_status was = s->status;

    if (exit_code == 0) {
        s->failing = 0;
        s->status = HEALTH_HEALTHY;
    } else if (was != HEALTH_STARTING || begin_ns >= h->start_period_ns) {
        s->failing++;
        if (s->failing >= or_default(h->retries, RETRIES))
            s->status = HEALTH_UNHEALTHY;
    }
    return s->status != was;
}
