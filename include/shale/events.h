/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_EVENTS_H
#define SHALE_EVENTS_H
/*
 * What is done to images, containers and volumes of a store, as docker's events tell it. See
 * shale.h for the conventions.
 *
 * Every process that changes something appends to the journal of the store; there is no daemon that
 * had to run meanwhile. The journal keeps the latest ones, at least 10,000 of usual length.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_event {
    const char *type;   /* "container", "image", "network", "volume" */
    const char *action; /* "start", "exec_start: sh -c id", "health_status: healthy" */
    const char *id;     /* of the container or image, name of the volume; "" of a prune */
    const struct shale_kv *attributes; /* "name", "image", labels …, in order of their keys */
    size_t n_attributes;
    int64_t time_ns;
};

struct shale_events_opts {
    size_t size;
    int64_t since_ns; /* SHALE_TIME_NONE: what happens from now on. Set it explicitly. */
    int64_t until_ns; /* SHALE_TIME_NONE: for ever. Set it explicitly. */
    /* docker's, "name=value": type, event, image, container, volume, network, label, scope, daemon,
     * plugin, service, node, secret, config. NULL-terminated; may be NULL. */
    const char *const *filters;
    /* One event; what it points to is valid until this returns. Negative stops. */
    int (*on_event)(void *arg, const struct shale_event *ev);
    void *arg;
};

/* Calls on_event for each event since since_ns, oldest first, then for each that happens, until
 * until_ns. A negative value from on_event ends it and is returned. INVALID: a filter that does not
 * exist, or an end before the beginning; CANCELED: by shale_cancel. */
SHALE_API int shale_events(struct shale *s, const struct shale_events_opts *o, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
