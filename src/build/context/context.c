/* SPDX-License-Identifier: Apache-2.0 */
#include "build/context/context_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "build/context/copy_sums.h"

#define SUMS_DIR   "sums"
#define READ_BYTES (64u << 10)

bool build_context_is_remote(const char *s)
{
    return str_has_prefix(s, "http://") || str_has_prefix(s, "https://") ||
           str_has_prefix(s, "git://") || str_has_prefix(s, "git@") ||
           str_has_prefix(s, "ssh://") || str_has_prefix(s, "github.com/");
}

/* ---- the Dockerfile ---- */

int context_read_text(struct build_context *c, int fd, const char *name, struct shale_err *e)
{
    struct buf *b = &c->dockerfile;

    for (;;) {
        char *room = buf_room(b, READ_BYTES);
        size_t got;
        if (!room || b->n > BUILD_CONTEXT_MAX_DOCKERFILE)
            return b->failed == SHALE_NO_MEMORY
                       ? err_nomem(e)
                       : err_set(e, SHALE_LIMIT, "%.300s is larger than %u MiB", name,
                                 BUILD_CONTEXT_MAX_DOCKERFILE >> 20);
        if (sys_read_full(fd, room, READ_BYTES, &got) < 0)
            return err_sys(e, "read %.300s", name);
        b->n += got;
        if (got < READ_BYTES)
            break;
    }
    buf_addc(b, 0);
    b->n--;
    return buf_check(b, e);
}

static int no_dockerfile(const char *file, int sys, struct shale_err *e)
{
    if (sys == ENOENT)
        return err_set(e, SHALE_NOT_FOUND,
                       "failed to read dockerfile: open %.300s: no such file or directory", file);
    errno = sys;
    return err_sys(e, "failed to read dockerfile: open %.300s", file);
}

static int open_inside(const struct build_context *c, const char *file)
{
    struct shale_err why = SHALE_ERR_INIT;
    int fd = inroot_open(c->root_fd, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, &why);

    errno = fd < 0 ? (why.sys ? why.sys : EIO) : 0;
    return fd;
}

/* -f of a folder is a path of this host, as docker has it, or else one in the folder, as podman. */
static int open_given(const struct build_context *c, const char *file)
{
    int fd = c->is_host ? open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;

    return fd >= 0 || (c->is_host && errno != ENOENT) ? fd : open_inside(c, file);
}

static int open_dockerfile(struct build_context *c, const struct build_context_opts *o,
                           struct shale_err *e)
{
    const char *file = o->file ? o->file : "Dockerfile";
    int fd = o->file ? open_given(c, file) : open_inside(c, file);
    struct stat st;

    if (fd < 0 && !o->file && errno == ENOENT) {
        fd = open_inside(c, "dockerfile");
        file = fd < 0 ? file : "dockerfile";
    }
    if (fd < 0)
        return no_dockerfile(file, errno, e);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        bool is_stream = S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode); /* -f <(…), /dev/stdin */
        if (!is_stream || !o->file) {
            close(fd);
            return err_set(e, SHALE_INVALID, "failed to read dockerfile: %.300s is no file", file);
        }
        (void)fcntl(fd, F_SETFL, 0); /* wait for what comes */
    }
    c->name = arena_strdup(&c->a, file);
    if (!c->name) {
        close(fd);
        return err_nomem(e);
    }
    return fd;
}

static int read_dockerfile(struct build_context *c, const struct build_context_opts *o,
                           struct shale_err *e)
{
    if (o->no_dockerfile || c->has_dockerfile)
        return 0;
    if (streq(o->file, "-")) {
        c->name = "Dockerfile";
        return context_read_text(c, o->stdin_fd, "the Dockerfile on standard input", e);
    }
    _cleanup_close_ int fd = open_dockerfile(c, o, e);
    return fd < 0 ? fd : context_read_text(c, fd, c->name, e);
}

/* ---- .dockerignore ---- */

/* 1: it is there. */
static int read_ignore(struct build_context *c, int fd, const char *name, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(IGNORE_MAX_BYTES + READ_BYTES);
    _cleanup_close_ int own = fd;

    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(e, "open %.300s", name);
    for (size_t got = READ_BYTES; got == READ_BYTES;) {
        char *room = buf_room(&b, READ_BYTES);
        if (!room)
            return err_set(e, SHALE_LIMIT, "%.300s is too large", name);
        if (sys_read_full(fd, room, READ_BYTES, &got) < 0)
            return err_sys(e, "read %.300s", name);
        b.n += got;
    }
    int r = ignore_parse(buf_str(&b), b.n, &c->ignore, e);
    return r < 0 ? err_wrap(e, r, "%.300s", name) : 1;
}

/* NAME.dockerignore beside the Dockerfile; otherwise .dockerignore of the context. */
static int find_ignore(struct build_context *c, const struct build_context_opts *o,
                       struct shale_err *e)
{
    bool named = c->name && !c->has_dockerfile && !streq(o->file, "-");
    const char *name = named ? arena_printf(&c->a, "%s.dockerignore", c->name) : "";
    int r = 0;

    if (!name)
        return err_nomem(e);
    if (named)
        r = read_ignore(c, o->file ? open_given(c, name) : open_inside(c, name), name, e);
    return r != 0 ? r : read_ignore(c, open_inside(c, ".dockerignore"), ".dockerignore", e);
}

/* ---- folders ---- */

/* What comes from elsewhere lies in another folder each time: of that, only its layers are known.
 */
static int open_sums(struct build_context *c, const struct build_context_opts *o,
                     struct shale_err *e)
{
    char name[64] = "elsewhere";
    struct stat st;

    if (!o->store || (o->no_dockerfile && !c->is_host))
        return 0;
    if (c->is_host && fstat(c->root_fd, &st) < 0)
        return err_sys(e, "stat %.300s", o->context);
    int root = store_root_fd(o->store);
    if (sys_mkdirat(root, SUMS_DIR, 0700) < 0 && errno != EEXIST)
        return 0; /* a read-only store: everything is read */
    _cleanup_close_ int dir = sys_openat(root, SUMS_DIR, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return err_sys(e, "open %s", SUMS_DIR);
    if (c->is_host)
        (void)snprintf(name, sizeof name, "%llx-%llx", (unsigned long long)st.st_dev,
                       (unsigned long long)st.st_ino);
    return copy_sums_open(dir, name, &c->sums, e);
}

static int open_folder(struct build_context *c, const struct build_context_opts *o,
                       struct shale_err *e)
{
    c->is_host = true;
    c->root_fd = open(o->context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->root_fd < 0 && errno == ENOENT && strstr(o->context, "://"))
        return err_set(e, SHALE_INVALID,
                       "unable to prepare context: \"%.300s\" is neither a folder nor a URL of "
                       "http, https, git or ssh",
                       o->context);
    if (c->root_fd < 0 && errno == ENOENT)
        return err_set(e, SHALE_NOT_FOUND, "unable to prepare context: path \"%.300s\" not found",
                       o->context);
    if (c->root_fd < 0 && errno == ENOTDIR)
        return err_set(e, SHALE_INVALID,
                       "unable to prepare context: path \"%.300s\" is not a directory", o->context);
    if (c->root_fd < 0)
        return err_sys(e, "unable to prepare context: open %.300s", o->context);
    return 0;
}

/* ---- life ---- */

static int open_all(struct build_context *c, const struct build_context_opts *o,
                    struct shale_err *e)
{
    bool is_stdin = streq(o->context, "-");
    int r;

    if (is_stdin && streq(o->file, "-"))
        return err_set(e, SHALE_INVALID,
                       "invalid argument: can't use stdin for both build context and dockerfile");
    if (is_stdin || build_context_is_remote(o->context))
        r = context_open_stream(c, o, e);
    else
        r = open_folder(c, o, e);
    if (r >= 0)
        r = open_sums(c, o, e);
    if (r >= 0)
        r = read_dockerfile(c, o, e);
    if (r >= 0)
        r = find_ignore(c, o, e);
    c->tree = (struct build_tree){.root_fd = c->root_fd,
                                  .ignore = c->ignore,
                                  .what = "the build context",
                                  .is_context = true,
                                  .sums = c->is_host ? c->sums : NULL};
    return r;
}

int build_context_open(const struct build_context_opts *o, struct build_context **ret,
                       struct shale_err *e)
{
    struct build_context *c = mem_alloc(sizeof *c);

    if (!c)
        return err_nomem(e);
    c->root_fd = -1;
    arena_init(&c->a, ARENA_DEFAULT_MAX);
    buf_init(&c->dockerfile, BUILD_CONTEXT_MAX_DOCKERFILE + 65536);
    int r = open_all(c, o, e);
    if (r < 0)
        build_context_close(c);
    else
        *ret = c;
    return r < 0 ? r : 0;
}

const struct build_tree *build_context_tree(const struct build_context *c)
{
    return &c->tree;
}

struct copy_sums *build_context_sums(const struct build_context *c)
{
    return c->sums;
}

const char *build_context_dockerfile(const struct build_context *c, size_t *ret_n)
{
    *ret_n = c->dockerfile.n;
    return c->dockerfile.p ? c->dockerfile.p : "";
}

const char *build_context_dockerfile_name(const struct build_context *c)
{
    return c->name;
}

struct build_context *build_context_close(struct build_context *c)
{
    if (!c)
        return NULL;
    c->sums = copy_sums_close(c->sums);
    if (c->root_fd >= 0)
        close(c->root_fd);
    build_room_close(c->room);
    ignore_free(c->ignore);
    buf_clear(&c->dockerfile);
    arena_clear(&c->a);
    free(c);
    return NULL;
}
