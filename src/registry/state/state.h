/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the registry knows: repositories, which blobs are visible in which, manifests with their
 * edges, tags, leases. One SQLite database, registry.db, beside the bytes (blobs/).
 *
 * Writes are durable when they return 0 (those that came while another was being synced share one
 * sync), and nobody sees a half of one. Reads have a connection of their own and never wait for a
 * sync. Thread-safe; several processes may have one registry open.
 *
 * A blob or manifest is visible in a repository when it is linked there (links, manifests). What is
 * linked nowhere is garbage, except while it is leased: a lease says that somebody is about to need
 * a digest. state_gc_* ask before every removal, inside of the transaction that removes.
 *
 * Changes to manifests and tags of a repository raise a number in a file that all processes map
 * (state_generation), so that what a server has in memory is never older than the database.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/digest.h"
#include "model/manifest.h"
#include "registry/upkeep/retain.h"

struct state;
struct meta;
struct blobs;

/* `blobs` is where the bytes are; borrowed. */
int state_open(int root_fd, const char *root, struct blobs *blobs, bool read_only,
               struct state **ret, struct shale_err *e);
/* A copy of what is there now: the functions for collections change only that, and keep nobody
 * waiting. It is read-only towards everybody else. */
int state_open_copy(int root_fd, const char *root, struct blobs *blobs, struct state **ret,
                    struct shale_err *e);
struct state *state_close(struct state *s); /* NULL in, NULL out */

/* Can changes of others be seen? (Not in a registry that may not be written to and that nobody has
 * written to yet.) */
bool state_has_generations(const struct state *s);
/* Changes when anything of the repository may have changed. Cheap. */
uint64_t state_generation(const struct state *s, const char *repo);

/* ---- leases ---- */
/* From now on for the grace time of collections, which is counted from the newest lease. When it
 * returns 0 no collector will remove the blob, but one may have done so before: look for it after
 * this call. Cheap when the same digest was leased lately. */
int state_lease(struct state *s, const struct digest *d, struct shale_err *e);

/* ---- blobs ---- */
/* 1 and the size when the blob is visible in the repository, else 0. */
int state_blob(struct state *s, const char *repo, const struct digest *d, uint64_t *ret_size,
               struct shale_err *e);
/* The bytes are in blobs/ and leased. Makes the repository when it is new. CONFLICT when a
 * collector was quicker than the lease: then the bytes are gone, and have to come again. LIMIT when
 * the repository would have more bytes than `quota` (0: none): nothing has changed. */
int state_blob_put(struct state *s, const char *repo, const struct digest *d, uint64_t size,
                   uint64_t quota, struct shale_err *e);
/* Calls f where nobody can put a row of the blob meanwhile, if there is none. 1: f has succeeded;
 * 0: there is a row. */
int state_blob_unknown(struct state *s, const struct digest *d,
                       int (*f)(void *arg, struct shale_err *e), void *arg, struct shale_err *e);
/* 1 when the blob is visible in `from` (NULL: in any) and is now in `repo`; 0: not. LIMIT as above.
 */
int state_mount(struct state *s, const char *repo, const struct digest *d, const char *from,
                uint64_t quota, struct shale_err *e);
/* 1: it was visible and is no more; 0: it was not. */
int state_blob_unlink(struct state *s, const char *repo, const struct digest *d,
                      struct shale_err *e);

struct state_names { /* of repositories, tags */
    const char **v;
    size_t n;
    bool more;
};

/* ---- manifests ---- */
struct state_manifest {
    struct digest digest;
    const char *media_type;
    uint64_t size;
    int64_t updated; /* of state_manifest by tag: when the tag was put */
};
/* `ref` is a tag or a digest. 1 found, 0 not. */
int state_manifest(struct state *s, const char *repo, const char *ref, struct arena *a,
                   struct state_manifest *ret, struct shale_err *e);
/* 1: there is a repository of that name. */
int state_repo(struct state *s, const char *repo, struct shale_err *e);

struct state_child {
    struct digest digest;
    uint64_t size;
    bool manifest; /* else a blob */
    bool optional; /* may be missing: foreign layers */
};
struct state_put {
    bool cached;         /* of another registry: children may be missing, or come later */
    struct state *state; /* of the state */
    const char *repo;
    const char *tag; /* NULL: by digest only */
    bool fixed;      /* EXISTS when the tag names another manifest */
    uint64_t quota;  /* of the repository; LIMIT when it would have more bytes; 0: none */
    struct state_manifest m;
    const struct digest *subject; /* NULL: none */
    const char *artifact_type;    /* "" none */
    const char *annotations;      /* JSON object, "" none */
    const struct state_child *children;
    size_t n_children;
    bool *missing;    /* [n_children]: set for children that are not there */
    bool *wrong_size; /* [n_children]: set where the sizes differ */
};
/* 1: it is there now. 0: children are missing or of another size; nothing has changed. */
int state_manifest_put(struct state *s, struct state_put *p, struct shale_err *e);
struct state_tag_guard { /* tags that nobody may delete */
    bool (*holds)(void *arg, const char *repo, const char *tag);
    void *arg;
};
/* 1 removed with its tags, which are listed in a; 0 there was none. EXISTS when one of its tags is
 * held (guard may be NULL). */
int state_manifest_delete(struct state *s, const char *repo, const struct digest *d,
                          const struct state_tag_guard *guard, struct arena *a,
                          struct state_names *ret_tags, struct shale_err *e);
/* The tag names a manifest that is in the repository, from now on. 1; 0 when that is not there. */
int state_tag_put(struct state *s, const char *repo, const char *tag, const struct digest *d,
                  struct shale_err *e);
int state_tag_delete(struct state *s, const char *repo, const char *tag, struct shale_err *e);

/* ---- state_cached.c: manifests of other registries ---- */
/* Somebody asked for it. Cheap; noted once an hour. */
int state_cached_use(struct state *s, const char *repo, const struct digest *d,
                     struct shale_err *e);
/* Drops some of those in repositories whose names begin with `prefix` that nobody has asked for
 * since `before`, with their tags. Returns how many; 0: there are no more. */
int state_cached_drop(struct state *s, const char *prefix, int64_t before, struct shale_err *e);

/* Manifests of the repository that name the blob, at most n of them; returns how many. */
int state_parents(struct state *s, const char *repo, const struct digest *d, struct digest *ret,
                  size_t n, struct shale_err *e);

/* ---- lists: at most n names after `last` ("" from the start), in order of their bytes ---- */
int state_tags(struct state *s, const char *repo, const char *last, uint64_t n, struct arena *a,
               struct state_names *ret, struct shale_err *e);
/* Repositories that have manifests. */
int state_catalog(struct state *s, const char *last, uint64_t n, struct arena *a,
                  struct state_names *ret, struct shale_err *e);

struct state_referrer {
    struct state_manifest m;
    const char *artifact_type, *annotations;
};
/* Manifests of the repository with that subject, in order of digest, after `last`. `type`: NULL for
 * all. */
int state_referrers(struct state *s, const char *repo, const struct digest *subject,
                    const char *type, const char *last, uint64_t n, struct arena *a,
                    struct state_referrer **ret, size_t *ret_n, bool *ret_more,
                    struct shale_err *e);

/* ---- the record of a repository: what people say about it ---- */
#define STATE_DESCRIPTION_BYTES 4096
#define STATE_STARS_MAX         1000000000

struct state_record {
    const char *description; /* "" none */
    int64_t stars, created_ns;
    bool official;
};
/* 1 found, 0: no such repository. */
int state_record(struct state *s, const char *repo, struct arena *a, struct state_record *ret,
                 struct shale_err *e);
struct state_record_change { /* what is NULL or negative stays */
    const char *description;
    int64_t stars;
    int official;
};
/* 1 changed, 0: no such repository. */
int state_record_put(struct state *s, const char *repo, const struct state_record_change *c,
                     struct shale_err *e);

/* ---- what a repository takes: manifests and blobs linked in it, each once ---- */
struct state_usage {
    const char *repo;
    uint64_t n_tags, n_manifests, n_blobs, bytes;
};
/* Cheap: a running total. A repository that is not there has 0. */
int state_usage_bytes(struct state *s, const char *repo, uint64_t *ret, struct shale_err *e);
/* Like state_catalog, with repositories that only have blobs too. */
int state_usage(struct state *s, const char *last, uint64_t n, struct arena *a,
                struct state_usage **ret, size_t *ret_n, struct shale_err *e);
/* Bytes of all blobs and manifests together, those that several repositories share once. */
int state_usage_total(struct state *s, uint64_t *ret, struct shale_err *e);

/* ---- retention ---- */
/* Reads the tags of a repository, newest first, and removes those that go, all in one transaction,
 * at most STATE_RETAIN_MAX of them (the oldest). Images that lose their last tag so are retired:
 * state_gc_untagged takes them, also where untagged ones stay. Returns how many went; those have a
 * rule in p->v, which lives in a. */
#define STATE_RETAIN_MAX 2048
struct state_retain {
    const char *repo;
    const struct retain *rules;
    struct retain_tag *v; /* set: what was read */
    size_t n;
};
int state_retain(struct state *s, struct state_retain *p, struct arena *a, struct shale_err *e);
/* The same without removing anything, and without keeping anybody waiting: 1 when something would
 * go. */
int state_retain_ask(struct state *s, struct state_retain *p, struct arena *a, struct shale_err *e);

/* ---- collection: each call takes the next few and returns how many it looked at, 0 at the end
 * ---- */
struct state_gone {
    const char *what; /* "manifest", "tag" (one named after the manifest before), "link", "blob" */
    const char *repo; /* "" for blobs */
    const char *name; /* of the tag; else the digest */
    const char *digest; /* of tags: what it named; else "" */
    const char *why;    /* in words */
    uint64_t bytes;
};
/* What is needed: tags; manifests in indexes and those with a subject, as long as that stays; blobs
 * of manifests; whatever was touched (pushed, leased) at or after `before`. */
struct state_gc {
    int64_t before;
    bool dry_run; /* files stay: the state is a copy */
    void (*on_remove)(void *arg, const struct state_gone *x);
    /* Manifests of the repository that nobody pushed or untagged since then go when they have no
     * tag; INT64_MIN: none. NULL: none anywhere. */
    int64_t (*untagged_before)(void *arg, const char *repo);
    void *arg;
    uint64_t n_gone; /* manifests */
    /* where the next call goes on */
    int64_t repo;
    struct digest last;
};
int state_gc_untagged(struct state *s, struct state_gc *g, struct shale_err *e);
int state_gc_links(struct state *s, struct state_gc *g, struct shale_err *e);
/* Rows, and then their files. */
int state_gc_blobs(struct state *s, struct state_gc *g, struct shale_err *e);
/* A file that may have no row: removed if so. 1 removed. */
int state_gc_file(struct state *s, const struct state_gc *g, const struct digest *d,
                  struct shale_err *e);
/* The running totals of the next few repositories (state_usage) are counted anew; *ret_wrong is
 * raised by those that were not right. */
int state_gc_usage(struct state *s, struct state_gc *g, uint64_t *ret_wrong, struct shale_err *e);
/* Old leases, empty repositories. */
int state_gc_rest(struct state *s, const struct state_gc *g, struct shale_err *e);
