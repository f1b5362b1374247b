/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_KEEP_H
#define SHALE_KEEP_H
/*
 * Containers that are looked after: started again by their restart policy. There is no daemon for
 * it: each such container has a process of its own, which the program shale starts with it. See
 * shale.h for the conventions and container.h for how containers are named.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_policy_start {
    const char *name;
    int code;            /* 0: it runs; else one of enum shale_code */
    const char *problem; /* "" when code is 0 */
};
struct shale_policy_starts {
    const struct shale_policy_start *items;
    size_t n_items;
};
/* Starts what runs by policy and does not run, as docker's daemon does when it comes up: containers
 * whose policy is "always", and those "unless-stopped" that nobody has stopped; in both cases only
 * what has been started once. One whose looking after was killed is looked after again. What went
 * wrong with one of them is in its item. */
SHALE_API int shale_start_by_policy(struct shale *s, struct shale_policy_starts **ret,
                                    struct shale_err *e);

/* The work of the process that looks after a container (full ID): returns when there is nothing to
 * look after any more. A newline goes to ready_fd, which it closes, once it has begun. */
SHALE_API int shale_container_keep(struct shale *s, const char *id, int ready_fd,
                                   struct shale_err *e);
/* The same for a process that was started detached by shale_exec. */
SHALE_API int shale_container_keep_exec(struct shale *s, const char *id, const char *exec_id,
                                        int ready_fd, struct shale_err *e);

/* The work of the process that watches a container (full ID) which has been prepared, is removed
 * when it ends, and is attached to by others: runs it to its end. To ready_fd, which it closes,
 * goes a newline once it runs, or what is wrong. */
SHALE_API int shale_container_watch(struct shale *s, const char *id, int ready_fd,
                                    struct shale_err *e);

struct shale_carried_port {
    const char *protocol; /* "tcp", "udp" */
    int fd;               /* a socket of IPv6 that listens, or is bound */
    const char *address;  /* IPv4, of the container */
    uint16_t port;
};
/* The work of the process that carries what comes to IPv6 addresses of this host into a container:
 * returns when `pidfile` does not name this process any more, or is gone. The sockets stay the
 * caller's. */
SHALE_API int shale_container_carry_ports(const char *pidfile, const struct shale_carried_port *v,
                                          size_t n, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
