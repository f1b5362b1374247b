/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/tar_pax.h"

#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "tar/tar_header.h"

#define XATTR_NAME_BYTES 255 /* XATTR_NAME_MAX of Linux */

struct record {
    char *key; /* NUL-terminated */
    size_t key_n;
    char *value; /* NUL-terminated, may hold others */
    size_t value_n;
};

void tar_pax_reset(struct tar_pax *x)
{
    x->set = 0;
    x->masked = 0;
    x->n_xattrs = 0;
}

static int bad(const char *what, struct shale_err *e)
{
    return err_set(e, SHALE_CORRUPT, "bad PAX header: %s", what);
}

/* ---- values ---- */

static bool decimal(const char *s, size_t n, uint64_t *ret)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || v > ((uint64_t)INT64_MAX - 9) / 10)
            return false;
        v = v * 10 + (uint64_t)(s[i] - '0');
    }
    *ret = v;
    return n > 0;
}

/* "[-]seconds[.fraction]"; digits past nanoseconds are dropped. */
static bool parse_time(const char *s, size_t n, int64_t *ret_s, uint32_t *ret_ns)
{
    bool negative = n > 0 && s[0] == '-';
    const char *dot;
    size_t n_whole;
    uint64_t whole;
    uint32_t ns = 0, unit = 100000000;

    if (negative)
        s++, n--;
    dot = memchr(s, '.', n);
    n_whole = dot ? (size_t)(dot - s) : n;
    if (!decimal(s, n_whole, &whole))
        return false;
    for (size_t i = n_whole + 1; i < n; i++, unit /= 10) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        ns += (uint32_t)(s[i] - '0') * unit;
    }
    *ret_s = (int64_t)whole;
    if (negative)
        *ret_s = -*ret_s - (ns > 0);
    *ret_ns = negative && ns > 0 ? 1000000000 - ns : ns;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "%41" to "A", in place; what is no escape stays. Returns the new length. */
static size_t percent_decode(char *s, size_t n)
{
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] == '%' && n - i > 2 && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            s[out++] = (char)(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2]));
            i += 2;
        } else {
            s[out++] = s[i];
        }
    }
    s[out] = 0;
    return out;
}

/* ---- extended attributes ---- */

int tar_pax_put_xattr(struct tar_pax *x, const struct tar_xattr *a, struct shale_err *e)
{
    for (size_t i = 0; i < x->n_xattrs; i++) {
        if (streq(x->xattrs[i].name, a->name)) {
            x->xattrs[i] = *a;
            return 0;
        }
    }
    if (x->n_xattrs >= TAR_MAX_XATTRS)
        return err_set(e, SHALE_LIMIT, "a member has more than %d extended attributes",
                       TAR_MAX_XATTRS);
    x->xattrs[x->n_xattrs++] = *a;
    return 0;
}

static int add_xattr(struct tar_pax *x, const char *name, size_t name_n, const char *value,
                     size_t value_n, struct shale_err *e)
{
    struct tar_xattr a = {.name = name, .value = value, .value_bytes = value_n};

    if (name_n == 0 || strlen(name) != name_n)
        return bad("name of an extended attribute", e);
    if (name_n > XATTR_NAME_BYTES)
        return err_set(e, SHALE_LIMIT,
                       "the name of an extended attribute is longer than 255 bytes");
    if (value_n > TAR_MAX_XATTR_BYTES)
        return err_set(e, SHALE_LIMIT, "an extended attribute is larger than 64 KiB");
    return tar_pax_put_xattr(x, &a, e);
}

static int schily_xattr(struct tar_pax *x, char *name, size_t name_n, const struct record *rec,
                        struct shale_err *e)
{
    return add_xattr(x, name, name_n, rec->value, rec->value_n, e);
}

static int libarchive_xattr(struct tar_pax *x, char *name, size_t name_n, const struct record *rec,
                            struct shale_err *e)
{
    /* libarchive writes no padding */
    ssize_t n = base64_decode(BASE64_UNPADDED | BASE64_SPARE, rec->value, rec->value_n, rec->value);

    name_n = percent_decode(name, name_n);
    if (n < 0)
        return bad("extended attribute is not base64", e);
    return add_xattr(x, name, name_n, rec->value, (size_t)n, e);
}

static const struct xattr_kind {
    struct str prefix;
    int (*add)(struct tar_pax *x, char *name, size_t name_n, const struct record *rec,
               struct shale_err *e);
} xattr_kinds[] = {
    {{"SCHILY.xattr.", 13}, schily_xattr},
    {{"LIBARCHIVE.xattr.", 17}, libarchive_xattr},
};

/* ---- keys ---- */

enum kind {
    K_TEXT,  /* struct str, no NULs */
    K_RAW,   /* struct str */
    K_U32,   /* uint64_t up to UINT32_MAX */
    K_U63,   /* uint64_t up to INT64_MAX */
    K_MAJOR, /* uint64_t, a device number */
    K_MINOR,
    K_TIME,
    K_RUN_OFFSET, /* the two keys of a 0.0 map, which repeat */
    K_RUN_BYTES,
};

#define KEY(s) s, sizeof(s) - 1
static const struct key {
    const char *name;
    size_t n;
    unsigned bit;
    enum kind kind;
    size_t at;
} keys[] = {
    {KEY("path"), TAR_PAX_PATH, K_TEXT, offsetof(struct tar_pax, path)},
    {KEY("linkpath"), TAR_PAX_LINK, K_TEXT, offsetof(struct tar_pax, link)},
    {KEY("mtime"), TAR_PAX_MTIME, K_TIME, 0},
    {KEY("size"), TAR_PAX_SIZE, K_U63, offsetof(struct tar_pax, size_bytes)},
    {KEY("uid"), TAR_PAX_UID, K_U32, offsetof(struct tar_pax, uid)},
    {KEY("gid"), TAR_PAX_GID, K_U32, offsetof(struct tar_pax, gid)},
    {KEY("SCHILY.devmajor"), TAR_PAX_DEV_MAJOR, K_MAJOR, offsetof(struct tar_pax, dev_major)},
    {KEY("SCHILY.devminor"), TAR_PAX_DEV_MINOR, K_MINOR, offsetof(struct tar_pax, dev_minor)},
    {KEY("GNU.sparse.major"), TAR_PAX_SPARSE_MAJOR, K_U63, offsetof(struct tar_pax, sparse_major)},
    {KEY("GNU.sparse.minor"), TAR_PAX_SPARSE_MINOR, K_U63, offsetof(struct tar_pax, sparse_minor)},
    {KEY("GNU.sparse.name"), TAR_PAX_SPARSE_NAME, K_TEXT, offsetof(struct tar_pax, sparse_name)},
    {KEY("GNU.sparse.realsize"), TAR_PAX_SPARSE_SIZE, K_U63, offsetof(struct tar_pax, sparse_size)},
    {KEY("GNU.sparse.size"), TAR_PAX_SPARSE_SIZE, K_U63, offsetof(struct tar_pax, sparse_size)},
    {KEY("GNU.sparse.numblocks"), TAR_PAX_SPARSE_COUNT, K_U63,
     offsetof(struct tar_pax, sparse_count)},
    {KEY("GNU.sparse.map"), TAR_PAX_SPARSE_MAP, K_RAW, offsetof(struct tar_pax, sparse_map)},
    {KEY("GNU.sparse.offset"), TAR_PAX_SPARSE_OFFSET, K_RUN_OFFSET, 0},
    {KEY("GNU.sparse.numbytes"), TAR_PAX_SPARSE_OFFSET, K_RUN_BYTES, 0},
};

static const uint64_t number_max[] = {
    [K_U32] = UINT32_MAX,
    [K_U63] = INT64_MAX,
    [K_MAJOR] = TAR_DEV_MAJOR_MAX,
    [K_MINOR] = TAR_DEV_MINOR_MAX,
};

static int bad_value(const struct key *k, struct shale_err *e)
{
    return err_set(e, SHALE_CORRUPT, "bad PAX header: value of %s", k->name);
}

static int set_text(struct tar_pax *x, const struct key *k, const struct record *rec,
                    struct shale_err *e)
{
    if (k->kind == K_TEXT && strlen(rec->value) != rec->value_n)
        return bad_value(k, e);
    *(struct str *)((char *)x + k->at) = (struct str){rec->value, rec->value_n};
    return 0;
}

static int set_number(struct tar_pax *x, const struct key *k, const struct record *rec,
                      struct shale_err *e)
{
    uint64_t v;

    if (!decimal(rec->value, rec->value_n, &v) || v > number_max[k->kind])
        return bad_value(k, e);
    *(uint64_t *)((char *)x + k->at) = v;
    return 0;
}

static int set_time(struct tar_pax *x, const struct key *k, const struct record *rec,
                    struct shale_err *e)
{
    if (!parse_time(rec->value, rec->value_n, &x->mtime_s, &x->mtime_ns))
        return bad_value(k, e);
    return 0;
}

/* Offsets and sizes of a 0.0 map take turns. */
static int add_run(struct tar_pax *x, const struct key *k, const struct record *rec,
                   struct tar_sparse *sparse, struct shale_err *e)
{
    bool open = x->sparse_offset != UINT64_MAX;
    uint64_t v;

    if (!decimal(rec->value, rec->value_n, &v) || open != (k->kind == K_RUN_BYTES))
        return bad_value(k, e);
    if (k->kind == K_RUN_OFFSET) {
        x->sparse_offset = v;
        return 0;
    }
    int r = tar_sparse_add(sparse, x->sparse_offset, v, e);
    x->sparse_offset = UINT64_MAX;
    return r;
}

static int set_key(struct tar_pax *x, const struct key *k, const struct record *rec,
                   struct tar_sparse *sparse, struct shale_err *e)
{
    switch (k->kind) {
    case K_TEXT:
    case K_RAW:
        return set_text(x, k, rec, e);
    case K_U32:
    case K_U63:
    case K_MAJOR:
    case K_MINOR:
        return set_number(x, k, rec, e);
    case K_TIME:
        return set_time(x, k, rec, e);
    case K_RUN_OFFSET:
    case K_RUN_BYTES:
        return add_run(x, k, rec, sparse, e);
    }
    return 0;
}

static const struct key *find_key(const struct record *rec)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].n == rec->key_n && memcmp(keys[i].name, rec->key, rec->key_n) == 0)
            return &keys[i];
    return NULL;
}

static int apply(struct tar_pax *x, const struct record *rec, struct tar_sparse *sparse,
                 struct shale_err *e)
{
    const struct key *k = find_key(rec);
    int r;

    if (!k) {
        for (size_t i = 0; i < ARRAY_SIZE(xattr_kinds); i++) {
            struct str prefix = xattr_kinds[i].prefix;
            if (rec->key_n >= prefix.n && memcmp(rec->key, prefix.p, prefix.n) == 0)
                return xattr_kinds[i].add(x, rec->key + prefix.n, rec->key_n - prefix.n, rec, e);
        }
        return 0;
    }
    if (!sparse && !(k->bit & TAR_PAX_GLOBAL))
        return 0;
    if (rec->value_n == 0) { /* takes back what was said before */
        x->set &= ~k->bit;
        x->masked |= k->bit;
        return 0;
    }
    r = set_key(x, k, rec, sparse, e);
    if (r < 0)
        return r;
    x->set |= k->bit;
    x->masked &= ~k->bit;
    return 0;
}

/* ---- records ---- */

/* Takes the record at the front of text apart. Returns its length, or -code. */
static int64_t next_record(char *text, size_t n, struct record *ret, struct shale_err *e)
{
    char *blank = memchr(text, ' ', n < 20 ? n : 20);
    uint64_t len;
    char *equals;

    if (!blank || !decimal(text, (size_t)(blank - text), &len) || len > n)
        return bad("length of a record", e);
    if (len < (size_t)(blank - text) + 2 || text[len - 1] != '\n')
        return bad("record does not end with a newline", e);
    ret->key = blank + 1;
    equals = memchr(ret->key, '=', (size_t)(text + len - 1 - ret->key));
    if (!equals || equals == ret->key)
        return bad("record without a key", e);
    *equals = 0;
    ret->key_n = (size_t)(equals - ret->key);
    ret->value = equals + 1;
    ret->value_n = (size_t)(text + len - 1 - ret->value);
    text[len - 1] = 0;
    if (strlen(ret->key) != ret->key_n)
        return bad("NUL in a key", e);
    return (int64_t)len;
}

int tar_pax_parse(struct tar_pax *x, char *text, size_t n, struct tar_sparse *sparse,
                  struct shale_err *e)
{
    x->sparse_offset = UINT64_MAX;
    while (n > 0) {
        struct record rec;
        int64_t len = next_record(text, n, &rec, e);
        if (len < 0)
            return (int)len;
        int r = apply(x, &rec, sparse, e);
        if (r < 0)
            return r;
        text += len;
        n -= (size_t)len;
    }
    if (x->sparse_offset != UINT64_MAX)
        return bad("map of a sparse member", e);
    return 0;
}
