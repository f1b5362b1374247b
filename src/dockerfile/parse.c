/* SPDX-License-Identifier: Apache-2.0 */
/* A whole Dockerfile: instructions in a row, cut into stages. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "dockerfile/parse_priv.h"

struct rows {
    struct instr *v;
    size_t n, cap, n_stages;
};

static void rows_clear(struct rows *rows)
{
    free(rows->v);
}

static void parse_clear(struct parse *p)
{
    buf_clear(&p->joined);
    free(p->segs);
}

/* The line that was read last, as an instruction. Its comments stay with it. */
static int parse_line(struct parse *p, struct instr *ret)
{
    struct str line = str_trim((struct str){buf_str(&p->joined), p->joined.n});
    const char **comments = NULL;

    p->source = NULL; /* until it is there */
    char *source = arena_strndup(p->a, line.p, line.n);
    if (!source)
        return parse_nomem(p);
    p->source = source;
    p->source_off = (size_t)(line.p - p->joined.p);
    if (p->n_comments > 0) {
        comments = arena_array(p->a, p->n_comments + 1, sizeof *comments);
        if (!comments)
            return parse_nomem(p);
        memcpy(comments, p->comments, p->n_comments * sizeof *comments);
    }
    int r = parse_instr(p, source, ret);
    if (r >= 0 && comments)
        ret->comments = comments;
    return r;
}

static int add_row(struct parse *p, struct rows *rows, const struct instr *i)
{
    if (rows->n >= DOCKERFILE_MAX_INSTRS)
        return err_set(p->e, SHALE_LIMIT, "%.200s:%u: more than %d instructions", p->file,
                       i->pos.line, DOCKERFILE_MAX_INSTRS);
    if (i->kind == INSTR_FROM && ++rows->n_stages > DOCKERFILE_MAX_STAGES)
        return err_set(p->e, SHALE_LIMIT, "%.200s:%u: more than %d stages", p->file, i->pos.line,
                       DOCKERFILE_MAX_STAGES);
    if (rows->n_stages == 0 && i->kind != INSTR_ARG)
        return parse_fail_at(p, i->pos,
                             "no build stage in current context: %s stands before the first FROM",
                             instr_name(i->kind));
    if (rows->n == rows->cap) {
        size_t cap = rows->cap ? 2 * rows->cap : 16;
        struct instr *v = mem_resize(rows->v, cap * sizeof *v);
        if (!v)
            return err_nomem(p->e);
        rows->v = v;
        rows->cap = cap;
    }
    rows->v[rows->n++] = *i;
    return 0;
}

static int fill_stage(struct parse *p, const struct instr *from, struct dockerfile_stage *ret)
{
    *ret = (struct dockerfile_stage){.from = from, .base = from->words[0], .instrs = from + 1};
    for (size_t k = 0; k < from->n_flags; k++)
        ret->platform = from->flags[k].value;
    if (from->n_words < 3)
        return 0;
    char *name = arena_strdup(p->a, from->words[2]);
    if (!name)
        return parse_nomem(p);
    for (char *s = name; *s; s++)
        *s = (char)tolower((unsigned char)*s);
    ret->name = name;
    return 0;
}

static int cut_stages(struct parse *p, const struct rows *rows, struct dockerfile *ret)
{
    struct dockerfile_stage *stages = arena_array(p->a, rows->n_stages, sizeof *stages), *s = NULL;
    const struct instr *v = arena_memdup(p->a, rows->v, rows->n * sizeof *v);

    if (!stages || !v)
        return parse_nomem(p);
    ret->args = v;
    ret->stages = stages;
    for (size_t i = 0; i < rows->n; i++) {
        if (v[i].kind == INSTR_FROM) {
            s = &stages[ret->n_stages++];
            int r = fill_stage(p, &v[i], s);
            if (r < 0)
                return r;
        } else if (s) {
            s->n_instrs++;
        } else {
            ret->n_args++;
        }
    }
    return 0;
}

static int parse_rows(struct parse *p, struct rows *rows)
{
    int r;

    while ((r = lex_line(p)) == 0) {
        struct instr i = {0};
        r = parse_line(p, &i);
        if (r >= 0)
            r = add_row(p, rows, &i);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : 0;
}

static int parse_file(struct parse *p, struct dockerfile *ret)
{
    struct parse_directives directives;
    _cleanup_(rows_clear) struct rows rows = {0};

    int r = lex_directives(p, &directives);
    if (r >= 0)
        r = parse_rows(p, &rows);
    if (r < 0)
        return r;
    ret->syntax = directives.syntax;
    ret->check = directives.check;
    ret->escape = p->escape;
    if (rows.n == 0)
        return err_set(p->e, SHALE_INVALID, "%.200s: file with no instructions", p->file);
    if (rows.n_stages == 0)
        return err_set(p->e, SHALE_INVALID,
                       "%.200s: dockerfile contains no stages to build: there is no FROM", p->file);
    return cut_stages(p, &rows, ret);
}

/* Text that is too much, or no text. */
static int check_text(const char *file, const char *text, size_t n, struct shale_err *e)
{
    if (n > DOCKERFILE_MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "%.200s: more than %u bytes", file, DOCKERFILE_MAX_BYTES);
    const char *nul = n ? memchr(text, 0, n) : NULL;
    if (!nul)
        return 0;
    unsigned line = 1;
    for (const char *s = text; s < nul; s++)
        line += *s == '\n';
    return err_set(e, SHALE_INVALID, "%.200s:%u: not text: there is a NUL byte", file, line);
}

int dockerfile_parse(const char *file, const char *text, size_t n, struct arena *a,
                     struct dockerfile *ret, struct shale_err *e)
{
    *ret = (struct dockerfile){.escape = '\\'};
    int r = check_text(file, text, n, e);
    if (r < 0)
        return r;
    _cleanup_(parse_clear) struct parse p = {.a = a, .e = e, .escape = '\\'};
    buf_init(&p.joined, DOCKERFILE_MAX_BYTES + 1);
    ret->file = p.file = arena_strdup(a, file);
    ret->text = p.at = arena_strndup(a, text, n);
    if (!p.file || !p.at)
        return err_nomem(e);
    p.end = p.at + n;
    r = parse_file(&p, ret);
    ret->failed = p.failed;
    ret->failed_end = p.failed_end;
    return r;
}

static int parse_only(struct parse *p, struct instr *ret)
{
    int r = lex_line(p);

    if (r > 0)
        return err_set(p->e, SHALE_INVALID, "%.200s: no instruction", p->file);
    if (r >= 0)
        r = parse_line(p, ret);
    if (r < 0)
        return r;
    if (ret->kind == INSTR_FROM)
        return parse_fail(p, p->source, "FROM isn't allowed here");
    r = lex_line(p);
    if (r == 0)
        return parse_fail(p, NULL, "more than one instruction");
    return r < 0 ? r : 0;
}

int dockerfile_parse_line(const char *file, const char *line, char escape, struct arena *a,
                          struct instr *ret, struct shale_err *e)
{
    _cleanup_(parse_clear) struct parse p = {.a = a, .e = e, .escape = escape};
    int r = check_text(file, line, strlen(line), e);

    if (r < 0)
        return r;
    p.file = arena_strdup(a, file);
    p.at = line;
    p.end = line + strlen(line);
    if (!p.file)
        return err_nomem(e);
    buf_init(&p.joined, DOCKERFILE_MAX_BYTES + 1);
    return parse_only(&p, ret);
}
