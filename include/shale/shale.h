/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_SHALE_H
#define SHALE_SHALE_H
/*
 * libshale: everything that the shale command does, for C programs.
 *
 *   struct shale_err e = SHALE_ERR_INIT;
 *   struct shale *s = NULL;
 *   struct shale_open_opts o = { .size = sizeof o };
 *   if (shale_open(&o, &s, &e) < 0)
 *       fprintf(stderr, "%s\n", e.msg);
 *   …
 *   shale_close(s);
 *
 * A handle may be used by several threads. Several processes may use one store at once; there is no
 * daemon. Every options struct begins with `size`, set to its sizeof, so that it can grow; members
 * left zero mean "the default". Results are returned as one block that shale_free releases, with
 * all that they point to; strings in results are UTF-8 where the source was, never NULL unless
 * their comment says so. Times are nanoseconds since 1970 UTC, SHALE_TIME_NONE where there is none;
 * sizes are bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shale/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SHALE_API __attribute__((visibility("default")))
#else
#define SHALE_API
#endif

#define SHALE_TIME_NONE INT64_MIN

struct shale;

struct shale_open_opts {
    size_t size;
    const char *root; /* NULL: $SHALE_ROOT, else /var/lib/shale, or ~/.local/share/shale */
    const char *storage_driver;             /* NULL or "auto", "erofs", "dir" */
    const char *runtime;                    /* NULL: probe; a name or path of an OCI runtime */
    const char *config_dir;                 /* NULL: $DOCKER_CONFIG, else ~/.docker */
    const char *certs_dir;                  /* NULL: /etc/docker/certs.d */
    const char *const *insecure_registries; /* hosts or CIDRs, NULL-terminated; may be NULL */
    bool read_only;                         /* open for looking only */
    bool online; /* a registry will be asked next: what that needs is loaded meanwhile */
    /* What is being done, for people; may be NULL. There is one for the whole process: that of the
     * handle that was opened last. */
    void (*on_debug)(void *arg, const char *msg);
    void *on_debug_arg;
    bool any_insecure; /* every registry counts as one of insecure_registries */
    /* "http[s]://HOST[:PORT][/PATH]" of registries that are asked for images of Docker Hub before
     * it, when those are pulled, in their order; NULL-terminated; may be NULL. */
    const char *const *registry_mirrors;
};

/* Opens the store, creating it when missing. Errors: UNSUPPORTED for a store of a newer version,
 * DENIED, SYSTEM. */
SHALE_API int shale_open(const struct shale_open_opts *o, struct shale **ret, struct shale_err *e);
/* Another handle on the store of `with`, which has to stay open for as long: for calls that are to
 * be cancelled by themselves, or have other registries or another runtime. Of the options, what
 * tells which store is left out, and so are on_debug and online. Costs next to nothing. */
SHALE_API int shale_open_shared(struct shale *with, const struct shale_open_opts *o,
                                struct shale **ret, struct shale_err *e);
/* Accepts NULL. No call on the handle may be running. */
SHALE_API void shale_close(struct shale *s);

/* Asks all running calls of this handle, and those that follow, to stop with -SHALE_CANCELED; short
 * ones may end as if nothing had been said. May be called from a signal handler. */
SHALE_API void shale_cancel(struct shale *s);

struct shale_state { /* a stamp, only to be compared with others of the same handle */
    int64_t others, own, mounts;
};
/* What lists of images and containers are made of, as a stamp: rows of the store, and what is
 * mounted. While it is equal to one that was taken before a list was asked for, that list of images
 * is as it was, and so is one of containers that is `lasting`. Costs some microseconds. Anything
 * may make it another one, only changes must. */
SHALE_API int shale_state(struct shale *s, struct shale_state *ret, struct shale_err *e);
static inline bool shale_state_eq(const struct shale_state *a, const struct shale_state *b)
{
    return a->others == b->others && a->own == b->own && a->mounts == b->mounts;
}

/* Releases a result of any call. Accepts NULL. */
SHALE_API void shale_free(void *result);

/* Version of the library: "0.1.0". */
SHALE_API const char *shale_version(void);

struct shale_kv {
    const char *key, *value;
};

/* About this store and host: what `shale info` prints. */
struct shale_info {
    const char *root;
    const char *storage_driver, *storage_why;         /* which driver and why */
    const char *runtime, *runtime_path, *runtime_why; /* "" when none works; why says so */
    const char *conmon_path;                          /* "" when not installed */
    const char *kernel, *os, *arch, *cgroup;          /* cgroup: "v1", "v2", "hybrid" */
    const char *operating_system;                     /* PRETTY_NAME */
    const char *name;                                 /* host name */
    uint64_t n_images, n_containers, n_running, n_paused, n_stopped;
    uint64_t n_layers, blobs_bytes, layers_bytes, indexes_bytes, ingest_bytes;
    uint64_t memory_bytes;
    uint32_t n_cpus;
    const struct shale_kv *drivers; /* each driver: name and why it can or cannot work */
    size_t n_drivers;
    const struct shale_kv *runtimes; /* each runtime found: name and verdict */
    size_t n_runtimes;
};
/* Counts, sizes, and which driver and runtime are in use and why. Probing a runtime really runs a
 * process; the answer is remembered until the next boot. */
SHALE_API int shale_info(struct shale *s, struct shale_info **ret, struct shale_err *e);

enum shale_fsck_kind { SHALE_FSCK_OK, SHALE_FSCK_REPAIRED, SHALE_FSCK_DAMAGED };
struct shale_fsck_opts {
    size_t size;
    bool check_only; /* report, change nothing */
    /* One finding; text is a line. OK findings are counts ("12 blobs"). May be NULL. */
    void (*on_finding)(void *arg, enum shale_fsck_kind kind, const char *text);
    void *arg;
};
struct shale_fsck_result {
    uint64_t n_blobs, n_layers, n_images, n_repaired, n_damaged, n_bytes;
};
/* Re-hashes blobs and layers, checks rows against files, and makes damaged caches again. Succeeds
 * also when something stays damaged: see n_damaged. */
SHALE_API int shale_fsck(struct shale *s, const struct shale_fsck_opts *o,
                         struct shale_fsck_result **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
