/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest of another registry: is a tag still what it was, and what is it now? What comes is
 * stored as if it had been pushed, but for what it names: that comes when it is asked for. */
#include "base/cleanup.h"
#include "base/str.h"
#include "model/limits.h"
#include "registry/upstream/pull.h"

static int store(struct ask *k, struct buf *b, const struct descriptor *d, const char *tag,
                 struct shale_err *e)
{
    struct registry *reg = k->p->r;
    struct manifest m = {0};
    struct state_put p = {.cached = true};
    int r = manifest_parse(buf_str(b), b->n, d->media_type, &k->a, &m, e);

    if (r >= 0)
        r = reg_manifest_rows(&m, &k->a, &p, e);
    if (r < 0)
        return r;
    p.repo = k->repo;
    p.tag = tag;
    p.m.digest = d->digest;
    p.m.size = b->n;
    p.m.media_type = *d->media_type ? d->media_type : m.media_type;
    r = state_lease(reg->state, &p.m.digest, e);
    if (r >= 0)
        r = blob_put(reg->blobs, &p.m.digest, buf_str(b), b->n, e);
    if (r >= 0)
        r = state_manifest_put(reg->state, &p, e);
    if (r >= 0)
        indexer_push(reg->indexer, &p.m.digest);
    return r < 0 ? r : 0;
}

static int get(struct ask *k, struct source *src, const char *name, const char *tag,
               struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES);
    struct descriptor d = {0};
    int r = src->ops->manifest(src, name, &b, &k->a, &d, &k->p->cancel, e);

    return r < 0 ? r : store(k, &b, &d, tag, e);
}

/* A tag that is here: asked for without its bytes. */
static int ask_again(struct ask *k, struct source *src, struct shale_err *e)
{
    struct state *s = k->p->r->state;
    struct descriptor d = {0};
    int r = src->ops->resolve(src, k->ref, &k->a, &d, &k->p->cancel, e);

    if (r == -SHALE_NOT_FOUND) {
        (void)state_tag_delete(s, k->repo, k->ref, NULL);
        return r;
    }
    if (r >= 0)
        r = state_tag_put(s, k->repo, k->ref, &d.digest, e);
    if (r != 0)
        return r < 0 ? r : 0;
    return get(k, src, d.digest.s, k->ref, e);
}

int ask_manifest(struct ask *k, struct source *src, struct shale_err *e)
{
    bool digest = strchr(k->ref, ':') != NULL;
    struct state_manifest m;
    int r = state_manifest(k->p->r->state, k->repo, k->ref, &k->a, &m, e);

    if (r < 0)
        return r;
    if (digest) /* somebody else may have brought it since */
        return r > 0 ? 0 : get(k, src, k->ref, NULL, e);
    return r > 0 ? ask_again(k, src, e) : get(k, src, k->ref, k->ref, e);
}
