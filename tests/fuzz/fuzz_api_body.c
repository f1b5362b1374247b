/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of JSON, through the finding of members; and the config file of the daemon. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/body.h"
#include "api/conf.h"
#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct strv *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (!*v->v[i])
            abort();
    if (v->n && v->v[v->n])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(16u << 20);
    _cleanup_json_ json_t *j = NULL;
    struct api_conf c;
    const char *name;
    json_t *v;

    if (size > 65536)
        return 0;
    if (api_json_parse(data, size, &j, NULL) == 0 && j) {
        json_object_foreach(j, name, v)
        {
            json_t *found = api_member(j, name);
            if ((found == NULL) != json_is_null(v) || (found && found != v))
                abort();
        }
        (void)api_member(j, "hostconfig");
    }
    if (api_conf_parse((const char *)data, size, &a, &c, NULL) == 0) {
        check_list(&c.hosts);
        check_list(&c.insecure);
        check_list(&c.ulimits);
    }
    return 0;
}
