/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/folder_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

/* Takes fd (or -1 with errno) as the folder of this depth, which must be the one noted there when
 * `known`. */
static int stand_in(struct folder_walk *w, int fd, size_t depth, bool known, const char *name,
                    struct shale_err *e)
{
    _cleanup_close_ int owned = fd;
    struct stat st;

    if (owned < 0 || fstat(owned, &st) < 0)
        return err_sys(e, "%s", name);
    if (known && (w->way[depth].dev != st.st_dev || w->way[depth].ino != st.st_ino))
        return err_set(e, SHALE_CONFLICT, "a folder was moved while it was looked at");
    w->way[depth].dev = st.st_dev;
    w->way[depth].ino = st.st_ino;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = TAKE_FD(owned);
    w->depth = depth;
    return 0;
}

int folder_walk_begin(struct folder_walk *w, int folder_fd, struct shale_err *e)
{
    w->fd = -1;
    return stand_in(w, fcntl(folder_fd, F_DUPFD_CLOEXEC, 3), 0, false, "folder", e);
}

int folder_walk_enter(struct folder_walk *w, const char *name, struct shale_err *e)
{
    if (w->depth == TREE_MAX_DEPTH)
        return err_set(e, SHALE_LIMIT, "%s: more than %d levels of folders", name, TREE_MAX_DEPTH);
    return stand_in(w, sys_openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0),
                    w->depth + 1, false, name, e);
}

int folder_walk_leave(struct folder_walk *w, struct shale_err *e)
{
    return stand_in(w, sys_openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0),
                    w->depth - 1, true, "..", e);
}

void folder_walk_end(struct folder_walk *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}
