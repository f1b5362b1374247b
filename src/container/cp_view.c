/* SPDX-License-Identifier: Apache-2.0 */
#include "container/cp_view.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/image_mount.h"
#include "container/volume_mount.h"
#include "container/volumes.h"

#define FD_PATH_BYTES 40

struct maker {
    struct container_host *h;
    struct arena *a;
    const struct ctr *c;
    struct cp_view *v;
    bool runs;
    int r;
    struct shale_err why;
};

/* ---- the root ---- */

static int mount_of(const char *path, uint64_t *ret)
{
    struct statx st;

    if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
        return -1;
    *ret = st.stx_mnt_id;
    return 0;
}

static int make_folders(const struct ctr *c, struct arena *a, struct shale_err *e)
{
    static const char *const names[] = {"upper", "work", "merged"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *path = ctr_path(c, a, names[i]);
        int r = path ? fs_mkdir_p(AT_FDCWD, path, i == 0 ? 0755 : 0711, e) : err_nomem(e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int mount_root(struct maker *m, struct shale_err *e)
{
    const char *upper = ctr_path(m->c, m->a, "upper"), *work = ctr_path(m->c, m->a, "work");
    const char *merged = ctr_path(m->c, m->a, "merged");
    const char *left = ctr_path(m->c, m->a, "work/work/incompat"); /* of one never synced */
    uint64_t here, above;

    if (!upper || !work || !merged || !left)
        return err_nomem(e);
    if (!m->runs) {
        struct rootfs_writable w = {upper, work, false};
        int r = make_folders(m->c, m->a, e);
        if (r >= 0)
            r = fs_remove_tree(AT_FDCWD, left, e);
        return r < 0 ? r
                     : store_rootfs_mount(m->h->store, &m->c->row.image_id, merged, &w,
                                          m->h->cancel, e);
    }
    if (mount_of(merged, &here) == 0 && mount_of(m->c->dir, &above) == 0 && here == above)
        return err_set(e, SHALE_UNSUPPORTED,
                       "container %s was started in another mount namespace: its files cannot be "
                       "seen from here",
                       m->c->row.id);
    return 0;
}

/* ---- what is mounted in it ---- */

/* Where a mount goes; made where it is missing. */
static int open_target(int root, const char *target, bool folder, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int fd = inroot_open(root, target, O_PATH, &why);

    if (fd != -SHALE_NOT_FOUND) {
        if (fd < 0 && e)
            *e = why;
        return fd;
    }
    const char *slash = strrchr(target, '/');
    char above[4096];
    size_t n = slash ? (size_t)(slash - target) : 0;
    if (n >= sizeof above)
        return err_set(e, SHALE_LIMIT, "path of %zu bytes is too long", n);
    memcpy(above, target, n);
    above[n] = 0;
    int r = inroot_mkdir_p(root, folder ? target : above, e);
    if (r >= 0 && !folder) {
        _cleanup_close_ int dir = inroot_open(root, n ? above : "/", O_PATH | O_DIRECTORY, e);
        _cleanup_close_ int file = dir < 0
                                       ? -1
                                       : sys_openat(dir, slash ? slash + 1 : target,
                                                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
        if (file < 0)
            return dir < 0 ? dir : err_sys(e, "create %.300s in the container", target);
    }
    return r < 0 ? r : inroot_open(root, target, O_PATH, e);
}

static void fd_path(int fd, char ret[FD_PATH_BYTES])
{
    (void)snprintf(ret, FD_PATH_BYTES, "/proc/self/fd/%d", fd);
}

static int bind_at(int root, const char *source, const char *target, bool read_only,
                   struct shale_err *e)
{
    char from[FD_PATH_BYTES], to[FD_PATH_BYTES];
    _cleanup_close_ int src = sys_openat(AT_FDCWD, source, O_PATH, 0);
    struct stat st;

    if (src < 0 || fstat(src, &st) < 0)
        return err_sys(e, "what is mounted at %.200s: %.200s", target, source);
    _cleanup_close_ int dst = open_target(root, target, S_ISDIR(st.st_mode), e);
    if (dst < 0)
        return dst;
    fd_path(src, from);
    fd_path(dst, to);
    if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
        return err_sys(e, "mount %.200s at %.200s", source, target);
    if (!read_only)
        return 0;
    _cleanup_close_ int top = inroot_open(root, target, O_PATH, e);
    if (top < 0)
        return top;
    fd_path(top, to);
    if (mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        return err_sys(e, "mount %.200s read-only", target);
    return 0;
}

static int bind_conf(struct maker *m, size_t i, struct shale_err *e)
{
    const struct conf_mount *x = &m->c->conf.mounts[i];
    const char *source = x->source;
    int r = 0;

    if (streq(x->type, "image")) {
        r = m->runs ? image_mount_path(m->a, m->c, i, &source, e)
                    : image_mount_make(m->h, m->a, m->c, i, &source, e);
    } else if (streq(x->type, "volume")) {
        r = volume_ensure(m->h->store, x->name, m->a, &source, e);
        if (r >= 0)
            r = volume_mount_here(m->h->store, x->name, m->a, e);
        if (r == 0 && !x->no_copy) /* before it is used for the first time */
            r = volume_fill(source, m->v->root_fd, x->target, e);
    } else if (!streq(x->type, "bind")) {
        return 0;
    }
    return r < 0 ? r : bind_at(m->v->root_fd, source, x->target, x->read_only, e);
}

static size_t depth_of(const char *path)
{
    size_t n = 0;

    for (; *path; path++)
        n += path[0] == '/' && path[1] != 0;
    return n;
}

#define NET_DEPTH 2 /* of /etc/hosts */

static int bind_net_files(struct maker *m, struct shale_err *e)
{
    static const char *const net[] = {"hosts", "hostname", "resolv.conf"};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(net); i++) {
        const char *source = ctr_path(m->c, m->a, net[i]);
        const char *target = arena_printf(m->a, "/etc/%s", net[i]);
        if (!source || !target)
            return err_nomem(e);
        _cleanup_close_ int there = inroot_open(m->v->root_fd, target, O_PATH, NULL);
        if (there >= 0 && fs_exists(AT_FDCWD, source))
            r = bind_at(m->v->root_fd, source, target, false, e);
    }
    return r;
}

/* Outer ones first, so that none hides another: in the order of spec_mounts. */
static int bind_all(struct maker *m, struct shale_err *e)
{
    const struct conf *f = &m->c->conf;
    size_t deepest = NET_DEPTH;
    int r = 0;

    for (size_t i = 0; i < f->n_mounts; i++)
        if (depth_of(f->mounts[i].target) > deepest)
            deepest = depth_of(f->mounts[i].target);
    for (size_t depth = 0; r >= 0 && depth <= deepest; depth++) {
        if (depth == NET_DEPTH)
            r = bind_net_files(m, e);
        for (size_t i = 0; r >= 0 && i < f->n_mounts; i++)
            if (depth_of(f->mounts[i].target) == depth)
                r = bind_conf(m, i, e);
    }
    return r;
}

/* ---- the namespace ---- */

static int make(struct maker *m, struct shale_err *e)
{
    const char *merged = ctr_path(m->c, m->a, "merged");

    if (!merged)
        return err_nomem(e);
    if (unshare(CLONE_NEWNS) < 0)
        return err_sys(e, "make a mount namespace");
    m->v->ns_fd = sys_openat(AT_FDCWD, "/proc/thread-self/ns/mnt", O_RDONLY, 0);
    if (m->v->ns_fd < 0)
        return err_sys(e, "open the mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(e, "make mounts private");
    int r = mount_root(m, e);
    if (r < 0)
        return r;
    /* its device files are copied, never opened */
    (void)mount(NULL, merged, NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL);
    m->v->root_fd = fs_open_dir(AT_FDCWD, merged, e);
    return m->v->root_fd < 0 ? m->v->root_fd : bind_all(m, e);
}

/* A thread can have a namespace of its own; it ends, and the descriptor keeps what it made. */
static void *make_main(void *arg)
{
    struct maker *m = arg;

    m->r = make(m, &m->why);
    return NULL;
}

static int check_state(const struct ctr *c, struct shale_err *e)
{
    if (ctr_is(c, CTR_REMOVING) || ctr_is(c, CTR_DEAD))
        return err_set(e, SHALE_CONFLICT, "container %s is being removed", c->row.id);
    return ctr_is(c, CTR_RUNNING) || ctr_is(c, CTR_PAUSED);
}

int cp_view_open(struct container_host *h, struct arena *a, struct ctr *c, struct cp_view *v,
                 struct shale_err *e)
{
    struct maker m = {.h = h, .a = a, .c = c, .v = v};
    pthread_t thread;
    int r = check_state(c, e);

    if (r == 0) {
        v->lock_fd = ctr_lock(h, c, e);
        r = v->lock_fd < 0 ? v->lock_fd : ctr_reload(h, a, c, e);
        if (r >= 0)
            r = check_state(c, e);
        if (r > 0) /* started meanwhile */
            close(TAKE_FD(v->lock_fd));
    }
    if (r < 0)
        return r;
    m.runs = r > 0;
    if ((errno = pthread_create(&thread, NULL, make_main, &m)) != 0)
        return err_sys(e, "start a thread");
    (void)pthread_join(thread, NULL);
    if (m.r < 0 && e)
        *e = m.why;
    return m.r < 0 ? m.r : 0;
}

void cp_view_close(struct cp_view *v)
{
    int *const fds[] = {&v->root_fd, &v->ns_fd, &v->lock_fd};

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        if (*fds[i] >= 0)
            close(TAKE_FD(*fds[i]));
}

static bool same_mount(int a, int b)
{
    struct statx x, y;

    return statx(a, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) == 0 &&
           statx(b, "", AT_EMPTY_PATH, STATX_MNT_ID, &y) == 0 && x.stx_mnt_id == y.stx_mnt_id;
}

int cp_view_check_writable(const struct cp_view *v, const struct ctr *c, int dir_fd,
                           struct shale_err *e)
{
    struct statvfs st;

    if (same_mount(v->root_fd, dir_fd))
        return c->conf.read_only ? err_set(e, SHALE_DENIED, "container rootfs is marked read-only")
                                 : 0;
    if (fstatvfs(dir_fd, &st) == 0 && (st.f_flag & ST_RDONLY))
        return err_set(e, SHALE_DENIED, "mounted volume is marked read-only");
    return 0;
}
