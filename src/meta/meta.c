/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sys.h"
#include "meta/stmt.h"

#ifdef SHALE_FAULT_HOOKS
static sqlite3_mem_methods plain;

static void *sql_malloc(int n)
{
    return mem_fails() ? NULL : plain.xMalloc(n);
}

static void *sql_realloc(void *p, int n)
{
    return mem_fails() ? NULL : plain.xRealloc(p, n);
}

__attribute__((constructor)) static void hook_sqlite(void)
{
    sqlite3_mem_methods hooked;

    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain);
    hooked = plain;
    hooked.xMalloc = sql_malloc;
    hooked.xRealloc = sql_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &hooked);
    /* no pool that goes round the hook */
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}
#endif

/* ---- opening ---- */

static void close_db(struct meta *m)
{
    sqlite3_close(m->db);
    m->db = NULL;
}

static int open_db(struct meta *m, const char *name, int flags, struct shale_err *e)
{
    int rc =
        sqlite3_open_v2(name, &m->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

    if (rc == SQLITE_OK)
        return 0;
    int r = meta_sql_error(m, rc, e);
    close_db(m);
    return r;
}

/* ---- a new database: written in one piece, where SQLite alone would sync seven times ---- */

#define HEADER_VERSIONS 18 /* write and read version of the file format; 2 is WAL mode */

/* What is left of an older one would be taken for its log. */
static int remove_old(int root_fd, const char *file, const char *suffix, struct shale_err *e)
{
    char name[64];

    snprintf(name, sizeof name, "%s%s", file, suffix);
    return sys_unlinkat(root_fd, name, 0) < 0 && errno != ENOENT ? err_sys(e, "%s", name) : 0;
}

static int write_new(struct meta *m, int root_fd, const void *p, size_t n, struct shale_err *e)
{
    const char *file = m->schema->file;
    char name[64];

    snprintf(name, sizeof name, "%s.new", file);
    _cleanup_close_ int fd = sys_openat(root_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || sys_write_all(fd, p, n) < 0 || sys_fdatasync(fd) < 0 ||
        sys_renameat(root_fd, name, root_fd, file) < 0)
        return err_sys(e, "create %s", file);
    return fs_sync_dir(root_fd, ".", e);
}

static int create_db(struct meta *m, int root_fd, struct shale_err *e)
{
    sqlite3_int64 n = 0;
    _cleanup_close_ int lock = schema_lock(m, root_fd, e);
    int r = lock < 0 ? lock : 0;

    if (r < 0 || fs_exists(root_fd, m->schema->file))
        return r;
    r = open_db(m, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
    if (r >= 0)
        r = schema_create(m, e);
    unsigned char *p = r < 0 ? NULL : sqlite3_serialize(m->db, "main", &n, 0);
    if (r >= 0 && !p)
        r = err_nomem(e);
    if (r >= 0)
        r = remove_old(root_fd, m->schema->file, "-wal", e);
    if (r >= 0)
        r = remove_old(root_fd, m->schema->file, "-shm", e);
    if (r >= 0) {
        p[HEADER_VERSIONS] = p[HEADER_VERSIONS + 1] = 2;
        r = write_new(m, root_fd, p, (size_t)n, e);
    }
    sqlite3_free(p);
    close_db(m);
    return r;
}

/* "file:/path?immutable=1" with what has a meaning in a URI escaped; how: what follows the ?. */
static int make_uri(const char *path, const char *how, char *ret, size_t n, struct shale_err *e)
{
    size_t k = (size_t)snprintf(ret, n, "file:");

    for (const char *p = path; *p; p++) {
        if (k + 32 > n)
            return err_set(e, SHALE_LIMIT, "path too long: %.80s…", path);
        if (*p == '?' || *p == '#' || *p == '%')
            k += (size_t)snprintf(ret + k, n - k, "%%%02x", (unsigned char)*p);
        else
            ret[k++] = *p;
    }
    snprintf(ret + k, n - k, "?%s", how);
    return 0;
}

static int see_table(void *arg, int n, char **values, char **names)
{
    (void)n, (void)values, (void)names;
    *(bool *)arg = true;
    return 0;
}

/* 1: there are tables, 0: another process is just about to make them. */
static int try_read(struct meta *m, struct shale_err *e)
{
    bool tables = false;
    int rc = sqlite3_exec(m->db, "SELECT 1 FROM sqlite_master LIMIT 1", see_table, &tables, NULL);

    return rc == SQLITE_OK ? tables : meta_sql_error(m, rc, e);
}

static int open_empty(struct meta *m, struct shale_err *e)
{
    int r = open_db(m, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);

    if (r >= 0)
        r = schema_create(m, e);
    if (r >= 0)
        sqlite3_exec(m->db, "PRAGMA query_only = 1", NULL, NULL, NULL);
    return r;
}

/* A database in WAL mode cannot be read where its shared memory file is not and cannot be made,
 * except as one that nobody changes; then what is in its log only is not seen. */
static int open_immutable(struct meta *m, const char *path, struct shale_err *e)
{
    char uri[2 * PATH_MAX + 64];
    struct stat st;

    snprintf(uri, sizeof uri, "%s-wal", path);
    if (stat(uri, &st) == 0 && st.st_size > 0)
        return err_set(e, SHALE_UNSUPPORTED,
                       "%s cannot be read here without its -shm file: open %s for writing once, "
                       "where that is possible",
                       m->schema->file, m->schema->owner);
    int r = make_uri(path, "immutable=1", uri, sizeof uri, e);
    return r < 0 ? r : open_db(m, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e);
}

static int open_to_read(struct meta *m, const char *path, struct shale_err *e)
{
    struct shale_err first = SHALE_ERR_INIT; /* of no interest when the second way works */

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return open_empty(m, e);
    int r = open_db(m, path, SQLITE_OPEN_READONLY, &first);
    if (r >= 0)
        r = try_read(m, &first);
    if (r == -SHALE_SYSTEM || r == -SHALE_DENIED) {
        close_db(m);
        r = open_immutable(m, path, e);
        if (r >= 0)
            r = try_read(m, e);
    } else if (r < 0 && e) {
        *e = first;
    }
    if (r == 0) {
        close_db(m);
        return open_empty(m, e);
    }
    return r;
}

#define LOG_PAGES 256

/* After a commit. The log goes into the database and is cut: as often as not this is the only
 * process, and the next one, which would have to read all of a log that was left, could not begin
 * it anew by its first commit; it would write the same pages once more. Where somebody reads, it is
 * left to a later commit. */
static int on_commit(void *arg, sqlite3 *db, const char *name, int n_pages)
{
    (void)arg;
    if (n_pages < LOG_PAGES)
        return SQLITE_OK;
    sqlite3_busy_timeout(db, 0);
    (void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(db, META_BUSY_TIMEOUT_S * 1000);
    return SQLITE_OK;
}

static int setup(struct meta *m, int root_fd, struct shale_err *e)
{
    sqlite3_busy_timeout(m->db, META_BUSY_TIMEOUT_S * 1000);
    /* The log goes into the database when it has grown, not at the end of every command: that costs
     * two syncs. */
    sqlite3_db_config(m->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    int r = schema_ensure(m, root_fd, e);
    if (r < 0)
        return r;
    /* What a savepoint may want back stays in memory, not in a temporary file. */
    int rc = sqlite3_exec(m->db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(m->db,
                          m->schema->durable
                              ? "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000"
                              : "PRAGMA synchronous = NORMAL",
                          NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return meta_sql_error(m, rc, e);
    if (!m->schema->durable)
        sqlite3_wal_hook(m->db, on_commit, NULL);
    return m->schema->setup ? m->schema->setup(m, e) : 0;
}

int meta_open(int root_fd, const char *root, bool read_only, struct meta **ret, struct shale_err *e)
{
    return meta_open_as(root_fd, root, &schema_store, read_only, ret, e);
}

/* Puts a copy of m's database in its place, in one piece: the source stands still for as long. */
static int copy_db(struct meta *m, struct shale_err *e)
{
    sqlite3 *from = m->db;

    m->db = NULL;
    int r = open_db(m, "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
    if (r >= 0) {
        sqlite3_busy_timeout(from, META_BUSY_TIMEOUT_S * 1000);
        sqlite3_backup *b = sqlite3_backup_init(m->db, "main", from, "main");
        int rc = SQLITE_DONE;
        if (b) {
            (void)sqlite3_backup_step(b, -1);
            rc = sqlite3_backup_finish(b);
        }
        if (!b || rc != SQLITE_OK)
            r = meta_sql_error(m, b ? rc : sqlite3_errcode(m->db), e);
    }
    sqlite3_close(from);
    return r;
}

enum how { WRITE, READ, COPY };

static int open_how(int root_fd, const char *root, const struct meta_schema *schema, enum how how,
                    struct meta **ret, struct shale_err *e)
{
    struct meta *m = mem_alloc(sizeof *m);
    pthread_mutexattr_t attr;
    char path[PATH_MAX];
    int r;

    if (!m)
        return err_nomem(e);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&m->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    m->read_only = how == READ;
    m->schema = schema;
    /* a folder whose name looks like a URI is none */
    const char *here = strncmp(root, "file:", 5) == 0 ? "./" : "";
    if (snprintf(path, sizeof path, "%s%s/%s", here, root, schema->file) >= (int)sizeof path)
        r = err_set(e, SHALE_LIMIT, "path too long: %.80s…", root);
    else if (how == WRITE)
        r = fs_exists(root_fd, schema->file) ? 0 : create_db(m, root_fd, e);
    else
        r = open_to_read(m, path, e);
    if (r >= 0 && how == WRITE)
        r = open_db(m, path,
                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                        (schema->attaches ? SQLITE_OPEN_URI : 0),
                    e);
    if (r >= 0 && how == COPY)
        r = copy_db(m, e);
    if (r >= 0)
        r = setup(m, root_fd, e);
    if (r < 0) {
        meta_close(m);
        return r;
    }
    *ret = m;
    return 0;
}

int meta_open_as(int root_fd, const char *root, const struct meta_schema *schema, bool read_only,
                 struct meta **ret, struct shale_err *e)
{
    return open_how(root_fd, root, schema, read_only ? READ : WRITE, ret, e);
}

int meta_open_copy(int root_fd, const char *root, const struct meta_schema *schema,
                   struct meta **ret, struct shale_err *e)
{
    return open_how(root_fd, root, schema, COPY, ret, e);
}

int meta_attach(struct meta *m, const char *path, const char *name, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    char uri[2 * PATH_MAX + 64];
    int r = m->read_only ? 0 : make_uri(path, "mode=ro", uri, sizeof uri, e);

    if (r >= 0)
        r = stmt_open(m, "ATTACH ?1 AS ?2", &q, e);
    if (r < 0)
        return r;
    stmt_bind(&q, "tt", m->read_only ? path : uri, name);
    r = stmt_step(&q, e);
    return r < 0 ? r : 0;
}

struct meta *meta_close(struct meta *m)
{
    if (!m)
        return NULL;
    for (size_t i = 0; i < STMT_CACHE; i++)
        sqlite3_finalize(m->cache[i].stmt);
    sqlite3_close(m->db); /* rolls back */
    pthread_mutex_destroy(&m->mutex);
    free(m);
    return NULL;
}

/* ---- transactions: the outermost is one of the database, inner ones are savepoints ---- */

enum verb { SAVEPOINT, ROLLBACK_TO, RELEASE };

static int control(struct meta *m, enum verb verb, unsigned depth, struct shale_err *e)
{
    static const char *const verbs[] = {"SAVEPOINT", "ROLLBACK TO", "RELEASE"};
    /* the depth that nearly all have: its statements are prepared once */
    static const char *const first[] = {"SAVEPOINT s1", "ROLLBACK TO s1", "RELEASE s1"};
    char sql[64];

    if (depth == 1)
        return stmt_run(m, first[verb], NULL, e, "");
    snprintf(sql, sizeof sql, "%s s%u", verbs[verb], depth);
    int rc = sqlite3_exec(m->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : meta_sql_error(m, rc, e);
}

int meta_begin(struct meta *m, struct shale_err *e)
{
    int r;

    pthread_mutex_lock(&m->mutex);
    if (m->depth == 0)
        r = stmt_run(m, "BEGIN IMMEDIATE", NULL, e, "");
    else
        r = control(m, SAVEPOINT, m->depth, e);
    if (r < 0) {
        pthread_mutex_unlock(&m->mutex);
        return r;
    }
    m->depth++;
    return 0;
}

void meta_rollback(struct meta *m)
{
    pthread_mutex_lock(&m->mutex);
    if (m->depth > 0) {
        m->depth--;
        if (m->depth == 0) {
            (void)stmt_run(m, "ROLLBACK", NULL, NULL, "");
        } else {
            (void)control(m, ROLLBACK_TO, m->depth, NULL);
            (void)control(m, RELEASE, m->depth, NULL);
        }
        pthread_mutex_unlock(&m->mutex); /* of meta_begin */
    }
    pthread_mutex_unlock(&m->mutex);
}

int meta_commit(struct meta *m, struct shale_err *e)
{
    int r;

    if (m->depth > 1)
        r = control(m, RELEASE, m->depth - 1, e);
    else if (sys_step("db-commit") < 0)
        r = err_sys(e, "%s", m->schema->file);
    else
        r = stmt_run(m, "COMMIT", NULL, e, "");
    if (r < 0) {
        meta_rollback(m);
        return r;
    }
    m->depth--;
    pthread_mutex_unlock(&m->mutex);
    return 0;
}

int meta_end(struct meta *m, int r, struct shale_err *e)
{
    if (r < 0) {
        meta_rollback(m);
        return r;
    }
    int c = meta_commit(m, e);
    return c < 0 ? c : r;
}

int meta_part_begin(struct meta *m, struct shale_err *e)
{
    pthread_mutex_lock(&m->mutex);
    bool is_part = m->depth > 0; /* of this thread: others are kept out */
    pthread_mutex_unlock(&m->mutex);
    int r = is_part ? 0 : meta_begin(m, e);
    return r < 0 ? r : !is_part;
}

int meta_part_end(struct meta *m, int begun, int r, struct shale_err *e)
{
    return begun ? meta_end(m, r, e) : r;
}

int meta_stamp(struct meta *m, struct meta_stamp *ret, struct shale_err *e)
{
    int64_t others = 0;

    /* not within a sync: its memo is counted, and then not */
    pthread_mutex_lock(&m->mutex);
    int r = stmt_number(m, "PRAGMA data_version", 0, &others, e, "");
    if (r >= 0)
        *ret = (struct meta_stamp){others, sqlite3_total_changes64(m->db) - m->n_syncs};
    pthread_mutex_unlock(&m->mutex);
    return r < 0 ? r : 0;
}

/* ---- memos ---- */

int meta_kv_get(struct meta *m, const char *key, struct arena *a, char **ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "SELECT value FROM kv WHERE key = ?1", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "t", key);
    r = stmt_step(&q, e);
    if (r < 0)
        return r;
    char *value = r ? col_dup(&q, 0, a) : NULL;
    if (r && !value)
        return err_nomem(e);
    *ret = value;
    return 0;
}

int meta_kv_set(struct meta *m, const char *key, const char *value, struct shale_err *e)
{
    return stmt_run(
        m, "INSERT INTO kv(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2",
        NULL, e, "tt", key, value);
}

int meta_kv_delete(struct meta *m, const char *key, struct shale_err *e)
{
    return stmt_run(m, "DELETE FROM kv WHERE key = ?1", NULL, e, "t", key);
}

int meta_sync(struct meta *m, struct shale_err *e)
{
    int r = 0;

    pthread_mutex_lock(&m->mutex);
    if (m->depth > 0)
        r = err_set(e, SHALE_INTERNAL, "sync within a transaction");
    else if (sys_step("db-sync") < 0)
        r = err_sys(e, "%s", m->schema->file);
    if (r >= 0) { /* a commit that is synced takes along those before it */
        sqlite3_exec(m->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
        r = meta_kv_set(m, "synced", "", e);
        m->n_syncs += r >= 0;
        sqlite3_exec(m->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&m->mutex);
    return r < 0 ? r : 0;
}

static int check_once(struct meta *m, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "PRAGMA integrity_check(1)", &q, e);

    if (r >= 0)
        r = stmt_step(&q, e);
    if (r < 0)
        return r;
    if (r == 1 && strcmp(col_text(&q, 0), "ok") != 0)
        return err_set(e, SHALE_CORRUPT,
                       "%s is damaged: %.200s; `sqlite3 %s .recover` may save what is left",
                       m->schema->file, col_text(&q, 0), m->schema->file);
    return 0;
}

/* A page that there was no memory for is reported like one that is damaged: damage is what is there
 * twice. */
int meta_check(struct meta *m, struct shale_err *e)
{
    int r = check_once(m, e);

    return r == -SHALE_CORRUPT ? check_once(m, e) : r;
}
