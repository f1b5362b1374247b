/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * shale.db: names, edges and rows of everything in the store, in one SQLite database (WAL,
 * synchronous NORMAL). This header is the handle, transactions and small memos; the tables have
 * headers of their own:
 *
 * - meta_content.h: blobs, edges, layers, stacks, leases, downloads in flight, what may be
 * collected
 * - meta_image.h: images, tags and their history, repository digests
 * - meta_list.h: lists of manifests
 * - meta_container.h, meta_network.h: containers; networks
 *
 *   r = meta_open(root_fd, root, false, &m, e);
 *   r = meta_begin(m, e);                    // optional: one call is a transaction by itself
 *   r = meta_image_put(m, &image, …, e);
 *   r = meta_tag_set(m, …, e);
 *   r = meta_commit(m, e);                   // or meta_rollback(m)
 *   m = meta_close(m);
 *
 * Threads: a handle may be used by several threads; calls are serialised inside, and a thread that
 * has begun a transaction keeps the others of its handle out until commit or rollback: keep
 * transactions short, do no network or bulk I/O inside. Processes: SQLite locks; a writer waits up
 * to META_BUSY_TIMEOUT_S for another one, then -SHALE_TIMEOUT.
 *
 * Values: strings of returned rows live in the caller's arena and are never NULL unless said so.
 * Strings given to a function are borrowed for the call. Callbacks (`each`) may call meta functions
 * on the same handle; they return 0 to go on, positive to stop (passed on), negative for an error
 * (passed on).
 *
 * Errors everywhere: NOT_FOUND where a get finds no row, DENIED for writing to a read-only store,
 * UNSUPPORTED for a store of a newer version, CORRUPT for a damaged database, NO_SPACE, TIMEOUT,
 * SYSTEM, NO_MEMORY.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define META_BUSY_TIMEOUT_S 30
#define META_FILE           "shale.db"

struct meta;

/* Opens (creates, migrates) shale.db in the folder `root`, which root_fd also stands for.
 * read_only: the database is only read, also when it lies on a read-only file system; a missing
 * database then reads as an empty one. */
int meta_open(int root_fd, const char *root, bool read_only, struct meta **ret,
              struct shale_err *e);

/* Another database than the store's, with tables of its own: meta_open is this with the schema of
 * the store. What is said above of handles, threads and errors holds for it too. */
struct meta_schema {
    const char *file;         /* "shale.db": name in the folder, and in messages */
    const char *owner;        /* "the store": in messages */
    int version;              /* PRAGMA user_version */
    const char *const *steps; /* steps[v] makes version v + 1 of version v */
    bool durable;  /* commits are on disk when they return (synchronous FULL), else NORMAL */
    bool attaches; /* meta_attach is called on it */
    int (*setup)(struct meta *m, struct shale_err *e); /* registers functions; may be NULL */
};
int meta_open_as(int root_fd, const char *root, const struct meta_schema *schema, bool read_only,
                 struct meta **ret, struct shale_err *e);

/* Another database, to be read as `name`. Only to be read: a transaction of m would lock it
 * otherwise, from its begin on, for everybody who writes there. */
int meta_attach(struct meta *m, const char *path, const char *name, struct shale_err *e);

/* What the database has now, in a temporary one that goes with the handle: it may be changed, and
 * nobody sees that. Others go on writing meanwhile. A database of an older version is brought up to
 * date in the copy; of a newer one, UNSUPPORTED. */
int meta_open_copy(int root_fd, const char *root, const struct meta_schema *schema,
                   struct meta **ret, struct shale_err *e);

struct meta *meta_close(struct meta *m); /* rolls back what is open; NULL in, NULL out */

/* Write transaction of this thread (BEGIN IMMEDIATE: the write lock is taken here). May be nested;
 * an inner rollback undoes the inner part only. */
int meta_begin(struct meta *m, struct shale_err *e);
/* The outermost commit is a kill point, sys_step("db-commit"), before the rows are there. When it
 * fails everything since meta_begin has been rolled back and the transaction is over. */
int meta_commit(struct meta *m, struct shale_err *e);
void meta_rollback(struct meta *m); /* harmless without a transaction */

/* For a function that is called for many things in one transaction: alone it is a transaction, in
 * one of the caller it is a part of it, without a place of its own to go back to. When it fails the
 * caller must go back. meta_part_end is meta_end, but only of what was begun. Returns 1: begun. */
int meta_part_begin(struct meta *m, struct shale_err *e);
int meta_part_end(struct meta *m, int begun, int r, struct shale_err *e);

/* Ends a transaction by the result of what was done in it: commit if r >= 0, else rollback. Returns
 * r, or the error of the commit. `return meta_end(m, r, e);` */
int meta_end(struct meta *m, int r, struct shale_err *e);

/* What has been changed so far, by anybody. Two that are taken within transactions and are equal
 * say that no row has changed between them: what was asked at the first need not be asked again. */
struct meta_stamp {
    int64_t others, own; /* processes and handles; this handle */
};
int meta_stamp(struct meta *m, struct meta_stamp *ret, struct shale_err *e);
static inline bool meta_stamp_eq(const struct meta_stamp *a, const struct meta_stamp *b)
{
    return a->others == b->others && a->own == b->own;
}

/* Memos: small facts that are cheap to lose (probe results). */
/* *ret is NULL, and 0 is returned, when there is none. */
int meta_kv_get(struct meta *m, const char *key, struct arena *a, char **ret, struct shale_err *e);
int meta_kv_set(struct meta *m, const char *key, const char *value, struct shale_err *e);
int meta_kv_delete(struct meta *m, const char *key, struct shale_err *e); /* missing is success */

/* What has been committed so far is on disk when this returns: before the bytes go that removed
 * rows named. (Other commits reach the disk later, all in order.) Not within a transaction. */
int meta_sync(struct meta *m, struct shale_err *e);
/* Checks the database itself (PRAGMA integrity_check). CORRUPT with the first finding. */
int meta_check(struct meta *m, struct shale_err *e);
