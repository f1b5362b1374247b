/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs_test.h"

#include "rootfs/erofs_write.h"

static const struct tar_xattr xattrs[] = {
    {"user.a", "1", 1}, {"user.empty", "", 0}, {"security.capability", "\0\1\2", 3}};
static const struct tar_extent extents[] = {{0, 1024, 10}, {4096, 1034, 100}};
static const struct tar_entry samples[] = {
    {.type = TAR_DIR, .path = STR(""), .link = STR(""), .mode = 01777},
    {.type = TAR_REG,
     .path = STR("a/file"),
     .link = STR(""),
     .mode = 04755,
     .uid = 3000000,
     .gid = UINT32_MAX - 1,
     .mtime_s = -5,
     .mtime_ns = 999999999,
     .size_bytes = 1ull << 40,
     .data_offset = 512,
     .stored_bytes = 7,
     .xattrs = xattrs,
     .n_xattrs = 3},
    {.type = TAR_SYMLINK, .path = STR("l"), .link = STR("../x")},
    {.type = TAR_HARDLINK, .path = STR("h"), .link = STR("a/file")},
    {.type = TAR_CHAR, .path = STR("c"), .link = STR(""), .dev_major = 511, .dev_minor = 1048575},
    {.type = TAR_REG,
     .path = STR("s"),
     .link = STR(""),
     .size_bytes = 5000,
     .stored_bytes = 110,
     .sparse = true,
     .extents = extents,
     .n_extents = 2},
};

static void write_samples(int dirfd, const char *name, bool finish)
{
    struct toc_writer *w = NULL;
    struct toc_stats stats;

    assert_int_equal(toc_create(dirfd, name, &w, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
        assert_int_equal(toc_add(w, &samples[i], NULL), 0);
    if (finish) {
        assert_int_equal(toc_finish(w, &stats, NULL), 0);
        assert_int_equal(stats.n_entries, ARRAY_SIZE(samples));
        assert_int_equal(stats.content_bytes, (1ull << 40) + 5000);
    }
    toc_writer_free(w);
}

static void same_entry(const struct tar_entry *a, const struct tar_entry *b)
{
    assert_int_equal(a->type, b->type);
    assert_true(str_eq(a->path, b->path) && str_eq(a->link, b->link));
    assert_int_equal(a->path.p[a->path.n], 0);
    assert_int_equal(a->link.p[a->link.n], 0);
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->uid, b->uid);
    assert_int_equal(a->gid, b->gid);
    assert_true(a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns);
    assert_true(a->dev_major == b->dev_major && a->dev_minor == b->dev_minor);
    assert_int_equal(a->size_bytes, b->size_bytes);
    assert_int_equal(a->data_offset, b->data_offset);
    assert_int_equal(a->stored_bytes, b->stored_bytes);
    assert_int_equal(a->sparse, b->sparse);
    assert_int_equal(a->n_extents, b->n_extents);
    if (a->n_extents)
        assert_memory_equal(a->extents, b->extents, a->n_extents * sizeof *a->extents);
    assert_int_equal(a->n_xattrs, b->n_xattrs);
    for (size_t i = 0; i < a->n_xattrs; i++) {
        assert_string_equal(a->xattrs[i].name, b->xattrs[i].name);
        assert_int_equal(a->xattrs[i].value_bytes, b->xattrs[i].value_bytes);
        assert_memory_equal(a->xattrs[i].value, b->xattrs[i].value, a->xattrs[i].value_bytes);
    }
}

static int check_one(void *arg, const struct tar_entry *x, struct shale_err *e)
{
    same_entry(x, &samples[(*(size_t *)arg)++]);
    return 0;
}

static void test_round_trip(void **state)
{
    TMP_DIR(d);
    _cleanup_(toc_closep) struct toc *t = NULL;
    struct toc_stats stats;
    size_t n = 0;

    write_samples(d.fd, "toc", true);
    assert_int_equal(toc_open(d.fd, "toc", &t, NULL), 0);
    toc_stats(t, &stats);
    assert_int_equal(stats.n_entries, ARRAY_SIZE(samples));
    assert_int_equal(stats.content_bytes, (1ull << 40) + 5000);
    assert_int_equal(toc_each(t, check_one, &n, NULL), 0);
    assert_int_equal(n, ARRAY_SIZE(samples));
}

static int stop_at_two(void *arg, const struct tar_entry *x, struct shale_err *e)
{
    return ++*(size_t *)arg == 2 ? 42 : 0;
}

/* What would be written is compared with what is there, bit by bit. */
static void test_compare(void **state)
{
    static const char lines[] = "d usr\nf usr/a\nl usr/b a\nh usr/c usr/a";
    TMP_DIR(d);
    uint64_t size;

    toc_close(toc_of(d.fd, "toc", lines));
    assert_int_equal(fs_size(d.fd, "toc", &size, NULL), 0);
    _cleanup_close_ int fd = openat(d.fd, "toc", O_RDWR | O_CLOEXEC);
    for (uint64_t bit = 0; bit <= size * 8; bit++) { /* at last: none */
        char c, flipped;
        size_t n = 0;
        uint64_t at = bit / 8;
        if (at < size) {
            assert_int_equal(sys_pread_full(fd, &c, 1, at, &n), 0);
            flipped = (char)(c ^ 1 << bit % 8);
            assert_int_equal(sys_pwrite_all(fd, &flipped, 1, at), 0);
        }
        assert_int_equal(compare_with(d.fd, "toc", lines), at < size ? -SHALE_CORRUPT : 0);
        if (at < size)
            assert_int_equal(sys_pwrite_all(fd, &c, 1, at), 0);
    }
    assert_int_equal(sys_pwrite_all(fd, "\0", 1, size), 0); /* too long */
    assert_int_equal(compare_with(d.fd, "toc", lines), -SHALE_CORRUPT);
    assert_int_equal(sys_ftruncate(fd, size - 1), 0);
    assert_int_equal(compare_with(d.fd, "toc", lines), -SHALE_CORRUPT);
    assert_int_equal(compare_with(d.fd, "missing", lines), -SHALE_NOT_FOUND);
}

static void test_stops(void **state)
{
    TMP_DIR(d);
    _cleanup_(toc_closep) struct toc *t = NULL;
    size_t n = 0;

    write_samples(d.fd, "toc", true);
    assert_int_equal(toc_open(d.fd, "toc", &t, NULL), 0);
    assert_int_equal(toc_each(t, stop_at_two, &n, NULL), 42);
    assert_int_equal(n, 2);
}

static void test_incomplete(void **state)
{
    TMP_DIR(d);
    struct toc *t = NULL;
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(toc_open(d.fd, "none", &t, &e), -SHALE_NOT_FOUND);
    write_samples(d.fd, "toc", false); /* nothing at all has reached the file */
    assert_int_equal(toc_open(d.fd, "toc", &t, &e), -SHALE_CORRUPT);
    assert_null(t);
}

/* All that an image's index needs of a toc, on whatever it holds. */
static int use_all(int dirfd, const char *name)
{
    _cleanup_(toc_closep) struct toc *t = NULL;
    _cleanup_(tree_freep) struct tree *tree = NULL;
    struct erofs_layer layer = {.tar_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC),
                                .tar_bytes = 1 << 20};
    _cleanup_close_ int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    _cleanup_close_ int side = sys_openat(dirfd, "side", O_RDWR | O_CREAT | O_TRUNC, 0600);
    struct shale_err e = SHALE_ERR_INIT;
    uint64_t side_bytes;
    int r = toc_open(dirfd, name, &t, &e);

    assert_int_equal(digest_of_bytes(HASH_SHA256, "", 0, &layer.diff_id, NULL), 0);
    if (r >= 0)
        r = tree_new(&tree, -1, &e);
    if (r >= 0)
        r = tree_add(tree, t, NULL, &e);
    if (r >= 0)
        r = tree_finish(tree, NULL, &e);
    if (r >= 0)
        r = erofs_write(tree, &layer, 1, out, side, &side_bytes, NULL, &e);
    close(layer.tar_fd);
    if (r < 0) {
        assert_int_equal(r, -e.code);
        assert_true(e.msg[0]);
    }
    return r;
}

static void test_damage(void **state)
{
    TMP_DIR(d);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
    int n_bad = 0;

    write_samples(d.fd, "toc", true);
    assert_int_equal(fs_read_file(d.fd, "toc", &b, NULL), 0);
    for (size_t n = 0; n < b.n; n++) { /* cut off anywhere: never opened */
        struct toc *t = NULL;
        assert_int_equal(fs_write_atomic(d.fd, "cut", b.p, n, 0600, false, NULL), 0);
        assert_int_equal(toc_open(d.fd, "cut", &t, NULL), -SHALE_CORRUPT);
    }
    for (size_t i = 0; i < b.n; i++) /* bits turned anywhere: an error or other values, no crash */
        for (size_t k = 0; k < 4; k++) {
            static const unsigned char masks[] = {1, 0x40, 0x80, 0xff};
            b.p[i] = (char)(b.p[i] ^ masks[k]);
            assert_int_equal(fs_write_atomic(d.fd, "bad", b.p, b.n, 0600, false, NULL), 0);
            n_bad += use_all(d.fd, "bad") < 0;
            b.p[i] = (char)(b.p[i] ^ masks[k]);
        }
    assert_true(n_bad > 100);
}

static void test_names_are_checked(void **state)
{
    static const char *const bad[] = {"f ..", "f a/..", "f .", "f a/.", "d a//", "f a/"};
    TMP_DIR(d);
    char line[400] = "f ";

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (streq(bad[i], "f ."))
            continue; /* the helper's word for the root */
        toc_close(toc_of(d.fd, "toc", bad[i]));
        assert_int_equal(use_all(d.fd, "toc"), -SHALE_CORRUPT);
    }
    memset(line + 2, 'n', 255);
    toc_close(toc_of(d.fd, "toc", line));
    assert_int_equal(use_all(d.fd, "toc"), 0);
    line[0] = 'd';
    toc_close(toc_of(d.fd, "toc", line));
    assert_int_equal(use_all(d.fd, "toc"), 0);
    memset(line + 2, 'n', 256);
    toc_close(toc_of(d.fd, "toc", line));
    assert_int_equal(use_all(d.fd, "toc"), -SHALE_CORRUPT);
}

static void test_many(void **state)
{
    enum { N = 50000 };
    TMP_DIR(d);
    _cleanup_(toc_closep) struct toc *t = NULL;
    struct toc_writer *w = NULL;
    struct toc_stats stats;
    struct tar_entry x = {.type = TAR_REG, .link = STR(""), .size_bytes = 3};
    uint64_t pos = 0;
    char name[32];

    assert_int_equal(toc_create(d.fd, "toc", &w, NULL), 0);
    for (int i = 0; i < N; i++) {
        x.path = (struct str){name, (size_t)snprintf(name, sizeof name, "dir/file-%d", i)};
        assert_int_equal(toc_add(w, &x, NULL), 0);
    }
    assert_int_equal(toc_finish(w, &stats, NULL), 0);
    toc_writer_free(w);
    assert_int_equal(stats.n_entries, N);
    assert_int_equal(toc_open(d.fd, "toc", &t, NULL), 0);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "dir/file-%d", i);
        assert_int_equal(toc_next(t, &pos, &x, NULL), 1);
        assert_string_equal(x.path.p, name);
    }
    assert_int_equal(toc_next(t, &pos, &x, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_stops),
        cmocka_unit_test(test_incomplete), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_compare),    cmocka_unit_test(test_names_are_checked),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
