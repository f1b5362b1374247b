/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sys.h"
#include "blob/blob_priv.h"

/* ---- names ---- */

static struct blob_path make_path(const struct digest *d, char sep, const char *suffix)
{
    struct blob_path p;

    snprintf(p.s, sizeof p.s, "%s%c%s%s", digest_alg_name(digest_alg(d)), sep, digest_hex(d),
             suffix);
    return p;
}

struct blob_path blob_path_final(const struct digest *d)
{
    return make_path(d, '/', "");
}

struct blob_path blob_path_partial(const struct digest *d)
{
    return make_path(d, '-', "");
}

struct blob_path blob_path_lock(const struct digest *d)
{
    return make_path(d, '-', BLOB_LOCK_SUFFIX);
}

/* ---- errors ---- */

int blob_check_digest(const struct digest *d, struct shale_err *e)
{
    if (!d || !digest_is_set(d))
        return err_set(e, SHALE_INVALID, "no digest given for a blob");
    return 0;
}

int blob_check_writable(struct blobs *b, struct shale_err *e)
{
    if (b->read_only)
        return err_set(e, SHALE_DENIED, "the store is open for reading only");
    return 0;
}

int blob_err_sys(struct blobs *b, const struct digest *d, const char *what, struct shale_err *e)
{
    int saved = errno;

    if (err_code_of_errno(saved) == SHALE_NO_SPACE) {
        char link[64], where[256];
        snprintf(link, sizeof link, "/proc/self/fd/%d", b->ingest_fd);
        ssize_t n = readlink(link, where, sizeof where - 1);
        where[n > 0 ? n : 0] = 0;
        errno = saved;
        return err_sys(e, "%s %s: the store at %s is full", what, d->s, where);
    }
    errno = saved;
    return err_sys(e, "%s %s", what, d->s);
}

/* ---- handle ---- */

/* Opens root/name; makes it first when it is missing and may be made. */
static int open_folder(int root_fd, const char *name, bool read_only, int *ret, struct shale_err *e)
{
    int r;

    int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        if (read_only)
            return 0;
        r = fs_mkdir_p(root_fd, name, 0755, e);
        if (r < 0)
            return r;
        r = fs_sync_dir(root_fd, ".", e);
        if (r < 0)
            return r;
        fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return err_sys(e, "open %s of the store", name);
    *ret = fd;
    return 0;
}

int blobs_open(int root_fd, bool read_only, struct blobs **ret, struct shale_err *e)
{
    int r;

    struct blobs *b = mem_alloc(sizeof *b);
    if (!b)
        return err_nomem(e);
    b->blobs_fd = b->ingest_fd = b->uploads_fd = -1;
    b->read_only = read_only;
    r = open_folder(root_fd, "blobs", read_only, &b->blobs_fd, e);
    if (r >= 0)
        r = open_folder(root_fd, "ingest", read_only, &b->ingest_fd, e);
    if (r < 0) {
        blobs_close(b);
        return r;
    }
    *ret = b;
    return 0;
}

int blobs_open_uploads(struct blobs *b, int root_fd, struct shale_err *e)
{
    return open_folder(root_fd, "uploads", b->read_only, &b->uploads_fd, e);
}

struct blobs *blobs_close(struct blobs *b)
{
    if (!b)
        return NULL;
    if (b->blobs_fd >= 0)
        close(b->blobs_fd);
    if (b->ingest_fd >= 0)
        close(b->ingest_fd);
    if (b->uploads_fd >= 0)
        close(b->uploads_fd);
    free(b);
    return NULL;
}

/* ---- reading ---- */

int blob_look(struct blobs *b, const struct digest *d, uint64_t *ret_size, struct shale_err *e)
{
    struct stat st;
    int r;

    r = blob_check_digest(d, e);
    if (r < 0)
        return r;
    if (b->blobs_fd < 0)
        return 0;
    if (fstatat(b->blobs_fd, blob_path_final(d).s, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT)
            return 0;
        return err_sys(e, "look for blob %s", d->s);
    }
    if (!S_ISREG(st.st_mode))
        return err_set(e, SHALE_CORRUPT, "blob %s is not a file", d->s);
    if (ret_size)
        *ret_size = (uint64_t)st.st_size;
    return 1;
}

int blob_has(struct blobs *b, const struct digest *d, uint64_t *ret_size, struct shale_err *e)
{
    int r;

    r = blob_look(b, d, ret_size, e);
    if (r <= 0 || b->read_only || !fs_exists(b->ingest_fd, blob_path_lock(d).s))
        return r;
    r = blob_settle(b, d, e);
    return r < 0 ? r : 1;
}

int blob_open(struct blobs *b, const struct digest *d, struct shale_err *e)
{
    int r;

    r = blob_check_digest(d, e);
    if (r < 0)
        return r;
    if (b->blobs_fd < 0)
        return err_set(e, SHALE_NOT_FOUND, "blob %s is not in the store", d->s);
    int fd = openat(b->blobs_fd, blob_path_final(d).s, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_set(e, SHALE_NOT_FOUND, "blob %s is not in the store", d->s);
    if (fd < 0)
        return err_sys(e, "open blob %s", d->s);
    return fd;
}

int blob_read(struct blobs *b, const struct digest *d, struct buf *out, struct shale_err *e)
{
    int r;

    _cleanup_close_ int fd = blob_open(b, d, e);
    if (fd < 0)
        return fd;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "read blob %s", d->s);
    if ((uint64_t)st.st_size > out->max - out->n)
        return err_set(e, SHALE_LIMIT,
                       "blob %s has %llu bytes, more than the %zu that are allowed here", d->s,
                       (unsigned long long)st.st_size, out->max);
    void *p = buf_room(out, (size_t)st.st_size);
    if (!p && st.st_size > 0) {
        r = buf_check(out, e);
        return r < 0 ? r : err_nomem(e);
    }
    size_t n = 0;
    if (st.st_size > 0 && sys_pread_full(fd, p, (size_t)st.st_size, 0, &n) < 0)
        return err_sys(e, "read blob %s", d->s);
    out->n += n;
    if (out->p)
        out->p[out->n] = 0;
    return 0;
}

int blob_verify(struct blobs *b, const struct digest *d, struct cancel *c, struct shale_err *e)
{
    int r;

    _cleanup_close_ int fd = blob_open(b, d, e);
    if (fd < 0)
        return fd;
    _cleanup_free_ void *p = mem_alloc(BLOB_IO_BYTES);
    if (!p)
        return err_nomem(e);
    _cleanup_(hash_clear) struct hash h = {0};
    r = hash_init(&h, digest_alg(d), e);
    if (r < 0)
        return r;
    for (;;) {
        size_t n;
        r = cancel_check(c, e);
        if (r < 0)
            return r;
        if (sys_read_full(fd, p, BLOB_IO_BYTES, &n) < 0)
            return err_sys(e, "read blob %s", d->s);
        if (n == 0)
            break;
        hash_update(&h, p, n);
    }
    struct digest got;
    digest_of_hash(&h, &got);
    if (!digest_eq(&got, d))
        return err_set(e, SHALE_CORRUPT, "blob %s is damaged: its bytes have digest %s", d->s,
                       got.s);
    return 0;
}

/* ---- all of them ---- */

struct each_state {
    struct blobs *b;
    const char *alg;
    int (*f)(void *arg, const struct digest *d, uint64_t size);
    void *arg;
};

static int each_name(void *arg, const char *name, unsigned char d_type)
{
    struct each_state *s = arg;
    char text[DIGEST_MAX + 8];
    struct digest d;
    struct stat st;

    (void)d_type;
    if ((size_t)snprintf(text, sizeof text, "%s:%s", s->alg, name) >= sizeof text)
        return 0;
    if (digest_parse(text, &d, NULL) < 0)
        return 0; /* not ours */
    if (fstatat(s->b->blobs_fd, blob_path_final(&d).s, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0; /* removed meanwhile */
    return S_ISREG(st.st_mode) ? s->f(s->arg, &d, (uint64_t)st.st_size) : 0;
}

int blob_each(struct blobs *b, int (*f)(void *arg, const struct digest *d, uint64_t size),
              void *arg, struct shale_err *e)
{
    int r;

    if (b->blobs_fd < 0)
        return 0;
    for (int alg = 0; alg < _HASH_MAX; alg++) {
        struct each_state s = {b, digest_alg_name((enum hash_alg)alg), f, arg};
        if (!s.alg || !fs_exists(b->blobs_fd, s.alg))
            continue;
        r = fs_each(b->blobs_fd, s.alg, each_name, &s, e);
        if (r != 0)
            return r;
    }
    return 0;
}

/* ---- small ones, and away ---- */

int blob_put(struct blobs *b, const struct digest *d, const void *p, size_t n, struct shale_err *e)
{
    struct digest got;
    int r;

    r = blob_check_digest(d, e);
    if (r < 0)
        return r;
    r = digest_of_bytes(digest_alg(d), p, n, &got, e);
    if (r < 0)
        return r;
    if (!digest_eq(&got, d))
        return err_set(e, SHALE_CORRUPT, "digest mismatch: expected %s, got %s", d->s, got.s);
    struct blob_writer *w = NULL;
    r = blob_begin(b, d, n, NULL, NULL, NULL, &w, e);
    if (r != 0)
        return r > 0 ? 0 : r;
    r = blob_writer_rewind(w, e);
    if (r >= 0)
        r = blob_writer_write(w, p, n, e);
    if (r >= 0)
        r = blob_writer_commit(w, e);
    if (r < 0)
        blob_writer_discard(w); /* nothing worth resuming: the bytes are in memory */
    blob_writer_close(w);
    return r;
}

int blob_remove(struct blobs *b, const struct digest *d, uint64_t *ret_size, struct shale_err *e)
{
    uint64_t size = 0;
    int r;

    r = blob_check_digest(d, e);
    if (r < 0)
        return r;
    r = blob_check_writable(b, e);
    if (r < 0)
        return r;
    if (ret_size && blob_look(b, d, &size, NULL) != 1)
        size = 0;
    if (sys_unlinkat(b->blobs_fd, blob_path_final(d).s, 0) < 0) {
        if (errno != ENOENT)
            return err_sys(e, "remove blob %s", d->s);
        size = 0;
    }
    if (ret_size)
        *ret_size = size;
    return 0;
}
