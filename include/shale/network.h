/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_NETWORK_H
#define SHALE_NETWORK_H
/*
 * Networks that containers are connected to. See shale.h for the conventions. Three are always
 * there: "bridge", which containers get when they ask for none; "host", the network of this host;
 * and "none". Those made here are bridges, too; containers on them find each other by name.
 *
 * `network` is a name, an ID or a unique beginning of an ID everywhere; NOT_FOUND "network x not
 * found" when there is none. UNSUPPORTED where this host lacks what networks need.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_network_member { /* a container that runs on it */
    const char *container_id, *container_name, *endpoint_id, *mac;
    const char *address;  /* "172.18.0.2/16" */
    const char *address6; /* "fd00:1::2/64"; "" where the network has none */
};
struct shale_network {
    const char *id, *name;
    const char *driver; /* "bridge", "macvlan", "host", "null" */
    int64_t created_ns;
    const char *subnet, *gateway, *ip_range; /* "172.18.0.0/16", "172.18.0.1"; "" where none */
    bool internal, attachable;
    bool builtin;                                      /* one of the three */
    const char *labels_json, *options_json, *aux_json; /* object texts */
    const struct shale_network_member *members;
    size_t n_members;
    bool ipv6;
    const char *subnet6, *gateway6; /* "" without ipv6 */
};
struct shale_network_list {
    const struct shale_network *items; /* by name */
    size_t n_items;
};

struct shale_network_create_opts {
    size_t size;
    const char *name;
    const char *driver; /* NULL: "bridge" */
    /* NULL: chosen where this host has no route. The gateway is the subnet's first address, unless
     * given. */
    const char *subnet, *gateway, *ip_range;
    const char *const *aux;     /* "name=address": never given to a container */
    const char *const *labels;  /* "k=v", "k" */
    const char *const *options; /* "k=v", of the driver */
    bool internal;              /* no way out */
    bool attachable;
    /* Addresses of IPv6, too: with the same place in their subnet as the others in theirs. NULL: a
     * subnet of fd00::/8 is made up; its first address. */
    bool ipv6;
    const char *subnet6, *gateway6;
};
/* EXISTS: "network with name x already exists". */
SHALE_API int shale_network_create(struct shale *s, const struct shale_network_create_opts *o,
                                   struct shale_network **ret, struct shale_err *e);

struct shale_network_ls_opts {
    size_t size;
    /* dangling, driver, id, label, name, scope, type; "name=value"; NULL: all */
    const char *const *filters;
};
/* Networks that pass the filters: of one key any (dangling, label: all), of several keys all. */
SHALE_API int shale_network_ls(struct shale *s, const struct shale_network_ls_opts *o,
                               struct shale_network_list **ret, struct shale_err *e);
/* One network, with the containers that run on it. */
SHALE_API int shale_network_inspect(struct shale *s, const char *network,
                                    struct shale_network **ret, struct shale_err *e);
/* IN_USE while a container that runs is connected; INVALID for one of the three. */
SHALE_API int shale_network_rm(struct shale *s, const char *network, struct shale_err *e);

struct shale_network_prune_opts {
    size_t size;
    const char *const *filters; /* "until=…", "label=…", "label!=…"; NULL: none */
};
struct shale_network_pruned {
    const char *const *names; /* NULL-terminated */
    size_t n_names;
};
/* Removes those that no running container is connected to. */
SHALE_API int shale_network_prune(struct shale *s, const struct shale_network_prune_opts *o,
                                  struct shale_network_pruned **ret, struct shale_err *e);

struct shale_network_connect_opts {
    size_t size;
    const char *address;        /* NULL: any */
    const char *const *aliases; /* further names; NULL-terminated, may be NULL */
    const char *address6;       /* NULL: the counterpart of the other one */
    const char *mac;            /* NULL: made of the address */
    const char *const *links;   /* "container[:alias]"; as aliases */
};
/* Connects a container, which may run. DENIED: it is connected already. INVALID: its mode, or the
 * address, does not allow it. */
SHALE_API int shale_network_connect(struct shale *s, const char *network, const char *container,
                                    const struct shale_network_connect_opts *o,
                                    struct shale_err *e);
/* Takes a container off it; what it publishes through that network is not published any more. */
SHALE_API int shale_network_disconnect(struct shale *s, const char *network, const char *container,
                                       struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
