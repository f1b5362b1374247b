/* SPDX-License-Identifier: Apache-2.0 */
/* Link, Content-Range and Retry-After from a registry that may say anything. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "http/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(64u << 20);
    uint64_t first, last, total;
    int64_t ns;

    if (size > 16384)
        return 0;
    char *text = arena_strndup(&a, (const char *)data, size);
    if (!text)
        abort();

    const char *next = http_parse_link_next(text, &a);
    if (next && (!*next || strchr(next, '>') || !strstr(text, next)))
        abort();
    if (http_parse_content_range(text, &first, &last, &total) && (first > last || last >= total))
        abort();
    if (http_parse_retry_after(text, 1700000000 * NS_PER_S, &ns) &&
        (ns < 0 || ns > 24 * 3600 * NS_PER_S))
        abort();
    return 0;
}
