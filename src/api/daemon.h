/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The daemon, as its own files see it: serve.c (start, stop), hosts.c (where it listens),
 * dispatch.c (a request's way to its handler); those of system.c tell about it. */
#include <pthread.h>
#include <shale/daemon.h>
#include <stdatomic.h>

#include "api/api.h"
#include "api/kept.h"
#include "api/settings.h"
#include "http/wire.h"

#define API_MAX_HOSTS 16

struct api_daemon {
    struct arena arena;
    struct shale *s; /* shared by all short requests */
    struct kept *kept;
    struct wire_server *server;
    struct http_listener listeners[API_MAX_HOSTS];
    size_t n_hosts;
    char *addresses[API_MAX_HOSTS];
    bool own[API_MAX_HOSTS];   /* a path that we made, and remove */
    char id[48];               /* of this store on this machine, for /info */
    atomic_size_t n_listeners; /* of events */
    pthread_mutex_t mutex;     /* of what follows */
    struct api_settings *set;
};

/* The settings as of now; for api_settings_unref. */
struct api_settings *api_daemon_settings(struct api_daemon *d);

/* dispatch.c */
void api_handle(void *arg, struct wire_req *w);
const char *api_refusal(int status, char *ret, size_t n);
