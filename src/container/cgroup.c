/* SPDX-License-Identifier: Apache-2.0 */
#include "container/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"

#define CGROUP_ROOT     "/sys/fs/cgroup"
#define CONTROLLERS_MAX 4096
#define REMOVE_DEPTH    32 /* levels of groups that a container may have made */
#define REMOVE_TRIES    50 /* processes that were killed need a moment to be gone */
#define REMOVE_PAUSE_US 2000

static const char *const mode_names[] = {
    [CGROUP_NONE] = "none", [CGROUP_V1] = "v1", [CGROUP_V2] = "v2", [CGROUP_HYBRID] = "hybrid"};

static bool is_cgroup2(const char *path)
{
    struct statfs sf;

    return statfs(path, &sf) == 0 && sf.f_type == CGROUP2_SUPER_MAGIC;
}

enum cgroup_mode cgroup_mode(void)
{
    if (is_cgroup2(CGROUP_ROOT))
        return CGROUP_V2;
    if (is_cgroup2(CGROUP_ROOT "/unified"))
        return CGROUP_HYBRID;
    if (access(CGROUP_ROOT "/memory", F_OK) == 0 || access(CGROUP_ROOT "/cpu", F_OK) == 0 ||
        access(CGROUP_ROOT "/pids", F_OK) == 0)
        return CGROUP_V1;
    return CGROUP_NONE;
}

const char *cgroup_mode_name(enum cgroup_mode mode)
{
    return mode_names[mode];
}

const char *cgroup_usual_namespace(enum cgroup_mode mode)
{
    return mode == CGROUP_V2 ? "private" : "host";
}

bool cgroup_has(enum cgroup_mode mode, const char *controller)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CONTROLLERS_MAX);
    struct str rest, one;
    char path[64];

    if (mode == CGROUP_NONE)
        return false;
    if (mode != CGROUP_V2) {
        (void)snprintf(path, sizeof path, CGROUP_ROOT "/%s", controller);
        return access(path, W_OK) == 0;
    }
    if (fs_read_file(AT_FDCWD, CGROUP_ROOT "/cgroup.controllers", &b, NULL) < 0)
        return false;
    rest = str_trim((struct str){b.p, b.n});
    while (rest.n > 0 && str_split(&rest, ' ', &one))
        if (str_eq(one, str_of(controller)))
            return true;
    return false;
}

struct group { /* a group while what is in it is removed */
    int fd;
    int depth;
};

static int remove_group(int dirfd, const char *name, int depth, struct shale_err *e);

static int remove_inner(void *arg, const char *name, unsigned char d_type)
{
    const struct group *g = arg;

    return d_type == DT_DIR ? remove_group(g->fd, name, g->depth + 1, NULL) : 0;
}

/* rmdir(2) is the only way to remove a group; the files in it go by themselves. */
static int remove_group(int dirfd, const char *name, int depth, struct shale_err *e)
{
    for (int tries = 0;; tries++) {
        if (sys_unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY && errno != ENOTEMPTY)
            return err_sys(e, "remove control group %s", name);
        if (tries == REMOVE_TRIES || depth == REMOVE_DEPTH)
            return err_set(e, SHALE_IN_USE, "control group %s still has processes", name);
        _cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
            (void)fs_each(fd, ".", remove_inner, &(struct group){fd, depth}, NULL);
        if (tries > 0)
            usleep(REMOVE_PAUSE_US);
    }
}

struct removal {
    int root_fd;
    const char *path;
    int worst; /* 0, or what failed in some hierarchy */
};

static int remove_in_hierarchy(void *arg, const char *name, unsigned char d_type)
{
    struct removal *rm = arg;
    char path[512];
    int r;

    if (d_type != DT_DIR)
        return 0;
    (void)snprintf(path, sizeof path, "%s%s", name, rm->path);
    r = remove_group(rm->root_fd, path, 0, NULL);
    if (r < 0)
        rm->worst = r;
    return 0;
}

int cgroup_remove(enum cgroup_mode mode, const char *path, struct shale_err *e)
{
    _cleanup_close_ int root_fd = -1;
    struct removal rm = {-1, path, 0};
    int r;

    if (mode == CGROUP_NONE)
        return 0;
    root_fd = fs_open_dir(AT_FDCWD, CGROUP_ROOT, e);
    if (root_fd < 0)
        return root_fd;
    if (mode == CGROUP_V2)
        return remove_group(root_fd, path + 1, 0, e);
    rm.root_fd = root_fd;
    r = fs_each(root_fd, ".", remove_in_hierarchy, &rm, e);
    if (r < 0)
        return r;
    if (rm.worst < 0)
        return err_set(e, -rm.worst, "control group %s could not be removed", path);
    return 0;
}
