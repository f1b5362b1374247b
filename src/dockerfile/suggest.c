/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of Dockerfiles: where, what is around it, and what was meant. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "dockerfile/parse_priv.h"

#define MAX_DISTANCE 2
#define MAX_LINES    200 /* of an excerpt */
#define MAX_SHOWN    400 /* bytes of one of its lines */

const char *suggest_nearest(const char *name, const char *const *names, size_t n)
{
    size_t best = MAX_DISTANCE + 1;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = str_distance(name, names[i], MAX_DISTANCE);
        if (d > 0 && d < best) {
            best = d;
            found = names[i];
        }
    }
    return found;
}

static int fail_v(struct parse *p, struct dockerfile_pos pos, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
static int fail_v(struct parse *p, struct dockerfile_pos pos, const char *fmt, va_list ap)
{
    char raw[512], text[400], file[200];

    vsnprintf(raw, sizeof raw, fmt, ap);
    p->failed = pos;
    p->failed_end = p->line > pos.line ? p->line : pos.line;
    return err_set(p->e, SHALE_INVALID, "%s:%u:%u: dockerfile parse error on line %u: %s",
                   str_printable(file, sizeof file, p->file), pos.line, pos.column, pos.line,
                   str_printable(text, sizeof text, raw));
}

int parse_fail(struct parse *p, const char *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int r = fail_v(p, parse_pos(p, at), fmt, ap);
    va_end(ap);
    return r;
}

int parse_fail_at(struct parse *p, struct dockerfile_pos pos, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int r = fail_v(p, pos, fmt, ap);
    va_end(ap);
    return r;
}

int parse_nomem(struct parse *p)
{
    if (p->a->failed == SHALE_LIMIT)
        return err_set(p->e, SHALE_LIMIT, "%.200s: too much for the memory that is meant for it",
                       p->file);
    return err_nomem(p->e);
}

/* Of the lines before the place and behind it, as many of each as BuildKit shows. */
static void widen(unsigned *from, unsigned *to, unsigned n_lines)
{
    const unsigned pad = *from == *to ? 4 : 2;

    for (unsigned p = 0; p < pad; p++) {
        if (*from > 1) {
            --*from;
            p++;
        }
        if (*to < n_lines) {
            ++*to;
            p++;
        }
    }
}

static void add_line(struct buf *out, unsigned line, bool marked, struct str text)
{
    while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    buf_addf(out, " %3u | %s ", line, marked ? ">>>" : "   ");
    struct str rest = text, piece;
    bool first = true;
    if (rest.n > MAX_SHOWN)
        rest.n = MAX_SHOWN;
    for (; str_split(&rest, '\t', &piece); first = false) {
        char raw[MAX_SHOWN + 1], shown[4 * MAX_SHOWN + 1];
        memcpy(raw, piece.p, piece.n);
        raw[piece.n] = 0;
        if (!first)
            buf_addc(out, '\t');
        buf_adds(out, str_printable(shown, sizeof shown, raw));
    }
    if (text.n > MAX_SHOWN)
        buf_adds(out, " ...");
    buf_addc(out, '\n');
}

const char *dockerfile_excerpt(const char *text, unsigned line, unsigned end_line, struct arena *a)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(4 << 20);
    struct str rest = str_of(text), piece;
    unsigned n_lines = 1, from = line, to, n = 0;

    for (const char *s = text; *s; s++)
        n_lines += *s == '\n';
    if (line < 1 || line > n_lines)
        return "";
    if (end_line < line)
        end_line = line;
    if (end_line > n_lines)
        end_line = n_lines;
    if (end_line - line >= MAX_LINES)
        end_line = line + MAX_LINES - 1;
    to = end_line;
    widen(&from, &to, n_lines);
    while (n < to && str_split(&rest, '\n', &piece))
        if (++n >= from)
            add_line(&out, n, n >= line && n <= end_line, piece);
    return out.failed ? NULL : arena_strndup(a, buf_str(&out), out.n);
}
