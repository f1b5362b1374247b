/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A token that says "stop": set from a signal handler or another thread, checked by long work. */
#include <stdbool.h>
#include <stdatomic.h>

#include "base/err.h"

struct cancel {
    atomic_bool set;
};

static inline void cancel_set(struct cancel *c) /* async-signal-safe */
{
    atomic_store_explicit(&c->set, true, memory_order_relaxed);
}
static inline bool cancel_is_set(struct cancel *c) /* NULL is never set */
{
    return c && atomic_load_explicit(&c->set, memory_order_relaxed);
}
static inline int cancel_check(struct cancel *c, struct shale_err *e)
{
    return cancel_is_set(c) ? err_set(e, SHALE_CANCELED, "canceled") : 0;
}
