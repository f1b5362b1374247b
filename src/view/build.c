/* SPDX-License-Identifier: Apache-2.0 */
#include "view/build.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "view/text.h"

#define MAX_STEPS   (1u << 20)
#define LINE_BYTES  4096        /* of output that has no end of line yet */
#define KEPT_BYTES  (64u << 10) /* of a step's output, for when it fails */
#define SHOWN_LINES 6           /* of a step in flight */
#define TICK_NS     (100 * NS_PER_MS)

struct step {
    unsigned id;
    char *name;
    int64_t begun_ns;
    bool over;
    struct buf line; /* what has no end yet */
    struct buf kept; /* the last lines */
};

struct build_view {
    enum build_view_mode mode;
    int fd;
    bool harmless;
    pthread_mutex_t mutex;
    struct step **steps; /* by id - 1 */
    size_t n_steps, cap_steps, n_over;
    unsigned current; /* plain: whose lines stand last; 0: nobody's */
    int status;
    bool step_failed, kept_some; /* of the Dockerfile's steps: one; some that were done */
    struct buf failure, place;
    int64_t begun_ns;
    /* tty */
    unsigned n_drawn; /* lines that are drawn again */
    pthread_t ticker;
    pthread_cond_t stop;
    bool ticking, stopping;
};

int build_view_mode(const char *text, enum build_view_mode *ret, struct shale_err *e)
{
    static const struct {
        const char *name;
        enum build_view_mode mode;
    } modes[] = {{"auto", BUILD_VIEW_AUTO},
                 {"plain", BUILD_VIEW_PLAIN},
                 {"tty", BUILD_VIEW_TTY},
                 {"rawjson", BUILD_VIEW_RAWJSON},
                 {"quiet", BUILD_VIEW_QUIET}};

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        if (streq(modes[i].name, text)) {
            *ret = modes[i].mode;
            return 0;
        }
    return err_set(e, SHALE_INVALID,
                   "invalid progress mode \"%.64s\": auto, plain, tty, rawjson or quiet", text);
}

/* ---- common ---- */

static void put(struct build_view *v, struct buf *b)
{
    if (buf_check(b, NULL) == 0)
        (void)sys_write_all(v->fd, b->p ? b->p : "", b->n);
    buf_reset(b);
}

static void add_text(struct build_view *v, struct buf *b, const char *p, size_t n)
{
    if (v->harmless)
        text_escape(b, (struct str){p, n});
    else
        buf_add(b, p, n);
}

static double seconds(int64_t ns)
{
    return ns < 0 ? 0 : (double)ns / (double)NS_PER_S;
}

static struct step *step_new(struct build_view *v, const struct shale_build_event *ev)
{
    if (ev->step == 0 || ev->step > MAX_STEPS)
        return NULL;
    while (v->n_steps < ev->step) {
        if (v->n_steps == v->cap_steps) {
            size_t cap = v->cap_steps ? 2 * v->cap_steps : 64;
            struct step **all = mem_resize(v->steps, cap * sizeof(struct step *));
            if (!all)
                return NULL;
            v->steps = all;
            v->cap_steps = cap;
        }
        v->steps[v->n_steps++] = NULL;
    }
    struct step *s = mem_alloc(sizeof *s);
    if (!s)
        return NULL;
    *s = (struct step){.id = ev->step,
                       .name = mem_strdup(ev->name ? ev->name : ""),
                       .begun_ns = ev->at_ns,
                       .line = BUF_INIT(LINE_BYTES + 1),
                       .kept = BUF_INIT(2 * KEPT_BYTES)};
    v->steps[ev->step - 1] = s;
    return s;
}

static struct step *step_of(struct build_view *v, const struct shale_build_event *ev)
{
    return ev->step && ev->step <= v->n_steps ? v->steps[ev->step - 1] : NULL;
}

static const char *name_of(const struct step *s)
{
    return s->name ? s->name : "";
}

/* ---- plain ---- */

static void plain_turn_to(struct build_view *v, struct step *s, struct buf *b)
{
    if (v->current == s->id)
        return;
    if (v->current && v->steps[v->current - 1] && !v->steps[v->current - 1]->over)
        buf_addf(b, "#%u ...\n", v->current);
    if (v->current)
        buf_addc(b, '\n');
    buf_addf(b, "#%u ", s->id);
    add_text(v, b, name_of(s), strlen(name_of(s)));
    buf_addc(b, '\n');
    v->current = s->id;
}

static void plain_end(struct build_view *v, struct step *s, const struct shale_build_event *ev,
                      struct buf *b)
{
    plain_turn_to(v, s, b);
    if (ev->kind == SHALE_BUILD_CACHED)
        buf_addf(b, "#%u CACHED\n", s->id);
    else if (ev->kind == SHALE_BUILD_DONE)
        buf_addf(b, "#%u DONE %.1fs\n", s->id, seconds(ev->at_ns - s->begun_ns));
    else if (ev->kind == SHALE_BUILD_CANCELED)
        buf_addf(b, "#%u CANCELED\n", s->id);
    else {
        buf_addf(b, "#%u ERROR: ", s->id);
        add_text(v, b, ev->text, ev->n);
        buf_addc(b, '\n');
    }
}

/* ---- tty ---- */

static unsigned columns(const struct build_view *v)
{
    struct winsize w = {0};

    return ioctl(v->fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
}

static unsigned rows(const struct build_view *v)
{
    struct winsize w = {0};

    return ioctl(v->fd, TIOCGWINSZ, &w) == 0 && w.ws_row > 4 ? w.ws_row : 24;
}

static void tty_erase(struct build_view *v, struct buf *b)
{
    if (v->n_drawn)
        buf_addf(b, "\r\x1b[%uA\x1b[J", v->n_drawn); /* a key may have left its ^C */
    v->n_drawn = 0;
}

/* A line of at most the terminal's width, with `right` at its end. */
static void tty_line(struct build_view *v, struct buf *b, const char *lead, const char *text,
                     size_t n, const char *right)
{
    _cleanup_(buf_clear) struct buf clean = BUF_INIT(64u << 10);
    size_t width = columns(v) - 1, used = strlen(lead) + strlen(right) + 1;

    text_escape(&clean, (struct str){text, n > LINE_BYTES ? LINE_BYTES : n});
    struct str all = {buf_str(&clean), clean.n};
    size_t room = width > used ? width - used : 1, fits = text_fit(all, room);
    buf_adds(b, lead);
    buf_add(b, all.p, fits);
    size_t shown = text_width((struct str){all.p, fits});
    if (*right)
        buf_addf(b, "%*s%s", (int)(room > shown ? room - shown + 1 : 1), "", right);
    buf_addc(b, '\n');
}

static void tty_tail(struct build_view *v, struct step *s, struct buf *b, unsigned room)
{
    const char *p = buf_str(&s->kept), *end = p + s->kept.n, *from = end;
    unsigned n = 0;

    while (from > p && n < room) {
        const char *q = from - 1;
        while (q > p && q[-1] != '\n')
            q--;
        from = q;
        n++;
    }
    for (; from < end; v->n_drawn++) {
        const char *nl = memchr(from, '\n', (size_t)(end - from));
        size_t len = nl ? (size_t)(nl - from) : (size_t)(end - from);
        tty_line(v, b, " => => # ", from, len, "");
        from += len + 1;
    }
}

static void tty_draw(struct build_view *v, struct buf *b)
{
    int64_t now = time_mono_ns();
    unsigned room = rows(v) - 1;
    char right[32];

    tty_erase(v, b);
    for (size_t i = 0; i < v->n_steps && v->n_drawn + 1 < room; i++) {
        struct step *s = v->steps[i];
        if (!s || s->over)
            continue;
        (void)snprintf(right, sizeof right, "%.1fs", seconds(now - s->begun_ns));
        tty_line(v, b, " => ", name_of(s), strlen(name_of(s)), right);
        v->n_drawn++;
        unsigned left = room - v->n_drawn;
        tty_tail(v, s, b, left < SHOWN_LINES ? left : SHOWN_LINES);
    }
}

/* What is over stands above, for good. */
static void tty_end(struct build_view *v, struct step *s, const struct shale_build_event *ev,
                    struct buf *b)
{
    const char *lead = " => ";
    char right[32];

    if (ev->kind == SHALE_BUILD_CACHED)
        lead = " => CACHED ";
    else if (ev->kind == SHALE_BUILD_CANCELED)
        lead = " => CANCELED ";
    else if (ev->kind == SHALE_BUILD_FAILED)
        lead = " => ERROR ";

    tty_erase(v, b);
    (void)snprintf(right, sizeof right, "%.1fs", seconds(ev->at_ns - s->begun_ns));
    tty_line(v, b, lead, name_of(s), strlen(name_of(s)), right);
}

static void *tick(void *arg)
{
    struct build_view *v = arg;
    struct buf b = BUF_INIT(1u << 20);
    struct timespec t;

    pthread_mutex_lock(&v->mutex);
    while (!v->stopping) {
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += TICK_NS;
        t.tv_sec += t.tv_nsec / NS_PER_S;
        t.tv_nsec %= NS_PER_S;
        pthread_cond_timedwait(&v->stop, &v->mutex, &t);
        if (v->stopping)
            break;
        tty_draw(v, &b);
        put(v, &b);
    }
    pthread_mutex_unlock(&v->mutex);
    buf_clear(&b);
    return NULL;
}

/* ---- rawjson ---- */

static void json_vertex(struct step *s, char ret[HASH_MAX_HEX + 8])
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1u << 20);
    char hex[HASH_MAX_HEX + 1] = "";

    buf_addf(&b, "%u %s", s->id, name_of(s));
    (void)hash_bytes(HASH_SHA256, buf_str(&b), b.n, hex, NULL);
    (void)snprintf(ret, HASH_MAX_HEX + 8, "sha256:%s", hex);
}

static void json_status(struct build_view *v, struct step *s, const struct shale_build_event *ev,
                        struct buf *b)
{
    char id[HASH_MAX_HEX + 8], now[40], begun[40];
    json_t *o = NULL;

    json_vertex(s, id);
    (void)time_format_rfc3339nano(time_now_ns(), now);
    (void)time_format_rfc3339nano(time_now_ns() - (ev->at_ns - s->begun_ns), begun);
    if (ev->kind == SHALE_BUILD_OUTPUT) {
        _cleanup_(buf_clear) struct buf data = BUF_INIT(1u << 20);
        base64_add(0, ev->text, ev->n, &data);
        o = json_pack("{s:[{s:s,s:i,s:s,s:s}]}", "logs", "vertex", id, "stream", ev->stream, "data",
                      buf_str(&data), "timestamp", now);
    } else if (ev->kind == SHALE_BUILD_STATUS) {
        o = json_pack("{s:[{s:s,s:s,s:s,s:s}]}", "statuses", "id", ev->text, "vertex", id,
                      "timestamp", now, "completed", now);
    } else {
        json_t *x = json_pack("{s:s,s:s,s:s}", "digest", id, "name", name_of(s), "started", begun);
        if (ev->kind != SHALE_BUILD_BEGUN)
            (void)json_object_set_new(x, "completed", json_string(now));
        if (ev->kind == SHALE_BUILD_CACHED)
            (void)json_object_set_new(x, "cached", json_true());
        if (ev->kind == SHALE_BUILD_FAILED || ev->kind == SHALE_BUILD_CANCELED)
            (void)json_object_set_new(x, "error", json_string(ev->text));
        o = x ? json_pack("{s:[o]}", "vertexes", x) : NULL;
    }
    _cleanup_free_ char *text = o ? json_text(o) : NULL;
    if (text)
        buf_addf(b, "%s\n", text);
    json_decref(o);
    (void)v;
}

/* ---- output of programs ---- */

static void keep(struct step *s, const char *p, size_t n)
{
    if (s->kept.n > KEPT_BYTES)
        buf_drop(&s->kept, s->kept.n - KEPT_BYTES / 2);
    buf_add(&s->kept, p, n);
    buf_addc(&s->kept, '\n');
}

static void end_line(struct build_view *v, struct step *s, int64_t at_ns, struct buf *b)
{
    size_t n = s->line.n;

    while (n > 0 && s->line.p[n - 1] == '\r')
        n--;
    if (v->mode == BUILD_VIEW_PLAIN) {
        plain_turn_to(v, s, b);
        buf_addf(b, "#%u %.3f ", s->id, seconds(at_ns - s->begun_ns));
        add_text(v, b, buf_str(&s->line), n);
        buf_addc(b, '\n');
    }
    keep(s, buf_str(&s->line), n);
    buf_reset(&s->line);
}

static void take_output(struct build_view *v, struct step *s, const struct shale_build_event *ev,
                        struct buf *b)
{
    const char *p = ev->text, *end = p + ev->n;

    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);
        size_t room = LINE_BYTES - s->line.n;
        bool cut = n > room;
        n = cut ? room : n;
        buf_add(&s->line, p, n);
        p += n;
        if (nl && !cut)
            p++;
        if ((nl && !cut) || s->line.n >= LINE_BYTES)
            end_line(v, s, ev->at_ns, b);
    }
}

/* ---- events ---- */

static bool is_end(enum shale_build_event_kind k)
{
    return k == SHALE_BUILD_CACHED || k == SHALE_BUILD_DONE || k == SHALE_BUILD_FAILED ||
           k == SHALE_BUILD_CANCELED;
}

static void note_failure(struct build_view *v, struct step *s, const struct shale_build_event *ev)
{
    if (ev->status && !v->status)
        v->status = ev->status;
    if (v->failure.n || s->kept.n == 0)
        return;
    buf_adds(&v->failure, "------\n > ");
    add_text(v, &v->failure, name_of(s), strlen(name_of(s)));
    buf_adds(&v->failure, ":\n");
    const char *p = buf_str(&s->kept), *end = p + s->kept.n, *from = end;
    for (unsigned n = 0; from > p && n < 20; n++)
        for (from--; from > p && from[-1] != '\n';)
            from--;
    while (from < end) {
        const char *nl = memchr(from, '\n', (size_t)(end - from));
        size_t n = nl ? (size_t)(nl - from) : (size_t)(end - from);
        add_text(v, &v->failure, from, n);
        buf_addc(&v->failure, '\n');
        from += n + 1;
    }
    buf_adds(&v->failure, "------\n");
}

/* "[build 2/3] RUN make", and not "[internal] ..." or "exporting ...". */
static bool is_of_file(const struct step *s)
{
    return *name_of(s) == '[' && !str_has_prefix(name_of(s), "[internal]");
}

static void note_end(struct build_view *v, const struct step *s, enum shale_build_event_kind kind)
{
    if (!is_of_file(s))
        return;
    if (kind == SHALE_BUILD_FAILED || kind == SHALE_BUILD_CANCELED)
        v->step_failed = true;
    else if (!strstr(name_of(s), "] FROM "))
        v->kept_some = true;
}

static void step_event(struct build_view *v, struct step *s, const struct shale_build_event *ev,
                       struct buf *b)
{
    if (v->mode == BUILD_VIEW_RAWJSON)
        json_status(v, s, ev, b);
    if (ev->kind == SHALE_BUILD_OUTPUT)
        take_output(v, s, ev, b);
    if (is_end(ev->kind) && s->line.n)
        end_line(v, s, ev->at_ns, b);
    if (ev->kind == SHALE_BUILD_FAILED)
        note_failure(v, s, ev);
    if (v->mode == BUILD_VIEW_PLAIN) {
        if (ev->kind == SHALE_BUILD_BEGUN)
            plain_turn_to(v, s, b);
        if (ev->kind == SHALE_BUILD_STATUS) {
            plain_turn_to(v, s, b);
            buf_addf(b, "#%u ", s->id);
            add_text(v, b, ev->text, ev->n);
            buf_addc(b, '\n');
        }
        if (is_end(ev->kind))
            plain_end(v, s, ev, b);
    } else if (v->mode == BUILD_VIEW_TTY) {
        if (ev->kind == SHALE_BUILD_STATUS)
            keep(s, ev->text, ev->n);
        if (is_end(ev->kind))
            tty_end(v, s, ev, b);
    }
    if (is_end(ev->kind)) {
        s->over = true;
        note_end(v, s, ev->kind);
    }
}

/* Why it is opened, then nothing more is drawn. */
static void make_way(struct build_view *v, const char *shell, struct buf *b)
{
    v->stopping = true;
    pthread_cond_broadcast(&v->stop);
    if (v->mode == BUILD_VIEW_RAWJSON)
        return;
    tty_erase(v, b);
    buf_add(b, buf_str(&v->failure), v->failure.n);
    buf_add(b, buf_str(&v->place), v->place.n);
    buf_reset(&v->failure);
    buf_reset(&v->place);
    if (v->status)
        buf_addf(b, "The command ended with status %d. ", v->status);
    buf_adds(b, "This is ");
    add_text(v, b, shell, strlen(shell));
    buf_adds(b, " in the state before it; what is changed here is thrown away at 'exit'.\n");
}

void build_view_event(void *view, const struct shale_build_event *ev)
{
    struct build_view *v = view;
    struct buf b = BUF_INIT(4u << 20);

    pthread_mutex_lock(&v->mutex);
    struct step *s = ev->kind == SHALE_BUILD_BEGUN ? step_new(v, ev) : step_of(v, ev);
    if (s)
        step_event(v, s, ev, &b);
    if (ev->kind == SHALE_BUILD_WARNING && v->mode != BUILD_VIEW_RAWJSON) {
        tty_erase(v, &b);
        add_text(v, &b, ev->text, ev->n);
        buf_addc(&b, '\n');
    }
    if (ev->kind == SHALE_BUILD_PLACE && v->place.n == 0) {
        buf_addf(&v->place, "%s:%u\n--------------------\n", ev->file, ev->line);
        for (struct str rest = {ev->text, ev->n}, l; str_split(&rest, '\n', &l);) {
            add_text(v, &v->place, l.p, l.n);
            if (rest.n)
                buf_addc(&v->place, '\n');
        }
        buf_adds(&v->place, "\n--------------------\n");
    }
    if (ev->kind == SHALE_BUILD_SHELL)
        make_way(v, ev->name, &b);
    put(v, &b);
    pthread_mutex_unlock(&v->mutex);
    buf_clear(&b);
}

int build_view_status(const struct build_view *v)
{
    return v->status;
}

/* ---- life ---- */

int build_view_new(enum build_view_mode mode, int fd, struct build_view **ret, struct shale_err *e)
{
    struct build_view *v = mem_alloc(sizeof *v);
    bool tty = isatty(fd) == 1;

    if (!v)
        return err_nomem(e);
    *v = (struct build_view){
        .mode = mode == BUILD_VIEW_AUTO ? (tty ? BUILD_VIEW_TTY : BUILD_VIEW_PLAIN) : mode,
        .fd = fd,
        .harmless = tty || mode == BUILD_VIEW_TTY,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .stop = PTHREAD_COND_INITIALIZER,
        .failure = BUF_INIT(1u << 20),
        .place = BUF_INIT(1u << 20),
        .begun_ns = time_mono_ns(),
    };
    if (v->mode == BUILD_VIEW_TTY)
        v->ticking = pthread_create(&v->ticker, NULL, tick, v) == 0;
    *ret = v;
    return 0;
}

void build_view_end(struct build_view *v, bool failed)
{
    struct buf b = BUF_INIT(4u << 20);

    pthread_mutex_lock(&v->mutex);
    v->stopping = true;
    pthread_cond_broadcast(&v->stop);
    pthread_mutex_unlock(&v->mutex);
    if (v->ticking)
        (void)pthread_join(v->ticker, NULL);
    v->ticking = false;
    tty_erase(v, &b);
    if (failed && v->mode != BUILD_VIEW_RAWJSON) {
        buf_add(&b, buf_str(&v->failure), v->failure.n);
        buf_add(&b, buf_str(&v->place), v->place.n);
        if (v->step_failed && v->kept_some)
            buf_adds(&b,
                     "The steps that were done are kept: the same build goes on behind them.\n");
    }
    put(v, &b);
    buf_clear(&b);
}

struct build_view *build_view_free(struct build_view *v)
{
    if (!v)
        return NULL;
    if (v->ticking)
        build_view_end(v, false);
    for (size_t i = 0; i < v->n_steps; i++) {
        if (!v->steps[i])
            continue;
        free(v->steps[i]->name);
        buf_clear(&v->steps[i]->line);
        buf_clear(&v->steps[i]->kept);
        free(v->steps[i]);
    }
    free(v->steps);
    buf_clear(&v->failure);
    buf_clear(&v->place);
    free(v);
    return NULL;
}
