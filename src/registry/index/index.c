/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/index/index.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "meta/stmt.h"

#define PROGRESS_STEPS 10000 /* of SQLite's machine, between two looks at the clock */

/* Names of files and folders are kept once. A hash is its first 8 bytes, which are looked for, and
 * the rest. A layer counts when it is done. Kinds of facts: 'l' labels, 'a' annotations. */
static const char *const steps[] = {
    "CREATE TABLE manifests(id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, is_index INTEGER"
    " NOT NULL, os TEXT NOT NULL, arch TEXT NOT NULL, variant TEXT NOT NULL, created INTEGER NOT"
    " NULL, size INTEGER NOT NULL, stars INTEGER NOT NULL, description TEXT NOT NULL);"
    "CREATE TABLE facts(kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, manifest "
    "INTEGER"
    " NOT NULL, PRIMARY KEY(kind, key, value, manifest)) WITHOUT ROWID;"
    "CREATE INDEX facts_manifest ON facts(manifest);"
    "CREATE VIRTUAL TABLE docs USING fts5(text, tokenize = 'trigram');"
    "CREATE TABLE layers(id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, done INTEGER NOT "
    "NULL,"
    " n_files INTEGER NOT NULL, problem TEXT NOT NULL);"
    "CREATE TABLE stacks(manifest INTEGER NOT NULL, pos INTEGER NOT NULL, layer INTEGER NOT NULL,"
    " PRIMARY KEY(manifest, pos)) WITHOUT ROWID;"
    "CREATE INDEX layers_waiting ON layers(done) WHERE done = 0;"
    "CREATE INDEX stacks_layer ON stacks(layer);"
    "CREATE TABLE dirs(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);"
    "CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE VIRTUAL TABLE names_fts USING fts5(name, content = 'names', content_rowid = 'id',"
    " detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1');"
    "CREATE TABLE files(layer INTEGER NOT NULL, dir INTEGER NOT NULL, name INTEGER NOT NULL, kind"
    " INTEGER NOT NULL, mode INTEGER NOT NULL, size INTEGER NOT NULL, hash INTEGER, rest BLOB,"
    " PRIMARY KEY(layer, dir, name)) WITHOUT ROWID;"
    "CREATE INDEX files_name ON files(name);"
    "CREATE INDEX files_hash ON files(hash) WHERE hash IS NOT NULL;"
    "CREATE TABLE gone(layer INTEGER NOT NULL, dir INTEGER NOT NULL, name INTEGER NOT NULL,"
    " PRIMARY KEY(layer, dir, name)) WITHOUT ROWID;"
    "CREATE TABLE packages(name TEXT NOT NULL, layer INTEGER NOT NULL, dir INTEGER NOT NULL, file"
    " INTEGER NOT NULL, kind INTEGER NOT NULL, version TEXT NOT NULL, arch TEXT NOT NULL,"
    " PRIMARY KEY(name, layer, dir, file, version, arch)) WITHOUT ROWID;"
    "CREATE INDEX packages_layer ON packages(layer);",
    "CREATE INDEX manifests_arch ON manifests(arch) WHERE NOT is_index;",
};

static const struct meta_schema schema = {
    .file = INDEX_FILE,
    .owner = "the index of the registry",
    .version = ARRAY_SIZE(steps),
    .steps = steps,
    .attaches = true,
};

struct index {
    struct meta *w, *r;
    pthread_mutex_t mutex; /* of the reader */
    int64_t until;         /* monotonic: when its query is given up */
    bool late;
};

/* ---- open and close ---- */

static int give_up(void *arg)
{
    struct index *x = arg;

    x->late = x->until && time_mono_ns() > x->until;
    return x->late;
}

static int attach(struct meta *m, const char *root, struct shale_err *e)
{
    char path[4096];

    while (root[0] == '/' && root[1] == '/') /* in a URI the name of a host would follow */
        root++;
    snprintf(path, sizeof path, "%s/registry.db", root);
    return meta_attach(m, path, "reg", e);
}

/* It holds nothing that could not be read again. */
static void remove_files(int root_fd)
{
    static const char *const files[] = {INDEX_FILE, INDEX_FILE "-wal", INDEX_FILE "-shm"};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        (void)sys_unlinkat(root_fd, files[i], 0);
}

static int open_writer(struct index *x, int root_fd, const char *root, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = meta_open_as(root_fd, root, &schema, false, &x->w, &why);

    if (r == -SHALE_CORRUPT || r == -SHALE_UNSUPPORTED) {
        log_warn("%s; it is made anew", why.msg);
        remove_files(root_fd);
        r = meta_open_as(root_fd, root, &schema, false, &x->w, &why);
    }
    if (r < 0 && e)
        *e = why;
    return r < 0 ? r : attach(x->w, root, e);
}

int index_open(int root_fd, const char *root, bool read_only, struct index **ret,
               struct shale_err *e)
{
    struct index *x = mem_alloc(sizeof *x);
    int r = 0;

    if (!x)
        return err_nomem(e);
    pthread_mutex_init(&x->mutex, NULL);
    if (!read_only)
        r = open_writer(x, root_fd, root, e);
    if (r >= 0)
        r = meta_open_as(root_fd, root, &schema, true, &x->r, e);
    if (r >= 0)
        r = attach(x->r, root, e);
    if (r < 0) {
        index_close(x);
        return r;
    }
    sqlite3_progress_handler(x->r->db, PROGRESS_STEPS, give_up, x);
    *ret = x;
    return 0;
}

struct index *index_close(struct index *x)
{
    if (!x)
        return NULL;
    meta_close(x->r);
    meta_close(x->w);
    pthread_mutex_destroy(&x->mutex);
    free(x);
    return NULL;
}

struct meta *index_writer(struct index *x)
{
    return x->w;
}

/* ---- reading ---- */

struct meta *index_take(struct index *x)
{
    pthread_mutex_lock(&x->mutex);
    x->until = time_mono_ns() + INDEX_TIMEOUT_NS;
    x->late = false;
    return x->r;
}

void index_give(struct index *x)
{
    x->until = 0;
    pthread_mutex_unlock(&x->mutex);
}

int index_result(struct index *x, int r, struct shale_err *e)
{
    if (r < 0 && x->late)
        return err_set(e, SHALE_TIMEOUT,
                       "the search takes too long: say more of what you look for");
    return r;
}
