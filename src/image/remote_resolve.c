/* SPDX-License-Identifier: Apache-2.0 */
/* Digests behind references in registries, several at once. */
#include <pthread.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "base/str.h"
#include "image/remote.h"

#define JOB_BYTES (64ull << 20)

struct resolving {
    struct image_host *h;
    const struct shale_resolve_opts *o;
    struct shale_resolved *v;
    size_t n, cap;
    pthread_mutex_t mutex; /* guards a, once several ask */
    struct arena *a;
};

static int add(struct resolving *x, const char *ref, struct shale_err *e)
{
    struct shale_resolved *v = arena_grow(x->a, x->v, x->n, &x->cap, sizeof *v);

    if (!v || !ref)
        return err_nomem(e);
    x->v = v;
    v[x->n++] = (struct shale_resolved){.ref = ref, .digest = "", .problem = ""};
    return 0;
}

static int add_problem(struct resolving *x, const char *ref, int r, const struct shale_err *why,
                       struct shale_err *e)
{
    if (r == -SHALE_CANCELED || r == -SHALE_NO_MEMORY) {
        if (e)
            *e = *why;
        return r;
    }
    int k = add(x, ref, e);
    if (k < 0)
        return k;
    struct shale_resolved *v = &x->v[x->n - 1];
    v->code = -r;
    v->problem = arena_strdup(x->a, why->msg);
    return v->problem ? 0 : err_nomem(e);
}

static int add_tags(struct resolving *x, const struct remote_name *name, struct shale_err *e)
{
    struct ref ref = name->ref;
    struct source *from;
    struct strv tags = {0};
    int r = remote_source_open(x->h->remote, &name->ref, &from, e);

    if (r < 0)
        return r;
    r = remote_name_tags(name, from, x->a, &tags, x->h->cancel, e);
    from->ops->close(from);
    for (size_t i = 0; r >= 0 && i < tags.n; i++) {
        ref.tag = tags.v[i];
        r = add(x, ref_familiar(&ref, x->a), e);
    }
    return r;
}

static int add_name(struct resolving *x, const char *text, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct remote_name name;
    const char *kept = arena_strdup(x->a, text);
    int r = kept ? remote_name_parse(text, x->a, &name, &why) : err_nomem(&why);

    if (r >= 0 && name.glob) {
        r = add_tags(x, &name, &why);
    } else if (r >= 0) {
        ref_default_tag(&name.ref);
        r = add(x, ref_familiar(&name.ref, x->a), &why);
    }
    return r < 0 ? add_problem(x, kept, r, &why, e) : 0;
}

static int resolve_job(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(JOB_BYTES);
    struct resolving *x = arg;
    struct shale_resolved *v = &x->v[i];
    struct image_host h = *x->h;
    struct shale_err why = SHALE_ERR_INIT;
    struct digest d;

    if (v->code)
        return 0;
    h.cancel = c;
    int r = image_digest(&h, v->ref, x->o->platform, &a, &d, &why);
    if (r == -SHALE_CANCELED || r == -SHALE_NO_MEMORY) {
        if (e)
            *e = why;
        return r;
    }
    pthread_mutex_lock(&x->mutex);
    const char *text = arena_strdup(x->a, r < 0 ? why.msg : d.s);
    pthread_mutex_unlock(&x->mutex);
    if (!text)
        return err_nomem(e);
    v->code = r < 0 ? -r : SHALE_OK;
    *(r < 0 ? &v->problem : &v->digest) = text;
    return 0;
}

int image_remote_resolve(struct image_host *h, const char *const *refs, size_t n_refs,
                         const struct shale_resolve_opts *o, struct arena *a,
                         struct shale_resolved_list *ret, struct shale_err *e)
{
    struct resolving x = {.h = h, .o = o, .a = a};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n_refs; i++)
        r = add_name(&x, refs[i], e);
    if (r < 0)
        return r;
    pthread_mutex_init(&x.mutex, NULL);
    r = pool_run(resolve_job, &x, x.n, o->n_parallel ? o->n_parallel : REMOTE_PARALLEL, h->cancel,
                 e);
    pthread_mutex_destroy(&x.mutex);
    if (r < 0)
        return r;
    *ret = (struct shale_resolved_list){x.v, x.n};
    return 0;
}
