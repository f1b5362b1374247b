/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests: what is taken has a token for a method, a path, no line ends anywhere, and one
 * length at most. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "http/wire_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct wire_head *h)
{
    if (!*h->method || strpbrk(h->method, " \t\r\n") || h->target[0] != '/' ||
        strpbrk(h->target, " \t\r\n") || h->path_bytes > strlen(h->target))
        abort();
    for (size_t i = 0; i < h->n_fields; i++)
        if (!*h->fields[i].name || strpbrk(h->fields[i].name, ": \t\r\n") ||
            strpbrk(h->fields[i].value, "\r\n"))
            abort();
    const char *chunks = wire_head_get(h, "transfer-encoding");
    if ((h->length == WIRE_LENGTH_UNKNOWN) != (chunks != NULL) ||
        (chunks && wire_head_get(h, "content-length")))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *copy = malloc(size + 1);
    size_t n = wire_head_end((const char *)data, size);
    struct wire_head h;

    if (n > size)
        abort();
    if (!copy || n == 0)
        return 0;
    memcpy(copy, data, n);
    copy[n] = 'x'; /* nobody may want a NUL behind it */
    int status = wire_head_parse(copy, n, &h);
    if (status != 0 && (status < 400 || status > 599))
        abort();
    if (status == 0)
        check(&h);
    return 0;
}
