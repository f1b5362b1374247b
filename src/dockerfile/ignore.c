/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerfile/ignore.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "dockerfile/ignore_match.h"

struct line {
    char *pattern; /* cleaned */
    size_t n;
    bool negated;
    struct match_hint hint;
};
struct ignore {
    struct line *lines;
    size_t n, cap;
    bool negations;
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Without empty components, "." and what ".." takes back; no '/' at either end. In place; "." when
 * nothing is left. */
static void clean(char *s)
{
    char *out = s, *from = s;

    while (*from) {
        char *slash = strchr(from, '/');
        size_t n = slash ? (size_t)(slash - from) : strlen(from);
        bool up = n == 2 && memcmp(from, "..", 2) == 0;
        char *last = out;
        while (last > s && last[-1] != '/')
            last--;
        bool can_drop = out > s && !(out - last == 2 && memcmp(last, "..", 2) == 0);
        if (up && can_drop) {
            out = last > s ? last - 1 : s;
        } else if (n > 0 && !(n == 1 && *from == '.')) {
            if (out > s)
                *out++ = '/';
            memmove(out, from, n);
            out += n;
        }
        from += n + (slash != NULL);
    }
    *out = 0;
    if (!*s)
        memcpy(s, ".", 2);
}

static int check_line(const char *pattern, unsigned number, struct shale_err *e)
{
    if (match_is_valid(pattern))
        return 0;
    return err_set(e, SHALE_INVALID, "line %u: syntax error in pattern \"%.200s\"", number,
                   pattern);
}

static int add_line(struct ignore *g, struct str text, unsigned number, struct shale_err *e)
{
    bool negated = text.p[0] == '!';

    if (negated)
        text = str_trim((struct str){text.p + 1, text.n - 1});
    if (text.n == 0)
        return err_set(e, SHALE_INVALID, "line %u: illegal exclusion pattern: \"!\"", number);
    if (g->n >= IGNORE_MAX_LINES)
        return err_set(e, SHALE_LIMIT, "line %u: more than %d patterns", number, IGNORE_MAX_LINES);
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 16;
        struct line *lines = mem_resize(g->lines, cap * sizeof *lines);
        if (!lines)
            return err_nomem(e);
        g->lines = lines;
        g->cap = cap;
    }
    /* room for the "." that may be longer than "/" */
    char *pattern = mem_alloc(text.n + 2);
    if (!pattern)
        return err_nomem(e);
    memcpy(pattern, text.p, text.n);
    clean(pattern);
    g->lines[g->n] = (struct line){
        .pattern = pattern, .n = strlen(pattern), .negated = negated, .hint = match_hint(pattern)};
    g->n++;
    g->negations = g->negations || negated;
    return check_line(pattern, number, e);
}

static void ignore_freep(struct ignore **g)
{
    ignore_free(*g);
}

int ignore_parse(const char *text, size_t n, struct ignore **ret, struct shale_err *e)
{
    _cleanup_(ignore_freep) struct ignore *g = NULL;
    struct str rest = {text, n}, line;
    unsigned number = 0;

    if (n > IGNORE_MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "more than %u bytes", IGNORE_MAX_BYTES);
    g = mem_alloc(sizeof *g);
    if (!g)
        return err_nomem(e);
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        rest = (struct str){text + 3, n - 3};
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        number++;
        if (line.n > 0 && line.p[0] == '#')
            continue;
        line = str_trim(line);
        if (line.n == 0)
            continue;
        if (memchr(line.p, 0, line.n))
            return err_set(e, SHALE_INVALID, "line %u: not text: there is a NUL byte", number);
        int r = add_line(g, line, number, e);
        if (r < 0)
            return r;
    }
    *ret = TAKE_PTR(g);
    return 0;
}

struct ignore *ignore_free(struct ignore *g)
{
    for (size_t i = 0; g && i < g->n; i++)
        free(g->lines[i].pattern);
    if (g)
        free(g->lines);
    free(g);
    return NULL;
}

/* The path, or a folder it is in. */
static bool line_matches(const struct line *l, const char *path, size_t n)
{
    if (match_path(l->pattern, l->n, &l->hint, path, n))
        return true;
    for (size_t i = 1; i < n; i++)
        if (path[i] == '/' && match_path(l->pattern, l->n, &l->hint, path, i))
            return true;
    return false;
}

bool ignore_excludes(const struct ignore *g, const char *path)
{
    size_t n = strlen(path);
    bool out = false;

    if (!g || n == 0 || streq(path, "."))
        return false;
    for (size_t i = 0; i < g->n; i++) {
        const struct line *l = &g->lines[i];
        if (l->negated == out && line_matches(l, path, n))
            out = !l->negated;
    }
    return out;
}

bool ignore_skips_below(const struct ignore *g, const char *path)
{
    if (!ignore_excludes(g, path))
        return false;
    for (size_t i = 0; g->negations && i < g->n; i++)
        if (g->lines[i].negated && match_below(g->lines[i].pattern, g->lines[i].n, path))
            return false;
    return true;
}

bool ignore_has_negations(const struct ignore *g)
{
    return g && g->negations;
}

bool ignore_match(const char *pattern, const char *path)
{
    char cleaned[MATCH_MAX_PATH + 2];

    while (is_blank(*pattern))
        pattern++;
    size_t n = strlen(pattern);
    if (n > MATCH_MAX_PATH)
        return false;
    memcpy(cleaned, pattern, n + 1);
    clean(cleaned);
    struct match_hint hint = match_hint(cleaned);
    return match_path(cleaned, strlen(cleaned), &hint, path, strlen(path));
}

int ignore_check_pattern(const char *pattern, struct shale_err *e)
{
    if (match_is_valid(pattern))
        return 0;
    return err_set(e, SHALE_INVALID, "syntax error in pattern \"%.200s\"", pattern);
}
