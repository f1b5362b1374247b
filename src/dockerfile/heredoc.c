/* SPDX-License-Identifier: Apache-2.0 */
/* Heredocs: <<EOF, <<-EOF, <<"EOF", 3<<EOF, several in one line. */
#include <string.h>

#include "base/str.h"
#include "dockerfile/parse_priv.h"

/* The escape character within the delimiter is a backslash, whatever the directive says. */
#define ESCAPE '\\'

/* Quotes and escapes taken away. False: a quote is not closed, or white space is not quoted. */
static bool unquote(const char *s, size_t n, struct buf *out, bool *quoted)
{
    char quote = 0;

    for (size_t i = 0; i < n; i++) {
        if (quote ? s[i] == quote : s[i] == '"' || s[i] == '\'') {
            quote = quote ? 0 : s[i];
            *quoted = true;
            continue;
        }
        if (!quote && parse_blank(s[i]))
            return false;
        if (s[i] == ESCAPE && quote != '\'') {
            if (i + 1 == n)
                break;
            if (!quote || strchr("\"$\\", s[i + 1]))
                i++;
        }
        buf_addc(out, s[i]);
    }
    return !quote && out->n > 0;
}

int heredoc_word(struct arena *a, const char *word, size_t n, struct heredoc_word *ret)
{
    _cleanup_(buf_clear) struct buf name = BUF_INIT(DOCKERFILE_MAX_BYTES);
    bool chomp = false, quoted = false;
    size_t i = 0;

    while (i < n && isdigit((unsigned char)word[i]))
        i++;
    if (n - i < 3 || word[i] != '<' || word[i + 1] != '<')
        return 0;
    i += 2;
    if (word[i] == '-') {
        chomp = true;
        i++;
    }
    while (i < n && parse_blank(word[i]))
        i++;
    if (i == n || memchr(word + i, '<', n - i))
        return 0;
    bool good = unquote(word + i, n - i, &name, &quoted);
    if (name.failed)
        return -name.failed;
    if (!good)
        return 0;
    *ret = (struct heredoc_word){
        .name = arena_strndup(a, name.p, name.n), .expand = !quoted, .chomp = chomp};
    return ret->name ? 1 : a->failed == SHALE_LIMIT ? -SHALE_LIMIT : -SHALE_NO_MEMORY;
}

/* The end of a word of a shell's line: quotes and escapes stay, "<< EOF" is one. NULL: a quote is
 * not closed. */
static const char *shell_word_end(const char *s)
{
    char quote = 0;

    while (*s && (quote || !parse_blank(*s))) {
        if (*s == ESCAPE && quote != '\'') {
            s += s[1] ? 2 : 1;
            continue;
        }
        if (!quote && s[0] == '<' && s[1] == '<') {
            for (s += 2; *s == ' ' || *s == '\t' || *s == '\r';)
                s++;
            continue;
        }
        if (*s == quote)
            quote = 0;
        else if (!quote && (*s == '"' || *s == '\''))
            quote = *s;
        s++;
    }
    return quote ? NULL : s;
}

static struct str without_tabs(struct str line)
{
    while (line.n > 0 && line.p[0] == '\t') {
        line.p++;
        line.n--;
    }
    return line;
}

/* Lines up to the delimiter. */
static int read_body(struct parse *p, const struct heredoc_word *w, const char **ret)
{
    _cleanup_(buf_clear) struct buf body = BUF_INIT(DOCKERFILE_MAX_BYTES + 1);
    const struct str name = str_of(w->name);
    struct dockerfile_pos pos = parse_pos(p, p->source);
    struct str raw;

    while (lex_raw(p, &raw) == 0) {
        if (w->chomp)
            raw = without_tabs(raw);
        struct str line = raw;
        while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
            line.n--;
        if (!str_eq(line, name)) {
            buf_add(&body, raw.p, raw.n);
            continue;
        }
        int r = buf_check(&body, p->e);
        if (r < 0)
            return r;
        *ret = arena_strndup(p->a, buf_str(&body), body.n);
        return *ret ? 0 : parse_nomem(p);
    }
    p->line = p->first_line; /* what is shown is where it begins, not all the rest of the file */
    return parse_fail_at(p, pos, "unterminated heredoc: no line is %.80s", w->name);
}

static int add_heredoc(struct parse *p, struct instr *i, size_t *cap, const char *word, size_t n)
{
    struct heredoc_word w = {0};
    int r = heredoc_word(p->a, word, n, &w);

    if (r < 0)
        return parse_nomem(p);
    if (r == 0)
        return 0;
    if (i->n_heredocs >= DOCKERFILE_MAX_WORDS)
        return err_set(p->e, SHALE_LIMIT, "%.200s:%u: more than %d heredocs in one instruction",
                       p->file, p->first_line, DOCKERFILE_MAX_WORDS);
    struct instr_heredoc *v =
        arena_grow(p->a, (void *)i->heredocs, i->n_heredocs, cap, sizeof i->heredocs[0]);
    if (!v)
        return parse_nomem(p);
    i->heredocs = v;
    v[i->n_heredocs] = (struct instr_heredoc){.name = w.name, .expand = w.expand};
    r = read_body(p, &w, &v[i->n_heredocs].text);
    if (r >= 0)
        i->n_heredocs++;
    return r;
}

/* Each word again for every look: a quote that is not closed makes all of the line none. */
static bool quotes_are_closed(const char *s)
{
    while (*s) {
        s = shell_word_end(s);
        if (!s)
            return false;
        while (parse_blank(*s))
            s++;
    }
    return true;
}

/* Which words of COPY and ADD they are: a path may look like one to nobody else. */
static int find_words(struct parse *p, struct instr *i)
{
    struct instr_heredoc *v = (struct instr_heredoc *)i->heredocs;
    struct heredoc_word w = {0};
    size_t n = 0;

    for (size_t k = 0; k < i->n_words; k++) {
        int r = heredoc_word(p->a, i->words[k], strlen(i->words[k]), &w);
        if (r < 0)
            return parse_nomem(p);
        if (r == 0)
            continue;
        if (k + 1 == i->n_words)
            return parse_fail(p, i->rest, "%s cannot accept a heredoc as a destination",
                              instr_name(i->kind));
        if (n < i->n_heredocs)
            v[n++].word = k;
    }
    if (n < i->n_heredocs)
        return parse_fail(p, i->rest, "%s needs the name of a heredoc right behind its <<",
                          instr_name(i->kind));
    return 0;
}

/* How many $(( are open behind a word. */
static unsigned arithmetic(unsigned depth, const char *s, const char *end)
{
    for (; end - s >= 2; s++) {
        if (end - s >= 3 && memcmp(s, "$((", 3) == 0)
            depth++;
        else if (depth > 0 && s[0] == ')' && s[1] == ')')
            depth--;
    }
    return depth;
}

int parse_heredocs(struct parse *p, struct instr *i)
{
    unsigned depth = 0;
    size_t cap = 0;

    if (i->json || !strstr(i->rest, "<<") || !quotes_are_closed(i->rest))
        return 0;
    for (const char *s = i->rest; *s;) {
        const char *end = shell_word_end(s);
        /* "$((1 << 2))" shifts */
        bool shifts = depth > 0 && strstr(s, "))");
        int r = shifts ? 0 : add_heredoc(p, i, &cap, s, (size_t)(end - s));
        if (r < 0)
            return r;
        depth = arithmetic(depth, s, end);
        for (s = end; parse_blank(*s);)
            s++;
    }
    if (i->n_heredocs == 0)
        return 0;
    if (i->kind != INSTR_RUN)
        return find_words(p, i);
    struct heredoc_word w = {0};
    int r = heredoc_word(p->a, i->rest, strlen(i->rest), &w);
    i->script = r > 0;
    return r < 0 ? parse_nomem(p) : 0;
}

const char *instr_shell_text(const struct instr *i, struct arena *a)
{
    _cleanup_(buf_clear) struct buf text = BUF_INIT(2 * DOCKERFILE_MAX_BYTES);

    if (i->script)
        return i->heredocs[0].text;
    if (i->n_heredocs == 0)
        return i->rest;
    buf_adds(&text, i->rest);
    for (size_t k = 0; k < i->n_heredocs; k++) {
        buf_addc(&text, '\n');
        buf_adds(&text, i->heredocs[k].text);
        buf_adds(&text, i->heredocs[k].name);
    }
    return text.failed ? NULL : arena_strndup(a, text.p, text.n);
}
