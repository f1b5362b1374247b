/* SPDX-License-Identifier: Apache-2.0 */
#include "view/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "base/units.h"
#include "view/text.h"

#define REDRAW_NS        (100 * NS_PER_MS)
#define RATE_NS          (500 * NS_PER_MS) /* a rate is measured over at least this long */
#define BAR_WIDTH        50                /* docker's */
#define BAR_FROM_COLUMNS 110               /* narrower terminals get numbers only */
#define MAX_LINES        4096              /* layers shown */
#define MAX_OUTPUT       (1u << 20)

struct line {
    char id[80];
    enum shale_progress_kind kind;
    char text[120]; /* of RETRY */
    uint64_t current, total;
    uint64_t rate_from; /* bytes at rate_ns */
    int64_t rate_ns;
    double rate; /* bytes a second */
    bool gone;   /* printed for good, above the others */
};

struct progress {
    pthread_mutex_t lock;
    int fd;
    bool tty;               /* its size is asked for before each drawing: it may change */
    unsigned rows, columns; /* columns 0: no terminal */
    struct line *lines;
    size_t n, cap;
    size_t n_drawn; /* lines on the screen that are redrawn in place */
    int64_t drawn_ns;
    struct buf out;
};

/* What docker says of a layer in each state; NULL: nothing on its own. */
static const char *const words[] = {
    [SHALE_PROGRESS_QUEUED] = "Pulling fs layer",
    [SHALE_PROGRESS_WAITING] = "Waiting",
    [SHALE_PROGRESS_DOWNLOADING] = "Downloading",
    [SHALE_PROGRESS_VERIFYING] = "Verifying Checksum",
    [SHALE_PROGRESS_DOWNLOADED] = "Download complete",
    [SHALE_PROGRESS_DONE] = "Pull complete",
    [SHALE_PROGRESS_PRESENT] = "Already exists",
    [SHALE_PROGRESS_RESUMED] = "Resuming",
    [SHALE_PROGRESS_RETRY] = "Retrying",
    [SHALE_PROGRESS_INDEX] = NULL,
    [SHALE_PROGRESS_PREPARING] = "Preparing",
    [SHALE_PROGRESS_PUSHING] = "Pushing",
    [SHALE_PROGRESS_PUSHED] = "Pushed",
    [SHALE_PROGRESS_LAYER_EXISTS] = "Layer already exists",
    [SHALE_PROGRESS_MOUNTED] = "Mounted from",
};

static void ask_size(struct progress *p)
{
    struct winsize w = {0};
    (void)ioctl(p->fd, TIOCGWINSZ, &w);
    progress_set_size(p, w.ws_row ? w.ws_row : 24, w.ws_col ? w.ws_col : 80);
}

int progress_new(int fd, struct progress **ret, struct shale_err *e)
{
    struct progress *p = mem_alloc(sizeof *p);
    if (!p)
        return err_nomem(e);
    pthread_mutex_init(&p->lock, NULL);
    p->fd = fd;
    buf_init(&p->out, MAX_OUTPUT);
    p->tty = isatty(fd) == 1 && !streq(getenv("TERM"), "dumb");
    if (p->tty)
        ask_size(p);
    *ret = p;
    return 0;
}

void progress_set_size(struct progress *p, unsigned rows, unsigned columns)
{
    p->rows = rows;
    p->columns = columns;
}

static void flush(struct progress *p)
{
    if (p->out.n)
        (void)sys_write_all(p->fd, p->out.p, p->out.n);
    buf_reset(&p->out);
}

/* ---- one line ---- */

static bool is_final(const struct line *l)
{
    return l->kind == SHALE_PROGRESS_DONE || l->kind == SHALE_PROGRESS_PRESENT ||
           l->kind == SHALE_PROGRESS_PUSHED || l->kind == SHALE_PROGRESS_LAYER_EXISTS ||
           l->kind == SHALE_PROGRESS_MOUNTED;
}

static bool is_moving(enum shale_progress_kind kind)
{
    return kind == SHALE_PROGRESS_DOWNLOADING || kind == SHALE_PROGRESS_PUSHING;
}

static void add_numbers(const struct line *l, struct buf *b)
{
    char have[32], all[32], rate[32];
    units_human(l->current, 4, have);
    if (l->total >= l->current)
        buf_addf(b, "%8s/%s", have, units_human(l->total, 4, all));
    else
        buf_addf(b, "%8s", have);
    if (l->rate > 0)
        buf_addf(b, "  %s/s", units_human((uint64_t)l->rate, 3, rate));
}

static void add_bar(const struct line *l, struct buf *b)
{
    double done = l->total ? (double)l->current / (double)l->total : 0;
    int filled = done >= 1 ? BAR_WIDTH : (int)(done * BAR_WIDTH);
    buf_addc(b, '[');
    for (int i = 0; i < filled; i++)
        buf_addc(b, '=');
    buf_addc(b, '>');
    for (int i = filled; i < BAR_WIDTH; i++)
        buf_addc(b, ' ');
    buf_adds(b, "] ");
}

static void add_state(const struct progress *p, const struct line *l, struct buf *b)
{
    char size[32];
    buf_addf(b, "%s: ", l->id);
    switch (l->kind) {
    case SHALE_PROGRESS_RETRY:
        buf_addf(b, "Retrying in %llu second%s", (unsigned long long)l->current,
                 l->current == 1 ? "" : "s");
        if (l->text[0])
            buf_addf(b, " (%s)", l->text);
        break;
    case SHALE_PROGRESS_RESUMED:
        buf_addf(b, "Resuming at %s", units_human(l->current, 4, size));
        break;
    case SHALE_PROGRESS_MOUNTED:
        buf_addf(b, "Mounted from %s", l->text);
        break;
    case SHALE_PROGRESS_DOWNLOADING:
    case SHALE_PROGRESS_PUSHING:
        buf_addf(b, "%s ", words[l->kind]);
        if (p->columns > BAR_FROM_COLUMNS && l->total)
            add_bar(l, b);
        add_numbers(l, b);
        break;
    default:
        buf_adds(b, words[l->kind]);
    }
}

/* ---- a terminal ---- */

/* The line cut to the width of the terminal, so that it takes one row. */
static void draw_line(struct progress *p, const struct line *l)
{
    struct buf b = BUF_INIT(1024);
    add_state(p, l, &b);
    struct str s = {buf_str(&b), b.n};
    buf_adds(&p->out, "\033[2K");
    buf_add(&p->out, s.p, text_fit(s, p->columns - 1));
    buf_addc(&p->out, '\n');
    buf_clear(&b);
}

/* Moves to the first line that is redrawn, which clears nothing. */
static void rewind_lines(struct progress *p)
{
    if (p->n_drawn)
        buf_addf(&p->out, "\033[%zuA", p->n_drawn);
    buf_addc(&p->out, '\r');
    p->n_drawn = 0;
}

static size_t count_open(const struct progress *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += !p->lines[i].gone;
    return n;
}

/* Draws all lines. Where they would not fit, layers that are done scroll away first, and of the
 * rest the first ones are shown. `all`: for the last time, none is left out. */
static void redraw(struct progress *p, bool all)
{
    if (p->tty)
        ask_size(p);
    size_t room = p->rows > 3 ? p->rows - 2 : 1, open = count_open(p), left = 0;
    rewind_lines(p);
    for (size_t i = 0; i < p->n && (open > room || all); i++) {
        struct line *l = &p->lines[i];
        if (l->gone || (!is_final(l) && !all))
            continue;
        draw_line(p, l);
        l->gone = true;
        open--;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (p->lines[i].gone)
            continue;
        if (p->n_drawn == room) {
            left++;
            continue;
        }
        draw_line(p, &p->lines[i]);
        p->n_drawn++;
    }
    if (left) {
        buf_addf(&p->out, "\033[2K… and %zu more\n", left);
        p->n_drawn++;
    }
    buf_adds(&p->out, "\033[J");
    p->drawn_ns = time_mono_ns();
    flush(p);
}

/* A line about the whole: what was drawn so far stays above it. */
static void say(struct progress *p, const char *text)
{
    struct buf clean = BUF_INIT(64 << 10);
    if (p->columns && p->n) {
        redraw(p, true);
        p->n = 0;
    }
    text_escape(&clean, str_of(text));
    buf_addf(&p->out, "%s\n", buf_str(&clean));
    buf_clear(&clean);
    flush(p);
}

/* ---- events ---- */

static struct line *find_line(struct progress *p, const char *id)
{
    for (size_t i = p->n; i > 0; i--)
        if (strncmp(p->lines[i - 1].id, id, sizeof p->lines[0].id - 1) == 0)
            return &p->lines[i - 1];
    if (p->n >= MAX_LINES)
        return NULL;
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        struct line *v = mem_resize(p->lines, cap * sizeof *v);
        if (!v)
            return NULL;
        p->lines = v;
        p->cap = cap;
    }
    struct line *l = &p->lines[p->n++];
    *l = (struct line){.kind = SHALE_PROGRESS_MESSAGE};
    str_printable(l->id, sizeof l->id, id);
    return l;
}

static void measure(struct line *l, const struct shale_progress *ev)
{
    int64_t now = time_mono_ns();
    if (l->kind != ev->kind || ev->current < l->rate_from) {
        l->rate_from = ev->current;
        l->rate_ns = now;
    } else if (now - l->rate_ns >= RATE_NS) {
        l->rate = (double)(ev->current - l->rate_from) * 1e9 / (double)(now - l->rate_ns);
        l->rate_from = ev->current;
        l->rate_ns = now;
    }
}

static void on_layer(struct progress *p, const struct shale_progress *ev)
{
    struct line *l = find_line(p, ev->id ? ev->id : "");
    if (!l)
        return;
    if (is_moving(ev->kind))
        measure(l, ev);
    bool news = l->kind != ev->kind || ev->kind == SHALE_PROGRESS_RETRY;
    l->kind = ev->kind;
    l->current = ev->current;
    l->total = ev->total;
    str_printable(l->text, sizeof l->text, ev->text ? ev->text : "");
    if (p->columns) {
        if (news || time_mono_ns() - p->drawn_ns >= REDRAW_NS)
            redraw(p, false);
        return;
    }
    if (!news || is_moving(ev->kind))
        return;
    add_state(p, l, &p->out);
    buf_addc(&p->out, '\n');
    flush(p);
}

static void on_whole(struct progress *p, const struct shale_progress *ev)
{
    char text[600];
    const char *s = ev->text ? ev->text : "";
    if (ev->kind == SHALE_PROGRESS_PULLING)
        snprintf(text, sizeof text, "%s: Pulling from %s", s, ev->id ? ev->id : "");
    else if (ev->kind == SHALE_PROGRESS_DIGEST)
        snprintf(text, sizeof text, "Digest: %s", s);
    else if (ev->kind == SHALE_PROGRESS_STATUS && !str_has_prefix(s, "Status: "))
        snprintf(text, sizeof text, "Status: %s", s);
    else
        snprintf(text, sizeof text, "%s", s);
    say(p, text);
}

void progress_event(void *progress, const struct shale_progress *ev)
{
    struct progress *p = progress;
    pthread_mutex_lock(&p->lock);
    bool layer = (size_t)ev->kind < ARRAY_SIZE(words) && words[ev->kind];
    if (layer)
        on_layer(p, ev);
    else if (ev->kind != SHALE_PROGRESS_INDEX)
        on_whole(p, ev);
    pthread_mutex_unlock(&p->lock);
}

void progress_free(struct progress *p)
{
    if (!p)
        return;
    if (p->columns && p->n)
        redraw(p, true);
    pthread_mutex_destroy(&p->lock);
    buf_clear(&p->out);
    free(p->lines);
    free(p);
}
