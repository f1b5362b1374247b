/* SPDX-License-Identifier: Apache-2.0 */
/* Which driver works here: found out by really mounting a tiny image of one file, from the store's
 * own file system, and reading that file through it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "rootfs/driver_priv.h"
#include "rootfs/erofs_write.h"

#define PROBE_TEXT "shale"

struct probe {
    int root;
    const char *root_path;
    char dir[128]; /* below the root */
    bool loops;
    char loop[2][32];
    int fds[2];
};

static int put_file(struct probe *p, const char *name, const void *bytes, size_t n,
                    struct shale_err *e)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    return fs_write_atomic(p->root, path, bytes, n, 0600, false, e);
}

/* A layer of one file of one block, and its toc. */
static int make_layer(struct probe *p, struct shale_err *e)
{
    char block[512] = PROBE_TEXT, path[256];
    struct tar_entry x = {.type = TAR_REG,
                          .path = STR("f"),
                          .link = STR(""),
                          .mode = 0644,
                          .size_bytes = sizeof PROBE_TEXT - 1,
                          .stored_bytes = sizeof PROBE_TEXT - 1};
    struct toc_writer *w = NULL;
    struct toc_stats stats;
    int r = put_file(p, "tar", block, sizeof block, e);

    snprintf(path, sizeof path, "%s/toc", p->dir);
    if (r >= 0)
        r = toc_create(p->root, path, &w, e);
    if (r >= 0)
        r = toc_add(w, &x, e);
    if (r >= 0)
        r = toc_finish(w, &stats, e);
    toc_writer_free(w);
    return r;
}

static int make_index(struct probe *p, struct shale_err *e)
{
    struct erofs_layer layer = {.tar_fd = -1, .tar_bytes = 512};
    struct toc *toc = NULL;
    struct tree *tree = NULL;
    uint64_t side;
    char path[256];

    snprintf(path, sizeof path, "%s/toc", p->dir);
    int r = toc_open(p->root, path, &toc, e);
    if (r >= 0)
        r = tree_new(&tree, -1, e);
    if (r >= 0)
        r = tree_add(tree, toc, NULL, e);
    if (r >= 0)
        r = tree_finish(tree, NULL, e);
    if (r >= 0) {
        (void)digest_parse(
            "sha256:0000000000000000000000000000000000000000000000000000000000000000",
            &layer.diff_id, NULL);
        snprintf(path, sizeof path, "%s/index", p->dir);
        _cleanup_close_ int fd = sys_openat(p->root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        r = fd < 0 ? err_sys(e, "%s", path) : erofs_write(tree, &layer, 1, fd, -1, &side, NULL, e);
    }
    tree_free(tree);
    toc_close(toc);
    return r;
}

static int device_path(struct probe *p, int i, const char *name, char ret[ROOTFS_PATH_MAX],
                       struct shale_err *e)
{
    char path[256];

    if (!p->loops) {
        snprintf(ret, ROOTFS_PATH_MAX, "%s/%s/%s", p->root_path, p->dir, name);
        return 0;
    }
    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    _cleanup_close_ int fd = sys_openat(p->root, path, O_RDONLY, 0);
    if (fd < 0)
        return err_sys(e, "%s", path);
    p->fds[i] = loop_attach(fd, p->loop[i], e);
    snprintf(ret, ROOTFS_PATH_MAX, "%s", p->loop[i]);
    return p->fds[i] < 0 ? p->fds[i] : 0;
}

/* Nothing is attached to the tree of mounts: the detached mount is read through its descriptor. */
static int try_mount(struct probe *p, struct shale_err *e)
{
    char index[ROOTFS_PATH_MAX], tar[ROOTFS_PATH_MAX], text[sizeof PROBE_TEXT] = "";
    size_t n;
    int r = device_path(p, 0, "index", index, e);

    if (r >= 0)
        r = device_path(p, 1, "tar", tar, e);
    if (r < 0)
        return r;
    const struct mount_option o[] = {{"source", index}, {"device", tar}};
    _cleanup_close_ int m = mount_new("erofs", o, ARRAY_SIZE(o), true, e);
    if (m < 0)
        return m;
    _cleanup_close_ int fd = sys_openat(m, "f", O_RDONLY, 0);
    if (fd < 0 || sys_read_full(fd, text, sizeof text - 1, &n) < 0)
        return err_sys(e, "reading through erofs");
    return streq(text, PROBE_TEXT)
               ? 0
               : err_set(e, SHALE_UNSUPPORTED, "erofs shows other bytes than were written");
}

int driver_erofs_probe(int root_fd, const char *root_path, bool loops, struct shale_err *e)
{
    struct probe p = {.root = root_fd, .root_path = root_path, .loops = loops, .fds = {-1, -1}};

    snprintf(p.dir, sizeof p.dir, "images/.probe-%ld", (long)getpid());
    int r = fs_mkdir_p(root_fd, p.dir, 0700, e);
    if (r >= 0)
        r = make_layer(&p, e);
    if (r >= 0)
        r = make_index(&p, e);
    if (r >= 0)
        r = try_mount(&p, e);
    for (int i = 0; i < 2; i++)
        if (p.fds[i] >= 0)
            close(p.fds[i]);
    (void)fs_remove_tree(root_fd, p.dir, NULL);
    return r;
}

/* ---- choosing ---- */

static const struct way {
    const char *memo, *driver;
    bool loops;
    const char *how;
} ways[] = {
    {"erofs file", "erofs", false, "file-backed mounts of the merged index"},
    {"erofs loop", "erofs", true, "the merged index over loop devices (Linux before 6.12)"},
    {"dir", "dir", false, "layers unpacked into folders"},
};

static int open_way(const struct way *w, int root_fd, const char *root_path, const char *why_not,
                    struct rootfs_driver **ret, struct shale_err *e)
{
    int r = streq(w->driver, "erofs") ? driver_erofs_open(root_fd, root_path, w->loops, ret, e)
                                      : driver_dir_open(root_fd, root_path, ret, e);
    if (r < 0)
        return r;
    snprintf((*ret)->why, sizeof(*ret)->why, "%s%s%.160s", w->how, *why_not ? ", because " : "",
             why_not);
    return 0;
}

int rootfs_check_name(const char *name, struct shale_err *e)
{
    if (!name || !*name || streq(name, "auto"))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
        if (streq(name, ways[i].driver))
            return 0;
    return err_set(e, SHALE_INVALID, "no storage driver %.40s: there are erofs and dir", name);
}

int rootfs_open(int root_fd, const char *root_path, const char *name, char memo[64],
                struct rootfs_driver **ret, struct shale_err *e)
{
    bool any = !name || !*name || streq(name, "auto");
    struct shale_err why = SHALE_ERR_INIT;

    int r = rootfs_check_name(name, e);
    if (r < 0)
        return r;
    for (size_t i = 0; any && i < ARRAY_SIZE(ways); i++)
        if (streq(memo, ways[i].memo))
            return open_way(&ways[i], root_fd, root_path, "", ret, e);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        const struct way *w = &ways[i];
        if (!any && !streq(name, w->driver))
            continue;
        r = streq(w->driver, "erofs") ? driver_erofs_probe(root_fd, root_path, w->loops, &why) : 0;
        if (r < 0)
            continue;
        snprintf(memo, 64, "%s", w->memo);
        return open_way(w, root_fd, root_path, why.msg, ret, e);
    }
    return err_set(e, SHALE_UNSUPPORTED, "the storage driver %s does not work here: %s", name,
                   why.msg);
}
