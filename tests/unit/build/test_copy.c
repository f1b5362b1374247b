/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/context/copy_sums.h"
#include "copy_test.h"

#define CONTEXT                                                                                    \
    "f a.txt 644 one\nf b.txt 600 two\nd src 750\nf src/main.c 644 int\nd src/lib 711\n"           \
    "f src/lib/x.h 444 h\nl src/rel lib/x.h\nl src/out ../../../etc/passwd\nl way src\n"           \
    "l file a.txt\nl broken nowhere\nl round round\nl abs /src\nl up ../../../../a.txt\n"

#define PROJECT                                                                                    \
    "f x/a.txt 644 1\nf x/b.c 644 2\nd y 700\nf y/a.txt 600 3\nf y/z/c.txt 644 4\n"                \
    "f y/z/d.md 644 5\nf top.txt 644 6\nf top.md 644 7\nl lx x\n"

struct one {
    const char *name, *tree, *below;
    const char *sources[4]; /* "<<NAME:TEXT": a heredoc */
    struct build_copy_opts o;
    const char *want; /* lines; or the beginning of an error's message, after "!" */
};

static const char *const no_md[] = {"*.md"}, *const deep[] = {"**/*.txt", "x", "!y/z/c.txt"};

static const struct one table[] = {
    {"a file to a name", CONTEXT, NULL, {"a.txt"}, {.dest = "/x"}, "f644 0:0 x one\n"},
    {"a file into a folder that is named so",
     CONTEXT,
     NULL,
     {"a.txt"},
     {.dest = "/d/e/"},
     "d755 0:0 d\nd755 0:0 d/e\nf644 0:0 d/e/a.txt one\n"},
    {"modes are kept", CONTEXT, NULL, {"b.txt"}, {.dest = "./"}, "f600 0:0 b.txt two\n"},
    {"into a folder that is there",
     CONTEXT,
     "d opt 700\n",
     {"a.txt"},
     {.dest = "/opt"},
     "f644 0:0 opt/a.txt one\n"},
    {"over a file", CONTEXT, "f x 600 old\n", {"a.txt"}, {.dest = "/x"}, "f644 0:0 x one\n"},
    {"a folder's contents",
     CONTEXT,
     NULL,
     {"src"},
     {.dest = "/app"},
     "d755 0:0 app\nd711 0:0 app/lib\nf444 0:0 app/lib/x.h h\nf644 0:0 app/main.c int\n"
     "l app/out ../../../etc/passwd\nl app/rel lib/x.h\n"},
    {"a folder's contents, slashes",
     CONTEXT,
     "d app 700\n",
     {"/src/"},
     {.dest = "app/"},
     "d711 0:0 app/lib\nf444 0:0 app/lib/x.h h\nf644 0:0 app/main.c int\n"
     "l app/out ../../../etc/passwd\nl app/rel lib/x.h\n"},
    {"a folder that is there takes the source's mode",
     CONTEXT,
     "d lib 700\n",
     {"src"},
     {.dest = "/"},
     "d711 0:0 lib\nf444 0:0 lib/x.h h\nf644 0:0 main.c int\n"
     "l out ../../../etc/passwd\nl rel lib/x.h\n"},
    {"dots above the context are dropped",
     CONTEXT,
     NULL,
     {"../../a.txt"},
     {.dest = "/x"},
     "f644 0:0 x one\n"},
    {"a link is followed",
     CONTEXT,
     NULL,
     {"file"},
     {.dest = "/d/"},
     "d755 0:0 d\nf644 0:0 d/file one\n"},
    {"a link to a folder, from the context's root",
     CONTEXT,
     NULL,
     {"abs/lib"},
     {.dest = "/d/"},
     "d755 0:0 d\nf444 0:0 d/x.h h\n"},
    {"a link that leads out ends at the root",
     CONTEXT,
     NULL,
     {"up"},
     {.dest = "/d/"},
     "d755 0:0 d\nf644 0:0 d/up one\n"},
    {"relative to the work folder",
     CONTEXT,
     "d w 755\n",
     {"a.txt"},
     {.dest = "x/", .workdir = "/w"},
     "d755 0:0 w/x\nf644 0:0 w/x/a.txt one\n"},
    {"the work folder itself",
     CONTEXT,
     "d w 755\n",
     {"a.txt", "b.txt"},
     {.dest = ".", .workdir = "/w"},
     "f644 0:0 w/a.txt one\nf600 0:0 w/b.txt two\n"},
    {"links of the stage lead on, inside of it",
     CONTEXT,
     "d real 755\nl way /real\nl up ../..\n",
     {"a.txt"},
     {.dest = "/way/up/"},
     "d755 0:0 real/up\nf644 0:0 real/up/a.txt one\n"},
    {"a link of the stage that leads out",
     CONTEXT,
     "l out ../../../tmp\n",
     {"a.txt"},
     {.dest = "/out/x/"},
     "d755 0:0 tmp\nd755 0:0 tmp/x\nf644 0:0 tmp/x/a.txt one\n"},
    {"a link of the stage at the end",
     CONTEXT,
     "l x /etc/passwd\n",
     {"a.txt"},
     {.dest = "/x"},
     "d755 0:0 etc\nf644 0:0 etc/passwd one\n"},
    {"a link in a folder is replaced",
     CONTEXT,
     "l d/a.txt /etc/passwd\n",
     {"a.txt"},
     {.dest = "/d/"},
     "f644 0:0 d/a.txt one\n"},
    {"--link looks at nothing below",
     CONTEXT,
     "d real 700\nl way /real\n",
     {"a.txt"},
     {.dest = "/way/", .link = true},
     "d755 0:0 way\nf644 0:0 way/a.txt one\n"},
    {"the later one wins",
     "f a/x 644 1\nf b/x 600 2\n",
     NULL,
     {"a", "b"},
     {.dest = "/d/"},
     "d755 0:0 d\nf600 0:0 d/x 2\n"},
    {"a folder then a file beside its contents",
     CONTEXT,
     NULL,
     {"src/lib", "a.txt"},
     {.dest = "/d/"},
     "d755 0:0 d\nf644 0:0 d/a.txt one\nf444 0:0 d/x.h h\n"},
    {"owner by number is group, too",
     CONTEXT,
     NULL,
     {"a.txt"},
     {.dest = "/d/", .chown = "55"},
     "d755 55:55 d\nf644 55:55 d/a.txt one\n"},
    {"owner by name",
     CONTEXT,
     "f etc/passwd 644 app:x:12:34::/:/x\nf etc/group 644 grp:x:99:\n",
     {"a.txt"},
     {.dest = "/d/", .chown = "app"},
     "d755 12:34 d\nf644 12:34 d/a.txt one\n"},
    {"owner and group",
     CONTEXT,
     "f etc/passwd 644 app:x:12:34::/:/x\nf etc/group 644 grp:x:99:\n",
     {"a.txt"},
     {.dest = "/d", .chown = "app:grp"},
     "f644 12:99 d one\n"},
    {"no such user",
     CONTEXT,
     "d etc 755\n",
     {"a.txt"},
     {.dest = "/d", .chown = "nobody"},
     "!--chown=nobody: unable to find user nobody"},
    {"chmod of files and folders, not of what is made",
     CONTEXT,
     NULL,
     {"src"},
     {.dest = "/d", .chmod = "0700"},
     "d755 0:0 d\nd700 0:0 d/lib\nf700 0:0 d/lib/x.h h\nf700 0:0 d/main.c int\n"
     "l d/out ../../../etc/passwd\nl d/rel lib/x.h\n"},
    {"chmod in words",
     CONTEXT,
     NULL,
     {"src/lib", "b.txt"},
     {.dest = "/d/", .chmod = "u=rwX,go=rX"},
     "d755 0:0 d\nf644 0:0 d/b.txt two\nf644 0:0 d/x.h h\n"},
    {"chmod that is none",
     CONTEXT,
     NULL,
     {"a.txt"},
     {.dest = "/d", .chmod = "0999"},
     "!invalid chmod parameter: '0999'"},
    {"a heredoc",
     CONTEXT,
     NULL,
     {"<<hello.txt:line\n"},
     {.dest = "/d/"},
     "d755 0:0 d\nf644 0:0 d/hello.txt line\n\n"},
    {"heredocs and files",
     CONTEXT,
     NULL,
     {"<<A:1", "a.txt", "<<B:"},
     {.dest = "/d/", .chmod = "600", .chown = "1:2"},
     "d755 1:2 d\nf600 1:2 d/A 1\nf600 1:2 d/B\nf600 1:2 d/a.txt one\n"},
    {"hard links, fifos, no sockets",
     "f a 644 x\nh b a\np c 640\ns d\n",
     NULL,
     {"."},
     {.dest = "/d"},
     "d755 0:0 d\nf644 0:0 d/a x\nh d/b d/a\np640 0:0 d/c\n"},
    {"odd names",
     "f a\tb 644 1\nf \xff 644 2\nf -rf 644 3\n",
     NULL,
     {"."},
     {.dest = "/"},
     "f644 0:0 -rf 3\nf644 0:0 a\\x09b 1\nf644 0:0 \\xff 2\n"},
    {"what is not there",
     CONTEXT,
     NULL,
     {"nope"},
     {.dest = "/x"},
     "!\"/nope\": not found in the build context"},
    {"a broken link",
     CONTEXT,
     NULL,
     {"broken"},
     {.dest = "/x"},
     "!\"/broken\" is a link to \"/nowhere\": not found in the build context"},
    {"links in a ring",
     CONTEXT,
     NULL,
     {"round"},
     {.dest = "/x"},
     "!\"round\": too many levels of symbolic links"},
    {"a socket", "s s\n", NULL, {"s"}, {.dest = "/x"}, "!\"/s\" is a socket"},
    {"several without a folder",
     CONTEXT,
     NULL,
     {"a.txt", "b.txt"},
     {.dest = "/x"},
     "!When using COPY with more than one source file, the destination must be a directory and end "
     "with a /"},
    {"a folder over a file",
     CONTEXT,
     "f x 644 1\n",
     {"src"},
     {.dest = "/x"},
     "!cannot copy to non-directory: /x"},
    {"a folder over a link",
     CONTEXT,
     "d y 755\nl x/lib /y\n",
     {"src"},
     {.dest = "/x"},
     "!cannot copy to non-directory: /x/lib"},
    {"a file over a folder",
     CONTEXT,
     "d d/a.txt 755\n",
     {"a.txt"},
     {.dest = "/d/"},
     "!cannot replace directory /d/a.txt with a file"},
    {"through a file",
     CONTEXT,
     "f x 644 1\n",
     {"a.txt"},
     {.dest = "/x/y/z"},
     "!\"/x/y/z\": /x is not a folder"},
    {"a glob", PROJECT, NULL, {"*.txt"}, {.dest = "/d/"}, "d755 0:0 d\nf644 0:0 d/top.txt 6\n"},
    {"a glob of files in folders",
     PROJECT,
     NULL,
     {"?/*.txt"},
     {.dest = "/d/"},
     "d755 0:0 d\nf600 0:0 d/a.txt 3\n"},
    {"a glob of folders gives their contents",
     PROJECT,
     NULL,
     {"[xy]"},
     {.dest = "/d/"},
     "d755 0:0 d\nf600 0:0 d/a.txt 3\nf644 0:0 d/b.c 2\nd755 0:0 d/z\nf644 0:0 d/z/c.txt 4\n"
     "f644 0:0 d/z/d.md 5\n"},
    {"a glob with any folders",
     PROJECT,
     NULL,
     {"**/*.md"},
     {.dest = "/d/"},
     "d755 0:0 d\nf644 0:0 d/d.md 5\nf644 0:0 d/top.md 7\n"},
    {"a glob through a link",
     PROJECT,
     NULL,
     {"lx/*.c"},
     {.dest = "/d/"},
     "d755 0:0 d\nf644 0:0 d/b.c 2\n"},
    {"a glob that matches a link",
     PROJECT,
     NULL,
     {"l*"},
     {.dest = "/d/"},
     "d755 0:0 d\nf644 0:0 d/a.txt 1\nf644 0:0 d/b.c 2\n"},
    {"brackets for a name with brackets",
     "f arr[0].txt 644 x\nf arr0.txt 644 y\n",
     NULL,
     {"arr[[]0].txt"},
     {.dest = "/d/"},
     "d755 0:0 d\nf644 0:0 d/arr[0].txt x\n"},
    {"a glob that matches nothing", PROJECT, NULL, {"*.nope"}, {.dest = "/d/"}, ""},
    {"a glob that is none", PROJECT, NULL, {"a[b"}, {.dest = "/d/"}, "!"},
    {"several by a glob without a folder",
     PROJECT,
     NULL,
     {"top.*"},
     {.dest = "/d"},
     "!When using COPY with more than one source file"},
    {"--parents of a file",
     PROJECT,
     NULL,
     {"y/a.txt"},
     {.dest = "/d", .parents = true},
     "d755 0:0 d\nd700 0:0 d/y\nf600 0:0 d/y/a.txt 3\n"},
    {"--parents of a folder",
     PROJECT,
     NULL,
     {"y/z"},
     {.dest = "/d/", .parents = true},
     "d755 0:0 d\nd700 0:0 d/y\nd755 0:0 d/y/z\nf644 0:0 d/y/z/c.txt 4\nf644 0:0 d/y/z/d.md 5\n"},
    {"--parents from a pivot",
     PROJECT,
     NULL,
     {"./y/./z/*.md"},
     {.dest = "/d/", .parents = true},
     "d755 0:0 d\nd755 0:0 d/z\nf644 0:0 d/z/d.md 5\n"},
    {"--parents of globs",
     PROJECT,
     NULL,
     {"**/*.txt"},
     {.dest = "/d/", .parents = true},
     "d755 0:0 d\nf644 0:0 d/top.txt 6\nd755 0:0 d/x\nf644 0:0 d/x/a.txt 1\nd700 0:0 d/y\n"
     "f600 0:0 d/y/a.txt 3\nd755 0:0 d/y/z\nf644 0:0 d/y/z/c.txt 4\n"},
    {"--parents of two",
     PROJECT,
     NULL,
     {"x/a.txt", "y/a.txt"},
     {.dest = "/d/", .parents = true},
     "d755 0:0 d\nd755 0:0 d/x\nf644 0:0 d/x/a.txt 1\nd700 0:0 d/y\nf600 0:0 d/y/a.txt 3\n"},
    {"--parents of what is not there",
     PROJECT,
     NULL,
     {"y/q/r"},
     {.dest = "/d/", .parents = true},
     "!\"/y/q/r\": not found"},
    {"--exclude of files that a glob has",
     PROJECT,
     NULL,
     {"top.*"},
     {.dest = "/d/", .excludes = no_md, .n_excludes = 1},
     "d755 0:0 d\nf644 0:0 d/top.txt 6\n"},
    {"--exclude is about names below the source",
     PROJECT,
     NULL,
     {"."},
     {.dest = "/d", .excludes = no_md, .n_excludes = 1},
     "d755 0:0 d\nl d/lx x\nf644 0:0 d/top.txt 6\nd755 0:0 d/x\nf644 0:0 d/x/a.txt 1\n"
     "f644 0:0 d/x/b.c 2\nd700 0:0 d/y\nf600 0:0 d/y/a.txt 3\nd755 0:0 d/y/z\n"
     "f644 0:0 d/y/z/c.txt 4\nf644 0:0 d/y/z/d.md 5\n"},
    {"--exclude of folders and at any depth",
     PROJECT,
     NULL,
     {"."},
     {.dest = "/d", .excludes = deep, .n_excludes = 3},
     "d755 0:0 d\nl d/lx x\nf644 0:0 d/top.md 7\nd700 0:0 d/y\nd755 0:0 d/y/z\n"
     "f644 0:0 d/y/z/c.txt 4\nf644 0:0 d/y/z/d.md 5\n"},
    {"no destination", CONTEXT, NULL, {"a.txt"}, {.dest = ""}, "!COPY has no destination"},
};

static size_t sources_of(const struct one *t, struct build_copy_source *v, char *text, size_t n)
{
    size_t k = 0;

    for (; k < ARRAY_SIZE(t->sources) && t->sources[k]; k++) {
        v[k] = (struct build_copy_source){t->sources[k], NULL};
        if (!str_has_prefix(t->sources[k], "<<"))
            continue;
        char *p = text + k * n;
        (void)snprintf(p, n, "%s", t->sources[k] + 2);
        char *colon = strchr(p, ':');
        *colon = 0;
        v[k] = (struct build_copy_source){p, colon + 1};
    }
    return k;
}

static void layers(void **state)
{
    umask(022);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct one *t = &table[i];
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        struct build_copy_source v[4];
        struct build_copy_opts o = t->o;
        struct copy_fixture f;
        char text[4][64];

        o.sources = v;
        o.n_sources = sources_of(t, v, text[0], sizeof text[0]);
        copy_fixture_begin(&f, t->tree, t->below);
        int r = copy_run(&f, &o, &b, &e);
        if (t->want[0] == '!' && (r >= 0 || strncmp(e.msg, t->want + 1, strlen(t->want + 1)) != 0))
            fail_msg("%s: %d %s", t->name, r, e.msg);
        if (t->want[0] != '!' && (r < 0 || !streq(b.p, t->want)))
            fail_msg("%s: %s\n%s", t->name, e.msg, b.p);
        copy_fixture_end(&f);
    }
}

/* ---- .dockerignore ---- */

static void ignored(void **state)
{
    static const struct {
        const char *ignore, *sources[2], *want;
    } v[] = {
        {"*.md\ny/z\n",
         {"."},
         "d755 0:0 d\nl d/lx x\nf644 0:0 d/top.txt 6\nd755 0:0 d/x\nf644 0:0 d/x/a.txt 1\n"
         "f644 0:0 d/x/b.c 2\nd700 0:0 d/y\nf600 0:0 d/y/a.txt 3\n"},
        {"*\n!y/z/c.txt\n",
         {"."},
         "d755 0:0 d\nd700 0:0 d/y\nd755 0:0 d/y/z\nf644 0:0 d/y/z/c.txt 4\n"},
        {"y\n!y/z/c.txt\n", {"y"}, "d755 0:0 d\nd755 0:0 d/z\nf644 0:0 d/z/c.txt 4\n"},
        {"**\n", {"."}, "d755 0:0 d\n"},
        {"x\n", {"*/a.txt"}, "f600 0:0 d 3\n"},
        {"x\n", {"x"}, "!\"/x\": not found in the build context (excluded by .dockerignore)"},
        {"x\n", {"x/a.txt"}, "!\"/x/a.txt\": not found in the build context (excluded"},
        /* what a link leads to is left out, too */
        {"x\n", {"lx"}, "!\"/lx\": not found in the build context (excluded"},
        {"x\n", {"lx/a.txt"}, "!\"/lx/a.txt\": not found in the build context (excluded"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        const struct build_copy_source s = {v[i].sources[0], NULL};
        const struct build_copy_opts o = {.sources = &s, .n_sources = 1, .dest = "/d"};
        struct ignore *ig = NULL;
        struct copy_fixture f;

        copy_fixture_begin(&f, PROJECT, NULL);
        assert_int_equal(ignore_parse(v[i].ignore, strlen(v[i].ignore), &ig, NULL), 0);
        f.tree.ignore = ig;
        int r = copy_run(&f, &o, &b, &e);
        if (v[i].want[0] == '!')
            assert_memory_equal(e.msg, v[i].want + 1, strlen(v[i].want + 1));
        else if (r < 0 || !streq(b.p, v[i].want))
            fail_msg("%s: %s\n%s", v[i].ignore, e.msg, b.p);
        ignore_free(ig);
        copy_fixture_end(&f);
    }
}

/* ---- digests ---- */

static void change_mode(int fd)
{
    assert_int_equal(fchmodat(fd, "d/a", 0600, 0), 0);
}
static void change_text(int fd)
{
    copy_tree(fd, "f d/a 644 ONE\n");
}
static void change_link(int fd)
{
    assert_int_equal(unlinkat(fd, "d/l", 0), 0);
    copy_tree(fd, "l d/l b\n");
}
static void add_file(int fd)
{
    copy_tree(fd, "f d/z 644 \n");
}
static void add_folder(int fd)
{
    copy_tree(fd, "d d/zz 755\n");
}
static void touch_only(int fd)
{
    const struct timespec t[2] = {{1, 0}, {1, 0}};

    assert_int_equal(utimensat(fd, "d/a", t, 0), 0);
    copy_tree(fd, "f beside 644 x\n");
}

static void digests(void **state)
{
    static const struct {
        void (*change)(int fd);
        bool same;
    } v[] = {{touch_only, true},   {change_mode, false}, {change_text, false},
             {change_link, false}, {add_file, false},    {add_folder, false}};
    const struct build_copy_source s = {"d", NULL};
    const struct build_copy_opts o = {.sources = &s, .n_sources = 1, .dest = "/x"};

    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        char before[65], after[65];
        struct copy_fixture f;

        copy_fixture_begin(&f, "f d/a 644 one\nl d/l a\n", NULL);
        assert_int_equal(copy_digest(&f, &o, before, NULL), 0);
        v[i].change(f.tree_fd);
        assert_int_equal(copy_digest(&f, &o, after, NULL), 0);
        assert_int_equal(streq(before, after), v[i].same);
        copy_fixture_end(&f);
    }
}

/* ---- attributes ---- */

static int drop(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return 0;
}

static void attributes(void **state)
{
    const struct build_copy_source s = {".", NULL};
    const struct build_copy_opts o = {.sources = &s, .n_sources = 1, .dest = "/d"};
    char plain[65], with[65], again[65];
    struct copy_fixture f;

    copy_fixture_begin(&f, "f a 644 x\nd b 755\n", NULL);
    assert_int_equal(copy_digest(&f, &o, plain, NULL), 0);
    int a = openat(f.tree_fd, "a", O_RDONLY | O_CLOEXEC);
    int b = openat(f.tree_fd, "b", O_RDONLY | O_CLOEXEC);
    if (fsetxattr(a, "user.z", "1", 1, 0) < 0 && errno == ENOTSUP) {
        print_message("SKIPPED: the file system of /tmp takes no user attributes\n");
        skip();
    }
    assert_int_equal(fsetxattr(a, "user.a", "23", 2, 0), 0);
    assert_int_equal(fsetxattr(b, "user.b", "4", 1, 0), 0);
    assert_int_equal(copy_digest(&f, &o, with, NULL), 0);
    assert_string_not_equal(plain, with);
    assert_int_equal(copy_sums_open(f.tree_fd, "../sums", &f.tree.sums, NULL), 0);
    for (int i = 0; i < 2; i++) { /* found out, and known */
        _cleanup_(buf_clear) struct buf lines = BUF_INIT(1 << 20);
        const struct timespec wait = {0, 150 * 1000 * 1000}; /* the files must have some age */
        (void)nanosleep(&wait, NULL);
        assert_int_equal(copy_run(&f, &o, &lines, NULL), 0);
        assert_string_equal(lines.p, "d755 0:0 d\nf644 0:0 d/a [user.a=23] [user.z=1] x\n"
                                     "d755 0:0 d/b [user.b=4]\n");
    }
    assert_int_equal(copy_digest(&f, &o, again, NULL), 0);
    assert_string_equal(with, again);
    f.tree.sums = copy_sums_close(f.tree.sums);
    close(a);
    close(b);
    copy_fixture_end(&f);
}

/* Nothing is written of what is no longer what the digest is of. */
static void changed(void **state)
{
    static const char *const change[] = {"f a 644 OTHER\n", "f a 644 y\n", "f a 600 x\n"};
    const struct build_copy_source s = {".", NULL};

    for (size_t i = 0; i < ARRAY_SIZE(change); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct build_copy_stats stats;
        struct build_copy *c = NULL;
        struct copy_fixture f;
        char hex[65];

        copy_fixture_begin(&f, "f a 644 x\n", NULL);
        const struct build_copy_opts o = {
            .tree = &f.tree, .sources = &s, .n_sources = 1, .dest = "/", .max_mtime_ns = TIME_NONE};
        assert_int_equal(build_copy_open(&o, &c, NULL), 0);
        assert_int_equal(build_copy_digest(c, hex, NULL), 0);
        const struct timespec wait = {0, 20 * 1000 * 1000}; /* past a tick of the clock */
        (void)nanosleep(&wait, NULL);
        copy_tree(f.tree_fd, change[i]);
        assert_int_equal(build_copy_layer(c, -1, drop, NULL, &stats, &e), -SHALE_CONFLICT);
        assert_string_equal(e.msg,
                            "\"/a\" of the build context changed while it was copied; build again");
        build_copy_close(c);
        copy_fixture_end(&f);
    }
}

/* Each allocation fails once: an error, nothing lost, no crash. */
static void no_memory(void **state)
{
#ifdef SHALE_FAULT_HOOKS
    static const struct {
        const char *source, *text;
        struct build_copy_opts o;
    } v[] = {
        {"*.txt", NULL, {.dest = "/d/", .chmod = "u=rwX,go=rX", .chown = "app"}},
        {"y/z", NULL, {.dest = "/d/", .parents = true, .excludes = deep, .n_excludes = 3}},
        {".", NULL, {.dest = "/etc/x/y/"}},
        {"lx/b.c", NULL, {.dest = "w", .workdir = "/etc"}},
        {"A", "text", {.dest = "/d"}},
        {"nope", NULL, {.dest = "/d"}},
    };
    struct copy_fixture f;

    copy_fixture_begin(&f, PROJECT, "f etc/passwd 644 app:x:12:34::/:/x\n");
    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        const struct build_copy_source s = {v[i].source, v[i].text};
        struct build_copy_opts o = v[i].o;
        unsigned long n = 0, seen;

        o.sources = &s;
        o.n_sources = 1;
        do { /* until there are fewer than that */
            n++;
            _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
            struct shale_err e = SHALE_ERR_INIT;
            (void)mem_fault_arm(n);
            int r = copy_run(&f, &o, &b, &e);
            seen = mem_fault_arm(0);
            assert_true(r >= 0 || e.msg[0]);
            assert_true(r >= 0 || r == -SHALE_NO_MEMORY || r == -SHALE_LIMIT ||
                        r == -SHALE_NOT_FOUND);
        } while (seen >= n);
        assert_true(n > 5);
    }
    copy_fixture_end(&f);
#else
    print_message("SKIPPED: allocations fail only in a build with -Dfault=true\n");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers),  cmocka_unit_test(ignored),
                                       cmocka_unit_test(digests), cmocka_unit_test(attributes),
                                       cmocka_unit_test(changed), cmocka_unit_test(no_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
