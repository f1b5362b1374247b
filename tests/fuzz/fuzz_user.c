/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/passwd and /etc/group of an image. "USER[:GROUP] NL PASSWD NUL GROUP". */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "container/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const char *p = (const char *)data, *end = p + size;
    const char *nl = size ? memchr(p, '\n', size) : NULL;
    const char *passwd = nl ? nl + 1 : end;
    const char *nul = passwd < end ? memchr(passwd, 0, (size_t)(end - passwd)) : NULL;
    const char *group = nul ? nul + 1 : end;
    char *spec = arena_strndup(&a, p, (size_t)((nl ? nl : end) - p));
    struct shale_err e = SHALE_ERR_INIT;
    struct user u = {0};

    if (!spec)
        return 0;
    int r = user_resolve(spec, passwd, (size_t)((nul ? nul : end) - passwd), group,
                         (size_t)(end - group), &a, &u, &e);
    if (r < 0) {
        if ((e.code != SHALE_INVALID && e.code != SHALE_NOT_FOUND && e.code != SHALE_LIMIT) ||
            e.code != -r || !e.msg[0])
            __builtin_trap();
        return 0;
    }
    if (!u.home || !u.home[0] || u.n_groups > USER_GROUPS_MAX)
        __builtin_trap();
    for (size_t i = 0; i < u.n_groups; i++)
        if (u.groups[i] == UINT32_MAX) /* means "leave it" to the kernel */
            __builtin_trap();
    if (u.uid == UINT32_MAX || u.gid == UINT32_MAX)
        __builtin_trap();
    return 0;
}
