/* SPDX-License-Identifier: Apache-2.0 */
/* docker's config.json. Helpers are not found: there is no PATH. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "remote/remote_priv.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return setenv("PATH", "/nonexistent", 1);
}

static void check(const struct credential *c)
{
    /* what goes into a header line has no line end in it */
    if (c->registry_token && strpbrk(c->registry_token, "\r\n"))
        __builtin_trap();
    if (!c->user != !c->password)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const domains[] = {"docker.io", "reg.example:5000", "localhost"};
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct remote_client c = {0};
    struct shale_err e = SHALE_ERR_INIT;

    if (json_parse(data, size, 1 << 20, &c.config, NULL) < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(domains); i++) {
        struct credential cred;
        int r = creds_find(&c, domains[i], &a, &cred, &e);
        if (r < 0 && (e.code != -r || !e.msg[0]))
            __builtin_trap();
        if (r >= 0)
            check(&cred);
    }
    json_decref(c.config);
    return 0;
}
