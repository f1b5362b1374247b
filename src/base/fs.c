/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sys.h"

#define COPY_BLOCK_BYTES  (256u << 10)
#define READ_BLOCK_BYTES  (64u << 10)
#define TREE_MAX_DEPTH    8192        /* levels that fs_disk_usage follows */
#define FOLDERS_MAX_BYTES (64u << 20) /* names of the folders in one folder, for the same */

int fs_read_file(int at, const char *path, struct buf *b, struct shale_err *e)
{
    _cleanup_close_ int fd = sys_openat(at, path, O_RDONLY, 0);
    struct stat st;
    size_t want = READ_BLOCK_BYTES;

    if (fd < 0)
        return err_sys(e, "open %s", path);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        want = (uint64_t)st.st_size < COPY_BLOCK_BYTES ? (size_t)st.st_size + 1 : COPY_BLOCK_BYTES;
    for (;;) {
        size_t left = b->max - b->n, n, got;
        if (left == 0) { /* full: one byte more would be too much */
            char c;
            if (sys_read_full(fd, &c, 1, &got) < 0)
                return err_sys(e, "read %s", path);
            if (got == 0)
                return 0;
            return err_set(e, SHALE_LIMIT, "%s is larger than %zu bytes", path, b->max);
        }
        n = want < left ? want : left;
        void *p = buf_room(b, n);
        if (!p)
            return buf_check(b, e);
        if (sys_read_full(fd, p, n, &got) < 0)
            return err_sys(e, "read %s", path);
        b->n += got;
        if (b->p)
            b->p[b->n] = 0;
        if (got < n)
            return 0;
    }
}

char *fs_read_text(int at, const char *path, struct arena *a, uint64_t max, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(max);
    char *s;

    if (fs_read_file(at, path, &b, e) < 0)
        return NULL;
    s = arena_strndup(a, buf_str(&b), b.n);
    if (!s)
        err_nomem(e);
    return s;
}

/* Splits off the directory part: "a/b" gives "a", "b" gives ".", "/b" gives "/". */
static int parent_of(const char *path, char *ret, size_t n, struct shale_err *e)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (slash == path)
        len = 1;
    if (len >= n)
        return err_set(e, SHALE_LIMIT, "path too long: %.80s…", path);
    if (len == 0) {
        ret[0] = '.';
        len = 1;
    } else {
        memcpy(ret, path, len);
    }
    ret[len] = 0;
    return 0;
}

int fs_write_atomic(int at, const char *path, const void *p, uint64_t n, mode_t mode, bool durable,
                    struct shale_err *e)
{
    char rnd[17], tmp[4096], dir[4096];
    int r = random_hex(rnd, 8, e);

    if (r < 0)
        return r;
    if (snprintf(tmp, sizeof tmp, "%s.%s.tmp", path, rnd) >= (int)sizeof tmp)
        return err_set(e, SHALE_LIMIT, "path too long: %.80s…", path);
    _cleanup_close_ int fd = sys_openat(at, tmp, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd < 0)
        return err_sys(e, "create %s", tmp);
    if (sys_write_all(fd, p, n) < 0 || (durable && sys_fsync(fd) < 0) ||
        sys_renameat(at, tmp, at, path) < 0) {
        r = err_sys(e, "write %s", path);
        unlinkat(at, tmp, 0);
        return r;
    }
    if (!durable)
        return 0;
    r = parent_of(path, dir, sizeof dir, e);
    return r < 0 ? r : fs_sync_dir(at, dir, e);
}

int fs_sync_dir(int at, const char *path, struct shale_err *e)
{
    _cleanup_close_ int fd = sys_openat(at, path, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0)
        return err_sys(e, "open %s", path);
    return sys_fsync(fd) < 0 ? err_sys(e, "sync %s", path) : 0;
}

int fs_mkdir_p(int at, const char *path, mode_t mode, struct shale_err *e)
{
    char part[4096];
    size_t n = strlen(path);
    struct stat st;

    if (n == 0 || n >= sizeof part)
        return err_set(e, SHALE_LIMIT, "bad path length: %.80s", path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        char keep = part[i];
        part[i] = 0;
        if (sys_mkdirat(at, part, mode) < 0 && errno != EEXIST) {
            int saved = errno;
            if (fstatat(at, part, &st, 0) < 0 || !S_ISDIR(st.st_mode)) {
                errno = saved;
                return err_sys(e, "mkdir %s", part);
            }
        }
        part[i] = keep;
    }
    if (fstatat(at, path, &st, 0) < 0)
        return err_sys(e, "mkdir %s", path);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return err_sys(e, "mkdir %s", path);
    }
    return 0;
}

int fs_open_dir(int at, const char *path, struct shale_err *e)
{
    int fd = sys_openat(at, path, O_RDONLY | O_DIRECTORY, 0);

    return fd < 0 ? err_sys(e, "open %s", path) : fd;
}

/* ---- walking ---- */

static unsigned char type_of(int fd, const struct dirent *d)
{
    struct stat st;

    if (d->d_type != DT_UNKNOWN)
        return d->d_type;
    if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return DT_REG;
    return (unsigned char)IFTODT(st.st_mode);
}

static DIR *open_for_reading(int at, const char *path, int flags)
{
    int fd = sys_openat(at, path, O_RDONLY | O_DIRECTORY | flags, 0);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d && fd >= 0)
        close(fd);
    return d;
}

static bool is_dot(const char *name)
{
    return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

int fs_each(int at, const char *path, int (*f)(void *arg, const char *name, unsigned char d_type),
            void *arg, struct shale_err *e)
{
    _cleanup_closedir_ DIR *d = open_for_reading(at, path, 0);
    struct dirent *de;

    if (!d)
        return err_sys(e, "open %s", path);
    for (errno = 0; (de = readdir(d)); errno = 0) {
        if (is_dot(de->d_name))
            continue;
        int r = f(arg, de->d_name, type_of(dirfd(d), de));
        if (r == -SHALE_NO_MEMORY)
            r = err_nomem(e);
        if (r != 0)
            return r;
    }
    return errno ? err_sys(e, "read %s", path) : 0;
}

/*
 * Removing holds a descriptor a level, and a container may make trees of any depth. So from
 * FLAT_DEPTH levels on folders are moved up into the top one, under names of their own, and the top
 * one is gone through again.
 */
#define FLAT_DEPTH 32

struct remover {
    int top; /* the folder that deep ones are moved into */
    dev_t dev;
    char prefix[24]; /* "": not yet chosen */
    unsigned long n_moved;
    uint64_t *bytes; /* space that was freed; NULL: nobody asks */
    bool again;      /* something was moved since the top was gone through */
    struct shale_err *e;
};

static int remove_dir(struct remover *m, int at, const char *name, unsigned depth);

static int is_mount(const char *name, struct shale_err *e)
{
    return err_set(e, SHALE_IN_USE, "%s: something is mounted there", name);
}

/* What is in a mount is not ours to remove. Bind mounts are of the same device: Linux tells of them
 * since 5.8. */
static int refuse_mount(const struct remover *m, const struct statx *x, const char *name)
{
    if (makedev(x->stx_dev_major, x->stx_dev_minor) != m->dev ||
        x->stx_attributes & STATX_ATTR_MOUNT_ROOT)
        return is_mount(name, m->e);
    return 0;
}

/* Without root our own folders may deny us: gives us all rights through /proc, so that a symbolic
 * link put in its place is not followed. */
static DIR *open_denied(int at, const char *name)
{
    char link[40];
    struct stat st;
    _cleanup_close_ int fd = sys_openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

    if (fd < 0)
        return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (fstat(fd, &st) < 0 || chmod(link, (st.st_mode & 07777) | S_IRWXU) < 0)
        return NULL;
    return open_for_reading(at, name, O_NOFOLLOW);
}

/* With what it is in *ret. */
static DIR *open_to_empty(int at, const char *name, struct statx *ret)
{
    DIR *d = open_for_reading(at, name, O_NOFOLLOW);

    if (!d && errno == EACCES)
        d = open_denied(at, name);
    if (!d)
        return NULL;
    if (statx(dirfd(d), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MODE | STATX_BLOCKS, ret) < 0) {
        int saved = errno;
        closedir(d);
        errno = saved;
        return NULL;
    }
    if ((ret->stx_mode & S_IRWXU) != S_IRWXU)
        (void)fchmod(dirfd(d), (ret->stx_mode & 07777) | S_IRWXU);
    return d;
}

static int move_up(struct remover *m, int at, const char *name)
{
    char to[64], rnd[9];

    if (!*m->prefix) {
        int r = random_hex(rnd, 4, m->e);
        if (r < 0)
            return r;
        snprintf(m->prefix, sizeof m->prefix, ".deep-%s-", rnd);
    }
    snprintf(to, sizeof to, "%s%lu", m->prefix, m->n_moved++);
    m->again = true;
    int r = sys_renameat(at, name, m->top, to);
    if (r < 0 && errno == EACCES) { /* its ".." changes, which it must allow */
        struct statx x;
        _cleanup_closedir_ DIR *d = open_to_empty(at, name, &x);
        r = d ? sys_renameat(at, name, m->top, to) : -1;
    }
    if (r == 0 || errno == ENOENT)
        return 0;
    if (errno == EBUSY || errno == EXDEV)
        return is_mount(name, m->e);
    return err_sys(m->e, "move %s", name);
}

static int remove_one(struct remover *m, int at, const char *name, unsigned char type,
                      unsigned depth)
{
    struct stat st = {0};

    if (type != DT_DIR) {
        if (m->bytes && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            st.st_blocks = 0;
        if (sys_unlinkat(at, name, 0) == 0) {
            if (m->bytes)
                *m->bytes += (uint64_t)st.st_blocks * 512;
            return 0;
        }
        if (errno == ENOENT)
            return 0;
        if (errno == EBUSY)
            return is_mount(name, m->e);
        if (errno != EISDIR)
            return err_sys(m->e, "remove %s", name);
    }
    return depth < FLAT_DEPTH ? remove_dir(m, at, name, depth + 1) : move_up(m, at, name);
}

static int empty_dir(struct remover *m, DIR *d, const char *name, unsigned depth)
{
    struct dirent *de;

    for (errno = 0; (de = readdir(d)); errno = 0) {
        if (is_dot(de->d_name))
            continue;
        int r = remove_one(m, dirfd(d), de->d_name, type_of(dirfd(d), de), depth);
        if (r < 0)
            return r;
    }
    return errno ? err_sys(m->e, "read %s", name) : 0;
}

static int remove_dir(struct remover *m, int at, const char *name, unsigned depth)
{
    struct statx x;

    /* Many are empty. */
    if (depth > 0 && !m->bytes && (sys_unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT))
        return 0;
    {
        _cleanup_closedir_ DIR *d = open_to_empty(at, name, &x);
        if (!d)
            return errno == ENOENT ? 0 : err_sys(m->e, "open %s", name);
        int r = refuse_mount(m, &x, name);
        if (r < 0)
            return r;
        if (depth == 0)
            m->top = dirfd(d);
        for (;;) {
            m->again = depth > 0 && m->again;
            r = empty_dir(m, d, name, depth);
            if (r < 0)
                return r;
            if (depth > 0 || !m->again)
                break;
            rewinddir(d);
        }
    }
    if (sys_unlinkat(at, name, AT_REMOVEDIR) == 0) {
        if (m->bytes)
            *m->bytes += x.stx_blocks * 512;
        return 0;
    }
    if (errno == ENOENT)
        return 0;
    if (errno == EBUSY)
        return is_mount(name, m->e);
    return err_sys(m->e, "remove %s", name);
}

static int remove_tree(struct remover *m, int at, const char *path)
{
    struct stat st;

    if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(m->e, "stat %s", path);
    if (!S_ISDIR(st.st_mode))
        return remove_one(m, at, path, DT_REG, 0);
    m->dev = st.st_dev;
    return remove_dir(m, at, path, 0);
}

int fs_remove_tree(int at, const char *path, struct shale_err *e)
{
    struct remover m = {.top = -1, .e = e};

    return remove_tree(&m, at, path);
}

int fs_remove_counted(int at, const char *path, uint64_t *ret_bytes, struct shale_err *e)
{
    uint64_t bytes = 0;
    struct remover m = {.top = -1, .bytes = &bytes, .e = e};
    int r = remove_tree(&m, at, path);

    *ret_bytes = bytes;
    return r;
}

bool fs_exists(int at, const char *path)
{
    struct stat st;

    return fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int fs_size(int at, const char *path, uint64_t *ret, struct shale_err *e)
{
    struct stat st;

    if (fstatat(at, path, &st, 0) < 0)
        return err_sys(e, "stat %s", path);
    *ret = (uint64_t)st.st_size;
    return 0;
}

struct usage {
    bool of_files; /* their lengths, not the space that all takes */
    uint64_t sum;
};

static void usage_add(struct usage *u, const struct stat *st)
{
    if (!u->of_files)
        u->sum += (uint64_t)st->st_blocks * 512;
    else if (!S_ISDIR(st->st_mode))
        u->sum += (uint64_t)st->st_size;
}

/* Sums up what is in the folder *fd and notes the names of the folders in it, each with its NUL. */
static int usage_of_entries(int fd, struct buf *folders, struct usage *u, struct shale_err *e)
{
    _cleanup_closedir_ DIR *d = open_for_reading(fd, ".", 0);
    struct dirent *de;
    struct stat st;

    if (!d)
        return err_sys(e, "open a folder");
    while ((de = readdir(d))) {
        if (is_dot(de->d_name) || fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue; /* gone meanwhile */
        usage_add(u, &st);
        if (S_ISDIR(st.st_mode))
            buf_add(folders, de->d_name, strlen(de->d_name) + 1);
    }
    return buf_check(folders, e);
}

/* Back from *fd to the folder that `want` is of. */
static int go_up(int *fd, const struct stat *want, struct shale_err *e)
{
    struct stat st;
    int up = sys_openat(*fd, "..", O_RDONLY | O_DIRECTORY, 0);

    if (up < 0 || fstat(up, &st) < 0)
        return err_sys(e, "open a folder");
    close(*fd);
    *fd = up;
    if (st.st_dev != want->st_dev || st.st_ino != want->st_ino)
        return err_set(e, SHALE_CONFLICT, "a folder was moved while its size was taken");
    return 0;
}

/* Holds one descriptor, whatever the depth: *fd goes down and comes back. */
static int usage_below(int *fd, unsigned depth, struct usage *u, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf folders = BUF_INIT(FOLDERS_MAX_BYTES);
    struct stat here;
    int r;

    if (depth > TREE_MAX_DEPTH)
        return err_set(e, SHALE_LIMIT, "tree deeper than %d levels", TREE_MAX_DEPTH);
    if (fstat(*fd, &here) < 0)
        return err_sys(e, "stat a folder");
    r = usage_of_entries(*fd, &folders, u, e);
    for (size_t at = 0; r == 0 && at < folders.n; at += strlen(folders.p + at) + 1) {
        int down = sys_openat(*fd, folders.p + at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (down < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
            continue;
        if (down < 0)
            return err_sys(e, "open %s", folders.p + at);
        close(*fd);
        *fd = down;
        r = usage_below(fd, depth + 1, u, e);
        if (r == 0)
            r = go_up(fd, &here, e);
    }
    return r;
}

static int usage_of(int at, const char *path, bool of_files, uint64_t *ret, struct shale_err *e)
{
    struct usage u = {.of_files = of_files};
    struct stat st;
    int r = 0;

    if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return err_sys(e, "stat %s", path);
        *ret = 0;
        return 0;
    }
    usage_add(&u, &st);
    if (S_ISDIR(st.st_mode)) {
        _cleanup_close_ int fd = sys_openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (fd < 0)
            return err_sys(e, "open %s", path);
        r = usage_below(&fd, 0, &u, e);
    }
    if (r == 0)
        *ret = u.sum;
    return r;
}

int fs_disk_usage(int at, const char *path, uint64_t *ret_bytes, struct shale_err *e)
{
    return usage_of(at, path, false, ret_bytes, e);
}

int fs_files_size(int at, const char *path, uint64_t *ret_bytes, struct shale_err *e)
{
    return usage_of(at, path, true, ret_bytes, e);
}

/* ---- copying ---- */

static int copy_by_hand(int from, int to, uint64_t n, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(COPY_BLOCK_BYTES);

    if (!block)
        return err_nomem(e);
    while (n > 0) {
        size_t want = n < COPY_BLOCK_BYTES ? (size_t)n : COPY_BLOCK_BYTES, got;
        if (sys_read_full(from, block, want, &got) < 0)
            return err_sys(e, "read");
        if (sys_write_all(to, block, got) < 0)
            return err_sys(e, "write");
        if (got < want)
            return n == UINT64_MAX || n > INT64_MAX
                       ? 0
                       : err_set(e, SHALE_CORRUPT, "file is too short");
        if (n != UINT64_MAX)
            n -= got;
    }
    return 0;
}

int fs_copy_fd(int from, int to, uint64_t n, struct shale_err *e)
{
    const bool to_end = n == UINT64_MAX;

    if (sys_step("copy") < 0)
        return err_sys(e, "copy");
    while (n > 0) {
        ssize_t k =
            copy_file_range(from, NULL, to, NULL, n < (1u << 30) ? (size_t)n : (1u << 30), 0);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ||
                      errno == EBADF))
            return copy_by_hand(from, to, n, e);
        if (k < 0)
            return err_sys(e, "copy");
        if (k == 0) /* the end, or a file system that copies nothing (proc): reading tells */
            return copy_by_hand(from, to, to_end ? UINT64_MAX : n, e);
        if (!to_end)
            n -= (uint64_t)k;
    }
    return 0;
}

int fs_boot_id(char ret[37], struct shale_err *e)
{
    _cleanup_close_ int fd = sys_openat(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
    char id[37];
    size_t got;

    if (fd < 0)
        return err_sys(e, "open /proc/sys/kernel/random/boot_id");
    if (sys_read_full(fd, id, 36, &got) < 0)
        return err_sys(e, "read /proc/sys/kernel/random/boot_id");
    if (got != 36)
        return err_set(e, SHALE_SYSTEM, "/proc/sys/kernel/random/boot_id is too short");
    id[36] = 0;
    memcpy(ret, id, sizeof id);
    return 0;
}
