/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drivers of the root file system for the conformance suite, without a store around them:
 *
 *   rootfs_tool store ROOT TAR…                takes layers in, prints their diffIDs
 *   rootfs_tool prepare ROOT DRIVER DIFFID…    DRIVER: erofs, erofs-file, erofs-loop, dir
 *   rootfs_tool mount ROOT DRIVER TARGET UPPER|- WORK|- DIFFID…
 *   rootfs_tool umount ROOT DRIVER TARGET
 *   rootfs_tool verify|remove ROOT DRIVER DIFFID…
 *   rootfs_tool list FOLDER                    all that can be compared, a line for each name
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "model/chain.h"
#include "rootfs/rootfs.h"
#include "rootfs/toc.h"
#include "tar/tar.h"

#define MAX_LAYERS 600
#define HEAD_BYTES (1u << 20) /* of huge files: this much of both ends is hashed */
#define HUGE_BYTES (1ull << 30)

/* ---- store ---- */

/* The bytes of a hole from here on; of files that are not huge, none. */
static uint64_t hole_here(int fd)
{
    struct stat st;
    off_t at = lseek(fd, 0, SEEK_CUR);

    if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < HUGE_BYTES)
        return 0;
    off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0)
        data = st.st_size;
    (void)lseek(fd, data, SEEK_SET);
    return (uint64_t)(data - at);
}

/* The reader gets its zeros; the hash, which is only a name here, their number. */
static int feed_hole(uint64_t n, struct tar_reader *t, struct hash *h, struct shale_err *e)
{
    static const char zeros[HEAD_BYTES];
    int r = 0;

    if (n > 0)
        hash_update(h, &n, sizeof n);
    for (size_t k; r >= 0 && n > 0; n -= k) {
        k = n < sizeof zeros ? (size_t)n : sizeof zeros;
        r = tar_reader_feed(t, zeros, k, e);
    }
    return r;
}

static int read_tar(int fd, struct toc_writer *w, struct hash *h, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(HEAD_BYTES);
    struct tar_reader *t = NULL;
    size_t n = 1;
    int r = block ? tar_reader_new(toc_add, w, &t, e) : err_nomem(e);

    while (r >= 0 && n > 0) {
        r = feed_hole(hole_here(fd), t, h, e);
        if (r >= 0 && sys_read_full(fd, block, HEAD_BYTES, &n) < 0)
            r = err_sys(e, "tar");
        hash_update(h, block, n);
        if (r >= 0)
            r = tar_reader_feed(t, block, n, e);
    }
    if (r >= 0)
        r = tar_reader_end(t, e);
    tar_reader_free(t);
    return r;
}

static int do_store(int root, const char *tar, struct shale_err *e)
{
    struct hash h = {0};
    struct toc_writer *w = NULL;
    struct toc_stats stats;
    struct digest d;
    char folder[256];
    _cleanup_close_ int fd = open(tar, O_RDONLY | O_CLOEXEC);
    int r = fs_mkdir_p(root, "layers/new", 0755, e);

    if (r >= 0)
        r = fd < 0 ? err_sys(e, "%s", tar) : toc_create(root, "layers/new/toc", &w, e);
    if (r >= 0)
        r = hash_init(&h, HASH_SHA256, e);
    if (r >= 0)
        r = read_tar(fd, w, &h, e);
    if (r >= 0)
        r = toc_finish(w, &stats, e);
    toc_writer_free(w);
    if (r < 0) {
        hash_clear(&h);
        return r;
    }
    digest_of_hash(&h, &d);
    hash_clear(&h);
    snprintf(folder, sizeof folder, "layers/%s", digest_hex(&d));
    if (fs_exists(root, folder)) {
        r = fs_remove_tree(root, "layers/new", e);
    } else {
        if (sys_linkat(AT_FDCWD, tar, root, "layers/new/layer.tar") < 0)
            return err_sys(e, "%s", tar);
        r = sys_renameat(root, "layers/new", root, folder) < 0 ? err_sys(e, "%s", folder) : 0;
    }
    if (r >= 0)
        printf("%s\n", d.s);
    return r;
}

static int store_all(int root, char **tars, int n, struct shale_err *e)
{
    int r = n > 0 ? 0 : err_set(e, SHALE_INVALID, "which TAR?");

    for (int i = 0; r >= 0 && i < n; i++)
        r = do_store(root, tars[i], e);
    return r;
}

/* ---- drivers ---- */

static int open_driver(int root, const char *path, const char *name, struct rootfs_driver **ret,
                       struct shale_err *e)
{
    char memo[64] = "";

    if (str_has_prefix(name, "erofs-")) { /* this way of mounting, without asking */
        snprintf(memo, sizeof memo, "erofs %.20s", name + 6);
        name = "";
    }
    return rootfs_open(root, path, name, memo, ret, e);
}

static int parse_layers(char **names, int n, struct rootfs_layer *ret, struct rootfs_image *img,
                        struct shale_err *e)
{
    struct digest none = {""};
    int r = n > MAX_LAYERS ? err_set(e, SHALE_LIMIT, "too many layers") : 0;

    for (int i = 0; r >= 0 && i < n; i++) {
        r = digest_parse(names[i], &ret[i].diff_id, e);
        if (r >= 0)
            r = chain_next(i ? &ret[i - 1].chain_id : &none, &ret[i].diff_id, &ret[i].chain_id, e);
    }
    *img = (struct rootfs_image){ret, (size_t)n};
    return r;
}

static const char *dash(const char *s)
{
    return streq(s, "-") ? NULL : s;
}

static int on_driver(const char *what, int root, char **args, int n, struct shale_err *e)
{
    static struct rootfs_layer layers[MAX_LAYERS];
    struct rootfs_driver *d = NULL;
    struct rootfs_image img;
    bool mounts = streq(what, "mount"), umounts = streq(what, "umount");
    int skip = mounts ? 5 : umounts ? 3 : 2;

    if (n < skip)
        return err_set(e, SHALE_INVALID, "arguments are missing");
    int r = parse_layers(args + skip, n - skip, layers, &img, e);
    if (r >= 0)
        r = open_driver(root, args[0], args[1], &d, e);
    if (r < 0)
        return r;
    if (mounts)
        r = d->ops->mount(
            d, &img, args[2],
            dash(args[3]) ? &(struct rootfs_writable){dash(args[3]), dash(args[4]), false} : NULL,
            e);
    else if (umounts)
        r = d->ops->umount(d, args[2], e);
    else if (streq(what, "prepare"))
        r = d->ops->prepare(d, &img, NULL, e);
    else if (streq(what, "verify"))
        r = d->ops->verify(d, &img, NULL, e);
    else if (streq(what, "remove"))
        r = d->ops->remove(d, &layers[n - skip - 1].chain_id, e);
    else
        r = err_set(e, SHALE_INVALID, "no such command");
    d->ops->close(d);
    return r;
}

/* ---- list ---- */

struct link_group {
    ino_t ino;
    char *first;
};
static struct link_group groups[4096];
static size_t n_groups;

static const char *group_of(const struct stat *st, const char *path)
{
    if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
        return "-";
    for (size_t i = 0; i < n_groups; i++)
        if (groups[i].ino == st->st_ino)
            return groups[i].first;
    if (n_groups == ARRAY_SIZE(groups))
        return "too many links";
    groups[n_groups] = (struct link_group){st->st_ino, mem_strdup(path)};
    return groups[n_groups++].first;
}

static void print_text(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        printf(c > ' ' && c < 0x7f && c != '%' ? "%c" : "%%%02x", c);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_xattrs(const char *path)
{
    static char names[65536], value[65536 + 1];
    char *v[1024];
    size_t count = 0;
    ssize_t n = llistxattr(path, names, sizeof names);

    for (char *p = names; n > 0 && p < names + n && count < 1024; p += strlen(p) + 1)
        v[count++] = p;
    qsort(v, count, sizeof *v, by_text);
    for (size_t i = 0; i < count; i++) {
        ssize_t k = lgetxattr(path, v[i], value, sizeof value);
        printf(" %s=", v[i]);
        print_text(value, k > 0 ? (size_t)k : 0);
    }
}

static int hash_range(struct hash *h, int fd, uint64_t at, uint64_t n)
{
    static char block[65536];
    size_t got;

    while (n > 0) {
        if (sys_pread_full(fd, block, n < sizeof block ? (size_t)n : sizeof block, at, &got) < 0)
            return -1;
        if (got == 0)
            return 0;
        hash_update(h, block, got);
        at += got;
        n -= got;
    }
    return 0;
}

static void print_content(const char *path, const struct stat *st)
{
    char hex[HASH_MAX_HEX + 1], target[4097];
    uint64_t size = (uint64_t)st->st_size;

    if (S_ISLNK(st->st_mode)) {
        ssize_t n = readlink(path, target, sizeof target);
        printf(" -> ");
        print_text(target, n > 0 ? (size_t)n : 0);
    }
    if (!S_ISREG(st->st_mode))
        return;
    struct hash h = {0};
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || hash_init(&h, HASH_SHA256, NULL) < 0) {
        printf(" unreadable");
        return;
    }
    int r = hash_range(&h, fd, 0, size > HUGE_BYTES ? HEAD_BYTES : size);
    if (r >= 0 && size > HUGE_BYTES)
        r = hash_range(&h, fd, size - HEAD_BYTES, HEAD_BYTES);
    hash_hex(&h, hex);
    hash_clear(&h);
    printf(" %s", r < 0 ? "unreadable" : hex);
}

static void print_one(const char *path, const struct stat *st)
{
    static const char kinds[] = "?pc?d?b?-?l?s???";

    print_text(path, strlen(path));
    printf(" %c%04o %u:%u", kinds[(st->st_mode & S_IFMT) >> 12], st->st_mode & 07777, st->st_uid,
           st->st_gid);
    if (S_ISREG(st->st_mode))
        printf(" %llu", (unsigned long long)st->st_size);
    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
        printf(" %u,%u", major(st->st_rdev), minor(st->st_rdev));
    printf(" %lld.%09ld links=", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    const char *group = group_of(st, path);
    print_text(group, strlen(group));
    if (!S_ISDIR(st->st_mode))
        printf(":%lu", (unsigned long)st->st_nlink);
    print_content(path, st);
    print_xattrs(path);
    putchar('\n');
}

/* The order of names is what strcmp says. Paths are relative to the folder, which is the working
 * directory. */
static int list(const char *path)
{
    struct dirent **v;
    struct stat st;

    if (lstat(path, &st) < 0)
        return -1;
    print_one(path, &st);
    if (!S_ISDIR(st.st_mode))
        return 0;
    int n = scandir(path, &v, NULL, NULL), r = n < 0 ? -1 : 0;
    for (int i = 1; i < n; i++) /* few names in a folder */
        for (int k = i; k > 0 && strcmp(v[k - 1]->d_name, v[k]->d_name) > 0; k--) {
            struct dirent *x = v[k];
            v[k] = v[k - 1];
            v[k - 1] = x;
        }
    for (int i = 0; i < n; i++) {
        if (!streq(v[i]->d_name, ".") && !streq(v[i]->d_name, "..")) {
            char *child = mem_printf("%s/%s", path, v[i]->d_name);
            if (!child || list(child) < 0)
                r = -1;
            free(child);
        }
        free(v[i]);
    }
    free(v);
    return r;
}

int main(int argc, char **argv)
{
    struct shale_err e = SHALE_ERR_INIT;
    int r;

    if (argc < 3) {
        fprintf(stderr, "usage: rootfs_tool COMMAND ROOT …\n");
        return 2;
    }
    if (streq(argv[1], "list")) {
        if (chdir(argv[2]) < 0 || list(".") < 0) {
            perror(argv[2]);
            return 1;
        }
        for (size_t i = 0; i < n_groups; i++)
            free(groups[i].first);
        return 0;
    }
    _cleanup_close_ int root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        r = err_sys(&e, "%s", argv[2]);
    else if (streq(argv[1], "store"))
        r = store_all(root, argv + 3, argc - 3, &e);
    else
        r = on_driver(argv[1], root, argv + 2, argc - 2, &e);
    if (r < 0)
        fprintf(stderr, "rootfs_tool: %s: %s\n", err_name(e.code), e.msg);
    return r < 0;
}
