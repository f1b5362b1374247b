/* SPDX-License-Identifier: Apache-2.0 */
#include "container/logrotate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/time.h"

#define LOOK_MS       500
#define NAME_BYTES    32
#define TMP_NAME      "ctr.log.next"
#define TELL_AGAIN_NS (10 * NS_PER_S)

struct log_value logrotate_value(const struct conf *f)
{
    struct log_value v = {.n_files = 1};

    (void)log_value(f->log_driver, &f->log_opts, &v, NULL); /* looked at when it was made */
    return v;
}

bool logrotate_is_wanted(const struct conf *f)
{
    return logrotate_value(f).max_bytes > 0;
}

int64_t logrotate_wait_ms(const struct conf *f)
{
    return logrotate_is_wanted(f) ? LOOK_MS : -1;
}

static void name_of(unsigned i, char ret[NAME_BYTES])
{
    (void)snprintf(ret, NAME_BYTES, i ? "ctr.log.%u" : "ctr.log", i);
}

/* conmon's control pipe: 2 is "open the log anew". It replaces ctr.log. 0: not now, it has not read
 * yet what it was told before. */
static int tell_conmon(int dir)
{
    static const char line[] = "2 0 0\n";
    _cleanup_close_ int fd = sys_openat(dir, "ctl", O_WRONLY | O_NONBLOCK, 0);
    int unread = 0;

    if (fd < 0)
        return -1;
    if (ioctl(fd, FIONREAD, &unread) == 0 && unread > 0)
        return 0;
    return sys_write_all(fd, line, sizeof line - 1) < 0 ? -1 : 1;
}

/* `from` is then called `to`, too, whatever `to` was. */
static int put_in_place(int dir, const char *from, const char *to)
{
    int r;

    (void)sys_unlinkat(dir, TMP_NAME, 0); /* of one who was interrupted */
    if (sys_linkat(dir, from, dir, TMP_NAME) < 0)
        return -1;
    r = sys_renameat(dir, TMP_NAME, dir, to);
    (void)sys_unlinkat(dir, TMP_NAME, 0); /* there still when both are the same file */
    return r;
}

static int shift(int dir, unsigned n_files)
{
    char from[NAME_BYTES], to[NAME_BYTES];

    for (unsigned i = n_files - 1; i > 0; i--) {
        name_of(i - 1, from);
        name_of(i, to);
        if (put_in_place(dir, from, to) < 0 && (errno != ENOENT || i == 1))
            return -1;
    }
    return 0;
}

static bool is_same(int dir, const struct stat *now)
{
    struct stat st;

    return fstatat(dir, "ctr.log.1", &st, 0) == 0 && st.st_ino == now->st_ino;
}

void logrotate_look(struct logrotate *l, const struct ctr *c)
{
    struct log_value v = logrotate_value(&c->conf);
    _cleanup_close_ int dir = -1;
    struct stat st;
    int r;

    if (v.max_bytes <= 0)
        return;
    dir = sys_openat(AT_FDCWD, c->dir, O_PATH | O_DIRECTORY, 0);
    if (dir < 0 || fstatat(dir, "ctr.log", &st, 0) < 0 || st.st_size < v.max_bytes)
        return;
    /* Told twice, it would throw away what it has written to the new file in between. */
    if (l->told == st.st_ino && time_mono_ns() - l->told_ns < TELL_AGAIN_NS)
        return;
    /* The same when conmon has not come to it yet, or was not told. */
    if (!is_same(dir, &st) && shift(dir, v.n_files) < 0) {
        log_debug("log of container %.12s: cannot be rotated", c->row.id);
        return;
    }
    r = tell_conmon(dir);
    if (r < 0)
        log_debug("log of container %.12s: conmon cannot be told", c->row.id);
    if (r > 0)
        *l = (struct logrotate){st.st_ino, time_mono_ns()};
}
