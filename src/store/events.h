/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The journal of events: what was done to images, containers and volumes of this store, by whatever
 * process. Who does something says so here, after it has taken effect:
 *
 *   store_event(s, EVENT_IMAGE_TAG, NULL, id, labels, (const char *const[]){"name", name, NULL});
 *
 * Which events there are, and docker's words for them, is one table in events.c.
 *
 * root/events/log is appended to, one line an event: nanoseconds, a blank, a JSON object with Type,
 * Action, ID, Attributes. At EVENTS_LOG_BYTES it becomes log.1 (the one before is dropped), so that
 * the journal takes at most twice that. Writers take a lock (flock on the folder) for the time of
 * one write; lines are in the order of their times. Nothing is synced: the journal tells, it
 * decides nothing. A line that a crash has cut off is passed over by readers, and the next line
 * begins on its own.
 *
 * An event that cannot be written is lost, and what it tells of stays done: no errors here. A store
 * that is only looked at gets none. Thread-safe.
 */
#include <shale/events.h>

#include "base/cancel.h"
#include "base/err.h"

struct store;

#define EVENTS_LOG_BYTES  (4u << 20)
#define EVENTS_LINE_BYTES (64u << 10) /* labels that make it longer are left out */

enum event_kind {
    EVENT_CONTAINER_ATTACH,
    EVENT_CONTAINER_COMMIT,
    EVENT_CONTAINER_COPY_IN,  /* cp to it */
    EVENT_CONTAINER_COPY_OUT, /* cp from it */
    EVENT_CONTAINER_CREATE,
    EVENT_CONTAINER_DESTROY,
    EVENT_CONTAINER_DETACH,
    EVENT_CONTAINER_DIE,
    EVENT_CONTAINER_EXEC_CREATE, /* detail: the command line */
    EVENT_CONTAINER_EXEC_DETACH,
    EVENT_CONTAINER_EXEC_DIE,
    EVENT_CONTAINER_EXEC_START, /* detail: the command line */
    EVENT_CONTAINER_EXPORT,
    EVENT_CONTAINER_HEALTH_STATUS, /* detail: "healthy", "unhealthy" */
    EVENT_CONTAINER_KILL,
    EVENT_CONTAINER_OOM,
    EVENT_CONTAINER_PAUSE,
    EVENT_CONTAINER_PRUNE,
    EVENT_CONTAINER_RENAME,
    EVENT_CONTAINER_RESIZE,
    EVENT_CONTAINER_RESTART,
    EVENT_CONTAINER_START,
    EVENT_CONTAINER_STOP,
    EVENT_CONTAINER_TOP,
    EVENT_CONTAINER_UNPAUSE,
    EVENT_CONTAINER_UPDATE,
    EVENT_IMAGE_CREATE,
    EVENT_IMAGE_DELETE,
    EVENT_IMAGE_IMPORT,
    EVENT_IMAGE_LOAD,
    EVENT_IMAGE_PRUNE,
    EVENT_IMAGE_PULL,
    EVENT_IMAGE_PUSH,
    EVENT_IMAGE_SAVE,
    EVENT_IMAGE_TAG,
    EVENT_IMAGE_UNTAG,
    EVENT_NETWORK_CONNECT,
    EVENT_NETWORK_CREATE,
    EVENT_NETWORK_DESTROY,
    EVENT_NETWORK_DISCONNECT,
    EVENT_NETWORK_PRUNE,
    EVENT_VOLUME_CREATE,
    EVENT_VOLUME_DESTROY,
    EVENT_VOLUME_MOUNT,
    EVENT_VOLUME_PRUNE,
    EVENT_VOLUME_UNMOUNT,
    EVENT_KINDS
};

struct event {
    enum event_kind kind;
    const char *detail;       /* what follows the action after ": "; NULL: nothing */
    const char *id;           /* of whom it is told; "" where it is told of none */
    const char *labels;       /* text of a JSON object of strings; "" or NULL: none */
    const char *const *attrs; /* key, value, …, NULL; they win over labels */
};

/* Several in one write. */
void store_events_add(struct store *s, const struct event *v, size_t n);
void store_event(struct store *s, enum event_kind kind, const char *detail, const char *id,
                 const char *labels, const char *const *attrs);
/* An event of an image: with the labels that it has here; id is what is told of (its ID or a
 * name), name an attribute (NULL: none). */
struct digest;
void store_image_event(struct store *s, enum event_kind kind, const struct digest *image,
                       const char *id, const char *name);

/* Hands out events, oldest first, as shale_events describes it. */
int store_events(struct store *s, const struct shale_events_opts *o, struct cancel *c,
                 struct shale_err *e);

/* ---- filters of `events` ---- */
struct event_filter;
struct arena;
/* "name=value" each, NULL-terminated or NULL. INVALID names what is wrong. */
int event_filter_new(const char *const *filters, struct arena *a, struct event_filter **ret,
                     struct shale_err *e);
bool event_filter_match(const struct event_filter *f, const struct shale_event *ev);

/* One line of the journal without its end. 1 and the event in the arena; 0: it is none. */
int event_parse(const char *line, size_t n, struct arena *a, struct shale_event *ret);
