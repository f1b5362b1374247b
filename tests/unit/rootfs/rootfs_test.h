/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by the tests of this folder: a temporary folder, layers from a line of text each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "rootfs/toc.h"
#include "rootfs/tree.h"

struct tmp_dir {
    char path[64];
    int fd;
};

static inline struct tmp_dir tmp_open(void)
{
    struct tmp_dir t = {"/var/tmp/shale-test-XXXXXX", -1};

    assert_non_null(mkdtemp(t.path));
    t.fd = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(t.fd >= 0);
    return t;
}
static inline void tmp_close(struct tmp_dir *t)
{
    close(t->fd);
    fs_remove_tree(AT_FDCWD, t->path, NULL);
}
#define TMP_DIR(t) _cleanup_(tmp_close) struct tmp_dir t = tmp_open()

/* One member from "KIND PATH [LINK]": d f l(symlink) h(ard link) c b p; w is a device 0:0. */
static inline struct tar_entry entry_of(const char *line, char buf[2][TAR_MAX_PATH_BYTES + 1])
{
    static const char kinds[] = {
        [TAR_REG] = 'f',      [TAR_HARDLINK] = 'h', [TAR_SYMLINK] = 'l', [TAR_CHAR] = 'c',
        [TAR_BLOCKDEV] = 'b', [TAR_DIR] = 'd',      [TAR_FIFO] = 'p'};
    struct tar_entry x = {.mode = 0644};
    char kind = 0;

    buf[0][0] = buf[1][0] = 0;
    assert_true(sscanf(line, "%c %4095s %4095s", &kind, buf[0], buf[1]) >= 1);
    const char *k = memchr(kinds, kind == 'w' ? 'c' : kind, sizeof kinds);
    assert_non_null(k);
    x.type = (enum tar_type)(k - kinds);
    if (kind == 'c' || kind == 'b')
        x.dev_major = 1, x.dev_minor = 3;
    x.path = str_of(streq(buf[0], ".") ? "" : buf[0]);
    x.link = str_of(buf[1]);
    return x;
}

static inline int add_lines(struct toc_writer *w, const char *lines)
{
    char buf[2][TAR_MAX_PATH_BYTES + 1], line[2 * TAR_MAX_PATH_BYTES];
    struct str rest = str_of(lines), one;
    struct toc_stats stats;

    while (str_split(&rest, '\n', &one)) {
        if (one.n == 0)
            continue;
        snprintf(line, sizeof line, "%.*s", (int)one.n, one.p);
        struct tar_entry x = entry_of(line, buf);
        assert_int_equal(toc_add(w, &x, NULL), 0);
    }
    return toc_finish(w, &stats, NULL);
}

/* A toc of members, one a line. */
static inline struct toc *toc_of(int dirfd, const char *name, const char *lines)
{
    struct toc_writer *w = NULL;
    struct toc *t = NULL;

    assert_int_equal(toc_create(dirfd, name, &w, NULL), 0);
    assert_int_equal(add_lines(w, lines), 0);
    toc_writer_free(w);
    assert_int_equal(toc_open(dirfd, name, &t, NULL), 0);
    return t;
}

/* Is the file of that name the toc of these members? */
static inline int compare_with(int dirfd, const char *name, const char *lines)
{
    struct toc_writer *w = NULL;
    int r = toc_compare(dirfd, name, &w, NULL);

    if (r >= 0)
        r = add_lines(w, lines);
    toc_writer_free(w);
    return r;
}

static inline void toc_closep(struct toc **t)
{
    toc_close(*t);
}
static inline void tree_freep(struct tree **t)
{
    tree_free(*t);
}
