/* SPDX-License-Identifier: Apache-2.0 */
#include "model/restart.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"

#define FIRST_NS    (100 * NS_PER_MS)
#define LONGEST_NS  (60 * NS_PER_S)
#define RAN_LONG_NS (10 * NS_PER_S)
#define NAME_BYTES  32

static const char *const names[] = {
    [RESTART_NO] = "no",
    [RESTART_ALWAYS] = "always",
    [RESTART_UNLESS_STOPPED] = "unless-stopped",
    [RESTART_ON_FAILURE] = "on-failure",
};

const char *restart_name(enum restart_when when)
{
    return names[when];
}

bool restart_by_name(const char *name, enum restart_when *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (streq(names[i], name)) {
            *ret = (enum restart_when)i;
            return true;
        }
    return false;
}

static int check_max(const struct restart_policy *p, struct shale_err *e)
{
    if (p->max != 0 && p->when != RESTART_ON_FAILURE)
        return err_set(e, SHALE_INVALID,
                       "invalid restart policy: maximum retry count can only be used with "
                       "'on-failure'%s",
                       p->max < 0 ? " and cannot be negative" : "");
    if (p->max < 0)
        return err_set(e, SHALE_INVALID,
                       "invalid restart policy: maximum retry count cannot be negative");
    return 0;
}

int restart_parse(const char *text, struct restart_policy *ret, struct shale_err *e)
{
    struct restart_policy p = {RESTART_NO, 0};
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    char name[NAME_BYTES] = "";

    if (colon && n == 0)
        return err_set(e, SHALE_INVALID,
                       "invalid restart policy format: no policy provided before colon");
    if (colon && colon[1] && !str_to_i64(colon + 1, &p.max))
        return err_set(e, SHALE_INVALID,
                       "invalid restart policy format: maximum retry count must be an integer");
    if (n < sizeof name)
        memcpy(name, text, n);
    if (n > 0 && !restart_by_name(name, &p.when))
        return err_set(e, SHALE_INVALID,
                       "invalid restart policy: unknown policy '%.*s'; use one of 'no', 'always', "
                       "'on-failure', or 'unless-stopped'",
                       n < 60 ? (int)n : 60, text);
    int r = check_max(&p, e);
    if (r >= 0)
        *ret = p;
    return r;
}

bool restart_applies(const struct restart_policy *p, int status, int64_t restarts)
{
    switch (p->when) {
    case RESTART_ALWAYS:
    case RESTART_UNLESS_STOPPED:
        return true;
    case RESTART_ON_FAILURE:
        return status != 0 && (p->max == 0 || restarts < p->max);
    default:
        return false;
    }
}

int64_t restart_pause_ns(int64_t last_ns, int64_t ran_ns)
{
    if (last_ns <= 0 || ran_ns >= RAN_LONG_NS)
        return FIRST_NS;
    return last_ns >= LONGEST_NS / 2 ? LONGEST_NS : last_ns * 2;
}
