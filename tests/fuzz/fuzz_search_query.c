/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of searches: what is taken keeps to its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "registry/index/search_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
    struct http_query h;
    struct search_query q;

    if (!http_query_parse((struct str){(const char *)data, size}, &a, &h) ||
        search_query_parse(&h, 1700000000000000000ll, &a, &q, NULL) < 0)
        return 0;
    if (q.n_words > SEARCH_MANY || q.n_facts > SEARCH_MANY || q.n_files > SEARCH_MANY ||
        q.n_packages > SEARCH_MANY)
        abort();
    for (size_t i = 0; i < q.n_files; i++)
        if (!*q.files[i].name || strchr(q.files[i].name, '/'))
            abort();
    for (size_t i = 0; i < q.n_packages; i++)
        if (!*q.packages[i].name ||
            (q.packages[i].op != SEARCH_ANY) != (q.packages[i].version != NULL))
            abort();
    for (size_t i = 0; i < q.n_facts; i++)
        if (!*q.facts[i].key)
            abort();
    return 0;
}
