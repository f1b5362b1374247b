/* SPDX-License-Identifier: Apache-2.0 */
#include "container/volumes.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/str.h"
#include "container/copytree.h"
#include "container/events.h"
#include "container/names.h"

int volume_check_name(const char *name, struct shale_err *e)
{
    if (name_is_valid(name))
        return 0;
    if (name[0] && !name[1])
        return err_set(e, SHALE_INVALID,
                       "volume name is too short, names should be at least two alphanumeric "
                       "characters");
    return err_set(e, SHALE_INVALID,
                   "\"%.200s\" includes invalid characters for a local volume name, only "
                   "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
                   "directory, use absolute path",
                   name);
}

static int volume_path(const char *name, struct arena *a, const char **ret, struct shale_err *e)
{
    int r = volume_check_name(name, e);

    if (r < 0)
        return r;
    *ret = arena_printf(a, "volumes/%s", name);
    return *ret ? 0 : err_nomem(e);
}

int volume_ensure(struct store *s, const char *name, struct arena *a, const char **ret_path,
                  struct shale_err *e)
{
    const char *path, *data;
    int r = volume_path(name, a, &path, e);

    if (r < 0)
        return err_wrap(e, r, "create %.200s", name);
    data = arena_printf(a, "%s/_data", path);
    *ret_path = arena_printf(a, "%s/%s", store_root(s), data);
    if (!data || !*ret_path)
        return err_nomem(e);
    bool there = fs_exists(store_root_fd(s), data);
    r = fs_mkdir_p(store_root_fd(s), path, 0711, e);
    if (r >= 0)
        r = fs_mkdir_p(store_root_fd(s), data, 0755, e);
    if (r >= 0 && !there)
        volume_event(s, EVENT_VOLUME_CREATE, name);
    return r;
}

int volume_remove(struct store *s, const char *name, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4096);
    const char *path;
    int r = volume_path(name, &a, &path, e);

    bool there = r >= 0 && fs_exists(store_root_fd(s), path);
    if (r >= 0)
        r = fs_remove_tree(store_root_fd(s), path, e);
    if (r >= 0 && there)
        volume_event(s, EVENT_VOLUME_DESTROY, name);
    return r;
}

static int any_entry(void *arg, const char *name, unsigned char d_type)
{
    return 1;
}

int volume_fill(const char *path, int root_fd, const char *target, struct shale_err *e)
{
    _cleanup_close_ int from = -1, to = -1;
    struct shale_err why = SHALE_ERR_INIT;
    int r;

    to = fs_open_dir(AT_FDCWD, path, e);
    if (to < 0)
        return to;
    r = fs_each(to, ".", any_entry, NULL, e);
    if (r != 0)
        return r < 0 ? r : 0;
    from = inroot_open(root_fd, target, O_RDONLY | O_DIRECTORY, &why);
    if (from < 0)
        return 0; /* the image has nothing there, or no directory */
    r = copytree(from, to, e);
    return r < 0 ? err_wrap(e, r, "copy %.200s of the image into its volume", target) : 0;
}
