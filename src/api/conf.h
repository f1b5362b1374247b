/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * daemon.json(5): the keys that docker's has, those of them that mean something here. A key that
 * docker knows and we do not follow is refused, and so is one that nobody knows: a setting that
 * does nothing is a trap. Everything is read before anything is done.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#define API_CONF_FILE  "/etc/shale/daemon.json"
#define API_CONF_BYTES (1u << 20)

struct api_conf { /* NULL, 0, false: not set */
    struct strv hosts, insecure, mirrors;
    struct strv ulimits; /* "nofile=1024:2048" */
    const char *log_driver;
    struct strmap log_opts;
    const char *group, *pidfile, *data_root, *runtime, *storage_driver;
    const char *tls_ca, *tls_cert, *tls_key;
    bool debug, tls, tls_verify;
    bool live_restore, live_restore_set;
    int64_t n_downloads, n_uploads; /* layers at once */
    int64_t shutdown_s;
};

/* The file; `must`: NOT_FOUND where it is not there, else nothing is set then. INVALID names the
 * file and the key. All in the arena. */
int api_conf_load(const char *path, bool must, struct arena *a, struct api_conf *ret,
                  struct shale_err *e);
int api_conf_parse(const char *text, size_t n, struct arena *a, struct api_conf *ret,
                   struct shale_err *e);
/* daemon.json(5) in troff: every key. */
struct buf;
void api_conf_man(struct buf *b);
