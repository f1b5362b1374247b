/* SPDX-License-Identifier: Apache-2.0 */
/* What is inside of a layer: members of any tar, in two pieces; paths are relative and clean. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "contents/contents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_entry(void *arg, const struct contents_entry *x, struct shale_err *e)
{
    (void)arg, (void)e;
    if (x->path.p[x->path.n] || strlen(x->path.p) != x->path.n || x->path.p[0] == '/' ||
        strstr(x->path.p, "//"))
        abort();
    if (x->path.n == 0 && x->kind != CONTENTS_OPAQUE)
        abort();
    return 0;
}

static int on_package(void *arg, const struct contents_package *x, struct shale_err *e)
{
    (void)arg, (void)e;
    if (!*x->name || x->file.n == 0)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct contents_sink sink = {on_entry, on_package, NULL};
    const struct contents_limits limits = {10000, 1u << 20};
    struct contents *c = NULL;
    size_t cut = size / 3;
    int r = contents_new(&sink, &limits, &c, NULL);

    if (r >= 0)
        r = contents_feed(c, data, cut, NULL);
    if (r >= 0)
        r = contents_feed(c, data + cut, size - cut, NULL);
    if (r >= 0)
        (void)contents_end(c, NULL);
    contents_free(c);
    return 0;
}
