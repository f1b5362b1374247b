/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Values of --publish and --expose, in docker's words where they are wrong (INVALID). Pure; results
 * live in the arena.
 *
 *   [[IP:][PORT[-PORT]]:]PORT[-PORT][/tcp|udp|sctp]
 *
 * An IPv6 address stands in brackets or not, and is kept in its shortest form.
 * Ranges of the same length are taken apart, one port each; a range of the host for one port of the
 * container stays one: any of it.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define PORT_MAX 16384 /* published ones of one container */

struct port_pair {
    const char *protocol; /* a constant: "tcp", "udp", "sctp" */
    const char *host_ip;  /* "": any of both kinds */
    uint16_t inside;
    uint16_t first, last; /* of the host; 0: any that is free */
};
struct port_list {
    struct port_pair *v;
    size_t n, cap;
};
int port_publish(const char *text, struct arena *a, struct port_list *l, struct shale_err *e);
/* The same words as EXPOSE has them: what is said of the host is checked, and counts for nothing;
 * "80/" is TCP. At most 65536 ports. */
int port_inside(const char *text, struct arena *a, struct port_list *l, struct shale_err *e);

struct port_range {
    const char *protocol;
    uint16_t first, last;
};
/* "80", "80/udp", "8000-8010/tcp" */
int port_expose(const char *text, struct port_range *ret, struct shale_err *e);
