/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/build_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

/* The folder that a path is in, "." where it names none. */
static const char *folder_of(struct cli *c, const char *path)
{
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n ? arena_strndup(&c->arena, path, n) : ".";
}

static int check_folder(struct cli *c, const char *option, const char *path, const char *dir)
{
    struct stat st;

    if (!dir)
        return err_nomem(&c->e);
    if (stat(dir, &st) < 0 && errno == ENOENT)
        return err_set(&c->e, SHALE_NOT_FOUND, "%s \"%.200s\": there is no folder %.200s", option,
                       path, dir);
    if (stat(dir, &st) < 0)
        return err_set(&c->e, err_code_of_errno(errno), "%s \"%.200s\": %s", option, path,
                       strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(&c->e, SHALE_INVALID, "%s \"%.200s\": %.200s is no folder", option, path,
                       dir);
    if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
        return err_set(&c->e, SHALE_DENIED, "%s \"%.200s\": nothing can be written in %.200s: %s",
                       option, path, dir, strerror(errno));
    return 0;
}

int build_file_check(struct cli *c, const char *option, const char *path)
{
    struct stat st;

    if (!path)
        return 0;
    if (!*path)
        return err_set(&c->e, SHALE_INVALID, "%s: the name of a file is missing", option);
    if ((stat(path, &st) == 0 && S_ISDIR(st.st_mode)) || str_has_suffix(path, "/"))
        return err_set(&c->e, SHALE_INVALID, "%s \"%.200s\" is a folder: name a file", option,
                       path);
    return check_folder(c, option, path, folder_of(c, path));
}

int build_folder_check(struct cli *c, const char *option, const char *path)
{
    const char *dir = path;
    struct stat st;

    while (dir && stat(dir, &st) < 0 && (errno == ENOENT || errno == ENOTDIR) && !streq(dir, ".") &&
           !streq(dir, "/"))
        dir = folder_of(c, dir);
    return check_folder(c, option, path, dir);
}
