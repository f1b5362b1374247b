/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/stmt.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "meta/meta_content.h"

static const struct {
    int rc, code;
    const char *before, *after; /* the file's name stands between them */
} errors[] = {
    {SQLITE_FULL, SHALE_NO_SPACE, "no space left for ", ""},
    {SQLITE_BUSY, SHALE_TIMEOUT, "", " is in use by another process for too long"},
    {SQLITE_LOCKED, SHALE_TIMEOUT, "", " is locked"},
    {SQLITE_CORRUPT, SHALE_CORRUPT, "", " is damaged"},
    {SQLITE_NOTADB, SHALE_CORRUPT, "", " is not a database"},
    {SQLITE_READONLY, SHALE_DENIED, "", ": the store is read-only"},
    {SQLITE_PERM, SHALE_DENIED, "no permission for ", ""},
    {SQLITE_CANTOPEN, SHALE_SYSTEM, "", " cannot be opened"},
    {SQLITE_NOMEM, SHALE_NO_MEMORY, "out of memory for ", ""},
    {SQLITE_CONSTRAINT, SHALE_EXISTS, "it is there already: ", ""},
    {SQLITE_TOOBIG, SHALE_LIMIT, "a value is too large for ", ""},
};

int meta_sql_error(struct meta *m, int rc, struct shale_err *e)
{
    int sys = m->db ? sqlite3_system_errno(m->db) : 0;
    const char *file = m->schema->file;

    if ((rc & 0xff) == SQLITE_IOERR && sys == ENOSPC)
        rc = SQLITE_FULL;
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        if (errors[i].rc != (rc & 0xff))
            continue;
        int r = err_set(e, errors[i].code, "%s%s%s", errors[i].before, file, errors[i].after);
        if (e)
            e->sys = sys;
        return r;
    }
    int r = err_set(e, SHALE_SYSTEM, "%s: %s%s%s", file,
                    m->db ? sqlite3_errmsg(m->db) : sqlite3_errstr(rc), sys ? ": " : "",
                    sys ? strerrordesc_np(sys) : "");
    if (e)
        e->sys = sys;
    return r;
}

/* ---- the cache ---- */

static size_t slot_of(const struct meta *m, const char *sql)
{
    size_t i = ((uintptr_t)sql >> 3) * 0x9e3779b97f4a7c15ull >> 32 & (STMT_CACHE - 1);

    while (m->cache[i].sql && m->cache[i].sql != sql)
        i = (i + 1) & (STMT_CACHE - 1);
    return i;
}

static int prepare(struct meta *m, const char *sql, unsigned flags, sqlite3_stmt **ret,
                   struct shale_err *e)
{
    int rc = sqlite3_prepare_v3(m->db, sql, -1, flags, ret, NULL);

    return rc == SQLITE_OK ? 0 : meta_sql_error(m, rc, e);
}

int stmt_open(struct meta *m, const char *sql, struct stmt *ret, struct shale_err *e)
{
    int r = 0;

    pthread_mutex_lock(&m->mutex);
    size_t i = slot_of(m, sql);
    *ret = (struct stmt){.m = m};
    if (m->cache[i].busy) {
        r = prepare(m, sql, 0, &ret->s, e);
    } else {
        if (!m->cache[i].sql) {
            r = prepare(m, sql, SQLITE_PREPARE_PERSISTENT, &m->cache[i].stmt, e);
            if (r == 0)
                m->cache[i].sql = sql;
        }
        if (r == 0) {
            ret->s = m->cache[i].stmt;
            ret->busy = &m->cache[i].busy;
            *ret->busy = true;
        }
    }
    if (r < 0) {
        pthread_mutex_unlock(&m->mutex);
        *ret = (struct stmt){0};
    }
    return r;
}

void stmt_close(struct stmt *q)
{
    struct meta *m = q->m;

    if (!m)
        return;
    if (q->busy) {
        stmt_reset(q);
        *q->busy = false;
    } else {
        sqlite3_finalize(q->s);
    }
    *q = (struct stmt){0};
    pthread_mutex_unlock(&m->mutex);
}

void stmt_reset(struct stmt *q)
{
    sqlite3_reset(q->s);
    sqlite3_clear_bindings(q->s);
}

static void bind_all(struct stmt *q, const char *types, va_list ap)
{
    for (int i = 1; *types; types++, i++) {
        if (*types == 'i') {
            sqlite3_bind_int64(q->s, i, va_arg(ap, int64_t));
            continue;
        }
        if (*types == 'b') {
            const struct str *s = va_arg(ap, const struct str *);
            if (s->n) /* unbound is NULL */
                sqlite3_bind_blob64(q->s, i, s->p, s->n, SQLITE_STATIC);
            continue;
        }
        const char *text;
        if (*types == 'd') {
            const struct digest *d = va_arg(ap, const struct digest *);
            text = d ? d->s : "";
        } else {
            text = va_arg(ap, const char *);
        }
        sqlite3_bind_text(q->s, i, text ? text : "", -1, SQLITE_STATIC);
    }
}

void stmt_bind(struct stmt *q, const char *types, ...)
{
    va_list ap;

    va_start(ap, types);
    bind_all(q, types, ap);
    va_end(ap);
}

int stmt_step(struct stmt *q, struct shale_err *e)
{
    int rc = sqlite3_step(q->s);

    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : meta_sql_error(q->m, rc, e);
}

int stmt_run(struct meta *m, const char *sql, int *ret_changes, struct shale_err *e,
             const char *types, ...)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    va_list ap;
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    /* On a full disk the database ends the whole transaction by itself. What its owner still writes
     * must not become permanent one by one. */
    if (m->depth > 0 && sqlite3_get_autocommit(m->db))
        return err_set(e, SHALE_CONFLICT, "the transaction was rolled back after an error");
    va_start(ap, types);
    bind_all(&q, types, ap);
    va_end(ap);
    r = stmt_step(&q, e);
    if (r >= 0 && ret_changes)
        *ret_changes = sqlite3_changes(m->db);
    return r < 0 ? r : 0;
}

int stmt_number(struct meta *m, const char *sql, int64_t none, int64_t *ret, struct shale_err *e,
                const char *types, ...)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    va_list ap;
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    va_start(ap, types);
    bind_all(&q, types, ap);
    va_end(ap);
    r = stmt_step(&q, e);
    if (r >= 0)
        *ret = r == 1 ? col_i64(&q, 0) : none;
    return r < 0 ? r : 0;
}

/* ---- columns ---- */

struct str col_bytes(const struct stmt *q, int i)
{
    const char *p = sqlite3_column_blob(q->s, i);

    return (struct str){p ? p : "", p ? (size_t)sqlite3_column_bytes(q->s, i) : 0};
}

void col_copy(const struct stmt *q, int i, char *ret, size_t size)
{
    const char *s = col_text(q, i);
    size_t n = strlen(s);

    if (n >= size)
        n = 0;
    memcpy(ret, s, n);
    ret[n] = 0;
}

void col_digest(const struct stmt *q, int i, struct digest *ret)
{
    col_copy(q, i, ret->s, sizeof ret->s);
}

char *col_dup(const struct stmt *q, int i, struct arena *a)
{
    return arena_strdup(a, col_text(q, i));
}

int stmt_digests(struct stmt *q, struct arena *a, struct meta_digests *ret, struct shale_err *e)
{
    struct meta_digests l = {0};
    size_t cap = 0;
    int r;

    while ((r = stmt_step(q, e)) == 1) {
        struct digest *v = arena_grow(a, l.v, l.n, &cap, sizeof *v);
        if (!v)
            return err_nomem(e);
        l.v = v;
        col_digest(q, 0, &v[l.n++]);
    }
    if (r == 0)
        *ret = l;
    return r;
}

int stmt_list(struct stmt *q, size_t size, stmt_read_fn read, struct arena *a, void *ret,
              size_t *ret_n, struct shale_err *e)
{
    size_t n = 0, cap = 0;
    char *v = NULL;
    int r;

    while ((r = stmt_step(q, e)) == 1) {
        char *w = arena_grow(a, v, n, &cap, size);
        if (!w)
            return err_nomem(e);
        v = w;
        r = read(q, a, v + n++ * size, e);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    memcpy(ret, &v, sizeof v);
    *ret_n = n;
    return 0;
}
