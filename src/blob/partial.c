/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "blob/blob_priv.h"

/* ---- locks ---- */

/* True if the descriptor is of the file that has this name now. */
static bool same_file(int dirfd, const char *name, int fd)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && fstatat(dirfd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int blob_lock_take(struct blobs *b, const struct digest *d, bool wait, struct cancel *c,
                   struct shale_err *e)
{
    struct blob_path name = blob_path_lock(d);

    for (;;) {
        int fd = wait ? lock_take(b->ingest_fd, name.s, LOCK_EXCLUSIVE, c, e)
                      : lock_try(b->ingest_fd, name.s, LOCK_EXCLUSIVE, e);
        if (fd < 0 || same_file(b->ingest_fd, name.s, fd))
            return fd;
        close(fd);
    }
}

void blob_lock_remove(struct blobs *b, const struct digest *d)
{
    (void)sys_unlinkat(b->ingest_fd, blob_path_lock(d).s, 0);
}

int blob_sync_folder(struct blobs *b, const struct digest *d, struct shale_err *e)
{
    return fs_sync_dir(b->blobs_fd, digest_alg_name(digest_alg(d)), e);
}

int blob_settle(struct blobs *b, const struct digest *d, struct shale_err *e)
{
    int r;

    r = blob_sync_folder(b, d, e);
    if (r < 0)
        return r;
    _cleanup_close_ int lock = blob_lock_take(b, d, false, NULL, NULL);
    if (lock >= 0)
        blob_lock_remove(b, d);
    return 0;
}

/* Whether some process holds the lock, without making a lock file. */
static bool lock_is_held(struct blobs *b, const struct digest *d)
{
    struct blob_path name = blob_path_lock(d);

    if (!fs_exists(b->ingest_fd, name.s))
        return false;
    int fd = lock_try(b->ingest_fd, name.s, LOCK_SHARED, NULL);
    if (fd >= 0)
        close(fd);
    return fd == -SHALE_IN_USE;
}

/* ---- list ---- */

/* "sha256-<hex>", and with `suffix` after it. */
static bool parse_name(const char *name, const char *suffix, struct digest *ret)
{
    char text[DIGEST_MAX];
    size_t n = strlen(name), s = strlen(suffix);

    if (n <= s || n - s >= sizeof text || strcmp(name + n - s, suffix) != 0)
        return false;
    memcpy(text, name, n - s);
    text[n - s] = 0;
    char *dash = strchr(text, '-');
    if (!dash)
        return false;
    *dash = ':';
    return digest_parse(text, ret, NULL) >= 0;
}

/* What note_size left in the lock file; 0: nothing. */
static uint64_t noted_size(struct blobs *b, const struct digest *d)
{
    char text[32];
    uint64_t size;
    size_t n;

    _cleanup_close_ int fd =
        openat(b->ingest_fd, blob_path_lock(d).s, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || sys_pread_full(fd, text, sizeof text - 1, 0, &n) < 0)
        return 0;
    text[n] = 0;
    text[strcspn(text, " \n")] = 0;
    return str_to_u64(text, &size) ? size : 0;
}

struct each_state {
    struct blobs *b;
    int (*f)(void *arg, const struct blob_partial *p);
    void *arg;
};

static int each_name(void *arg, const char *name, unsigned char d_type)
{
    struct each_state *s = arg;
    struct blob_partial p = {0};
    struct stat st;

    (void)d_type;
    if (!parse_name(name, "", &p.digest))
        return 0;
    if (fstatat(s->b->ingest_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return 0; /* finished meanwhile */
    p.have_bytes = (uint64_t)st.st_size;
    p.size_bytes = noted_size(s->b, &p.digest);
    p.changed_ns = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
    p.active = lock_is_held(s->b, &p.digest);
    return s->f(s->arg, &p);
}

int blob_partial_each(struct blobs *b, int (*f)(void *arg, const struct blob_partial *p), void *arg,
                      struct shale_err *e)
{
    struct each_state s = {b, f, arg};

    if (b->ingest_fd < 0)
        return 0;
    return fs_each(b->ingest_fd, ".", each_name, &s, e);
}

/* ---- drop ---- */

int blob_partial_remove(struct blobs *b, const struct digest *d, struct shale_err *e)
{
    int r;

    r = blob_check_digest(d, e);
    if (r < 0)
        return r;
    r = blob_check_writable(b, e);
    if (r < 0)
        return r;
    _cleanup_close_ int lock = blob_lock_take(b, d, false, NULL, e);
    if (lock == -SHALE_IN_USE)
        return err_set(e, SHALE_IN_USE, "%s is being downloaded", d->s);
    if (lock < 0)
        return lock;
    if (sys_unlinkat(b->ingest_fd, blob_path_partial(d).s, 0) < 0 && errno != ENOENT)
        return err_sys(e, "remove what is there of %s", d->s);
    blob_lock_remove(b, d);
    return 0;
}

/* A lock file whose download has ended, or a partial whose blob came in another way. */
static int sweep_name(void *arg, const char *name, unsigned char d_type)
{
    struct blobs *b = arg;
    struct digest d;
    bool is_lock = parse_name(name, BLOB_LOCK_SUFFIX, &d);

    (void)d_type;
    if (!is_lock && !parse_name(name, "", &d))
        return 0;
    bool orphan = is_lock && !fs_exists(b->ingest_fd, blob_path_partial(&d).s);
    if (!orphan && blob_look(b, &d, NULL, NULL) != 1)
        return 0;
    _cleanup_close_ int lock = blob_lock_take(b, &d, false, NULL, NULL);
    if (lock < 0)
        return 0; /* somebody is at it */
    /* Under the lock the first look may have become wrong. */
    if (blob_look(b, &d, NULL, NULL) == 1) {
        if (blob_sync_folder(b, &d, NULL) < 0)
            return 0;
        (void)sys_unlinkat(b->ingest_fd, blob_path_partial(&d).s, 0);
    }
    if (!fs_exists(b->ingest_fd, blob_path_partial(&d).s))
        blob_lock_remove(b, &d);
    return 0;
}

int blob_partial_sweep(struct blobs *b, struct shale_err *e)
{
    int r;

    r = blob_check_writable(b, e);
    if (r < 0)
        return r;
    return fs_each(b->ingest_fd, ".", sweep_name, b, e);
}
