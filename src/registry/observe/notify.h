/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tells others what happens in the registry: every event is posted to the receivers ([notify] of
 * the config) that want it, as docker-registry's notifications
 * (application/vnd.docker.distribution.events.v2+json, one event an envelope).
 *
 *   notify_open(conf, dirfd, "registry.example:5000", metrics, &n, e);
 *   notify_send(n, &event);            // from any thread; one append to a file, no network
 *   n = notify_close(n);               // stops at once; what waits stays on disk
 *
 * Every receiver has a queue in the folder (equeue.h) and a thread. Events arrive in order, at
 * least once, with the same id when they come again. A delivery has worked when the receiver says
 * 2xx. What fails is tried again: after a second while there are fewer than `threshold` failures in
 * a row, then after `backoff`, doubling up to NOTIFY_MAX_BACKOFF times that. Events are dropped,
 * and counted, only when they are older than `max_age`, or the oldest when there are more than
 * `queue`, or when the disk does not take them (log_warn).
 *
 * One notify a folder (IN_USE). The config and the metrics are borrowed until notify_close; metrics
 * may be NULL.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/manifest.h"
#include "registry/observe/metrics.h"
#include "registry/conf/regconf.h"

#define NOTIFY_MAX_BACKOFF  30 /* times the backoff */
#define NOTIFY_CONTENT_TYPE "application/vnd.docker.distribution.events.v2+json"

struct notify_event {                         /* texts may be NULL, and are from anybody */
    unsigned action;                          /* one of REGCONF_EVENT_* */
    int64_t time_ns;                          /* wall clock */
    const char *repository, *from_repository; /* the latter of a mount */
    const char *media_type, *digest, *tag;
    uint64_t size;
    bool is_blob; /* for the URL of the target */
    /* What a manifest names; left out of an event that would be longer than EQUEUE_MAX_TEXT. */
    const struct descriptor *references;
    size_t n_references;
    const char *base_url; /* "https://host:port" as the client reached us */
    const char *request_id, *peer, *host, *method, *user_agent;
    const char *actor; /* the user; NULL: a stranger */
};

struct notify;

/* `source`: how this registry calls itself in events. */
int notify_open(const struct regconf *c, int dirfd, const char *source, struct metrics *m,
                struct notify **ret, struct shale_err *e);
void notify_send(struct notify *n, const struct notify_event *ev);
uint64_t notify_queued(struct notify *n);      /* at all receivers */
struct notify *notify_close(struct notify *n); /* NULL in, NULL out */
