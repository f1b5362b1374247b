/* SPDX-License-Identifier: Apache-2.0 */
/* Leases and downloads in flight: work in progress. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "meta/meta_content.h"
#include "meta/stmt.h"

/* ---- is the process that took a lease still there? ---- */

/* Start time of a process in clock ticks since boot (proc(5), stat, field 22); 0: no such process.
 * With the boot id it tells a process from a later one of the same number. */
static int64_t start_time(int64_t pid)
{
    char path[64], text[1024];
    size_t n;

    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    _cleanup_close_ int fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0 || sys_read_full(fd, text, sizeof text - 1, &n) < 0)
        return 0;
    text[n] = 0;
    const char *p = strrchr(text, ')'); /* the name before it may hold anything */
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? (int64_t)strtoll(p + 1, NULL, 10) : 0;
}

static bool is_alive(const struct meta *m, int64_t pid, int64_t started, const char *boot_id,
                     int64_t expires)
{
    return expires > time_now_ns() && streq(m->boot_id, boot_id) && started != 0 &&
           (pid == getpid() ? m->process_at : start_time(pid)) == started;
}

static void sql_alive(sqlite3_context *c, int n, sqlite3_value **v)
{
    const char *boot = (const char *)sqlite3_value_text(v[2]);

    sqlite3_result_int(c, is_alive(sqlite3_user_data(c), sqlite3_value_int64(v[0]),
                                   sqlite3_value_int64(v[1]), boot ? boot : "",
                                   sqlite3_value_int64(v[3])));
}

int lease_register(struct meta *m, struct shale_err *e)
{
    int r = fs_boot_id(m->boot_id, e);

    if (r < 0)
        return r;
    m->process_at = start_time(getpid());
    int rc = sqlite3_create_function_v2(m->db, "lease_alive", 4, SQLITE_UTF8, m, sql_alive, NULL,
                                        NULL, NULL);
    return rc == SQLITE_OK ? 0 : meta_sql_error(m, rc, e);
}

/* ---- leases ---- */

int meta_lease_begin(struct meta *m, const char *note, int64_t ttl_ns, uint64_t *ret_id,
                     struct shale_err *e)
{
    int64_t pid = getpid(), expires;
    int r;

    if (__builtin_add_overflow(time_now_ns(), ttl_ns, &expires))
        expires = INT64_MAX;
    pthread_mutex_lock(&m->mutex); /* so that the row number is ours */
    r = stmt_run(
        m, "INSERT INTO leases(note, pid, started, boot_id, expires) VALUES(?1, ?2, ?3, ?4, ?5)",
        NULL, e, "tiiti", note, pid, m->process_at, m->boot_id, expires);
    if (r >= 0)
        *ret_id = (uint64_t)sqlite3_last_insert_rowid(m->db);
    pthread_mutex_unlock(&m->mutex);
    return r;
}

static int add_item(struct meta *m, int64_t lease, const struct digest *d, struct shale_err *e)
{
    int64_t alive;
    int r = stmt_number(m,
                        "SELECT lease_alive(pid, started, boot_id, expires) FROM leases"
                        " WHERE id = ?1",
                        0, &alive, e, "i", lease);

    if (r < 0)
        return r;
    if (!alive) /* it would protect nothing */
        return err_set(e, SHALE_NOT_FOUND, "lease %" PRId64 " is over", lease);
    return stmt_run(m, "INSERT OR IGNORE INTO lease_items(lease, digest) VALUES(?1, ?2)", NULL, e,
                    "id", lease, d);
}

int meta_lease_add(struct meta *m, uint64_t lease, const struct digest *d, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, add_item(m, (int64_t)lease, d, e), e);
}

int meta_lease_end(struct meta *m, uint64_t lease, struct shale_err *e)
{
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = stmt_run(m, "DELETE FROM lease_items WHERE lease = ?1", NULL, e, "i", (int64_t)lease);
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM leases WHERE id = ?1", NULL, e, "i", (int64_t)lease);
    return meta_end(m, r, e);
}

int meta_lease_sweep(struct meta *m, uint64_t *ret_n, struct shale_err *e)
{
    int n = 0, r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = stmt_run(m, "DELETE FROM leases WHERE NOT lease_alive(pid, started, boot_id, expires)", &n,
                 e, "");
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM lease_items WHERE lease NOT IN (SELECT id FROM leases)", NULL,
                     e, "");
    r = meta_end(m, r, e);
    if (r >= 0)
        *ret_n = (uint64_t)n;
    return r;
}

/* ---- downloads in flight ---- */

int meta_pull_put(struct meta *m, const struct meta_pull *p, struct shale_err *e)
{
    return stmt_run(
        m,
        "INSERT OR REPLACE INTO pulls(digest, ref, repo, size, started) VALUES(?1, ?2, ?3, ?4, ?5)",
        NULL, e, "dttii", &p->digest, p->ref, p->repo, (int64_t)p->size_bytes,
        p->started_ns ? p->started_ns : time_now_ns());
}

static int pull_of(const struct stmt *q, struct arena *a, struct meta_pull *ret,
                   struct shale_err *e)
{
    struct meta_pull p = {.ref = col_dup(q, 1, a),
                          .repo = col_dup(q, 2, a),
                          .size_bytes = (uint64_t)col_i64(q, 3),
                          .started_ns = col_i64(q, 4)};

    if (!p.ref || !p.repo)
        return err_nomem(e);
    col_digest(q, 0, &p.digest);
    *ret = p;
    return 0;
}

int meta_pull_get(struct meta *m, const struct digest *d, struct arena *a, struct meta_pull *ret,
                  struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r =
        stmt_open(m, "SELECT digest, ref, repo, size, started FROM pulls WHERE digest = ?1", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "d", d);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r < 0 ? r : err_set(e, SHALE_NOT_FOUND, "No such download: %s", d->s);
    return pull_of(&q, a, ret, e);
}

int meta_pull_delete(struct meta *m, const struct digest *d, struct shale_err *e)
{
    return stmt_run(m, "DELETE FROM pulls WHERE digest = ?1", NULL, e, "d", d);
}
