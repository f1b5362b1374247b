/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_DAEMON_H
#define SHALE_DAEMON_H
/*
 * The Docker Engine API over a store: what the docker command and its world speak to.
 *
 *   struct shale_daemon_opts o = { .size = sizeof o };
 *   struct shale_daemon *d = NULL;
 *   if (shale_daemon_serve(&o, &d, &e) < 0) …          // it serves now, in threads of its own
 *   puts(shale_daemon_address(d, 0));                  // "unix:///run/shale/docker.sock"
 *   …
 *   shale_daemon_stop(d);                              // running requests are finished
 *
 * It keeps nothing that the store does not keep: commands work beside it, containers go on without
 * it. Results and errors as in shale.h.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_daemon;

struct shale_daemon_opts {
    size_t size;
    /* How the store is opened; lists of it count beside those of the config. NULL: the defaults. */
    const struct shale_open_opts *open;
    /* "unix:///PATH", "tcp://HOST:PORT", "fd://" (sockets that the service manager hands over);
     * NULL-terminated. NULL or empty: as the config says, else unix:///run/shale/docker.sock (below
     * $XDG_RUNTIME_DIR for users). */
    const char *const *hosts;
    const char *group;  /* may use the socket, by name or number; NULL: as the config says */
    const char *config; /* daemon.json(5), under the options above; NULL: /etc/shale/daemon.json if
                           it is there; "": none */
    const char *tls_cert, *tls_key; /* PEM files, for tcp:// */
    const char *tls_ca;             /* … clients need a certificate of this authority */
    bool tls, tls_verify;
    bool open_to_all;    /* tcp:// that others can reach, without certificates of clients */
    const char *pidfile; /* written when it serves, removed at the end; NULL: as the config says */
    int64_t
        grace_ns; /* running requests have that long at the end; 0: as the config says, or 10 s */
    bool debug;
    /* A line of what went wrong and does not stop it; from any thread. May be NULL. */
    void (*on_warning)(void *arg, const char *message);
    void *arg;
};

/* Opens the store and listens. INVALID for what stands in the config, for hosts and certificates;
 * EXISTS where somebody listens already; SYSTEM. */
SHALE_API int shale_daemon_serve(const struct shale_daemon_opts *o, struct shale_daemon **ret,
                                 struct shale_err *e);
/* The i-th address, NULL behind the last one. Borrowed. */
SHALE_API const char *shale_daemon_address(const struct shale_daemon *d, size_t i);
/* Reads the config and certificates anew; running requests keep what they began with. Where it
 * listens stays as it was. On an error all stays as it was. */
SHALE_API int shale_daemon_reload(struct shale_daemon *d, struct shale_err *e);
/* Requests are finished, within the grace time; those that wait are ended. Accepts NULL. */
SHALE_API void shale_daemon_stop(struct shale_daemon *d);

/* Is what the config and the options say all right? As shale_daemon_serve, which does nothing
 * before it knows. */
SHALE_API int shale_daemon_config_check(const struct shale_daemon_opts *o, struct shale_err *e);
/* The part of a manual about the keys of the config, in troff, given to put. */
SHALE_API int shale_daemon_config_man(void (*put)(void *arg, const char *text), void *arg,
                                      struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
