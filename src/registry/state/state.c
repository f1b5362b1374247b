/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "blob/blob.h"
#include "meta/meta.h"
#include "registry/state/state_priv.h"

#define GENERATION_FILE "generations"
#define NOW_NS          "CAST(strftime('%s', 'now') AS INTEGER) * 1000000000"

/* Digests are text; times are nanoseconds. A blob has a row when its bytes are in blobs/. */
static const char *const steps[] = {
    "CREATE TABLE repos(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT "
    "NULL,"
    " description TEXT NOT NULL DEFAULT '', stars INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE blobs(digest TEXT PRIMARY KEY, size INTEGER NOT NULL, added INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE links(repo INTEGER NOT NULL, digest TEXT NOT NULL, added INTEGER NOT NULL,"
    " PRIMARY KEY(repo, digest)) WITHOUT ROWID;"
    "CREATE INDEX links_digest ON links(digest);"
    "CREATE TABLE manifests(repo INTEGER NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL,"
    " size INTEGER NOT NULL, subject TEXT NOT NULL, artifact_type TEXT NOT NULL,"
    " annotations TEXT NOT NULL, pushed INTEGER NOT NULL, PRIMARY KEY(repo, digest)) WITHOUT ROWID;"
    "CREATE INDEX manifests_subject ON manifests(repo, subject, digest) WHERE subject <> '';"
    "CREATE INDEX manifests_digest ON manifests(digest);"
    "CREATE TABLE edges(repo INTEGER NOT NULL, parent TEXT NOT NULL, child TEXT NOT NULL,"
    " PRIMARY KEY(repo, parent, child)) WITHOUT ROWID;"
    "CREATE INDEX edges_child ON edges(repo, child);"
    "CREATE TABLE tags(repo INTEGER NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,"
    " updated INTEGER NOT NULL, PRIMARY KEY(repo, tag)) WITHOUT ROWID;"
    "CREATE INDEX tags_digest ON tags(repo, digest);"
    "CREATE TABLE leases(digest TEXT PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID;",
    /* The record of a repository, and its newest tag. */
    "ALTER TABLE repos ADD COLUMN official INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX tags_updated ON tags(repo, updated);",
    /* bytes: of all that is linked in the repository, each once (state_usage.c). loose: when a
     * manifest lost a tag last. retired: when retention took the last one (state_retain.c). */
    "ALTER TABLE repos ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE manifests ADD COLUMN loose INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE manifests ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;"
    "UPDATE repos SET bytes = " STATE_TRUE_BYTES ";"
    "CREATE TRIGGER links_added AFTER INSERT ON links BEGIN UPDATE repos SET bytes = bytes +"
    " coalesce((SELECT size FROM blobs WHERE digest = new.digest), 0) WHERE id = new.repo; END;"
    "CREATE TRIGGER links_gone AFTER DELETE ON links BEGIN UPDATE repos SET bytes = bytes -"
    " coalesce((SELECT size FROM blobs WHERE digest = old.digest), 0) WHERE id = old.repo; END;"
    "CREATE TRIGGER manifests_added AFTER INSERT ON manifests BEGIN UPDATE repos SET bytes = bytes"
    " + new.size WHERE id = new.repo; END;"
    "CREATE TRIGGER manifests_gone AFTER DELETE ON manifests BEGIN UPDATE repos SET bytes = bytes"
    " - old.size WHERE id = old.repo; END;"
    "CREATE TRIGGER tags_moved AFTER UPDATE OF digest ON tags WHEN old.digest <> new.digest BEGIN"
    " UPDATE manifests SET loose = " NOW_NS " WHERE repo = old.repo AND digest = old.digest; END;"
    "CREATE TRIGGER tags_gone AFTER DELETE ON tags BEGIN UPDATE manifests SET loose = " NOW_NS
    " WHERE repo = old.repo AND digest = old.digest; END;",
    /* Where a tag is, for searches. */
    "CREATE INDEX tags_tag ON tags(tag);",
    /* Manifests of other registries that are kept here, and when somebody last asked for them. */
    "CREATE TABLE cached(repo INTEGER NOT NULL, digest TEXT NOT NULL, used INTEGER NOT NULL,"
    " PRIMARY KEY(repo, digest)) WITHOUT ROWID;"
    "CREATE TRIGGER cached_gone AFTER DELETE ON manifests BEGIN DELETE FROM cached WHERE"
    " repo = old.repo AND digest = old.digest; END;",
};

static const struct meta_schema schema = {
    .file = "registry.db",
    .owner = "the registry",
    .version = ARRAY_SIZE(steps),
    .steps = steps,
    .durable = true,
};

/* ---- generations ---- */

uint64_t state_hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a, then mixed */

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
    h ^= h >> 32;
    return h * 0x9e3779b97f4a7c15ull;
}

static _Atomic uint64_t *generation_of(const struct state *s, const char *repo)
{
    return &s->generations[state_hash(repo) >> 32 & (GENERATIONS - 1)];
}

bool state_has_generations(const struct state *s)
{
    return s->generations != NULL;
}

uint64_t state_generation(const struct state *s, const char *repo)
{
    return s->generations ? atomic_load(generation_of(s, repo)) : 0;
}

void state_raise(struct state *s, const char *repo)
{
    if (s->generations && repo)
        atomic_fetch_add(generation_of(s, repo), 1);
}

static int map_generations(struct state *s, int root_fd, bool read_only, struct shale_err *e)
{
    size_t n = GENERATIONS * sizeof *s->generations;
    int flags = read_only ? O_RDONLY : O_RDWR | O_CREAT;

    _cleanup_close_ int fd = sys_openat(root_fd, GENERATION_FILE, flags, 0644);
    if (fd < 0)
        return read_only ? 0 : err_sys(e, "open " GENERATION_FILE " of the registry");
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "open " GENERATION_FILE " of the registry");
    if ((uint64_t)st.st_size != n && (read_only || sys_ftruncate(fd, n) < 0))
        return read_only ? 0 : err_sys(e, "make " GENERATION_FILE " of the registry");
    /* A hole that is written to through the map when the disk is full would kill the process. */
    if (!read_only && (uint64_t)st.st_blocks * 512 < n && sys_fallocate(fd, n) < 0 &&
        errno != EOPNOTSUPP)
        return err_sys(e, "make " GENERATION_FILE " of the registry");
    void *p = mmap(NULL, n, read_only ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, "map " GENERATION_FILE " of the registry");
    s->generations = p;
    return 0;
}

/* ---- open and close ---- */

static struct state *state_new(struct blobs *blobs, struct shale_err *e)
{
    struct state *s = mem_alloc(sizeof *s);

    if (!s) {
        (void)err_nomem(e);
        return NULL;
    }
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->cond, NULL);
    s->blobs = blobs;
    s->jobs_tail = &s->jobs;
    s->durable = true;
    return s;
}

int state_open_copy(int root_fd, const char *root, struct blobs *blobs, struct state **ret,
                    struct shale_err *e)
{
    struct state *s = state_new(blobs, e);
    struct shale_err why = SHALE_ERR_INIT;
    int r = s ? meta_open_copy(root_fd, root, &schema, &s->w, e) : -SHALE_NO_MEMORY;

    if (r >= 0) {
        r = meta_open_as(root_fd, root, &schema, true, &s->origin, &why);
        if (r == -SHALE_UNSUPPORTED) /* of an older version: the copy alone has to do */
            r = 0;
        else if (r < 0 && e)
            *e = why;
    }
    if (r < 0) {
        state_close(s);
        return r;
    }
    s->r = s->w;
    *ret = s;
    return 0;
}

int state_open(int root_fd, const char *root, struct blobs *blobs, bool read_only,
               struct state **ret, struct shale_err *e)
{
    struct state *s = state_new(blobs, e);
    int r = 0;

    if (!s)
        return -SHALE_NO_MEMORY;
    if (!read_only)
        r = meta_open_as(root_fd, root, &schema, false, &s->w, e);
    if (r >= 0) /* even a server that only reads may stand beside one that writes */
        r = meta_open_as(root_fd, root, &schema, true, &s->r, e);
    if (r >= 0)
        r = map_generations(s, root_fd, read_only, e);
    if (r < 0) {
        state_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct state *state_close(struct state *s)
{
    if (!s)
        return NULL;
    if (s->r != s->w)
        meta_close(s->r);
    meta_close(s->w);
    meta_close(s->origin);
    if (s->generations)
        munmap((void *)s->generations, GENERATIONS * sizeof *s->generations);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->cond);
    free(s);
    return NULL;
}

/* ---- writes that share a sync ---- */

/* Only a batch in which nobody needs it goes without. */
static int set_durable(struct state *s, const struct state_job *jobs, struct shale_err *e)
{
    bool durable = false;

    for (const struct state_job *j = jobs; j; j = j->next)
        durable |= j->durable;
    if (durable == s->durable)
        return 0;
    /* Not as a kept statement: this pragma takes effect when it is compiled. */
    int rc = sqlite3_exec(s->w->db,
                          durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                          NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return meta_sql_error(s->w, rc, e);
    s->durable = durable;
    return 0;
}

/* Each job is a part of the transaction that can fail alone. */
static int run_batch(struct state *s, struct state_job *jobs, struct shale_err *e)
{
    int r = set_durable(s, jobs, e);

    if (r >= 0)
        r = meta_begin(s->w, e);
    if (r < 0)
        return r;
    for (struct state_job *j = jobs; j; j = j->next) {
        j->r = meta_begin(s->w, j->e);
        if (j->r >= 0)
            j->r = meta_end(s->w, j->f(s->w, j->arg, j->e), j->e);
        state_raise(s, j->repo);
    }
    return meta_commit(s->w, e);
}

/* The mutex is held, also when it returns. */
static void lead(struct state *s)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct state_job *jobs = s->jobs;

    s->jobs = NULL;
    s->jobs_tail = &s->jobs;
    s->leader = true;
    pthread_mutex_unlock(&s->mutex);
    int r = run_batch(s, jobs, &e);
    for (struct state_job *j = jobs; r < 0 && j; j = j->next) /* what the reason was */
        if (j->r == -SHALE_NO_SPACE && j->e) {
            e = *j->e;
            r = j->r;
        }
    for (struct state_job *j = jobs; j; j = j->next) {
        if (r < 0) {
            j->r = r;
            if (j->e)
                *j->e = e;
        }
        state_raise(s, j->repo); /* again: somebody may have read the old rows meanwhile */
    }
    pthread_mutex_lock(&s->mutex);
    s->leader = false;
    for (struct state_job *j = jobs, *next; j; j = next) {
        next = j->next;
        j->done = true; /* its owner may go on, and the job with it, once the mutex is free */
    }
    pthread_cond_broadcast(&s->cond);
}

int state_write(struct state *s, bool durable, const char *repo,
                int (*f)(struct meta *m, void *arg, struct shale_err *e), void *arg,
                struct shale_err *e)
{
    struct state_job j = {.f = f, .arg = arg, .e = e, .repo = repo, .durable = durable};

    if (!s->w)
        return err_set(e, SHALE_DENIED, "the registry is read-only");
    pthread_mutex_lock(&s->mutex);
    *s->jobs_tail = &j;
    s->jobs_tail = &j.next;
    while (!j.done) {
        if (s->leader)
            pthread_cond_wait(&s->cond, &s->mutex);
        else
            lead(s);
    }
    pthread_mutex_unlock(&s->mutex);
    return j.r;
}

/* ---- repositories ---- */

int state_repo_id(struct meta *m, const char *name, bool make, int64_t *ret, struct shale_err *e)
{
    static const char find[] = "SELECT id FROM repos WHERE name = ?1";
    int r = stmt_number(m, find, 0, ret, e, "t", name);

    if (r < 0 || *ret != 0 || !make)
        return r;
    r = stmt_run(m, "INSERT INTO repos(name, created) VALUES(?1, ?2)", NULL, e, "ti", name,
                 time_now_ns());
    return r < 0 ? r : stmt_number(m, find, 0, ret, e, "t", name);
}

int state_file_there(struct state *s, const struct digest *d, struct shale_err *e)
{
    int r = blob_has(s->blobs, d, NULL, e);

    if (r == 0)
        return err_set(e, SHALE_CONFLICT, "%s was removed meanwhile", d->s);
    return r < 0 ? r : 0;
}

int state_repo(struct state *s, const char *repo, struct shale_err *e)
{
    int64_t id = 0;
    int r = state_repo_id(s->r, repo, false, &id, e);

    return r < 0 ? r : id != 0;
}

/* ---- leases ---- */

static int put_lease(struct meta *m, void *arg, struct shale_err *e)
{
    return stmt_run(m,
                    "INSERT INTO leases VALUES(?1, ?2)"
                    " ON CONFLICT(digest) DO UPDATE SET used = max(used, ?2)",
                    NULL, e, "di", (const struct digest *)arg, time_now_ns());
}

int state_lease(struct state *s, const struct digest *d, struct shale_err *e)
{
    uint64_t hash = state_hash(d->s);
    size_t i = hash & (LEASE_CACHE - 1);
    int64_t now = time_now_ns();

    pthread_mutex_lock(&s->mutex);
    bool fresh =
        s->leases[i].hash == hash && now - s->leases[i].at < LEASE_FRESH && now >= s->leases[i].at;
    pthread_mutex_unlock(&s->mutex);
    if (fresh)
        return 0;
    int r = state_write(s, false, NULL, put_lease, (void *)(uintptr_t)d, e);
    if (r < 0)
        return r;
    pthread_mutex_lock(&s->mutex);
    s->leases[i].hash = hash;
    s->leases[i].at = now;
    pthread_mutex_unlock(&s->mutex);
    return 0;
}
