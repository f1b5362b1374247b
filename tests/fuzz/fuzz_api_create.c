/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of POST /containers/create. */
#include <stdint.h>
#include <stdlib.h>

#include "api/body.h"
#include "api/create_body.h"
#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const char *const *v)
{
    if (v && !*v) /* nothing is NULL */
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(32u << 20);
    _cleanup_json_ json_t *j = NULL;
    struct api_req q = {.arena = &a, .version = API_VERSION_MAX};
    struct shale_create_opts o;
    struct create_limits l;

    if (size > 65536 || api_json_parse(data, size, &j, NULL) < 0 || !j)
        return 0;
    if (create_body_take(&q, j, &o, NULL) >= 0) {
        if (!o.image || o.n_networks == 0 || !o.networks[0].network)
            abort();
        check_list(o.publish);
        check_list(o.devices);
        check_list(o.ulimits);
        check_list(o.labels);
        check_list(o.log_opts);
        for (size_t i = 0; i < o.n_mounts; i++)
            if (!o.mounts[i].target)
                abort();
    }
    (void)create_body_limits(&q, j, &l, NULL);
    return 0;
}
