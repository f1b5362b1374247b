/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the tests of this folder share: cmocka, and a folder of their own that goes when the test
 * ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"

struct tmp {
    char path[64];
    int fd;
};

static inline struct tmp tmp_make(void)
{
    struct tmp t = {.path = "/tmp/shale-test-XXXXXX"};

    if (!mkdtemp(t.path))
        fail_msg("mkdtemp");
    t.fd = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(t.fd >= 0);
    return t;
}

static inline void tmp_remove(struct tmp *t)
{
    close(t->fd);
    (void)fs_remove_tree(AT_FDCWD, t->path, NULL);
}

#define TMP_DIR(name) _cleanup_(tmp_remove) struct tmp name = tmp_make()

static inline void put_file(int dirfd, const char *path, const char *text)
{
    _cleanup_close_ int fd = sys_openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(sys_write_all(fd, text, strlen(text)), 0);
}

static inline void skip_loudly(const char *why)
{
    fprintf(stderr, "SKIP: %s\n", why);
    skip();
}
