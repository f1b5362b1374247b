/* SPDX-License-Identifier: Apache-2.0 */
/* The document of a build's cache: what is taken of it has sense, and comes out of it again when it
 * was written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "build/cache/cache_remote_doc.h"

#define INLINE_LAYERS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct cache_doc *d, size_t n_layers)
{
    for (size_t i = 0; i < d->n_records; i++)
        if (strspn(d->records[i].key, "0123456789abcdef") != 64 ||
            (d->records[i].layer != CACHE_DOC_NONE && d->records[i].layer >= n_layers))
            abort();
}

static void again(const struct cache_doc *d, struct arena *a)
{
    struct cache_doc two;
    json_t *doc = NULL;
    char *text;

    if (cache_doc_write(d, &doc, NULL) < 0)
        abort();
    text = json_text(doc);
    if (!text || cache_doc_parse(text, strlen(text), a, &two, NULL) < 0 ||
        two.n_records != d->n_records || two.n_layers != d->n_layers)
        abort();
    for (size_t i = 0; i < d->n_records; i++)
        if (strcmp(two.records[i].key, d->records[i].key) != 0 ||
            two.records[i].layer != d->records[i].layer)
            abort();
    free(text);
    json_decref(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT(64 << 20);
    struct cache_doc d;

    if (cache_doc_parse(data, size, &a, &d, NULL) >= 0) {
        check(&d, d.n_layers);
        again(&d, &a);
    }
    if (cache_doc_parse_inline(data, size, INLINE_LAYERS, &a, &d, NULL) >= 0)
        check(&d, INLINE_LAYERS);
    arena_clear(&a);
    return 0;
}
