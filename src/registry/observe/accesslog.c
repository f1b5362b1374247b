/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/observe/accesslog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"

#define PIECE_BYTES   4096 /* PIPE_BUF: a pipe that is ready takes that much without waiting */
#define FILE_BYTES    (256u << 10)
#define POLL_MS       100
#define CLOSE_WAIT_NS (2 * NS_PER_S)
#define NOTE_BYTES    256

/* ---- lines ---- */

struct line {
    char *p;
    size_t n, max; /* max: without the NUL */
};

static void add(struct line *l, const char *s, size_t n)
{
    if (n > l->max - l->n)
        n = l->max - l->n;
    memcpy(l->p + l->n, s, n);
    l->n += n;
}

static void adds(struct line *l, const char *s)
{
    add(l, s, strlen(s));
}

static void __attribute__((format(printf, 2, 3))) addf(struct line *l, const char *fmt, ...)
{
    char text[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    adds(l, text);
}

static size_t field_len(const char *s)
{
    return strnlen(s, ACCESSLOG_FIELD_BYTES);
}

/* Text of the combined format; "-" without one. `bare`: not within quotes, so blanks are escaped.
 */
static void add_text(struct line *l, const char *s, bool bare)
{
    size_t n = s ? field_len(s) : 0;

    if (n == 0)
        adds(l, "-");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < ' ' || c >= 0x7f || c == '"' || c == '\\' || (bare && c == ' '))
            addf(l, "\\x%02X", c);
        else
            add(l, s + i, 1);
    }
}

static void add_json(struct line *l, const char *name, const char *s)
{
    size_t n = s ? field_len(s) : 0;

    if (!s)
        return;
    while (n > 0 && n == ACCESSLOG_FIELD_BYTES && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    bool utf8 = str_is_utf8(s, n);
    addf(l, ",\"%s\":\"", name);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < ' ' || c == 0x7f)
            addf(l, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            addf(l, "\\%c", c);
        else if (c >= 0x80 && !utf8)
            adds(l, "\\ufffd");
        else
            add(l, s + i, 1);
    }
    adds(l, "\"");
}

static void text_line(struct line *l, const struct accesslog_entry *x)
{
    time_t s = x->begin_ns / NS_PER_S;
    struct tm tm;
    char at[64];

    gmtime_r(&s, &tm);
    strftime(at, sizeof at, "%d/%b/%Y:%H:%M:%S +0000", &tm);
    add_text(l, x->peer, true);
    adds(l, " - ");
    add_text(l, x->user, true);
    addf(l, " [%s] \"", at);
    add_text(l, x->method, false);
    adds(l, " ");
    add_text(l, x->target, false);
    adds(l, " ");
    add_text(l, x->protocol, false);
    addf(l, "\" %d %llu \"", x->status, (unsigned long long)x->bytes_out);
    add_text(l, x->referer, false);
    adds(l, "\" \"");
    add_text(l, x->user_agent, false);
    addf(l, "\" %lld.%06lld", (long long)(x->took_ns / NS_PER_S),
         (long long)(x->took_ns % NS_PER_S / 1000));
}

static void json_line(struct line *l, const struct accesslog_entry *x)
{
    char at[40];

    addf(l, "{\"time\":\"%s\"", time_format_rfc3339nano(x->begin_ns / 1000 * 1000, at));
    add_json(l, "peer", x->peer);
    add_json(l, "user", x->user);
    add_json(l, "method", x->method);
    add_json(l, "target", x->target);
    add_json(l, "protocol", x->protocol);
    add_json(l, "host", x->host);
    add_json(l, "referer", x->referer);
    add_json(l, "user_agent", x->user_agent);
    add_json(l, "id", x->id);
    addf(l, ",\"status\":%d,\"bytes_in\":%llu,\"bytes_out\":%llu,\"seconds\":%lld.%06lld}",
         x->status, (unsigned long long)x->bytes_in, (unsigned long long)x->bytes_out,
         (long long)(x->took_ns / NS_PER_S), (long long)(x->took_ns % NS_PER_S / 1000));
}

size_t accesslog_format(enum accesslog_format format, const struct accesslog_entry *x, char *ret,
                        size_t n)
{
    struct line l = {ret, 0, n - 2};

    if (format == ACCESSLOG_JSON)
        json_line(&l, x);
    else
        text_line(&l, x);
    ret[l.n++] = '\n';
    ret[l.n] = 0;
    return l.n;
}

/* ---- the thread ---- */

struct accesslog {
    enum accesslog_format format;
    char *path;
    int fd;
    bool warned;
    pthread_t thread;
    pthread_mutex_t mutex; /* what follows */
    pthread_cond_t wake;
    char *fill; /* ACCESSLOG_BUFFER_BYTES */
    size_t n;
    uint64_t dropped, dropped_told;
    bool stop, reopen;
    int64_t stop_by_ns;
    char *drain; /* only of the thread */
};

static int open_file(const char *path, struct shale_err *e)
{
    int fd = path ? sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0640)
                  : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

    return fd < 0 ? err_sys(e, "open %s", path ? path : "standard output") : fd;
}

static bool out_of_time(struct accesslog *l)
{
    pthread_mutex_lock(&l->mutex);
    bool yes = l->stop && time_mono_ns() > l->stop_by_ns;
    pthread_mutex_unlock(&l->mutex);
    return yes;
}

/* False: not all of it, because of an error, or because the log is closed and nobody reads. */
static bool write_out(struct accesslog *l, const char *p, size_t n)
{
    struct stat st;
    size_t most = fstat(l->fd, &st) == 0 && S_ISREG(st.st_mode) ? FILE_BYTES : PIECE_BYTES;

    while (n > 0) {
        struct pollfd poll_fd = {l->fd, POLLOUT, 0};
        if (poll(&poll_fd, 1, POLL_MS) <= 0) {
            if (out_of_time(l))
                return false;
            continue;
        }
        ssize_t w = write(l->fd, p, n < most ? n : most);
        if (w < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (w < 0) {
            if (!l->warned)
                log_warn("access log: write %s: %s", l->path ? l->path : "standard output",
                         strerrorname_np(errno));
            l->warned = true;
            return false;
        }
        p += w;
        n -= (size_t)w;
    }
    l->warned = false;
    return true;
}

static void do_reopen(struct accesslog *l)
{
    struct shale_err e = SHALE_ERR_INIT;
    int fd = l->path ? open_file(l->path, &e) : -1;

    if (fd < 0) {
        if (l->path)
            log_warn("access log: %s; the old file goes on", e.msg);
        return;
    }
    close(l->fd);
    l->fd = fd;
}

static void count_lines(struct accesslog *l, const char *p, size_t n)
{
    uint64_t lines = 0;

    for (const char *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        lines++;
    pthread_mutex_lock(&l->mutex);
    l->dropped += lines;
    pthread_mutex_unlock(&l->mutex);
}

/* In the format of the log, that lines are missing here. */
static size_t note(const struct accesslog *l, uint64_t missing, char ret[NOTE_BYTES])
{
    char at[40];

    if (l->format == ACCESSLOG_JSON)
        return (size_t)snprintf(ret, NOTE_BYTES, "{\"time\":\"%s\",\"dropped\":%llu}\n",
                                time_format_rfc3339nano(time_now_ns(), at),
                                (unsigned long long)missing);
    return (size_t)snprintf(ret, NOTE_BYTES, "# %llu lines dropped\n", (unsigned long long)missing);
}

static void *run(void *arg)
{
    struct accesslog *l = arg;
    char text[NOTE_BYTES];

    for (;;) {
        pthread_mutex_lock(&l->mutex);
        while (l->n == 0 && !l->stop && !l->reopen)
            pthread_cond_wait(&l->wake, &l->mutex);
        char *full = l->fill;
        size_t n = l->n;
        uint64_t missing = l->dropped - l->dropped_told;
        bool stop = l->stop && n == 0, reopen = l->reopen;
        l->fill = l->drain;
        l->drain = full;
        l->n = 0;
        l->dropped_told = l->dropped;
        l->reopen = false;
        pthread_mutex_unlock(&l->mutex);
        if (reopen)
            do_reopen(l);
        bool written = write_out(l, full, n);
        if (!written)
            count_lines(l, full, n);
        else if (missing)
            write_out(l, text, note(l, missing, text));
        if (stop || (!written && out_of_time(l)))
            return NULL;
    }
}

/* ---- the handle ---- */

static void release(struct accesslog *l)
{
    if (l->fd >= 0)
        close(l->fd);
    free(l->path);
    free(l->fill);
    free(l->drain);
    free(l);
}

int accesslog_open(enum accesslog_format format, const char *path, struct accesslog **ret,
                   struct shale_err *e)
{
    struct accesslog *l = mem_alloc(sizeof *l);

    if (!l)
        return err_nomem(e);
    l->fd = -1;
    l->format = format;
    l->path = path ? mem_strdup(path) : NULL;
    l->fill = mem_alloc(ACCESSLOG_BUFFER_BYTES);
    l->drain = mem_alloc(ACCESSLOG_BUFFER_BYTES);
    int r = (path && !l->path) || !l->fill || !l->drain ? err_nomem(e) : open_file(path, e);
    if (r < 0) {
        release(l);
        return r;
    }
    l->fd = r;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->wake, NULL);
    if ((errno = pthread_create(&l->thread, NULL, run, l)) != 0) {
        r = err_sys(e, "start a thread");
        release(l);
        return r;
    }
    *ret = l;
    return 0;
}

void accesslog_write(struct accesslog *l, const struct accesslog_entry *x)
{
    char text[ACCESSLOG_LINE_BYTES];
    size_t n = accesslog_format(l->format, x, text, sizeof text);

    pthread_mutex_lock(&l->mutex);
    if (n > ACCESSLOG_BUFFER_BYTES - l->n) {
        l->dropped++;
    } else {
        memcpy(l->fill + l->n, text, n);
        if (l->n == 0)
            pthread_cond_signal(&l->wake);
        l->n += n;
    }
    pthread_mutex_unlock(&l->mutex);
}

void accesslog_reopen(struct accesslog *l)
{
    pthread_mutex_lock(&l->mutex);
    l->reopen = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->mutex);
}

uint64_t accesslog_dropped(struct accesslog *l)
{
    pthread_mutex_lock(&l->mutex);
    uint64_t n = l->dropped;
    pthread_mutex_unlock(&l->mutex);
    return n;
}

struct accesslog *accesslog_close(struct accesslog *l)
{
    if (!l)
        return NULL;
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    l->stop_by_ns = time_mono_ns() + CLOSE_WAIT_NS;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->mutex);
    pthread_join(l->thread, NULL);
    pthread_mutex_destroy(&l->mutex);
    pthread_cond_destroy(&l->wake);
    release(l);
    return NULL;
}
