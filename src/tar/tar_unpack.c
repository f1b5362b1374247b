/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/tar_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define DIRS_MAX_BYTES (256ull << 20) /* of what is remembered of folders until the end */

struct dir_time { /* set when nothing more comes into it */
    const char *path;
    struct timespec mtime;
};

struct file { /* the one whose data come now */
    int fd;   /* -1: none */
    int dir;  /* has it; of its own */
    char name[NAME_MAX + 1];
    char temp[40]; /* "": it is made under its own name */
    bool mounted;  /* what is there has something mounted over it */
    struct tar_entry t;
    struct tar_extent *extents; /* a copy; sparse ones only */
    size_t at_extent;
    uint64_t offset; /* in the stream, of the next byte that it gets */
    uint64_t left;
};

struct tar_unpack {
    struct tar_unpack_opts o;
    struct tar_reader *reader;
    const char *chunk; /* what is being fed: bytes from this offset of the stream on */
    uint64_t chunk_offset;
    struct file file;
    struct arena xattrs; /* of the file */
    struct arena dirs_a;
    struct dir_time *dirs;
    size_t n_dirs, cap_dirs;
    int parent; /* the folder that was looked up last, -1: none */
    char parent_path[TAR_MAX_PATH_BYTES + 1];
};

/* ---- names ---- */

static int fail(const struct tar_unpack *u, const char *what, const char *path, struct shale_err *e)
{
    char shown[300];
    int saved = errno;

    str_printable(shown, sizeof shown, path);
    errno = saved;
    return err_sys(e, "%s %.150s/%s", what, u->o.shown, shown);
}

/* A folder of the archive; missing ones are made. A descriptor for the caller to close. */
static int open_folder(const struct tar_unpack *u, struct str path, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    char full[2 * PATH_MAX];
    int n = snprintf(full, sizeof full, "%s/%.*s", u->o.dir, (int)path.n, path.p);

    if (n < 0 || (size_t)n >= sizeof full)
        return err_set(e, SHALE_LIMIT, "a path is longer than %d bytes", PATH_MAX);
    int fd = inroot_open(u->o.root_fd, full, O_RDONLY | O_DIRECTORY, &why);
    if (fd == -SHALE_NOT_FOUND) {
        int r = inroot_mkdir_p(u->o.root_fd, full, e);
        return r < 0 ? r : inroot_open(u->o.root_fd, full, O_RDONLY | O_DIRECTORY, e);
    }
    if (fd < 0 && e)
        *e = why;
    return fd;
}

/* The folder of a member and its own name there. The descriptor is borrowed. */
static int parent_of(struct tar_unpack *u, struct str path, char name[NAME_MAX + 1],
                     struct shale_err *e)
{
    const char *slash = memrchr(path.p, '/', path.n);
    struct str dir = {path.p, slash ? (size_t)(slash - path.p) : 0};
    struct str last = slash ? (struct str){slash + 1, path.n - dir.n - 1} : path;

    if (last.n > NAME_MAX || dir.n >= sizeof u->parent_path)
        return err_set(e, SHALE_LIMIT, "a name of %zu bytes is too long", last.n);
    memcpy(name, last.p, last.n);
    name[last.n] = 0;
    if (u->parent >= 0 && str_eq(dir, str_of(u->parent_path)))
        return u->parent;
    int fd = open_folder(u, dir, e);
    if (fd < 0)
        return fd;
    if (u->parent >= 0)
        close(u->parent);
    u->parent = fd;
    memcpy(u->parent_path, dir.p, dir.n);
    u->parent_path[dir.n] = 0;
    return fd;
}

/* Renaming and removing ask only for mounts of this process's namespace, which need not be the one
 * that the folder is in. */
static bool is_mounted(int dir, const char *name)
{
    struct statx st;

    return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) == 0 &&
           (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* A folder gives way to what is none, or the other way round. */
static int make_way(const struct tar_unpack *u, int dir, const char *name,
                    const struct tar_entry *t, struct shale_err *e)
{
    if (is_mounted(dir, name)) {
        errno = EBUSY;
        return fail(u, "replace", t->path.p, e);
    }
    int r = fs_remove_tree(dir, name, e);
    return r < 0 ? err_wrap(e, r, "replace %.150s/%.300s", u->o.shown, t->path.p) : 0;
}

/* 1 when there is something of that name, which what comes can take the place of. */
static int look(const struct tar_unpack *u, int dir, const char *name, const struct tar_entry *t,
                struct shale_err *e)
{
    const char *shown = u->o.shown;
    struct stat st;
    char path[300];

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : fail(u, "stat", t->path.p, e);
    if (u->o.replace_any && S_ISDIR(st.st_mode) != (t->type == TAR_DIR))
        return make_way(u, dir, name, t, e);
    str_printable(path, sizeof path, t->path.p);
    if (S_ISDIR(st.st_mode) && t->type != TAR_DIR)
        return err_set(e, SHALE_INVALID,
                       "cannot overwrite directory \"%.150s/%s\" with non-directory \"%.150s\"",
                       shown, path, shown);
    if (!S_ISDIR(st.st_mode) && t->type == TAR_DIR)
        return err_set(e, SHALE_INVALID,
                       "cannot overwrite non-directory \"%.150s/%s\" with directory \"%.150s\"",
                       shown, path, shown);
    return 1;
}

/* ---- what a file has beside its data ---- */

static bool is_taken(const char *name)
{
    return !str_has_prefix(name, "trusted.") && !str_has_prefix(name, "user.overlay.") &&
           !streq(name, "security.selinux") && !streq(name, "security.ima") &&
           !streq(name, "security.evm");
}

/* Whose it becomes; false: of who makes it. */
static bool owner_of(const struct tar_unpack *u, const struct tar_entry *t, uid_t *uid, gid_t *gid)
{
    *uid = u->o.set_owner ? u->o.uid : t->uid;
    *gid = u->o.set_owner ? u->o.gid : t->gid;
    return u->o.keep_owner || u->o.set_owner;
}

/* Owner before mode and attributes: chown takes set-user-ID bits and capabilities away. */
static int set_meta(const struct tar_unpack *u, int fd, const struct tar_entry *t,
                    struct shale_err *e)
{
    uid_t uid;
    gid_t gid;

    if (owner_of(u, t, &uid, &gid) && fchown(fd, uid, gid) < 0)
        return fail(u, "set the owner of", t->path.p, e);
    if (fchmod(fd, t->mode & 07777) < 0)
        return fail(u, "set the mode of", t->path.p, e);
    for (size_t i = 0; i < t->n_xattrs; i++) {
        const struct tar_xattr *x = &t->xattrs[i];
        if (is_taken(x->name) && fsetxattr(fd, x->name, x->value, x->value_bytes, 0) < 0 &&
            errno != ENOTSUP && errno != EPERM && errno != EINVAL)
            return fail(u, "set an extended attribute of", t->path.p, e);
    }
    return 0;
}

static void times_of(const struct tar_entry *t, struct timespec ret[2])
{
    ret[0] = ret[1] = (struct timespec){t->mtime_s, t->mtime_ns};
}

/* ---- regular files ---- */

static void file_drop(struct file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
        (void)sys_unlinkat(f->dir, f->temp[0] ? f->temp : f->name, 0);
    }
    if (f->dir >= 0)
        close(f->dir);
    free(f->extents);
    *f = (struct file){.fd = -1, .dir = -1};
}

/* Its strings outlive the reader's callback. */
static int keep_entry(struct tar_unpack *u, const struct tar_entry *t, struct shale_err *e)
{
    struct file *f = &u->file;

    arena_clear(&u->xattrs);
    f->t = *t;
    f->t.path.p = arena_strndup(&u->xattrs, t->path.p, t->path.n);
    struct tar_xattr *v = arena_array(&u->xattrs, t->n_xattrs + 1, sizeof *v);
    for (size_t i = 0; v && i < t->n_xattrs; i++)
        v[i] = (struct tar_xattr){
            arena_strdup(&u->xattrs, t->xattrs[i].name),
            arena_memdup(&u->xattrs, t->xattrs[i].value, t->xattrs[i].value_bytes),
            t->xattrs[i].value_bytes};
    if (u->xattrs.failed)
        return err_nomem(e);
    f->t.xattrs = v;
    if (!t->sparse)
        return 0;
    f->extents = mem_array(t->n_extents + 1, sizeof *f->extents);
    if (!f->extents)
        return err_nomem(e);
    for (size_t i = 0; i < t->n_extents; i++)
        f->extents[i] = t->extents[i];
    return 0;
}

static int file_begin(struct tar_unpack *u, int dir, const char *name, bool there,
                      const struct tar_entry *t, struct shale_err *e)
{
    struct file *f = &u->file;
    char rnd[17];
    int r = keep_entry(u, t, e);

    if (r >= 0 && there)
        r = random_hex(rnd, 8, e);
    if (r < 0)
        return r;
    f->temp[0] = 0;
    f->mounted = there && is_mounted(dir, name);
    if (there)
        (void)snprintf(f->temp, sizeof f->temp, ".shale-cp-%s", rnd);
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    f->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    if (f->dir < 0)
        return fail(u, "open the folder of", t->path.p, e);
    f->fd = sys_openat(dir, there ? f->temp : name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (f->fd < 0)
        return fail(u, "create", t->path.p, e);
    if (t->sparse && sys_ftruncate(f->fd, t->size_bytes) < 0)
        return fail(u, "write", t->path.p, e);
    f->offset = t->data_offset;
    f->left = t->sparse ? 0 : t->size_bytes;
    f->at_extent = 0;
    for (size_t i = 0; i < t->n_extents && t->sparse; i++)
        if (t->extents[i].data_offset + t->extents[i].n_bytes > f->offset + f->left)
            f->left = t->extents[i].data_offset + t->extents[i].n_bytes - f->offset;
    return 0;
}

/* Something is mounted over the file that is there: it gets the bytes, and stays what it is. */
static int fill_mounted(struct tar_unpack *u, struct shale_err *e)
{
    struct file *f = &u->file;
    _cleanup_close_ int from = openat(f->dir, f->temp, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    _cleanup_close_ int to =
        from < 0 ? -1 : sys_openat(f->dir, f->name, O_WRONLY | O_TRUNC | O_NOFOLLOW, 0);
    struct stat st;

    if (to < 0 || fstat(to, &st) < 0 || !S_ISREG(st.st_mode))
        return fail(u, "replace", f->t.path.p, e);
    int r = fs_copy_fd(from, to, UINT64_MAX, e);
    if (r >= 0 && sys_unlinkat(f->dir, f->temp, 0) < 0)
        r = fail(u, "replace", f->t.path.p, e);
    return r;
}

static int file_finish(struct tar_unpack *u, struct shale_err *e)
{
    struct file *f = &u->file;
    struct timespec times[2];
    int r = set_meta(u, f->fd, &f->t, e);

    if (r < 0)
        return r;
    times_of(&f->t, times);
    if (futimens(f->fd, times) < 0)
        return fail(u, "set the time of", f->t.path.p, e);
    if (f->mounted)
        r = fill_mounted(u, e);
    else if (f->temp[0] && sys_renameat(f->dir, f->temp, f->dir, f->name) < 0)
        r = fail(u, "replace", f->t.path.p, e);
    if (r < 0)
        return r;
    if (close(TAKE_FD(f->fd)) < 0)
        return fail(u, "write", f->t.path.p, e);
    file_drop(f);
    return 0;
}

/* n bytes from offset `at` of the stream into a sparse file: they belong to one run or several. */
static int write_runs(struct tar_unpack *u, const char *p, uint64_t at, uint64_t n,
                      struct shale_err *e)
{
    struct file *f = &u->file;

    while (n > 0 && f->at_extent < f->t.n_extents) {
        const struct tar_extent *x = &f->extents[f->at_extent];
        if (at >= x->data_offset + x->n_bytes) {
            f->at_extent++;
            continue;
        }
        uint64_t skip = at < x->data_offset ? x->data_offset - at : 0;
        if (skip >= n)
            return 0;
        p += skip;
        at += skip;
        n -= skip;
        uint64_t in = at - x->data_offset, k = x->n_bytes - in < n ? x->n_bytes - in : n;
        if (sys_pwrite_all(f->fd, p, k, x->file_offset + in) < 0)
            return fail(u, "write", f->t.path.p, e);
        p += k;
        at += k;
        n -= k;
    }
    return 0;
}

/* Gives the file those of its bytes that lie in the chunk before offset `end` of the stream. */
static int file_fill(struct tar_unpack *u, uint64_t end, struct shale_err *e)
{
    struct file *f = &u->file;
    int r = 0;

    if (f->fd < 0)
        return 0;
    if (f->left > 0 && end > f->offset) {
        uint64_t n = end - f->offset < f->left ? end - f->offset : f->left;
        const char *p = u->chunk + (f->offset - u->chunk_offset);
        if (f->t.sparse)
            r = write_runs(u, p, f->offset, n, e);
        else if (sys_write_all(f->fd, p, n) < 0)
            r = fail(u, "write", f->t.path.p, e);
        f->offset += n;
        f->left -= n;
    }
    return r < 0 || f->left > 0 ? r : file_finish(u, e);
}

/* ---- other members ---- */

static int remember_time(struct tar_unpack *u, const struct tar_entry *t, struct shale_err *e)
{
    struct dir_time *v = arena_grow(&u->dirs_a, u->dirs, u->n_dirs, &u->cap_dirs, sizeof *v);
    const char *path = v ? arena_strndup(&u->dirs_a, t->path.p, t->path.n) : NULL;

    if (!path)
        return err_set(e, SHALE_LIMIT, "too many folders");
    u->dirs = v;
    v[u->n_dirs++] = (struct dir_time){path, {t->mtime_s, t->mtime_ns}};
    return 0;
}

static int make_folder(struct tar_unpack *u, int dir, const char *name, bool there,
                       const struct tar_entry *t, struct shale_err *e)
{
    if (!there && sys_mkdirat(dir, name, 0700) < 0)
        return fail(u, "create", t->path.p, e);
    _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail(u, "open", t->path.p, e);
    int r = set_meta(u, fd, t, e);
    return r < 0 ? r : remember_time(u, t, e);
}

static int make_link(struct tar_unpack *u, int dir, const char *name, const struct tar_entry *t,
                     struct shale_err *e)
{
    const char *slash = memrchr(t->link.p, '/', t->link.n);
    struct str folder = {t->link.p, slash ? (size_t)(slash - t->link.p) : 0};
    _cleanup_close_ int from = open_folder(u, folder, e);

    if (from < 0)
        return from;
    if (sys_linkat(from, slash ? slash + 1 : t->link.p, dir, name) < 0)
        return fail(u, "link", t->path.p, e);
    return 0;
}

static int make_node(const struct tar_unpack *u, int dir, const char *name,
                     const struct tar_entry *t, struct shale_err *e)
{
    static const mode_t kinds[] = {
        [TAR_CHAR] = S_IFCHR, [TAR_BLOCKDEV] = S_IFBLK, [TAR_FIFO] = S_IFIFO};
    struct timespec times[2];
    uid_t uid;
    gid_t gid;
    int r = t->type == TAR_SYMLINK
                ? sys_symlinkat(t->link.p, dir, name)
                : mknodat(dir, name, kinds[t->type] | 0600, makedev(t->dev_major, t->dev_minor));

    if (r < 0)
        return fail(u, "create", t->path.p, e);
    if (owner_of(u, t, &uid, &gid) && fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(u, "set the owner of", t->path.p, e);
    if (t->type != TAR_SYMLINK && fchmodat(dir, name, t->mode & 07777, 0) < 0)
        return fail(u, "set the mode of", t->path.p, e);
    times_of(t, times);
    if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(u, "set the time of", t->path.p, e);
    return 0;
}

static int on_entry(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    struct tar_unpack *u = arg;
    char name[NAME_MAX + 1];
    /* the reader is past all data of the one before, and not past the chunk */
    int r = file_fill(u, UINT64_MAX, e);

    if (r >= 0)
        r = cancel_check(u->o.cancel, e);
    if (r < 0 || t->path.n == 0)
        return r;
    int dir = parent_of(u, t->path, name, e);
    if (dir < 0)
        return dir;
    int there = look(u, dir, name, t, e);
    if (there < 0)
        return there;
    if (t->type == TAR_DIR)
        return make_folder(u, dir, name, there, t, e);
    if (t->type == TAR_REG) {
        r = file_begin(u, dir, name, there, t, e);
        return r < 0 || u->file.left > 0 ? r : file_finish(u, e);
    }
    if (there && is_mounted(dir, name)) {
        errno = EBUSY;
        return fail(u, "replace", t->path.p, e);
    }
    if (there && sys_unlinkat(dir, name, 0) < 0)
        return fail(u, "replace", t->path.p, e);
    return t->type == TAR_HARDLINK ? make_link(u, dir, name, t, e) : make_node(u, dir, name, t, e);
}

/* ---- life ---- */

int tar_unpack_new(const struct tar_unpack_opts *o, struct tar_unpack **ret, struct shale_err *e)
{
    struct tar_unpack *u = mem_alloc(sizeof *u);

    if (!u)
        return err_nomem(e);
    u->o = *o;
    u->file.fd = u->file.dir = u->parent = -1;
    arena_init(&u->xattrs, TAR_MAX_XATTRS * (TAR_MAX_XATTR_BYTES + 512ull));
    arena_init(&u->dirs_a, DIRS_MAX_BYTES);
    int r = tar_reader_new(on_entry, u, &u->reader, e);
    if (r < 0) {
        tar_unpack_free(u);
        return r;
    }
    *ret = u;
    return 0;
}

int tar_unpack_feed(void *tar_unpack, const void *p, size_t n, struct shale_err *e)
{
    struct tar_unpack *u = tar_unpack;

    u->chunk = p;
    int r = tar_reader_feed(u->reader, p, n, e);
    if (r >= 0)
        r = file_fill(u, u->chunk_offset + n, e);
    u->chunk_offset += n;
    return r;
}

int tar_unpack_end(struct tar_unpack *u, struct shale_err *e)
{
    int r = tar_reader_end(u->reader, e);

    for (size_t i = u->n_dirs; r >= 0 && i > 0; i--) {
        const struct dir_time *d = &u->dirs[i - 1];
        const struct timespec times[2] = {d->mtime, d->mtime};
        _cleanup_close_ int fd = open_folder(u, str_of(d->path), e);
        if (fd < 0)
            return fd;
        if (futimens(fd, times) < 0)
            return fail(u, "set the time of", d->path, e);
    }
    return r;
}

struct tar_unpack *tar_unpack_free(struct tar_unpack *u)
{
    if (!u)
        return NULL;
    tar_reader_free(u->reader);
    file_drop(&u->file);
    if (u->parent >= 0)
        close(u->parent);
    arena_clear(&u->xattrs);
    arena_clear(&u->dirs_a);
    free(u);
    return NULL;
}
