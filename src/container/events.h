/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Events of containers, volumes and networks, one line where they happen (see store/events.h):
 *
 *   ctr_event(h, &c.row, EVENT_CONTAINER_START, NULL, NULL);
 *   ctr_event(h, &c.row, EVENT_CONTAINER_DIE, NULL, "exitCode", "0", NULL);
 *
 * After detail come keys and values of attributes, at most EVENT_ATTRS_MAX pairs, then NULL. Image,
 * name and labels of the container are added.
 */
#include "container/conf.h"
#include "container/container.h"
#include "container/network.h"
#include "store/events.h"

#define EVENT_ATTRS_MAX 8

void ctr_event(struct container_host *h, const struct meta_container *row, enum event_kind kind,
               const char *detail, ...) __attribute__((sentinel));
/* The end of its process: oom, when it was for that, and die. */
void ctr_event_die(struct container_host *h, const struct meta_container *row,
                   const struct meta_container_run *run);
/* Its volumes are mounted (EVENT_VOLUME_MOUNT) or not any more (EVENT_VOLUME_UNMOUNT). */
void ctr_event_volumes(struct container_host *h, const struct meta_container *row,
                       const struct conf *conf, enum event_kind kind);
/* A volume, of the driver that there is. */
void volume_event(struct store *s, enum event_kind kind, const char *name);
/* A network, and the container that it gained or lost (NULL: the network itself is meant). */
void network_event(struct store *s, enum event_kind kind, const struct network *n,
                   const char *container);
/* What a prune has freed. */
void prune_event(struct store *s, enum event_kind kind, uint64_t freed_bytes);
