/* SPDX-License-Identifier: Apache-2.0 */
/* `find`: in which images is a path, a content or a package? First the names in each layer say
 * which images can have it; those are then merged and asked. What is read of a layer (hashes,
 * databases of packages) is remembered for the other images that share it. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/str.h"
#include "contents/packages.h"
#include "image/image_priv.h"
#include "image/look_find.h"
#include "base/glob.h"

/* ---- the criteria ---- */

static int add_field(struct http_query *q, const char *name, const char *value, struct shale_err *e)
{
    if (q->n == HTTP_MAX_QUERY_FIELDS)
        return err_set(e, SHALE_INVALID, "at most %d criteria", HTTP_MAX_QUERY_FIELDS);
    if (!*value)
        return err_set(e, SHALE_INVALID, "%s: it is empty", name);
    q->v[q->n].name = name;
    q->v[q->n++].value = value;
    return 0;
}

static int add_fields(struct http_query *q, const char *name, const char *const *v,
                      struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && v && v[i]; i++)
        r = add_field(q, name, v[i], e);
    return r;
}

/* Names that no path ends in. */
static int check_file(const struct search_file *f, struct shale_err *e)
{
    if (streq(f->name, ".") || streq(f->name, ".."))
        return err_set(e, SHALE_INVALID, "file: a path that ends in a name is expected");
    return 0;
}

static int parse(struct finding *f, struct shale_err *e)
{
    struct http_query q = {.n = 0};
    int r = add_fields(&q, "file", f->o->files, e);

    if (r >= 0)
        r = add_fields(&q, "package", f->o->packages, e);
    if (r >= 0 && f->o->sha256)
        r = add_field(&q, "sha256", f->o->sha256, e);
    if (r >= 0 && q.n == 0)
        r = err_set(e, SHALE_INVALID, "a path, a checksum or a package to look for is needed");
    if (r >= 0)
        r = search_query_parse(&q, 0, f->a, &f->q, e);
    for (size_t i = 0; r >= 0 && i < f->q.n_files; i++) {
        const struct search_file *x = &f->q.files[i];
        r = check_file(x, e);
        f->paths[i] = x->dir ? arena_printf(f->a, "%s/%s", x->dir, x->name) : x->name;
        if (r >= 0 && !f->paths[i])
            r = err_nomem(e);
    }
    f->all = (1u << f->q.n_files) - 1;
    f->all |= ((1u << f->q.n_packages) - 1) << FIND_PACKAGES;
    f->all |= f->q.has_sha256 ? 1u << FIND_SHA256 : 0;
    return r;
}

/* ---- layers ---- */

static int by_diff_id(const void *a, const void *b)
{
    const struct find_layer *x = a, *y = b;

    return strcmp(x->diff_id.s, y->diff_id.s);
}

static struct find_layer *layer_of(struct finding *f, const struct digest *diff_id)
{
    struct find_layer key = {.diff_id = *diff_id};

    return bsearch(&key, f->layers, f->n_layers, sizeof key, by_diff_id);
}

static unsigned of_name(const struct finding *f, struct str name)
{
    char text[TAR_MAX_NAME_BYTES + 1];
    unsigned mask = 0;

    if (name.n >= sizeof text)
        return 0;
    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    for (size_t i = 0; i < f->q.n_files; i++) {
        const struct search_file *x = &f->q.files[i];
        if (x->any_name || (x->name_glob ? glob_match(x->name, text) : streq(x->name, text)))
            mask |= 1u << i;
    }
    if (f->q.n_packages && (streq(text, "status") || streq(text, "status.d") ||
                            streq(text, "installed") || streq(text, "rpmdb.sqlite")))
        mask |= f->all & FIND_ALL_PACKAGES;
    return mask;
}

/* What a layer may have: by the names in paths, and in links, whose targets come into being. */
static int scan(struct finding *f, struct find_layer *l, struct toc *toc, struct shale_err *e)
{
    struct tar_entry x;
    struct str name;
    uint64_t pos = 0;
    int r = 0;

    l->mask = f->all & 1u << FIND_SHA256;
    while (l->mask != f->all && (r = toc_next(toc, &pos, &x, e)) == 1) {
        struct str path = x.path, link = x.type == TAR_SYMLINK ? x.link : STR("");
        while (path.n && str_split(&path, '/', &name))
            l->mask |= of_name(f, name);
        while (link.n && str_split(&link, '/', &name))
            l->mask |= of_name(f, name);
        if ((r = cancel_check(f->h->cancel, e)) < 0)
            break;
    }
    return r < 0 ? r : 0;
}

static int scan_layer(struct finding *f, struct find_layer *l, struct shale_err *e)
{
    struct toc *toc = NULL;
    int tar = -1, r;

    if (l->scanned)
        return 0;
    r = store_layer_open(f->h->store, &l->diff_id, f->h->cancel, &toc, &tar, e);
    if (r < 0)
        return r;
    _cleanup_close_ int fd = tar;
    (void)fd;
    r = scan(f, l, toc, e);
    toc_close(toc);
    l->scanned = r >= 0;
    return r;
}

static int put_layers(struct finding *f, const char *image_id, size_t *cap, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_image_layer *rows = NULL;
    struct digest id;
    size_t n = 0;
    int r = digest_parse(image_id, &id, e);

    if (r >= 0)
        r = meta_image_layers(store_meta(f->h->store), &id, &a, &rows, &n, e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct find_layer *v = arena_grow(f->a, f->layers, f->n_layers, cap, sizeof *v);
        if (!v)
            return err_nomem(e);
        f->layers = v;
        v[f->n_layers++] = (struct find_layer){.diff_id = rows[i].diff_id};
    }
    return r;
}

/* Every layer of every image, once. */
static int list_layers(struct finding *f, const struct shale_image_list *images,
                       struct shale_err *e)
{
    size_t cap = 0, n = 0;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < images->n_items; i++)
        r = put_layers(f, images->items[i].id, &cap, e);
    if (r < 0 || f->n_layers == 0)
        return r;
    qsort(f->layers, f->n_layers, sizeof *f->layers, by_diff_id);
    for (size_t i = 0; i < f->n_layers; i++)
        if (i == 0 || !digest_eq(&f->layers[i].diff_id, &f->layers[n - 1].diff_id))
            f->layers[n++] = f->layers[i];
    f->n_layers = n;
    return 0;
}

/* ---- files ---- */

int find_tell(struct finding *f, uint32_t node, const struct find_package *p, struct shale_err *e)
{
    struct shale_found_inside *v = arena_grow(&f->of_image, f->hits, f->n_hits, &f->cap, sizeof *v);
    const struct tree_inode *i = look_inode(&f->l, node);
    struct tar_entry x;

    if (!v)
        return err_nomem(e);
    f->hits = v;
    buf_reset(&f->path);
    look_path(&f->l, node, &f->path);
    int r = buf_check(&f->path, e);
    if (r >= 0)
        r = tree_entry(f->l.tree, f->l.tree->nodes[node].inode, &x, e);
    if (r < 0)
        return r;
    v[f->n_hits] = (struct shale_found_inside){
        .image = f->image,
        .path = arena_strdup(&f->of_image, buf_str(&f->path)),
        .size_bytes = i->type == TAR_REG ? x.size_bytes : 0,
        .layer = i->pos ? f->l.diff_ids[i->layer].s : "",
        .layer_number = i->pos ? i->layer + 1u : 0,
        .package = p ? p->name : "",
        .version = p ? p->version : "",
        .arch = p ? p->arch : "",
    };
    return v[f->n_hits++].path ? 0 : err_nomem(e);
}

/* A plain path leads to where a program in the image would find it. */
static int look_up(struct finding *f, size_t i, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    uint32_t node = TREE_NONE;
    int r = look_find(&f->l, f->paths[i], false, &node, &why);

    if (r == -SHALE_NOT_FOUND || r == -SHALE_INVALID)
        return 0;
    if (r < 0) {
        *e = why;
        return r;
    }
    f->have |= 1u << i;
    return find_tell(f, node, NULL, e);
}

static bool walked(const struct search_file *x)
{
    return !x->dir || x->dir_glob || x->name_glob;
}

static bool is_file(const struct search_file *x, const char *whole, char *path)
{
    char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    bool good = x->any_name || (x->name_glob ? glob_match(x->name, name) : streq(x->name, name));

    if (!x->dir || !good)
        return good;
    if (streq(x->name, "**") && glob_match(*x->dir ? whole : "**", path))
        return true;
    if (slash)
        *slash = 0;
    good = x->dir_glob ? glob_match(x->dir, slash ? path : "") : streq(x->dir, slash ? path : "");
    if (slash)
        *slash = '/';
    return good;
}

static int feed(void *arg, const void *p, size_t n, struct shale_err *e)
{
    (void)e;
    hash_update(arg, p, n);
    return 0;
}

static int has_sum(struct finding *f, uint32_t node, struct shale_err *e)
{
    _cleanup_(hash_clear) struct hash h = {0};
    const struct tree_inode *i = look_inode(&f->l, node);
    uint8_t sum[HASH_MAX_BYTES] = {0};
    struct find_seen *s = NULL;

    if (i->type != TAR_REG)
        return 0;
    int r = find_seen(f, i, &s, e);
    if (r < 0 || s->hashed)
        return r < 0 ? r : s->good;
    r = hash_init(&h, HASH_SHA256, e);
    if (r >= 0)
        r = look_read(&f->l, node, feed, &h, f->h->cancel, e);
    if (r < 0)
        return r;
    hash_final(&h, sum);
    s->hashed = true;
    s->good = memcmp(sum, f->q.sha256, sizeof f->q.sha256) == 0;
    return s->good;
}

/* One file of the image. `sums`: its bytes count, and nothing else. */
static int ask(struct finding *f, uint32_t node, bool sums, struct shale_err *e)
{
    int r = cancel_check(f->h->cancel, e);

    if (r >= 0 && sums) {
        r = has_sum(f, node, e);
        if (r > 0) {
            f->have |= 1u << FIND_SHA256;
            r = find_tell(f, node, NULL, e);
        }
        return r;
    }
    buf_reset(&f->path);
    look_path(&f->l, node, &f->path);
    if (r >= 0)
        r = buf_check(&f->path, e);
    (void)buf_str(&f->path);
    for (size_t i = 0; r >= 0 && i < f->q.n_files; i++) {
        if (!walked(&f->q.files[i]) || !is_file(&f->q.files[i], f->paths[i], f->path.p))
            continue;
        f->have |= 1u << i;
        return find_tell(f, node, NULL, e);
    }
    return r;
}

static int walk(struct finding *f, bool sums, struct shale_err *e)
{
    struct tree *t = f->l.tree;
    uint32_t at = tree_first(t, TREE_ROOT);

    while (at != TREE_NONE) {
        int r = ask(f, at, sums, e);
        if (r < 0)
            return r;
        tree_pace(t, at);
        uint32_t next = tree_is_dir(t, at) ? tree_first(t, at) : TREE_NONE;
        if (next == TREE_NONE)
            next = tree_next(t, at);
        while (next == TREE_NONE && at != TREE_ROOT) {
            at = t->nodes[at].parent;
            next = at == TREE_ROOT ? TREE_NONE : tree_next(t, at);
        }
        at = next;
    }
    return 0;
}

/* ---- an image ---- */

static bool lacks(const struct finding *f, unsigned of)
{
    return (f->all & of & ~f->have) != 0;
}

/* The cheap ones first: what an image lacks already spares it the others. */
static int ask_all(struct finding *f, struct shale_err *e)
{
    bool globs = false;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < f->q.n_files; i++) {
        globs |= walked(&f->q.files[i]);
        if (walked(&f->q.files[i]))
            continue;
        r = look_up(f, i, e);
        if (r >= 0 && lacks(f, 1u << i))
            return 0;
    }
    if (r >= 0 && globs)
        r = walk(f, false, e);
    if (r < 0 || lacks(f, FIND_ALL_FILES))
        return r;
    if (f->q.n_packages)
        r = find_packages(f, e);
    if (r < 0 || lacks(f, FIND_ALL_PACKAGES))
        return r;
    return f->q.has_sha256 ? walk(f, true, e) : 0;
}

static int tell_hits(struct finding *f)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && f->o->on_found && i < f->n_hits; i++)
        r = f->o->on_found(f->o->arg, &f->hits[i]);
    return r;
}

static int may_have(struct finding *f, const struct digest *id, bool *ret, struct shale_err *e)
{
    struct meta_image_layer *rows = NULL;
    unsigned mask = 0;
    size_t n = 0;
    int r = meta_image_layers(store_meta(f->h->store), id, &f->of_image, &rows, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct find_layer *l = layer_of(f, &rows[i].diff_id);
        if (!l) { /* the image is of just now */
            *ret = true;
            return 0;
        }
        r = scan_layer(f, l, e);
        mask |= l->mask;
    }
    *ret = mask == f->all;
    return r;
}

/* Which of f->layers each of the image's is. */
static int number_layers(struct finding *f, struct shale_err *e)
{
    f->numbers = arena_array(&f->of_image, f->l.n_layers + 1, sizeof *f->numbers);
    if (!f->numbers)
        return err_nomem(e);
    for (size_t i = 0; i < f->l.n_layers; i++) {
        struct find_layer *l = layer_of(f, &f->l.diff_ids[i]);
        if (!l)
            return err_set(e, SHALE_NOT_FOUND, "the image has changed in the meantime");
        f->numbers[i] = (uint32_t)(l - f->layers);
    }
    return 0;
}

static int find_in(struct finding *f, struct shale_err *e)
{
    struct digest id;
    bool may = false;
    int r = digest_parse(f->image->id, &id, e);

    if (r >= 0)
        r = may_have(f, &id, &may, e);
    if (r < 0 || !may)
        return r;
    r = look_open(f->h->store, &id, &f->of_image, f->h->cancel, &f->l, e);
    if (r >= 0)
        r = number_layers(f, e);
    if (r >= 0)
        r = ask_all(f, e);
    look_close(&f->l);
    return r;
}

static int find_next(struct finding *f, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;

    arena_clear(&f->of_image);
    f->l = (struct look)LOOK_INIT;
    f->hits = NULL;
    f->n_hits = f->cap = 0;
    f->have = 0;
    int r = find_in(f, &why);
    if (r < 0 && r != -SHALE_CANCELED && r != -SHALE_NO_MEMORY && f->o->on_error) {
        f->n_failed++;
        f->o->on_error(f->o->arg, f->image, &why);
        return 0;
    }
    if (r < 0) {
        if (e)
            *e = why;
        return r;
    }
    if (f->have != f->all)
        return 0;
    f->n_found++;
    return tell_hits(f);
}

int image_look_for(struct image_host *h, const struct shale_look_for_opts *o, struct arena *a,
                   struct shale_look_for_result *ret, struct shale_err *e)
{
    const struct shale_images_opts every = {.size = sizeof every, .all = true};
    struct shale_image_list images = {0};
    struct finding f = {.h = h, .o = o, .a = a, .path = BUF_INIT(FIND_PATH_BYTES)};
    int r = parse(&f, e);

    arena_init(&f.of_image, FIND_IMAGE_BYTES);
    if (r >= 0)
        r = image_list(h, &every, a, &images, e);
    if (r >= 0)
        r = list_layers(&f, &images, e);
    for (size_t i = 0; r >= 0 && i < images.n_items; i++) {
        f.image = &images.items[i];
        r = find_next(&f, e);
    }
    arena_clear(&f.of_image);
    buf_clear(&f.path);
    free(f.seen);
    *ret = (struct shale_look_for_result){f.n_found, f.n_failed};
    return r;
}
