/* SPDX-License-Identifier: Apache-2.0 */
#include "image/copy_priv.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/pool.h"
#include "base/str.h"
#include "model/limits.h"

int copy_fetch_doc(struct source *from, const char *name, struct arena *a, struct doc *ret,
                   struct cancel *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES + 1);
    int r;

    r = from->ops->manifest(from, name, &b, a, &ret->desc, c, e);
    if (r < 0)
        return r;
    ret->raw_n = b.n;
    ret->raw = arena_memdup(a, b.p ? b.p : "", b.n);
    if (!ret->raw)
        return err_nomem(e);
    r = manifest_parse(ret->raw, ret->raw_n, ret->desc.media_type, a, &ret->m, e);
    if (r < 0)
        return err_wrap(e, r, "manifest %s", ret->desc.digest.s);
    if (!ret->desc.media_type || !*ret->desc.media_type)
        ret->desc.media_type = ret->m.media_type;
    ret->desc.size_bytes = ret->raw_n;
    return 0;
}

/* Which amd64 this host is was not asked for, and docker does not say it. */
static int no_match(const struct platform *want, bool by_host, struct arena *a, struct shale_err *e)
{
    struct platform shown = *want;
    if (by_host && streq(want->arch, "amd64"))
        shown.variant = NULL;
    char *p = platform_format(&shown, a);
    return err_set(e, SHALE_NOT_FOUND, "no matching manifest for %s in the manifest list entries",
                   p ? p : "this platform");
}

/* Follows indexes down to the manifest for `want`. path[] receives every index on the way,
 * outermost first. */
static int descend(struct source *from, struct doc *top, const struct platform *want, bool by_host,
                   struct arena *a, struct doc *ret, struct doc *path, size_t *ret_n_path,
                   struct cancel *c, struct shale_err *e)
{
    struct doc cur = *top;
    size_t n = 0;

    while (cur.m.kind == MANIFEST_INDEX) {
        const struct descriptor **found;
        size_t n_found;
        int r;

        if (n == LIMIT_INDEX_DEPTH)
            return err_set(e, SHALE_LIMIT, "more than %d indexes within indexes",
                           LIMIT_INDEX_DEPTH);
        path[n++] = cur;
        r = manifest_select(&cur.m, want, a, &found, &n_found, e);
        if (r < 0)
            return r;
        if (n_found == 0)
            return no_match(want, by_host, a, e);
        struct descriptor entry = *found[0];
        r = copy_fetch_doc(from, entry.digest.s, a, &cur, c, e);
        if (r < 0)
            return r;
        if (entry.size_bytes != cur.raw_n)
            return err_set(e, SHALE_CORRUPT, "manifest %s has %zu bytes, its index says %llu",
                           entry.digest.s, cur.raw_n, (unsigned long long)entry.size_bytes);
    }
    *ret = cur;
    *ret_n_path = n;
    return 0;
}

/* ---- config ---- */

struct collect {
    struct buf *b;
    uint64_t want;
};

static int collect_start(void *arg, uint64_t offset, struct shale_err *e)
{
    struct collect *c = arg;
    if (offset != c->b->n)
        return err_set(e, SHALE_NETWORK, "transfer does not continue where it stopped");
    return 0;
}

static int collect_data(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct collect *c = arg;
    if (n > c->want - c->b->n)
        return err_set(e, SHALE_CORRUPT, "more bytes than the %llu of its descriptor",
                       (unsigned long long)c->want);
    buf_add(c->b, p, n);
    return buf_check(c->b, e);
}

static int unsupported_type(const char *type, struct shale_err *e)
{
    char shown[160];

    return err_set(e, SHALE_UNSUPPORTED, "unsupported media type %s",
                   str_printable(shown, sizeof shown, type));
}

/* 0 for an image, else docker's words for what it is. */
static int check_config_type(const char *type, struct shale_err *e)
{
    if (media_is_image_config(type))
        return 0;
    if (streq(type, "application/vnd.docker.plugin.v1+json"))
        return err_set(e, SHALE_UNSUPPORTED, "Encountered remote \"%s\"(plugin) when fetching",
                       type);
    if (str_has_prefix(type, "application/vnd.docker.ai."))
        return err_set(e, SHALE_UNSUPPORTED,
                       "AI models are not yet supported by the Engine, please use \"docker model "
                       "pull/run\" instead");
    return unsupported_type(type, e);
}

int copy_fetch_config(struct source *from, const struct descriptor *d, struct buf *b,
                      struct cancel *c, struct shale_err *e)
{
    struct collect col = {b, d->size_bytes};
    struct digest got;
    int r;

    if (d->size_bytes > LIMIT_CONFIG_BYTES)
        return err_set(e, SHALE_LIMIT, "image config of %llu bytes is over the limit of %llu",
                       (unsigned long long)d->size_bytes, (unsigned long long)LIMIT_CONFIG_BYTES);
    r = from->ops->blob(from, d, 0, collect_start, collect_data, &col, c, e);
    if (r < 0)
        return r;
    r = digest_of_bytes(digest_alg(&d->digest), b->p ? b->p : "", b->n, &got, e);
    if (r < 0)
        return r;
    if (b->n != d->size_bytes || !digest_eq(&got, &d->digest))
        return err_set(e, SHALE_CORRUPT, "image config verification failed for digest %s",
                       d->digest.s);
    return 0;
}

static int check_diff_ids(const struct manifest *m, const struct config *c, struct shale_err *e)
{
    if (c->n_diff_ids == m->n_layers)
        return 0;
    return err_set(e, SHALE_CORRUPT,
                   "layers from manifest don't match image configuration: %zu layers, %zu diff_ids",
                   m->n_layers, c->n_diff_ids);
}

static int copy_config(struct source *from, struct sink *to, const struct manifest *m,
                       struct arena *a, struct config *ret, struct cancel *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    int r;

    r = copy_fetch_config(from, &m->config, &b, c, e);
    if (r < 0)
        return r;
    r = config_parse(b.p ? b.p : "", b.n, a, ret, e);
    if (r < 0)
        return r;
    r = check_diff_ids(m, ret, e);
    if (r < 0)
        return r;
    return to->ops->put(to, &m->config, b.p ? b.p : "", b.n, c, e);
}

static int check_layers(const struct manifest *m, struct shale_err *e)
{
    if (m->n_layers > LIMIT_LAYERS)
        return err_set(e, SHALE_LIMIT, "image of %zu layers is over the limit of %d", m->n_layers,
                       LIMIT_LAYERS);
    for (size_t i = 0; i < m->n_layers; i++) {
        const struct descriptor *d = &m->layers[i];
        const struct media *media = media_find(d->media_type);
        if (media->kind != MEDIA_LAYER || media->codec == CODEC_OTHER)
            return unsupported_type(d->media_type, e);
        if (d->size_bytes > LIMIT_BLOB_BYTES)
            return err_set(e, SHALE_LIMIT, "layer %s of %llu bytes is over the limit of %llu",
                           d->digest.s, (unsigned long long)d->size_bytes,
                           (unsigned long long)LIMIT_BLOB_BYTES);
    }
    return 0;
}

int copy_documents(struct source *from, const char *name, const struct platform *want, bool by_host,
                   struct arena *a, struct manifest *ret, struct config *ret_config,
                   bool *ret_chosen, struct cancel *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    struct doc top, image, path[LIMIT_INDEX_DEPTH];
    size_t n_path;
    int r = copy_fetch_doc(from, name, a, &top, c, e);

    if (r >= 0)
        r = descend(from, &top, want, by_host, a, &image, path, &n_path, c, e);
    if (r >= 0)
        r = check_config_type(image.m.config.media_type, e);
    if (r >= 0)
        r = check_layers(&image.m, e);
    if (r >= 0)
        r = copy_fetch_config(from, &image.m.config, &b, c, e);
    if (r >= 0)
        r = config_parse(b.p ? b.p : "", b.n, a, ret_config, e);
    if (r >= 0)
        r = check_diff_ids(&image.m, ret_config, e);
    if (r < 0)
        return r;
    *ret = image.m;
    *ret_chosen = n_path > 0;
    return 0;
}

int copy_find(struct source *from, const char *name, const struct platform *want, struct arena *a,
              struct descriptor *ret_image, struct platform *ret_have, struct cancel *c,
              struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    struct doc top, image, path[LIMIT_INDEX_DEPTH];
    struct config cfg;
    size_t n_path;
    int r = copy_fetch_doc(from, name, a, &top, c, e);

    if (r >= 0)
        r = descend(from, &top, want, false, a, &image, path, &n_path, c, e);
    if (r >= 0)
        r = check_config_type(image.m.config.media_type, e);
    if (r >= 0)
        r = copy_fetch_config(from, &image.m.config, &b, c, e);
    if (r >= 0)
        r = config_parse(b.p ? b.p : "", b.n, a, &cfg, e);
    if (r < 0)
        return r;
    *ret_image = image.desc;
    *ret_have = n_path ? *want : cfg.platform; /* an index has said what it is */
    return 0;
}

/* ---- layers ---- */

struct layer_job {
    const struct descriptor *d;
    const struct digest *diff_id;
};
struct layer_jobs {
    struct source *from;
    struct sink *to;
    struct layer_job *v;
    size_t n;
};

static int copy_layer(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct layer_jobs *jobs = arg;
    const struct layer_job *j = &jobs->v[i];
    return jobs->to->ops->blob(jobs->to, j->d, j->diff_id, jobs->from, c, e);
}

void copy_report(const struct copy_opts *o, enum shale_progress_kind kind,
                 const struct digest *shown, uint64_t total)
{
    struct shale_progress p = {.kind = kind, .total = total};
    char id[13];

    if (!o->on_progress)
        return;
    digest_short(shown, id);
    p.id = id;
    o->on_progress(o->progress_arg, &p);
}

/* A layer that stands in the stack twice is copied once. 1: it is among the jobs. */
static int job_known(const struct layer_jobs *jobs, const struct descriptor *d,
                     const struct digest *diff_id, struct shale_err *e)
{
    for (size_t i = 0; i < jobs->n; i++) {
        const struct layer_job *j = &jobs->v[i];
        if (!digest_eq(&j->d->digest, &d->digest))
            continue;
        if (!digest_eq(j->diff_id, diff_id) || j->d->size_bytes != d->size_bytes)
            return err_set(e, SHALE_CORRUPT,
                           "layers from manifest don't match image configuration: layer %s stands "
                           "for two different ones",
                           d->digest.s);
        return 1;
    }
    return 0;
}

/* What is to come: every layer, then those for which there is no room yet. */
static int announce(const struct layer_jobs *jobs, const struct copy_opts *o, size_t n_parallel,
                    struct shale_err *e)
{
    size_t n_open = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < jobs->n; i++) {
            const struct descriptor *d = jobs->v[i].d;
            int has = jobs->to->ops->has(jobs->to, d, e);
            if (has < 0)
                return has;
            if (has)
                copy_report(o, SHALE_PROGRESS_PRESENT, &d->digest, d->size_bytes);
            else if (pass == 0)
                copy_report(o, SHALE_PROGRESS_QUEUED, &d->digest, d->size_bytes);
            else if (n_open++ >= n_parallel)
                copy_report(o, SHALE_PROGRESS_WAITING, &d->digest, d->size_bytes);
        }
    }
    return 0;
}

static int copy_layers(struct source *from, struct sink *to, const struct manifest *m,
                       const struct config *cfg, const struct copy_opts *o, struct arena *a,
                       struct shale_err *e)
{
    struct layer_jobs jobs = {from, to, arena_array(a, m->n_layers + 1, sizeof *jobs.v), 0};

    if (!jobs.v)
        return err_nomem(e);
    for (size_t i = 0; i < m->n_layers; i++) {
        int r = job_known(&jobs, &m->layers[i], &cfg->diff_ids[i], e);
        if (r < 0)
            return r;
        if (r == 1)
            continue;
        jobs.v[jobs.n++] = (struct layer_job){&m->layers[i], &cfg->diff_ids[i]};
    }
    size_t n_parallel = o->n_parallel ? o->n_parallel : COPY_DEFAULT_PARALLEL;
    struct shale_err why = SHALE_ERR_INIT; /* of lesser interest when the layers have failed */
    int r = announce(&jobs, o, n_parallel, e);
    if (r >= 0)
        r = pool_run(copy_layer, &jobs, jobs.n, n_parallel, o->cancel, e);
    int settled = o->settle_later ? 0 : to->ops->settle(to, &why);
    if (r >= 0 && settled < 0 && e)
        *e = why;
    return r < 0 ? r : settled;
}

static int tell(const struct copy_opts *o, const struct manifest *m, struct shale_err *e)
{
    return o->on_manifest ? o->on_manifest(o->manifest_arg, m, e) : 0;
}

int copy_image_doc(struct source *from, const struct doc *image, struct sink *to,
                   const struct copy_opts *o, struct arena *a, struct copy_result *ret,
                   struct shale_err *e)
{
    struct config cfg;
    int r = check_config_type(image->m.config.media_type, e);

    if (r >= 0)
        r = check_layers(&image->m, e);
    if (r >= 0)
        r = tell(o, &image->m, e);
    if (r >= 0)
        r = copy_config(from, to, &image->m, a, &cfg, o->cancel, e);
    if (r >= 0)
        r = copy_layers(from, to, &image->m, &cfg, o, a, e);
    if (r >= 0)
        r = to->ops->put(to, &image->desc, image->raw, image->raw_n, o->cancel, e);
    if (r < 0)
        return r;
    *ret = (struct copy_result){image->desc, image->desc, image->m.config.digest, cfg.platform};
    return 0;
}

int copy_image(struct source *from, const char *name, struct sink *to, const struct copy_opts *o,
               struct arena *a, struct copy_result *ret, struct shale_err *e)
{
    struct doc top, image, path[LIMIT_INDEX_DEPTH];
    size_t n_path;
    int r;

    r = copy_fetch_doc(from, name, a, &top, o->cancel, e);
    if (r >= 0)
        r = tell(o, &top.m, e);
    if (r >= 0)
        r = descend(from, &top, o->platform, o->by_host, a, &image, path, &n_path, o->cancel, e);
    if (r >= 0)
        r = copy_image_doc(from, &image, to, o, a, ret, e);
    if (r < 0)
        return r;
    while (n_path > 0) {
        const struct doc *d = &path[--n_path];
        r = to->ops->put(to, &d->desc, d->raw, d->raw_n, o->cancel, e);
        if (r < 0)
            return r;
    }
    ret->target = top.desc;
    return 0;
}
