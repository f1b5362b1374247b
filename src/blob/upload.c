/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "blob/blob.h"
#include "blob/blob_priv.h"
#include "model/limits.h"

#define NOTE_SUFFIX           ".note"
#define EARLY_WRITEBACK_BYTES (8ull << 20) /* as in blob_write.c */

struct upload {
    struct blobs *b;
    char id[UPLOAD_ID_MAX + 1];
    char note[UPLOAD_NOTE_MAX + 1];
    int fd; /* carries the lock */
    struct hash hash;
    bool hash_ready;
    uint64_t size, hashed, pushed;
    struct digest checked; /* the bytes are those, and synced; "": not known */
    bool discard, committed;
};

struct upload_path {
    char s[UPLOAD_ID_MAX + sizeof NOTE_SUFFIX];
};

static struct upload_path note_path(const char *id)
{
    struct upload_path p;

    snprintf(p.s, sizeof p.s, "%.*s" NOTE_SUFFIX, UPLOAD_ID_MAX, id);
    return p;
}

static bool id_valid(const char *id)
{
    size_t n = strlen(id);

    if (n == 0 || n > UPLOAD_ID_MAX)
        return false;
    for (const char *p = id; *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9') &&
            *p != '-' && *p != '_')
            return false;
    return true;
}

static int err_upload(struct upload *u, const char *what, struct shale_err *e)
{
    if (err_code_of_errno(errno) == SHALE_NO_SPACE)
        return err_sys(e, "%s upload %s: the store is full", what, u->id);
    return err_sys(e, "%s upload %s", what, u->id);
}

static int not_found(const char *id, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "no such upload: %.64s", id);
}

/* ---- open and close ---- */

static struct upload *new_upload(struct blobs *b, const char *id)
{
    struct upload *u = mem_alloc(sizeof *u);

    if (!u)
        return NULL;
    u->b = b;
    u->fd = -1;
    memcpy(u->id, id, strlen(id) + 1);
    return u;
}

/* The lock lies on the bytes themselves; whoever removes or names them holds it. So what still lies
 * under the id when we have the lock stays there. */
static int lock_bytes(struct upload *u, struct stat *ret, struct shale_err *e)
{
    struct stat there;

    if (flock(u->fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? err_set(e, SHALE_IN_USE, "upload %s is in use", u->id)
                                    : err_upload(u, "lock", e);
    if (fstat(u->fd, ret) < 0)
        return err_upload(u, "open", e);
    if (fstatat(u->b->uploads_fd, u->id, &there, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? not_found(u->id, e) : err_upload(u, "open", e);
    if (there.st_ino != ret->st_ino || there.st_dev != ret->st_dev)
        return not_found(u->id, e);
    return 0;
}

static int open_locked(struct upload *u, int flags, struct shale_err *e)
{
    struct stat st = {0};

    u->fd = sys_openat(u->b->uploads_fd, u->id, O_RDWR | O_NOFOLLOW | flags, 0644);
    if (u->fd < 0 && errno == ENOENT)
        return not_found(u->id, e);
    if (u->fd < 0)
        return err_upload(u, "open", e);
    int r = lock_bytes(u, &st, e);
    if (r < 0)
        return r;
    u->size = u->pushed = (uint64_t)st.st_size;
    return 0;
}

static int read_note(struct blobs *b, const char *id, char ret[UPLOAD_NOTE_MAX + 1],
                     struct shale_err *e)
{
    size_t n;

    _cleanup_close_ int fd =
        openat(b->uploads_fd, note_path(id).s, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? not_found(id, e) : err_sys(e, "read upload %s", id);
    if (sys_read_full(fd, ret, UPLOAD_NOTE_MAX, &n) < 0)
        return err_sys(e, "read upload %s", id);
    ret[n] = 0;
    return 0;
}

int upload_begin(struct blobs *b, const char *id, const char *note, struct upload **ret,
                 struct shale_err *e)
{
    size_t n = strlen(note);
    int r = blob_check_writable(b, e);

    if (r < 0)
        return r;
    if (!id_valid(id) || n > UPLOAD_NOTE_MAX)
        return err_set(e, SHALE_INVALID, "bad id or note of an upload");
    struct upload *u = new_upload(b, id);
    if (!u)
        return err_nomem(e);
    memcpy(u->note, note, n + 1);
    /* The note first: bytes without one belong to nobody. Neither needs to survive a power cut. */
    r = fs_write_atomic(b->uploads_fd, note_path(id).s, note, n, 0644, false, e);
    if (r >= 0)
        r = open_locked(u, O_CREAT | O_EXCL, e);
    if (r < 0) {
        upload_close(u);
        return r;
    }
    *ret = u;
    return 0;
}

int upload_open(struct blobs *b, const char *id, struct upload **ret, struct shale_err *e)
{
    int r = blob_check_writable(b, e);

    if (r < 0)
        return r;
    if (!id_valid(id))
        return not_found(id, e);
    struct upload *u = new_upload(b, id);
    if (!u)
        return err_nomem(e);
    r = open_locked(u, 0, e);
    if (r >= 0)
        r = read_note(b, id, u->note, e);
    if (r < 0) {
        upload_close(u);
        return r;
    }
    *ret = u;
    return 0;
}

void upload_rest(struct upload *u)
{
    (void)flock(u->fd, LOCK_UN);
}

int upload_resume(struct upload *u, struct shale_err *e)
{
    struct stat st = {0};
    int r = lock_bytes(u, &st, e);
    uint64_t size = (uint64_t)st.st_size;

    if (r < 0 || size == u->size)
        return r;
    if (size < u->hashed && u->hash_ready) { /* does not happen: others only add */
        hash_clear(&u->hash);
        u->hash_ready = false;
        u->hashed = 0;
    }
    u->size = size; /* what is new is hashed when it is needed */
    u->pushed = u->pushed < size ? u->pushed : size;
    u->checked.s[0] = 0;
    return 0;
}

bool upload_is_committed(const struct upload *u)
{
    return u->committed;
}

void upload_discard(struct upload *u)
{
    u->discard = true;
}

struct upload *upload_close(struct upload *u)
{
    if (!u)
        return NULL;
    if (u->discard && !u->committed)
        (void)sys_unlinkat(u->b->uploads_fd, u->id, 0);
    if (u->discard || u->committed)
        (void)sys_unlinkat(u->b->uploads_fd, note_path(u->id).s, 0);
    if (u->hash_ready)
        hash_clear(&u->hash);
    if (u->fd >= 0)
        close(u->fd);
    free(u);
    return NULL;
}

const char *upload_note(const struct upload *u)
{
    return u->note;
}

uint64_t upload_size(const struct upload *u)
{
    return u->size;
}

/* ---- bytes ---- */

static int start_hash(struct upload *u, enum hash_alg alg, struct shale_err *e)
{
    if (u->hash_ready && u->hash.alg == alg)
        return 0;
    if (u->hash_ready)
        hash_clear(&u->hash);
    u->hash_ready = false;
    u->hashed = 0;
    int r = hash_init(&u->hash, alg, e);
    u->hash_ready = r >= 0;
    return r;
}

int upload_expect(struct upload *u, enum hash_alg alg, struct shale_err *e)
{
    return start_hash(u, alg, e);
}

/* Hashes what is there and has not gone through the hash. */
static int catch_up(struct upload *u, struct shale_err *e)
{
    if (u->hashed == u->size)
        return 0;
    _cleanup_free_ void *p = mem_alloc(BLOB_IO_BYTES);
    if (!p)
        return err_nomem(e);
    while (u->hashed < u->size) {
        uint64_t left = u->size - u->hashed;
        size_t n, want = left < BLOB_IO_BYTES ? (size_t)left : BLOB_IO_BYTES;
        if (sys_pread_full(u->fd, p, want, u->hashed, &n) < 0)
            return err_upload(u, "read", e);
        if (n < want)
            return err_set(e, SHALE_CORRUPT, "upload %s became shorter", u->id);
        hash_update(&u->hash, p, n);
        u->hashed += n;
    }
    return 0;
}

int upload_write(struct upload *u, const void *p, size_t n, struct shale_err *e)
{
    uint64_t sum;
    int r = start_hash(u, u->hash_ready ? u->hash.alg : HASH_SHA256, e);

    if (r >= 0)
        r = catch_up(u, e);
    if (r < 0)
        return r;
    if (__builtin_add_overflow(u->size, n, &sum) || sum > LIMIT_BLOB_BYTES)
        return err_set(e, SHALE_LIMIT, "upload %s: more bytes than the limit of %llu", u->id,
                       (unsigned long long)LIMIT_BLOB_BYTES);
    if (sys_pwrite_all(u->fd, p, n, u->size) < 0) {
        r = err_upload(u, "write", e);
        (void)sys_ftruncate(u->fd, u->size); /* what others see of it is what counts */
        return r;
    }
    hash_update(&u->hash, p, n);
    u->checked.s[0] = 0;
    u->size = u->hashed = sum;
    if (u->size - u->pushed >= EARLY_WRITEBACK_BYTES) {
        (void)sync_file_range(u->fd, (off_t)u->pushed, (off_t)(u->size - u->pushed),
                              SYNC_FILE_RANGE_WRITE);
        u->pushed = u->size;
    }
    return 0;
}

int upload_truncate(struct upload *u, uint64_t size, struct shale_err *e)
{
    if (size > u->size)
        return err_set(e, SHALE_INVALID, "upload %s is shorter", u->id);
    if (sys_ftruncate(u->fd, size) < 0)
        return err_upload(u, "cut", e);
    if (size < u->hashed && u->hash_ready) {
        hash_clear(&u->hash);
        u->hash_ready = false;
        u->hashed = 0;
    }
    u->size = size;
    u->checked.s[0] = 0;
    u->pushed = u->pushed < size ? u->pushed : size;
    return 0;
}

/* ---- commit ---- */

static int check_digest(struct upload *u, const struct digest *d, struct shale_err *e)
{
    struct digest got;
    int r = start_hash(u, digest_alg(d), e);

    if (r >= 0)
        r = catch_up(u, e);
    if (r < 0)
        return r;
    digest_of_hash(&u->hash, &got); /* the hash is over with it: another try hashes again */
    hash_clear(&u->hash);
    u->hash_ready = false;
    u->hashed = 0;
    if (!digest_eq(&got, d))
        return err_set(e, SHALE_CORRUPT, "digest mismatch: expected %s, got %s", d->s, got.s);
    return 0;
}

int upload_check(struct upload *u, const struct digest *d, struct shale_err *e)
{
    struct stat st;
    int r = blob_check_digest(d, e);

    if (r < 0 || digest_eq(&u->checked, d))
        return r;
    r = check_digest(u, d, e);
    if (r < 0)
        return r;
    /* A failed write may have left more than what was counted. */
    if (fstat(u->fd, &st) < 0)
        return err_upload(u, "check", e);
    if ((uint64_t)st.st_size != u->size && sys_ftruncate(u->fd, u->size) < 0)
        return err_upload(u, "cut", e);
    if (sys_fdatasync(u->fd) < 0)
        return err_upload(u, "sync", e);
    u->checked = *d;
    return 0;
}

int upload_commit(struct upload *u, const struct digest *d, struct shale_err *e)
{
    struct blobs *b = u->b;
    int r = upload_check(u, d, e);

    if (r >= 0)
        r = blob_make_folder(b, d, e);
    if (r < 0)
        return r;
    if (sys_renameat(b->uploads_fd, u->id, b->blobs_fd, blob_path_final(d).s) < 0)
        return err_upload(u, "name", e);
    u->committed = true;
    return blob_sync_folder(b, d, e);
}

int upload_recall(struct upload *u, const struct digest *d, struct shale_err *e)
{
    struct blobs *b = u->b;
    struct stat mine, there;

    if (!u->committed)
        return 0;
    if (fstat(u->fd, &mine) < 0)
        return err_upload(u, "take back", e);
    if (fstatat(b->blobs_fd, blob_path_final(d).s, &there, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? not_found(u->id, e) : err_upload(u, "take back", e);
    if (there.st_ino != mine.st_ino || there.st_dev != mine.st_dev)
        return not_found(u->id, e);
    if (sys_renameat(b->blobs_fd, blob_path_final(d).s, b->uploads_fd, u->id) < 0)
        return err_upload(u, "take back", e);
    u->committed = false;
    return 0;
}

/* ---- looking ---- */

int upload_stat(struct blobs *b, const char *id, uint64_t *ret_size, char *ret_note,
                struct shale_err *e)
{
    struct stat st;

    if (!id_valid(id) || b->uploads_fd < 0)
        return not_found(id, e);
    if (fstatat(b->uploads_fd, id, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? not_found(id, e) : err_sys(e, "look for upload %s", id);
    int r = read_note(b, id, ret_note, e);
    if (r >= 0)
        *ret_size = (uint64_t)st.st_size;
    return r;
}

struct each_upload {
    struct blobs *b;
    int (*f)(void *arg, const struct upload_info *u);
    void *arg;
};

/* Notes without bytes count too, as uploads of no bytes: somebody has to clean them up. */
static int see_upload(void *arg, const char *name, unsigned char d_type)
{
    struct each_upload *s = arg;
    char id[UPLOAD_ID_MAX + sizeof NOTE_SUFFIX];
    struct stat st;
    size_t n = strlen(name), k = strlen(NOTE_SUFFIX);

    (void)d_type;
    if (n >= sizeof id || fstatat(s->b->uploads_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    memcpy(id, name, n + 1);
    bool note = n > k && strcmp(name + n - k, NOTE_SUFFIX) == 0;
    if (note)
        id[n - k] = 0;
    if (!id_valid(id) || (note && fs_exists(s->b->uploads_fd, id)))
        return 0;
    struct upload_info u = {id, note ? 0 : (uint64_t)st.st_size,
                            st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec};
    return s->f(s->arg, &u);
}

int upload_each(struct blobs *b, int (*f)(void *arg, const struct upload_info *u), void *arg,
                struct shale_err *e)
{
    struct each_upload s = {b, f, arg};

    return b->uploads_fd < 0 ? 0 : fs_each(b->uploads_fd, ".", see_upload, &s, e);
}

int upload_remove(struct blobs *b, const char *id, struct shale_err *e)
{
    struct upload *u = NULL;
    int r = upload_open(b, id, &u, e);

    if (r == -SHALE_NOT_FOUND && id_valid(id)) { /* perhaps half of it is there */
        (void)sys_unlinkat(b->uploads_fd, note_path(id).s, 0);
        if (sys_unlinkat(b->uploads_fd, id, 0) < 0 && errno != ENOENT)
            return err_sys(e, "remove upload %s", id);
        return 0;
    }
    if (r < 0)
        return r;
    upload_discard(u);
    upload_close(u);
    return 0;
}
