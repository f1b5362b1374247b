/* SPDX-License-Identifier: Apache-2.0 */
#include "contents/contents.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"
#include "contents/packages.h"
#include "model/whiteout.h"
#include "tar/tar.h"

struct contents {
    struct contents_sink sink;
    struct contents_limits limits;
    struct tar_reader *reader;
    uint64_t pos;       /* of the stream */
    uint64_t n_entries; /* so far */

    /* the member whose bytes come */
    struct contents_entry entry;
    char path[TAR_MAX_PATH_BYTES + 1];
    bool open;
    uint64_t data_begin, data_end;
    struct hash hash;

    int db; /* which of packages_files; -1: an ordinary file */
    struct buf db_bytes;
    char problem[256];
};

/* ---- databases ---- */

/* Which of packages_files; -1: none. */
static int find_db(const char *path)
{
    for (size_t i = 0; i < PACKAGES_N_FILES; i++) {
        const char *db = packages_files[i].path;
        bool folder = str_has_suffix(db, "/");
        if (folder ? str_has_prefix(path, db) && !strchr(path + strlen(db), '/') : streq(path, db))
            return (int)i;
    }
    return -1;
}

static void __attribute__((format(printf, 2, 3))) note(struct contents *c, const char *fmt, ...)
{
    va_list ap;

    if (c->problem[0])
        return;
    va_start(ap, fmt);
    (void)vsnprintf(c->problem, sizeof c->problem, fmt, ap);
    va_end(ap);
}

static int on_package(void *arg, const char *name, const char *version, const char *arch,
                      struct shale_err *e)
{
    struct contents *c = arg;
    struct contents_package x = {
        .db = packages_files[c->db].db,
        .name = name,
        .version = version,
        .arch = arch,
        .file = c->entry.path,
    };

    return c->sink.package(c->sink.arg, &x, e);
}

/* What is wrong with the database stays with it; what the sink says does not. */
static int read_db(struct contents *c, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = packages_read(packages_files[c->db].db, &c->db_bytes, on_package, c, &why);

    if (r == -SHALE_CORRUPT || r == -SHALE_LIMIT) {
        note(c, "%s: %s", c->path, why.msg);
        return 0;
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

/* ---- members ---- */

static int emit(struct contents *c, struct shale_err *e)
{
    if (++c->n_entries > c->limits.entries)
        return err_set(e, SHALE_LIMIT, "more than %" PRIu64 " files", c->limits.entries);
    return c->sink.entry(c->sink.arg, &c->entry, e);
}

static int close_file(struct contents *c, struct shale_err *e)
{
    uint8_t sum[HASH_MAX_BYTES];

    c->open = false;
    if (c->entry.hashed) {
        hash_final(&c->hash, sum);
        memcpy(c->entry.sha256, sum, sizeof c->entry.sha256);
    }
    int r = emit(c, e);
    if (r >= 0 && c->db >= 0)
        r = read_db(c, e);
    c->db = -1;
    buf_clear(&c->db_bytes);
    return r;
}

static int open_file(struct contents *c, const struct tar_entry *t, struct shale_err *e)
{
    c->entry.hashed = !t->sparse;
    c->data_begin = t->data_offset;
    c->data_end = t->data_offset + t->stored_bytes;
    c->open = true;
    c->db = t->sparse ? -1 : find_db(c->path);
    if (c->db >= 0 && t->size_bytes > c->limits.db_bytes) {
        note(c, "%s has more than %" PRIu64 " bytes", c->path, c->limits.db_bytes);
        c->db = -1;
    }
    int r = c->entry.hashed ? hash_init(&c->hash, HASH_SHA256, e) : 0;
    return r < 0 || t->stored_bytes > 0 ? r : close_file(c, e);
}

/* ".wh.x" speaks of lower layers. */
static void read_whiteout(struct contents *c, struct str base)
{
    struct str name;
    size_t dir = c->entry.path.n - base.n; /* with its slash */

    switch (whiteout_classify(base, &name)) {
    case WHITEOUT_NONE:
        return;
    case WHITEOUT_NAME:
        c->entry.kind = CONTENTS_WHITEOUT;
        memmove(c->path + dir, name.p, name.n);
        c->entry.path.n = dir + name.n;
        break;
    case WHITEOUT_OPAQUE:
        c->entry.kind = CONTENTS_OPAQUE;
        c->entry.path.n = dir ? dir - 1 : 0;
        break;
    case WHITEOUT_META:
        c->entry.path.n = 0;
        c->entry.kind = CONTENTS_OTHER; /* AUFS's own: no file of the image */
        break;
    }
    c->path[c->entry.path.n] = 0;
}

static int on_entry(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    static const enum contents_kind kinds[] = {
        [TAR_REG] = CONTENTS_FILE,        [TAR_HARDLINK] = CONTENTS_HARDLINK,
        [TAR_SYMLINK] = CONTENTS_SYMLINK, [TAR_CHAR] = CONTENTS_OTHER,
        [TAR_BLOCKDEV] = CONTENTS_OTHER,  [TAR_DIR] = CONTENTS_DIR,
        [TAR_FIFO] = CONTENTS_OTHER,
    };
    struct contents *c = arg;

    memcpy(c->path, t->path.p, t->path.n);
    c->path[t->path.n] = 0;
    c->entry = (struct contents_entry){
        .kind = kinds[t->type],
        .path = {c->path, t->path.n},
        .link = t->type == TAR_HARDLINK ? t->link : STR(""),
        .mode = t->mode,
        .size_bytes = t->type == TAR_REG ? t->size_bytes : 0,
    };
    const char *slash = strrchr(c->path, '/');
    size_t dir = slash ? (size_t)(slash + 1 - c->path) : 0;
    read_whiteout(c, (struct str){c->path + dir, t->path.n - dir});
    if (c->entry.path.n == 0 && c->entry.kind != CONTENTS_OPAQUE) /* the root itself */
        return 0;
    return c->entry.kind == CONTENTS_FILE ? open_file(c, t, e) : emit(c, e);
}

/* ---- the stream ---- */

static int take_data(struct contents *c, const char *p, size_t n, struct shale_err *e)
{
    if (c->entry.hashed)
        hash_update(&c->hash, p, n);
    if (c->db >= 0) {
        c->db_bytes.max = (size_t)c->limits.db_bytes;
        buf_add(&c->db_bytes, p, n);
        int r = buf_check(&c->db_bytes, e);
        if (r < 0)
            return r;
    }
    return c->pos + n == c->data_end ? close_file(c, e) : 0;
}

/* How much may go to the parser at once: of headers a block, so that it is known where data begins
 * before it is passed; of data all there is. */
static size_t piece(const struct contents *c, size_t n)
{
    uint64_t most = TAR_BLOCK - c->pos % TAR_BLOCK;

    if (c->open && c->pos >= c->data_begin)
        most = c->data_end - c->pos;
    return most < n ? (size_t)most : n;
}

int contents_feed(struct contents *c, const void *p, size_t n, struct shale_err *e)
{
    const char *at = p;

    while (n > 0) {
        size_t k = piece(c, n);
        bool data = c->open && c->pos >= c->data_begin;
        int r = tar_reader_feed(c->reader, at, k, e);
        if (r >= 0 && data)
            r = take_data(c, at, k, e);
        if (r < 0)
            return r;
        c->pos += k;
        at += k;
        n -= k;
    }
    return 0;
}

int contents_end(struct contents *c, struct shale_err *e)
{
    return tar_reader_end(c->reader, e);
}

const char *contents_problem(const struct contents *c)
{
    return c->problem;
}

int contents_new(const struct contents_sink *sink, const struct contents_limits *limits,
                 struct contents **ret, struct shale_err *e)
{
    struct contents *c = mem_alloc(sizeof *c);

    if (!c)
        return err_nomem(e);
    c->sink = *sink;
    c->limits = *limits;
    c->db = -1;
    buf_init(&c->db_bytes, (size_t)limits->db_bytes);
    int r = tar_reader_new(on_entry, c, &c->reader, e);
    if (r < 0) {
        contents_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

struct contents *contents_free(struct contents *c)
{
    if (!c)
        return NULL;
    tar_reader_free(c->reader);
    hash_clear(&c->hash);
    buf_clear(&c->db_bytes);
    free(c);
    return NULL;
}
