/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Ports of IPv6 addresses of this host. The kernel does not turn connections of one kind of address
 * into those of the other, so a process carries the bytes: one for each container that has such
 * ports, from before its own process starts until its networks are undone. It is `ports_command` of
 * the host, which ends in portproxy_run.
 *
 * Files: ports.pid, its number. When that is gone, or another's, it ends by itself soon.
 */
#include <shale/keep.h>

#include "container/hostports.h"

/* For the sockets of `ports`, to that address of the container. Nothing to do without sockets. */
int portproxy_start(struct container_host *h, const struct ctr *c, const struct hostports *ports,
                    uint32_t address, struct arena *a, struct shale_err *e);
/* Harmless when it does not run. */
void portproxy_stop(const struct ctr *c, struct arena *a);

/* The process's work. The sockets listen already, or are bound (udp). 0: the pidfile does not name
 * this process any more. */
int portproxy_run(const char *pidfile, const struct shale_carried_port *v, size_t n,
                  struct shale_err *e);

/* ---- for the parts of it ---- */

/* What the one loop waits for; first member of what belongs to a descriptor. */
struct portproxy_watch {
    void (*on_event)(struct portproxy_watch *w, uint32_t events);
};
int portproxy_watch(int epoll, int fd, uint32_t events, struct portproxy_watch *w,
                    struct shale_err *e);
/* Datagrams of one port, with a socket to the container for each sender. */
struct portproxy_udp;
int portproxy_udp_open(int epoll, const struct shale_carried_port *way, struct portproxy_udp **ret,
                       struct shale_err *e);
/* Senders that have been silent for long are forgotten. */
void portproxy_udp_tidy(struct portproxy_udp *u);
