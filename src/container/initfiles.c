/* SPDX-License-Identifier: Apache-2.0 */
#include "container/initfiles.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/inroot.h"
#include "base/str.h"
#include "base/sys.h"

#define ENV_FILE    ".dockerenv"
#define MTAB_FOLDER "etc"
#define MTAB        "mtab"
#define MTAB_LINK   "/proc/mounts"

static const struct initfile files[] = {
    {ENV_FILE, TAR_REG, NULL, true},
    {"dev", TAR_DIR, NULL, false},
    {"dev/console", TAR_REG, NULL, false},
    {"dev/pts", TAR_DIR, NULL, false},
    {"dev/shm", TAR_DIR, NULL, false},
    {MTAB_FOLDER, TAR_DIR, NULL, false},
    {"etc/hostname", TAR_REG, NULL, false},
    {"etc/hosts", TAR_REG, NULL, false},
    {MTAB_FOLDER "/" MTAB, TAR_SYMLINK, MTAB_LINK, true},
    {"etc/resolv.conf", TAR_REG, NULL, false},
    {"proc", TAR_DIR, NULL, false},
    {"sys", TAR_DIR, NULL, false},
};

const struct initfile *initfile_at(size_t i)
{
    return i < ARRAY_SIZE(files) ? &files[i] : NULL;
}

static bool links_to(int dir_fd, const char *name, const char *link)
{
    char target[64];
    ssize_t n = readlinkat(dir_fd, name, target, sizeof target);

    return n == (ssize_t)strlen(link) && memcmp(target, link, (size_t)n) == 0;
}

bool initfile_is(const char *path, int dir_fd, const char *name, const struct stat *st, bool ours)
{
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (!streq(path, files[i].path) || (files[i].ours && !ours))
            continue;
        switch (files[i].type) {
        case TAR_DIR:
            return S_ISDIR(st->st_mode);
        case TAR_SYMLINK:
            return S_ISLNK(st->st_mode) && links_to(dir_fd, name, files[i].link);
        default:
            return S_ISREG(st->st_mode) && st->st_size == 0;
        }
    }
    return false;
}

void initfiles_make(int root_fd)
{
    _cleanup_close_ int env =
        sys_openat(root_fd, ENV_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0755);

    if (inroot_mkdir_p(root_fd, MTAB_FOLDER, NULL) < 0)
        return;
    _cleanup_close_ int folder = inroot_open(root_fd, MTAB_FOLDER, O_PATH | O_DIRECTORY, NULL);
    if (folder >= 0)
        (void)sys_symlinkat(MTAB_LINK, folder, MTAB);
}

uint64_t initfiles_bytes(const char *upper)
{
    _cleanup_close_ int root = sys_openat(AT_FDCWD, upper, O_PATH | O_DIRECTORY, 0);
    _cleanup_close_ int folder =
        root < 0 ? -1 : inroot_open(root, MTAB_FOLDER, O_PATH | O_DIRECTORY, NULL);

    return folder >= 0 && links_to(folder, MTAB, MTAB_LINK) ? strlen(MTAB_LINK) : 0;
}
