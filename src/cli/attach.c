/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/attach.h"

#include <stdio.h>
#include <unistd.h>

int streams_check(struct cli *c, bool in, bool tty)
{
    if (in && tty && isatty(STDIN_FILENO) != 1)
        return err_set(&c->e, SHALE_INVALID, "the input device is not a TTY");
    return 0;
}

int streams_begin(struct cli *c, bool in, bool tty, bool sig_proxy, const char *detach_keys,
                  struct streams *ret)
{
    struct streams s = {
        .o =
            {
                .size = sizeof s.o,
                .in = in ? STDIN_FILENO : -1,
                .out = STDOUT_FILENO,
                .err = STDERR_FILENO,
                .tty = tty,
                .detach_keys = detach_keys,
                .sig_proxy = sig_proxy,
            },
    };
    int r = streams_check(c, in, tty);
    if (r < 0)
        return r;
    if (in && tty)
        term_raw(&s.term, STDIN_FILENO);
    *ret = s;
    return 0;
}

void streams_end(struct streams *s)
{
    term_restore(&s->term);
}

int streams_detached(void)
{
    fprintf(stderr, "read escape sequence\n");
    return 1;
}

int streams_status(int r, int status)
{
    return r < 0 ? r : status < 0 ? 0 : status;
}

const char *streams_detach_keys(struct cli *c, const char *given)
{
    return given ? given : cli_docker_setting(c, "detachKeys");
}
