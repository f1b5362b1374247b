/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of steps: looked up, held, and put. */
#include "base/str.h"
#include "build/build_priv.h"
#include "build/cache/cache_remote.h"

#define DESCRIPTION_MAX 512

static int hold(struct build *b, const struct meta_image_layer *l, struct shale_err *e)
{
    int r = store_lease_add(b->lease, &l->diff_id, e);

    return r < 0 || !digest_is_set(&l->blob) ? r : store_lease_add(b->lease, &l->blob, e);
}

/* Row and lease in one transaction: who prunes cannot come between. */
static int get(struct build *b, const char *key, struct arena *a, struct meta_build_step *ret,
               struct shale_err *e)
{
    int r = meta_build_get(store_meta(b->store), key, a, ret, NULL);
    const struct meta_image_layer l = {ret->diff_id, ret->blob};

    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r < 0)
        return meta_build_get(store_meta(b->store), key, a, ret, e);
    r = digest_is_set(&l.diff_id) ? hold(b, &l, e) : 0;
    if (r >= 0)
        r = meta_build_used(store_meta(b->store), key, e);
    return r < 0 ? r : 1;
}

int record_get_own(struct build *b, const char *key, struct arena *a, struct cached *ret,
                   struct shale_err *e)
{
    struct meta_build_step row = {.key = NULL};
    struct meta *m = store_meta(b->store);
    uint64_t size;
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    int found = get(b, key, a, &row, e);
    r = meta_end(m, found < 0 ? found : 0, e);
    if (r < 0 || found <= 0)
        return r < 0 ? r : 0;
    /* Somebody has taken the file away: it is done again. */
    if (digest_is_set(&row.blob) && blob_has(store_blobs(b->store), &row.blob, &size, NULL) != 1)
        return 0;
    *ret = (struct cached){.layer = {row.diff_id, row.blob}, .created_ns = row.created_ns};
    return 1;
}

int record_get(struct build *b, const char *key, struct arena *a, struct cached *ret,
               struct shale_err *e)
{
    int found = record_get_own(b, key, a, ret, e);

    if (found == 0)
        found = cache_remote_get(b, key, ret, e);
    int r = found == 1 ? cache_remote_used(b, key, ret, e) : 0;
    return r < 0 ? r : found;
}

int record_put_own(struct build *b, const char *key, const char *description,
                   const struct cached *c, struct shale_err *e)
{
    char shown[DESCRIPTION_MAX];
    struct meta_build_step row = {
        .key = key,
        .description = str_printable(shown, sizeof shown, description),
        .diff_id = c->layer.diff_id,
        .blob = c->layer.blob,
        .created_ns = c->created_ns,
        .used_ns = time_now_ns(),
    };

    return meta_build_put(store_meta(b->store), &row, e);
}

int record_put(struct build *b, const char *key, const char *description, const struct cached *c,
               struct shale_err *e)
{
    int r = c->remote ? 0 : record_put_own(b, key, description, c, e);

    if (r >= 0)
        record_made(b, key, c);
    return r < 0 ? r : cache_remote_used(b, key, c, e);
}

int record_apply(struct build *b, struct stage *s, const struct cached *c, const char *history,
                 struct shale_err *e)
{
    bool has = digest_is_set(&c->layer.diff_id);
    int r = has ? state_add_layer(&s->state, &c->layer, &s->arena, e) : 0;

    if (r < 0)
        return r;
    return state_history(&s->state, history, has,
                         b->epoch_ns != TIME_NONE ? b->epoch_ns : c->created_ns, e);
}
