/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted into a step: its sources, put where a runtime can bind them. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/step_priv.h"

#define SECRETS     "secrets"
#define SECRET_MAX  (500u << 10) /* as BuildKit's */
#define SECRETS_OPT "mode=0700,size=256m"

/* What a mount comes to on this host. */
struct found {
    const char *path;
    bool is_folder;
};

/* Below the step's folder. */
static const char *place(const struct step *t, size_t i, const char *name)
{
    return arena_printf(t->a, "%s/mounts/%zu/%s", t->folder.c.dir, i, name);
}

/* ---- bind ---- */

/* `source`, looked up inside of the folder, as a path of this host. */
static int find_source(struct step *t, const char *folder, const char *source, struct found *ret,
                       struct shale_err *e)
{
    char link[40], path[PATH_MAX];
    struct stat st;
    _cleanup_close_ int top = fs_open_dir(AT_FDCWD, folder, e);

    if (top < 0)
        return top;
    if (!source || !source[0])
        source = "/";
    _cleanup_close_ int fd = inroot_open(top, source, O_PATH, NULL);
    if (fd < 0)
        return err_set(e, SHALE_NOT_FOUND, "source of a mount: \"%.300s\": not found", source);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "source of a mount: %.300s", source);
    path[n] = 0;
    ret->is_folder = S_ISDIR(st.st_mode);
    ret->path = arena_strdup(t->a, path);
    return ret->path ? 0 : err_nomem(e);
}

/* Where the mount's source is to be looked up: the folder itself, or a mount of our own. */
static int open_folder(struct step *t, size_t i, bool read_only, const char **ret,
                       struct shale_err *e)
{
    const struct step_mount *m = &t->o->mounts[i];
    const char *root = place(t, i, "root"), *upper = place(t, i, "upper");
    const char *work = place(t, i, "work");

    *ret = m->folder;
    if (m->folder && read_only)
        return 0;
    if (!root || !upper || !work)
        return err_nomem(e);
    const struct rootfs_writable w = {upper, work, true};
    int r = fs_mkdir_p(AT_FDCWD, root, 0711, e);
    if (r >= 0 && !read_only)
        r = fs_mkdir_p(AT_FDCWD, upper, 0755, e);
    if (r >= 0 && !read_only)
        r = fs_mkdir_p(AT_FDCWD, work, 0711, e);
    if (r < 0)
        return r;
    *ret = root;
    return m->folder ? rootfs_overlay(m->folder, &w, root, e)
                     : store_stack_mount(t->s->h->store, m->layers, m->n_layers, root,
                                         read_only ? NULL : &w, t->cancel, e);
}

static int bind(struct step *t, size_t i, struct found *ret, struct conf_mount *to,
                struct shale_err *e)
{
    const struct step_mount *m = &t->o->mounts[i];
    const char *folder;
    int r = open_folder(t, i, m->read_only, &folder, e);

    to->type = "image"; /* device files in it are for nobody */
    to->read_only = m->read_only;
    return r < 0 ? r : find_source(t, folder, m->source, ret, e);
}

/* ---- cache ---- */

static int cache(struct step *t, size_t i, struct found *ret, struct shale_err *e)
{
    const struct step_mount *m = &t->o->mounts[i];
    struct found seed = {.path = NULL};
    const char *folder;
    int r = 0;

    if (m->folder || m->n_layers) {
        r = open_folder(t, i, true, &folder, e);
        if (r >= 0)
            r = find_source(t, folder, m->source, &seed, e);
        if (r >= 0 && !seed.is_folder)
            r = err_set(e, SHALE_INVALID, "a cache cannot begin with a file: %.300s", m->source);
    }
    if (r >= 0)
        r = step_cache_hold(t, m, seed.path, &ret->path, e);
    if (r < 0)
        return r;
    t->held[t->n_held++] = r;
    ret->is_folder = true;
    return 0;
}

struct ordered {
    char name[STEP_CACHE_NAME];
    size_t i;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ordered *)a)->name, ((const struct ordered *)b)->name);
}

/* All caches of a step, in one order for all steps, so that no two wait for each other. One that is
 * named twice is held once. */
static int caches(struct step *t, struct found *sources, struct shale_err *e)
{
    const struct step_mount *m = t->o->mounts;
    struct ordered *v = arena_array(t->a, t->o->n_mounts + 1, sizeof *v);
    size_t n = 0;
    int r = 0;

    t->held = arena_array(t->a, t->o->n_mounts + 1, sizeof *t->held);
    if (!v || !t->held)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < t->o->n_mounts; i++)
        if (m[i].kind == STEP_MOUNT_CACHE) {
            v[n].i = i;
            r = step_cache_name(&m[i], v[n++].name, e);
        }
    if (r >= 0 && n)
        qsort(v, n, sizeof *v, by_name);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        if (i > 0 && streq(v[i].name, v[i - 1].name))
            sources[v[i].i] = sources[v[i - 1].i];
        else
            r = cache(t, v[i].i, &sources[v[i].i], e);
    }
    return r;
}

/* ---- secret, ssh ---- */

static int secrets_folder(struct step *t, const char **ret, struct shale_err *e)
{
    const char *dir = ctr_path(&t->folder.c, t->a, SECRETS);
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    for (size_t i = 0; i < t->o->n_mounts; i++)
        if (t->o->mounts[i].kind == STEP_MOUNT_SECRET && t->o->mounts[i].mode & 0111)
            flags &= ~(unsigned long)MS_NOEXEC; /* a script is handed in */
    if (!dir)
        return err_nomem(e);
    *ret = dir;
    if (t->has_secrets)
        return 0;
    int r = fs_mkdir_p(AT_FDCWD, dir, 0700, e);
    if (r < 0)
        return r;
    if (mount("shale", dir, "tmpfs", flags, SECRETS_OPT) < 0)
        return err_sys(e, "mount memory for secrets");
    t->has_secrets = true;
    return 0;
}

static int secret(struct step *t, size_t i, struct found *ret, struct conf_mount *to,
                  struct shale_err *e)
{
    const struct step_mount *m = &t->o->mounts[i];
    const char *dir;

    if (m->data_n > SECRET_MAX)
        return err_set(e, SHALE_LIMIT, "the secret for %.200s is larger than %u bytes", m->target,
                       SECRET_MAX);
    int r = secrets_folder(t, &dir, e);
    if (r < 0)
        return r;
    ret->path = arena_printf(t->a, "%s/%zu", dir, i);
    if (!ret->path)
        return err_nomem(e);
    _cleanup_close_ int fd =
        sys_openat(AT_FDCWD, ret->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0 || sys_write_all(fd, m->data, m->data_n) < 0 || fchown(fd, m->uid, m->gid) < 0 ||
        fchmod(fd, m->mode ? m->mode : 0400) < 0)
        return err_sys(e, "keep the secret for %.200s", m->target);
    to->read_only = true;
    return 0;
}

static int ssh(struct step *t, size_t i, struct found *ret, struct shale_err *e)
{
    const struct step_mount *m = &t->o->mounts[i];
    char name[32];
    _cleanup_close_ int dir = fs_open_dir(AT_FDCWD, t->folder.c.dir, e);

    if (dir < 0)
        return dir;
    (void)snprintf(name, sizeof name, "ssh-%zu", i);
    ret->path = ctr_path(&t->folder.c, t->a, name);
    if (!ret->path)
        return err_nomem(e);
    int r = step_ssh_start(&t->ssh[t->n_ssh], dir, name, m->source, m->uid, m->gid,
                           m->mode ? m->mode : 0600, e);
    t->n_ssh += r >= 0;
    return r;
}

/* ---- all of them ---- */

static int make(struct step *t, size_t i, struct found *s, struct shale_err *e)
{
    const struct step_mount *m = &t->o->mounts[i];
    struct conf *k = &t->folder.c.conf;
    struct conf_mount to = {.type = "bind", .source = "", .options = "", .propagation = ""};
    int r = 0;

    if (!m->target || !m->target[0])
        return err_set(e, SHALE_INVALID, "a mount without a target");
    switch (m->kind) {
    case STEP_MOUNT_BIND:
        r = bind(t, i, s, &to, e);
        break;
    case STEP_MOUNT_CACHE:
        to.read_only = m->read_only;
        break;
    case STEP_MOUNT_TMPFS:
        to.type = "tmpfs";
        to.options = "exec";
        to.tmpfs_size_bytes = m->size_bytes;
        to.read_only = m->read_only;
        s->is_folder = true;
        break;
    case STEP_MOUNT_SECRET:
        r = secret(t, i, s, &to, e);
        break;
    case STEP_MOUNT_SSH:
        r = ssh(t, i, s, e);
        break;
    }
    if (r >= 0)
        r = step_target(t, m->target, s->is_folder, &to.target, e);
    if (s->path)
        to.source = s->path;
    if (r >= 0)
        k->mounts[k->n_mounts++] = to;
    return r;
}

static size_t depth_of(const char *path)
{
    size_t n = 0;

    for (; path && *path; path++)
        n += path[0] == '/' && path[1] && path[1] != '/';
    return n;
}

struct rank {
    size_t depth, i;
};

static int by_depth(const void *a_, const void *b_)
{
    const struct rank *a = a_, *b = b_;

    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    return a->i < b->i ? -1 : a->i > b->i;
}

/* The files that every container is given are mounts as well. */
static int net_file_targets(struct step *t, struct shale_err *e)
{
    static const char *const files[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/hostname"};
    static const char *const folders[] = {"/proc", "/sys", "/dev"};
    const char *target;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(folders); i++)
        r = step_target(t, folders[i], true, &target, e);
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(files); i++)
        r = step_target(t, files[i], false, &target, e);
    return r;
}

int step_mounts_make(struct step *t, struct shale_err *e)
{
    struct conf *k = &t->folder.c.conf;
    size_t n = t->o->n_mounts;
    struct found *sources = arena_array(t->a, n + 1, sizeof *sources);
    struct rank *order = arena_array(t->a, n + 1, sizeof *order);
    int r;

    if (n > STEP_MOUNTS_MAX)
        return err_set(e, SHALE_LIMIT, "more than %d mounts", STEP_MOUNTS_MAX);
    k->mounts = arena_array(t->a, n + 1, sizeof *k->mounts);
    t->ssh = arena_array(t->a, n + 1, sizeof *t->ssh);
    if (!sources || !order || !k->mounts || !t->ssh)
        return err_nomem(e);
    r = caches(t, sources, e);
    for (size_t i = 0; i < n; i++)
        order[i] = (struct rank){depth_of(t->o->mounts[i].target), i};
    if (n)
        qsort(order, n, sizeof *order, by_depth);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = make(t, order[i].i, &sources[order[i].i], e);
    return r < 0 ? r : net_file_targets(t, e);
}

void step_mounts_undo(struct step *t)
{
    const char *secrets = t->has_secrets ? ctr_path(&t->folder.c, t->a, SECRETS) : NULL;

    for (size_t i = 0; t->folder.lock >= 0 && i < t->o->n_mounts; i++) {
        const char *root = place(t, i, "root");
        if (root && fs_exists(AT_FDCWD, root))
            (void)store_rootfs_umount(t->s->h->store, root, NULL);
    }
    if (secrets)
        (void)umount2(secrets, UMOUNT_NOFOLLOW | MNT_DETACH);
    t->has_secrets = false;
    while (t->n_ssh > 0)
        step_ssh_stop(&t->ssh[--t->n_ssh]);
    while (t->n_held > 0)
        close(t->held[--t->n_held]);
}
