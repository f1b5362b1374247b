/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/limits.h"

#include "base/str.h"
#include "base/units.h"

int limits_take(struct cli *c, const struct limits_cli *o, struct shale_more_limits *ret)
{
    struct shale_err why = SHALE_ERR_INIT;
    int64_t swap = 0;
    if (o->swap && streq(o->swap, "-1"))
        swap = -1;
    else if (o->swap && units_parse_binary(o->swap, &swap, &why) < 0)
        return cli_usage_error(c, "invalid argument \"%s\" for \"--memory-swap\" flag: %s", o->swap,
                               why.msg);
    *ret = (struct shale_more_limits){
        .memory_swap_bytes = swap,
        .memory_reservation_bytes = o->reservation,
        .cpu_shares = o->shares,
        .cpu_period_us = o->period,
        .cpu_quota_us = o->quota,
        .cpuset_cpus = o->cpus,
        .cpuset_mems = o->mems,
    };
    return 0;
}
