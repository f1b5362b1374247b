/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Carrying the streams of this process to and from a container: run, start -a, exec, attach. */
#include <shale/container.h>

#include "cli/cli.h"
#include "cli/term.h"

struct streams {
    struct shale_attach_opts o;
    struct term term;
};

/* in: standard input is attached; tty: the container has a terminal. Puts ours into raw mode.
 * -SHALE_INVALID "the input device is not a TTY" where it is none. */
int streams_begin(struct cli *c, bool in, bool tty, bool sig_proxy, const char *detach_keys,
                  struct streams *ret);
/* The same judgement alone, for those who make something first. */
int streams_check(struct cli *c, bool in, bool tty);
void streams_end(struct streams *s);

/* The detach keys were typed: docker's words, and its exit status. */
int streams_detached(void);
/* Exit status for what an attached call returned: r < 0 failed, status -1 detached. */
int streams_status(int r, int status);

/* --detach-keys, or the setting in docker's config.json. */
const char *streams_detach_keys(struct cli *c, const char *given);
