/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the daemon goes by: the config file under the options it was started with. Replaced as a
 * whole by a reload; requests that run keep theirs (q->set).
 */
#include <shale/daemon.h>
#include <stdatomic.h>

#include "api/conf.h"
#include "base/arena.h"

struct api_settings {
    atomic_uint refs;
    struct arena arena;
    struct api_conf conf;
    struct shale_open_opts open; /* of handles of requests */
    const char *const *hosts;    /* NULL-terminated; empty: the usual one */
    const char *group, *pidfile;
    const char *tls_cert, *tls_key, *tls_ca; /* NULL: no TLS; no authority */
    bool debug, tls, verify;
    int64_t grace_ns;
};

/* Options and lists of `o` live as long as the caller keeps them. INVALID, UNSUPPORTED. */
int api_settings_new(const struct shale_daemon_opts *o, struct api_settings **ret,
                     struct shale_err *e);
struct api_settings *api_settings_ref(struct api_settings *s);
void api_settings_unref(struct api_settings *s); /* accepts NULL */
