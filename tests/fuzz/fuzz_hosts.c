/* SPDX-License-Identifier: Apache-2.0 */
/* A registry's name, and, a line each, those that are insecure: names or CIDRs. */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "remote/remote_priv.h"

#define LINES_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const char *lines[LINES_MAX + 1] = {NULL};
    struct str rest = {(const char *)data, size}, line;
    struct remote_opts o = REMOTE_OPTS_INIT;
    struct remote_client *c;
    struct remote_host *h, *again;
    struct shale_err e = SHALE_ERR_INIT;

    for (size_t i = 0; i < LINES_MAX && rest.n && str_split(&rest, '\n', &line); i++)
        if (!(lines[i] = arena_strndup(&a, line.p, line.n)))
            return 0;
    if (!lines[0])
        return 0;
    o.insecure = lines + 1;
    if (remote_client_open(&o, &c, &e) < 0)
        __builtin_trap();
    if (host_get(c, lines[0], &h, &e) >= 0) {
        if (!h->endpoint || !streq(h->domain, lines[0]))
            __builtin_trap();
        if (host_get(c, lines[0], &again, &e) < 0 || again != h)
            __builtin_trap();
    } else if (!e.msg[0]) {
        __builtin_trap();
    }
    remote_client_close(c);
    return 0;
}
