/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: what is taken holds no control characters, and encodes to something that decodes to it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1u << 20);
    struct http_query q;

    if (size > 16384 || !http_query_parse((struct str){(const char *)data, size}, &a, &q))
        return 0;
    for (size_t i = 0; i < q.n; i++) {
        for (const char *p = q.v[i].value; *p; p++)
            if ((unsigned char)*p < 0x20 || *p == 0x7f)
                abort();
        buf_reset(&b);
        http_percent_encode(&b, q.v[i].value, "/");
        const char *back = http_percent_decode((struct str){buf_str(&b), b.n}, true, &a);
        if (!back || strcmp(back, q.v[i].value) != 0)
            abort();
    }
    return 0;
}
