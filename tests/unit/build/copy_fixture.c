/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "copy_test.h"

#define LAYER_MAX (64u << 20)

/* ---- trees ---- */

static void make_parents(int fd, const char *path)
{
    char dir[4096];
    const char *slash = strrchr(path, '/');

    if (!slash)
        return;
    (void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    assert_int_equal(fs_mkdir_p(fd, dir, 0755, NULL), 0);
}

static void make_socket(int fd, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", fd, path);
    assert_true(s >= 0 && bind(s, (const struct sockaddr *)&a, sizeof a) == 0);
    close(s);
}

static void make_file(int fd, const char *path, mode_t mode, const char *text)
{
    int f = openat(fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(f >= 0);
    assert_int_equal(sys_write_all(f, text, strlen(text)), 0);
    assert_int_equal(fchmod(f, mode), 0);
    close(f);
}

static void make_one(int fd, char *line)
{
    char *words[4] = {line, "", "", ""}, *p = line;

    for (size_t i = 1; i < 4 && (p = strchr(p, ' ')); i++) {
        *p++ = 0;
        words[i] = p;
    }
    mode_t mode = (mode_t)strtoul(words[2], NULL, 8);
    make_parents(fd, words[1]);
    switch (line[0]) {
    case 'd':
        assert_int_equal(fs_mkdir_p(fd, words[1], 0755, NULL), 0);
        assert_int_equal(fchmodat(fd, words[1], mode, 0), 0);
        break;
    case 'f':
        make_file(fd, words[1], mode, words[3]);
        break;
    case 'l':
        assert_int_equal(sys_symlinkat(words[2], fd, words[1]), 0);
        break;
    case 'p':
        assert_int_equal(mkfifoat(fd, words[1], mode), 0);
        break;
    case 'h':
        assert_int_equal(sys_linkat(fd, words[2], fd, words[1]), 0);
        break;
    case 's':
        make_socket(fd, words[1]);
        break;
    default:
        fail_msg("a line of a tree: %s", line);
    }
}

void copy_tree(int fd, const char *lines)
{
    struct str rest = str_of(lines), line;
    char text[8192];

    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        if (line.n == 0)
            continue;
        assert_true(line.n < sizeof text);
        memcpy(text, line.p, line.n);
        text[line.n] = 0;
        make_one(fd, text);
    }
}

void copy_fixture_begin(struct copy_fixture *f, const char *tree, const char *below)
{
    *f = (struct copy_fixture){.below_fd = -1};
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/shale-copy-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fs_mkdir_p(fd, "tree", 0755, NULL), 0);
    assert_int_equal(fs_mkdir_p(fd, "below", 0755, NULL), 0);
    f->tree_fd = openat(fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    copy_tree(f->tree_fd, tree);
    if (below) {
        f->below_fd = openat(fd, "below", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        copy_tree(f->below_fd, below);
    }
    close(fd);
    f->tree =
        (struct build_tree){.root_fd = f->tree_fd, .what = "the build context", .is_context = true};
}

void copy_fixture_end(struct copy_fixture *f)
{
    close(f->tree_fd);
    if (f->below_fd >= 0)
        close(f->below_fd);
    assert_int_equal(fs_remove_tree(AT_FDCWD, f->dir, NULL), 0);
}

/* ---- layers ---- */

struct lines {
    struct buf *out;
    const struct buf *tar;
};

static int add_line(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    static const char kinds[] = "fhlcbdp";
    const struct lines *l = arg;
    char path[8192];

    buf_addc(l->out, kinds[t->type]);
    if (t->type != TAR_SYMLINK && t->type != TAR_HARDLINK)
        buf_addf(l->out, "%o %u:%u", t->mode, t->uid, t->gid);
    buf_addf(l->out, " %s", str_printable(path, sizeof path, *t->path.p ? t->path.p : "."));
    for (size_t i = 0; i < t->n_xattrs; i++)
        buf_addf(l->out, " [%s=%.*s]", t->xattrs[i].name, (int)t->xattrs[i].value_bytes,
                 (const char *)t->xattrs[i].value);
    if (t->type == TAR_SYMLINK || t->type == TAR_HARDLINK)
        buf_addf(l->out, " %.*s", (int)t->link.n, t->link.p);
    if (t->type == TAR_REG && t->size_bytes && t->size_bytes < 200)
        buf_addf(l->out, " %.*s", (int)t->size_bytes, l->tar->p + t->data_offset);
    buf_addc(l->out, '\n');
    return 0;
}

static int keep(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct buf *b = arg;

    buf_add(b, p, n);
    return buf_check(b, e);
}

static struct build_copy_opts with_tree(struct copy_fixture *f, const struct build_copy_opts *o)
{
    struct build_copy_opts x = *o;

    if (!x.tree)
        x.tree = &f->tree;
    if (!x.max_mtime_ns)
        x.max_mtime_ns = TIME_NONE;
    return x;
}

int copy_run(struct copy_fixture *f, const struct build_copy_opts *o, struct buf *b,
             struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf tar = BUF_INIT(LAYER_MAX);
    const struct build_copy_opts x = with_tree(f, o);
    struct lines l = {b, &tar};
    struct build_copy_stats stats = {0};
    struct build_copy *c = NULL;
    struct tar_reader *t = NULL;
    char hex[65];
    int r = build_copy_open(&x, &c, e);

    if (r >= 0)
        r = build_copy_digest(c, hex, e);
    if (r >= 0)
        r = build_copy_layer(c, f->below_fd, keep, &tar, &stats, e);
    build_copy_close(c);
    if (r >= 0)
        r = tar_reader_new(add_line, &l, &t, e);
    if (r >= 0)
        r = tar_reader_feed(t, tar.p, tar.n, e);
    if (r >= 0)
        r = tar_reader_end(t, e);
    tar_reader_free(t);
    buf_addc(b, 0);
    return r;
}

int copy_digest(struct copy_fixture *f, const struct build_copy_opts *o, char hex[65],
                struct shale_err *e)
{
    const struct build_copy_opts x = with_tree(f, o);
    struct build_copy *c = NULL;
    int r = build_copy_open(&x, &c, e);

    if (r >= 0)
        r = build_copy_digest(c, hex, e);
    build_copy_close(c);
    return r;
}
