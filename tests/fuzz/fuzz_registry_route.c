/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of requests: whatever is taken has a name and a reference that follow the grammar. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/digest.h"
#include "model/ref.h"
#include "registry/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
    struct route t;
    struct digest d;

    if (route_parse((struct str){(const char *)data, size}, &a, &t) != ROUTE_OK || !t.name ||
        t.id == ROUTE_NONE)
        return 0;
    if (!ref_path_valid(t.name) || strstr(t.name, "..") || strstr(t.name, "//"))
        abort();
    if ((t.id == ROUTE_BLOB || t.id == ROUTE_REFERRERS) && digest_parse(t.ref, &d, NULL) < 0)
        abort();
    if (t.id == ROUTE_MANIFEST && !t.is_digest && !ref_tag_valid(t.ref))
        abort();
    if (t.ref && strchr(t.ref, '/'))
        abort();
    return 0;
}
