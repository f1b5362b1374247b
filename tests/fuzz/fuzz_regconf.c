/* SPDX-License-Identifier: Apache-2.0 */
/* A config file of the registry: read, or refused with a line; what was read keeps its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "registry/conf/regconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct regconf *c = NULL;

    if (regconf_parse("f/x", (const char *)data, size, NULL, 0, &c, &e) < 0) {
        if (c || !str_has_prefix(e.msg, "f/x"))
            abort();
        return 0;
    }
    if (c->n_listen == 0 || c->limits.connections < 8)
        abort();
    for (size_t i = 0; i < c->n_listen; i++)
        if (c->listen[i].port > 65535 || !c->listen[i].host)
            abort();
    for (size_t i = 0; i < c->policy.n_rules; i++)
        (void)policy_allows(&c->policy, "user", c->policy.rules[i].glob, POLICY_PUSH);
    for (size_t i = 0; i < c->n_notify; i++)
        if (!c->notify[i].url || !c->notify[i].name)
            abort();
    regconf_free(c);
    return 0;
}
