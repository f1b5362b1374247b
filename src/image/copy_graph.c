/* SPDX-License-Identifier: Apache-2.0 */
/* All that hangs on a name, from any source to any sink: children before parents, so that the sink
 * never holds a name for what is missing. */
#include <string.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "base/str.h"
#include "image/copy_priv.h"
#include "model/limits.h"

struct graph {
    struct source *from;
    struct sink *to;
    const struct copy_opts *o;
    struct arena *a;
    size_t n_docs; /* so far */
    bool plain;    /* blobs are only bytes, whatever the config says of them */
};

struct blob_job {
    const struct descriptor *d;
    const struct digest *diff_id; /* NULL: not known */
};
struct blob_jobs {
    const struct graph *g;
    struct blob_job *v;
    size_t n;
};

/* What may be had elsewhere need not be here. */
static int copy_blob(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    const struct blob_jobs *jobs = arg;
    const struct blob_job *j = &jobs->v[i];
    struct sink *to = jobs->g->to;
    const struct copy_opts *o = jobs->g->o;
    struct shale_err why = SHALE_ERR_INIT;

    if (o->skip_blob && o->skip_blob(o->skip_blob_arg, j->d, j->diff_id))
        return 0;
    int r = to->ops->blob(to, j->d, j->diff_id, jobs->g->from, c, &why);

    if (r == -SHALE_NOT_FOUND && j->d->urls.n > 0)
        return 0;
    if (r < 0 && e)
        *e = why;
    return r;
}

static bool is_known(const struct blob_jobs *jobs, const struct descriptor *d)
{
    for (size_t i = 0; i < jobs->n; i++)
        if (digest_eq(&jobs->v[i].d->digest, &d->digest))
            return true;
    return false;
}

static int copy_blobs(const struct graph *g, const struct manifest *m, const struct config *cfg,
                      struct shale_err *e)
{
    struct blob_jobs jobs = {g, arena_array(g->a, m->n_layers + 1, sizeof *jobs.v), 0};
    size_t n_parallel = g->o->n_parallel ? g->o->n_parallel : COPY_DEFAULT_PARALLEL;

    if (!jobs.v)
        return err_nomem(e);
    for (size_t i = 0; i < m->n_layers; i++)
        if (!is_known(&jobs, &m->layers[i]))
            jobs.v[jobs.n++] =
                (struct blob_job){&m->layers[i], cfg->n_diff_ids ? &cfg->diff_ids[i] : NULL};
    for (size_t i = 0; i < 2 * jobs.n; i++) {
        const struct blob_job *j = &jobs.v[i % jobs.n];
        const struct digest *shown = j->diff_id ? j->diff_id : &j->d->digest;
        if (i < jobs.n)
            copy_report(g->o, SHALE_PROGRESS_PREPARING, shown, j->d->size_bytes);
        else if (i - jobs.n >= n_parallel)
            copy_report(g->o, SHALE_PROGRESS_WAITING, shown, j->d->size_bytes);
    }
    return pool_run(copy_blob, &jobs, jobs.n, n_parallel, g->o->cancel, e);
}

/* Config and layers of an image, or config and blobs of any other artifact. */
static int copy_image_parts(const struct graph *g, const struct manifest *m, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    struct config cfg = {0};
    int r = copy_fetch_config(g->from, &m->config, &b, g->o->cancel, e);

    if (r < 0)
        return r;
    /* Only for what is shown; what is no image has none. */
    if (g->plain || !media_is_image_config(m->config.media_type) ||
        config_parse(buf_str(&b), b.n, g->a, &cfg, NULL) < 0 || cfg.n_diff_ids != m->n_layers)
        cfg.n_diff_ids = 0;
    r = copy_blobs(g, m, &cfg, e);
    return r < 0 ? r : g->to->ops->put(g->to, &m->config, buf_str(&b), b.n, g->o->cancel, e);
}

static int copy_parts(struct graph *g, const struct doc *d, unsigned depth, struct shale_err *e);

static int copy_child(struct graph *g, const struct descriptor *d, unsigned depth,
                      struct shale_err *e)
{
    struct doc child;
    bool skip = g->o->skip && media_find(d->media_type)->kind != MEDIA_INDEX &&
                g->o->skip(g->o->skip_arg, d);
    int r = skip ? 1 : g->to->ops->has(g->to, d, e);

    if (r != 0) /* left out, or there with all that hangs on it */
        return r < 0 ? r : 0;
    r = copy_fetch_doc(g->from, d->digest.s, g->a, &child, g->o->cancel, e);
    if (r >= 0)
        r = copy_parts(g, &child, depth + 1, e);
    return r < 0 ? r : g->to->ops->put(g->to, &child.desc, child.raw, child.raw_n, g->o->cancel, e);
}

static int copy_parts(struct graph *g, const struct doc *d, unsigned depth, struct shale_err *e)
{
    int r = 0;

    if (++g->n_docs > LIMIT_INDEX_ENTRIES)
        return err_set(e, SHALE_LIMIT, "more than %d manifests hang on one name",
                       LIMIT_INDEX_ENTRIES);
    if (d->m.kind != MANIFEST_INDEX)
        return copy_image_parts(g, &d->m, e);
    if (depth >= LIMIT_INDEX_DEPTH)
        return err_set(e, SHALE_LIMIT, "more than %d indexes within indexes", LIMIT_INDEX_DEPTH);
    for (size_t i = 0; r >= 0 && i < d->m.n_manifests; i++)
        r = copy_child(g, &d->m.manifests[i], depth, e);
    return r;
}

int copy_artifact(struct source *from, const struct doc *d, struct sink *to,
                  const struct copy_opts *o, struct arena *a, struct shale_err *e)
{
    struct copy_opts quiet = *o;
    struct graph g = {.from = from, .to = to, .o = &quiet, .a = a, .plain = true};

    quiet.on_progress = NULL;
    int r = copy_image_parts(&g, &d->m, e);
    if (r >= 0)
        r = to->ops->settle(to, e);
    return r < 0 ? r : to->ops->put(to, &d->desc, d->raw, d->raw_n, o->cancel, e);
}

int copy_graph(struct source *from, const char *name, struct sink *to, const char *tag,
               const struct copy_opts *o, struct arena *a, struct descriptor *ret,
               struct shale_err *e)
{
    struct graph g = {.from = from, .to = to, .o = o, .a = a};
    struct shale_err why = SHALE_ERR_INIT;
    struct doc top;
    int r = copy_fetch_doc(from, name, a, &top, o->cancel, e);

    if (r < 0)
        return r;
    r = copy_parts(&g, &top, 0, e);
    int settled = to->ops->settle(to, &why);
    if (r >= 0 && settled < 0) {
        if (e)
            *e = why;
        return settled;
    }
    if (r >= 0)
        r = tag ? to->ops->tag(to, tag, &top.desc, top.raw, top.raw_n, o->cancel, e)
                : to->ops->put(to, &top.desc, top.raw, top.raw_n, o->cancel, e);
    if (r >= 0)
        *ret = top.desc;
    return r;
}
