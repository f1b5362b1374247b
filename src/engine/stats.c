/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/stats.h> */
#include "container/stats.h"

#include "engine/engine_priv.h"

int shale_stats(struct shale *s, const struct shale_stats_opts *opts, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_stats_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return container_stats(&h, &o, e);
}
