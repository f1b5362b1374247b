/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a running command has at hand. One struct cli lives in main; nothing here is thread-safe.
 *
 * A command returns an exit status, or -code after a failure described in c->e, which is then
 * printed as "Error: …". Output is collected and written with cli_print, so that it appears whole
 * or not at all.
 */
#include <shale/shale.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cli/cmd.h"

#define CLI_MAX_OUTPUT (1u << 30) /* of one command, in memory */

struct cli_global {
    const char *root, *storage_driver, *runtime, *config, *certs_dir;
    struct strv insecure, mirrors;
    bool debug, version;
};

struct cli {
    struct arena arena;
    struct cli_global global;
    const struct cmd *cmd;
    const char *path;       /* its full name: "shale image ls" */
    struct opts_result res; /* of the command's options */
    struct shale *engine;
    bool insecure;    /* --insecure of a command: any registry */
    int fail_status;  /* what a failure ends with; 0: by its code */
    bool plain_error; /* CMD_HINT does not count for it */
    struct shale_err e;
};

/* Parses, dispatches, reports. The exit status of the program. */
int cli_main(int argc, char **argv);

/* The engine, opened on first use. */
int cli_open(struct cli *c, struct shale **ret);

/* Writes b to standard output. A closed pipe is not reported here but ends the program quietly. */
int cli_print(struct cli *c, struct buf *b);
/* The end of a command that has written `list`, a result of the library, with r: prints it if r is
 * 0, and frees the list. */
int cli_print_end(struct cli *c, int r, void *list, struct buf *b);
int cli_printf(struct cli *c, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* "Error: <message>" on standard error; for commands that go on with their next argument. */
void cli_warn_error(const struct shale_err *e);
/* The same for one of many that failed: 1; nothing where the code is 0: 0. */
int cli_warn_problem(int code, const char *problem);

/* A wrong use: message, usage line and hint, exit status 125. */
int cli_usage_error(struct cli *c, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* A setting of docker's config.json ("imagesFormat"), NULL where there is none. */
const char *cli_docker_setting(struct cli *c, const char *key);

/* Was this option of the command given? */
bool cli_seen(const struct cli *c, const char *option);

/* Is standard output a terminal? */
bool cli_is_terminal(void);
/* Its width; 80 where it is none. */
unsigned cli_columns(void);
