/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The OCI runtime specification (config.json) of a container: docker's defaults, with what the
 * container was made with put on top. Pure: everything of this host comes in through struct
 * spec_in.
 */
#include <jansson.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "container/conf.h"
#include "container/user.h"

struct spec_device {
    const char *path; /* inside, and on the host */
    char type;        /* 'c' or 'b' */
    uint32_t major, minor;
    mode_t mode; /* permission bits */
    uint32_t uid, gid;
    const char *access; /* rule of the control group, "rwm"; NULL: none (privileged) */
};

struct spec_in {
    const struct conf *conf;
    const struct user *user;
    const char *id;
    const char *dir;       /* of hostname, hosts and resolv.conf, absolute */
    const char *netns;     /* path of its network namespace; NULL: one of its own, or the host's */
    const char *init_path; /* on the host, NULL: conf->init is not set */
    uint64_t caps;         /* of the container, see caps.h */
    const json_t *seccomp; /* NULL: no filter */
    bool no_cgroups;       /* no control group is made: nothing is said about them */
    struct {
        const char *joins;  /* path of the one it is in */
        bool host;          /* this host's: none is made */
    } namespaces[NS_KINDS]; /* else of its own; control groups have one where own_cgroup says so */
    bool own_cgroup;
    const char *shm;        /* what is at /dev/shm, on the host; NULL: one of its own */
    bool no_shm;            /* nothing is there */
    bool proc_of_host;      /* a new proc may not be mounted: the processes belong to others */
    const json_t *block_io; /* "blockIO" of its resources; NULL: none */
    bool swap_limit;        /* the kernel counts swap */
    bool sys_of_host;       /* a new sysfs may not be mounted: the network belongs to others */
    bool mqueue;            /* the kernel has that file system */
    bool mqueue_of_host;    /* the one of the host is mounted, and wanted */
    bool sysctl_ping,
        sysctl_port; /* /proc/sys/net/ipv4/{ping_group_range,ip_unprivileged_port_start} */
    const struct spec_device *devices; /* of the host for privileged ones, and those asked for */
    size_t n_devices;
};

#define SPEC_INIT_TARGET  "/sbin/docker-init"
#define SPEC_PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* *ret is a new reference. */
int spec_build(const struct spec_in *in, json_t **ret, struct shale_err *e);
/* The process part alone, as `runtime exec --process` takes it. args NULL-terminated. */
struct spec_process {
    const char *const *args;
    struct strv env;
    const char *cwd;
    bool tty, no_new_privileges;
    const struct user *user;
    uint64_t caps;
    const struct run_ulimit *ulimits;
    size_t n_ulimits;
    int64_t oom_score_adj; /* 0: the one of who starts it */
};
int spec_process(const struct spec_process *p, json_t **ret, struct shale_err *e);
/* The text of either, as the runtime reads it. */
int spec_text(const json_t *spec, struct arena *a, char **ret, struct shale_err *e);
/* PATH, HOSTNAME and TERM where the container has none, then its own, then HOME: docker's order.
 * hostname NULL: no HOSTNAME. */
int spec_env(const struct strv *env, const char *hostname, bool tty, const char *home,
             struct arena *a, struct strv *ret, struct shale_err *e);
/* Value of a variable in "K=V" strings; the last one counts. NULL: none. */
const char *spec_env_get(const struct strv *env, const char *key);
