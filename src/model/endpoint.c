/* SPDX-License-Identifier: Apache-2.0 */
#include "model/endpoint.h"

#include "base/cleanup.h"
#include "model/limits.h"

int source_resolve(struct source *s, const char *name, struct arena *a, struct descriptor *ret,
                   struct cancel *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES + 1);

    return s->ops->manifest(s, name, &b, a, ret, c, e);
}

int source_describe(struct buf *b, const struct digest *d, struct arena *a, struct descriptor *ret,
                    struct shale_err *e)
{
    struct manifest m;
    int r = manifest_parse(buf_str(b), b->n, NULL, a, &m, e);

    if (r < 0)
        return r;
    *ret = (struct descriptor){.media_type = m.media_type, .digest = *d, .size_bytes = b->n};
    return 0;
}
