/* SPDX-License-Identifier: Apache-2.0 */
/* Range, Content-Range and If-None-Match from a client that may say anything. The first byte is a
 * size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
    uint64_t first, last;

    if (size == 0 || size > 16384)
        return 0;
    const char *text = arena_strndup(&a, (const char *)data + 1, size - 1);
    if (!text)
        abort();
    if (http_range_parse(text, data[0], &first, &last) == HTTP_RANGE_PART &&
        (first > last || last >= data[0]))
        abort();
    if (http_upload_range_parse(text, &first, &last) && (first > last || last == UINT64_MAX))
        abort();
    if (http_etag_matches(text, "\"tag\"") && !strstr(text, "\"tag\"") && !strchr(text, '*'))
        abort();
    return 0;
}
