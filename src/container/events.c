/* SPDX-License-Identifier: Apache-2.0 */
#include "container/events.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "base/time.h"

void ctr_event(struct container_host *h, const struct meta_container *row, enum event_kind kind,
               const char *detail, ...)
{
    const char *attrs[2 * (EVENT_ATTRS_MAX + 2) + 1], *key;
    size_t n = 0;
    va_list ap;

    attrs[n++] = "name";
    attrs[n++] = row->name;
    if (row->image_ref && *row->image_ref) {
        attrs[n++] = "image";
        attrs[n++] = row->image_ref;
    }
    va_start(ap, detail);
    for (size_t i = 0; i < EVENT_ATTRS_MAX && (key = va_arg(ap, const char *)); i++) {
        attrs[n++] = key;
        attrs[n++] = va_arg(ap, const char *);
    }
    va_end(ap);
    attrs[n] = NULL;
    store_event(h->store, kind, detail, row->id, row->labels, attrs);
}

void ctr_event_die(struct container_host *h, const struct meta_container *row,
                   const struct meta_container_run *run)
{
    char code[16], ran[24];
    int64_t ran_ns = 0;

    if (run->started_ns != TIME_NONE &&
        (__builtin_sub_overflow(run->finished_ns, run->started_ns, &ran_ns) || ran_ns < 0))
        ran_ns = 0;
    (void)snprintf(code, sizeof code, "%d", run->exit_code);
    (void)snprintf(ran, sizeof ran, "%" PRId64, (int64_t)(ran_ns / NS_PER_S));
    if (run->oom_killed)
        ctr_event(h, row, EVENT_CONTAINER_OOM, NULL, NULL);
    ctr_event(h, row, EVENT_CONTAINER_DIE, NULL, "exitCode", code, "execDuration", ran, NULL);
}

void ctr_event_volumes(struct container_host *h, const struct meta_container *row,
                       const struct conf *conf, enum event_kind kind)
{
    for (size_t i = 0; i < conf->n_mounts; i++) {
        const struct conf_mount *m = &conf->mounts[i];
        const char *attrs[] = {
            "container", row->id,       "driver", "local",      "destination",
            m->target,   "propagation", "",       "read/write", m->read_only ? "false" : "true",
            NULL};
        if (!streq(m->type, "volume"))
            continue;
        if (kind == EVENT_VOLUME_UNMOUNT)
            attrs[4] = NULL;
        store_event(h->store, kind, NULL, m->name, NULL, attrs);
    }
}

void volume_event(struct store *s, enum event_kind kind, const char *name)
{
    store_event(s, kind, NULL, name, NULL, (const char *const[]){"driver", "local", NULL});
}

void network_event(struct store *s, enum event_kind kind, const struct network *n,
                   const char *container)
{
    store_event(s, kind, NULL, n->row.id, NULL,
                (const char *const[]){"name", n->row.name, "type", n->row.driver,
                                      container ? "container" : NULL, container, NULL});
}

void prune_event(struct store *s, enum event_kind kind, uint64_t freed_bytes)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, freed_bytes);
    store_event(s, kind, NULL, "", NULL, (const char *const[]){"reclaimed", text, NULL});
}
