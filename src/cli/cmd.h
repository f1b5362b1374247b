/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Commands. Each is one constant table entry, in a file cmd_<name>.c of its own; the tables in
 * table.c give them their names. Dispatch, --help, man pages and completion all read the same
 * tables.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/opts.h"

struct cli;

enum {
    CMD_OPTS_FIRST = 1 << 0,  /* options end at the first argument (docker run, exec, tag) */
    CMD_RAW_ARGS = 1 << 1,    /* arguments may look like anything: nothing is parsed */
    CMD_RUN_STATUS = 1 << 2,  /* failures are 125, 126, 127, as of docker run */
    CMD_HINT = 1 << 3,        /* failures name the program and point to --help */
    CMD_ONLINE = 1 << 4,      /* asks a registry, nearly always */
    CMD_OPT_OR_ARGS = 1 << 5, /* without arguments when an option is given (tag --history) */
};

/* Of --format of a listing. */
#define CMD_FORMAT_HELP                                                                            \
    "Format output using a custom template:\n"                                                     \
    "'table':            Print output in table format with column headers (default)\n"             \
    "'table TEMPLATE':   Print output in table format using the given Go template\n"               \
    "'json':             Print in JSON format\n"                                                   \
    "'TEMPLATE':         Print output using the given Go template"

struct cmd {
    const char *brief;   /* one line, no full stop */
    const char *usage;   /* what follows the name: "[OPTIONS] IMAGE" */
    const char *text;    /* more for --help and the man page; may be NULL */
    const char *example; /* a command line or several, one a line */
    const struct opt *opts;
    size_t opts_size;       /* of the option struct */
    const void *preset;     /* its initial value; NULL: zeroes */
    int min_args, max_args; /* max -1: any number */
    unsigned flags;
    /* Exit status, or -code with cli->e set. `opts` is the filled struct, args[n] is NULL. */
    int (*run)(struct cli *c, const void *opts, int n, char **args);
    const struct cmd_name *sub; /* a management command: what stands below; no run */
};

enum cmd_group { CMD_COMMON, CMD_MANAGEMENT, CMD_OTHER, CMD_HIDDEN };

/* A command under a name. The same command may stand in several tables: `image ls` is `images`. */
struct cmd_name {
    const char *name;  /* NULL ends the table */
    const char *alias; /* a second name, or NULL */
    enum cmd_group group;
    const struct cmd *cmd;
};
extern const struct cmd_name cmd_table[];
extern const struct opt cmd_global_opts[];

/* Entry by name or alias, NULL if there is none. */
const struct cmd_name *cmd_find(const struct cmd_name *table, const char *name);
/* Calls f for every command that is not hidden, those below others after them, with its full name
 * ("shale image ls"), until f returns other than 0. */
int cmd_each(int (*f)(void *arg, const char *path, const struct cmd_name *n), void *arg);

extern const struct cmd cmd_attach, cmd_build, cmd_builder, cmd_builder_du, cmd_builder_prune,
    cmd_cat, cmd_cleanup, cmd_commit, cmd_completion, cmd_container, cmd_container_inspect,
    cmd_container_prune, cmd_copy, cmd_cp, cmd_create, cmd_daemon, cmd_delete, cmd_diff, cmd_digest,
    cmd_edit, cmd_events, cmd_exec, cmd_export, cmd_find_in, cmd_fsck, cmd_history, cmd_image,
    cmd_image_diff, cmd_image_inspect, cmd_image_pin, cmd_image_prune, cmd_image_unpin, cmd_images,
    cmd_import, cmd_info, cmd_inspect, cmd_keep, cmd_kill, cmd_load, cmd_login, cmd_logout,
    cmd_logs, cmd_ls, cmd_man, cmd_manifest, cmd_manifest_annotate, cmd_manifest_create,
    cmd_manifest_inspect, cmd_manifest_push, cmd_manifest_rm, cmd_network, cmd_network_connect,
    cmd_network_create, cmd_network_disconnect, cmd_network_inspect, cmd_network_ls,
    cmd_network_prune, cmd_network_rm, cmd_outdated, cmd_pause, cmd_port, cmd_ports, cmd_ps,
    cmd_pull, cmd_pulls, cmd_pulls_ls, cmd_pulls_rm, cmd_push, cmd_rebase, cmd_registry,
    cmd_registry_config, cmd_registry_gc, cmd_registry_index, cmd_registry_keygen,
    cmd_registry_serve, cmd_registry_usage, cmd_registry_user, cmd_rename, cmd_restart, cmd_rm,
    cmd_rmi, cmd_run, cmd_save, cmd_search, cmd_squash, cmd_start, cmd_stats, cmd_stop, cmd_system,
    cmd_system_df, cmd_system_prune, cmd_tag, cmd_tags, cmd_top, cmd_tree, cmd_unpause, cmd_update,
    cmd_version, cmd_volume, cmd_volume_create, cmd_volume_inspect, cmd_volume_ls, cmd_volume_prune,
    cmd_volume_rm, cmd_wait, cmd_watch;
