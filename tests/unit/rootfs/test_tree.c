/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs_test.h"

#include "base/mem.h"

#define MAX_LAYERS 8

static const char kind_of[] = {
    [TAR_REG] = 'f',      [TAR_SYMLINK] = 'l', [TAR_CHAR] = 'c',    [TAR_DIR] = 'd',
    [TAR_BLOCKDEV] = 'b', [TAR_FIFO] = 'p',    [TAR_HARDLINK] = '!'};

/* "d:LAYER/NLINK path" for each name, in order; layer "-" for folders nobody described. */
static void print_tree(struct tree *t, uint32_t node, const char *path, struct buf *b)
{
    for (uint32_t k = tree_first(t, node); k != TREE_NONE; k = tree_next(t, k)) {
        const struct tree_node *n = &t->nodes[k];
        const struct tree_inode *i = &t->inodes[n->inode];
        char name[1024];
        snprintf(name, sizeof name, "%s%s%.*s", path, *path ? "/" : "", (int)n->name_n, n->name);
        buf_addf(b, "%c%c%u %s\n", kind_of[i->type], i->pos ? '0' + i->layer : '-', i->nlink, name);
        if (tree_is_dir(t, k))
            print_tree(t, k, name, b);
    }
}

static int merge(const char *const *layers, struct buf *b, struct shale_err *e)
{
    TMP_DIR(d);
    struct toc *tocs[MAX_LAYERS];
    struct tree *t = NULL;
    size_t n = 0;
    int r = tree_new(&t, d.fd, e);

    for (; r >= 0 && n < MAX_LAYERS && layers[n]; n++) {
        char name[8];
        snprintf(name, sizeof name, "toc%zu", n);
        tocs[n] = toc_of(d.fd, name, layers[n]);
        r = tree_add(t, tocs[n], NULL, e);
    }
    if (r >= 0)
        r = tree_finish(t, NULL, e);
    if (r >= 0)
        print_tree(t, TREE_ROOT, "", b);
    tree_free(t);
    while (n > 0)
        toc_close(tocs[--n]);
    return r;
}

static const struct {
    const char *what, *layers[MAX_LAYERS], *want;
} cases[] = {
    {"nothing", {""}, ""},
    {"order of names",
     {"f b\nf a\nd c\nf c/z\nf c/y\nf B"},
     "f01 B\nf01 a\nf01 b\nd02 c\nf01 c/y\nf01 c/z\n"},
    {"implicit folders", {"f a/b/c"}, "d-3 a\nd-2 a/b\nf01 a/b/c\n"},
    {"implicit, then described", {"f a/b\nd a"}, "d02 a\nf01 a/b\n"},
    {"the last of two", {"f a\nl a x\nf a"}, "f01 a\n"},
    {"replaced", {"f a\nd b\nf b/x", "d a\nf a/y\nf b"}, "d12 a\nf11 a/y\nf11 b\n"},
    {"metadata of the last", {"d a\nf a/x", "d a"}, "d12 a\nf01 a/x\n"},
    {"whiteout", {"f a\nf b\nd d\nf d/x", "f .wh.a\nf .wh.d"}, "f01 b\n"},
    {"whiteout of nothing", {"f a", "f .wh.b\nf x/.wh.y"}, "f01 a\n"},
    {"whiteout and new", {"d d\nf d/x", "f .wh.d\nd d\nf d/y"}, "d12 d\nf11 d/y\n"},
    {"new and whiteout", {"d d\nf d/x", "d d\nf d/y\nf .wh.d"}, "d12 d\nf11 d/y\n"},
    {"below implicit, then whiteout",
     {"d d\nf d/x", "f d/e/f/y\nf .wh.d"},
     "d03 d\nd-3 d/e\nd-2 d/e/f\nf11 d/e/f/y\n"},
    {"a whiteout does not touch its own layer", {"f a\nf .wh.a"}, "f01 a\n"},
    {"opaque before",
     {"d d\nf d/x\nd d/s\nf d/s/q", "d d\nf d/.wh..wh..opq\nf d/y"},
     "d12 d\nf11 d/y\n"},
    {"opaque after",
     {"d d\nf d/x\nd d/s\nf d/s/q", "d d\nf d/y\nf d/s/r\nf d/.wh..wh..opq"},
     "d13 d\nd02 d/s\nf11 d/s/r\nf11 d/y\n"},
    {"opaque of the root", {"f a\nf b", "f .wh..wh..opq\nf c"}, "f11 c\n"},
    {"aufs' own", {"f a", "f .wh..wh.plnk\nf .wh..wh.aufs"}, "f01 a\n"},
    {"removed and back", {"d d\nf d/x", "f .wh.d", "d d\nf d/z"}, "d22 d\nf21 d/z\n"},
    {"links", {"f a\nh b a\nh c b"}, "f03 a\nf03 b\nf03 c\n"},
    {"links across layers", {"f a", "h b a", "f .wh.a\nh c b"}, "f02 b\nf02 c\n"},
    {"a replaced link", {"f a\nh b a", "f a"}, "f11 a\nf01 b\n"},
    {"a link to itself", {"f a\nh a a"}, "f01 a\n"},
    {"a link to a symlink", {"l a x\nh b a"}, "l02 a\nl02 b\n"},
    {"through a symlink", {"d real\nl s real", "f s/x"}, "d02 real\nf11 real/x\nl01 s\n"},
    {"through an absolute one",
     {"d a\nd a/real\nl a/s /a/real\nf a/s/x"},
     "d03 a\nd02 a/real\nf01 a/real/x\nl01 a/s\n"},
    {"out and in again", {"l s ../../../x\nf s/y"}, "l01 s\nd-2 x\nf01 x/y\n"},
    {"a folder takes a link's place",
     {"d real\nl s real", "d s\nf s/x"},
     "d02 real\nd12 s\nf11 s/x\n"},
    {"a device 0:0 takes nothing away",
     {"f a\nd d\nf d/x", "w a\nw d\nw new"},
     "f01 a\nd02 d\nf01 d/x\n"},
    {"links to a device 0:0", {"f a", "w w\nh b w\nh a b\nh c a", "h e b"}, "f01 a\n"},
    {"a file takes its place", {"w a\nf a\nh b a"}, "f02 a\nf02 b\n"},
    {"a file had its place", {"f a\nw a\nd d", "h b a"}, "f02 a\nf02 b\nd02 d\n"},
    {"ways are not remembered wrongly", {"l s .\nf s/x\nd s/s\nf s/y"}, "d02 s\nf01 s/y\nf01 x\n"},
};

static void test_cases(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        int r = merge(cases[i].layers, &b, &e);
        if (r < 0 || !streq(buf_str(&b), cases[i].want))
            fail_msg("%s: %d %s\ngot:\n%swanted:\n%s", cases[i].what, r, e.msg, buf_str(&b),
                     cases[i].want);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[][MAX_LAYERS] = {
        {"f a\nf a/b"},
        {"c n\nf n/b"},
        {"f a", "f a/b"},
        {"h a b"},
        {"d d\nh a d"},
        {"l a b\nl b a\nf a/x"},
        {"l s s\nf s/x"},
        {"f a", "f .wh.a\nh b a"},
        {"l . x"},
        {"h a ../x"},
        {"h a s/x\nl s /etc"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(merge(bad[i], &b, &e), -SHALE_CORRUPT);
        assert_true(e.msg[0]);
    }
}

/* A link to a deep folder, a deeper one below it, and so on. */
static void test_depth(void **state)
{
    static char deep[8192];
    size_t n = 0;

    n += (size_t)snprintf(deep + n, sizeof deep - n, "d ");
    for (size_t i = 0; i < TREE_MAX_DEPTH - 1; i++)
        n += (size_t)snprintf(deep + n, sizeof deep - n, "a/");
    size_t end = n;
    snprintf(deep + end, sizeof deep - end, "a");
    _cleanup_(buf_clear) struct buf b = BUF_INIT(16 << 20);
    TMP_DIR(d);
    struct toc *toc = toc_of(d.fd, "toc", deep);
    struct tree *t = NULL;
    assert_int_equal(tree_new(&t, -1, NULL), 0);
    assert_int_equal(tree_add(t, toc, NULL, NULL), 0);
    assert_int_equal(tree_finish(t, NULL, NULL), 0);
    assert_int_equal(t->n_live_inodes, TREE_MAX_DEPTH + 1);
    tree_free(t);
    toc_close(toc);

    char *link = mem_printf("%s\nl s %.*s\nf s/x\nf s/x/y", deep, (int)n - 3, deep + 2);
    assert_int_equal(merge((const char *[]){link, NULL}, &b, NULL), -SHALE_CORRUPT);
    free(link);
    link = mem_printf("%s\nl s %.*s/a\nf s/x", deep, (int)n - 3, deep + 2);
    assert_int_equal(merge((const char *[]){link, NULL}, &b, NULL), -SHALE_LIMIT);
    free(link);
}

static void test_canceled(void **state)
{
    TMP_DIR(d);
    _cleanup_(toc_closep) struct toc *toc = toc_of(d.fd, "toc", "f a\nf b");
    _cleanup_(tree_freep) struct tree *t = NULL;
    struct cancel c = {false};

    cancel_set(&c);
    assert_int_equal(tree_new(&t, -1, NULL), 0);
    assert_int_equal(tree_add(t, toc, &c, NULL), -SHALE_CANCELED);
}

/* What the header promises: a bounded number of bytes a name, apart from the mapped tables. */
static void test_memory(void **state)
{
    enum { DIRS = 780, FILES = 100 };
    TMP_DIR(d);
    _cleanup_(toc_closep) struct toc *toc = NULL;
    _cleanup_(tree_freep) struct tree *t = NULL;
    struct toc_writer *w = NULL;
    struct toc_stats stats;
    char name[64];

    assert_int_equal(toc_create(d.fd, "toc", &w, NULL), 0);
    for (int i = 0; i < DIRS; i++)
        for (int k = 0; k < FILES; k++) {
            struct tar_entry x = {.type = TAR_REG, .link = STR("")};
            x.path.n = (size_t)snprintf(name, sizeof name, "dir-%d/file-%d", i, k);
            x.path.p = name;
            assert_int_equal(toc_add(w, &x, NULL), 0);
        }
    assert_int_equal(toc_finish(w, &stats, NULL), 0);
    toc_writer_free(w);
    assert_int_equal(toc_open(d.fd, "toc", &toc, NULL), 0);
    assert_int_equal(tree_new(&t, -1, NULL), 0);
    assert_int_equal(tree_add(t, toc, NULL, NULL), 0);
    uint64_t bytes = t->cap_nodes * sizeof *t->nodes + t->cap_inodes * sizeof *t->inodes +
                     (t->table_mask + 1ull) * sizeof *t->table;
    assert_int_equal(t->n_nodes, 1 + DIRS * (FILES + 1));
    assert_true(bytes <= 8 << 20);
    assert_int_equal(tree_finish(t, NULL, NULL), 0);
    assert_int_equal(t->n_live_inodes, t->n_nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),  cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
