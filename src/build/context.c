/* SPDX-License-Identifier: Apache-2.0 */
#include "build/context.h"

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
#include "build/copy_sums.h"

#define SUMS_DIR "sums"

struct build_context {
    struct arena a;
    int root_fd;
    struct build_tree tree;
    struct ignore *ignore;
    struct copy_sums *sums;
    struct buf dockerfile;
    const char *name;
};

bool build_context_is_remote(const char *s)
{
    return str_has_prefix(s, "http://") || str_has_prefix(s, "https://") ||
           str_has_prefix(s, "git://") || str_has_prefix(s, "git@") ||
           str_has_prefix(s, "ssh://") || str_has_prefix(s, "github.com/");
}

/* ---- the Dockerfile ---- */

static int read_file(int fd, const char *name, struct buf *b, struct shale_err *e)
{
    for (;;) {
        char *room = buf_room(b, 65536);
        size_t got;
        if (!room)
            return b->failed == SHALE_LIMIT ? err_set(e, SHALE_LIMIT, "%s is larger than %u MiB",
                                                      name, BUILD_CONTEXT_MAX_DOCKERFILE >> 20)
                                            : buf_check(b, e);
        if (sys_read_full(fd, room, 65536, &got) < 0)
            return err_sys(e, "read %s", name);
        b->n += got;
        if (got < 65536)
            break;
    }
    buf_addc(b, 0);
    b->n--;
    return buf_check(b, e);
}

static int open_dockerfile(struct build_context *c, const struct build_context_opts *o,
                           struct shale_err *e)
{
    const char *file = o->file ? o->file : "Dockerfile";
    struct shale_err why = SHALE_ERR_INIT;
    struct stat st;
    int fd;

    if (o->file && streq(o->file, "-")) {
        c->name = "Dockerfile";
        return fcntl(o->stdin_fd, F_DUPFD_CLOEXEC, 3);
    }
    c->name = arena_strdup(&c->a, file);
    if (!c->name)
        return err_nomem(e);
    if (o->file) /* of this host: it need not be in the context */
        fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    else
        fd = inroot_open(c->root_fd, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, &why);
    if (fd < 0)
        return (o->file ? errno : why.sys) == ENOENT
                   ? err_set(e, SHALE_NOT_FOUND,
                             "failed to read dockerfile: open %.300s: no such file or directory",
                             file)
                   : err_set(e, SHALE_DENIED, "failed to read dockerfile: open %.300s: %s", file,
                             strerror(o->file ? errno : why.sys));
    if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
        close(fd);
        return err_set(e, SHALE_INVALID, "failed to read dockerfile: %.300s is a directory", file);
    }
    return fd;
}

static int read_dockerfile(struct build_context *c, const struct build_context_opts *o,
                           struct shale_err *e)
{
    if (o->no_dockerfile)
        return 0;
    _cleanup_close_ int fd = open_dockerfile(c, o, e);
    return fd < 0 ? fd : read_file(fd, c->name, &c->dockerfile, e);
}

/* ---- folders ---- */

static int open_sums(struct build_context *c, const struct build_context_opts *o,
                     struct shale_err *e)
{
    char name[64];
    struct stat st;

    if (!o->store)
        return 0;
    if (fstat(c->root_fd, &st) < 0)
        return err_sys(e, "stat %.300s", o->context);
    int root = store_root_fd(o->store);
    if (sys_mkdirat(root, SUMS_DIR, 0700) < 0 && errno != EEXIST)
        return 0; /* a read-only store: everything is read */
    _cleanup_close_ int dir = sys_openat(root, SUMS_DIR, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return err_sys(e, "open %s", SUMS_DIR);
    (void)snprintf(name, sizeof name, "%llx-%llx", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    return copy_sums_open(dir, name, &c->sums, e);
}

static int open_folder(struct build_context *c, const struct build_context_opts *o,
                       struct shale_err *e)
{
    c->root_fd = open(o->context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->root_fd < 0 && errno == ENOENT)
        return err_set(e, SHALE_NOT_FOUND, "unable to prepare context: path \"%.300s\" not found",
                       o->context);
    if (c->root_fd < 0 && errno == ENOTDIR)
        return err_set(e, SHALE_INVALID,
                       "unable to prepare context: path \"%.300s\" is not a directory", o->context);
    if (c->root_fd < 0)
        return err_sys(e, "unable to prepare context: open %.300s", o->context);
    if (fs_exists(c->root_fd, ".dockerignore"))
        return err_set(e, SHALE_UNSUPPORTED, ".dockerignore is not supported yet");
    return open_sums(c, o, e);
}

/* ---- life ---- */

static int open_all(struct build_context *c, const struct build_context_opts *o,
                    struct shale_err *e)
{
    int r;

    if (streq(o->context, "-") || build_context_is_remote(o->context))
        return err_set(e, SHALE_UNSUPPORTED, "the build context \"%.300s\" is not supported yet",
                       o->context);
    r = open_folder(c, o, e);
    if (r >= 0)
        r = read_dockerfile(c, o, e);
    c->tree = (struct build_tree){.root_fd = c->root_fd,
                                  .ignore = c->ignore,
                                  .what = "the build context",
                                  .is_context = true,
                                  .sums = c->sums};
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
    buf_clear(&c->dockerfile);
    arena_clear(&c->a);
    free(c);
    return NULL;
}
