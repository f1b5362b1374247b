/* SPDX-License-Identifier: Apache-2.0 */
#include "build/context/room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/sys.h"

#define ROOMS_DIR "contexts"

struct build_room {
    int rooms_fd, fd; /* fd is locked as long as the room is lived in */
    char name[33];
};

/* Nobody holds its lock: its process is gone. */
static int sweep_one(void *arg, const char *name, unsigned char type)
{
    int rooms = *(const int *)arg;

    if (type != DT_DIR)
        return 0;
    _cleanup_close_ int fd = openat(rooms, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && lock_fd_try(fd, LOCK_EXCLUSIVE, NULL) == 1)
        (void)fs_remove_tree(rooms, name, NULL);
    return 0;
}

static int enter(struct build_room *m, struct shale_err *e)
{
    if (sys_mkdirat(m->rooms_fd, m->name, 0700) < 0)
        return err_sys(e, "create a folder in " ROOMS_DIR);
    m->fd = openat(m->rooms_fd, m->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->fd < 0)
        return err_sys(e, "open a folder in " ROOMS_DIR);
    int r = lock_fd_try(m->fd, LOCK_EXCLUSIVE, e);
    return r == 0 ? err_set(e, SHALE_INTERNAL, "a new folder is locked") : r;
}

static int open_room(struct build_room *m, struct store *s, struct shale_err *e)
{
    int root = store_root_fd(s), r = random_hex(m->name, 16, e);

    if (r >= 0)
        r = fs_mkdir_p(root, ROOMS_DIR, 0700, e);
    if (r < 0)
        return r;
    m->rooms_fd = fs_open_dir(root, ROOMS_DIR, e);
    if (m->rooms_fd < 0)
        return m->rooms_fd;
    /* Between the making of a folder and its lock nobody sweeps. */
    _cleanup_close_ int lock = lock_take(m->rooms_fd, "lock", LOCK_EXCLUSIVE, NULL, e);
    if (lock < 0)
        return lock;
    r = fs_each(m->rooms_fd, ".", sweep_one, &m->rooms_fd, e);
    return r < 0 ? r : enter(m, e);
}

int build_room_open(struct store *s, struct build_room **ret, struct shale_err *e)
{
    struct build_room *m = mem_alloc(sizeof *m);

    if (!m)
        return err_nomem(e);
    m->rooms_fd = m->fd = -1;
    int r = open_room(m, s, e);
    if (r < 0)
        build_room_close(m);
    else
        *ret = m;
    return r < 0 ? r : 0;
}

int build_room_fd(const struct build_room *m)
{
    return m->fd;
}

struct build_room *build_room_close(struct build_room *m)
{
    if (!m)
        return NULL;
    if (m->fd >= 0) {
        (void)fs_remove_tree(m->rooms_fd, m->name, NULL);
        close(m->fd);
    }
    if (m->rooms_fd >= 0)
        close(m->rooms_fd);
    free(m);
    return NULL;
}
