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
#include "base/time.h"

struct tmp {
    char path[64];
    int fd;
};

static inline struct tmp tmp_make(void)
{
    struct tmp t = {.path = "/tmp/shale-unit-XXXXXX", .fd = -1};
    if (!mkdtemp(t.path) || (t.fd = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        abort();
    return t;
}

static inline void tmp_clear(struct tmp *t)
{
    if (t->fd < 0)
        return;
    close(t->fd);
    fs_remove_tree(AT_FDCWD, t->path, NULL);
}

static inline void tmp_write(const struct tmp *t, const char *name, const char *text)
{
    struct shale_err e = SHALE_ERR_INIT;
    if (fs_write_atomic(t->fd, name, text, strlen(text), 0644, false, &e) < 0)
        fail_msg("%s", e.msg);
}

/* "<folder>/<name>" in ret. */
static inline const char *tmp_path(const struct tmp *t, const char *name, char ret[128])
{
    snprintf(ret, 128, "%s/%s", t->path, name);
    return ret;
}

#define _cleanup_tmp_ __attribute__((cleanup(tmp_clear)))

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct shale_err _e = SHALE_ERR_INIT, *err = &_e;                                          \
        int _r = (call);                                                                           \
        if (_r < 0)                                                                                \
            fail_msg("%s: %s", #call, _e.msg);                                                     \
    } while (0)
