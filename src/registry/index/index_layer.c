/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over a layer: its files, what it takes away, and its packages. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "meta/stmt.h"
#include "model/limits.h"
#include "registry/index/index_write.h"
#include "tar/codec.h"
#include "tar/tar.h"

#define BATCH       4000 /* rows of a transaction */
#define BLOCK_BYTES (128u << 10)

struct reading {
    struct meta *m;
    struct index_layer_job *j;
    unsigned batch; /* rows since it began; 0: no transaction is open */
    int64_t dir;    /* id of dir_path */
    char dir_path[TAR_MAX_PATH_BYTES + 1];
    bool has_dir;
    int64_t db_dir, db_file; /* the database that packages came from last */
    char in[BLOCK_BYTES], out[BLOCK_BYTES];
};

/* ---- batches ---- */

static int batch_begin(struct reading *x, struct shale_err *e)
{
    return x->batch++ ? 0 : meta_begin(x->m, e);
}

static int batch_end(struct reading *x, struct shale_err *e)
{
    if (!x->batch)
        return 0;
    x->batch = 0;
    return meta_commit(x->m, e);
}

static void batch_drop(struct reading *x)
{
    if (x->batch)
        meta_rollback(x->m);
    x->batch = 0;
    x->has_dir = false;
}

/* ---- names, kept once ---- */

static int intern_dir(struct reading *x, const char *path, size_t n, int64_t *ret,
                      struct shale_err *e)
{
    if (x->has_dir && strlen(x->dir_path) == n && memcmp(x->dir_path, path, n) == 0) {
        *ret = x->dir;
        return 0;
    }
    x->has_dir = false;
    memcpy(x->dir_path, path, n);
    x->dir_path[n] = 0;
    int r =
        stmt_number(x->m, "SELECT id FROM dirs WHERE path = ?1", 0, &x->dir, e, "t", x->dir_path);
    if (r >= 0 && !x->dir) {
        r = stmt_run(x->m, "INSERT INTO dirs(path) VALUES(?1)", NULL, e, "t", x->dir_path);
        x->dir = sqlite3_last_insert_rowid(x->m->db);
    }
    if (r < 0)
        return r;
    x->has_dir = true;
    *ret = x->dir;
    return 0;
}

static int intern_name(struct reading *x, const char *name, int64_t *ret, struct shale_err *e)
{
    int r = stmt_number(x->m, "SELECT id FROM names WHERE name = ?1", 0, ret, e, "t", name);

    if (r < 0 || *ret)
        return r;
    r = stmt_run(x->m, "INSERT INTO names(name) VALUES(?1)", NULL, e, "t", name);
    *ret = sqlite3_last_insert_rowid(x->m->db);
    if (r >= 0)
        r = stmt_run(x->m, "INSERT INTO names_fts(rowid, name) VALUES(?1, ?2)", NULL, e, "it", *ret,
                     name);
    return r;
}

/* Ids of a path's folder and of its name in there. */
static int intern(struct reading *x, struct str path, int64_t *dir, int64_t *name,
                  struct shale_err *e)
{
    const char *slash = memrchr(path.p, '/', path.n);
    int r = intern_dir(x, path.p, slash ? (size_t)(slash - path.p) : 0, dir, e);

    return r < 0 ? r : intern_name(x, slash ? slash + 1 : path.p, name, e);
}

/* ---- rows ---- */

static int put_file(struct reading *x, const struct contents_entry *f, int64_t dir, int64_t name,
                    struct shale_err *e)
{
    static const char sql[] = "INSERT OR REPLACE INTO files VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    _cleanup_(stmt_close) struct stmt q = {0};
    int64_t first = 0;
    int r = stmt_open(x->m, sql, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "iiiiii", x->j->layer, dir, name, (int64_t)f->kind, (int64_t)f->mode,
              (int64_t)f->size_bytes);
    for (size_t i = 0; i < 8; i++)
        first = (int64_t)((uint64_t)first << 8 | f->sha256[i]);
    if (f->hashed) {
        sqlite3_bind_int64(q.s, 7, first);
        sqlite3_bind_blob(q.s, 8, f->sha256 + 8, sizeof f->sha256 - 8, SQLITE_STATIC);
    }
    return stmt_step(&q, e);
}

/* As large and with the same bytes as the file that it is another name of, which came before. */
static int put_hardlink(struct reading *x, const struct contents_entry *f, int64_t dir,
                        int64_t name, struct shale_err *e)
{
    int64_t to_dir = 0, to_name = 0;
    int n = 0, r = intern(x, f->link, &to_dir, &to_name, e);

    if (r >= 0)
        r = stmt_run(x->m,
                     "INSERT OR REPLACE INTO files SELECT ?1, ?2, ?3, kind, mode, size, hash, rest"
                     " FROM files WHERE layer = ?1 AND dir = ?4 AND name = ?5",
                     &n, e, "iiiii", x->j->layer, dir, name, to_dir, to_name);
    return r < 0 || n ? r : put_file(x, f, dir, name, e);
}

/* A path that comes again takes the place of what was there. */
static int put_entry(struct reading *x, const struct contents_entry *f, struct shale_err *e)
{
    int64_t dir = 0, name = 0;
    int r;

    if (f->kind == CONTENTS_OPAQUE) {
        r = intern_dir(x, f->path.p, f->path.n, &dir, e);
        return r < 0 ? r
                     : stmt_run(x->m, "INSERT OR IGNORE INTO gone VALUES(?1, ?2, 0)", NULL, e, "ii",
                                x->j->layer, dir);
    }
    r = intern(x, f->path, &dir, &name, e);
    if (r < 0)
        return r;
    if (f->kind == CONTENTS_WHITEOUT)
        return stmt_run(x->m, "INSERT OR IGNORE INTO gone VALUES(?1, ?2, ?3)", NULL, e, "iii",
                        x->j->layer, dir, name);
    x->j->n_files++;
    return f->kind == CONTENTS_HARDLINK ? put_hardlink(x, f, dir, name, e)
                                        : put_file(x, f, dir, name, e);
}

static int on_entry(void *arg, const struct contents_entry *f, struct shale_err *e)
{
    struct reading *x = arg;
    int r = batch_begin(x, e);

    if (r >= 0)
        r = put_entry(x, f, e);
    return r < 0 || x->batch < BATCH ? r : batch_end(x, e);
}

static int on_package(void *arg, const struct contents_package *p, struct shale_err *e)
{
    struct reading *x = arg;
    int64_t dir = 0, file = 0;
    int r = batch_begin(x, e);

    if (r >= 0)
        r = intern(x, p->file, &dir, &file, e);
    if (r >= 0 &&
        (dir != x->db_dir || file != x->db_file)) /* it may be there for the second time */
        r = stmt_run(x->m, "DELETE FROM packages WHERE layer = ?1 AND dir = ?2 AND file = ?3", NULL,
                     e, "iii", x->j->layer, dir, file);
    x->db_dir = dir;
    x->db_file = file;
    if (r >= 0)
        r = stmt_run(x->m, "INSERT OR IGNORE INTO packages VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                     NULL, e, "tiiiitt", p->name, x->j->layer, dir, file, (int64_t)p->db,
                     p->version, p->arch);
    return r;
}

/* ---- the stream ---- */

static int inflate(struct reading *x, struct decoder *d, struct contents *c, struct str in,
                   struct shale_err *e)
{
    size_t n;

    do {
        int r = decoder_run(d, &in, x->out, sizeof x->out, &n, e);
        if (r >= 0)
            r = contents_feed(c, x->out, n, e);
        if (r < 0)
            return r;
    } while (n == sizeof x->out || in.n > 0);
    return 0;
}

/* -SHALE_CANCELED with *stopped: not the layer's fault. */
static int stream(struct reading *x, int fd, struct decoder *d, struct contents *c, bool *stopped,
                  struct shale_err *e)
{
    size_t n = sizeof x->in;
    int r = 0;

    while (r >= 0 && n == sizeof x->in) {
        if (sys_read_full(fd, x->in, sizeof x->in, &n) < 0)
            return err_sys(e, "read %s", x->j->digest.s);
        r = inflate(x, d, c, (struct str){x->in, n}, e);
        if (r >= 0)
            r = batch_end(x, e);
        if (r >= 0) {
            r = x->j->poll(x->j->arg, e);
            *stopped = r < 0;
        }
    }
    if (r >= 0)
        r = decoder_end(d, e);
    if (r >= 0)
        r = contents_end(c, e);
    return r < 0 ? r : batch_end(x, e);
}

static int read_bytes(struct reading *x, int fd, char problem[256], bool *stopped,
                      struct shale_err *e)
{
    const struct decoder_limits limits = {
        .max_bytes = LIMIT_LAYER_BYTES,
        .max_ratio = LIMIT_INFLATE_RATIO,
        .ratio_floor_bytes = LIMIT_INFLATE_FLOOR_BYTES,
        .shares_windows = true,
    };
    const struct contents_sink sink = {on_entry, on_package, x};
    struct decoder *d = NULL;
    struct contents *c = NULL;
    int r = decoder_new(DECODER_AUTO, &limits, &d, e);

    if (r >= 0)
        r = contents_new(&sink, &x->j->limits, &c, e);
    if (r >= 0)
        r = stream(x, fd, d, c, stopped, e);
    if (r >= 0)
        snprintf(problem, 256, "%s", contents_problem(c));
    batch_drop(x);
    decoder_free(d);
    contents_free(c);
    return r;
}

/* ---- the layer ---- */

static const char *const clear_layer[] = {
    "DELETE FROM files WHERE layer = ?1",
    "DELETE FROM gone WHERE layer = ?1",
    "DELETE FROM packages WHERE layer = ?1",
};

static int set_state(struct meta *m, const struct index_layer_job *j, enum index_layer_state state,
                     const char *problem, struct shale_err *e)
{
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && state != INDEX_LAYER_DONE && i < ARRAY_SIZE(clear_layer); i++)
        r = stmt_run(m, clear_layer[i], NULL, e, "i", j->layer);
    if (r >= 0)
        r = stmt_run(m, "UPDATE layers SET done = ?2, n_files = ?3, problem = ?4 WHERE id = ?1",
                     NULL, e, "iiit", j->layer, (int64_t)state,
                     state == INDEX_LAYER_DONE ? (int64_t)j->n_files : (int64_t)0, problem);
    return meta_end(m, r, e);
}

/* Errors that the bytes are to blame for. */
static bool is_of_layer(int r)
{
    return r == -SHALE_CORRUPT || r == -SHALE_LIMIT || r == -SHALE_INVALID ||
           r == -SHALE_UNSUPPORTED;
}

static int open_and_read(struct reading *x, struct blobs *blobs, char problem[256], bool *stopped,
                         struct shale_err *e)
{
    uint64_t size = 0;
    int r = blob_has(blobs, &x->j->digest, &size, e);

    if (r <= 0)
        return r < 0 ? r : err_set(e, SHALE_NOT_FOUND, "not here");
    if (x->j->max_bytes && size > x->j->max_bytes)
        return err_set(e, SHALE_LIMIT, "larger than %" PRIu64 " bytes", x->j->max_bytes);
    _cleanup_close_ int fd = blob_open(blobs, &x->j->digest, e);
    return fd < 0 ? fd : read_bytes(x, fd, problem, stopped, e);
}

int index_read_layer(struct meta *m, struct blobs *blobs, struct index_layer_job *j,
                     struct shale_err *e)
{
    _cleanup_free_ struct reading *x = mem_alloc(sizeof *x);
    struct shale_err why = SHALE_ERR_INIT;
    char problem[256] = "";
    bool stopped = false;

    if (!x)
        return err_nomem(e);
    x->m = m;
    x->j = j;
    j->n_files = 0;
    /* What an earlier try has left. */
    int r = set_state(m, j, INDEX_LAYER_WAITS, "", e);
    if (r < 0)
        return r;
    r = open_and_read(x, blobs, problem, &stopped, &why);
    if (r >= 0)
        return set_state(m, j, INDEX_LAYER_DONE, problem, e);
    if (r == -SHALE_NOT_FOUND && !stopped)
        return set_state(m, j, INDEX_LAYER_ABSENT, why.msg, e);
    if (is_of_layer(r) && !stopped)
        return set_state(m, j, INDEX_LAYER_FAILED, why.msg, e);
    return err_set(e, why.code, "%s", why.msg);
}

int index_next_layer(struct meta *m, int64_t *ret, struct digest *ret_digest, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "SELECT id, digest FROM layers WHERE done = 0 ORDER BY id DESC LIMIT 1",
                      &q, e);

    if (r < 0)
        return r;
    r = stmt_step(&q, e);
    if (r == 1) {
        *ret = col_i64(&q, 0);
        col_digest(&q, 1, ret_digest);
    }
    return r;
}
