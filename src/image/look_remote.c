/* SPDX-License-Identifier: Apache-2.0 */
#include "image/look_remote.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "image/copy.h"
#include "image/image_priv.h"
#include "model/limits.h"

#define PREFIX   "docker://"
#define DB_BYTES (256u << 20) /* of a package manager */

const char *look_remote_name(const char *what)
{
    return str_has_prefix(what, PREFIX) ? what + strlen(PREFIX) : NULL;
}

/* ---- the image ---- */

static int choose_platform(const char *given, struct arena *a, bool *ret_given,
                           struct platform *ret, struct shale_err *e)
{
    if (!given || !*given)
        given = getenv("DOCKER_DEFAULT_PLATFORM");
    *ret_given = given && *given;
    if (*ret_given)
        return platform_parse(given, a, ret, e);
    *ret = platform_host();
    return 0;
}

static int read_docs(struct look_remote *r, const char *text, const char *platform,
                     struct shale_err *e)
{
    struct platform want;
    bool given, chosen;
    struct ref ref;
    int k = ref_parse(text, r->arena, &ref, e);

    if (k >= 0)
        k = choose_platform(platform, r->arena, &given, &want, e);
    if (k < 0)
        return k;
    ref_default_tag(&ref);
    k = remote_source_open(r->h.remote, &ref, &r->from, e);
    if (k >= 0)
        k = copy_documents(r->from, digest_is_set(&ref.digest) ? ref.digest.s : ref.tag, &want,
                           !given, r->arena, &r->m, &r->config, &chosen, r->h.cancel, e);
    if (k < 0)
        return k;
    if (given && !chosen && !platform_matches_local(&want, &r->config.platform))
        return image_wrong_platform(text, &r->config.platform, &want, r->arena, e);
    return 0;
}

int look_remote_open(struct image_host *h, const char *ref, const char *platform, struct arena *a,
                     struct look *l, struct shale_err *e)
{
    struct look_remote *r = arena_alloc(a, sizeof *r);

    if (!r)
        return err_nomem(e);
    *r = (struct look_remote){.h = *h, .arena = a, .name = ref};
    r->wanted = (struct look_wanted){.offset = LOOK_OFFSET_NONE, .max_db_bytes = DB_BYTES};
    pthread_mutex_init(&r->mutex, NULL);
    l->remote = r;
    int k = read_docs(r, ref, platform, e);
    size_t n = r->m.n_layers;
    if (k < 0)
        return k;
    r->layers = arena_array(a, n + 1, sizeof *r->layers);
    l->tocs = arena_array(a, n + 1, sizeof(struct toc *));
    l->tars = arena_array(a, n + 1, sizeof *l->tars);
    l->diff_ids = arena_array(a, n + 1, sizeof *l->diff_ids);
    if (!r->layers || !l->tocs || !l->tars || !l->diff_ids)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        r->layers[i] = (struct look_layer){.blob = &r->m.layers[i],
                                           .diff_id = &r->config.diff_ids[i],
                                           .toc_fd = -1,
                                           .data_fd = -1,
                                           .sums = SPILL_INIT};
        r->fetched.image_bytes += r->m.layers[i].size_bytes;
    }
    r->fetched.n_layers = (uint32_t)n;
    return 0;
}

void look_remote_close(struct look *l)
{
    struct look_remote *r = l->remote;

    for (size_t i = 0; r->layers && i < r->m.n_layers; i++) {
        struct look_layer *y = &r->layers[i];
        toc_close(y->toc);
        if (y->toc_fd >= 0)
            close(y->toc_fd);
        if (y->data_fd >= 0)
            close(y->data_fd);
        free(y->kept);
        spill_clear(&y->sums);
    }
    if (r->from)
        r->from->ops->close(r->from);
    pthread_mutex_destroy(&r->mutex);
    l->remote = NULL;
    l->n_layers = 0;
}

void look_remote_tell(const struct look *l, struct shale_fetched *ret)
{
    const struct shale_fetched *f = &l->remote->fetched;

    ret->bytes += f->bytes;
    ret->image_bytes += f->image_bytes;
    ret->n_layers += f->n_layers;
    ret->n_fetched += f->n_fetched;
    ret->n_local += f->n_local;
}

/* ---- layers ---- */

/* The store's layer of that diffID has the same bytes. What is wrong with it is no matter: there is
 * the registry's. 1: it is open. */
static int open_local(struct look_remote *r, struct look_layer *y, struct cancel *c,
                      struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct meta_layer row;
    int k = meta_layer_get(store_meta(r->h.store), y->diff_id, &row, &why);

    if (k >= 0)
        k = store_layer_open(r->h.store, y->diff_id, c, &y->toc, &y->data_fd, &why);
    if (k >= 0) {
        y->local = true;
        pthread_mutex_lock(&r->mutex);
        r->fetched.n_local++;
        pthread_mutex_unlock(&r->mutex);
        return 1;
    }
    if (k == -SHALE_CANCELED) {
        if (e)
            *e = why;
        return k;
    }
    return 0;
}

/* The other image has it: its table is opened once more. 1: it is. */
static int open_same(struct look_remote *r, struct look_layer *y, struct shale_err *e)
{
    struct look_remote *o = r->other ? r->other->remote : NULL;
    char path[32];

    for (size_t i = 0; o && o->layers && i < o->m.n_layers; i++) {
        struct look_layer *x = &o->layers[i];
        if (!x->toc || x->local || !digest_eq(x->diff_id, y->diff_id))
            continue;
        struct look_layer *home = x->same ? x->same : x;
        snprintf(path, sizeof path, "/proc/self/fd/%d", home->toc_fd);
        int k = toc_open(AT_FDCWD, path, &y->toc, e);
        y->same = home;
        return k < 0 ? k : 1;
    }
    return 0;
}

int look_remote_fetch(struct look *l, size_t i, struct cancel *c, struct shale_err *e)
{
    struct look_remote *r = l->remote;
    struct look_layer *y = &r->layers[i];
    int k = open_local(r, y, c, e);

    if (k == 0)
        k = open_same(r, y, e);
    if (k == 0)
        k = look_stream(r, y, c, e);
    return k < 0 ? k : 0;
}

static int fetch_job(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    return look_remote_fetch(arg, i, c, e);
}

int look_remote_merge(struct look *l, size_t first, struct shale_err *e)
{
    struct look_remote *r = l->remote;
    int k;

    l->tree = tree_free(l->tree);
    r->first = first;
    l->n_layers = 0;
    k = tree_new(&l->tree, store_root_fd(r->h.store), e);
    for (size_t i = first; k >= 0 && i < r->m.n_layers; i++) {
        struct look_layer *y = &r->layers[i];
        l->tocs[l->n_layers] = y->toc;
        l->tars[l->n_layers] = y->same ? y->same->data_fd : y->data_fd;
        l->diff_ids[l->n_layers++] = *y->diff_id;
        k = tree_add(l->tree, y->toc, r->h.cancel, e);
        if (k < 0)
            return err_wrap(e, k, "layer %.19s", y->diff_id->s);
    }
    return k < 0 ? k : tree_finish(l->tree, r->h.cancel, e);
}

int look_remote_read(struct look *l, struct shale_err *e)
{
    struct look_remote *r = l->remote;
    int k = pool_run(fetch_job, l, r->m.n_layers, COPY_DEFAULT_PARALLEL, r->h.cancel, e);

    return k < 0 ? k : look_remote_merge(l, 0, e);
}

static bool is_kept(const struct look_layer *y, uint64_t offset)
{
    size_t lo = 0, hi = y->n_kept;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (y->kept[mid] < offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < y->n_kept && y->kept[lo] == offset;
}

int look_remote_keep(struct look *l, size_t layer, const struct tar_entry *x, struct shale_err *e)
{
    struct look_remote *r = l->remote;
    struct look_layer *y = &r->layers[r->first + layer], *home = y->same ? y->same : y;
    int k = 0;

    if (!y->local && x->stored_bytes > 0 && !is_kept(home, x->data_offset)) {
        r->wanted.offset = x->data_offset;
        k = look_stream(r, y, r->h.cancel, e);
        r->wanted.offset = LOOK_OFFSET_NONE;
        r->fetched.n_fetched -= k >= 0;
    }
    l->tars[layer] = home->data_fd;
    return k;
}
