/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/mount.h"

#include <limits.h>
#include <unistd.h>

#include "model/mount_value.h"

/* "./x" and ".." from the working directory, as the client of docker does. */
static int absolute(const char **path, struct arena *a, struct shale_err *e)
{
    char cwd[PATH_MAX];

    if (!*path || (*path)[0] != '.')
        return *path ? 0 : err_nomem(e);
    if (!getcwd(cwd, sizeof cwd))
        return err_sys(e, "working directory");
    *path = arena_printf(a, "%s/%s", cwd, *path);
    return *path ? 0 : err_nomem(e);
}

int mount_parse_volume(const char *text, struct arena *a, struct shale_mount *ret,
                       struct shale_err *e)
{
    int r = mount_value_volume(text, a, ret, e);
    return r == 0 && ret->type == SHALE_MOUNT_BIND ? absolute(&ret->source, a, e) : r;
}

int mount_parse_mount(const char *text, struct arena *a, struct shale_mount *ret,
                      struct shale_err *e)
{
    int r = mount_value_mount(text, a, ret, e);
    return r == 0 && ret->type == SHALE_MOUNT_BIND ? absolute(&ret->source, a, e) : r;
}

int mount_parse_tmpfs(const char *text, struct arena *a, struct shale_mount *ret,
                      struct shale_err *e)
{
    return mount_value_tmpfs(text, a, ret, e);
}
