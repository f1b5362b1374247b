/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a Dockerfile: parser directives, comments, continuations. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "dockerfile/parse_priv.h"

static const char *skip_blanks(const char *s, const char *end)
{
    while (s < end && parse_blank(*s))
        s++;
    return s;
}

int lex_raw(struct parse *p, struct str *ret)
{
    if (p->at >= p->end)
        return 1;
    const char *nl = memchr(p->at, '\n', (size_t)(p->end - p->at));
    const char *next = nl ? nl + 1 : p->end;
    *ret = (struct str){p->at, (size_t)(next - p->at)};
    p->at = next;
    p->line++;
    return 0;
}

static struct str without_end(struct str line)
{
    while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    return line;
}

/* The line's last character but for blanks is an escape character, and none is before it. */
static bool continues(const struct parse *p, struct str *line)
{
    size_t n = line->n;

    while (n > 0 && (line->p[n - 1] == ' ' || line->p[n - 1] == '\t'))
        n--;
    if (n == 0 || line->p[n - 1] != p->escape || (n > 1 && line->p[n - 2] == p->escape))
        return false;
    line->n = n - 1;
    return true;
}

static int add_piece(struct parse *p, struct str piece, unsigned column0)
{
    if (p->n_segs == p->segs_cap) {
        size_t cap = p->segs_cap ? 2 * p->segs_cap : 16;
        struct parse_seg *segs = mem_resize(p->segs, cap * sizeof *segs);
        if (!segs)
            return err_nomem(p->e);
        p->segs = segs;
        p->segs_cap = cap;
    }
    p->segs[p->n_segs++] =
        (struct parse_seg){.off = p->joined.n, .line = p->line, .column0 = column0};
    buf_add(&p->joined, piece.p, piece.n);
    return 0;
}

static int add_comment(struct parse *p, struct str line)
{
    struct str text = str_trim((struct str){line.p + 1, line.n - 1});

    if (text.n == 0) {
        p->n_comments = 0;
        return 0;
    }
    const char **v =
        arena_grow(p->a, p->comments, p->n_comments, &p->comments_cap, sizeof p->comments[0]);
    if (!v)
        return parse_nomem(p);
    p->comments = v;
    v[p->n_comments] = arena_strndup(p->a, text.p, text.n);
    return v[p->n_comments++] ? 0 : parse_nomem(p);
}

/* The lines behind one that is continued. */
static int join_more(struct parse *p)
{
    struct str raw;

    while (lex_raw(p, &raw) == 0) {
        struct str line = without_end(raw);
        const char *first = skip_blanks(line.p, line.p + line.n);
        if (first == line.p + line.n) {
            p->empty_line = p->line;
            continue;
        }
        if (*first == '#')
            continue;
        bool more = continues(p, &line);
        int r = add_piece(p, line, 0);
        if (r < 0)
            return r;
        if (!more)
            break;
    }
    return 0;
}

int lex_line(struct parse *p)
{
    struct str raw;

    p->n_comments = 0;
    while (lex_raw(p, &raw) == 0) {
        struct str line = without_end(raw);
        const char *first = skip_blanks(line.p, line.p + line.n);
        struct str text = {first, (size_t)(line.p + line.n - first)};
        int r;

        if (text.n == 0) {
            p->n_comments = 0;
            continue;
        }
        if (*first == '#') {
            r = add_comment(p, text);
            if (r < 0)
                return r;
            continue;
        }
        buf_reset(&p->joined);
        p->n_segs = 0;
        p->first_line = p->line;
        p->empty_line = 0;
        bool more = continues(p, &text);
        r = add_piece(p, text, (unsigned)(first - line.p));
        if (r >= 0 && more)
            r = join_more(p);
        if (r >= 0)
            r = buf_check(&p->joined, p->e);
        if (r < 0)
            return r;
        if (str_trim((struct str){buf_str(&p->joined), p->joined.n}).n > 0)
            return 0;
    }
    return 1;
}

struct dockerfile_pos parse_pos(const struct parse *p, const char *at)
{
    size_t off = p->source && at ? (size_t)(at - p->source) + p->source_off : 0;
    size_t i = 0, end = p->n_segs;

    if (p->n_segs == 0)
        return (struct dockerfile_pos){p->line ? p->line : 1, 1};
    while (i + 1 < end) { /* the last one that begins there or before */
        size_t mid = i + (end - i) / 2;
        if (p->segs[mid].off <= off)
            i = mid;
        else
            end = mid;
    }
    const struct parse_seg *s = &p->segs[i];
    return (struct dockerfile_pos){s->line, s->column0 + (unsigned)(off - s->off) + 1};
}

/* "# name = value" of the names that are known. 0: it is none. */
static int directive(struct str line, char name[static 8], struct str *value)
{
    const char *s = line.p, *end = line.p + line.n;
    size_t n = 0;

    if (s == end || *s != '#')
        return 0;
    s = skip_blanks(s + 1, end);
    for (; s < end && isalnum((unsigned char)*s); s++) {
        if (n + 1 >= 8)
            return 0;
        name[n++] = (char)tolower((unsigned char)*s);
    }
    name[n] = 0;
    s = skip_blanks(s, end);
    if (s == end || *s != '=')
        return 0;
    *value = str_trim((struct str){s + 1, (size_t)(end - s - 1)});
    return value->n > 0 && (streq(name, "syntax") || streq(name, "escape") || streq(name, "check"));
}

static int set_directive(struct parse *p, const char *name, struct str value, const char **seen)
{
    if (*seen)
        return parse_fail(p, NULL, "only one %s parser directive can be used", name);
    *seen = arena_strndup(p->a, value.p, value.n);
    return *seen ? 0 : parse_nomem(p);
}

int lex_directives(struct parse *p, struct parse_directives *ret)
{
    const char *escape = NULL;

    *ret = (struct parse_directives){0};
    if (p->end - p->at >= 3 && memcmp(p->at, "\xef\xbb\xbf", 3) == 0)
        p->at += 3;
    for (;;) {
        const char *before = p->at;
        struct str raw, value;
        char name[8];
        if (lex_raw(p, &raw) != 0)
            return 0;
        struct str line = str_trim(without_end(raw));
        if (p->line == 1 && line.n > 1 && line.p[0] == '#' && line.p[1] == '!')
            continue;
        if (!directive(line, name, &value)) {
            p->at = before;
            p->line--;
            return 0;
        }
        int r = set_directive(p, name, value,
                              streq(name, "escape")   ? &escape
                              : streq(name, "syntax") ? &ret->syntax
                                                      : &ret->check);
        if (r < 0)
            return r;
        if (streq(name, "escape") && !streq(escape, "\\") && !streq(escape, "`"))
            return parse_fail(p, NULL, "invalid escape token '%.20s' does not match ` or \\",
                              escape);
        if (escape)
            p->escape = *escape;
    }
}
