/* SPDX-License-Identifier: Apache-2.0 */
/* The values of -v, --mount and --tmpfs. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/mount.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int (*const parsers[])(const char *, struct arena *, struct shale_mount *,
                                  struct shale_err *) = {mount_parse_volume, mount_parse_mount,
                                                         mount_parse_tmpfs};
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    char *text = arena_strndup(&a, (const char *)data, size);

    for (size_t i = 0; text && i < ARRAY_SIZE(parsers); i++) {
        struct shale_mount m = {0};
        struct shale_err e = SHALE_ERR_INIT;
        int r = parsers[i](text, &a, &m, &e);
        bool told = r == -SHALE_INVALID || r == -SHALE_LIMIT || r == -SHALE_UNSUPPORTED;
        if (r < 0 && (e.code != -r || !told || !e.msg[0]))
            __builtin_trap();
        if (r < 0)
            continue;
        if (!m.target || (m.type == SHALE_MOUNT_BIND && !m.source))
            __builtin_trap();
        if ((m.source && strlen(m.source) > size + 4096) || strlen(m.target) > size + 1)
            __builtin_trap();
    }
    return 0;
}
