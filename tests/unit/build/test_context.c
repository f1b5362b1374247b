/* SPDX-License-Identifier: Apache-2.0 */
#include "build/context/context.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "copy_test.h"
#include "tar/tar_write.h"

struct place {
    struct copy_fixture f;
    struct store *store;
    char context[96];
};

static void place_begin(struct place *p, const char *tree)
{
    char root[96];

    umask(022);
    copy_fixture_begin(&p->f, tree, NULL);
    (void)snprintf(root, sizeof root, "%s/store", p->f.dir);
    (void)snprintf(p->context, sizeof p->context, "%s/tree", p->f.dir);
    assert_int_equal(store_open(&(struct store_opts){.root = root}, &p->store, NULL), 0);
}

static int count(void *arg, const char *name, unsigned char type)
{
    *(int *)arg += type == DT_DIR;
    return 0;
}

/* Nothing that was unpacked stays. */
static void place_end(struct place *p)
{
    int n = 0;

    if (fs_exists(store_root_fd(p->store), "contexts"))
        assert_int_equal(fs_each(store_root_fd(p->store), "contexts", count, &n, NULL), 0);
    assert_int_equal(n, 0);
    store_close(p->store);
    copy_fixture_end(&p->f);
}

static void folders(void **state)
{
    static const struct {
        const char *tree, *file; /* "@x": beside the context */
        const char *text, *name, *error;
    } v[] = {
        {"f Dockerfile 644 FROM\n", NULL, "FROM", "Dockerfile", NULL},
        {"f dockerfile 644 from\n", NULL, "from", "dockerfile", NULL},
        {"f Dockerfile 644 A\nf dockerfile 644 B\n", NULL, "A", "Dockerfile", NULL},
        {"f sub/My 644 x\n", "sub/My", "x", "sub/My", NULL},
        {"f x/D 644 y\nl Dockerfile x/D\n", NULL, "y", "Dockerfile", NULL},
        {"f ../outside 644 y\n", "@outside", "y", NULL, NULL},
        {"", NULL, NULL, NULL,
         "failed to read dockerfile: open Dockerfile: no such file or directory"},
        {"", "nope", NULL, NULL, "failed to read dockerfile: open nope: no such file"},
        {"d Dockerfile 755\n", NULL, NULL, NULL,
         "failed to read dockerfile: Dockerfile is no file"},
        {"p Dockerfile 644\n", NULL, NULL, NULL,
         "failed to read dockerfile: Dockerfile is no file"},
        {"l Dockerfile ../../../../../../etc/passwd\n", NULL, NULL, NULL,
         "failed to read dockerfile: open Dockerfile: no such file"},
        {"f Dockerfile 644 x\nf .dockerignore 644 [\n", NULL, NULL, NULL, ".dockerignore: "},
    };

    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct build_context *c = NULL;
        char file[192];
        struct place p;
        size_t n;

        place_begin(&p, v[i].tree);
        if (v[i].file)
            (void)snprintf(file, sizeof file, "%s%s%s", v[i].file[0] == '@' ? p.f.dir : "",
                           v[i].file[0] == '@' ? "/" : "", v[i].file + (v[i].file[0] == '@'));
        const struct build_context_opts o = {
            .store = p.store, .context = p.context, .file = v[i].file ? file : NULL};
        int r = build_context_open(&o, &c, &e);
        if (v[i].error) {
            assert_true(r < 0);
            assert_memory_equal(e.msg, v[i].error, strlen(v[i].error));
        } else {
            assert_int_equal(r, 0);
            assert_string_equal(build_context_dockerfile(c, &n), v[i].text);
            assert_int_equal(n, strlen(v[i].text));
            if (v[i].name)
                assert_string_equal(build_context_dockerfile_name(c), v[i].name);
        }
        build_context_close(c);
        place_end(&p);
    }
}

static void missing(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct build_context *c = NULL;
    struct place p;

    place_begin(&p, "f x 644 1\n");
    assert_int_equal(
        build_context_open(
            &(struct build_context_opts){.store = p.store, .context = "/nonexistent"}, &c, &e),
        -SHALE_NOT_FOUND);
    assert_string_equal(e.msg, "unable to prepare context: path \"/nonexistent\" not found");
    (void)snprintf(p.context + strlen(p.context), 3, "/x");
    assert_int_equal(
        build_context_open(&(struct build_context_opts){.store = p.store, .context = p.context}, &c,
                           &e),
        -SHALE_INVALID);
    assert_int_equal(
        build_context_open(
            &(struct build_context_opts){.store = p.store, .context = "-", .file = "-"}, &c, &e),
        -SHALE_INVALID);
    assert_string_equal(e.msg,
                        "invalid argument: can't use stdin for both build context and dockerfile");
    place_end(&p);
}

/* The one beside the Dockerfile counts before that of the context. */
static void ignores(void **state)
{
    struct build_context *c = NULL;
    struct place p;

    place_begin(&p, "f Dockerfile 644 x\nf sub/D 644 y\nf .dockerignore 644 a\n"
                    "f sub/D.dockerignore 644 b\n");
    struct build_context_opts o = {.store = p.store, .context = p.context};
    assert_int_equal(build_context_open(&o, &c, NULL), 0);
    assert_true(ignore_excludes(build_context_tree(c)->ignore, "a"));
    assert_false(ignore_excludes(build_context_tree(c)->ignore, "b"));
    build_context_close(c);
    o.file = "sub/D";
    assert_int_equal(build_context_open(&o, &c, NULL), 0);
    assert_false(ignore_excludes(build_context_tree(c)->ignore, "a"));
    assert_true(ignore_excludes(build_context_tree(c)->ignore, "b"));
    build_context_close(c);
    place_end(&p);
}

static int to_fd(void *arg, const void *p, size_t n, struct shale_err *e)
{
    assert_int_equal(sys_write_all(*(int *)arg, p, n), 0);
    return 0;
}

/* A file without name that holds either a tar of Dockerfile and x, or text. */
static int input(struct place *p, const char *text)
{
    int fd = openat(p->f.tree_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    struct tar_writer *w = NULL;

    assert_true(fd >= 0);
    if (text) {
        assert_int_equal(sys_write_all(fd, text, strlen(text)), 0);
    } else {
        assert_int_equal(tar_writer_new(to_fd, &fd, &w, NULL), 0);
        assert_int_equal(tar_write_file(w, "Dockerfile", "FROM a", 6, 1, NULL), 0);
        assert_int_equal(tar_write_file(w, "x", "X", 1, 1, NULL), 0);
        assert_int_equal(tar_write_file(w, "y", "Y", 1, 1, NULL), 0);
        assert_int_equal(tar_write_file(w, ".dockerignore", "y", 1, 1, NULL), 0);
        assert_int_equal(tar_writer_end(w, NULL), 0);
        tar_writer_free(w);
    }
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void streams(void **state)
{
    const struct build_copy_source s = {".", NULL};
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
    struct build_context *c = NULL;
    struct place p;
    size_t n;

    place_begin(&p, "");
    int fd = input(&p, NULL);
    struct build_context_opts o = {.store = p.store, .context = "-", .stdin_fd = fd};
    assert_int_equal(build_context_open(&o, &c, NULL), 0);
    assert_string_equal(build_context_dockerfile(c, &n), "FROM a");
    const struct build_copy_opts co = {
        .tree = build_context_tree(c), .sources = &s, .n_sources = 1, .dest = "/"};
    assert_int_equal(copy_run(&p.f, &co, &b, NULL), 0);
    assert_string_equal(b.p,
                        "f644 0:0 .dockerignore y\nf644 0:0 Dockerfile FROM a\nf644 0:0 x X\n");
    build_context_close(c);
    close(fd);

    fd = input(&p, "FROM text\n");
    o.stdin_fd = fd;
    assert_int_equal(build_context_open(&o, &c, NULL), 0);
    assert_string_equal(build_context_dockerfile(c, &n), "FROM text\n");
    build_context_close(c);
    close(fd);

    fd = input(&p, "FROM stdin\n");
    o = (struct build_context_opts){
        .store = p.store, .context = p.context, .file = "-", .stdin_fd = fd};
    assert_int_equal(build_context_open(&o, &c, NULL), 0);
    assert_string_equal(build_context_dockerfile(c, &n), "FROM stdin\n");
    build_context_close(c);
    close(fd);
    place_end(&p);
}

/* What a killed process has left goes with the next context. */
static void swept(void **state)
{
    struct build_context *c = NULL;
    struct place p;

    place_begin(&p, "");
    int root = store_root_fd(p.store), fd = input(&p, NULL);
    copy_tree(root, "f contexts/dead/deep/x 644 1\n");
    const struct build_context_opts o = {.store = p.store, .context = "-", .stdin_fd = fd};
    assert_int_equal(build_context_open(&o, &c, NULL), 0);
    assert_false(fs_exists(root, "contexts/dead"));
    build_context_close(c);
    close(fd);
    place_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(folders), cmocka_unit_test(missing),
                                       cmocka_unit_test(ignores), cmocka_unit_test(streams),
                                       cmocka_unit_test(swept)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
