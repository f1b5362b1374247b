/* SPDX-License-Identifier: Apache-2.0 */
/* rpm's database: SQLite, with a header of rpm's in every row. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "contents/packages.h"

#define MAX_TAGS    65535 /* rpm's own limits of a header */
#define MAX_DATA    (256u << 20)
#define TAG_BYTES   16   /* of one in the header: tag, type, offset, count */
#define MAX_STEPS   2000 /* calls of the progress handler, of 10000 steps each */
#define SQLITE_HEAD 100  /* of a file: its header */
#define WAL_FLAGS   18   /* in there: two bytes, 2 for a database with a log */

enum { TYPE_INT32 = 4, TYPE_STRING = 6 };
enum { TAG_NAME = 1000, TAG_VERSION = 1001, TAG_RELEASE = 1002, TAG_EPOCH = 1003, TAG_ARCH = 1022 };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct header {
    const uint8_t *tags, *data;
    size_t n_tags, n_data;
};

static int open_header(const uint8_t *p, size_t n, struct header *ret, struct shale_err *e)
{
    if (n < 8)
        return err_set(e, SHALE_CORRUPT, "a header of rpm that is cut off");
    uint32_t n_tags = be32(p), n_data = be32(p + 4);
    if (n_tags > MAX_TAGS || n_data > MAX_DATA || (uint64_t)n_tags * TAG_BYTES + n_data > n - 8)
        return err_set(e, SHALE_CORRUPT, "a header of rpm that is larger than its bytes");
    *ret = (struct header){p + 8, p + 8 + (size_t)n_tags * TAG_BYTES, n_tags, n_data};
    return 0;
}

/* The place of a tag's data, and how many bytes there are from it on; NULL: none of that type. */
static const uint8_t *find(const struct header *h, uint32_t tag, uint32_t type, size_t *ret_n)
{
    for (size_t i = 0; i < h->n_tags; i++) {
        const uint8_t *t = h->tags + i * TAG_BYTES;
        uint32_t offset = be32(t + 8);
        if (be32(t) != tag)
            continue;
        if (be32(t + 4) != type || be32(t + 12) != 1 || offset >= h->n_data)
            return NULL;
        *ret_n = h->n_data - offset;
        return h->data + offset;
    }
    return NULL;
}

/* "" when there is none, or none that could be shown. */
static void text(const struct header *h, uint32_t tag, char ret[CONTENTS_PACKAGE_BYTES + 1])
{
    size_t n = 0;
    const char *p = (const char *)find(h, tag, TYPE_STRING, &n);
    size_t len = p ? strnlen(p, n) : 0;

    ret[0] = 0;
    if (!p || len == n || len > CONTENTS_PACKAGE_BYTES || !str_is_utf8(p, len))
        return;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
            return;
    memcpy(ret, p, len + 1);
}

int packages_rpm_header(const void *p, size_t n, struct packages_rpm_header *ret,
                        struct shale_err *e)
{
    char version[CONTENTS_PACKAGE_BYTES + 1], release[CONTENTS_PACKAGE_BYTES + 1];
    char epoch[16] = "";
    struct header h = {0};
    size_t k = 0;
    int r = open_header(p, n, &h, e);

    if (r < 0)
        return r;
    text(&h, TAG_NAME, ret->name);
    text(&h, TAG_ARCH, ret->arch);
    text(&h, TAG_VERSION, version);
    text(&h, TAG_RELEASE, release);
    const uint8_t *x = find(&h, TAG_EPOCH, TYPE_INT32, &k);
    if (x && k >= 4 && be32(x) > 0)
        snprintf(epoch, sizeof epoch, "%" PRIu32 ":", be32(x));
    int len = snprintf(ret->version, sizeof ret->version, "%s%s%s%s", epoch, version,
                       *release ? "-" : "", release);
    return *ret->name && *version && len >= 0 && (size_t)len < sizeof ret->version;
}

/* ---- the database ---- */

static int give_up(void *arg)
{
    return ++*(unsigned *)arg > MAX_STEPS;
}

static int sql_error(int rc, struct shale_err *e)
{
    if (rc == SQLITE_NOMEM)
        return err_nomem(e);
    return err_set(e, SHALE_CORRUPT, "no database of rpm: %s", sqlite3_errstr(rc));
}

/* Nothing of the file is trusted: it brings tables of its own making. */
static int harden(sqlite3 *db, unsigned *steps)
{
    static const struct {
        int id, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, 64 << 20},
        {SQLITE_LIMIT_SQL_LENGTH, 100000},
        {SQLITE_LIMIT_COLUMN, 100},
        {SQLITE_LIMIT_EXPR_DEPTH, 50},
        {SQLITE_LIMIT_COMPOUND_SELECT, 3},
        {SQLITE_LIMIT_VDBE_OP, 25000},
        {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
        sqlite3_limit(db, limits[i].id, limits[i].value);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_progress_handler(db, 10000, give_up, steps);
    return sqlite3_exec(db, "PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0", NULL, NULL, NULL);
}

static int each_row(sqlite3_stmt *s, packages_fn f, void *arg, struct shale_err *e)
{
    struct packages_rpm_header h;
    size_t count = 0;
    int rc;

    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const void *p = sqlite3_column_blob(s, 0);
        size_t n = (size_t)sqlite3_column_bytes(s, 0);
        int r = p ? packages_rpm_header(p, n, &h, e) : 0;
        if (r > 0)
            r = f(arg, h.name, h.version, h.arch, e);
        if (r < 0)
            return r;
        if (++count > PACKAGES_MAX)
            return err_set(e, SHALE_LIMIT, "more than %d packages", PACKAGES_MAX);
    }
    return rc == SQLITE_DONE ? 0 : sql_error(rc, e);
}

static int read_all(sqlite3 *db, void *p, size_t n, packages_fn f, void *arg, struct shale_err *e)
{
    sqlite3_stmt *s = NULL;
    unsigned steps = 0;
    int rc = sqlite3_deserialize(db, "main", p, (sqlite3_int64)n, (sqlite3_int64)n,
                                 SQLITE_DESERIALIZE_READONLY);

    if (rc == SQLITE_OK)
        rc = harden(db, &steps);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "SELECT blob FROM main.Packages ORDER BY hnum", -1, &s, NULL);
    int r = rc == SQLITE_OK ? each_row(s, f, arg, e) : sql_error(rc, e);
    sqlite3_finalize(s);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    return r;
}

int packages_rpm(void *p, size_t n, packages_fn f, void *arg, struct shale_err *e)
{
    uint8_t *bytes = p;
    sqlite3 *db = NULL;

    if (n < SQLITE_HEAD)
        return err_set(e, SHALE_CORRUPT, "no database of rpm: it is cut off");
    /* Its log is another file, and was merged when rpm ended; memory can have none. */
    if (bytes[WAL_FLAGS] == 2)
        bytes[WAL_FLAGS] = bytes[WAL_FLAGS + 1] = 1;
    int rc = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    int r = rc == SQLITE_OK ? read_all(db, p, n, f, arg, e) : sql_error(rc, e);
    sqlite3_close(db);
    return r;
}
