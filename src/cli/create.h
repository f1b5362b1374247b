/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What run and create have in common: the options, and making the container out of them. */
#include <shale/container.h>

#include "cli/limits.h"

struct health_cli { /* see create_keep.c */
    const char *cmd;
    int64_t interval, timeout, start_period, start_interval, retries;
    bool none;
};
struct absent_cli { /* see create_absent.c */
    struct strv list;
    const char *isolation, *volume_driver;
    bool flag;
};
struct more_cli { /* see create_more.c */
    const char *pid, *ipc, *uts, *cgroupns, *userns, *domainname, *mac, *cgroup_parent;
    struct strv link, device_rule, annotation, weight_device, read_bps, write_bps, read_iops,
        write_iops;
    int64_t oom_score, swappiness, blkio_weight;
    bool oom_kill_disable;
};
struct create_cli {
    /* both */
    const char *name, *user, *workdir, *hostname, *entrypoint, *platform, *pull, *runtime, *cidfile,
        *stop_signal, *restart, *log_driver;
    struct strv env, env_file, label, label_file, volume, mount, tmpfs, cap_add, cap_drop,
        security_opt, publish, attach, network, add_host, dns, dns_option, dns_search, ulimit,
        sysctl, device, group_add, volumes_from, log_opt;
    const char *ip, *ip6; /* networks: netopts.h */
    struct strv network_alias, expose;
    int64_t memory, cpus, pids_limit, stop_timeout, shm_size;
    bool interactive, tty, read_only, init, privileged, quiet, publish_all, auto_remove,
        content_trust;
    struct health_cli health;
    struct limits_cli limits;
    struct absent_cli absent;
    struct more_cli more;
    /* run only */
    bool detach, sig_proxy;
    const char *detach_keys;
};
extern const struct create_cli create_preset;
extern const struct opt create_options[], run_options[];

/* Options that cannot be, or cannot be together. -SHALE_INVALID, -SHALE_UNSUPPORTED, or an exit
 * status when it has been said already. */
int create_check(struct cli *c, const struct create_cli *o);
/* The same of --restart and --health-*; and they into q. */
int create_check_keep(struct cli *c, const struct create_cli *o);
void create_take_keep(const struct create_cli *o, struct shale_create_opts *q);
/* The same of namespaces, links, block devices and their like. What it makes for q lives in the
 * arena of c. */
int create_check_more(struct cli *c, const struct create_cli *o);
int create_take_more(struct cli *c, const struct create_cli *o, struct shale_create_opts *q);
/* The same of what there is nothing behind here. */
int create_check_absent(struct cli *c, const struct create_cli *o);
/* Values of -e; as above. */
int create_check_env(struct cli *c, const struct strv *env);
/* Makes the container from args (image, then command), pulling the image as --pull says. Warnings
 * go to standard error. `starts`: the caller starts it next. *ret for shale_free. */
int create_container(struct cli *c, const struct create_cli *o, bool starts, int n, char **args,
                     struct shale_created **ret);
