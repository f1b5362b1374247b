/* SPDX-License-Identifier: Apache-2.0 */
/* What is packed is there after unpacking, in whatever pieces it comes; nothing leads out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sys.h"
#include "tar/tar_unpack.h"
#include "tar/tar_write.h"

static int into_buf(void *arg, const void *p, size_t n, struct shale_err *e)
{
    buf_add(arg, p, n);
    return buf_check(arg, e);
}

/* Members that fit into one archive, of what is given as "type path [link or data]". */
struct member {
    enum tar_type type;
    const char *path, *text;
};

static void pack(struct buf *b, const struct member *m, size_t n)
{
    struct tar_writer *w;

    assert_int_equal(tar_writer_new(into_buf, b, &w, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        struct tar_entry t = {.type = m[i].type,
                              .path = str_of(m[i].path),
                              .mode = 0751,
                              .mtime_s = 1000000000 + (int64_t)i};
        if (m[i].type == TAR_REG)
            t.size_bytes = strlen(m[i].text);
        else if (m[i].text)
            t.link = str_of(m[i].text);
        assert_int_equal(tar_write_entry(w, &t, NULL), 0);
        if (m[i].type == TAR_REG)
            assert_int_equal(tar_write_data(w, m[i].text, strlen(m[i].text), NULL), 0);
    }
    assert_int_equal(tar_writer_end(w, NULL), 0);
    tar_writer_free(w);
}

static int unpack_as(const struct tar_unpack_opts *o, const struct buf *b, size_t n, size_t step,
                     struct shale_err *e)
{
    struct tar_unpack *u;
    int r = tar_unpack_new(o, &u, e);

    for (size_t at = 0; r >= 0 && at < n; at += step)
        r = tar_unpack_feed(u, b->p + at, n - at < step ? n - at : step, e);
    if (r >= 0)
        r = tar_unpack_end(u, e);
    tar_unpack_free(u);
    return r;
}

static int unpack(int root, const char *dir, const struct buf *b, size_t n, size_t step,
                  struct shale_err *e)
{
    const struct tar_unpack_opts o = {.root_fd = root, .dir = dir, .shown = "there"};

    return unpack_as(&o, b, n, step, e);
}

static int temp_dir(char path[64])
{
    (void)snprintf(path, 64, "/tmp/test-unpack-XXXXXX");
    assert_non_null(mkdtemp(path));
    return fs_open_dir(AT_FDCWD, path, NULL);
}

static void check_text(int root, const char *path, const char *want)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);

    assert_int_equal(fs_read_file(root, path, &b, NULL), 0);
    assert_string_equal(buf_str(&b), want);
}

static const struct member good[] = {
    {TAR_DIR, "", NULL},         {TAR_DIR, "d", NULL},        {TAR_REG, "d/a", "first"},
    {TAR_REG, "d/empty", ""},    {TAR_HARDLINK, "h", "d/a"},  {TAR_SYMLINK, "s", "/etc"},
    {TAR_FIFO, "d/p", NULL},     {TAR_REG, "made/up/f", "f"}, {TAR_REG, "d/a", "second"},
    {TAR_REG, "made/up/g", "g"}, {TAR_DIR, "made", NULL},
};

static void in_pieces(void **state)
{
    static const size_t steps[] = {1, 7, 511, 512, 513, 4096, 1 << 20};
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);

    pack(&b, good, ARRAY_SIZE(good));
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        char path[64];
        struct stat st;
        _cleanup_close_ int root = temp_dir(path);
        assert_int_equal(sys_mkdirat(root, "x", 0755), 0);
        assert_int_equal(unpack(root, "x", &b, b.n, steps[i], NULL), 0);
        check_text(root, "x/d/a", "second");
        check_text(root, "x/h", "first"); /* the link keeps what was replaced */
        check_text(root, "x/d/empty", "");
        check_text(root, "x/made/up/f", "f");
        assert_int_equal(fstatat(root, "x/d", &st, 0), 0);
        assert_int_equal(st.st_mode, S_IFDIR | 0751);
        assert_int_equal(st.st_mtim.tv_sec, 1000000001);
        assert_int_equal(fstatat(root, "x/d/p", &st, 0), 0);
        assert_true(S_ISFIFO(st.st_mode));
        assert_int_equal(fstatat(root, "x/made", &st, 0), 0);
        assert_int_equal(st.st_mtim.tv_sec, 1000000010);
        assert_int_equal(fs_remove_tree(AT_FDCWD, path, NULL), 0);
    }
}

static void cut(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
    char path[64];
    _cleanup_close_ int root = temp_dir(path);
    const struct member m[] = {{TAR_REG, "f", "0123456789"}};

    pack(&b, m, 1);
    assert_int_equal(sys_mkdirat(root, "x", 0755), 0);
    struct shale_err e = SHALE_ERR_INIT;
    assert_int_equal(unpack(root, "x", &b, TAR_BLOCK + 5, 512, &e), -SHALE_CORRUPT);
    assert_false(fs_exists(root, "x/f"));
    assert_int_equal(unpack(root, "x", &b, b.n, 512, NULL), 0);
    assert_int_equal(unpack(root, "x", &b, TAR_BLOCK + 5, 512, &e), -SHALE_CORRUPT);
    check_text(root, "x/f", "0123456789");
    assert_int_equal(fs_remove_tree(AT_FDCWD, path, NULL), 0);
}

static void confined(void **state)
{
    static const struct member sets[][2] = {
        {{TAR_SYMLINK, "l", "/outside"}, {TAR_REG, "l/f", "x"}},
        {{TAR_SYMLINK, "l", "../../../outside"}, {TAR_REG, "l/f", "x"}},
        {{TAR_SYMLINK, "l", "/outside/f"}, {TAR_HARDLINK, "h", "l"}},
        {{TAR_SYMLINK, "l", ".."}, {TAR_HARDLINK, "h", "l/outside/f"}},
        {{TAR_REG, "f", "x"}, {TAR_DIR, "f", NULL}},
        {{TAR_DIR, "f", NULL}, {TAR_REG, "f", "x"}},
    };
    char path[64];
    _cleanup_close_ int top = temp_dir(path);

    assert_int_equal(sys_mkdirat(top, "outside", 0755), 0);
    assert_int_equal(fs_write_atomic(top, "outside/f", "kept", 4, 0600, false, NULL), 0);
    assert_int_equal(fs_write_atomic(top, "f", "kept", 4, 0600, false, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        pack(&b, sets[i], 2);
        assert_int_equal(sys_mkdirat(top, "root", 0755), 0);
        _cleanup_close_ int root = fs_open_dir(top, "root", NULL);
        int r = unpack(root, "", &b, b.n, b.n, &e);
        assert_true(i < 3 || r < 0);
        check_text(top, "outside/f", "kept");
        check_text(top, "f", "kept");
        struct stat st;
        assert_int_equal(fstatat(top, "outside/f", &st, 0), 0);
        assert_int_equal(st.st_nlink, 1);
        assert_int_equal(fs_remove_tree(top, "root", NULL), 0);
    }
    assert_int_equal(fs_remove_tree(AT_FDCWD, path, NULL), 0);
}

/* Folders give way to files, and files to folders, where that is asked for; what links lead to
 * stays. */
static void anything_gives_way(void **state)
{
    static const struct member first[] = {{TAR_DIR, "d", NULL},
                                          {TAR_REG, "d/f", "x"},
                                          {TAR_SYMLINK, "d/l", "/outside"},
                                          {TAR_REG, "f", "x"}};
    static const struct member second[] = {
        {TAR_REG, "d", "file"}, {TAR_DIR, "f", NULL}, {TAR_REG, "f/g", "g"}};
    _cleanup_(buf_clear) struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);
    char path[64];
    _cleanup_close_ int top = temp_dir(path);
    struct shale_err e = SHALE_ERR_INIT;

    pack(&a, first, ARRAY_SIZE(first));
    pack(&b, second, ARRAY_SIZE(second));
    assert_int_equal(sys_mkdirat(top, "outside", 0755), 0);
    assert_int_equal(fs_write_atomic(top, "outside/f", "kept", 4, 0600, false, NULL), 0);
    assert_int_equal(sys_mkdirat(top, "root", 0755), 0);
    _cleanup_close_ int root = fs_open_dir(top, "root", NULL);
    struct tar_unpack_opts o = {.root_fd = root, .dir = "", .shown = "there"};
    assert_int_equal(unpack_as(&o, &a, a.n, a.n, NULL), 0);
    assert_int_equal(unpack_as(&o, &b, b.n, b.n, &e), -SHALE_INVALID);
    check_text(root, "d/f", "x");
    o.replace_any = true;
    assert_int_equal(unpack_as(&o, &b, b.n, b.n, NULL), 0);
    check_text(root, "d", "file");
    check_text(root, "f/g", "g");
    check_text(top, "outside/f", "kept");
    assert_int_equal(fs_remove_tree(AT_FDCWD, path, NULL), 0);
}

static void owner(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
    char path[64];
    _cleanup_close_ int root = temp_dir(path);
    struct stat st;
    const struct tar_unpack_opts o = {.root_fd = root,
                                      .dir = "",
                                      .shown = "there",
                                      .set_owner = true,
                                      .uid = getuid() ? getuid() : 12,
                                      .gid = getuid() ? getgid() : 34};

    pack(&b, good, ARRAY_SIZE(good));
    assert_int_equal(unpack_as(&o, &b, b.n, b.n, NULL), 0);
    static const char *const names[] = {"d", "d/a", "s", "d/p"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_int_equal(fstatat(root, names[i], &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_uid, o.uid);
        assert_int_equal(st.st_gid, o.gid);
    }
    assert_int_equal(fs_remove_tree(AT_FDCWD, path, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_pieces), cmocka_unit_test(cut), cmocka_unit_test(confined),
        cmocka_unit_test(anything_gives_way), cmocka_unit_test(owner)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
