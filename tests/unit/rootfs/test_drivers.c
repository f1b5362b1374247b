/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a driver, and a driver's life: twice prepared, mounted, removed, damaged. Needs root; a
 * way of mounting that this kernel does not have is left out, and said so. */
#include "rootfs_test.h"

#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "model/chain.h"
#include "rootfs/rootfs.h"

static const char *const ways[] = {"erofs file", "erofs loop", "dir"};

struct store {
    struct tmp_dir tmp;
    char root[4096], mnt[128];
    int fd;
    struct rootfs_layer layer;
    struct rootfs_image img;
    struct rootfs_driver *d;
};

/* A layer of one file "f" that holds 1500 times 'x', as tar bytes that nobody but us reads. */
static void put_layer(struct store *s)
{
    char bytes[4096], path[256];
    struct toc_writer *w = NULL;
    struct toc_stats stats;
    struct tar_entry x = {.type = TAR_REG, .path = STR("f"), .link = STR(""), .mode = 0644};

    memset(bytes, 'x', sizeof bytes);
    x.data_offset = 512;
    x.size_bytes = x.stored_bytes = 1500;
    assert_int_equal(digest_of_bytes(HASH_SHA256, bytes, sizeof bytes, &s->layer.diff_id, NULL), 0);
    s->layer.chain_id = s->layer.diff_id;
    s->img = (struct rootfs_image){&s->layer, 1};
    snprintf(path, sizeof path, "layers/%s", digest_hex(&s->layer.diff_id));
    assert_int_equal(fs_mkdir_p(s->fd, path, 0755, NULL), 0);
    snprintf(path, sizeof path, "layers/%s/layer.tar", digest_hex(&s->layer.diff_id));
    assert_int_equal(fs_write_atomic(s->fd, path, bytes, sizeof bytes, 0600, false, NULL), 0);
    snprintf(path, sizeof path, "layers/%s/toc", digest_hex(&s->layer.diff_id));
    assert_int_equal(toc_create(s->fd, path, &w, NULL), 0);
    assert_int_equal(toc_add(w, &x, NULL), 0);
    assert_int_equal(toc_finish(w, &stats, NULL), 0);
    toc_writer_free(w);
}

static void store_open(struct store *s, const char *below)
{
    static const char *const folders[] = {"layers", "images", "locks"};

    *s = (struct store){.tmp = tmp_open()};
    snprintf(s->root, sizeof s->root, "%s/%s", s->tmp.path, below);
    snprintf(s->mnt, sizeof s->mnt, "%s/mnt", s->tmp.path);
    assert_int_equal(fs_mkdir_p(AT_FDCWD, s->root, 0711, NULL), 0);
    assert_int_equal(fs_mkdir_p(AT_FDCWD, s->mnt, 0755, NULL), 0);
    s->fd = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(s->fd >= 0);
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        assert_int_equal(fs_mkdir_p(s->fd, folders[i], 0711, NULL), 0);
    put_layer(s);
}

static void store_close(struct store *s)
{
    if (s->d)
        s->d->ops->close(s->d);
    close(s->fd);
    tmp_close(&s->tmp);
}
#define STORE(s)                                                                                   \
    _cleanup_(store_close) struct store s;                                                         \
    store_open(&s, "store")

/* Whether this way works here: the probe of rootfs_open, but of one way only. */
static bool works(struct store *s, const char *way)
{
    char memo[64] = "";
    struct shale_err e = SHALE_ERR_INIT;

    if (!streq(way, "erofs loop")) {
        int r = rootfs_open(s->fd, s->root, streq(way, "dir") ? "dir" : "erofs", memo, &s->d, &e);
        if (r < 0 || !streq(memo, way)) {
            print_message("left out: %s: %s\n", way, e.msg);
            if (r >= 0)
                s->d = s->d->ops->close(s->d);
            return false;
        }
        return true;
    }
    snprintf(memo, sizeof memo, "%s", way);
    if (access("/dev/loop-control", R_OK | W_OK) < 0) {
        print_message("left out: %s: no loop devices\n", way);
        return false;
    }
    assert_int_equal(rootfs_open(s->fd, s->root, "", memo, &s->d, NULL), 0);
    return true;
}

static void need_root(void)
{
    if (geteuid() != 0) {
        print_message("SKIPPED: needs root\n");
        skip();
    }
}

static void check_mounted(const struct store *s, const char *name)
{
    _cleanup_close_ int dir = open(s->mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4096);

    assert_int_equal(fs_read_file(dir, name, &b, NULL), 0);
    assert_int_equal(b.n, 1500);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(b.p[i], 'x');
}

static int count_one(void *arg, const char *name, unsigned char type)
{
    ++*(int *)arg;
    return 0;
}

static bool is_mounted(const struct store *s)
{
    struct stat a, b;
    int n = 0;

    assert_int_equal(stat(s->mnt, &a), 0);
    assert_int_equal(stat(s->tmp.path, &b), 0);
    assert_int_equal(fs_each(AT_FDCWD, s->mnt, count_one, &n, NULL), 0);
    return a.st_dev != b.st_dev || n > 0;
}

/* ---- choosing ---- */

static void test_names(void **state)
{
    need_root();
    STORE(s);
    struct shale_err e = SHALE_ERR_INIT;
    char memo[64] = "", first[64];

    assert_int_equal(rootfs_open(s.fd, s.root, "btrfs", memo, &s.d, &e), -SHALE_INVALID);
    assert_non_null(strstr(e.msg, "btrfs"));
    assert_string_equal(memo, "");
    assert_int_equal(rootfs_open(s.fd, s.root, NULL, memo, &s.d, NULL), 0);
    assert_true(s.d->why[0]);
    memcpy(first, memo, sizeof first);
    const char *name = s.d->ops->name;
    s.d = s.d->ops->close(s.d);
    for (size_t i = 0; i < ARRAY_SIZE(ways) + 1; i++) /* what is remembered is not asked again */
        if (i == ARRAY_SIZE(ways))
            fail_msg("a memo of no known way: %s", memo);
        else if (streq(ways[i], memo))
            break;
    assert_int_equal(rootfs_open(s.fd, s.root, "auto", memo, &s.d, NULL), 0);
    assert_string_equal(s.d->ops->name, name);
    assert_string_equal(memo, first);
    s.d = s.d->ops->close(s.d);
    snprintf(memo, sizeof memo, "rubbish"); /* of another version: asked anew */
    assert_int_equal(rootfs_open(s.fd, s.root, "", memo, &s.d, NULL), 0);
    assert_string_equal(memo, first);
    s.d = s.d->ops->close(s.d);
    assert_int_equal(rootfs_open(s.fd, s.root, "dir", memo, &s.d, NULL), 0);
    assert_string_equal(s.d->ops->name, "dir");
}

static void test_probe_leaves_nothing(void **state)
{
    need_root();
    STORE(s);
    char memo[64] = "";
    int n = 0;

    assert_int_equal(rootfs_open(s.fd, s.root, NULL, memo, &s.d, NULL), 0);
    assert_int_equal(fs_each(s.fd, "images", count_one, &n, NULL), 0);
    assert_int_equal(n, 0);
}

/* ---- a life ---- */

static void live(struct store *s)
{
    const struct rootfs_ops *o = s->d->ops;
    char upper[128], work[128];

    snprintf(upper, sizeof upper, "%s/upper", s->tmp.path);
    snprintf(work, sizeof work, "%s/work", s->tmp.path);
    assert_int_equal(fs_mkdir_p(AT_FDCWD, upper, 0755, NULL), 0);
    assert_int_equal(fs_mkdir_p(AT_FDCWD, work, 0755, NULL), 0);
    assert_int_equal(o->umount(s->d, s->mnt, NULL), 0); /* not mounted */
    assert_int_equal(o->remove(s->d, &s->layer.chain_id, NULL), 0);
    assert_true(o->mount(s->d, &s->img, s->mnt, NULL, NULL) < 0); /* not prepared */
    assert_false(is_mounted(s));
    assert_int_equal(o->prepare(s->d, &s->img, NULL, NULL), 0);
    assert_int_equal(o->prepare(s->d, &s->img, NULL, NULL), 0);

    assert_int_equal(o->mount(s->d, &s->img, s->mnt, NULL, NULL), 0);
    check_mounted(s, "f");
    char path[160];
    snprintf(path, sizeof path, "%s/new", s->mnt);
    assert_true(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) < 0); /* read-only */
    assert_int_equal(o->umount(s->d, s->mnt, NULL), 0);
    assert_false(is_mounted(s));

    assert_int_equal(
        o->mount(s->d, &s->img, s->mnt, &(struct rootfs_writable){upper, work, false}, NULL), 0);
    check_mounted(s, "f");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0); /* and left open: what is looked at from outside can be taken away too */
    assert_int_equal(o->umount(s->d, s->mnt, NULL), 0);
    close(fd);
    assert_false(is_mounted(s));
    snprintf(path, sizeof path, "%s/new", upper);
    assert_int_equal(access(path, F_OK), 0);

    assert_int_equal(o->verify(s->d, &s->img, NULL, NULL), 0);
    assert_int_equal(o->remove(s->d, &s->layer.chain_id, NULL), 0);
    int n = 0;
    assert_int_equal(fs_each(s->fd, "images", count_one, &n, NULL), 0);
    assert_int_equal(n, 0);
}

static void test_life(void **state)
{
    need_root();
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        STORE(s);
        if (works(&s, ways[i]))
            live(&s);
    }
}

/* Paths longer than what one fsconfig(2) takes. */
static void test_long_root(void **state)
{
    need_root();
    char below[300];

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        _cleanup_(store_close) struct store s;
        memset(below, 'a', sizeof below - 1);
        below[sizeof below - 1] = 0;
        below[150] = '/';
        store_open(&s, below);
        if (works(&s, ways[i]))
            live(&s);
    }
}

/* A layer above: "g" with an attribute behind its inode, "e" that is empty. */
static void put_upper(struct store *s, struct rootfs_layer *ret)
{
    char bytes[2048], path[256];
    const struct tar_xattr xattr = {.name = "user.k", .value = "value", .value_bytes = 5};
    struct tar_entry x = {.type = TAR_REG, .path = STR("g"), .link = STR(""), .mode = 0644};
    struct toc_writer *w = NULL;
    struct toc_stats stats;

    memset(bytes, 'y', sizeof bytes);
    assert_int_equal(digest_of_bytes(HASH_SHA256, bytes, sizeof bytes, &ret->diff_id, NULL), 0);
    assert_int_equal(chain_next(&s->layer.chain_id, &ret->diff_id, &ret->chain_id, NULL), 0);
    snprintf(path, sizeof path, "layers/%s", digest_hex(&ret->diff_id));
    assert_int_equal(fs_mkdir_p(s->fd, path, 0755, NULL), 0);
    snprintf(path, sizeof path, "layers/%s/layer.tar", digest_hex(&ret->diff_id));
    assert_int_equal(fs_write_atomic(s->fd, path, bytes, sizeof bytes, 0600, false, NULL), 0);
    snprintf(path, sizeof path, "layers/%s/toc", digest_hex(&ret->diff_id));
    assert_int_equal(toc_create(s->fd, path, &w, NULL), 0);
    x.data_offset = 1024;
    x.size_bytes = x.stored_bytes = 700;
    x.xattrs = &xattr;
    x.n_xattrs = 1;
    assert_int_equal(toc_add(w, &x, NULL), 0);
    assert_int_equal(toc_add(w,
                             &(struct tar_entry){.type = TAR_REG,
                                                 .path = STR("e"),
                                                 .link = STR(""),
                                                 .mode = 0644,
                                                 .data_offset = 512},
                             NULL),
                     0);
    assert_int_equal(toc_finish(w, &stats, NULL), 0);
    toc_writer_free(w);
}

/* "LAYER OFFSET" of a file, as numbers; layer -1: not known. */
static void check_origin(const struct rootfs_origins *o, const struct rootfs_image *img, int view,
                         const char *name, int layer, uint64_t offset)
{
    struct rootfs_origin at;
    struct stat st;

    assert_int_equal(fstatat(view, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    bool known = rootfs_origin(o, st.st_ino, (uint64_t)st.st_size, &at);
    assert_int_equal(known, layer >= 0);
    if (!known)
        return;
    assert_true(digest_eq(at.diff_id, &img->layers[layer].diff_id));
    assert_int_equal(at.offset, offset);
    assert_false(rootfs_origin(o, st.st_ino, (uint64_t)st.st_size + 1, &at));
}

static void test_origins(void **state)
{
    need_root();
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        STORE(s);
        struct rootfs_layer layers[2] = {s.layer};
        struct rootfs_origins *o = NULL;
        struct rootfs_origin at;
        if (!works(&s, ways[i]) || !s.d->ops->origins) /* a driver with copies of its own */
            continue;
        put_upper(&s, &layers[1]);
        s.img = (struct rootfs_image){layers, 2};
        assert_int_equal(s.d->ops->origins(s.d, &s.img, &o, NULL), 0); /* not prepared */
        assert_null(o);
        assert_int_equal(s.d->ops->prepare(s.d, &s.img, NULL, NULL), 0);
        _cleanup_close_ int view = s.d->ops->view(s.d, &s.img, NULL);
        assert_true(view >= 0);
        assert_int_equal(s.d->ops->origins(s.d, &s.img, &o, NULL), 0);
        check_origin(o, &s.img, view, "f", 0, 512);
        check_origin(o, &s.img, view, "g", 1, 1024);
        check_origin(o, &s.img, view, "e", -1, 0);
        check_origin(o, &s.img, view, ".", -1, 0);
        assert_false(rootfs_origin(o, UINT32_MAX, 1500, &at)); /* behind its end */
        assert_false(rootfs_origin(o, UINT64_MAX, 1500, &at));
        assert_null(rootfs_origins_close(o));

        char path[256];
        snprintf(path, sizeof path, "images/%s/index.erofs", digest_hex(&layers[1].chain_id));
        _cleanup_close_ int fd = sys_openat(s.fd, path, O_RDWR, 0);
        assert_int_equal(sys_pwrite_all(fd, "y", 1, 1024), 0);
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(s.d->ops->origins(s.d, &s.img, &o, &e), -SHALE_CORRUPT);
    }
}

/* ---- what is told of an image without reading it ---- */

/* A layer above whose folder "wide" takes many blocks, with one of each kind. */
static void put_wide(struct store *s, struct rootfs_layer *ret)
{
    static char names[900][256];
    const struct tar_xattr xattr = {"security.capability",
                                    "\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20};
    const struct tar_entry kinds[] = {
        {.type = TAR_DIR, .path = STR("wide"), .mode = 01777, .gid = 70000, .mtime_s = -5},
        {.type = TAR_DIR, .path = STR("wide/empty"), .mode = 0700},
        {.type = TAR_CHAR, .path = STR("c"), .dev_major = 260, .dev_minor = 70000, .mode = 0600},
        {.type = TAR_BLOCKDEV, .path = STR("b"), .dev_major = 8, .dev_minor = 1, .mode = 0660},
        {.type = TAR_FIFO, .path = STR("p"), .mode = 0622},
        {.type = TAR_SYMLINK, .path = STR("l"), .link = STR("wide/empty")},
        {.type = TAR_HARDLINK, .path = STR("wide/again"), .link = STR("f")},
        {.type = TAR_REG,
         .path = STR("x"),
         .mode = 04755,
         .uid = 3000000,
         .xattrs = &xattr,
         .n_xattrs = 1},
    };
    struct toc_writer *w = NULL;
    struct toc_stats stats;
    char path[256];

    assert_int_equal(digest_of_bytes(HASH_SHA256, "wide", 4, &ret->diff_id, NULL), 0);
    assert_int_equal(chain_next(&s->layer.chain_id, &ret->diff_id, &ret->chain_id, NULL), 0);
    snprintf(path, sizeof path, "layers/%s", digest_hex(&ret->diff_id));
    assert_int_equal(fs_mkdir_p(s->fd, path, 0755, NULL), 0);
    snprintf(path, sizeof path, "layers/%s/layer.tar", digest_hex(&ret->diff_id));
    assert_int_equal(fs_write_atomic(s->fd, path, "", 0, 0600, false, NULL), 0);
    snprintf(path, sizeof path, "layers/%s/toc", digest_hex(&ret->diff_id));
    assert_int_equal(toc_create(s->fd, path, &w, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        assert_int_equal(toc_add(w, &kinds[i], NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        int n = snprintf(names[i], sizeof names[i], "wide/%c%0*zu", i % 3 ? '-' : 'q',
                         1 + (int)(i * 11 % 240), i);
        const struct tar_entry x = {.type = TAR_REG,
                                    .path = {names[i], (size_t)n},
                                    .mode = i % 512,
                                    .mtime_s = (int64_t)i,
                                    .mtime_ns = (uint32_t)i};
        assert_int_equal(toc_add(w, &x, NULL), 0);
    }
    assert_int_equal(toc_finish(w, &stats, NULL), 0);
    toc_writer_free(w);
}

struct told {
    int view;
    const struct lower *lower;
    size_t n;
};

static void check_told(struct told *t);

static int check_name(void *arg, const char *name, unsigned char type)
{
    struct told *t = arg;
    char path[300], absent[300], a[64], b[64];
    struct stat x, y;

    t->n++;
    assert_int_equal(fstatat(t->view, name, &x, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(lower_find(t->lower, name, &y, NULL), 1);
    assert_true(x.st_mode == y.st_mode && x.st_uid == y.st_uid && x.st_gid == y.st_gid &&
                x.st_size == y.st_size && x.st_nlink == y.st_nlink && x.st_rdev == y.st_rdev &&
                x.st_ino == y.st_ino && x.st_mtim.tv_sec == y.st_mtim.tv_sec &&
                x.st_mtim.tv_nsec == y.st_mtim.tv_nsec);
    snprintf(path, sizeof path, "/proc/self/fd/%d/%.250s", t->view, name);
    ssize_t n = lgetxattr(path, "security.capability", a, sizeof a);
    assert_int_equal(lower_xattr(t->lower, name, "security.capability", b, sizeof b),
                     n < 0 ? 0 : n);
    assert_true(n <= 0 || memcmp(a, b, (size_t)n) == 0);
    snprintf(absent, sizeof absent, "%.250s!", name);
    assert_int_equal(lower_find(t->lower, absent, &y, NULL), 0);
    if (!S_ISDIR(x.st_mode))
        return 0;
    struct lower lower;
    _cleanup_close_ int view = openat(t->view, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(lower_open(t->lower, name, &lower, NULL), 0);
    check_told(&(struct told){view, &lower, 0});
    lower_close(&lower);
    return 0;
}

/* Names come with the type that stat tells. */
static int check_type(void *arg, const char *name, unsigned char type)
{
    struct told *t = arg;
    struct stat st;

    t->n++;
    assert_int_equal(lower_find(t->lower, name, &st, NULL), 1);
    assert_int_equal(type, IFTODT(st.st_mode));
    return 0;
}

static void check_told(struct told *t)
{
    struct told types = {-1, t->lower, 0};
    struct stat st;

    assert_int_equal(fs_each(t->view, ".", check_name, t, NULL), 0);
    assert_int_equal(lower_each(t->lower, check_type, &types, NULL), 0);
    assert_int_equal(types.n, t->n);
    assert_int_equal(lower_find(t->lower, "!", &st, NULL), 0); /* before all */
    assert_int_equal(lower_find(t->lower, "~", &st, NULL), 0); /* after them */
}

static void test_lower(void **state)
{
    need_root();
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        STORE(s);
        struct rootfs_layer layers[2] = {s.layer};
        struct lower lower = LOWER_NONE;
        if (!works(&s, ways[i]))
            continue;
        put_wide(&s, &layers[1]);
        s.img = (struct rootfs_image){layers, 2};
        assert_int_equal(s.d->ops->lower(s.d, &s.img, &lower, NULL), -SHALE_NOT_FOUND);
        assert_false(lower_is(&lower));
        assert_int_equal(s.d->ops->prepare(s.d, &s.img, NULL, NULL), 0);
        _cleanup_close_ int view = s.d->ops->view(s.d, &s.img, NULL);
        assert_int_equal(s.d->ops->lower(s.d, &s.img, &lower, NULL), 0);
        assert_int_equal(lower.fd < 0, !streq(ways[i], "dir")); /* nothing is mounted */
        struct told t = {view, &lower, 0};
        check_told(&t);
        assert_int_equal(t.n, 7); /* f wide c b p l x */
        lower_close(&lower);
        assert_false(lower_is(&lower));
        s.img.n_layers = 0;
        assert_int_equal(s.d->ops->lower(s.d, &s.img, &lower, NULL), 0);
        int n = 0;
        assert_int_equal(lower_each(&lower, count_one, &n, NULL), 0);
        assert_int_equal(n, 0);
        lower_close(&lower);
    }
}

static void test_empty_image(void **state)
{
    need_root();
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        STORE(s);
        if (!works(&s, ways[i]))
            continue;
        s.img.n_layers = 0;
        assert_int_equal(s.d->ops->prepare(s.d, &s.img, NULL, NULL), 0);
        assert_int_equal(s.d->ops->mount(s.d, &s.img, s.mnt, NULL, NULL), 0);
        int n = 0;
        assert_int_equal(fs_each(AT_FDCWD, s.mnt, count_one, &n, NULL), 0);
        assert_int_equal(n, 0);
        assert_int_equal(s.d->ops->umount(s.d, s.mnt, NULL), 0);
    }
}

static void test_damaged_cache(void **state)
{
    static const char *const files[] = {"index.erofs", "index.erofs", "dir/diff/f"};
    need_root();

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        STORE(s);
        char path[256];
        if (!works(&s, ways[i]))
            continue;
        assert_int_equal(s.d->ops->prepare(s.d, &s.img, NULL, NULL), 0);
        snprintf(path, sizeof path, "images/%s/%s", digest_hex(&s.layer.chain_id), files[i]);
        _cleanup_close_ int fd = sys_openat(s.fd, path, O_RDWR, 0);
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(sys_pwrite_all(fd, "y", 1, 1400), 0);
        const struct timespec times[2] = {st.st_atim, st.st_mtim};
        assert_int_equal(futimens(fd, times), 0);
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(s.d->ops->verify(s.d, &s.img, NULL, &e), -SHALE_CORRUPT);
        assert_true(e.msg[0]);
    }
}

static void test_damaged_layer(void **state)
{
    need_root();
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        STORE(s);
        char path[256];
        int n = 0;
        if (!works(&s, ways[i]))
            continue;
        snprintf(path, sizeof path, "layers/%s/toc", digest_hex(&s.layer.diff_id));
        assert_int_equal(fs_write_atomic(s.fd, path, "rubbish", 7, 0600, false, NULL), 0);
        assert_int_equal(s.d->ops->prepare(s.d, &s.img, NULL, NULL), -SHALE_CORRUPT);
        assert_int_equal(fs_each(s.fd, "images", count_one, &n, NULL), 0);
        assert_int_equal(n, 0);
    }
}

/* The lower folder of a mount must not go away under it. An index lives on without its name. */
static void test_remove_in_use(void **state)
{
    need_root();
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        STORE(s);
        if (!works(&s, ways[i]))
            continue;
        assert_int_equal(s.d->ops->prepare(s.d, &s.img, NULL, NULL), 0);
        assert_int_equal(s.d->ops->mount(s.d, &s.img, s.mnt, NULL, NULL), 0);
        int r = s.d->ops->remove(s.d, &s.layer.chain_id, NULL);
        assert_int_equal(r, streq(ways[i], "dir") ? -SHALE_IN_USE : 0);
        check_mounted(&s, "f");
        assert_int_equal(s.d->ops->umount(s.d, s.mnt, NULL), 0);
    }
}

static void test_prepared_by_many(void **state)
{
    need_root();
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        STORE(s);
        if (!works(&s, ways[i]))
            continue;
        pid_t pids[6];
        for (size_t k = 0; k < ARRAY_SIZE(pids); k++) {
            pids[k] = fork();
            if (pids[k] == 0)
                _exit(s.d->ops->prepare(s.d, &s.img, NULL, NULL) < 0);
        }
        for (size_t k = 0; k < ARRAY_SIZE(pids); k++) {
            int status;
            assert_int_equal(waitpid(pids[k], &status, 0), pids[k]);
            assert_int_equal(status, 0);
        }
        assert_int_equal(s.d->ops->verify(s.d, &s.img, NULL, NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_probe_leaves_nothing),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_long_root),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_empty_image),
        cmocka_unit_test(test_damaged_cache),
        cmocka_unit_test(test_damaged_layer),
        cmocka_unit_test(test_lower),
        cmocka_unit_test(test_remove_in_use),
        cmocka_unit_test(test_prepared_by_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
