/* SPDX-License-Identifier: Apache-2.0 */
/* What a container was made with, as its row says: what can be read is written as it can be read
 * again. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "container/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    char *text = arena_strndup(&a, (const char *)data, size), *once, *twice;
    struct shale_err e = SHALE_ERR_INIT;
    const char **argv;
    struct conf c;

    if (!text)
        return 0;
    if (conf_parse(text, &a, &c, &e) < 0) {
        if (!e.code || !e.msg[0])
            __builtin_trap();
        return 0;
    }
    conf_no_new_privileges(&c);
    if (conf_command(&c, &a, &argv, &e) < 0 || conf_format(&c, &a, &once, &e) < 0)
        return 0; /* too large for the arena */
    if (conf_parse(once, &a, &c, &e) < 0)
        __builtin_trap();
    if (conf_format(&c, &a, &twice, &e) >= 0 && strcmp(once, twice) != 0)
        __builtin_trap();
    return 0;
}
