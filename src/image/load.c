/* SPDX-License-Identifier: Apache-2.0 */
/* Load: copies of the images of an archive into the store. */
#include <fcntl.h>

#include "archive/archive.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/sys.h"
#include "image/archives.h"
#include "image/copy.h"
#include "image/image_priv.h"
#include "image/since.h"
#include "model/limits.h"
#include "store/events.h"

#define EARLY_THREADS 8  /* images that come in at once: one layer each, with its memory */
#define EARLY_IMAGES  64 /* before their rows and names are made */

/* Of an archive of more images than that most will never run: what is needed to mount fewer files
 * than that is made in a millisecond, when somebody does so (ADR 26). */
#define LATER_IMAGES  8
#define LATER_ENTRIES 1000

struct load {
    struct image_host *h;
    const struct shale_load_opts *o;
    struct arena *a;       /* of the result */
    struct arena own;      /* of the archive */
    struct platform *want; /* what was asked for, else this host's */
    size_t n_want;
    bool want_given;
    int fd, dir_fd;
    bool owns_fd, failed;
    struct archive *from;
    struct sink *to;
    struct sink *to_whole; /* for lists, every blob as it is; opened when needed */
    struct store_lease *lease;
    struct shale_loaded *done;
    size_t n_done, cap;
};

static void load_clear(struct load *l)
{
    uint64_t freed;

    if (l->to)
        l->to->ops->close(l->to);
    if (l->to_whole)
        l->to_whole->ops->close(l->to_whole);
    archive_close(l->from);
    if (l->lease && l->failed) { /* what has come of images that did not */
        store_lease_end(l->lease);
        (void)store_gc(l->h->store, &freed, NULL);
    } else {
        store_lease_end(l->lease);
    }
    if (l->owns_fd)
        close(l->fd);
    if (l->dir_fd >= 0)
        close(l->dir_fd);
    arena_clear(&l->own);
}

int image_open_input(const char *path, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);

    if (fd >= 0)
        return fd;
    return err_sys(&why, "open %s", path) == -SHALE_NOT_FOUND
               ? err_set(e, why.code, "open %s: no such file or directory", path)
               : err_set(e, why.code, "%s", why.msg);
}

static int open_input(struct load *l, struct shale_err *e)
{
    l->fd = l->o->input ? image_open_input(l->o->input, e) : l->o->fd;
    l->owns_fd = l->o->input && l->fd >= 0;
    return l->fd < 0 ? l->fd : 0;
}

static int choose_platforms(struct load *l, struct shale_err *e)
{
    const char *const *given = l->o->platforms;
    size_t n = 0;
    int r = 0;

    while (given && given[n])
        n++;
    l->want_given = n > 0;
    l->want = arena_array(&l->own, n + 1, sizeof *l->want);
    if (!l->want)
        return err_nomem(e);
    l->want[0] = platform_host();
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = platform_parse(given[i], l->a, &l->want[i], e);
    l->n_want = n ? n : 1;
    return r;
}

static int begin(struct load *l, struct shale_err *e)
{
    struct store *s = l->h->store;
    int r = open_input(l, e);

    if (r >= 0)
        r = choose_platforms(l, e);
    if (r >= 0)
        r = store_lease_begin(s, "load", &l->lease, e);
    if (r >= 0)
        r = store_settle(s, e);
    if (r < 0)
        return r;
    r = l->dir_fd = fs_open_dir(store_root_fd(s), "ingest", e);
    if (r >= 0)
        r = archive_open(l->fd, l->dir_fd, l->h->cancel, &l->own, &l->from, e);
    if (r < 0)
        return r;
    struct store_sink_opts so = {.lease = l->lease,
                                 .origin = "load",
                                 .late = true,
                                 .later = l->from->n_images > LATER_IMAGES};
    return store_sink_open(s, &so, &l->to, e);
}

/* ---- names ---- */

struct naming {
    struct load *l;
    const struct archive_image *image;
    struct digest *prev; /* of each name */
};

/* An image whose bytes come in while those of others do. */
struct early {
    struct load *l;
    const struct archive_image *image;
    struct arena a;
    struct manifest manifest;
    bool is_plain, is_tried;
    bool later; /* made ready to run when somebody does so */
    int r;
    struct copy_result c; /* when r >= 0 */
    struct shale_err why; /* when r < 0 */
    struct naming n;
    struct digest id;
};

static int set_names(void *arg, const struct digest *target, const struct digest *id,
                     struct shale_err *e)
{
    const struct naming *n = arg;
    struct meta *m = store_meta(n->l->h->store);
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < n->image->n_names; i++) {
        const struct ref *name = &n->image->names[i];
        r = meta_tag_set(m, name->repo, name->tag, id, target, "load", &n->prev[i], e);
        if (r >= 0 && n->image->published)
            r = meta_repo_digest_put(m, name->repo, target, id, e);
    }
    return meta_end(m, r, e);
}

/* Of the images that a list has beside the one that gets its names. */
static int set_digests(void *arg, const struct digest *target, const struct digest *id,
                       struct shale_err *e)
{
    const struct naming *n = arg;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n->image->n_names; i++)
        r = meta_repo_digest_put(store_meta(n->l->h->store), n->image->names[i].repo, target, id,
                                 e);
    return r;
}

static int add_result(struct load *l, const struct ref *name, const struct digest *id,
                      const struct digest *prev, struct shale_err *e)
{
    struct shale_loaded *v = arena_grow(l->a, l->done, l->n_done, &l->cap, sizeof *v);
    bool moved = prev && digest_is_set(prev) && !digest_eq(prev, id);

    if (!v)
        return err_nomem(e);
    l->done = v;
    v += l->n_done++;
    *v = (struct shale_loaded){
        .ref = name ? ref_familiar(name, l->a) : NULL,
        .id = arena_strdup(l->a, id->s),
        .replaced = moved ? arena_strdup(l->a, prev->s) : NULL,
    };
    return (name && !v->ref) || !v->id || (moved && !v->replaced) ? err_nomem(e) : 0;
}

/* ---- images ---- */

static int read_manifest(struct load *l, const struct digest *d, struct arena *a,
                         struct manifest *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES + 1);
    struct source *s = &l->from->source;
    struct descriptor found;
    int r = s->ops->manifest(s, d->s, &b, a, &found, l->h->cancel, e);

    return r < 0 ? r : manifest_parse(buf_str(&b), b.n, found.media_type, a, ret, e);
}

/* An index without an entry for this host: its first image is what it stands for here. */
static int first_of_index(struct load *l, const struct digest *index, struct arena *a,
                          const char **ret, struct shale_err *e)
{
    struct manifest m;
    int r = read_manifest(l, index, a, &m, e);

    for (size_t i = 0; r >= 0 && i < m.n_manifests; i++) {
        const struct descriptor *x = &m.manifests[i];
        if (media_find(x->media_type)->kind != MEDIA_MANIFEST || descriptor_is_attestation(x))
            continue;
        *ret = arena_strdup(a, x->digest.s);
        return *ret ? 1 : err_nomem(e);
    }
    return r < 0 ? r : 0;
}

/* Before anything of an image is written. */
static int on_manifest(void *arg, const struct manifest *m, struct shale_err *e)
{
    struct load *l = arg;
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);

    return since_check(l->h->store, l->from, m, l->h->cancel, &a, e);
}

static int copy(struct load *l, const struct archive_image *i, const struct platform *want,
                uint32_t n_parallel, struct arena *a, struct copy_result *ret, struct shale_err *e)
{
    struct source *s = &l->from->source;
    struct copy_opts co = {
        .platform = want,
        .by_host = !l->want_given,
        .on_manifest = on_manifest,
        .manifest_arg = l,
        .cancel = l->h->cancel,
        .n_parallel = n_parallel,
        .settle_later = true,
    };
    struct shale_err why = SHALE_ERR_INIT;
    struct descriptor found;
    struct platform have;
    const char *name = i->target.s;
    const char *shown = i->n_names ? ref_familiar(&i->names[0], a) : name;
    int r = copy_find(s, name, want, a, &found, &have, l->h->cancel, &why);

    if (r >= 0 && l->want_given && !platform_matches_local(want, &have))
        return image_wrong_platform(shown ? shown : name, &have, want, a, e);
    if (r == -SHALE_NOT_FOUND && !l->want_given) {
        int other = first_of_index(l, &i->target, a, &name, e);
        if (other < 0)
            return other;
        r = other ? 0 : r;
    }
    if (r < 0)
        return err_set(e, why.code, "%s", why.msg);
    return copy_image(s, name, l->to, &co, a, ret, e);
}

/* ---- lists ---- */

/* The best entry for each platform that was asked for. */
static int choose_entries(struct load *l, const struct manifest *index, struct image_entries *ret,
                          struct shale_err *e)
{
    struct digest *v = arena_array(&l->own, l->n_want, sizeof *v);
    size_t n;

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < l->n_want; i++) {
        const struct descriptor **found;
        int r = manifest_select(index, &l->want[i], &l->own, &found, &n, e);
        if (r < 0)
            return r;
        if (n == 0)
            return err_set(e, SHALE_NOT_FOUND,
                           "no matching manifest for %s in the manifest list entries",
                           l->o->platforms[i]);
        v[i] = found[0]->digest;
    }
    *ret = (struct image_entries){v, l->n_want};
    return 0;
}

/* All that the archive has of a list, or what was asked for of it. */
static int load_list(struct load *l, const struct archive_image *i, const struct manifest *index,
                     struct naming *n, struct digest *id, struct shale_err *e)
{
    /* What was left out of the archive is here under whatever compression. */
    struct store_sink_opts so = {.lease = l->lease, .origin = "load", .all_blobs = !l->from->since};
    struct image_entries c = {NULL, 0};
    struct copy_opts co = {
        .on_manifest = on_manifest,
        .manifest_arg = l,
        .cancel = l->h->cancel,
        .skip_missing = !l->want_given,
    };
    const struct platform host = platform_host();
    struct copy_images all;
    int r = l->to_whole ? 0 : store_sink_open(l->h->store, &so, &l->to_whole, e);

    if (r >= 0 && l->want_given) {
        co.skip = image_entry_is_other;
        co.skip_arg = &c;
        r = choose_entries(l, index, &c, e);
    }
    if (r >= 0)
        r = copy_whole(&l->from->source, i->target.s, l->to_whole, &co, &l->own, &all, e);
    return r < 0 ? r : image_add_whole(l->h, &all, &host, set_digests, set_names, n, id, e);
}

/* Is it of a platform that was asked for, or of any? */
static bool is_wanted(const struct load *l, const struct meta_image *row)
{
    const struct platform have = image_platform(row);

    for (size_t i = 0; l->want_given && i < l->n_want; i++)
        if (platform_matches_local(&l->want[i], &have))
            return true;
    return !l->want_given;
}

/* 1: an image whose manifest was put together here is in the store already, with the manifest of
 * its publisher: it only gets the names. */
static int is_here(struct load *l, const struct archive_image *i, struct naming *n,
                   struct digest *id, struct shale_err *e)
{
    struct meta_image row;
    struct manifest m;

    if (i->published)
        return 0;
    int r = read_manifest(l, &i->target, &l->own, &m, e);
    if (r < 0)
        return r;
    r = meta_image_get(store_meta(l->h->store), &m.config.digest, &l->own, &row, NULL);
    if (r < 0 || !digest_is_set(&row.manifest) || !is_wanted(l, &row))
        return 0;
    r = store_lease_add(l->lease, &row.manifest, e);
    if (r >= 0)
        r = store_rootfs_prepare(l->h->store, &row.id, l->h->cancel, NULL);
    if (r < 0 || set_names(n, &row.manifest, &row.id, NULL) < 0)
        return 0; /* damaged, or just removed: from the archive, then */
    *id = row.id;
    return 1;
}

static int add_results(struct load *l, const struct naming *n, const struct digest *id,
                       struct shale_err *e)
{
    const struct archive_image *i = n->image;
    int r = i->n_names ? 0 : add_result(l, NULL, id, NULL, e);

    store_image_event(l->h->store, EVENT_IMAGE_LOAD, id, id->s, id->s);
    for (size_t k = 0; r >= 0 && k < i->n_names; k++)
        r = add_result(l, &i->names[k], id, &n->prev[k], e);
    return r;
}

/* Waits until what has come lasts. Returns r, or its own error. */
static int settle(struct load *l, int r, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int settled = l->to->ops->settle(l->to, &why);

    if (r >= 0 && settled < 0) {
        *e = why;
        return settled;
    }
    return r;
}

/* One image; of a list that has no name, which nothing would keep together, one for each platform
 * that was asked for. */
static int load_images(struct load *l, const struct archive_image *i, bool is_list,
                       struct naming *n, const struct early *early, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = -SHALE_NOT_FOUND;

    for (size_t k = 0; k < l->n_want && (is_list ? k == 0 || r >= 0 : r == -SHALE_NOT_FOUND); k++) {
        struct copy_result c;
        struct digest id = {""};
        if (k == 0 && early && early->is_tried) {
            r = early->r;
            c = early->c;
            why = early->why;
        } else {
            r = copy(l, i, &l->want[k], 0, &l->own, &c, &why);
            r = settle(l, r, &why);
        }
        if (r >= 0)
            r = image_add(l->h, &c, true, set_names, n, &id, &why);
        if (r >= 0)
            r = add_results(l, n, &id, &why);
    }
    return r < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}

static int load_one(struct load *l, const struct archive_image *i, const struct early *early,
                    struct shale_err *e)
{
    struct naming n = {l, i, arena_array(&l->own, i->n_names + 1, sizeof *n.prev)};
    struct digest id = {""};
    struct manifest m;
    int r = n.prev ? is_here(l, i, &n, &id, e) : err_nomem(e);

    if (r != 0)
        return r < 0 ? r : add_results(l, &n, &id, e);
    r = read_manifest(l, &i->target, &l->own, &m, e);
    if (r < 0)
        return r;
    bool is_list = m.kind == MANIFEST_INDEX;
    if (!is_list || i->n_names == 0 || (l->want_given && l->n_want == 1))
        return load_images(l, i, is_list, &n, early, e);
    r = load_list(l, i, &m, &n, &id, e);
    return r < 0 ? r : add_results(l, &n, &id, e);
}

/* ---- several images at once ---- */

/* Finds out which images are plain, and protects what they need in one transaction. What needs more
 * thought than they do is left to load_one. */
static int survey(struct load *l, struct early *v, size_t n, struct shale_err *e)
{
    struct meta *m = store_meta(l->h->store);
    struct meta_image row;
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct early *x = &v[i];
        struct manifest *doc = &x->manifest;
        if (read_manifest(l, &x->image->target, &x->a, doc, NULL) < 0 ||
            doc->kind == MANIFEST_INDEX)
            continue;
        if (!x->image->published && meta_image_get(m, &doc->config.digest, &x->a, &row, NULL) >= 0)
            continue;
        x->is_plain = true;
        r = store_lease_add(l->lease, &x->image->target, e);
        if (r >= 0)
            r = store_lease_add(l->lease, &doc->config.digest, e);
        for (size_t k = 0; r >= 0 && k < doc->n_layers; k++)
            r = store_lease_add(l->lease, &doc->layers[k].digest, e);
    }
    return meta_end(m, r, e);
}

static int fetch_early(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct early *x = (struct early *)arg + i;

    if (!x->is_plain || cancel_is_set(c))
        return 0;
    x->r = copy(x->l, x->image, &x->l->want[0], 1, &x->a, &x->c, &x->why);
    x->is_tried = x->r != -SHALE_CANCELED;
    return 0;
}

/* Its layers, of which it has no rows yet, and how many entries they have together. */
static int find_stack(struct early *x, struct meta_image_layer **ret, size_t *ret_n,
                      uint64_t *ret_entries)
{
    struct store *s = x->l->h->store;
    struct meta_image_layer *v;
    struct meta_layer row;
    struct config cfg;
    int r = store_config(s, &x->c.config, &x->a, &cfg, NULL);

    if (r < 0)
        return r;
    v = arena_array(&x->a, cfg.n_diff_ids + 1, sizeof *v);
    if (!v)
        return -SHALE_NO_MEMORY;
    *ret_entries = 0;
    for (size_t i = 0; i < cfg.n_diff_ids; i++) {
        v[i].diff_id = cfg.diff_ids[i];
        r = meta_layer_get(store_meta(s), &cfg.diff_ids[i], &row, NULL);
        if (r < 0)
            return r;
        *ret_entries += row.n_entries;
    }
    *ret = v;
    *ret_n = cfg.n_diff_ids;
    return 0;
}

/* So that the transaction of the rows need not wait for it: there it only looks. */
static int prepare_early(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct early *x = (struct early *)arg + i;
    struct meta_image_layer *layers;
    uint64_t entries;
    size_t n;
    if (!x->is_tried || x->r < 0 || find_stack(x, &layers, &n, &entries) < 0)
        return 0;
    x->later = x->l->from->n_images > LATER_IMAGES && entries < LATER_ENTRIES;
    if (!x->later && image_runs_here(&x->c.platform))
        (void)store_stack_prepare(x->l->h->store, layers, n, c, NULL);
    return 0;
}

/* Rows and names of images whose bytes are here, in one transaction; up to the first that fails, or
 * that has to be loaded by itself. Returns how many came. */
static int add_early(struct load *l, struct early *v, size_t n, size_t *ret_n, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct meta *m = store_meta(l->h->store);
    size_t done = 0;
    int r = meta_begin(m, e), failed = 0;

    if (r < 0)
        return r;
    for (; failed >= 0 && done < n && v[done].is_tried && v[done].r >= 0; done += failed >= 0) {
        struct early *x = &v[done];
        x->n = (struct naming){l, x->image,
                               arena_array(&x->a, x->image->n_names + 1, sizeof(struct digest))};
        failed = x->n.prev ? image_add(l->h, &x->c, !x->later, set_names, &x->n, &x->id, &why)
                           : err_nomem(&why);
    }
    r = meta_end(m, 0, e);
    for (size_t i = 0; r >= 0 && i < done; i++)
        r = add_results(l, &v[i].n, &v[i].id, e);
    if (r >= 0 && failed < 0 && e)
        *e = why;
    *ret_n = done;
    return r < 0 ? r : failed;
}

/* The bytes come in side by side; rows and names follow in the order of the archive, up to the
 * first that fails. */
static int load_window(struct load *l, struct early *v, size_t n, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = survey(l, v, n, &why);

    if (r >= 0)
        r = pool_run(fetch_early, v, n, EARLY_THREADS, l->h->cancel, &why);
    r = settle(l, r, &why);
    if (r >= 0)
        r = pool_run(prepare_early, v, n, EARLY_THREADS, l->h->cancel, &why);
    for (size_t i = 0, came; r >= 0 && i < n; i += came) {
        came = 0;
        if (v[i].is_tried && v[i].r >= 0) {
            r = add_early(l, v + i, n - i, &came, &why);
        } else {
            r = load_one(l, v[i].image, &v[i], &why);
            came = 1;
        }
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

static int load_all(struct load *l, struct shale_err *e)
{
    /* What an archive lacks must be here: one of its images may bring it for the next. */
    bool early = l->from->n_images > 1 && !l->from->since;
    struct early *v = early ? arena_array(&l->own, EARLY_IMAGES, sizeof *v) : NULL;
    int r = early && !v ? err_nomem(e) : 0;

    for (size_t i = 0, n = 1; r >= 0 && i < l->from->n_images; i += n) {
        if (!early) {
            r = load_one(l, &l->from->images[i], NULL, e);
            continue;
        }
        for (n = 0; n < EARLY_IMAGES && i + n < l->from->n_images; n++) {
            v[n] = (struct early){.l = l, .image = &l->from->images[i + n], .why = SHALE_ERR_INIT};
            arena_init(&v[n].a, ARENA_DEFAULT_MAX);
        }
        r = load_window(l, v, n, e);
        for (size_t k = 0; k < n; k++)
            arena_clear(&v[k].a);
    }
    return r;
}

int image_load(struct image_host *h, const struct shale_load_opts *o, struct arena *a,
               struct shale_load_result *ret, struct shale_err *e)
{
    _cleanup_(load_clear) struct load l = {.h = h, .o = o, .a = a, .fd = -1, .dir_fd = -1};
    int r;

    arena_init(&l.own, ARCHIVE_MAX_BYTES);
    r = begin(&l, e);
    if (r >= 0 && l.from->n_images == 0)
        r = err_set(e, SHALE_INVALID, "the archive has no images");
    if (r >= 0)
        r = load_all(&l, e);
    l.failed = r < 0;
    if (r < 0)
        return r;
    *ret = (struct shale_load_result){l.done, l.n_done};
    return 0;
}
