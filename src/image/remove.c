/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `rmi`: docker's conflict algorithm step by step. All of it happens in one
 * transaction, so that no container can be created on an image that is being removed; the bytes are
 * swept after it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/image_priv.h"
#include "image/remove_priv.h"

enum conflict { /* in the order in which they are looked for */
                CONFLICT_CHILD = 1 << 0,
                CONFLICT_RUNNING = 1 << 1,
                CONFLICT_REFS = 1 << 2,
                CONFLICT_STOPPED = 1 << 3,
                CONFLICT_PIN = 1 << 4, /* before all others */
                CONFLICT_HARD = CONFLICT_PIN | CONFLICT_CHILD | CONFLICT_RUNNING,
                CONFLICT_SOFT = CONFLICT_REFS | CONFLICT_STOPPED,
};

int removal_note(struct removal *x, struct shale_removed item, struct shale_err *e)
{
    struct shale_removed *v = arena_grow(x->a, x->v, x->n, &x->cap, sizeof *v);

    if (!v || !item.what)
        return err_nomem(e);
    x->v = v;
    v[x->n++] = item;
    return 0;
}

static int note(struct removal *x, enum shale_removed_kind kind, const char *what,
                struct shale_err *e)
{
    return removal_note(x, (struct shale_removed){.kind = kind, .what = what}, e);
}

int removal_row(struct removal *x, const struct digest *id, struct meta_image *ret,
                struct shale_err *e)
{
    if (!x->has_row || !digest_eq(&x->row.id, id)) {
        int r = meta_image_get(x->m, id, x->a, &x->row, e);
        x->has_row = r >= 0;
        if (r < 0)
            return r;
    }
    *ret = x->row;
    return 0;
}

/* To be told: untag, with the labels that the image has, or delete, when it has none any more. */
static int keep_event(struct removal *x, enum event_kind kind, const struct digest *id,
                      struct shale_err *e)
{
    struct event *v = arena_grow(x->a, x->events, x->n_events, &x->cap_events, sizeof *v);
    const char **attrs = arena_array(x->a, 3, sizeof *attrs);
    struct meta_image row = {.labels = ""};
    struct shale_err why = SHALE_ERR_INIT;

    if (!v || !attrs)
        return err_nomem(e);
    if (kind == EVENT_IMAGE_UNTAG) {
        int r = removal_row(x, id, &row, &why);
        if (r < 0 && r != -SHALE_NOT_FOUND)
            return err_set(e, why.code, "%s", why.msg);
    }
    attrs[0] = "name";
    attrs[1] = arena_strdup(x->a, id->s);
    if (!attrs[1])
        return err_nomem(e);
    x->events = v;
    v[x->n_events++] = (struct event){kind, NULL, attrs[1], row.labels, attrs};
    return 0;
}

/* ---- names ---- */

int removal_names(struct removal *x, const struct digest *id, struct names *ret,
                  struct shale_err *e)
{
    return meta_image_names(x->m, id, x->a, &ret->v, &ret->n, e);
}

/* A tag may have stood for several images. */
static int drop_tag(struct removal *x, const struct meta_name *n, struct shale_err *e)
{
    struct digest *v = arena_grow(x->a, x->targets, x->n_targets, &x->cap_targets, sizeof *v);
    struct digest target;

    if (!v)
        return err_nomem(e);
    x->targets = v;
    int r = meta_tag_delete(x->m, n->repo, n->tag, x->how, &target, e);
    if (r < 0)
        return r;
    if (digest_is_set(&target))
        v[x->n_targets++] = target;
    return removal_seed_blob(x, &target, e);
}

int removal_drop_name(struct removal *x, const struct digest *id, const struct meta_name *n,
                      struct shale_err *e)
{
    const char *repo = ref_familiar_repo(n->repo);
    int r = n->tag ? drop_tag(x, n, e) : meta_repo_digest_delete(x->m, n->repo, &n->target, id, e);

    if (r >= 0)
        r = removal_seed_blob(x, &n->target, e);
    if (r >= 0)
        r = keep_event(x, EVENT_IMAGE_UNTAG, id, e);
    if (r < 0)
        return r;
    return note(x, SHALE_UNTAGGED,
                n->tag ? arena_printf(x->a, "%s:%s", repo, n->tag)
                       : arena_printf(x->a, "%s@%s", repo, n->target.s),
                e);
}

struct shown { /* a name as text: docker takes them off in the order of these */
    const char *text;
    const struct meta_name *name;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct shown *)a)->text, ((const struct shown *)b)->text);
}

static int drop_all_names(struct removal *x, const struct digest *id, struct shale_err *e)
{
    struct names all;
    int r = removal_names(x, id, &all, e);
    struct shown *v = r < 0 ? NULL : arena_array(x->a, all.n + 1, sizeof *v);

    if (r >= 0 && !v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < all.n; i++) {
        const struct meta_name *n = &all.v[i];
        v[i] = (struct shown){arena_printf(x->a, "%s%c%s", n->repo, n->tag ? ':' : '@',
                                           n->tag ? n->tag : n->target.s),
                              n};
        if (!v[i].text)
            return err_nomem(e);
    }
    if (r >= 0)
        qsort(v, all.n, sizeof *v, by_text);
    for (size_t i = 0; r >= 0 && i < all.n; i++)
        r = removal_drop_name(x, id, v[i].name, e);
    return r;
}

/* At most one tag, and the digests all in its repository. */
static bool is_single(const struct names *all)
{
    const struct meta_name *tag = NULL;
    size_t n_tags = 0;

    if (all->n <= 1)
        return true;
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].tag) {
            tag = &all->v[i];
            n_tags++;
        }
    if (n_tags > 1)
        return false;
    const char *repo = tag ? tag->repo : all->v[0].repo;
    for (size_t i = 0; i < all->n; i++)
        if (!streq(all->v[i].repo, repo))
            return false;
    return true;
}

/* Other tags of the repository keep its digests. */
static bool is_last_tag(const struct ref *ref, const struct names *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].tag && streq(all->v[i].repo, ref->repo) && !streq(all->v[i].tag, ref->tag))
            return false;
    return true;
}

bool removal_takes_name(const struct image_found *f, const struct names *all,
                        const struct meta_name *n)
{
    if (f->by_id)
        return true;
    if (!streq(n->repo, f->ref.repo))
        return false;
    if (digest_is_set(&f->ref.digest))
        return !n->tag && digest_eq(&n->target, &f->ref.digest);
    return n->tag ? streq(n->tag, f->ref.tag) : is_last_tag(&f->ref, all);
}

bool removal_deletes(const struct removal *x, const struct image_found *f, const struct names *all)
{
    if (f->by_id)
        return x->o->force || is_single(all);
    for (size_t i = 0; i < all->n; i++)
        if (!removal_takes_name(f, all, &all->v[i]))
            return false;
    return true;
}

/* ---- conflicts ---- */

int removal_pinned(const struct digest *id, const char *unpin, struct shale_err *e)
{
    char shown[13];

    digest_short(id, shown);
    return err_set(e, SHALE_CONFLICT,
                   "conflict: unable to delete %s (cannot be forced) - image is pinned: 'shale "
                   "image unpin %.300s' lets it go",
                   shown, unpin);
}

static int is_pinned(struct removal *x, const struct digest *id, struct shale_err *e)
{
    struct meta_image row;
    int r = removal_row(x, id, &row, e);

    return r == -SHALE_NOT_FOUND ? 0 : r < 0 ? r : row.pinned;
}

struct users { /* the containers of an image: the newest, of each kind; "" none */
    char any[META_CONTAINER_ID_HEX + 1];
    char running[META_CONTAINER_ID_HEX + 1], stopped[META_CONTAINER_ID_HEX + 1];
};

static bool is_running(const struct meta_container *c)
{
    return streq(c->run.state, "running") || streq(c->run.state, "paused") ||
           streq(c->run.state, "restarting");
}

static int on_user(void *arg, const struct meta_container *c)
{
    struct users *u = arg;
    char *kind = is_running(c) ? u->running : u->stopped;

    if (!u->any[0])
        memcpy(u->any, c->id, sizeof u->any);
    if (!kind[0])
        memcpy(kind, c->id, sizeof u->any);
    return u->running[0] && u->stopped[0];
}

static int find_users(struct removal *x, const struct digest *id, struct users *ret,
                      struct shale_err *e)
{
    *ret = (struct users){.any = ""};
    int r = meta_container_each(x->m, id, on_user, ret, e);

    return r < 0 ? r : 0;
}

/* 0, or -CONFLICT with docker's sentence; *ret_used tells that a container is the reason. */
static int check_conflict(struct removal *x, const struct digest *id, unsigned mask, bool *ret_used,
                          struct shale_err *e)
{
    struct meta_digests children;
    struct names all;
    struct users u;
    char shown[13];
    int r = meta_image_children(x->m, id, x->a, &children, e);

    *ret_used = false;
    digest_short(id, shown);
    if (r >= 0 && mask & CONFLICT_PIN)
        r = is_pinned(x, id, e);
    if (r == 1)
        return removal_pinned(id, shown, e);
    if (r >= 0)
        r = find_users(x, id, &u, e);
    if (r >= 0)
        r = removal_names(x, id, &all, e);
    if (r < 0)
        return r;
    if (mask & CONFLICT_CHILD && children.n > 0)
        return err_set(
            e, SHALE_CONFLICT,
            "conflict: unable to delete %s (cannot be forced) - image has dependent child images",
            shown);
    *ret_used = u.running[0] != 0;
    if (mask & CONFLICT_RUNNING && *ret_used)
        return err_set(e, SHALE_CONFLICT,
                       "conflict: unable to delete %s (cannot be forced) - image is being used by "
                       "running container "
                       "%.12s",
                       shown, u.running);
    *ret_used = false;
    if (mask & CONFLICT_REFS && all.n > 0)
        return err_set(e, SHALE_CONFLICT,
                       "conflict: unable to delete %s (must be forced) - image is referenced in "
                       "multiple repositories",
                       shown);
    *ret_used = u.stopped[0] != 0;
    if (mask & CONFLICT_STOPPED && *ret_used)
        return err_set(e, SHALE_CONFLICT,
                       "conflict: unable to delete %s (must be forced) - image is being used by "
                       "stopped container %.12s",
                       shown, u.stopped);
    return 0;
}

static int is_dangling(struct removal *x, const struct digest *id, struct shale_err *e)
{
    struct meta_digests children;
    struct names all;
    int r = removal_names(x, id, &all, e);

    if (r >= 0)
        r = meta_image_children(x->m, id, x->a, &children, e);
    return r < 0 ? r : all.n == 0 && children.n == 0;
}

/* ---- layers that go with the image ---- */

/* How many layers, from the base, another image shares with this one. */
static int shared_depth(struct removal *x, const struct digest *id,
                        const struct meta_image_layer *mine, size_t n, size_t *ret,
                        struct shale_err *e)
{
    size_t k = n;
    int r = 0;

    while (k > 0 && (r = meta_image_shares(x->m, id, &mine[k - 1].diff_id, k, e)) == 0)
        k--;
    *ret = k;
    return r < 0 ? r : 0;
}

/* "Deleted: <chainID>" for each layer that no other image stands on, top first. */
static int note_layers(struct removal *x, const struct rootfs_image *img, size_t n_shared,
                       struct shale_err *e)
{
    int r = 0;

    for (size_t i = img->n_layers; r >= 0 && i > n_shared; i--)
        r = note(x, SHALE_DELETED, arena_strdup(x->a, img->layers[i - 1].chain_id.s), e);
    return r;
}

static int delete_image(struct removal *x, const struct digest *id, struct shale_err *e)
{
    struct meta_image_layer *layers;
    struct rootfs_image img;
    struct users u;
    size_t n, n_shared = 0;
    int r = meta_image_layers(x->m, id, x->a, &layers, &n, e);

    if (r >= 0)
        r = store_stack_of(layers, n, x->a, &img, e);
    if (r >= 0 && n > 0)
        r = shared_depth(x, id, layers, n, &n_shared, e);
    if (r >= 0)
        r = find_users(x, id, &u, e);
    if (r >= 0)
        r = removal_seed_image(x, id, layers, &img, e);
    x->has_row = false;
    if (r >= 0)
        r = meta_image_delete(x->m, id, x->how, e);
    if (r >= 0)
        r = keep_event(x, EVENT_IMAGE_DELETE, id, e);
    if (r >= 0)
        r = note(x, SHALE_DELETED, arena_strdup(x->a, id->s), e);
    /* A container that was forced past keeps the layers. */
    return r < 0 || u.any[0] ? r : note_layers(x, &img, n_shared, e);
}

int removal_drop_image(struct removal *x, const struct digest *id, struct shale_err *e)
{
    int r = drop_all_names(x, id, e);

    return r < 0 ? r : delete_image(x, id, e);
}

int removal_delete(struct removal *x, struct digest id, bool quiet, struct shale_err *e)
{
    bool force = x->o->force;

    for (;;) {
        struct shale_err why = SHALE_ERR_INIT;
        struct meta_image row;
        bool used;
        int r = removal_row(x, &id, &row, e);

        if (r < 0)
            return quiet && r == -SHALE_NOT_FOUND ? 0 : r;
        r = check_conflict(x, &id, CONFLICT_HARD | (force ? 0 : CONFLICT_SOFT), &used, &why);
        if (r == -SHALE_CONFLICT && quiet) {
            int dangling = is_dangling(x, &id, e);
            if (dangling < 0)
                return dangling;
            if (!dangling || used)
                return 0;
        }
        if (r < 0) {
            if (e)
                *e = why;
            return r;
        }
        /* not forced, it has no names left */
        r = force ? removal_drop_image(x, &id, e) : delete_image(x, &id, e);
        if (r < 0 || x->o->no_prune || !digest_is_set(&row.parent))
            return r;
        r = is_pinned(x, &row.parent, e);
        if (r != 0)
            return r < 0 ? r : 0;
        id = row.parent;
        quiet = true;
        force = false;
    }
}

/* ---- by name, by ID ---- */

static int untag(struct removal *x, const struct image_found *f, struct shale_err *e)
{
    struct meta_name name = {.repo = f->ref.repo, .tag = f->ref.tag, .target = f->ref.digest};

    if (digest_is_set(&f->ref.digest))
        name.tag = NULL;
    int r = removal_drop_name(x, &f->id, &name, e);
    if (r >= 0 && f->ref.tag && !name.tag) { /* both were given: both are shown */
        x->v[x->n - 1].what = ref_familiar(&f->ref, x->a);
        if (!x->v[x->n - 1].what)
            return err_nomem(e);
    }
    return r;
}

/* With the last tag of a repository its digests go. *ret_left: names that stay. */
static int drop_repo_digests(struct removal *x, const struct image_found *f, size_t *ret_left,
                             struct shale_err *e)
{
    struct names all;
    int r = removal_names(x, &f->id, &all, e);

    if (r < 0)
        return r;
    *ret_left = all.n;
    if (digest_is_set(&f->ref.digest))
        return 0;
    for (size_t i = 0; i < all.n; i++)
        if (all.v[i].tag && streq(all.v[i].repo, f->ref.repo))
            return 0;
    for (size_t i = 0; r >= 0 && i < all.n; i++)
        if (streq(all.v[i].repo, f->ref.repo)) {
            r = removal_drop_name(x, &f->id, &all.v[i], e);
            --*ret_left;
        }
    return r;
}

static int remove_by_name(struct removal *x, const char *what, const struct image_found *f,
                          struct shale_err *e)
{
    struct names all;
    struct users u;
    size_t left;
    char shown[13];
    int r = removal_names(x, &f->id, &all, e);

    if (r >= 0)
        r = find_users(x, &f->id, &u, e);
    if (r >= 0)
        r = removal_deletes(x, f, &all) ? is_pinned(x, &f->id, e) : 0;
    if (r == 1)
        return removal_pinned(&f->id, what, e);
    if (r < 0)
        return r;
    if (!x->o->force && is_single(&all) && u.any[0]) {
        digest_short(&f->id, shown);
        return err_set(e, SHALE_CONFLICT,
                       "conflict: unable to remove repository reference \"%s\" (must force) - "
                       "container %.12s is using "
                       "its referenced image %s",
                       what, u.any, shown);
    }
    r = untag(x, f, e);
    if (r >= 0)
        r = drop_repo_digests(x, f, &left, e);
    if (r >= 0 && !x->o->force && !digest_is_set(&f->ref.digest))
        r = removal_check_others(x, what, &f->target, e);
    if (r < 0 || left > 0)
        return r;
    return removal_delete(x, f->id, true, e);
}

static int remove_by_id(struct removal *x, const struct image_found *f, struct shale_err *e)
{
    struct names all;
    bool used;
    int r = removal_names(x, &f->id, &all, e);

    if (r >= 0 && is_single(&all)) {
        r = check_conflict(x, &f->id, CONFLICT_HARD | (x->o->force ? 0 : CONFLICT_STOPPED), &used,
                           e);
        if (r >= 0)
            r = drop_all_names(x, &f->id, e);
    }
    return r < 0 ? r : removal_delete(x, f->id, false, e);
}

int removal_find(struct removal *x, const char *what, struct image_found *ret, struct shale_err *e)
{
    struct image_found named = {.by_id = false};
    int r = image_find(x->s, what, x->a, &named, e);

    if (r >= 0)
        r = image_find_platform(x->s, what, x->o->platform, x->a, ret, e);
    if (r < 0)
        return r;
    if (digest_eq(&named.id, &ret->id)) {
        if (named.by_id || !x->o->platform || !*x->o->platform)
            return r;
        r = removal_hand_over(x, &named.id, &named.target, e);
        if (r <= 0)
            return r;
    }
    ret->by_id = true;
    return r;
}

int removal_end(struct removal *x, int r, bool dry_run, uint64_t *ret_freed, struct shale_err *e)
{
    bool deleted = false;

    *ret_freed = 0;
    if (r >= 0)
        r = removal_drop_others(x, e);
    for (size_t i = 0; i < x->n; i++)
        deleted |= x->v[i].kind == SHALE_DELETED;
    if (dry_run) {
        if (r >= 0 && (deleted || x->sweep_all))
            r = removal_sweep(x, true, ret_freed, e);
        meta_rollback(x->m);
        return r;
    }
    r = meta_end(x->m, r, e);
    if (r >= 0)
        store_events_add(x->s, x->events, x->n_events);
    /* The rows are gone; bytes that cannot be swept now (a full disk, a signal) are by the next
     * one. */
    if (r >= 0 && (deleted || x->sweep_all))
        (void)removal_sweep(x, false, ret_freed, NULL);
    return r;
}

int image_remove(struct image_host *h, const char *what, const struct shale_rmi_opts *o,
                 struct arena *a, struct shale_rmi_result *ret, struct shale_err *e)
{
    struct removal x = {.s = h->store, .m = store_meta(h->store), .a = a, .o = o, .how = "rmi"};
    struct image_found found = {.by_id = false};
    uint64_t freed = 0;
    int r = meta_begin(x.m, e);

    if (r < 0)
        return r;
    r = removal_find(&x, what, &found, e);
    if (r >= 0 && o->cascade)
        r = removal_cascade(&x, &found, e);
    if (r >= 0)
        r = found.by_id ? remove_by_id(&x, &found, e) : remove_by_name(&x, what, &found, e);
    r = removal_end(&x, r, o->dry_run, &freed, e);
    if (r < 0)
        return r;
    *ret = (struct shale_rmi_result){x.v, x.n, freed};
    return 0;
}
