/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/update.h> */
#include "container/container.h"
#include "engine/engine_priv.h"

int shale_update(struct shale *s, const char *container, const struct shale_update_opts *opts,
                 struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_update_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return container_update(&h, container, &o, e);
}
