/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/tar_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define OCTAL_SHORT_MAX 07777777u      /* of a field of 8 bytes */
#define OCTAL_LONG_MAX  077777777777ll /* of one of 12 */

struct ustar { /* POSIX.1-1988 */
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], flag, link[100];
    char magic[8], user[32], group[32], dev_major[8], dev_minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a header is a block");

struct tar_writer {
    tar_out_fn out;
    void *arg;
    uint64_t bytes, left; /* written; of the member's data still to come */
    unsigned padding;     /* behind it */
    struct buf pax;       /* records of the member at hand */
    size_t n;             /* of block */
    uint8_t block[TAR_WRITE_BYTES];
};

int tar_writer_new(tar_out_fn out, void *arg, struct tar_writer **ret, struct shale_err *e)
{
    struct tar_writer *w = mem_alloc(sizeof *w);

    if (!w)
        return err_nomem(e);
    w->out = out;
    w->arg = arg;
    buf_init(&w->pax, TAR_MAX_XATTRS * (TAR_MAX_XATTR_BYTES + TAR_MAX_NAME_BYTES + 64) +
                          4 * TAR_MAX_PATH_BYTES);
    *ret = w;
    return 0;
}

struct tar_writer *tar_writer_free(struct tar_writer *w)
{
    if (w)
        buf_clear(&w->pax);
    free(w);
    return NULL;
}

uint64_t tar_writer_bytes(const struct tar_writer *w)
{
    return w->bytes;
}

/* ---- bytes ---- */

static int flush(struct tar_writer *w, struct shale_err *e)
{
    size_t n = w->n;

    w->n = 0;
    return n ? w->out(w->arg, w->block, n, e) : 0;
}

static int put(struct tar_writer *w, const void *p_, size_t n, struct shale_err *e)
{
    const uint8_t *p = p_; /* NULL: zeros */
    int r = 0;

    w->bytes += n;
    while (r >= 0 && n > 0) {
        size_t k = TAR_WRITE_BYTES - w->n;
        k = k < n ? k : n;
        if (p)
            memcpy(w->block + w->n, p, k);
        else
            memset(w->block + w->n, 0, k);
        w->n += k;
        p = p ? p + k : NULL;
        n -= k;
        if (w->n == TAR_WRITE_BYTES)
            r = flush(w, e);
    }
    return r;
}

static unsigned padding_of(uint64_t n)
{
    return (unsigned)(-n & (TAR_BLOCK - 1));
}

/* ---- fields ---- */

/* Digits and a NUL, as POSIX wants them; what does not fit is in a PAX record and 0 here. */
static void octal(char *field, size_t n, uint64_t v)
{
    field[n - 1] = 0;
    for (size_t i = n - 1; i-- > 0; v >>= 3)
        field[i] = (char)('0' + (v & 7));
}

static void checksum(struct ustar *h)
{
    const uint8_t *p = (const uint8_t *)h;
    unsigned sum = 0;

    memset(h->checksum, ' ', sizeof h->checksum);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += p[i];
    octal(h->checksum, 7, sum);
}

static void text(char *field, size_t max, const char *p, size_t n)
{
    memcpy(field, p, n < max ? n : max);
}

/* "<length> <key>=<value>\n": the length counts itself. */
static void record(struct buf *b, const char *prefix, const char *key, const void *value, size_t n)
{
    size_t body = strlen(prefix) + strlen(key) + n + 3; /* blank, "=", newline */
    size_t total = body, digits;

    do {
        char number[24];
        digits = (size_t)snprintf(number, sizeof number, "%zu", total);
        if (total == body + digits)
            break;
        total = body + digits;
    } while (true);
    buf_addf(b, "%zu %s%s=", total, prefix, key);
    buf_add(b, value, n);
    buf_addc(b, '\n');
}

static void number_record(struct buf *b, const char *key, uint64_t v)
{
    char s[24];
    int n = snprintf(s, sizeof s, "%" PRIu64, v);

    record(b, "", key, s, (size_t)n);
}

static void time_record(struct buf *b, int64_t s, uint32_t ns)
{
    char t[48];
    const char *sign = s < 0 ? "-" : "";
    uint64_t whole = s < 0 ? -(uint64_t)s : (uint64_t)s;

    if (s < 0 && ns > 0) { /* -1.25 is 0.75 after -2 */
        whole--;
        ns = 1000000000u - ns;
    }
    int n = snprintf(t, sizeof t, "%s%" PRIu64 ".%09" PRIu32, sign, whole, ns);
    while (t[n - 1] == '0')
        n--;
    n -= t[n - 1] == '.';
    record(b, "", "mtime", t, (size_t)n);
}

/* Where a name may be cut so that both parts fit; 0: nowhere. */
static size_t cut(const char *p, size_t n)
{
    const struct ustar *h = NULL;

    for (size_t i = n - 1; i > 0; i--)
        if (p[i] == '/' && i <= sizeof h->prefix && n - i - 1 <= sizeof h->name && n - i - 1 > 0)
            return i;
    return 0;
}

static void put_name(struct tar_writer *w, struct ustar *h, const char *p, size_t n)
{
    size_t at = n > sizeof h->name ? cut(p, n) : 0;

    if (n <= sizeof h->name) {
        text(h->name, sizeof h->name, p, n);
    } else if (at > 0) {
        text(h->prefix, sizeof h->prefix, p, at);
        text(h->name, sizeof h->name, p + at + 1, n - at - 1);
    } else {
        record(&w->pax, "", "path", p, n);
        text(h->name, sizeof h->name, p, n);
    }
}

static void put_owner(struct tar_writer *w, char *field, const char *key, uint32_t v)
{
    bool fits = v <= OCTAL_SHORT_MAX;

    if (!fits)
        number_record(&w->pax, key, v);
    octal(field, 8, fits ? v : 0);
}

static void put_time(struct tar_writer *w, struct ustar *h, const struct tar_entry *t)
{
    bool fits = t->mtime_s >= 0 && t->mtime_s <= OCTAL_LONG_MAX;

    if (!fits || t->mtime_ns)
        time_record(&w->pax, t->mtime_s, t->mtime_ns);
    octal(h->mtime, sizeof h->mtime, fits ? (uint64_t)t->mtime_s : 0);
}

/* ---- members ---- */

static void begin_header(struct ustar *h, char flag)
{
    memset(h, 0, sizeof *h);
    h->flag = flag;
    memcpy(h->magic,
           "ustar\0"
           "00",
           8);
    octal(h->dev_major, sizeof h->dev_major, 0);
    octal(h->dev_minor, sizeof h->dev_minor, 0);
}

/* The records of the member at hand, as a member of their own before it. */
static int write_pax(struct tar_writer *w, struct shale_err *e)
{
    struct ustar h;
    int r = buf_check(&w->pax, e);

    if (r < 0 || w->pax.n == 0)
        return r;
    begin_header(&h, 'x');
    text(h.name, sizeof h.name, "PaxHeaders/0", 12);
    octal(h.mode, sizeof h.mode, 0644);
    octal(h.uid, sizeof h.uid, 0);
    octal(h.gid, sizeof h.gid, 0);
    octal(h.size, sizeof h.size, w->pax.n);
    octal(h.mtime, sizeof h.mtime, 0);
    checksum(&h);
    r = put(w, &h, sizeof h, e);
    if (r >= 0)
        r = put(w, w->pax.p, w->pax.n, e);
    return r < 0 ? r : put(w, NULL, padding_of(w->pax.n), e);
}

static int check_entry(const struct tar_writer *w, const struct tar_entry *t, struct shale_err *e)
{
    if (w->left > 0)
        return err_set(e, SHALE_INTERNAL, "tar: a member began before the last one was complete");
    if (t->sparse)
        return err_set(e, SHALE_UNSUPPORTED, "tar: sparse members are not written");
    if (t->path.n > TAR_MAX_PATH_BYTES || t->link.n > TAR_MAX_PATH_BYTES)
        return err_set(e, SHALE_INVALID, "tar: a name is longer than %d bytes", TAR_MAX_PATH_BYTES);
    if ((t->path.n && memchr(t->path.p, 0, t->path.n)) ||
        (t->link.n && memchr(t->link.p, 0, t->link.n)))
        return err_set(e, SHALE_INVALID, "tar: a name has a NUL in it");
    if (t->n_xattrs > TAR_MAX_XATTRS)
        return err_set(e, SHALE_INVALID, "tar: %.200s has more than %d attributes",
                       t->path.n ? t->path.p : "/", TAR_MAX_XATTRS);
    return 0;
}

static void fill_header(struct tar_writer *w, struct ustar *h, const struct tar_entry *t)
{
    static const char flags[] = {
        [TAR_REG] = '0',      [TAR_HARDLINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHAR] = '3',
        [TAR_BLOCKDEV] = '4', [TAR_DIR] = '5',      [TAR_FIFO] = '6'};
    char name[TAR_MAX_PATH_BYTES + 2];
    size_t n = t->path.n;
    uint64_t size = t->type == TAR_REG ? t->size_bytes : 0;
    bool size_fits = size <= (uint64_t)OCTAL_LONG_MAX;

    begin_header(h, flags[t->type]);
    if (n)
        memcpy(name, t->path.p, n);
    else
        name[n++] = '.';
    if (t->type == TAR_DIR)
        name[n++] = '/';
    put_name(w, h, name, n);
    octal(h->mode, sizeof h->mode, t->mode & 07777);
    put_owner(w, h->uid, "uid", t->uid);
    put_owner(w, h->gid, "gid", t->gid);
    if (!size_fits)
        number_record(&w->pax, "size", size);
    octal(h->size, sizeof h->size, size_fits ? size : 0);
    put_time(w, h, t);
    if (t->type == TAR_HARDLINK || t->type == TAR_SYMLINK) {
        if (t->link.n > sizeof h->link)
            record(&w->pax, "", "linkpath", t->link.p, t->link.n);
        text(h->link, sizeof h->link, t->link.p, t->link.n);
    }
    if (t->type == TAR_CHAR || t->type == TAR_BLOCKDEV) {
        octal(h->dev_major, sizeof h->dev_major, t->dev_major);
        octal(h->dev_minor, sizeof h->dev_minor, t->dev_minor);
    }
    for (size_t i = 0; i < t->n_xattrs; i++)
        record(&w->pax, "SCHILY.xattr.", t->xattrs[i].name, t->xattrs[i].value,
               t->xattrs[i].value_bytes);
    checksum(h);
}

int tar_write_entry(struct tar_writer *w, const struct tar_entry *t, struct shale_err *e)
{
    struct ustar h;
    int r = check_entry(w, t, e);

    if (r < 0)
        return r;
    buf_reset(&w->pax);
    fill_header(w, &h, t);
    w->left = t->type == TAR_REG ? t->size_bytes : 0;
    w->padding = padding_of(w->left);
    r = write_pax(w, e);
    return r < 0 ? r : put(w, &h, sizeof h, e);
}

static int data(struct tar_writer *w, const void *p, size_t n, struct shale_err *e)
{
    if (n > w->left)
        return err_set(e, SHALE_INVALID, "tar: more data than the member has room for");
    w->left -= n;
    int r = put(w, p, n, e);
    return r >= 0 && w->left == 0 && n > 0 ? put(w, NULL, w->padding, e) : r;
}

int tar_write_data(struct tar_writer *w, const void *p, size_t n, struct shale_err *e)
{
    return n ? data(w, p, n, e) : 0;
}

int tar_write_zeros(struct tar_writer *w, uint64_t n, struct shale_err *e)
{
    int r = 0;

    while (r >= 0 && n > 0) {
        size_t k = n < TAR_WRITE_BYTES ? (size_t)n : TAR_WRITE_BYTES;
        r = data(w, NULL, k, e);
        n -= k;
    }
    return r;
}

int tar_write_file(struct tar_writer *w, const char *path, const void *p, size_t n, int64_t mtime_s,
                   struct shale_err *e)
{
    const struct tar_entry t = {
        .type = TAR_REG, .path = str_of(path), .mode = 0644, .mtime_s = mtime_s, .size_bytes = n};
    int r = tar_write_entry(w, &t, e);

    return r < 0 ? r : tar_write_data(w, p, n, e);
}

int tar_writer_end(struct tar_writer *w, struct shale_err *e)
{
    if (w->left > 0)
        return err_set(e, SHALE_INTERNAL, "tar: the last member is not complete");
    int r = put(w, NULL, 2 * TAR_BLOCK, e);
    return r < 0 ? r : flush(w, e);
}
