/* SPDX-License-Identifier: Apache-2.0 */
/* ADD of an archive: its members go into the layer from where they lie, none becomes a file. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "build/context/archive.h"
#include "build/context/copy_way.h"
#include "build/copy/copy_priv.h"
#include "container/xattrs.h"

#define READ_BYTES (128u << 10)

struct lister {
    struct build_copy *c;
    struct copy_entry *v; /* as the archive has them; then in order, with implied folders */
    size_t n, cap;
    bool odd; /* has to be unpacked to know what comes of it */
};

static const mode_t types[] = {
    [TAR_REG] = S_IFREG,  [TAR_HARDLINK] = S_IFREG, [TAR_SYMLINK] = S_IFLNK,
    [TAR_CHAR] = S_IFCHR, [TAR_BLOCKDEV] = S_IFBLK, [TAR_DIR] = S_IFDIR,
    [TAR_FIFO] = S_IFIFO};

static void lister_clear(struct lister *l)
{
    free(l->v);
}

static struct copy_entry *add(struct lister *l, struct shale_err *e)
{
    if (++l->c->n_entries > COPY_MAX_ENTRIES) {
        (void)err_set(e, SHALE_LIMIT, "there are too many files in an archive");
        return NULL;
    }
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 256;
        struct copy_entry *v = mem_resize(l->v, cap * sizeof *v);
        if (!v) {
            (void)err_nomem(e);
            return NULL;
        }
        l->v = v;
        l->cap = cap;
    }
    struct copy_entry *x = &l->v[l->n++];
    *x = (struct copy_entry){.path = ""};
    return x;
}

static int too_much(const struct lister *l, struct shale_err *e)
{
    return l->c->a.failed == SHALE_LIMIT
               ? err_set(e, SHALE_LIMIT, "there are too many files in an archive")
               : err_nomem(e);
}

/* What is kept of a member. */
static struct copy_packed *keep(struct lister *l, const struct tar_entry *t)
{
    struct arena *a = &l->c->a;
    struct copy_packed *p = arena_alloc(a, sizeof *p);
    struct tar_xattr *v = t->n_xattrs ? arena_array(a, t->n_xattrs, sizeof *v) : NULL;

    if (!p || (t->n_xattrs && !v))
        return NULL;
    p->t = *t;
    p->t.path = p->t.link = (struct str){"", 0};
    p->t.mtime_ns = 0;
    if (t->type == TAR_SYMLINK) /* as every link of a file system */
        p->t.mode = 0777;
    p->t.n_xattrs = 0;
    p->t.xattrs = v;
    for (size_t i = 0; i < t->n_xattrs; i++) {
        const struct tar_xattr *x = &t->xattrs[i];
        if (!xattrs_is_taken(x->name))
            continue;
        struct tar_xattr *to = &v[p->t.n_xattrs++];
        to->name = arena_strdup(a, x->name);
        to->value = arena_memdup(a, x->value, x->value_bytes);
        to->value_bytes = x->value_bytes;
        if (!to->name || (x->value_bytes && !to->value))
            return NULL;
    }
    return p;
}

/* Of a hard link: what it is another name of comes later, so that is noted. */
static int on_entry(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    struct lister *l = arg;
    struct arena *a = &l->c->a;

    if (t->sparse || (t->type == TAR_HARDLINK && t->link.n == 0))
        l->odd = true;
    if (t->path.n == 0 || l->odd)
        return 0;
    struct copy_entry *x = add(l, e);
    if (!x)
        return -SHALE_LIMIT;
    x->rel = x->path = arena_strndup(a, t->path.p, t->path.n);
    if (t->type == TAR_HARDLINK || t->type == TAR_SYMLINK)
        x->link = arena_strndup(a, t->link.p, t->link.n);
    if (t->type != TAR_HARDLINK)
        x->packed = keep(l, t);
    if (!x->rel || (t->type != TAR_HARDLINK && !x->packed) || (t->link.n && a->failed))
        return too_much(l, e);
    x->st = (struct copy_stat){.mode = types[t->type] | t->mode,
                               .uid = t->uid,
                               .gid = t->gid,
                               .size = t->type == TAR_REG ? t->size_bytes : 0};
    return 0;
}

/* ---- in order ---- */

/* What is in a folder stands behind it, before all that is not. */
static int by_way(const void *a_, const void *b_)
{
    const char *a = ((const struct copy_entry *)a_)->rel, *b = ((const struct copy_entry *)b_)->rel;

    while (*a && *a == *b) {
        a++;
        b++;
    }
    int x = *a == '/' ? 1 : (unsigned char)*a + (*a != 0);
    int y = *b == '/' ? 1 : (unsigned char)*b + (*b != 0);
    return x - y;
}

static struct copy_entry *find(const struct lister *l, const char *rel)
{
    const struct copy_entry key = {.rel = rel};

    return l->n ? bsearch(&key, l->v, l->n, sizeof key, by_way) : NULL;
}

/* Folders above that the archive does not name. What is in order so far ends with the nearest one
 * that is above, or is below the same one. */
static int add_implied(struct lister *to, const char *rel, struct shale_err *e)
{
    for (const char *s = strchr(rel, '/'); s; s = strchr(s + 1, '/')) {
        size_t n = (size_t)(s - rel);
        const struct copy_entry *last = &to->v[to->n - 1];
        bool there = strncmp(last->rel, rel, n) == 0 && (!last->rel[n] || last->rel[n] == '/');
        if (there && !last->rel[n] && !S_ISDIR(last->st.mode))
            to->odd = true; /* a way through a link or a file of its own */
        if (there)
            continue;
        struct copy_entry *x = add(to, e);
        if (!x)
            return -SHALE_LIMIT;
        x->rel = x->path = arena_strndup(&to->c->a, rel, n);
        x->st.mode = S_IFDIR | 0755;
        x->implied = true;
        if (!x->rel)
            return too_much(to, e);
    }
    return 0;
}

static unsigned depth_of(const char *rel)
{
    unsigned n = 1;

    for (; *rel; rel++)
        n += *rel == '/';
    return n;
}

/* Other names of a file get what the first has. */
static void link_names(struct lister *l)
{
    for (size_t i = 0; i < l->n && !l->odd; i++) {
        struct copy_entry *x = &l->v[i];
        if (!S_ISREG(x->st.mode) || x->packed)
            continue;
        const struct copy_entry *of = find(l, x->link);
        if (!of || !S_ISREG(of->st.mode) || !of->packed) {
            l->odd = true;
            return;
        }
        x->packed = of->packed;
        x->st = of->st;
        x->link = NULL;
    }
}

static int put_in_order(struct lister *l, struct lister *to, struct shale_err *e)
{
    int r = 0;

    if (l->n > 1)
        qsort(l->v, l->n, sizeof *l->v, by_way);
    for (size_t i = 0; i + 1 < l->n && !l->odd; i++)
        l->odd = streq(l->v[i].rel, l->v[i + 1].rel);
    if (!l->odd)
        link_names(l);
    struct copy_entry *root = l->odd ? NULL : add(to, e);
    if (l->odd || !root)
        return l->odd ? 0 : -SHALE_LIMIT;
    root->rel = "";
    root->st.mode = S_IFDIR | 0755;
    for (size_t i = 0; r >= 0 && i < l->n && !to->odd; i++) {
        if (depth_of(l->v[i].rel) > COPY_MAX_DEPTH)
            return err_set(e, SHALE_LIMIT, "/%.300s: more than %d levels of folders", l->v[i].rel,
                           COPY_MAX_DEPTH);
        r = add_implied(to, l->v[i].rel, e);
        struct copy_entry *x = r >= 0 ? add(to, e) : NULL;
        if (!x)
            return -SHALE_LIMIT;
        *x = l->v[i];
    }
    return r;
}

/* ---- the item ---- */

static int list(struct build_copy *c, const struct copy_item *it, int fd, int to, struct lister *l,
                struct lister *in_order, struct shale_err *e)
{
    const struct archive_in in = {.fd = fd, .what = it->name};
    int r = archive_read(&in, to, on_entry, l, c->o->cancel, e);

    if (r >= 0 && !l->odd)
        r = put_in_order(l, in_order, e);
    return r < 0 ? r : !(l->odd || in_order->odd);
}

/* A copy of the descriptor, or a file without a name for what is in it. */
static int bytes_of(const struct copy_item *it, int fd, int room_fd, bool *ret_plain,
                    struct shale_err *e)
{
    _cleanup_free_ char *head = mem_alloc(ARCHIVE_HEAD_BYTES);
    size_t n;
    int r = head ? archive_read_head(fd, head, &n, it->name, e) : err_nomem(e);

    if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = err_sys(e, "read %s", it->name);
    if (r < 0)
        return r;
    *ret_plain = archive_is_plain(head, n);
    int to = *ret_plain ? fcntl(fd, F_DUPFD_CLOEXEC, 3)
                        : sys_openat(room_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return to < 0 ? err_sys(e, "create a file for what is in %s", it->name) : to;
}

int copy_packed_open(struct build_copy *c, struct copy_item *it, int fd, int room_fd,
                     struct shale_err *e)
{
    _cleanup_(lister_clear) struct lister l = {.c = c}, in_order = {.c = c};
    uint64_t n_entries = c->n_entries;
    bool plain = false;
    struct stat st;
    _cleanup_close_ int to = bytes_of(it, fd, room_fd, &plain, e);
    int r = to < 0 ? to : list(c, it, fd, plain ? -1 : to, &l, &in_order, e);

    c->n_entries = r > 0 ? n_entries + in_order.n : n_entries;
    if (r <= 0)
        return r;
    if (fstat(to, &st) < 0)
        return err_sys(e, "stat %s", it->name);
    copy_item_unpacked(it, TAKE_FD(to));
    it->tar = st;
    it->v = in_order.v;
    it->n = in_order.n;
    it->cap = in_order.cap;
    in_order.v = NULL;
    return 1;
}

/* ---- into the layer ---- */

static int put_data(const struct copy_item *it, const struct copy_packed *p, struct tar_writer *to,
                    struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(READ_BYTES);
    uint64_t at = p->t.data_offset, left = p->t.size_bytes;
    size_t got;
    int r = block ? 0 : err_nomem(e);

    while (r >= 0 && left > 0) {
        size_t want = left < READ_BYTES ? (size_t)left : READ_BYTES;
        if (sys_pread_full(it->root_fd, block, want, at, &got) < 0)
            return err_sys(e, "read an archive");
        if (got < want)
            return err_set(e, SHALE_CONFLICT, "an archive became shorter while it was read");
        r = tar_write_data(to, block, got, e);
        at += got;
        left -= got;
    }
    return r;
}

static bool is_same(const struct copy_item *it)
{
    struct stat st;

    return fstat(it->root_fd, &st) == 0 && st.st_size == it->tar.st_size &&
           st.st_mtim.tv_sec == it->tar.st_mtim.tv_sec &&
           st.st_mtim.tv_nsec == it->tar.st_mtim.tv_nsec;
}

int copy_packed_put(struct build_copy *c, const struct copy_item *it, const struct copy_entry *x,
                    struct tar_entry *t, struct tar_writer *to, struct shale_err *e)
{
    struct copy_packed *p = x->packed;
    int r = cancel_check(c->o->cancel, e);

    if (r >= 0 && t->type == TAR_REG && p->first) {
        t->type = TAR_HARDLINK;
        t->link = str_of(p->first);
    } else if (t->type == TAR_SYMLINK) {
        t->link = str_of(x->link ? x->link : "");
    }
    if (r >= 0)
        r = tar_write_entry(to, t, e);
    if (r < 0 || t->type != TAR_REG)
        return r;
    p->first = t->path.p;
    r = put_data(it, p, to, e);
    if (r >= 0 && !is_same(it))
        r = err_set(e, SHALE_CONFLICT, "an archive changed while it was read; build again");
    return r;
}
