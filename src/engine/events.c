/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/events.h> */
#include "store/events.h"

#include "engine/engine_priv.h"

int shale_events(struct shale *s, const struct shale_events_opts *opts, struct shale_err *e)
{
    struct shale_events_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return store_events(s->store, &o, &s->cancel, e);
}
