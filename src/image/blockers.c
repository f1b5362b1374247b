/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds an image: it and all that was made from it, with their containers, pins and names.
 * `rmi --explain` tells it, `rmi --cascade` removes what of it may go.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "image/image_priv.h"
#include "image/remove_priv.h"

#define MAX_NAMED 8 /* blockers in one message */

/* ---- gathering ---- */

/* An image has one parent, so each comes once; a list that outgrows the images is a circle. */
static int load_family(struct removal *x, const struct digest *id, struct meta_digests *ret,
                       struct shale_err *e)
{
    struct meta_digests l = {0};
    uint64_t n_images = 0;
    size_t cap = 0;
    struct digest *v = arena_grow(x->a, NULL, 0, &cap, sizeof *v);
    int r = meta_image_count(x->m, &n_images, e);

    if (!v)
        return err_nomem(e);
    l.v = v;
    l.v[l.n++] = *id;
    for (size_t i = 0; r >= 0 && i < l.n; i++) {
        struct meta_digests children = {0};
        r = meta_image_children(x->m, &l.v[i], x->a, &children, e);
        for (size_t k = 0; r >= 0 && k < children.n; k++) {
            if (l.n > n_images)
                return err_set(e, SHALE_CORRUPT, "image %s is its own parent", children.v[k].s);
            v = arena_grow(x->a, l.v, l.n, &cap, sizeof *v);
            if (!v)
                return err_nomem(e);
            l.v = v;
            l.v[l.n++] = children.v[k];
        }
    }
    *ret = l;
    return r < 0 ? r : 0;
}

static int add(struct removal *x, struct blockers *b, struct shale_blocker one, struct shale_err *e)
{
    struct shale_blocker *v = arena_grow(x->a, b->v, b->n, &b->cap, sizeof *v);

    if (!v || !one.id || !one.name || !one.image)
        return err_nomem(e);
    b->v = v;
    v[b->n++] = one;
    return 0;
}

static const char *show_name(struct removal *x, const struct meta_name *n)
{
    const char *repo = ref_familiar_repo(n->repo);

    return n->tag ? arena_printf(x->a, "%s:%s", repo, n->tag)
                  : arena_printf(x->a, "%s@%s", repo, n->target.s);
}

static int add_containers(struct removal *x, const struct digest *id, bool is_child,
                          struct blockers *b, struct shale_err *e)
{
    struct meta_container *v = NULL;
    size_t n = 0;
    int r = meta_container_list(x->m, id, x->a, &v, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        bool runs = streq(v[i].run.state, "running") || streq(v[i].run.state, "paused");
        r = add(x, b,
                (struct shale_blocker){
                    .kind = runs ? SHALE_BLOCKER_RUNNING : SHALE_BLOCKER_STOPPED,
                    .id = arena_strdup(x->a, v[i].id),
                    .name = v[i].name,
                    .image = arena_strdup(x->a, id->s),
                    .force = !runs && !is_child,
                    .cascade = !runs,
                },
                e);
    }
    return r < 0 ? r : 0;
}

static int add_image(struct removal *x, const struct digest *id, enum shale_blocker_kind kind,
                     const char *holds, struct blockers *b, struct shale_err *e)
{
    struct names all = {0};
    int r = removal_names(x, id, &all, e);

    if (r < 0)
        return r;
    return add(x, b,
               (struct shale_blocker){
                   .kind = kind,
                   .id = arena_strdup(x->a, id->s),
                   .name = all.n ? show_name(x, &all.v[0]) : "",
                   .image = arena_strdup(x->a, holds),
                   .cascade = kind == SHALE_BLOCKER_CHILD,
               },
               e);
}

/* Names that this removal leaves; by ID, without force, none may be left. */
static int add_names(struct removal *x, const struct image_found *f, const struct names *all,
                     struct blockers *b, struct shale_err *e)
{
    bool all_go = f->by_id && removal_deletes(x, f, all);
    int r = 0;

    for (size_t i = 0; r >= 0 && i < all->n; i++)
        if (f->by_id ? !all_go : !removal_takes_name(f, all, &all->v[i]))
            r = add(x, b,
                    (struct shale_blocker){
                        .kind = SHALE_BLOCKER_NAME,
                        .id = arena_strdup(x->a, f->id.s),
                        .name = show_name(x, &all->v[i]),
                        .image = arena_strdup(x->a, f->id.s),
                        .force = f->by_id,
                    },
                    e);
    return r;
}

int removal_blockers(struct removal *x, const struct image_found *f, const struct names *all,
                     struct blockers *ret, struct shale_err *e)
{
    int r = load_family(x, &f->id, &ret->family, e);

    for (size_t i = 0; r >= 0 && i < ret->family.n; i++)
        r = add_containers(x, &ret->family.v[i], i > 0, ret, e);
    for (size_t i = 0; r >= 0 && i < ret->family.n; i++) {
        const struct digest *id = &ret->family.v[i];
        struct meta_image row;
        r = meta_image_get(x->m, id, x->a, &row, e);
        if (r >= 0 && i > 0)
            r = add_image(x, id, SHALE_BLOCKER_CHILD, row.parent.s, ret, e);
        if (r >= 0 && row.pinned)
            r = add_image(x, id, SHALE_BLOCKER_PIN, id->s, ret, e);
    }
    return r < 0 ? r : add_names(x, f, all, ret, e);
}

/* ---- cascade ---- */

static const char *label_of(const struct shale_blocker *b, char shown[13])
{
    struct digest id = {0};

    if (*b->name)
        return b->name;
    if (digest_parse(b->id, &id, NULL) < 0)
        return b->id;
    digest_short(&id, shown);
    return shown;
}

/* "a, b and 3 more"; how many there are. */
static size_t name_all(const struct blockers *b, enum shale_blocker_kind kind, struct buf *ret)
{
    size_t n = 0;
    char shown[13];

    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].kind == kind && n++ < MAX_NAMED)
            buf_addf(ret, "%s%.64s", n > 1 ? ", " : "", label_of(&b->v[i], shown));
    if (n > MAX_NAMED)
        buf_addf(ret, " and %zu more", n - MAX_NAMED);
    return n;
}

static int refuse(const struct digest *id, const struct blockers *b, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf running = BUF_INIT(4096), pinned = BUF_INIT(4096);
    size_t n_running = name_all(b, SHALE_BLOCKER_RUNNING, &running);
    size_t n_pinned = name_all(b, SHALE_BLOCKER_PIN, &pinned);
    char shown[13];
    int r = buf_check(&running, e);

    if (r >= 0)
        r = buf_check(&pinned, e);
    if (r < 0)
        return r;
    digest_short(id, shown);
    if (n_running)
        return err_set(e, SHALE_CONFLICT,
                       "conflict: unable to delete %s (cannot be forced) - in use by running "
                       "container%s %s",
                       shown, n_running > 1 ? "s" : "", buf_str(&running));
    if (n_pinned)
        return err_set(e, SHALE_CONFLICT,
                       "conflict: unable to delete %s (cannot be forced) - pinned: %s (see 'shale "
                       "image unpin')",
                       shown, buf_str(&pinned));
    return 0;
}

/* Before the images go their containers have: now, where it is only tried. */
static int pass_container(struct removal *x, const struct digest *id, const struct shale_blocker *b,
                          struct shale_err *e)
{
    char shown[13];

    digest_short(id, shown);
    if (!x->o->dry_run)
        return err_set(e, SHALE_CONFLICT,
                       "conflict: unable to delete %s - container %s was made meanwhile", shown,
                       b->name);
    int r = meta_container_delete(x->m, b->id, e);
    if (r < 0)
        return r;
    struct shale_removed item = {SHALE_REMOVED_CONTAINER, b->id, b->name};
    return removal_note(x, item, e);
}

int removal_cascade(struct removal *x, const struct image_found *f, struct shale_err *e)
{
    struct blockers b = {0};
    struct names all = {0};
    int r = removal_names(x, &f->id, &all, e);

    if (r < 0 || !removal_deletes(x, f, &all))
        return r;
    r = removal_blockers(x, f, &all, &b, e);
    if (r >= 0)
        r = refuse(&f->id, &b, e);
    for (size_t i = 0; r >= 0 && i < b.n; i++)
        if (b.v[i].kind == SHALE_BLOCKER_STOPPED)
            r = pass_container(x, &f->id, &b.v[i], e);
    for (size_t i = b.family.n; r >= 0 && i > 1; i--) /* children before their parents */
        r = removal_drop_image(x, &b.family.v[i - 1], e);
    return r;
}

/* ---- explain ---- */

/* What goes if nothing stays: all is taken back. */
static int free_all(struct removal *x, const struct image_found *f, const struct blockers *b,
                    uint64_t *ret, struct shale_err *e)
{
    static const struct shale_rmi_opts force = {.size = sizeof force, .force = true};
    struct removal all = {.s = x->s, .m = x->m, .a = x->a, .o = &force, .how = "rmi"};
    int r = meta_begin(x->m, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < b->n; i++)
        if (b->v[i].kind == SHALE_BLOCKER_STOPPED || b->v[i].kind == SHALE_BLOCKER_RUNNING)
            r = meta_container_delete(x->m, b->v[i].id, e);
    for (size_t i = b->family.n; r >= 0 && i > 1; i--)
        r = removal_drop_image(&all, &b->family.v[i - 1], e);
    if (r >= 0)
        r = meta_image_set_pinned(x->m, &f->id, false, e);
    if (r >= 0)
        r = removal_delete(&all, f->id, false, e);
    if (r >= 0)
        r = removal_drop_others(&all, e);
    if (r >= 0)
        r = removal_sweep(&all, true, ret, e);
    meta_rollback(x->m);
    return r;
}

static int explain(struct image_host *h, struct removal *x, const char *what,
                   struct shale_rmi_explained *ret, struct shale_err *e)
{
    struct shale_rmi_opts dry = *x->o;
    struct shale_err why = SHALE_ERR_INIT;
    struct shale_rmi_result res = {0};
    struct image_found f;
    struct blockers b = {0};
    struct names all = {0};
    int r = removal_find(x, what, &f, e);

    if (r >= 0)
        r = removal_names(x, &f.id, &all, e);
    if (r >= 0)
        r = removal_blockers(x, &f, &all, &b, e);
    const char **names = r < 0 ? NULL : arena_array(x->a, all.n + 1, sizeof *names);
    if (r >= 0 && !names)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < all.n; i++) {
        names[i] = show_name(x, &all.v[i]);
        if (!names[i])
            return err_nomem(e);
    }
    if (r >= 0)
        r = free_all(x, &f, &b, &ret->total_bytes, e);
    if (r < 0)
        return r;
    dry.dry_run = true;
    r = image_remove(h, what, &dry, x->a, &res, &why);
    if (r < 0 && r != -SHALE_CONFLICT) {
        if (e)
            *e = why;
        return r;
    }
    ret->image = arena_strdup(x->a, f.id.s);
    ret->names = names;
    ret->blockers = b.v;
    ret->n_blockers = b.n;
    ret->refusal = r < 0 ? arena_strdup(x->a, why.msg) : "";
    ret->items = res.items;
    ret->n_items = res.n_items;
    ret->freed_bytes = res.freed_bytes;
    return ret->image && ret->refusal ? 0 : err_nomem(e);
}

int image_explain(struct image_host *h, const char *what, const struct shale_rmi_opts *o,
                  struct arena *a, struct shale_rmi_explained *ret, struct shale_err *e)
{
    struct removal x = {.s = h->store, .m = store_meta(h->store), .a = a, .o = o, .how = "rmi"};
    int r = meta_begin(x.m, e); /* all of it as it is at one moment */

    if (r < 0)
        return r;
    r = explain(h, &x, what, ret, e);
    meta_rollback(x.m);
    return r;
}
