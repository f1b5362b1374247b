/* SPDX-License-Identifier: Apache-2.0 */
#include "container/spaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/sys.h"

#define SHM       "shm"
#define HOST_SHM  "/dev/shm"
#define SHAREABLE "shareable"

bool spaces_own_pids(const struct conf *c)
{
    return !ns_mode_is_host(c->namespaces[NS_PID]) && !ns_mode_joined(c->namespaces[NS_PID]);
}

static bool is_shareable(const struct conf *c)
{
    return c->namespaces[NS_IPC] && streq(c->namespaces[NS_IPC], SHAREABLE);
}

/* ---- joining ---- */

static int find_running(struct container_host *h, struct arena *a, const char *id, struct ctr *ret,
                        struct shale_err *e)
{
    int r = ctr_find(h, id, a, ret, e);

    return r < 0 ? r : ctr_need_running(ret, e);
}

/* Is the namespace the one that we are in? */
static bool is_ours(int fd, const char *kind)
{
    struct stat ours, st;
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    return fstat(fd, &st) == 0 && stat(path, &ours) == 0 && st.st_ino == ours.st_ino &&
           st.st_dev == ours.st_dev;
}

/* Open before it is looked whether the process lives: its number is not another one's then. */
static int join(struct container_host *h, struct arena *a, const char *id, const char *kind,
                struct space *ret, struct shale_err *e)
{
    struct ctr_run run;
    struct ctr other;
    int r = find_running(h, a, id, &other, e);

    if (r >= 0)
        r = ctr_run_load(h, &other, a, &run, e);
    if (r < 0)
        return r;
    const char *path = arena_printf(a, "/proc/%d/ns/%s", (int)run.init.pid, kind);
    if (!path)
        return err_nomem(e);
    ret->fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
    if (!process_alive(&run.init))
        return err_set(e, SHALE_CONFLICT, "container %s is not running", other.row.id);
    if (ret->fd < 0)
        return err_sys(e, "open %s", path);
    ret->host = is_ours(ret->fd, kind);
    ret->joins = arena_printf(a, "/proc/%d/fd/%d", (int)getpid(), ret->fd);
    return ret->joins ? 0 : err_nomem(e);
}

/* Where the memory is that goes with the IPC of that container. */
static int find_shm(struct container_host *h, struct arena *a, const char *id, const char **ret,
                    struct shale_err *e)
{
    struct ctr other;

    for (int depth = 0; depth < SPACES_DEPTH_MAX; depth++) {
        int r = find_running(h, a, id, &other, e);
        if (r < 0)
            return r;
        if (ns_mode_is_host(other.conf.namespaces[NS_IPC])) {
            *ret = HOST_SHM;
            return 0;
        }
        if (is_shareable(&other.conf)) {
            *ret = ctr_path(&other, a, SHM);
            return *ret ? 0 : err_nomem(e);
        }
        id = ns_mode_joined(other.conf.namespaces[NS_IPC]);
        if (!id)
            return err_set(e, SHALE_INVALID,
                           "container %s: non-shareable IPC (hint: use IpcMode:shareable for the "
                           "donor container)",
                           other.row.id);
    }
    return err_set(e, SHALE_LIMIT, "IPC of containers is joined over more than %d of them",
                   SPACES_DEPTH_MAX);
}

/* ---- /dev/shm ---- */

static int make_shm(const struct ctr *c, struct arena *a, const char **ret, struct shale_err *e)
{
    const char *path = ctr_path(c, a, SHM);
    const char *options = arena_printf(a, "mode=1777,size=%lld", (long long)c->conf.shm_bytes);

    if (!path || !options)
        return err_nomem(e);
    spaces_undo(c, a); /* of a start that broke off */
    if (sys_mkdirat(AT_FDCWD, path, 0700) < 0 && errno != EEXIST)
        return err_sys(e, "create %s", path);
    if (mount(SHM, path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
        return err_sys(e, "mount %s", path);
    *ret = path;
    return 0;
}

void spaces_undo(const struct ctr *c, struct arena *a)
{
    const char *path = is_shareable(&c->conf) ? ctr_path(c, a, SHM) : NULL;

    while (path && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
        ;
}

void spaces_close(struct spaces *s)
{
    for (int i = 0; i < NS_KINDS; i++)
        if (s->v[i].fd >= 0)
            close(TAKE_FD(s->v[i].fd));
}

int spaces_setup(struct container_host *h, struct arena *a, const struct ctr *c, struct spaces *ret,
                 struct shale_err *e)
{
    static const char *const names[NS_KINDS] = {[NS_PID] = "pid", [NS_IPC] = "ipc"};
    const char *ipc = c->conf.namespaces[NS_IPC], *ipc_of = ns_mode_joined(ipc);
    int r = 0;

    *ret = (struct spaces){.shm = NULL};
    for (int i = 0; i < NS_KINDS; i++)
        ret->v[i].fd = -1;
    for (int i = 0; r >= 0 && i < NS_KINDS; i++) {
        const char *mode = c->conf.namespaces[i], *other = ns_mode_joined(mode);
        ret->v[i].host = ns_mode_is_host(mode);
        if (other && names[i])
            r = join(h, a, other, names[i], &ret->v[i], e);
    }
    if (r < 0)
        return r;
    ret->no_shm = ipc && streq(ipc, "none");
    if (ipc_of)
        r = find_shm(h, a, ipc_of, &ret->shm, e);
    else if (ret->v[NS_IPC].host)
        ret->shm = HOST_SHM;
    else if (is_shareable(&c->conf))
        r = make_shm(c, a, &ret->shm, e);
    return r;
}
