/* SPDX-License-Identifier: Apache-2.0 */
/* builds/<id>/: made, removed, and cleared up when its process is no more. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/mounts.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/pasta.h"
#include "container/step_priv.h"

#define FOLDERS     "builds"
#define LOCKS       "locks"
#define LOCK_NAME   "build-"
#define LOCK_PREFIX LOCKS "/" LOCK_NAME
#define LOCK_BYTES  (sizeof LOCK_PREFIX + META_CONTAINER_ID_HEX)
#define SHORT_ID    12
#define CMDLINE_MAX (128u << 10)
#define ENDS_MS     2000

static const struct conf plain = CONF_INIT;

static void lock_name(const char *id, char ret[LOCK_BYTES])
{
    (void)snprintf(ret, LOCK_BYTES, LOCK_PREFIX "%s", id);
}

static int fill(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e)
{
    c->conf = plain;
    c->dir = arena_printf(a, "%s/" FOLDERS "/%s", store_root(h->store), c->row.id);
    c->row.name = arena_printf(a, "build-%.*s", SHORT_ID, c->row.id);
    c->row.auto_remove = true; /* nothing of it has to survive a crash */
    c->row.run = (struct meta_container_run){.state = CTR_CREATED,
                                             .started_ns = SHALE_TIME_NONE,
                                             .finished_ns = SHALE_TIME_NONE,
                                             .error = ""};
    return c->dir && c->row.name ? 0 : err_nomem(e);
}

/* A sweep may have taken the lock's file away before it was held. */
static bool is_ours(int root, const char *lock, int fd)
{
    struct stat a, b;

    return fstatat(root, lock, &a, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int step_folder_make(struct container_host *h, struct arena *a, struct step_folder *f,
                     struct shale_err *e)
{
    int root = store_root_fd(h->store), r;
    char lock[LOCK_BYTES];

    f->lock = -1;
    do {
        if (f->lock >= 0)
            close(f->lock);
        r = random_hex(f->c.row.id, META_CONTAINER_ID_HEX / 2, e);
        if (r < 0)
            return r;
        lock_name(f->c.row.id, lock);
        f->lock = lock_take(root, lock, LOCK_EXCLUSIVE, h->cancel, e);
        if (f->lock < 0)
            return f->lock;
    } while (!is_ours(root, lock, f->lock));
    r = fill(h, a, &f->c, e);
    if (r >= 0)
        r = fs_mkdir_p(AT_FDCWD, f->c.dir, 0710, e);
    if (r < 0)
        step_folder_drop(h, a, f);
    return r;
}

/* ---- undoing ---- */

/* In place: "\040" is a blank. */
static void unescape(char *s)
{
    char *to = s;

    for (; *s; s++) {
        if (s[0] == '\\' && strspn(s + 1, "01234567") >= 3) {
            *to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = 0;
}

/* The fifth word of a line of mountinfo; NULL: there is none. */
static char *mount_point(struct arena *a, struct str line)
{
    struct str word = {"", 0};

    for (int i = 0; i < 5; i++)
        if (!str_split(&line, ' ', &word))
            return NULL;
    char *s = arena_strndup(a, word.p, word.n);
    if (s)
        unescape(s);
    return s;
}

/* Whatever is still mounted there, the last one first. */
static void umount_below(struct arena *a, const char *dir)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MOUNTS_MAX_BYTES);
    size_t n = strlen(dir), n_points = 0, cap = 0;
    char **points = NULL;
    struct str rest, line;

    if (mounts_read(&b, NULL) < 0)
        return;
    rest = (struct str){buf_str(&b), b.n};
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        char *point = mount_point(a, line);
        if (!point || strncmp(point, dir, n) != 0 || point[n] != '/')
            continue;
        char **v = arena_grow(a, points, n_points, &cap, sizeof *v);
        if (!v)
            break;
        points = v;
        points[n_points++] = point;
    }
    while (n_points > 0)
        (void)umount2(points[--n_points], UMOUNT_NOFOLLOW | MNT_DETACH);
}

static void drop(struct container_host *h, struct arena *a, const struct ctr *c)
{
    char lock[LOCK_BYTES];

    ctr_unprepare(h, a, c);
    if (fs_remove_tree(AT_FDCWD, c->dir, NULL) < 0) {
        umount_below(a, c->dir);
        (void)fs_remove_tree(AT_FDCWD, c->dir, NULL);
    }
    if (fs_exists(AT_FDCWD, c->dir))
        return; /* for the next sweep */
    lock_name(c->row.id, lock);
    (void)sys_unlinkat(store_root_fd(h->store), lock, 0);
}

void step_folder_drop(struct container_host *h, struct arena *a, struct step_folder *f)
{
    if (f->lock < 0)
        return;
    if (f->c.dir)
        drop(h, a, &f->c);
    close(TAKE_FD(f->lock));
}

/* ---- what killed processes have left ---- */

/* A runtime that is still at work for it, alone since its caller is no more: what it starts later
 * nobody would find. */
static int end_starter(void *arg, const char *name, unsigned char d_type)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CMDLINE_MAX);
    const char *id = arg;
    char path[64];
    uint64_t pid;

    if (!str_to_u64(name, &pid) || (pid_t)pid == getpid())
        return 0;
    struct process p = process_find((pid_t)pid);
    (void)snprintf(path, sizeof path, "/proc/%.20s/cmdline", name);
    if (p.pid == 0 || fs_read_file(AT_FDCWD, path, &b, NULL) < 0 || !b.n ||
        !memmem(b.p, b.n, id, META_CONTAINER_ID_HEX) || !memmem(b.p, b.n, "--pid-file", 10))
        return 0;
    (void)process_kill(&p, SIGKILL, NULL);
    (void)process_wait(&p, ENDS_MS, NULL, NULL);
    return 0;
}

static int sweep_one(struct container_host *h, const char *id)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c = {.dir = NULL};
    char lock[LOCK_BYTES];

    if (strlen(id) != META_CONTAINER_ID_HEX)
        return 0;
    memcpy(c.row.id, id, META_CONTAINER_ID_HEX + 1);
    lock_name(id, lock);
    _cleanup_close_ int fd = lock_try(store_root_fd(h->store), lock, LOCK_EXCLUSIVE, NULL);
    if (fd < 0 || fill(h, &a, &c, NULL) < 0)
        return 0;
    c.conf.network = proc_is_user() ? PASTA_MODE : NETWORK_BRIDGE; /* if it had one */
    if (fs_exists(AT_FDCWD, c.dir)) {
        (void)fs_each(AT_FDCWD, "/proc", end_starter, c.row.id, NULL);
        umount_below(&a, c.dir);
    }
    drop(h, &a, &c);
    return 0;
}

static int sweep_folder(void *arg, const char *name, unsigned char d_type)
{
    return sweep_one(arg, name);
}

static int sweep_lock(void *arg, const char *name, unsigned char d_type)
{
    return str_has_prefix(name, LOCK_NAME) ? sweep_one(arg, name + strlen(LOCK_NAME)) : 0;
}

int steps_sweep(struct container_host *h, struct shale_err *e)
{
    int root = store_root_fd(h->store);
    int r = fs_exists(root, FOLDERS) ? fs_each(root, FOLDERS, sweep_folder, h, e) : 0;

    return r >= 0 && fs_exists(root, LOCKS) ? fs_each(root, LOCKS, sweep_lock, h, e) : r;
}
