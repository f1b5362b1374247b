/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_CONTAINER_H
#define SHALE_CONTAINER_H
/*
 * Containers through an OCI runtime (runtime-spec 1.0) and conmon. See shale.h for the conventions.
 *
 * shale_create makes a container, shale_start starts it (again and again), shale_wait waits for its
 * end, shale_rm removes it. `container` is a name, an ID or a unique beginning of an ID everywhere;
 * NOT_FOUND when there is none. Exit statuses are those of the process; 128 + N after signal N.
 */
#include <shale/progress.h>
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shale_mount_type {
    SHALE_MOUNT_BIND,
    SHALE_MOUNT_VOLUME,
    SHALE_MOUNT_TMPFS,
    SHALE_MOUNT_IMAGE, /* the files of an image, which counts as used by the container */
};
struct shale_mount {
    enum shale_mount_type type;
    const char *source; /* bind: host path; volume: name, NULL anonymous; image: reference or ID */
    const char *target; /* absolute path inside */
    bool read_only;
    bool create_source;        /* -v makes a missing host folder, --mount does not */
    const char *propagation;   /* NULL: rprivate */
    uint64_t tmpfs_size_bytes; /* 0: no limit */
    const char *options;       /* tmpfs: further mount options, comma separated; NULL */
    const char *subpath;       /* image: what of it is mounted; NULL: all */
    /* volume: what it is made with where it is not there yet, as shale_volume_create has them;
     * NULL-terminated, may be NULL */
    const char *const *volume_options, *const *volume_labels;
    bool no_copy; /* volume: what the image has there does not come into an empty one */
};

/* A network that a container is connected to (see network.h). */
struct shale_endpoint_opts {
    const char *network;        /* name or ID; the only one may be "none", "host", "container:ID" */
    const char *address;        /* NULL: any that is free */
    const char *const *aliases; /* further names on that network; NULL-terminated, may be NULL */
    const char *address6;       /* the same of IPv6; NULL: the counterpart of the other one */
    const char *mac;            /* "02:42:ac:11:00:02"; NULL: made of the address */
    const char *const *links;   /* "container:alias": further names of others; as aliases */
};

struct shale_more_limits {     /* 0 and NULL: none */
    int64_t memory_swap_bytes; /* memory and swap together; 0: twice the memory; -1: no limit */
    int64_t memory_reservation_bytes;
    int64_t cpu_shares, cpu_period_us, cpu_quota_us; /* not together with nano_cpus */
    const char *cpuset_cpus, *cpuset_mems;           /* "0-2,7" */
};

/* Whose namespaces a container has; NULL, "": the usual ones. "host" is this host's; those with
 * "container:NAME" go away when that one ends, and have to be joined again. */
struct shale_namespace_opts {
    const char *pid;    /* "host", "container:NAME" */
    const char *ipc;    /* "private" (usual), "shareable", "none", "host", "container:NAME" */
    const char *uts;    /* "host" */
    const char *cgroup; /* "private" (usual with version 2 of control groups), "host" */
    const char *user;   /* "host", which is the usual one */
};

/* Limits of block devices. Arrays are NULL-terminated, may be NULL. */
struct shale_blkio_opts {
    int64_t weight;                                   /* 10 to 1000; 0: none */
    const char *const *weight_devices;                /* "/dev/x:WEIGHT" */
    const char *const *read_bps, *const *write_bps;   /* "/dev/x:RATE[kb|mb|gb]" */
    const char *const *read_iops, *const *write_iops; /* "/dev/x:RATE" */
};

/* NULL and 0 mean "as the image says" or "no limit". Arrays are NULL-terminated, may be NULL. */
struct shale_create_opts {
    size_t size;
    const char *image; /* reference or ID, in the store */
    const char *platform;
    const char *name; /* NULL: one is made up */
    const char *const *cmd;
    const char *const
        *entrypoint;           /* set by --entrypoint; an array with one "" clears the image's */
    const char *const *env;    /* "K=V", or "K" for the value of this process */
    const char *const *labels; /* "k=v" */
    const char *user, *workdir, *hostname;
    const char *network; /* as in `networks`, which is another form of it; NULL: "bridge" */
    const struct shale_mount *mounts;
    size_t n_mounts;
    bool read_only, tty, interactive, auto_remove, init, privileged;
    const char *const *cap_add, *const *cap_drop;
    const char *const *security_opt; /* "no-new-privileges", "seccomp=unconfined|FILE", … */
    int64_t memory_bytes, nano_cpus, pids_limit;
    const char *const *extra_hosts; /* "name:address", for /etc/hosts */
    /* For /etc/resolv.conf; what is not given is the host's. dns_search "." is none at all. */
    const char *const *dns, *const *dns_options, *const *dns_search;
    int64_t shm_bytes;          /* of /dev/shm; 0: 64 MiB */
    const char *const *ulimits; /* "nofile=soft:hard", -1 unlimited */
    const char *const *sysctls; /* "net.x=1": those of the container's namespaces */
    const char *const *devices; /* "/dev/x:/dev/inside:rwm" */
    const char *const *group_add;
    const char *const *volumes_from; /* "container[:ro|:rw]": its volumes and bind mounts */
    const char *stop_signal;
    int64_t stop_timeout_s; /* -1: as the image says, else 10 */
    const char *runtime;    /* NULL: the probed one */
    const char *cidfile;    /* NULL: none; must not exist */
    const char *detach_keys;
    /* Nobody attaches at its start (`run -d`): with `interactive` its input then stays open until
     * it ends, otherwise until whoever attached first goes away. */
    bool detached;
    /* This process starts it next (`run`): one with auto_remove does not stay behind when the
     * process is killed before it could. */
    bool start_follows;
    /* For the image's HEALTHCHECK, each on its own; 0 and NULL: as the image says. `health_cmd` is
     * for a shell. */
    const char *health_cmd;
    int64_t health_interval_ns, health_timeout_ns, health_start_period_ns, health_start_interval_ns,
        health_retries;
    bool no_healthcheck;
    struct shale_more_limits more_limits;
    const char *restart; /* "always", "unless-stopped", "on-failure[:N]"; NULL: "no" */
    const struct shale_endpoint_opts *networks;
    size_t n_networks;
    const char *const *publish; /* "[[ip:]port:]port[/protocol]", ranges too */
    const char *const *expose;  /* "port[/protocol]" */
    bool publish_all;           /* what is exposed, on ports of the host that are free */
    /* The whole of a health check's Test ("CMD", "curl" …), in place of health_cmd. */
    const char *const *health_test;
    /* What is given speaks of another machine or process than this one: "K" in `env` takes the
     * image's K away, and a profile in `security_opt` is the text itself. */
    bool foreign;
    /* How its output is kept: "json-file" (the default), "local", "none"; and docker's options of
     * that, "max-size=10m", "max-file=3". */
    const char *log_driver;
    const char *const *log_opts;
    struct shale_namespace_opts namespaces;
    const char *domainname;
    /* "container[:alias]": that one under further names in /etc/hosts. On the bridge it has to run
     * when this one starts. */
    const char *const *links;
    const char *cgroup_parent;       /* "/a/b"; NULL: "/shale" */
    const char *const *device_rules; /* "c 1:3 rwm", what the control group lets it open or make */
    const char *const *annotations;  /* "k=v", for the runtime */
    int64_t oom_score_adj;           /* -1000 to 1000 */
    bool oom_kill_disable;
    const int64_t *memory_swappiness; /* 0 to 100; NULL: the host's */
    struct shale_blkio_opts blkio;
    /* What is hidden of /proc and /sys, or only read; NULL: the usual; empty: nothing. */
    const char *const *masked_paths, *const *readonly_paths;
    /* Which streams `inspect` says were attached, where its maker tells each on its own
     * (attach_told); else it follows from `detached` and `interactive`. */
    bool attach_told, attach_in, attach_out, attach_err;
};
struct shale_created {
    const char *id; /* 64 hex */
    const char *name;
    const char *const *warnings; /* NULL-terminated */
};
/* Makes a container of an image that is in the store; it is not started. NOT_FOUND: no such image;
 * EXISTS: the name is taken; INVALID: an option does not make sense; UNSUPPORTED: this host or this
 * version cannot do it. */
SHALE_API int shale_create(struct shale *s, const struct shale_create_opts *o,
                           struct shale_created **ret, struct shale_err *e);

/* Streams of an attached container. A descriptor of -1 is not attached. With a terminal, `in`
 * should be in raw mode already; resizing is the caller's through shale_resize. */
struct shale_attach_opts {
    size_t size;
    int in, out, err;
    bool tty;
    const char *detach_keys; /* NULL: ctrl-p,ctrl-q */
    bool sig_proxy;
    /* The descriptors are one connection: when its other side has gone it has detached. */
    bool hangup;
    /* Without a terminal, `out` and `err` being the same: each piece goes behind a head of eight
     * bytes, the stream (1, 2), three zeros, the length (big endian). */
    bool frames;
    /* Of shale_attach: a container that does not run is waited for, and its next start waits until
     * it is attached. */
    bool before_start;
    /* Called once it is sure that it can be attached to, before anything is carried; it may set the
     * descriptors. Negative ends it. May be NULL. */
    int (*on_ready)(void *arg, struct shale_attach_opts *o);
    void *arg;
};

/* Starts; with `attach` not NULL carries the streams until the container ends (its status goes to
 * *ret_status) or is detached from (*ret_status -1). EXISTS-like repeat starts succeed. The
 * runtime's refusal to start the command is NOT_FOUND (no such program) or DENIED (not executable).
 */
SHALE_API int shale_start(struct shale *s, const char *container,
                          const struct shale_attach_opts *attach, int *ret_status,
                          struct shale_err *e);
/* Carries the streams of a running container as shale_start does, until it ends or is detached from
 * (*ret_status -1). CONFLICT: it does not run; UNSUPPORTED: another process holds its streams.
 * ret_status NULL: until its streams have ended. */
SHALE_API int shale_attach(struct shale *s, const char *container,
                           const struct shale_attach_opts *o, int *ret_status, struct shale_err *e);
/* Gives the terminal of a running container a new size. CONFLICT: it has none, or does not run. */
SHALE_API int shale_resize(struct shale *s, const char *container, uint16_t rows, uint16_t columns,
                           struct shale_err *e);
/* Sends the signal, waits timeout_s seconds, then kills. signal NULL: the container's stop signal;
 * timeout_s -1: the container's. Stopping a stopped container succeeds. */
SHALE_API int shale_stop(struct shale *s, const char *container, const char *signal,
                         int64_t timeout_s, struct shale_err *e);
/* Sends a signal: a name with or without SIG, or a number; NULL is KILL. After KILL the container
 * has ended when this returns. CONFLICT: it does not run. */
SHALE_API int shale_kill(struct shale *s, const char *container, const char *signal,
                         struct shale_err *e);
/* Waits until the container has ended. *ret_status is its exit status; at once when it does not
 * run. One that is started again by its policy has ended all the same; one that is about to be is
 * waited for until its next end. */
SHALE_API int shale_wait(struct shale *s, const char *container, int *ret_status,
                         struct shale_err *e);

enum shale_wait_until {
    SHALE_WAIT_NOT_RUNNING, /* as shale_wait */
    SHALE_WAIT_NEXT_EXIT,   /* an end that is still to come, also of one that does not run yet */
    SHALE_WAIT_REMOVED,     /* it is there no more */
};
struct shale_wait_opts {
    size_t size;
    enum shale_wait_until until;
    /* Called when nothing that happens from now on is missed. Negative ends it. May be NULL. */
    int (*on_waiting)(void *arg);
    void *arg;
};
/* *ret_status as of shale_wait; of a container that was removed without having run: its last one.
 */
SHALE_API int shale_wait_until(struct shale *s, const char *container,
                               const struct shale_wait_opts *o, int *ret_status,
                               struct shale_err *e);

struct shale_rm_opts {
    size_t size;
    bool force, volumes;
};
/* Removes a container with its files. `force` kills a running one first (without it: CONFLICT);
 * `volumes` removes its anonymous volumes too. */
SHALE_API int shale_rm(struct shale *s, const char *container, const struct shale_rm_opts *o,
                       struct shale_err *e);

struct shale_exec_opts {
    size_t size;
    const char *const *cmd; /* NULL-terminated */
    const char *const *env;
    const char *user, *workdir;
    bool tty, interactive, detach, privileged;
    struct shale_attach_opts streams;
};
/* Runs a further process in a running container and waits for its end, unless o->detach.
 * *ret_status is its exit status. NOT_FOUND and DENIED as of shale_start; CONFLICT: the container
 * does not run.
 */
SHALE_API int shale_exec(struct shale *s, const char *container, const struct shale_exec_opts *o,
                         int *ret_status, struct shale_err *e);

struct shale_logs_opts {
    size_t size;
    bool follow, timestamps;
    int64_t since_ns, until_ns; /* SHALE_TIME_NONE: unbounded. Set them explicitly. */
    int64_t tail;               /* last n lines; -1: all. Set it explicitly. */
    /* One piece of output. `stream` is 1 or 2; `time_ns` when it was written. Negative stops. */
    int (*on_data)(void *arg, int stream, int64_t time_ns, const void *p, size_t n);
    void *arg;
};
/* Calls on_data for each piece of output that the container has written, oldest first, as far as it
 * has been kept; with `follow` until it ends, or until until_ns has come. A negative value from
 * on_data ends it and is returned. UNSUPPORTED: nothing is kept. */
SHALE_API int shale_logs(struct shale *s, const char *container, const struct shale_logs_opts *o,
                         struct shale_err *e);

enum shale_container_state {
    SHALE_CREATED,
    SHALE_RUNNING,
    SHALE_PAUSED,
    SHALE_EXITED,
    SHALE_REMOVING,
    SHALE_DEAD,
    SHALE_RESTARTING, /* has ended, and is about to be started again by its restart policy */
};
struct shale_container_mount {
    const char *type, *name, *source, *target; /* type "bind", "volume", "tmpfs", "image" */
    bool read_write;
};
struct shale_container_port { /* of one that runs */
    const char *protocol;
    uint16_t inside;
    const char *host_ip; /* "0.0.0.0"; "": it is exposed, not published */
    uint16_t host;
};
struct shale_container_network {
    const char *name, *id;
    const char *asked_address, *asked_address6; /* "": none */
    const char *const *aliases;
    size_t n_aliases;
    const char *const *links; /* "container:alias" */
    size_t n_links;
    /* "" and 0 where it does not run */
    const char *endpoint_id, *address, *gateway, *mac;
    unsigned prefix_bits;
    const char *address6, *gateway6; /* "" also where the network has no IPv6 */
    unsigned prefix6_bits;
};
struct shale_container {
    const char *id, *name;
    const char *image; /* as given at creation, or the ID when that name moved on */
    const char *image_id;
    enum shale_container_state state;
    int pid; /* of the container's first process, 0 when not running */
    int exit_code;
    bool oom_killed, auto_remove, tty, interactive;
    const char *error; /* why it could not start, "" if it could */
    int64_t created_ns, started_ns, finished_ns;
    const char *const *command; /* path and arguments as run; NULL-terminated */
    const char *labels_json;    /* object text, "" if none */
    const char *network;        /* mode: "bridge", "none", "host", "container:ID", a name */
    const char *runtime;
    const char *config_json;      /* docker's Config object of this container */
    const char *host_config_json; /* docker's HostConfig object */
    const char *log_path, *merged_path, *upper_path, *work_path, *resolv_path, *hostname_path,
        *hosts_path;
    const char *driver;
    const char *const *exec_ids; /* processes beside its own that run; NULL-terminated */
    const struct shale_container_mount *mounts;
    size_t n_mounts;
    int64_t size_rw_bytes, size_root_bytes; /* -1: not asked */
    int64_t restart_count;                  /* by its restart policy, since somebody started it */
    const char *health;                     /* "none", "starting", "healthy", "unhealthy" */
    const char *health_json; /* docker's State.Health object, "" without a health check */
    const struct shale_container_network *networks;
    size_t n_networks;
    const struct shale_container_port *ports; /* by number inside */
    size_t n_ports;
    const char *netns_path; /* "" where it has none of ours */
    /* The manifest of its image, of shale_container_inspect alone: "" where there is none. */
    const char *manifest_digest, *manifest_type, *image_platform;
    uint64_t manifest_bytes;
};
struct shale_container_list {
    const struct shale_container *items; /* newest first */
    size_t n_items;
    /* It stays true while shale_state and shale_ps_is_true say so: `brief`, and either none of them
     * runs, or all that run are watched. */
    bool lasting;
    struct shale_ps_watch *watch; /* NULL: none of them runs, or `watch` was not asked for */
};
struct shale_ps_opts {
    size_t size;
    bool all, with_size;
    int64_t last;               /* newest n of any state; 0: no limit */
    const char *const *filters; /* "name=value" */
    bool brief; /* quicker: config_json, host_config_json, health_json and the paths of items are ""
                 */
    bool watch; /* descriptors of the processes stay open with the list, for shale_ps_is_true */
};
/* Containers, newest first: the running ones, or with `all` every one. Filters are docker's (id,
 * name, status, ancestor, label …); INVALID for one that does not exist. */
SHALE_API int shale_ps(struct shale *s, const struct shale_ps_opts *o,
                       struct shale_container_list **ret, struct shale_err *e);
/* Whether what a list that is `lasting` tells beside the store's rows is as it was: no container's
 * process has ended, none's health is another. Costs some microseconds; any thread. */
SHALE_API bool shale_ps_is_true(const struct shale_container_list *l);
/* One container. with_size: measures what it has written and its root file system (slow). */
SHALE_API int shale_container_inspect(struct shale *s, const char *container, bool with_size,
                                      struct shale_container **ret, struct shale_err *e);

/* What conmon calls when a container has ended: records the status, unmounts, removes it when it
 * was started with auto_remove. Harmless at any time. */
SHALE_API int shale_container_cleanup(struct shale *s, const char *container, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
