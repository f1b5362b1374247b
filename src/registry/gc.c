/* SPDX-License-Identifier: Apache-2.0 */
/* Collection, beside whatever serves: with a database connection of its own. */
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/time.h"
#include "registry/reg.h"

#define MAX_ROUNDS 64 /* indexes in indexes, referrers of referrers */

struct collector {
    const struct registry_gc_opts *o;
    struct registry_gc_result *n;
    struct state *state;
    struct blobs *blobs;
    struct cancel *cancel;
    struct state_gc g;
    struct shale_err *e;
};

static const struct {
    const char *what;
    size_t offset;
    bool bytes; /* count as freed */
} counters[] = {
    {"manifest", offsetof(struct registry_gc_result, n_manifests), false},
    {"link", offsetof(struct registry_gc_result, n_links), false},
    {"blob", offsetof(struct registry_gc_result, n_blobs), true},
    {"upload", offsetof(struct registry_gc_result, n_uploads), true},
};

static void on_remove(void *arg, const char *what, const char *repo, const char *name,
                      uint64_t bytes)
{
    struct collector *c = arg;

    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        if (strcmp(counters[i].what, what) != 0)
            continue;
        ++*(uint64_t *)(void *)((char *)c->n + counters[i].offset);
        c->n->n_bytes += counters[i].bytes ? bytes : 0;
    }
    if (c->o->on_remove)
        c->o->on_remove(c->o->arg, what, repo, name, bytes);
}

/* One kind from the beginning to the end. Returns how many went. */
static int sweep(struct collector *c,
                 int (*step)(struct state *s, struct state_gc *g, struct shale_err *e))
{
    int n = 0, r;

    c->g.repo = 0;
    c->g.last = (struct digest){0};
    while ((r = step(c->state, &c->g, c->e)) > 0) {
        n += r;
        r = cancel_check(c->cancel, c->e);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : n;
}

/* ---- files without a row, which crashes leave ---- */

static int see_file(void *arg, const struct digest *d, uint64_t size)
{
    struct collector *c = arg;
    int r = cancel_check(c->cancel, c->e);

    if (r >= 0)
        r = state_gc_file(c->state, &c->g, d, c->e);
    if (r > 0 && !c->o->dry_run) /* in a dry run rows have "gone" whose files were counted */
        on_remove(c, "blob", "", d->s, size);
    return r < 0 ? r : 0;
}

static int see_upload(void *arg, const struct upload_info *u)
{
    struct collector *c = arg;

    if (u->changed_ns >= time_now_ns() - REGISTRY_UPLOAD_AGE)
        return 0;
    if (c->o->dry_run || upload_remove(c->blobs, u->id, NULL) >= 0)
        on_remove(c, "upload", "", u->id, u->size_bytes);
    return 0;
}

static int collect(struct collector *c)
{
    int r = 0;

    /* What goes may have been all that held something else. */
    for (int i = 0; r >= 0 && c->o->untagged && i < MAX_ROUNDS; i++) {
        r = sweep(c, state_gc_untagged);
        if (r == 0)
            break;
    }
    if (r >= 0)
        r = sweep(c, state_gc_links);
    if (r >= 0)
        r = sweep(c, state_gc_blobs);
    if (r >= 0)
        r = blob_each(c->blobs, see_file, c, c->e);
    if (r >= 0)
        r = upload_each(c->blobs, see_upload, c, c->e);
    if (r >= 0 && !c->o->dry_run)
        r = state_gc_rest(c->state, &c->g, c->e);
    return r;
}

static int open_and_collect(struct collector *c, const char *root)
{
    _cleanup_close_ int root_fd = fs_open_dir(AT_FDCWD, root, c->e);

    if (root_fd < 0)
        return root_fd;
    int r = blobs_open(root_fd, false, &c->blobs, c->e);
    if (r >= 0)
        r = blobs_open_uploads(c->blobs, root_fd, c->e);
    if (r >= 0)
        r = state_open(root_fd, root, c->blobs, false, &c->state, c->e);
    if (r >= 0 && c->o->dry_run)
        r = state_begin(c->state, c->e);
    if (r >= 0)
        r = collect(c);
    if (c->o->dry_run && c->state)
        state_rollback(c->state);
    state_close(c->state);
    blobs_close(c->blobs);
    return r < 0 ? r : 0;
}

int registry_gc(const char *root, const struct registry_gc_opts *o, struct cancel *cancel,
                struct registry_gc_result *ret, struct shale_err *e)
{
    int64_t grace = o->grace_ns < 0 ? REGISTRY_DEFAULT_GRACE : o->grace_ns;
    struct registry_gc_result n = {0};
    struct collector c = {.o = o, .n = &n, .cancel = cancel, .e = e};

    c.g = (struct state_gc){
        .before = time_now_ns() - grace, .dry_run = o->dry_run, .on_remove = on_remove, .arg = &c};
    int r = open_and_collect(&c, root);
    if (r < 0)
        return err_wrap(e, r, "collect in registry %s", root);
    *ret = n;
    return 0;
}
