/* SPDX-License-Identifier: Apache-2.0 */
/* `logs`: the files that logwrite.h and logrotate.h describe, read line by line, also while they
 * grow. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/ctr.h"
#include "container/logrotate.h"
#include "container/logwrite.h"

#define BLOCK_BYTES    (64u << 10)
#define LINE_MAX_BYTES (1u << 20)
#define FOLLOW_MS      50
#define PATH_BYTES     8192
#define OWN_BYTES      (1u << 20)

struct reader {
    struct container_host *h;
    struct arena *a;
    struct ctr *c;
    const struct shale_logs_opts *o;
    const char *path; /* of the newest file; this and what follows outlive `a` */
    int *fds;         /* the files, newest first; the one that is read is the last one */
    size_t n_fds;
    ino_t inode;   /* of the newest one that was opened; 0: none */
    int fd;        /* that is read */
    struct buf b;  /* bytes of a line that is not complete yet */
    uint64_t skip; /* lines to pass over, for `tail` */
    struct {
        bool open; /* its last line is not complete yet */
        bool skipped;
    } stream[2];
    int (*line)(struct reader *r, const struct logline *l, struct shale_err *e);
    uint64_t n_lines; /* seen, the last one of a stream may lack its end */
};

static bool in_time(const struct reader *r, const struct logline *l)
{
    if (r->o->since_ns != SHALE_TIME_NONE && l->time_ns < r->o->since_ns)
        return false;
    return r->o->until_ns == SHALE_TIME_NONE || l->time_ns <= r->o->until_ns;
}

/* True for the first piece of a line. */
static bool begins_line(struct reader *r, const struct logline *l)
{
    bool first = !r->stream[l->stream - 1].open;

    r->stream[l->stream - 1].open = !l->complete;
    return first;
}

static int count_line(struct reader *r, const struct logline *l, struct shale_err *e)
{
    if (in_time(r, l))
        r->n_lines += begins_line(r, l);
    return 0;
}

static int give_line(struct reader *r, const struct logline *l, struct shale_err *e)
{
    char *text;
    int k;

    if (!in_time(r, l))
        return 0;
    if (begins_line(r, l)) {
        r->stream[l->stream - 1].skipped = r->skip > 0;
        r->skip -= r->skip > 0;
    }
    if (r->stream[l->stream - 1].skipped)
        return 0;
    if (!l->complete)
        return r->o->on_data(r->o->arg, l->stream, l->time_ns, l->text.p, l->text.n);
    text = mem_alloc(l->text.n + 1); /* with the newline that belongs to it */
    if (!text)
        return err_nomem(e);
    memcpy(text, l->text.p, l->text.n);
    text[l->text.n] = '\n';
    k = r->o->on_data(r->o->arg, l->stream, l->time_ns, text, l->text.n + 1);
    free(text);
    return k;
}

/* Hands out the complete lines of r->b. */
static int take_lines(struct reader *r, struct shale_err *e)
{
    size_t at = 0;
    int k = 0;

    while (k >= 0) {
        const char *nl = memchr(r->b.p + at, '\n', r->b.n - at);
        struct logline l;
        if (!nl)
            break;
        struct str line = {r->b.p + at, (size_t)(nl - r->b.p) - at};
        at += line.n + 1;
        if (logline_parse(line, &l))
            k = r->line(r, &l, e);
    }
    buf_drop(&r->b, at);
    if (r->b.n > LINE_MAX_BYTES) /* no line of ours */
        buf_reset(&r->b);
    return k;
}

static int read_to_end(struct reader *r, struct shale_err *e)
{
    for (;;) {
        char *p = buf_room(&r->b, BLOCK_BYTES);
        size_t n;
        int k = p ? cancel_check(r->h->cancel, e) : err_nomem(e);
        if (k < 0)
            return k;
        if (sys_read_full(r->fd, p, BLOCK_BYTES, &n) < 0)
            return err_sys(e, "log of container %.12s", r->c->row.id);
        r->b.n += n;
        k = take_lines(r, e);
        if (k < 0 || n < BLOCK_BYTES)
            return k < 0 ? k : 0;
    }
}

/* ---- the files ---- */

static void close_files(struct reader *r)
{
    for (size_t i = 0; i < r->n_fds; i++)
        close(r->fds[i]);
    r->n_fds = 0;
}

/* What there is that is newer than r->inode. Newest first, because they grow older meanwhile: one
 * that is met again under its next name is left out. */
static int open_files(struct reader *r, struct shale_err *e)
{
    ino_t known = r->inode, last = 0;
    bool missed = false; /* one name may be missing for a moment, while they grow older */

    close_files(r);
    for (unsigned i = 0; i < LOG_MAX_FILES; i++) {
        char path[PATH_BYTES];
        struct stat st;
        (void)snprintf(path, sizeof path, i ? "%s.%u" : "%s", r->path, i);
        int fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
        if (fd < 0 && errno == ENOENT) {
            if (missed || i == 0)
                return 0;
            missed = true;
            continue;
        }
        if (fd < 0 || fstat(fd, &st) < 0) {
            if (fd >= 0)
                close(fd);
            return err_sys(e, "%s", path);
        }
        if (st.st_ino == known || st.st_ino == last) {
            close(fd);
            if (st.st_ino == known)
                return 0;
            continue;
        }
        if (r->n_fds == 0)
            r->inode = st.st_ino;
        last = st.st_ino;
        r->fds[r->n_fds++] = fd;
    }
    return 0;
}

/* All that is open, oldest first. The newest one stays r->fd. */
static int read_files(struct reader *r, struct shale_err *e)
{
    int k = 0;

    for (size_t i = r->n_fds; i > 0 && k >= 0; i--) {
        r->fd = r->fds[i - 1];
        k = read_to_end(r, e);
    }
    return k;
}

static int find_tail(struct reader *r, struct shale_err *e)
{
    if (r->o->tail < 0)
        return 0;
    r->line = count_line;
    int k = read_files(r, e);
    buf_reset(&r->b);
    memset(r->stream, 0, sizeof r->stream);
    for (size_t i = 0; i < r->n_fds && k >= 0; i++)
        if (lseek(r->fds[i], 0, SEEK_SET) < 0)
            k = err_sys(e, "log of container %.12s", r->c->row.id);
    if (r->n_lines > (uint64_t)r->o->tail)
        r->skip = r->n_lines - (uint64_t)r->o->tail;
    return k;
}

/* Has another file taken the place of the one that is read? */
static bool is_rotated(const struct reader *r)
{
    struct stat st;

    return r->inode && stat(r->path, &st) == 0 && st.st_ino != r->inode;
}

/* What has been written since; what conmon writes to a file it has left by then. */
static int read_on(struct reader *r, struct shale_err *e)
{
    bool rotated = is_rotated(r);
    int k = r->n_fds ? read_to_end(r, e) : 0;

    if (k < 0 || !rotated)
        return k;
    k = open_files(r, e);
    return k < 0 ? k : read_files(r, e);
}

/* Nothing that is still to come would be shown. */
static bool is_over(const struct reader *r)
{
    return r->o->until_ns != SHALE_TIME_NONE && time_now_ns() > r->o->until_ns;
}

static int follow(struct reader *r, struct shale_err *e)
{
    for (;;) {
        bool over = is_over(r);
        /* asked before reading: what was written before its end is then read */
        int ended = ctr_look(r->h, r->a, r->c, NULL) < 0 ||
                    ctr_refresh(r->h, r->a, r->c, NULL) < 0 || !ctr_is_live(r->c);
        int k = read_on(r, e);
        if (k < 0 || ended || over)
            return k;
        poll(NULL, 0, FOLLOW_MS);
    }
}

static int read_log(struct reader *r, struct shale_err *e)
{
    int k = open_files(r, e);

    if (k < 0 || r->n_fds == 0) /* never started */
        return k;
    k = find_tail(r, e);
    r->line = give_line;
    if (k >= 0)
        k = read_files(r, e);
    return k >= 0 && r->o->follow && ctr_is_live(r->c) ? follow(r, e) : k;
}

int container_logs(struct container_host *h, const char *container, const struct shale_logs_opts *o,
                   struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_(arena_clear) struct arena own =
        ARENA_INIT(OWN_BYTES); /* `a` is made anew at a look */
    struct ctr c;
    struct reader r = {
        .h = h, .a = &a, .c = &c, .o = o, .b = BUF_INIT(LINE_MAX_BYTES + 2 * BLOCK_BYTES)};
    int k = ctr_find(h, container, &a, &c, e);

    if (k < 0)
        return k;
    if (logrotate_value(&c.conf).none)
        return err_set(e, SHALE_UNSUPPORTED, "configured logging driver does not support reading");
    r.path = ctr_path(&c, &own, "ctr.log");
    r.fds = arena_array(&own, LOG_MAX_FILES, sizeof *r.fds);
    if (!r.path || !r.fds)
        return err_nomem(e);
    k = read_log(&r, e);
    close_files(&r);
    buf_clear(&r.b);
    return k < 0 ? k : 0;
}
