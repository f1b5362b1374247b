/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a container was made with: the options and the image's config put together, once, at
 * creation. Kept in the container's row as JSON of docker's shape:
 *   {"Config": {…}, "HostConfig": {…}, "Path": "", "Args": [], "Mounts": [{…}], "Networks": [{…}],
 *    "CgroupNamespace": "", "DetachKeys": "", "Starter": ""}
 * All values live in the arena given to conf_parse.
 */
#include <shale/container.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/blkio_value.h"
#include "model/config.h"
#include "model/namespace_mode.h"
#include "model/restart.h"
#include "model/port.h"
#include "model/run_value.h"

#define CONF_MAX_BYTES     (4u << 20) /* of the text */
#define CONF_SHM_BYTES     (64u << 20)
#define CONF_CGROUP_PARENT "/shale"
#define CONF_LOG_TYPE      "k8s-file" /* the format conmon writes */

struct conf_mount {
    const char *type;    /* "bind", "volume", "tmpfs", "image" */
    const char *name;    /* volume; image: its ID */
    const char *source;  /* bind: host path; volume: its folder; tmpfs: ""; image: as given */
    const char *target;  /* absolute, clean */
    const char *options; /* tmpfs: further mount options; image: the path in it, "" */
    const char *propagation;
    uint64_t tmpfs_size_bytes;
    bool read_only;
    bool anonymous; /* volume made for a container, removed with the last one that has it */
    bool shared;    /* of another container, by --volumes-from */
    bool no_copy;   /* volume: not filled with what the image has there */
};

struct conf_network { /* a network it is connected to */
    const char *name; /* as it was when it was connected */
    const char *id;
    const char *address, *address6; /* asked for; "": any */
    struct strv aliases;
    const char *mac;   /* asked for; NULL, "": made of the address */
    struct strv links; /* "NAME:ALIAS", as model/run_value.h */
};

struct conf_blkio { /* limits of block devices */
    int64_t weight; /* 0: none */
    struct {
        struct blkio_device *v;
        size_t n;
    } lists[BLKIO_LISTS];
};

struct conf {
    /* Config */
    const char *hostname, *domainname, *user, *workdir, *stop_signal, *image;
    bool tty, open_stdin, stdin_once, attach_in, attach_out, attach_err; /* the last three: shown */
    struct strv env, entrypoint, cmd, exposed_ports, volumes, shell, on_build; /* the last: empty */
    struct strmap labels;
    int64_t stop_timeout_s; /* -1: 10 s */
    struct config_health health;
    /* HostConfig */
    const char *network; /* mode: "none", "host", "container:ID", or the first of networks */
    const char *runtime; /* as asked for, "": the best */
    const char *cidfile;
    /* Whose namespaces: model/namespace_mode.h, with the ID behind "container:". NULL, "": the
     * usual ones. */
    const char *namespaces[NS_KINDS];
    bool auto_remove, privileged, init, read_only;
    struct strv cap_add, cap_drop, security_opt;
    struct strv masked_paths, readonly_paths;    /* not set: the usual ones */
    int64_t memory_bytes, nano_cpus, pids_limit; /* 0 (pids also -1): no limit */
    struct shale_more_limits more;
    int64_t oom_score_adj, swappiness; /* the latter with has_swappiness */
    bool has_swappiness, oom_kill_disable;
    struct conf_blkio blkio;
    const char *cgroup_parent; /* NULL, "": CONF_CGROUP_PARENT */
    struct strv device_rules;  /* model/run_value.h */
    struct strmap annotations; /* for the runtime */
    struct strv links;         /* as those of a network; of the bridge with IDs for names */
    struct strv extra_hosts, dns, dns_options, dns_search, group_add,
        volumes_from; /* as model/run_value.h */
    int64_t shm_bytes;
    struct strmap sysctls;
    struct run_ulimit *ulimits; /* by name, each once */
    struct run_device *devices;
    size_t n_ulimits, n_devices;
    struct restart_policy restart;
    const char *log_driver; /* model/log_value.h; "": the default */
    struct strmap log_opts;
    struct port_list ports; /* published */
    bool publish_all;
    /* of our own */
    bool no_hostname_var;    /* HOSTNAME does not come by itself: steps of builds */
    const char *path;        /* what is run */
    struct strv args;        /* without path */
    const char *detach_keys; /* "": the default */
    const char *starter;     /* process that starts it next, as ctr_starter; "": nobody */
    struct conf_mount *mounts;
    size_t n_mounts;
    struct conf_network *networks;
    size_t n_networks;
};

/* Does it have a network namespace that is connected to networks (or could be)? */
bool conf_is_bridged(const struct conf *c);
/* The ID behind "container:"; NULL: it is in another mode. */
const char *conf_network_of(const struct conf *c);

/* What a container is that nothing was said of. */
#define CONF_INIT                                                                                  \
    {                                                                                              \
        .hostname = "", .domainname = "", .user = "", .workdir = "", .stop_signal = "",            \
        .image = "", .network = "none", .log_driver = "", .runtime = "", .cidfile = "",            \
        .path = "", .detach_keys = "", .starter = "", .stop_timeout_s = -1,                        \
        .shm_bytes = CONF_SHM_BYTES,                                                               \
    }

/* New references. */
int conf_config_json(const struct conf *c, json_t **ret, struct shale_err *e);
int conf_host_config_json(const struct conf *c, json_t **ret, struct shale_err *e);
int conf_format(const struct conf *c, struct arena *a, char **ret, struct shale_err *e);
int conf_parse(const char *text, struct arena *a, struct conf *ret, struct shale_err *e);

const char *conf_cgroup_parent(const struct conf *c);
/* Sets *ret to: path and args. NULL-terminated. */
int conf_command(const struct conf *c, struct arena *a, const char ***ret, struct shale_err *e);
/* The first option of that name, in `name=value` or `name:value`: its value; "" if it stands alone;
 * NULL. */
const char *conf_security_opt(const struct conf *c, const char *name);
bool conf_no_new_privileges(const struct conf *c);
