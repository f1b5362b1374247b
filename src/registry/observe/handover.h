/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Events of a process that does not send any itself: `shale registry gc` writes down what it has
 * removed, and the server that has the receivers ([notify]) tells of it, now or when it is started.
 * A file of lines of JSON in the registry's folder, notify.handed.
 *
 *   handover_open(root_fd, cancel, &h, e); // one at a time; waits
 *   handover_put(h, &event, e);
 *   handover_close(h, e);                // on disk now
 *
 *   handover_take(root_fd, f, arg, e);   // the other side; nothing while somebody writes
 *
 * At least once: who is killed between telling and forgetting tells again. Of an event there are
 * time, action, repository, tag, digest and user agent. LIMIT when the file has HANDOVER_MAX_BYTES.
 */
#include "base/cancel.h"
#include "base/err.h"
#include "registry/observe/notify.h"

#define HANDOVER_FILE      "notify.handed"
#define HANDOVER_MAX_BYTES (64u << 20)

struct handover;

int handover_open(int root_fd, struct cancel *cancel, struct handover **ret, struct shale_err *e);
int handover_put(struct handover *h, const struct notify_event *ev, struct shale_err *e);
int handover_close(struct handover *h, struct shale_err *e); /* accepts NULL */

/* Returns how many. Lines that make no sense are left out. */
int handover_take(int root_fd, void (*f)(void *arg, const struct notify_event *ev), void *arg,
                  struct shale_err *e);
