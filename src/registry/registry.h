/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The registry server: distribution-spec 1.1 over blobs/ and registry.db in a folder of its own.
 *
 *   registry_open(conf, NULL, &r, e);   // the storage
 *   registry_listen(r, e);              // from here on it serves, in threads of its own
 *   … registry_address(r, 0) …
 *   registry_reload(r, conf, e);        // users, rules, certificates, log; nobody is dropped
 *   registry_close(r);                  // running requests are finished
 *
 * Several processes may have one registry open: `shale registry gc` runs beside a server.
 *
 * What lies in the folder:
 *   blobs/<alg>/<hex>   manifests and blobs, exactly as received
 *   uploads/<id>        uploads in flight, with <id>.note: whose they are; they survive a crash
 *   registry.db         repositories, links, manifests, tags, leases
 *   index.db            what can be searched for; a cache
 *   generations         what tells caches that something has changed
 *   gc.lock, gc.reserve one collection at a time; room for it when the disk is full
 *   notify.handed       events of collections in other processes, for the server to send
 *
 * Errors of open: DENIED, SYSTEM, UNSUPPORTED for a registry of a newer version; of listen: INVALID
 * for addresses and certificates, SYSTEM.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "registry/conf/regconf.h"

struct registry;

#define REGISTRY_DEFAULT_GRACE (24 * 3600 * 1000000000ll)

/* Takes conf, also on failure. `root`: the folder, where conf names none. */
int registry_open(struct regconf *conf, const char *root, struct registry **ret,
                  struct shale_err *e);
int registry_listen(struct registry *r, struct shale_err *e);
/* "http://127.0.0.1:5000" of the i-th address, NULL behind the last one. */
const char *registry_address(const struct registry *r, size_t i);
/* Goes on with another config, which it takes (also on failure; then everything stays as it was).
 * Who listens where, storage, limits and receivers of events stay as at the start. */
int registry_reload(struct registry *r, struct regconf *conf, struct shale_err *e);
/* Does it still look after its connections? For watchdogs. */
bool registry_alive(const struct registry *r);
/* Running requests have the config's time to finish. Accepts NULL, returns NULL. */
struct registry *registry_close(struct registry *r);

#define REGISTRY_UPLOAD_AGE (7 * 24 * 3600 * 1000000000ll) /* uploads untouched for longer go */

struct registry_gc_item {
    const char *kind;   /* "tag", "manifest", "link", "blob", "upload" */
    const char *repo;   /* "" for blobs and uploads */
    const char *name;   /* of the tag or upload; else the digest */
    const char *digest; /* of tags: what it named; else "" */
    const char *why;    /* in words */
    uint64_t bytes;     /* 0 for tags */
};

/* Fills the index, or makes it anew. Takes conf, also on failure. */
struct index_result;
int registry_index(struct regconf *conf, const char *root, bool rebuild, struct cancel *cancel,
                   struct index_result *ret, struct shale_err *e);

struct registry_gc_opts {
    int64_t grace_ns; /* what a push touched within it stays; negative: the default */
    bool untagged;    /* manifests without tag go too */
    bool dry_run;
    const struct retain *retain; /* tags go by these rules; NULL: none does */
    int64_t upload_age_ns;       /* 0: REGISTRY_UPLOAD_AGE */
    void (*on_remove)(void *arg, const struct registry_gc_item *item); /* may be NULL */
    /* of registry_gc: the server is to send events of the tags and manifests that go */
    bool events;
    void (*between)(void *arg); /* called between two transactions; may be NULL */
    void *arg;
};
struct registry_gc_result {
    uint64_t n_tags, n_manifests, n_links, n_blobs, n_uploads, n_bytes;
    uint64_t n_wrong; /* repositories whose running total was not right */
};
/* Removes what nobody needs, also while servers run; waits for another collection to end. */
int registry_gc(const char *root, const struct registry_gc_opts *o, struct cancel *cancel,
                struct registry_gc_result *ret, struct shale_err *e);

/* What repositories take, in order of their names. */
struct registry_usage {
    const char *repo;
    uint64_t n_tags, n_manifests, n_blobs;
    uint64_t bytes; /* manifests and blobs, each once */
    uint64_t quota; /* 0: none */
};
/* *ret_total: of all together, what several share once. Values live in a. */
int registry_usage(const char *root, const struct regconf *conf, struct arena *a,
                   struct registry_usage **ret, size_t *ret_n, uint64_t *ret_total,
                   struct shale_err *e);
