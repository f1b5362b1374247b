/* SPDX-License-Identifier: Apache-2.0 */
/* The index as bytes; what the kernel makes of it is the business of tests/suite/. */
#include "rootfs_test.h"

#include "base/mem.h"
#include "rootfs/erofs_format.h"
#include "rootfs/erofs_write.h"
#include "rootfs/erofs_xattr.h"

#define TAR_BYTES (64u << 10)

/* Writes the index of members into "name" (its bytes into b too). */
static int index_of(int dirfd, const struct tar_entry *v, size_t n, uint64_t tar_bytes,
                    uint64_t *ret_side, struct buf *b, struct shale_err *e)
{
    _cleanup_(toc_closep) struct toc *toc = NULL;
    _cleanup_(tree_freep) struct tree *t = NULL;
    struct toc_writer *w = NULL;
    struct toc_stats stats;
    struct erofs_layer layer = {.tar_bytes = tar_bytes};
    _cleanup_close_ int tar = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    _cleanup_close_ int side = sys_openat(dirfd, "side", O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(toc_create(dirfd, "toc", &w, NULL), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(toc_add(w, &v[i], NULL), 0);
    assert_int_equal(toc_finish(w, &stats, NULL), 0);
    toc_writer_free(w);
    assert_int_equal(toc_open(dirfd, "toc", &toc, NULL), 0);
    assert_int_equal(tree_new(&t, -1, NULL), 0);
    assert_int_equal(tree_add(t, toc, NULL, NULL), 0);
    assert_int_equal(tree_finish(t, NULL, NULL), 0);
    assert_int_equal(digest_of_bytes(HASH_SHA256, "x", 1, &layer.diff_id, NULL), 0);
    layer.tar_fd = tar;
    _cleanup_close_ int fd = sys_openat(dirfd, "index", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int r = erofs_write(t, &layer, 1, fd, side, ret_side, NULL, e);
    if (r >= 0)
        assert_int_equal(fs_read_file(dirfd, "index", b, NULL), 0);
    return r;
}

static struct tar_entry file(const char *path, uint64_t offset, uint64_t n)
{
    return (struct tar_entry){.type = TAR_REG,
                              .path = str_of(path),
                              .link = STR(""),
                              .mode = 0644,
                              .size_bytes = n,
                              .stored_bytes = n,
                              .data_offset = offset};
}

static const struct erofs_inode *inode_at(const struct buf *b, const struct erofs_super *s,
                                          uint64_t nid)
{
    uint64_t at = (uint64_t)s->meta_blkaddr * EROFS_BLOCK + (nid << EROFS_NID_BITS);

    assert_true(at + sizeof(struct erofs_inode) <= b->n);
    return (const void *)(b->p + at);
}

static void test_shape(void **state)
{
    TMP_DIR(d);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
    struct tar_entry v[] = {file("f", 1024, 1500)};
    struct erofs_super s;
    uint64_t side;

    v[0].uid = 3000000;
    v[0].mtime_s = -7;
    v[0].mtime_ns = 123456789;
    assert_int_equal(index_of(d.fd, v, 1, TAR_BYTES, &side, &b, NULL), 0);
    assert_int_equal(side, 0);
    memcpy(&s, b.p + EROFS_SUPER_OFFSET, sizeof s);
    assert_int_equal(s.magic, EROFS_MAGIC);
    assert_int_equal(s.extra_devices, 1);
    assert_int_equal(s.inos, 2);
    assert_int_equal(b.n % 4096, 0);
    const struct erofs_device *dev = (const void *)(b.p + s.devt_slot * EROFS_DEVICE_SLOT);
    assert_int_equal(dev->blocks, TAR_BYTES / EROFS_BLOCK);
    /* the root's only name but the dots is in its inline block */
    const struct erofs_inode *root = inode_at(&b, &s, s.root_nid);
    assert_int_equal(root->nlink, 2);
    assert_int_equal(root->format, EROFS_LAYOUT(EROFS_FLAT_INLINE));
    struct erofs_dirent last;
    memcpy(&last, (const char *)(root + 1) + 2 * sizeof last, sizeof last);
    assert_memory_equal((const char *)(root + 1) + last.name_offset, "f", 1);
    const struct erofs_inode *f = inode_at(&b, &s, last.nid);
    assert_true(f->size == 1500 && f->uid == 3000000 && f->mtime_ns == 123456789 && f->nlink == 1);
    assert_int_equal((int64_t)f->mtime, -7);
    assert_int_equal(f->format, EROFS_LAYOUT(EROFS_CHUNK_BASED));
    assert_int_equal(f->u, EROFS_CHUNK_INDEXES | 2); /* four blocks hold 1500 bytes */
    const struct erofs_chunk *c = (const void *)(f + 1);
    assert_true(c->device == 1 && c->block == 2);

    assert_int_equal(index_of(d.fd, v, 1, TAR_BYTES, &side, &again, NULL), 0);
    assert_int_equal(again.n, b.n);
    assert_memory_equal(again.p, b.p, b.n);
}

static void test_data_outside(void **state)
{
    static const struct {
        uint64_t offset, n;
        int want;
    } cases[] = {
        {0, TAR_BYTES, 0},
        {0, TAR_BYTES + 1, -SHALE_CORRUPT},
        {512, TAR_BYTES, -SHALE_CORRUPT},
        {TAR_BYTES, 1, -SHALE_CORRUPT},
        {TAR_BYTES - 512, 512, 0},
        {100, 10, -SHALE_CORRUPT},
        {UINT64_MAX - 511, 1024, -SHALE_CORRUPT},
        {512, UINT64_MAX, -SHALE_CORRUPT},
        {UINT64_MAX, 0, 0},
    };
    TMP_DIR(d);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        struct tar_entry x = file("f", cases[i].offset, cases[i].n);
        uint64_t side;
        assert_int_equal(index_of(d.fd, &x, 1, TAR_BYTES, &side, &b, NULL), cases[i].want);
    }
}

static void test_sparse(void **state)
{
    static const struct {
        struct tar_extent map;
        uint64_t n;
        int want;
    } cases[] = {
        {{4096, 1024, 100}, 10000, 0},
        {{9901, 1024, 100}, 10000, -SHALE_CORRUPT},
        {{10001, 1024, 0}, 10000, -SHALE_CORRUPT},
        {{UINT64_MAX, 1024, 2}, 10000, -SHALE_CORRUPT},
        {{0, 1024, 100}, 1ull << 40, 0},
        {{0, 1024, 100}, (1ull << 40) + 1, -SHALE_LIMIT},
        {{0, 1024, 100}, UINT64_MAX, -SHALE_LIMIT},
    };
    TMP_DIR(d);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        struct tar_entry x = file("f", 1024, cases[i].n);
        uint64_t side = 0;
        x.sparse = true;
        x.extents = &cases[i].map;
        x.n_extents = 1;
        assert_int_equal(index_of(d.fd, &x, 1, TAR_BYTES, &side, &b, NULL), cases[i].want);
        if (cases[i].want == 0)
            assert_true(side >= cases[i].n && side % EROFS_BLOCK == 0);
    }
}

/* Inline data never crosses a block, whatever stands before it. */
static void test_inline(void **state)
{
    enum { N = 300 };
    TMP_DIR(d);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4 << 20);
    static struct tar_entry v[N];
    static char names[N][16], target[512];
    struct erofs_super s;
    uint64_t side;
    int n_inline = 0;

    memset(target, 't', sizeof target - 1);
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "%04d", i);
        v[i] = (struct tar_entry){.type = TAR_SYMLINK, .path = str_of(names[i])};
        v[i].link = (struct str){target + 511 - (i * 7 % 511 + 1), (size_t)(i * 7 % 511 + 1)};
    }
    assert_int_equal(index_of(d.fd, v, N, 0, &side, &b, NULL), 0);
    memcpy(&s, b.p + EROFS_SUPER_OFFSET, sizeof s);
    for (uint64_t nid = 0; (s.meta_blkaddr * 512ull) + (nid + 2) * 32 < b.n; nid++) {
        const struct erofs_inode *i = inode_at(&b, &s, nid);
        if ((i->mode & S_IFMT) != S_IFLNK || i->format != EROFS_LAYOUT(EROFS_FLAT_INLINE) ||
            i->size > 511)
            continue;
        uint64_t at = nid * 32 % EROFS_BLOCK + sizeof *i;
        assert_true(at % EROFS_BLOCK + i->size <= EROFS_BLOCK);
        n_inline++;
    }
    assert_true(n_inline > 200);
}

static void test_xattrs(void **state)
{
    static const struct {
        const char *name;
        bool kept;
    } cases[] = {
        {"user.x", true},
        {"trusted.x", true},
        {"security.capability", true},
        {"system.posix_acl_access", true},
        {"system.posix_acl_default", true},
        {"trusted.overlay.opaque", false},
        {"trusted.overlay.redirect", false},
        {"user.overlay.whiteout", false},
        {"system.other", false},
        {"nonsense", false},
        {"user.", false},
    };
    struct erofs_xattrs x = ERO_XATTRS_INIT;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tar_xattr a = {cases[i].name, "value", 5};
        struct tar_entry t = {.type = TAR_REG, .xattrs = &a, .n_xattrs = 1};
        assert_int_equal(erofs_xattrs_encode(&x, &t, NULL), 0);
        assert_int_equal(x.icount > 0, cases[i].kept);
        assert_int_equal(!erofs_xattr_is_dropped(&a, TAR_REG), cases[i].kept);
        assert_int_equal(x.out.n,
                         x.icount ? sizeof(struct erofs_xattr_body) + 4 * (x.icount - 1u) : 0);
    }
    struct tar_xattr v[TAR_MAX_XATTRS];
    static char big[60000];
    for (size_t i = 0; i < ARRAY_SIZE(v); i++)
        v[i] = (struct tar_xattr){"user.big", big, sizeof big};
    struct tar_entry t = {.type = TAR_REG, .xattrs = v, .n_xattrs = ARRAY_SIZE(v)};
    assert_int_equal(erofs_xattrs_encode(&x, &t, NULL), -SHALE_LIMIT);
    t.type = TAR_SYMLINK; /* which has no "user." ones */
    assert_int_equal(erofs_xattrs_encode(&x, &t, NULL), 0);
    assert_int_equal(x.icount, 0);
    buf_clear(&x.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),  cmocka_unit_test(test_data_outside),
        cmocka_unit_test(test_sparse), cmocka_unit_test(test_inline),
        cmocka_unit_test(test_xattrs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
