/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of an image in a registry, from its top layer on down until they are found.
 *
 * Layers below can change what the layers above seem to say in one way only: a folder that no layer
 * above describes may be a link down there, so that a name lies elsewhere. Where a name of that
 * sort could matter, all layers are read.
 */
#include "base/str.h"
#include "image/look_remote.h"
#include "model/whiteout.h"

struct until {
    struct look *l;
    const char *const *paths;
    size_t n_paths;
    /* Of the layers read so far: names that are parts of a wanted path… */
    bool elsewhere;         /* … in another folder */
    bool unsure;            /* … and such a folder that the layer itself does not describe */
    bool unsure_on_the_way; /* … on that path, below a folder that the layer does not describe */
};

static bool is_part(const struct look_wanted *w, struct str name)
{
    struct str rest, part;

    for (size_t i = 0; i < w->n_paths; i++)
        for (rest = str_of(w->paths[i]); str_split(&rest, '/', &part);)
            if (str_eq(part, name))
                return true;
    return false;
}

static bool on_the_way(const struct look_wanted *w, const char *path, size_t n)
{
    for (size_t i = 0; i < w->n_paths; i++)
        if (look_leads_to(path, n, w->paths[i]))
            return true;
    return false;
}

/* Has the layer entries for all folders above? */
static bool is_described(const struct tree *t, struct str path)
{
    uint32_t at = TREE_ROOT;
    struct str name;

    while (str_split(&path, '/', &name) && path.n > 0) {
        uint32_t k = tree_first(t, at);
        while (k != TREE_NONE &&
               (t->nodes[k].name_n != name.n || memcmp(t->nodes[k].name, name.p, name.n) != 0))
            k = tree_next(t, k);
        if (k == TREE_NONE || !tree_is_dir(t, k) || t->inodes[t->nodes[k].inode].pos == 0)
            return false;
        at = k;
    }
    return true;
}

static void note(struct until *u, const struct tree *t, struct str path)
{
    const struct look_wanted *w = &u->l->remote->wanted;
    const char *slash = memrchr(path.p, '/', path.n);
    size_t dir = slash ? (size_t)(slash + 1 - path.p) : 0;
    struct str name = {path.p + dir, path.n - dir}, white;
    enum whiteout_kind kind = whiteout_classify(name, &white);
    char whole[TAR_MAX_PATH_BYTES + 1];

    memcpy(whole, path.p, dir);
    if (kind == WHITEOUT_OPAQUE) { /* it is about the folder */
        size_t n = dir ? dir - 1 : 0;
        slash = memrchr(whole, '/', n);
        dir = slash ? (size_t)(slash + 1 - whole) : 0;
        name = (struct str){whole + dir, n - dir};
    } else {
        if (kind == WHITEOUT_NAME)
            name = white;
        memcpy(whole + dir, name.p, name.n);
    }
    whole[dir + name.n] = 0;
    if (name.n == 0 || !is_part(w, name))
        return;
    bool described = is_described(t, (struct str){whole, dir + name.n});
    if (on_the_way(w, whole, dir + name.n)) {
        u->unsure_on_the_way |= !described;
    } else {
        u->elsewhere = true;
        u->unsure |= !described;
    }
}

static int scan(struct until *u, struct toc *toc, struct shale_err *e)
{
    struct cancel *c = u->l->remote->h.cancel;
    struct tree *t = NULL;
    struct tar_entry x;
    uint64_t pos = 0;
    int r = tree_new(&t, store_root_fd(u->l->remote->h.store), e);

    if (r < 0)
        return r;
    r = tree_add(t, toc, c, e);
    if (r >= 0)
        r = tree_finish(t, c, e);
    while (r >= 0 && (r = toc_next(toc, &pos, &x, e)) == 1)
        note(u, t, x.path);
    tree_free(t);
    return r;
}

/* A layer alone may lack what its hard links point to: then it says nothing for sure. */
static int look_at(struct until *u, size_t i, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = scan(u, u->l->remote->layers[i].toc, &why);

    if (r == -SHALE_CORRUPT) {
        u->unsure = true;
        return 0;
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

/* 1: the layers from i on say what all of the paths are. */
static int is_found(struct until *u, size_t i, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct look *l = u->l;
    uint32_t node = TREE_ROOT;
    int r = look_remote_merge(l, i, &why);

    for (size_t k = 0; r >= 0 && k < u->n_paths; k++) {
        r = look_find(l, u->paths[k], true, &node, &why);
        if (r >= 0 && look_inode(l, node)->type != TAR_REG)
            return 0;
    }
    if (r == -SHALE_CORRUPT || r == -SHALE_NOT_FOUND || r == -SHALE_INVALID)
        return 0;
    if (r < 0 && e)
        *e = why;
    return r < 0 ? r : 1;
}

/* 1: no layer below i can change that. */
static int is_sure(struct until *u, size_t i, struct shale_err *e)
{
    struct look_remote *x = u->l->remote;
    int r = 0;

    u->elsewhere = u->unsure = u->unsure_on_the_way = false;
    for (size_t k = i; r >= 0 && k < x->m.n_layers && !u->unsure; k++)
        r = look_at(u, k, e);
    return r < 0 ? r : !u->unsure && !(u->elsewhere && u->unsure_on_the_way);
}

static int on_local(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    struct look_remote *x = arg;

    (void)e;
    look_follow(&x->wanted, t);
    return 0;
}

int look_until(struct look *l, const char *const *paths, size_t n, struct shale_err *e)
{
    struct look_remote *x = l->remote;
    struct until u = {.l = l, .paths = paths, .n_paths = n};
    int r = 0;

    x->wanted.arena = x->arena;
    for (size_t i = 0; i < n && x->wanted.n_paths < LOOK_MAX_WANTED; i++) {
        const char *plain = look_plain(x->arena, paths[i]);
        if (plain && *plain)
            x->wanted.paths[x->wanted.n_paths++] = plain;
    }
    for (size_t i = x->m.n_layers; r == 0 && i-- > 0;) {
        r = look_remote_fetch(l, i, x->h.cancel, e);
        if (r >= 0 && x->layers[i].local) /* nobody has seen what is in it */
            r = toc_each(x->layers[i].toc, on_local, x, e);
        if (r < 0 || i == 0)
            break;
        if (x->layers[i].touched || x->layers[i].local)
            r = is_found(&u, i, e);
        if (r == 1)
            r = is_sure(&u, i, e);
    }
    if (r == 0)
        r = look_remote_merge(l, 0, e);
    return r < 0 ? r : 0;
}
