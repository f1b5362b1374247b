/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of other people's programs: what GNU tar and python's tarfile write from one tree must
 * be read as that tree, and data must be where the reader says. */
#include "tar_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/proc.h"

struct tree {
    char path[64];
    int fd;
};

static void tree_remove(struct tree *t)
{
    close(t->fd);
    (void)fs_remove_tree(AT_FDCWD, t->path, NULL);
}

static char *long_name(struct arena *a, char c)
{
    char *s = arena_alloc(a, 201);

    memset(s, c, 200);
    return s;
}

static void put(int fd, const char *path, const char *data, size_t n)
{
    assert_int_equal(fs_write_atomic(fd, path, data, n, 0644, false, NULL), 0);
}

/* A hole of 1 MiB between two runs of data. */
static void put_sparse(int dirfd)
{
    int fd = openat(dirfd, "sparse", O_WRONLY | O_CREAT, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "start", 5), 5);
    assert_int_equal(pwrite(fd, "end", 3, 1 << 20), 3);
    close(fd);
}

static struct tree make_tree(struct arena *a)
{
    struct tree t = {.path = "/tmp/shale-test-XXXXXX"};

    assert_non_null(mkdtemp(t.path));
    t.fd = open(t.path, O_RDONLY | O_DIRECTORY);
    assert_true(t.fd >= 0);
    umask(022);
    assert_int_equal(fs_mkdir_p(t.fd, "d", 0755, NULL), 0);
    put(t.fd, "d/file", "contents", 8);
    put(t.fd, "d/empty", "", 0);
    put(t.fd, arena_printf(a, "d/%s", long_name(a, 'n')), "long", 4);
    assert_int_equal(symlinkat("../out", t.fd, "link"), 0);
    assert_int_equal(symlinkat(long_name(a, 't'), t.fd, "longlink"), 0);
    assert_int_equal(linkat(t.fd, "d/file", t.fd, "e", 0), 0);
    assert_int_equal(mkfifoat(t.fd, "fifo", 0644), 0);
    put_sparse(t.fd);
    return t;
}

struct found {
    const struct buf *tar;
    unsigned n, types;
    bool file, longer, longlink, hard, sparse;
};

static void check_data(const struct found *f, uint64_t at, const char *want)
{
    assert_true(at + strlen(want) <= f->tar->n);
    assert_memory_equal(f->tar->p + at, want, strlen(want));
}

static void check_sparse(struct found *f, const struct tar_entry *t)
{
    assert_int_equal(t->size_bytes, (1 << 20) + 3);
    f->sparse = true;
    if (!t->sparse) { /* written out */
        check_data(f, t->data_offset, "start");
        check_data(f, t->data_offset + (1 << 20), "end");
        return;
    }
    assert_true(t->n_extents >= 2 && t->stored_bytes < 1 << 20);
    check_data(f, t->extents[0].data_offset, "start");
    const struct tar_extent *x = &t->extents[t->n_extents - 1];
    check_data(f, x->data_offset + ((1 << 20) - x->file_offset), "end");
}

static int on_entry(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    struct found *f = arg;
    const char *p = t->path.p;

    f->n++;
    f->types |= 1u << t->type;
    if (t->type == TAR_REG && (streq(p, "d/file") || streq(p, "e"))) {
        check_data(f, t->data_offset, "contents");
        f->file = t->size_bytes == 8;
    } else if (t->type == TAR_HARDLINK) {
        f->hard = streq(t->link.p, "e") || streq(t->link.p, "d/file");
    } else if (str_has_prefix(p, "d/nnn")) {
        check_data(f, t->data_offset, "long");
        f->longer = t->path.n == 202;
    } else if (streq(p, "longlink")) {
        f->longlink = t->link.n == 200;
    } else if (streq(p, "sparse")) {
        check_sparse(f, t);
    }
    return 0;
}

static void check(const char *const *argv, const char *what)
{
    _cleanup_(buf_clear) struct buf tar = BUF_INIT(16 << 20), err = BUF_INIT(1 << 16);
    struct found f = {.tar = &tar};
    struct shale_err e = SHALE_ERR_INIT;
    struct tar_reader *r;
    int status;

    struct proc_opts o = {.argv = argv};
    int rc = proc_run(&o, &tar, &err, &status, NULL, &e);
    if (rc == -SHALE_NOT_FOUND) {
        fprintf(stderr, "SKIP: %s: %s\n", what, e.msg);
        return;
    }
    if (rc < 0 || status != 0)
        fail_msg("%s: %s %s", what, e.msg, buf_str(&err));
    assert_int_equal(tar_reader_new(on_entry, &f, &r, &e), 0);
    for (size_t i = 0; i < tar.n && rc == 0; i += 1000)
        rc = tar_reader_feed(r, tar.p + i, tar.n - i < 1000 ? tar.n - i : 1000, &e);
    if (rc == 0)
        rc = tar_reader_end(r, &e);
    tar_reader_free(r);
    if (rc < 0)
        fail_msg("%s: %s", what, e.msg);
    if (f.n != 10 || !f.file || !f.longer || !f.longlink || !f.hard || !f.sparse)
        fail_msg("%s: %u members", what, f.n);
    assert_int_equal(f.types, 1 << TAR_REG | 1 << TAR_HARDLINK | 1 << TAR_SYMLINK | 1 << TAR_DIR |
                                  1 << TAR_FIFO);
}

static void test_gnu_tar(void **state)
{
    static const char *const formats[][2] = {
        {"--format=gnu", "--no-xattrs"},
        {"--format=gnu", "--sparse"},
        {"--format=oldgnu", "--sparse"},
        {"--format=posix", "--no-xattrs"},
        {"--format=posix", "--sparse-version=0.0"},
        {"--format=posix", "--sparse-version=0.1"},
        {"--format=posix", "--sparse-version=1.0"},
    };
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    _cleanup_(tree_remove) struct tree t = make_tree(&a);

    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        check((const char *const[]){"tar", "-C", t.path, formats[i][0], formats[i][1], "-c", ".",
                                    NULL},
              formats[i][1]);
}

static void test_python(void **state)
{
    static const char program[] =
        "import sys,tarfile\n"
        "t=tarfile.open(fileobj=sys.stdout.buffer,mode='w|',format=getattr(tarfile,sys.argv[2]))\n"
        "t.add(sys.argv[1],arcname='.')\n"
        "t.close()\n";
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    _cleanup_(tree_remove) struct tree t = make_tree(&a);

    check((const char *const[]){"python3", "-c", program, t.path, "GNU_FORMAT", NULL},
          "python gnu");
    check((const char *const[]){"python3", "-c", program, t.path, "PAX_FORMAT", NULL},
          "python pax");
}

static void test_bsdtar(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    _cleanup_(tree_remove) struct tree t = make_tree(&a);

    check((const char *const[]){"bsdtar", "-C", t.path, "--format=pax", "-cf", "-", ".", NULL},
          "bsdtar");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gnu_tar),
        cmocka_unit_test(test_python),
        cmocka_unit_test(test_bsdtar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
