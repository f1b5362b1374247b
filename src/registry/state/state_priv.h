/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of the state: state.c (handles, writes that share a sync, generations), state_blob.c,
 * state_manifest.c, state_list.c, state_gc.c, state_retain.c, state_usage.c. */
#include <pthread.h>
#include <stdatomic.h>

#include "meta/stmt.h"
#include "registry/state/state.h"

#define GENERATIONS 4096     /* power of two; repositories share a number by their hash */
#define LEASE_CACHE 4096     /* power of two */
#define LEASE_FRESH NS_PER_S /* a lease that is older is written anew */

struct state_job {
    struct state_job *next;
    int (*f)(struct meta *m, void *arg, struct shale_err *e);
    void *arg;
    struct shale_err *e;
    const char *repo; /* whose number is raised; NULL: none */
    int r;
    bool durable, done;
};

struct state {
    struct meta *w, *r;  /* to write and to read; the same in a copy */
    struct meta *origin; /* of a copy: what others go on writing; to read; may be NULL */
    struct blobs *blobs;
    _Atomic uint64_t *generations; /* mapped, shared by all processes; NULL: read-only without */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct state_job *jobs, **jobs_tail;
    bool leader;  /* a thread is writing */
    bool durable; /* how the connection is set now */
    struct {
        uint64_t hash;
        int64_t at;
    } leases[LEASE_CACHE]; /* guarded by mutex */
};

/* Runs f in a transaction, together with what other threads want to write at the same time. When it
 * returns, with f's result, it is on disk (durable) or at least visible to all (else). */
int state_write(struct state *s, bool durable, const char *repo,
                int (*f)(struct meta *m, void *arg, struct shale_err *e), void *arg,
                struct shale_err *e);

/* Inside of write functions, after the row of a blob was put: collectors remove files in
 * transactions too, so what is there now has a row from now on. CONFLICT if it is not. */
int state_file_there(struct state *s, const struct digest *d, struct shale_err *e);
/* Number of a repository; 0 if there is none. Inside of write functions; `make` makes it. */
int state_repo_id(struct meta *m, const char *name, bool make, int64_t *ret, struct shale_err *e);
/* What repos.bytes must be. */
#define STATE_TRUE_BYTES                                                                           \
    "(SELECT coalesce(sum(b.size), 0) FROM links l JOIN blobs b ON b.digest = l.digest"            \
    " WHERE l.repo = repos.id) + (SELECT coalesce(sum(size), 0) FROM manifests"                    \
    " WHERE repo = repos.id)"
/* Inside of write functions: the bytes of a repository, 0 when there is none. */
int state_bytes(struct meta *m, const char *repo, int64_t *ret, struct shale_err *e);
/* LIMIT when a repository that had `before` bytes has more now, and more than its quota (0: none).
 */
int state_quota(struct meta *m, const char *repo, int64_t before, uint64_t quota,
                struct shale_err *e);
/* The first column of up to n rows. */
int state_read_names(struct stmt *q, uint64_t n, struct arena *a, struct state_names *ret,
                     struct shale_err *e);
uint64_t state_hash(const char *s);
void state_raise(struct state *s, const char *repo);
