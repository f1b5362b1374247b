/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the journal, also while it grows. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "store/events.h"
#include "store/events_priv.h"
#include "store/store_priv.h"

#define BLOCK_BYTES (64u << 10)
#define LINE_MAX    (2 * EVENTS_LINE_BYTES)
#define ARENA_MAX   (16u << 20)
#define LOOK_MS     100 /* without inotify */
#define WAKE_MS     500 /* at the latest: somebody may have asked to stop */

/* ---- one line ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct shale_kv *)a)->key, ((const struct shale_kv *)b)->key);
}

static int take_attributes(json_t *o, struct arena *a, struct shale_event *ret)
{
    struct shale_kv *v = arena_array(a, json_object_size(o) + 1, sizeof *v);
    const char *key;
    json_t *value;
    size_t n = 0;

    if (!v)
        return -SHALE_NO_MEMORY;
    json_object_foreach(o, key, value)
    {
        if (!json_is_string(value))
            continue;
        v[n] = (struct shale_kv){arena_strdup(a, key), arena_strdup(a, json_string_value(value))};
        if (!v[n].key || !v[n].value)
            return -SHALE_NO_MEMORY;
        n++;
    }
    if (n)
        qsort(v, n, sizeof *v, by_key);
    ret->attributes = v;
    ret->n_attributes = n;
    return 1;
}

/* The number in front of a line; *ret_n are its bytes and the blank. */
static bool take_time(const char *line, size_t n, int64_t *ret, size_t *ret_n)
{
    char number[24];
    const char *blank = memchr(line, ' ', n < sizeof number ? n : sizeof number);

    if (!blank)
        return false;
    memcpy(number, line, (size_t)(blank - line));
    number[blank - line] = 0;
    *ret_n = (size_t)(blank - line) + 1;
    return str_to_i64(number, ret);
}

int event_parse(const char *line, size_t n, struct arena *a, struct shale_event *ret)
{
    _cleanup_json_ json_t *j = NULL;
    struct shale_event ev = {0};
    size_t skip;

    if (n > LINE_MAX || !take_time(line, n, &ev.time_ns, &skip) ||
        json_parse(line + skip, n - skip, LINE_MAX, &j, NULL) < 0)
        return 0;
    const char *type = json_string_value(json_object_get(j, "Type"));
    const char *action = json_string_value(json_object_get(j, "Action"));
    const char *id = json_string_value(json_object_get(j, "ID"));
    json_t *attributes = json_object_get(j, "Attributes");
    if (!type || !action || !id || !json_is_object(attributes))
        return 0;
    ev.type = arena_strdup(a, type);
    ev.action = arena_strdup(a, action);
    ev.id = arena_strdup(a, id);
    if (!ev.type || !ev.action || !ev.id)
        return -SHALE_NO_MEMORY;
    int r = take_attributes(attributes, a, &ev);
    if (r == 1)
        *ret = ev;
    return r;
}

/* ---- a file, from where it has been read to ---- */

struct reader {
    struct shale_events_opts o;
    struct cancel *cancel;
    const struct event_filter *filter;
    struct arena a; /* of one event */
    struct buf b;   /* of a line that is not complete yet */
    bool skip;      /* up to the next end of a line */
    int dir, fd;
    bool follows; /* what happens later, too */
    int watch;    /* inotify; -1: none */
};

static void reader_clear(struct reader *r)
{
    if (r->watch >= 0)
        close(r->watch);
    if (r->fd >= 0)
        close(r->fd);
    if (r->dir >= 0)
        close(r->dir);
    buf_clear(&r->b);
    arena_clear(&r->a);
}

static int give(struct reader *r, struct str line, struct shale_err *e)
{
    struct shale_event ev;
    int64_t when;
    size_t n;
    int k;

    if (!take_time(line.p, line.n, &when, &n))
        return 0;
    if ((r->o.since_ns != SHALE_TIME_NONE && when < r->o.since_ns) ||
        (r->o.until_ns != SHALE_TIME_NONE && when > r->o.until_ns))
        return 0;
    arena_clear(&r->a);
    k = event_parse(line.p, line.n, &r->a, &ev);
    if (k < 0)
        return err_nomem(e);
    return k == 0 || !event_filter_match(r->filter, &ev) ? 0 : r->o.on_event(r->o.arg, &ev);
}

static int take_lines(struct reader *r, struct shale_err *e)
{
    size_t at = 0;
    int k = 0;

    while (k >= 0) {
        const char *nl = memchr(r->b.p + at, '\n', r->b.n - at);
        if (!nl)
            break;
        struct str line = {r->b.p + at, (size_t)(nl - r->b.p) - at};
        at += line.n + 1;
        if (!r->skip)
            k = give(r, line, e);
        r->skip = false;
    }
    buf_drop(&r->b, at);
    if (r->b.n > LINE_MAX) { /* no line of ours */
        buf_reset(&r->b);
        r->skip = true;
    }
    return k < 0 ? k : 0;
}

static int read_to_end(struct reader *r, struct shale_err *e)
{
    size_t n = BLOCK_BYTES;

    while (r->fd >= 0 && n == BLOCK_BYTES) {
        char *p = buf_room(&r->b, BLOCK_BYTES);
        int k = p ? cancel_check(r->cancel, e) : err_nomem(e);
        if (k < 0)
            return k;
        if (sys_read_full(r->fd, p, BLOCK_BYTES, &n) < 0)
            return err_sys(e, "read the journal of events");
        r->b.n += n;
        k = take_lines(r, e);
        if (k < 0)
            return k;
    }
    return 0;
}

/* ---- the two files ---- */

static bool same_file(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void change_file(struct reader *r, int fd)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = fd;
    r->skip = false;
    buf_reset(&r->b);
}

/* The file to go on with: -1 none yet, otherwise open at its beginning. */
static int open_file(const struct reader *r, const char *name)
{
    return sys_openat(r->dir, name, O_RDONLY | O_NOFOLLOW, 0);
}

/* Older ones first. `had`: the file that has been read already, -1: none. */
static int read_both(struct reader *r, int had, struct shale_err *e)
{
    _cleanup_close_ int log = open_file(r, EVENTS_LOG);
    _cleanup_close_ int old = open_file(r, EVENTS_OLD);
    int k = 0;

    if (old >= 0 && !(log >= 0 && same_file(old, log)) && !(had >= 0 && same_file(old, had))) {
        change_file(r, TAKE_FD(old));
        k = read_to_end(r, e);
    }
    change_file(r, TAKE_FD(log));
    return k < 0 ? k : read_to_end(r, e);
}

/* From now on: behind the last line. */
static int start_at_end(struct reader *r, struct shale_err *e)
{
    char last = '\n';

    change_file(r, open_file(r, EVENTS_LOG));
    if (r->fd < 0) { /* the one that will be made, and nothing out of the one before */
        r->o.since_ns = time_now_ns();
        return 0;
    }
    off_t end = lseek(r->fd, 0, SEEK_END);
    if (end < 0 || (end > 0 && pread(r->fd, &last, 1, end - 1) != 1))
        return err_sys(e, "read the journal of events");
    r->skip = last != '\n';
    return 0;
}

static int read_more(struct reader *r, struct shale_err *e)
{
    _cleanup_close_ int now = -1, had = -1;
    int k = read_to_end(r, e);

    if (k < 0)
        return k;
    now = open_file(r, EVENTS_LOG);
    if (now < 0 || (r->fd >= 0 && same_file(r->fd, now)))
        return 0;
    /* Whoever wrote to it before it was put aside has done so: writers hold the lock. */
    k = read_to_end(r, e);
    had = TAKE_FD(r->fd);
    return k < 0 ? k : read_both(r, had, e);
}

/* ---- following ---- */

/* Milliseconds to wait; 0: the end has come. */
static int wait_ms(const struct reader *r)
{
    int64_t left, until = r->o.until_ns;

    if (until == SHALE_TIME_NONE)
        return WAKE_MS;
    if (__builtin_sub_overflow(until, time_now_ns(), &left) || left > WAKE_MS * NS_PER_MS)
        return left < 0 && until < 0 ? 0 : WAKE_MS;
    return left < 0 ? 0 : (int)(left / NS_PER_MS) + 1;
}

static int follow(struct reader *r, struct shale_err *e)
{
    char drained[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

    for (;;) {
        struct pollfd p = {.fd = r->watch, .events = POLLIN};
        int ms = wait_ms(r);
        if (r->watch < 0 && ms > LOOK_MS)
            ms = LOOK_MS;
        if (ms > 0 && poll(&p, 1, ms) < 0 && errno != EINTR)
            return err_sys(e, "wait for events");
        int k = cancel_check(r->cancel, e);
        if (k < 0)
            return k;
        while (ms > 0 && r->watch >= 0 && read(r->watch, drained, sizeof drained) > 0)
            ;
        k = read_more(r, e);
        if (k < 0 || ms == 0)
            return k;
    }
}

static int begin_watch(struct reader *r, struct shale_err *e)
{
    if (wait_ms(r) == 0)
        return 0;
    r->follows = true;
    r->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (r->watch < 0 && errno == EMFILE)
        return 0; /* a user has few of them: then we look now and then */
    if (r->watch < 0)
        return err_sys(e, "watch the journal of events");
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", r->dir);
    if (inotify_add_watch(r->watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return err_sys(e, "watch the journal of events");
    return 0;
}

static int check_opts(const struct shale_events_opts *o, struct shale_err *e)
{
    if (!o->on_event)
        return err_set(e, SHALE_INVALID, "events: there is nobody to tell");
    if (o->since_ns != SHALE_TIME_NONE && o->until_ns != SHALE_TIME_NONE &&
        o->until_ns < o->since_ns)
        return err_set(e, SHALE_INVALID, "since time cannot be after until time");
    return 0;
}

int store_events(struct store *s, const struct shale_events_opts *o, struct cancel *c,
                 struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    _cleanup_(reader_clear) struct reader r = {
        .o = *o,
        .cancel = c,
        .a = ARENA_INIT(ARENA_MAX),
        .b = BUF_INIT(LINE_MAX + 2 * BLOCK_BYTES),
        .fd = -1,
        .watch = -1,
    };
    struct event_filter *filter = NULL;

    r.dir = -1;
    int k = check_opts(o, e);
    if (k >= 0)
        k = event_filter_new(o->filters, &a, &filter, e);
    if (k < 0)
        return k;
    r.filter = filter;
    r.dir = events_open_dir(s);
    if (r.dir < 0)
        return errno == ENOENT ? 0 : err_sys(e, "%s/" EVENTS_DIR, s->root);
    k = begin_watch(&r, e);
    if (k >= 0)
        k = o->since_ns != SHALE_TIME_NONE || !r.follows ? read_both(&r, -1, e)
                                                         : start_at_end(&r, e);
    return k < 0 || !r.follows ? k : follow(&r, e);
}
