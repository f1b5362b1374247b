/* SPDX-License-Identifier: Apache-2.0 */
/* Archives that ADD unpacks. What comes from the network is in tests/cli. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "build/context/archive.h"
#include "copy_test.h"
#include "tar/deflate.h"
#include "tar/tar_write.h"

struct place {
    struct copy_fixture f;
    struct store *store;
};

static void place_begin(struct place *p, const char *below)
{
    char root[96];

    umask(022);
    copy_fixture_begin(&p->f, "", below);
    (void)snprintf(root, sizeof root, "%s/store", p->f.dir);
    assert_int_equal(store_open(&(struct store_opts){.root = root}, &p->store, NULL), 0);
}

static void place_end(struct place *p)
{
    assert_false(fs_exists(store_root_fd(p->store), "contexts/x"));
    store_close(p->store);
    copy_fixture_end(&p->f);
}

static int to_file(void *arg, const void *p, size_t n, struct shale_err *e)
{
    assert_int_equal(sys_write_all(*(int *)arg, p, n), 0);
    return 0;
}

/* "d PATH", "f PATH TEXT", "l PATH TARGET", "h PATH TARGET", of user 7 and group 8; folders that
 * are not named have no member. */
static void write_archive(struct copy_fixture *f, const char *name, const char *lines)
{
    int fd = openat(f->tree_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct str rest = str_of(lines), line, word[3];
    struct deflater *z = NULL;
    struct tar_writer *w = NULL;
    bool gz = str_has_suffix(name, "gz");

    assert_true(fd >= 0);
    if (gz)
        assert_int_equal(deflater_new(DEFLATER_LEVEL, to_file, &fd, &z, NULL), 0);
    assert_int_equal(tar_writer_new(gz ? (tar_out_fn)(void *)deflater_write : to_file,
                                    gz ? (void *)z : &fd, &w, NULL),
                     0);
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        memset(word, 0, sizeof word);
        for (size_t i = 0; i < 3 && str_split(&line, ' ', &word[i]); i++)
            ;
        char kind = word[0].p[0];
        struct tar_entry t = {.type = kind == 'd'   ? TAR_DIR
                                      : kind == 'l' ? TAR_SYMLINK
                                      : kind == 'h' ? TAR_HARDLINK
                                                    : TAR_REG,
                              .path = word[1],
                              .link = kind == 'l' || kind == 'h' ? word[2] : (struct str){"", 0},
                              .mode = kind == 'd' ? 0750 : 0640,
                              .uid = 7,
                              .gid = 8,
                              .size_bytes = kind == 'f' ? word[2].n : 0};
        assert_int_equal(tar_write_entry(w, &t, NULL), 0);
        if (t.size_bytes)
            assert_int_equal(tar_write_data(w, word[2].p, word[2].n, NULL), 0);
    }
    assert_int_equal(tar_writer_end(w, NULL), 0);
    tar_writer_free(w);
    if (gz)
        assert_int_equal(deflater_end(z, NULL), 0);
    deflater_free(z);
    close(fd);
}

static void archives(void **state)
{
    static const struct {
        const char *archive, *below, *name, *want;
        struct build_copy_opts o;
    } v[] = {
        {"d a\nf a/x 1\nl a/l /etc\nf b 2\n",
         NULL,
         "x.tar",
         "d755 0:0 d\nd750 7:8 d/a\nl d/a/l /etc\nf640 7:8 d/a/x 1\nf640 7:8 d/b 2\n",
         {.dest = "/d"}},
        {"d a\nf a/x 1\n",
         NULL,
         "x.tgz",
         "d755 0:0 d\nd750 7:8 d/a\nf640 7:8 d/a/x 1\n",
         {.dest = "/d/"}},
        /* owners change, modes do not */
        {"d a\nf a/x 1\n",
         NULL,
         "x.tgz",
         "d755 5:6 d\nd750 5:6 d/a\nf640 5:6 d/a/x 1\n",
         {.dest = "/d/", .chown = "5:6", .chmod = "777"}},
        {"f x 1\n", NULL, "x.tgz", NULL, {.dest = "/d/", .unpack = "false"}},
        /* a folder that the archive does not name stays what it is, behind a link, too */
        {"f tmp/x 1\n", "d tmp 1777\n", "x.tar", "f640 7:8 tmp/x 1\n", {.dest = "/"}},
        {"f lib/x 1\n",
         "d usr/lib 755\nl lib usr/lib\n",
         "x.tar",
         "f640 7:8 usr/lib/x 1\n",
         {.dest = "/"}},
        {"f lib/deep/x 1\n",
         "d usr/lib 755\nl lib usr/lib\n",
         "x.tar",
         "d755 0:0 usr/lib/deep\nf640 7:8 usr/lib/deep/x 1\n",
         {.dest = "/"}},
        {"f lib/x 1\n",
         "l lib ../../../tmp\nd tmp 755\n",
         "x.tar",
         "f640 7:8 tmp/x 1\n",
         {.dest = "/"}},
        /* one that it names takes the place of the link, as with docker */
        {"d lib\nf lib/y/x 1\n",
         "d usr/lib/y 755\nl lib usr/lib\n",
         "x.tar",
         "d750 7:8 lib\nd755 0:0 lib/y\nf640 7:8 lib/y/x 1\n",
         {.dest = "/"}},
        {"f a/x 1\nh a/y a/x\n",
         NULL,
         "x.tar",
         "d755 0:0 d\nd755 0:0 d/a\nf640 7:8 d/a/x 1\nh d/a/y d/a/x\n",
         {.dest = "/d"}},
        {"l out ../../../../etc\nf out/x 1\n", NULL, "x.tar", "?", {.dest = "/d"}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        const struct build_copy_source s = {v[i].name, NULL};
        struct build_copy_opts o = v[i].o;
        struct shale_err e = SHALE_ERR_INIT;
        struct place p;

        place_begin(&p, v[i].below);
        write_archive(&p.f, v[i].name, v[i].archive);
        o.store = p.store;
        o.sources = &s;
        o.n_sources = 1;
        o.add = true;
        int r = copy_run(&p.f, &o, &b, &e);
        if (v[i].want && !streq(v[i].want, "?") && (r < 0 || !streq(b.p, v[i].want)))
            fail_msg("%zu: %s\n%s", i, e.msg, b.p);
        if (!v[i].want) { /* the archive itself */
            assert_int_equal(r, 0);
            assert_non_null(strstr(b.p, "f644 0:0 d/x.tgz"));
        }
        if (streq(v[i].want, "?")) /* it stays in the folder, or is refused */
            assert_true(r < 0 || !strstr(b.p, "0:0 etc"));
        place_end(&p);
    }
}

/* Compressed, cut off, or no tar at all. */
static void told(void **state)
{
    char head[2048] = "FROM scratch\nCOPY . /\n";
    struct copy_fixture f;
    size_t n;

    assert_false(archive_is_tar("", 0));
    assert_false(archive_is_tar(head, 22));
    assert_false(archive_is_tar(head, sizeof head));
    memset(head, 0, sizeof head);
    assert_false(archive_is_tar(head, sizeof head));
    copy_fixture_begin(&f, "", NULL);
    write_archive(&f, "x.tgz", "f x 1\n");
    int fd = openat(f.tree_fd, "x.tgz", O_RDONLY | O_CLOEXEC);
    char *big = malloc(ARCHIVE_HEAD_BYTES);
    assert_non_null(big);
    assert_int_equal(archive_read_head(fd, big, &n, "x", NULL), 0);
    assert_true(archive_is_tar(big, n));
    assert_false(archive_is_tar(big, 10));
    free(big);
    close(fd);
    copy_fixture_end(&f);
}

static void checksums(void **state)
{
    static const struct {
        const char *source, *checksum, *want;
        bool add;
    } v[] = {
        {"x", "sha256:00", "checksum can't be specified for \"x\"", true},
        {"http://127.0.0.1:1/x", "md5:00", "--checksum=md5:00: it must be sha256:", true},
        {"http://127.0.0.1:1/x", "sha256:00", "--checksum=sha256:00: it must be sha256:", true},
        {"http://127.0.0.1:1/x", NULL, "source can't be a URL for COPY", false},
        {"https://127.0.0.1:1/x.git#-evil", NULL, "\"-evil\" is no name of a branch", true},
        {"https://127.0.0.1:1/x.git#a..b", NULL, "\"a..b\" is no name of a branch", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        const struct build_copy_source s = {v[i].source, NULL};
        const struct build_copy_opts o = {.sources = &s,
                                          .n_sources = 1,
                                          .dest = "/d",
                                          .add = v[i].add,
                                          .checksum = v[i].checksum};
        struct shale_err e = SHALE_ERR_INIT;
        struct copy_fixture f;
        char hex[65];

        copy_fixture_begin(&f, "f x 644 1\n", NULL);
        assert_true(copy_digest(&f, &o, hex, &e) < 0);
        assert_memory_equal(e.msg, v[i].want, strlen(v[i].want));
        copy_fixture_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(archives), cmocka_unit_test(told),
                                       cmocka_unit_test(checksums)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
