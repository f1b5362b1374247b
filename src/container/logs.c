/* SPDX-License-Identifier: Apache-2.0 */
/* `logs`: the file that logwrite.h describes, read line by line, also while it grows. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/ctr.h"
#include "container/logwrite.h"

#define BLOCK_BYTES    (64u << 10)
#define LINE_MAX_BYTES (1u << 20)
#define FOLLOW_MS      50

struct reader {
    struct container_host *h;
    struct arena *a;
    struct ctr *c;
    const struct shale_logs_opts *o;
    int fd;
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

static int find_tail(struct reader *r, struct shale_err *e)
{
    if (r->o->tail < 0)
        return 0;
    r->line = count_line;
    int k = read_to_end(r, e);
    buf_reset(&r->b);
    memset(r->stream, 0, sizeof r->stream);
    if (k >= 0 && lseek(r->fd, 0, SEEK_SET) < 0)
        k = err_sys(e, "log of container %.12s", r->c->row.id);
    if (r->n_lines > (uint64_t)r->o->tail)
        r->skip = r->n_lines - (uint64_t)r->o->tail;
    return k;
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
        int k = read_to_end(r, e);
        if (k < 0 || ended || over)
            return k;
        poll(NULL, 0, FOLLOW_MS);
    }
}

int container_logs(struct container_host *h, const char *container, const struct shale_logs_opts *o,
                   struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    struct reader r = {
        .h = h, .a = &a, .c = &c, .o = o, .b = BUF_INIT(LINE_MAX_BYTES + 2 * BLOCK_BYTES)};
    int k = ctr_find(h, container, &a, &c, e);

    if (k < 0)
        return k;
    const char *path = ctr_path(&c, &a, "ctr.log");
    if (!path)
        return err_nomem(e);
    r.fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
    if (r.fd < 0 && errno == ENOENT) /* never started */
        return 0;
    if (r.fd < 0)
        return err_sys(e, "%s", path);
    k = find_tail(&r, e);
    r.line = give_line;
    if (k >= 0)
        k = o->follow && ctr_is_live(&c) ? follow(&r, e) : read_to_end(&r, e);
    close(r.fd);
    buf_clear(&r.b);
    return k < 0 ? k : 0;
}
