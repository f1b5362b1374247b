/* SPDX-License-Identifier: Apache-2.0 */
/* A file of --env-file. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/kvfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_close_ int fd = memfd_create("kvfile", MFD_CLOEXEC);
    struct shale_err e = SHALE_ERR_INIT;
    struct strv all = {0}, none = {0};
    char path[64], *paths[] = {path};
    const struct strv files = {.v = paths, .n = 1};

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (kvfile_merge(&files, &none, "env", &a, &all, &e) < 0) {
        if (e.code != SHALE_INVALID || !e.msg[0])
            __builtin_trap();
        return 0;
    }
    for (size_t i = 0; i < all.n; i++) /* a name, without blanks */
        if (!all.v[i] || !all.v[i][0] || all.v[i][0] == '=' || all.v[i][0] == '#' ||
            strcspn(all.v[i], " \t") < strcspn(all.v[i], "="))
            __builtin_trap();
    if (all.n && all.v[all.n])
        __builtin_trap();
    return 0;
}
