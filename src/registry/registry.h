/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The registry server: distribution-spec 1.1 over blobs/ and registry.db in a folder of its own.
 *
 *   registry_open(&opts, &r, e);        // the storage
 *   registry_listen(r, e);              // from here on it serves, in threads of its own
 *   … registry_address(r, 0) …
 *   registry_close(r, grace_ns);        // running requests are finished
 *
 * Several processes may have one registry open: `shale registry gc` runs beside a server.
 *
 * What lies in the folder:
 *   blobs/<alg>/<hex>   manifests and blobs, exactly as received
 *   uploads/<id>        uploads in flight, with <id>.note: whose they are; they survive a crash
 *   registry.db         repositories, links, manifests, tags, leases
 *   generations         what tells caches that something has changed
 *
 * Errors of open: DENIED, SYSTEM, UNSUPPORTED for a registry of a newer version; of listen: INVALID
 * for addresses and certificates, SYSTEM.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

struct registry;

#define REGISTRY_DEFAULT_ADDRESS "127.0.0.1:5000"
#define REGISTRY_DEFAULT_GRACE   (24 * 3600 * 1000000000ll)
#define REGISTRY_UPLOAD_AGE      (7 * 24 * 3600 * 1000000000ll)

struct registry_opts {
    const char *root;                 /* the folder; made when it is missing */
    const char *const *addresses;     /* NULL-terminated; NULL or empty: the default */
    const char *cert_file, *key_file; /* both or none: all addresses speak TLS */
    bool read_only;
    bool no_delete;        /* DELETE is refused */
    bool open_to_all;      /* may listen on other addresses than loopback without anybody's login */
    int64_t upload_age_ns; /* uploads untouched for longer are removed; 0: a week */
    int64_t idle_ns, head_ns, stall_ns; /* of http/server.h; 0: its defaults */
    size_t max_connections;             /* 0: as many as descriptors allow */
    size_t cache_bytes;                 /* of manifests in memory; 0: 8 MiB */
};

int registry_open(const struct registry_opts *o, struct registry **ret, struct shale_err *e);
int registry_listen(struct registry *r, struct shale_err *e);
/* "http://127.0.0.1:5000" of the i-th address, NULL behind the last one. */
const char *registry_address(const struct registry *r, size_t i);
/* Reads the certificate anew. */
int registry_reload(struct registry *r, struct shale_err *e);
/* Accepts NULL, returns NULL. */
struct registry *registry_close(struct registry *r, int64_t grace_ns);

struct registry_gc_opts {
    int64_t grace_ns; /* what a push touched within it stays; negative: the default */
    bool untagged;    /* manifests without tag go too */
    bool dry_run;
    /* what: "manifest", "link", "blob", "upload"; repo "" for blobs. May be NULL. */
    void (*on_remove)(void *arg, const char *what, const char *repo, const char *name,
                      uint64_t bytes);
    void *arg;
};
struct registry_gc_result {
    uint64_t n_manifests, n_links, n_blobs, n_uploads, n_bytes;
};
/* Removes what nobody needs, also while servers run. */
int registry_gc(const char *root, const struct registry_gc_opts *o, struct cancel *cancel,
                struct registry_gc_result *ret, struct shale_err *e);
