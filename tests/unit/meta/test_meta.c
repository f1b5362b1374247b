/* SPDX-License-Identifier: Apache-2.0 */
/* The handle: opening under all circumstances, transactions, memos, errors, several processes. */
#include "meta_test.h"

#include "meta/meta_network.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include "meta/stmt.h"

static const char *kv(struct fix *f, struct meta *m, const char *key)
{
    char *v;

    ok(meta_kv_get(m, key, &f->a, &v, &f->e));
    return v;
}

/* SQL past the interface, as another program would do it. */
static void raw_sql(struct fix *f, const char *sql)
{
    char path[128];
    sqlite3 *db;

    snprintf(path, sizeof path, "%s/" META_FILE, f->path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void reopen(struct fix *f, bool read_only)
{
    f->m = meta_close(f->m);
    f->m = open_one(f, read_only);
}

static int open_fails(struct fix *f, bool read_only)
{
    struct meta *m = (struct meta *)f;
    int r;

    memset(&f->e, 0, sizeof f->e);
    r = meta_open(f->fd, f->path, read_only, &m, &f->e);
    assert_true(r < 0);
    assert_ptr_equal(m, f);
    assert_int_equal(f->e.code, -r);
    return r;
}

static void put_text(struct fix *f, const char *name, const void *p, size_t n)
{
    _cleanup_close_ int fd = sys_openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(sys_write_all(fd, p, n), 0);
}

static void drop_files(struct fix *f)
{
    f->m = meta_close(f->m);
    (void)sys_unlinkat(f->fd, META_FILE, 0);
    (void)sys_unlinkat(f->fd, META_FILE "-wal", 0);
    (void)sys_unlinkat(f->fd, META_FILE "-shm", 0);
}

/* ---- memos ---- */

static void memos(void **state)
{
    struct fix *f = *state;

    assert_null(kv(f, f->m, "k"));
    ok(meta_kv_set(f->m, "k", "one", &f->e));
    ok(meta_kv_set(f->m, "k", "two", &f->e));
    ok(meta_kv_set(f->m, "empty", "", &f->e));
    assert_string_equal(kv(f, f->m, "k"), "two");
    assert_string_equal(kv(f, f->m, "empty"), "");
    reopen(f, false);
    assert_string_equal(kv(f, f->m, "k"), "two");
    ok(meta_kv_delete(f->m, "k", &f->e));
    ok(meta_kv_delete(f->m, "k", &f->e));
    assert_null(kv(f, f->m, "k"));
    assert_null(meta_close(NULL));
}

/* ---- transactions ---- */

static void commit_and_rollback(void **state)
{
    struct fix *f = *state;

    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "a", "1", &f->e));
    ok(meta_commit(f->m, &f->e));
    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "b", "1", &f->e));
    assert_string_equal(kv(f, f->m, "b"), "1");
    meta_rollback(f->m);
    meta_rollback(f->m); /* harmless */
    assert_string_equal(kv(f, f->m, "a"), "1");
    assert_null(kv(f, f->m, "b"));
    assert_true(meta_commit(f->m, &f->e) < 0); /* without a transaction */
    ok(meta_kv_set(f->m, "c", "1", &f->e));
    assert_string_equal(kv(f, f->m, "c"), "1");
}

static void nested(void **state)
{
    struct fix *f = *state;

    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "outer", "1", &f->e));
    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "kept", "1", &f->e));
    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "deep", "1", &f->e));
    meta_rollback(f->m);
    ok(meta_commit(f->m, &f->e));
    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "undone", "1", &f->e));
    meta_rollback(f->m);
    ok(meta_commit(f->m, &f->e));
    reopen(f, false);
    assert_string_equal(kv(f, f->m, "outer"), "1");
    assert_string_equal(kv(f, f->m, "kept"), "1");
    assert_null(kv(f, f->m, "deep"));
    assert_null(kv(f, f->m, "undone"));

    ok(meta_begin(f->m, &f->e));
    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "inner", "1", &f->e));
    ok(meta_commit(f->m, &f->e));
    meta_rollback(f->m); /* the outer one takes the inner with it */
    assert_null(kv(f, f->m, "inner"));
}

static void end_by_result(void **state)
{
    struct fix *f = *state;

    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "a", "1", &f->e));
    assert_int_equal(meta_end(f->m, 7, &f->e), 7);
    assert_string_equal(kv(f, f->m, "a"), "1");
    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "b", "1", &f->e));
    assert_int_equal(meta_end(f->m, -SHALE_LIMIT, &f->e), -SHALE_LIMIT);
    assert_null(kv(f, f->m, "b"));
}

static void close_rolls_back(void **state)
{
    struct fix *f = *state;

    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "a", "1", &f->e));
    pthread_mutex_unlock(&f->m->mutex); /* a handle is not closed by a thread that uses it */
    reopen(f, false);
    assert_null(kv(f, f->m, "a"));
}

/* Each thread adds to a number within a transaction: none is lost. */
static void *count_up(void *arg)
{
    struct fix *f = arg;

    for (int i = 0; i < 50; i++) {
        struct arena a = ARENA_INIT(4096);
        char text[24], *v = NULL;
        if (meta_begin(f->m, NULL) < 0 || meta_kv_get(f->m, "n", &a, &v, NULL) < 0)
            return f;
        snprintf(text, sizeof text, "%ld", v ? strtol(v, NULL, 10) + 1 : 1);
        arena_clear(&a);
        if (meta_end(f->m, meta_kv_set(f->m, "n", text, NULL), NULL) < 0)
            return f;
    }
    return NULL;
}

static void threads(void **state)
{
    struct fix *f = *state;
    pthread_t t[4];

    for (size_t i = 0; i < ARRAY_SIZE(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, count_up, f), 0);
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        void *bad;
        assert_int_equal(pthread_join(t[i], &bad), 0);
        assert_null(bad);
    }
    assert_string_equal(kv(f, f->m, "n"), "200");
}

/* The same by processes, each with a handle of its own, which also make the database together. */
static void processes(void **state)
{
    struct fix *f = *state;
    pid_t pid[3];

    drop_files(f);
    fflush(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);
        if (pid[i] == 0) {
            if (meta_open(f->fd, f->path, false, &f->m, NULL) < 0)
                _exit(1);
            bool bad = count_up(f) != NULL;
            meta_close(f->m);
            _exit(bad ? 2 : 0);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
        int status = -1;
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    f->m = open_one(f, false);
    assert_string_equal(kv(f, f->m, "n"), "150");
    ok(meta_check(f->m, &f->e));
}

/* A process that is killed in a transaction leaves nothing of it, and its lock goes with it. */
static void killed_in_transaction(void **state)
{
    struct fix *f = *state;
    int ends[2], status;
    char c;

    assert_int_equal(pipe(ends), 0);
    f->m = meta_close(f->m); /* a handle does not survive a fork */
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct meta *m;
        if (meta_open(f->fd, f->path, false, &m, NULL) < 0 || meta_begin(m, NULL) < 0 ||
            meta_kv_set(m, "k", "of the dead", NULL) < 0 || write(ends[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &c, 1), 1);
    f->m = open_one(f, false);
    assert_null(kv(f, f->m, "k")); /* readers do not wait for a writer */
    sqlite3_busy_timeout(f->m->db, 20);
    assert_int_equal(meta_begin(f->m, &f->e), -SHALE_TIMEOUT);
    assert_int_equal(meta_kv_set(f->m, "k", "x", &f->e), -SHALE_TIMEOUT);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    ok(meta_kv_set(f->m, "k2", "x", &f->e));
    assert_null(kv(f, f->m, "k"));
    close(ends[0]);
    close(ends[1]);
}

/* ---- versions ---- */

static void newer_version(void **state)
{
    struct fix *f = *state;
    char back[64];
    int64_t version = 0;

    ok(stmt_number(f->m, "PRAGMA user_version", 0, &version, &f->e, ""));
    snprintf(back, sizeof back, "PRAGMA user_version = %d", (int)version);
    f->m = meta_close(f->m);
    raw_sql(f, "PRAGMA user_version = 4711");
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(open_fails(f, read_only), -SHALE_UNSUPPORTED);
        assert_non_null(strstr(f->e.msg, "newer shale"));
        assert_non_null(strstr(f->e.msg, "4711"));
        assert_null(strchr(f->e.msg, '\n'));
    }
    raw_sql(f, back);
    f->m = open_one(f, false);
}

/* One of the first version gets the tables that came later. */
static void older_version(void **state)
{
    struct fix *f = *state;

    f->m = meta_close(f->m);
    raw_sql(
        f,
        "DROP VIEW image_users; DROP TABLE container_images;"
        "DROP TABLE networks; DROP TABLE endpoints; DROP TABLE host_ports; DROP TABLE list_members;"
        "DROP TABLE build_steps; DROP INDEX images_listing;"
        "DROP INDEX containers_listing; ALTER TABLE containers DROP COLUMN listing;"
        "ALTER TABLE containers DROP COLUMN restarts;"
        "ALTER TABLE containers DROP COLUMN stopped;"
        "PRAGMA user_version = 1");
    f->m = open_one(f, false);
    ok(meta_endpoint_delete(f->m, "c", NULL, &f->e));
    int64_t n = -1;
    ok(stmt_number(f->m, "SELECT count(*) FROM image_users", -1, &n, &f->e, ""));
    assert_int_equal(n, 0);
}

/* ---- reading only ---- */

/* A log that has grown is cut, also when each commit is a process's only one; nothing is lost. */
static void log_is_cut(void **state)
{
    struct fix *f = *state;
    char key[16], path[96];
    uint64_t n, most = 0;

    snprintf(path, sizeof path, "%s-wal", META_FILE);
    for (unsigned i = 0; i < 300; i++) {
        f->m = meta_close(f->m);
        f->m = open_one(f, false);
        snprintf(key, sizeof key, "k%u", i);
        ok(meta_kv_set(f->m, key, "v", &f->e));
        ok(fs_size(f->fd, path, &n, &f->e));
        most = n > most ? n : most;
    }
    assert_true(most < 280ull * 4200);
    assert_true(n < 100ull * 4200); /* it was cut after some 256 of them */
    f->m = meta_close(f->m);
    f->m = open_one(f, false);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "k%u", i);
        assert_string_equal(kv(f, f->m, key), "v");
    }
}

static void read_only_refuses_writes(void **state)
{
    struct fix *f = *state;

    ok(meta_kv_set(f->m, "k", "v", &f->e));
    reopen(f, true);
    assert_string_equal(kv(f, f->m, "k"), "v");
    assert_int_equal(meta_kv_set(f->m, "k", "w", &f->e), -SHALE_DENIED);
    ok(meta_begin(f->m, &f->e)); /* serves for reading as well */
    assert_int_equal(meta_kv_delete(f->m, "k", &f->e), -SHALE_DENIED);
    ok(meta_commit(f->m, &f->e));
    assert_int_equal(meta_blob_put(f->m, &(struct meta_blob){.digest = dig('a', 1)}, &f->e),
                     -SHALE_DENIED);
    assert_string_equal(kv(f, f->m, "k"), "v");
}

static void missing_reads_as_empty(void **state)
{
    struct fix *f = *state;
    uint64_t n = 1;

    drop_files(f);
    f->m = open_one(f, true);
    ok(meta_image_count(f->m, &n, &f->e));
    assert_int_equal(n, 0);
    assert_null(kv(f, f->m, "k"));
    assert_int_equal(meta_kv_set(f->m, "k", "v", &f->e), -SHALE_DENIED);
    assert_false(fs_exists(f->fd, META_FILE)); /* and none was made */

    /* one that another process has just begun to make */
    f->m = meta_close(f->m);
    put_text(f, META_FILE, "", 0);
    f->m = open_one(f, true);
    ok(meta_image_count(f->m, &n, &f->e));
    assert_int_equal(n, 0);
}

/* In a child with mounts of its own, in which the folder cannot be written. */
static int on_read_only_mount(struct fix *f, bool drop_shm)
{
    struct meta *m = NULL;
    char *v = NULL;

    if (drop_shm && sys_unlinkat(f->fd, META_FILE "-shm", 0) < 0)
        return 10;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(f->path, f->path, NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, f->path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
        return 11;
    int fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct shale_err e = SHALE_ERR_INIT;
    int r = meta_open(fd, f->path, true, &m, &e);
    if (r < 0)
        return -r == SHALE_UNSUPPORTED ? 12 : 1;
    if (e.code != 0)
        return 2; /* written though it went well */
    if (meta_kv_get(m, "k", &f->a, &v, &e) < 0 || !v || strcmp(v, "v") != 0)
        return 3;
    if (meta_kv_set(m, "k", "w", &e) != -SHALE_DENIED)
        return 4;
    meta_close(m);
    return 0;
}

static int in_child(struct fix *f, bool drop_shm)
{
    int status = -1;

    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(on_read_only_mount(f, drop_shm));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void read_only_file_system(void **state)
{
    struct fix *f = *state;

    ok(meta_kv_set(f->m, "k", "v", &f->e));
    f->m = meta_close(f->m);
    int r = in_child(f, false);
    if (r == 11) {
        skip_loudly("no right to mount: a read-only file system was not tried");
        return;
    }
    assert_int_equal(r, 0);
    /* What is in the log only would be missed: better not to read at all. */
    assert_int_equal(in_child(f, true), 12);
    /* All in the database, neither log nor shared memory. */
    raw_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
    (void)sys_unlinkat(f->fd, META_FILE "-wal", 0);
    (void)sys_unlinkat(f->fd, META_FILE "-shm", 0);
    assert_int_equal(in_child(f, false), 0);
}

/* ---- damage ---- */

/* The log of a database that is gone is none of the new one's. */
static void log_alone(void **state)
{
    struct fix *f = *state;

    ok(meta_kv_set(f->m, "old", "1", &f->e));
    f->m = meta_close(f->m);
    assert_true(fs_exists(f->fd, META_FILE "-wal"));
    (void)sys_unlinkat(f->fd, META_FILE, 0);
    put_text(f, META_FILE ".new", "half", 4); /* left by one that died in between */
    f->m = open_one(f, false);
    assert_null(kv(f, f->m, "old"));
    assert_false(fs_exists(f->fd, META_FILE ".new"));
    ok(meta_check(f->m, &f->e));
}

static void garbage(void **state)
{
    struct fix *f = *state;
    char junk[8192];

    drop_files(f);
    memset(junk, 'x', sizeof junk);
    put_text(f, META_FILE, junk, sizeof junk);
    assert_int_equal(open_fails(f, false), -SHALE_CORRUPT);
    assert_int_equal(open_fails(f, true), -SHALE_CORRUPT);
    struct buf b = BUF_INIT(sizeof junk + 1);
    ok(fs_read_file(f->fd, META_FILE, &b, &f->e));
    assert_int_equal(b.n, sizeof junk); /* and is left as it was */
    assert_memory_equal(b.p, junk, sizeof junk);
    buf_clear(&b);
}

static void check_finds_damage(void **state)
{
    struct fix *f = *state;
    char junk[4096];

    ok(meta_check(f->m, &f->e));
    for (unsigned i = 0; i < 200; i++)
        ok(meta_blob_put(f->m, &(struct meta_blob){.digest = dig('a', i), .media_type = "t"},
                         &f->e));
    f->m = meta_close(f->m);
    raw_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
    _cleanup_close_ int fd = sys_openat(f->fd, META_FILE, O_RDWR, 0);
    off_t size = lseek(fd, 0, SEEK_END);
    memset(junk, 0xee, sizeof junk);
    assert_int_equal(sys_pwrite_all(fd, junk, sizeof junk, (uint64_t)size - sizeof junk), 0);
    f->m = open_one(f, false);
    assert_int_equal(meta_check(f->m, &f->e), -SHALE_CORRUPT);
    assert_non_null(strstr(f->e.msg, META_FILE));
}

/* A full disk ends the transaction: what is written after it does not become permanent alone. */
static void full(void **state)
{
    struct fix *f = *state;
    char *big = malloc(1 << 20);

    assert_non_null(big);
    memset(big, 'x', (1 << 20) - 1);
    big[(1 << 20) - 1] = 0;
    sqlite3_exec(f->m->db, "PRAGMA max_page_count = 60", NULL, NULL, NULL);
    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "before", "1", &f->e));
    assert_int_equal(meta_kv_set(f->m, "big", big, &f->e), -SHALE_NO_SPACE);
    int later = meta_kv_set(f->m, "after", "1", &f->e);
    int end = meta_commit(f->m, &f->e);
    assert_true(end >= 0 || later < 0 || kv(f, f->m, "after") == NULL);
    /* all or nothing */
    assert_int_equal(kv(f, f->m, "before") != NULL, end >= 0);
    assert_int_equal(kv(f, f->m, "after") != NULL, end >= 0 && later >= 0);
    assert_null(kv(f, f->m, "big"));
    free(big);
    ok(meta_check(f->m, &f->e));
    ok(meta_kv_set(f->m, "small", "1", &f->e)); /* the handle goes on */
}

/* What the database does to itself on some errors. */
static void lost_transaction(void **state)
{
    struct fix *f = *state;

    ok(meta_begin(f->m, &f->e));
    ok(meta_kv_set(f->m, "before", "1", &f->e));
    assert_int_equal(sqlite3_exec(f->m->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_true(meta_kv_set(f->m, "after", "1", &f->e) < 0);
    assert_true(meta_commit(f->m, &f->e) < 0);
    assert_null(kv(f, f->m, "before"));
    assert_null(kv(f, f->m, "after"));
    ok(meta_kv_set(f->m, "later", "1", &f->e));
}

static void codes_of_errors(void **state)
{
    struct fix *f = *state;
    static const struct {
        int rc, code;
    } t[] = {
        {SQLITE_FULL, SHALE_NO_SPACE},         {SQLITE_BUSY, SHALE_TIMEOUT},
        {SQLITE_BUSY_SNAPSHOT, SHALE_TIMEOUT}, {SQLITE_CORRUPT, SHALE_CORRUPT},
        {SQLITE_CORRUPT_INDEX, SHALE_CORRUPT}, {SQLITE_NOTADB, SHALE_CORRUPT},
        {SQLITE_READONLY, SHALE_DENIED},       {SQLITE_READONLY_DBMOVED, SHALE_DENIED},
        {SQLITE_PERM, SHALE_DENIED},           {SQLITE_IOERR, SHALE_SYSTEM},
        {SQLITE_IOERR_READ, SHALE_SYSTEM},     {SQLITE_CANTOPEN, SHALE_SYSTEM},
        {SQLITE_NOMEM, SHALE_NO_MEMORY},
    };

    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        assert_int_equal(meta_sql_error(f->m, t[i].rc, &f->e), -t[i].code);
        assert_int_equal(f->e.code, t[i].code);
        assert_true(f->e.msg[0] != 0);
    }
    /* the number of the system call that failed is kept */
    struct meta *m;
    struct shale_err e = SHALE_ERR_INIT;
    assert_int_equal(meta_open(f->fd, "/nowhere/at/all", false, &m, &e), -SHALE_SYSTEM);
    assert_int_equal(e.sys, ENOENT);
}

static void odd_folders(void **state)
{
    struct fix *f = *state;
    char path[128];
    struct meta *m;

    snprintf(path, sizeof path, "%s/a b?c#d%%e", f->path);
    assert_int_equal(mkdir(path, 0700), 0);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok(meta_open(fd, path, false, &m, &f->e));
    ok(meta_kv_set(m, "k", "v", &f->e));
    meta_close(m);
    assert_true(fs_exists(fd, META_FILE));
    ok(meta_open(fd, path, true, &m, &f->e));
    assert_string_equal(kv(f, m, "k"), "v");
    meta_close(m);

    char *far = malloc(5000);
    assert_non_null(far);
    memset(far, 'x', 4999);
    far[4999] = 0;
    assert_int_equal(meta_open(f->fd, far, false, &m, &f->e), -SHALE_LIMIT);
    free(far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(memos),
        CASE(commit_and_rollback),
        CASE(nested),
        CASE(end_by_result),
        CASE(close_rolls_back),
        CASE(threads),
        CASE(processes),
        CASE(killed_in_transaction),
        CASE(newer_version),
        CASE(older_version),
        CASE(log_is_cut),
        CASE(read_only_refuses_writes),
        CASE(missing_reads_as_empty),
        CASE(read_only_file_system),
        CASE(log_alone),
        CASE(garbage),
        CASE(check_finds_damage),
        CASE(full),
        CASE(lost_transaction),
        CASE(codes_of_errors),
        CASE(odd_folders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
