/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The handle behind include/shale/. Every public function is a few lines: fill in a host, make a
 * result block, call image/ or container/.
 *
 * A result block is one heap block: a header with the arena that everything in the result lives in,
 * then the public struct. shale_free finds the header before the struct.
 */
#include <pthread.h>
#include <shale/container.h>
#include <shale/image.h>
#include <shale/shale.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "container/container.h"
#include "http/http.h"
#include "image/image.h"
#include "remote/remote.h"
#include "store/store.h"

struct shale {
    struct store *store;
    bool shared; /* the store is another handle's */
    struct cancel cancel;
    struct arena arena; /* copies of the options */
    struct remote_opts remote_opts;
    const char *runtime;
    const char **exit_command, **keeper_command, **watcher_command, **ports_command;
    struct http_preload preload;
    const void *debug; /* names our sink of log messages; NULL: none */

    pthread_mutex_t mutex; /* guards remote */
    struct remote_client *remote;
};

struct tuning { /* -1: not set */
    int64_t retries, connect_timeout, stall_timeout, helper_timeout, max_inflate_ratio; /* ns */
};
/* From the environment. INVALID names the variable that makes no sense. */
int engine_tuning(struct tuning *ret, struct shale_err *e);

/* A result of `size` bytes (zeroed). NULL: out of memory. */
void *result_new(size_t size, struct arena **ret_arena);
/* Ends a public call: on success *ret takes the result, else it is released. Returns r. */
int result_end(int r, void *result, void *ret);

/* The folder of the store: given, $SHALE_ROOT, or the default. */
int engine_choose_root(const char *given, struct arena *a, const char **ret, struct shale_err *e);

struct image_host engine_image_host(struct shale *s);
/* The same with the registry client, which is opened at the first such call. */
int engine_remote_host(struct shale *s, struct image_host *ret, struct shale_err *e);
struct container_host engine_container_host(struct shale *s);

/* An options struct of a caller that was built against an older or newer header: copies what both
 * know. */
void engine_take_opts(void *dst, size_t dst_size, const void *src);
