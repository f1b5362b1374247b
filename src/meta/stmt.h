/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The handle's inside and its statements. Each query is prepared when it is first used and kept; a
 * query that is running already (a callback that asks the same again) gets a statement of its own.
 *
 *   _cleanup_(stmt_close) struct stmt q = { 0 };
 *   r = stmt_open(m, SQL, &q, e);
 *   stmt_bind(&q, "ti", text, number);
 *   while ((r = stmt_step(&q, e)) == 1) …
 *
 * A query is named by the address of its text, which must be static.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "meta/meta.h"
#include "model/digest.h"

#define STMT_CACHE 256 /* power of two, more than there are queries */

struct meta {
    sqlite3 *db;
    const struct meta_schema *schema;
    pthread_mutex_t mutex; /* recursive; held from begin to commit */
    unsigned depth;        /* of transactions */
    bool read_only;
    int64_t n_syncs;    /* their memo is no change */
    char boot_id[37];   /* of this machine, and when this process began: leases are */
    int64_t process_at; /* compared with them */
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
        bool busy;
    } cache[STMT_CACHE];
};

struct stmt {
    struct meta *m;
    sqlite3_stmt *s;
    bool *busy; /* of the cache; NULL: prepared for this use only */
};

/* Takes the handle's lock until stmt_close. */
int stmt_open(struct meta *m, const char *sql, struct stmt *ret, struct shale_err *e);
void stmt_close(struct stmt *q);
/* From the first parameter on, one letter each: t const char * (NULL is ""), d const struct digest
 * * (NULL is
 * ""), i int64_t, b const struct str * (bytes; n 0 is NULL). Texts are borrowed until stmt_close.
 */
void stmt_bind(struct stmt *q, const char *types, ...);
int stmt_step(struct stmt *q, struct shale_err *e); /* 1: a row, 0: the end */
void stmt_reset(struct stmt *q);                    /* for binding and running again */

/* Binds and runs a query without rows. *ret_changes (may be NULL) is how many rows it touched. */
int stmt_run(struct meta *m, const char *sql, int *ret_changes, struct shale_err *e,
             const char *types, ...);
/* First column of the first row, or `none` without a row. */
int stmt_number(struct meta *m, const char *sql, int64_t none, int64_t *ret, struct shale_err *e,
                const char *types, ...);

static inline const char *col_text(const struct stmt *q,
                                   int i) /* borrowed until the next step, never NULL */
{
    const char *s = (const char *)sqlite3_column_text(q->s, i);
    return s ? s : "";
}
static inline int64_t col_i64(const struct stmt *q, int i)
{
    return sqlite3_column_int64(q->s, i);
}
struct str col_bytes(const struct stmt *q, int i); /* borrowed like col_text; n 0: NULL or none */
/* A text that is known to be short; a longer one (the file was tampered with) becomes "". */
void col_copy(const struct stmt *q, int i, char *ret, size_t size);
void col_digest(const struct stmt *q, int i, struct digest *ret);
/* Copy in the arena; NULL: out of memory. */
char *col_dup(const struct stmt *q, int i, struct arena *a);

/* Reads a row into the item at ret, all of it. */
typedef int (*stmt_read_fn)(const struct stmt *q, struct arena *a, void *ret, struct shale_err *e);
/* All rows that are left, as an array of items of that size in the arena. ret is the address of the
 * pointer to the first one, which stays as it is on failure; NULL for no row. */
int stmt_list(struct stmt *q, size_t size, stmt_read_fn read, struct arena *a, void *ret,
              size_t *ret_n, struct shale_err *e);

/* An error of the database as ours. Returns -code. */
int meta_sql_error(struct meta *m, int rc, struct shale_err *e);
/* Reads all rows of one digest column. */
struct meta_digests;
int stmt_digests(struct stmt *q, struct arena *a, struct meta_digests *ret, struct shale_err *e);

extern const struct meta_schema schema_store; /* of the store */
/* schema.c: creates or migrates; checks the version of a database that is only read. */
int schema_ensure(struct meta *m, int root_fd, struct shale_err *e);
int schema_create(struct meta *m, struct shale_err *e);
int schema_lock(const struct meta *m, int root_fd, struct shale_err *e); /* see lock_take */
/* lease.c: registers lease_alive() for the queries of gc.c. */
int lease_register(struct meta *m, struct shale_err *e);
/* image.c: removes a held image that no container needs any more. */
int image_release_held(struct meta *m, const struct digest *id, struct shale_err *e);
