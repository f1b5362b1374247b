/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Steps of a build: a command is run over a stack of layers, confined as a container is by default,
 * and what it has changed becomes a new layer.
 *
 *   steps_open(host, &s, e);                  // once for a build
 *   step_run(s, &opts, &result, e);           // any number, from several threads at once
 *   step_shell(s, &opts, &streams, &status, e);
 *   steps_close(s);
 *
 * A step leaves nothing but its layer. Meanwhile it has a folder, builds/<id>/ below the store's
 * root (bundle, upper folder, mounts, namespace of its network), under the lock
 * locks/build-<id>: what a killed process has left there has a lock that is free, and goes with the
 * next steps_open or steps_sweep.
 *
 * What is mounted into a step is no part of its layer, neither are files and folders that had to be
 * made for the mounts. Targets are looked up inside of the step's root: links in it lead nowhere
 * else.
 *
 * Networks are made when a step needs one and are used again by later steps of the same struct
 * steps, never by two at a time, never after an insecure one.
 */
#include <shale/container.h>
#include <stdbool.h>
#include <stdint.h>

#include "container/container.h"
#include "store/store.h"

struct steps;
int steps_open(struct container_host *h, struct steps **ret, struct shale_err *e);
struct steps *steps_close(struct steps *s); /* NULL in, NULL out */
/* Clears up after steps whose processes are no more. What cannot be cleared now stays for later. */
int steps_sweep(struct container_host *h, struct shale_err *e);

enum step_network {
    STEP_NETWORK_DEFAULT, /* as containers have it: the bridge, for ordinary users pasta */
    STEP_NETWORK_NONE,
    STEP_NETWORK_HOST,
};
enum step_mount_kind {
    STEP_MOUNT_BIND,
    STEP_MOUNT_CACHE,  /* a folder of the store that outlives builds: step_cache.h */
    STEP_MOUNT_TMPFS,  /* empty, in memory */
    STEP_MOUNT_SECRET, /* a file with `data`, in memory only; can be run if its mode says so */
    STEP_MOUNT_SSH,    /* a socket of this host */
};
enum step_sharing {
    STEP_CACHE_SHARED,  /* several steps at a time */
    STEP_CACHE_PRIVATE, /* each has one of its own; one that is free is used again */
    STEP_CACHE_LOCKED,  /* one step at a time, others wait */
};
struct step_mount { /* everything borrowed for the call */
    enum step_mount_kind kind;
    const char *target; /* relative ones: to cwd */
    bool read_only;     /* BIND: else what is written is thrown away */
    /* BIND, and what a new CACHE begins with: `source` (NULL or "": all) in a folder of this host
     * (absolute path), or where that is NULL in a stack of layers. CACHE: neither is an empty one.
     * SSH: `source` is the socket's path on this host. */
    const char *source;
    const char *folder;
    const struct meta_image_layer *layers;
    size_t n_layers;
    const char *cache_id; /* CACHE; NULL: the target */
    enum step_sharing sharing;
    uint64_t size_bytes; /* TMPFS; 0: half of the memory */
    const void *data;    /* SECRET */
    size_t data_n;
    uint32_t uid, gid; /* CACHE (of a new one), SECRET, SSH */
    uint32_t mode;     /* permission bits of the same; 0: 0755 CACHE, 0400 SECRET, 0600 SSH */
};

struct step_opts {                         /* everything borrowed for the call */
    const struct meta_image_layer *layers; /* base first; none: an empty root */
    size_t n_layers;
    struct store_lease *lease; /* protects `layers` and the new one */

    const char *const *argv; /* NULL-terminated; looked up in PATH of env, in the step's root */
    const char *const *env;  /* "K=V", NULL-terminated; NULL: none. PATH and HOME come by themselves
                                where missing, SSH_AUTH_SOCK with the first SSH mount */
    const char *user;        /* "name[:group]", of the step's /etc/passwd; NULL, "": root */
    const char *cwd;         /* made when missing; NULL, "": "/" */
    const char *hostname;    /* NULL: STEP_HOSTNAME */

    enum step_network network;
    const char *const *extra_hosts; /* as --add-host; NULL: none */
    bool insecure;                  /* as a privileged container */

    int64_t memory_bytes; /* 0: no limit; as of containers */
    struct shale_more_limits more;
    int64_t shm_bytes;          /* 0: 64 MiB */
    const char *const *ulimits; /* as --ulimit; NULL: none */
    const char *cgroup_parent;  /* "/a/b"; NULL, "": "/shale" */

    const struct step_mount *mounts;
    size_t n_mounts;

    /* SOURCE_DATE_EPOCH: files of the layer are not younger. NULL: as they are. */
    const int64_t *source_date_epoch_s;
    struct cancel *cancel; /* ends the step at once; NULL: that of the host */
    /* What it writes (stream 1 or 2), in the thread that called; may be NULL. */
    void (*on_output)(void *arg, int stream, const char *p, size_t n);
    void *arg;
};
#define STEP_HOSTNAME "buildkitsandbox" /* what people's scripts see elsewhere */

struct step_result {
    int status; /* of the command: 128 + signal where one ended it. 127: there is none of that name,
                   126: it cannot be run; the reason was then given to on_output */
    bool empty; /* status 0: nothing was changed, there is no layer */
    uint64_t n_left_out; /* files that a layer cannot hold: their names begin with ".wh." */
    struct meta_image_layer layer;
};
/* Runs a step. Only status 0 gives a layer. Errors are of everything else than the command:
 * INVALID (options), NOT_FOUND (user, source of a mount), UNSUPPORTED, CANCELED, NO_SPACE ... */
int step_run(struct steps *s, const struct step_opts *o, struct step_result *ret,
             struct shale_err *e);
/* The same state before the command, and argv as a program to talk to: with a terminal when
 * streams->in is one. What it changes is thrown away. */
struct step_streams {
    int in, out, err;
};
int step_shell(struct steps *s, const struct step_opts *o, const struct step_streams *streams,
               int *ret_status, struct shale_err *e);
