/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens into nodes: expressions, with the three tokens of look-ahead that the grammar needs. */
#include "view/tmpl_parse.h"

#include "view/text.h"
#include "view/tmpl_func.h"
#include "view/uni.h"

/* ---- errors: each function that fails has set the error and returns NULL or a negative code ----
 */

int tmpl_parse_fail(struct scope *s, const char *fmt, ...)
{
    char msg[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return err_set(s->p->e, SHALE_INVALID, "template: :%u: %s", s->tok[0].line, msg);
}

int parse_fail_unexpected(struct scope *s, struct token t, const char *where)
{
    struct buf b = BUF_INIT(4096);
    int r;
    if (t.type == TOK_ERROR) {
        bool started = s->action_line && s->action_line != t.line;
        bool is_action = t.val.n >= 7 && memcmp(t.val.p + t.val.n - 7, " action", 7) == 0;
        if (started)
            buf_addf(&b, "%s started at :%u", is_action ? "" : " in action", s->action_line);
        r = tmpl_parse_fail(s, "%.*s%s", (int)t.val.n, t.val.p, buf_str(&b));
    } else if (t.type == TOK_EOF) {
        r = tmpl_parse_fail(s, "unexpected EOF in %s", where);
    } else if (t.type > TOK_KEYWORD) {
        r = tmpl_parse_fail(s, "unexpected <%.*s> in %s", (int)t.val.n, t.val.p, where);
    } else {
        struct str shown = {t.val.p, uni_prefix(t.val.p, t.val.n, 10)};
        text_quote(&b, shown);
        r = tmpl_parse_fail(s, "unexpected %s%s in %s", buf_str(&b), t.val.n > 10 ? "..." : "",
                            where);
    }
    buf_clear(&b);
    return r;
}

int parse_fail_quoted(struct scope *s, const char *before, struct str what, const char *after)
{
    struct buf b = BUF_INIT(4096);
    text_quote(&b, what);
    int r = tmpl_parse_fail(s, "%s%s%s", before, buf_str(&b), after);
    buf_clear(&b);
    return r;
}

static void *fail_nomem(struct scope *s)
{
    err_nomem(s->p->e);
    return NULL;
}

/* ---- tokens ---- */

struct token parse_next(struct scope *s)
{
    if (s->n_ahead > 0)
        s->n_ahead--;
    else
        s->tok[0] = lex_next(&s->p->lex);
    return s->tok[s->n_ahead];
}

void parse_backup(struct scope *s)
{
    s->n_ahead++;
}

struct token parse_peek(struct scope *s)
{
    if (s->n_ahead == 0) {
        s->n_ahead = 1;
        s->tok[0] = lex_next(&s->p->lex);
    }
    return s->tok[s->n_ahead - 1];
}

struct token parse_next_word(struct scope *s)
{
    struct token t;
    do
        t = parse_next(s);
    while (t.type == TOK_SPACE);
    return t;
}

struct token parse_peek_word(struct scope *s)
{
    struct token t = parse_next_word(s);
    parse_backup(s);
    return t;
}

int parse_expect(struct scope *s, enum tok type, const char *where, struct token *ret)
{
    *ret = parse_next_word(s);
    return ret->type == type ? 0 : parse_fail_unexpected(s, *ret, where);
}

/* ---- nodes ---- */

struct node *parse_node(struct scope *s, enum node_type type, uint32_t pos)
{
    if (++s->p->n_nodes > TMPL_MAX_NODES) {
        err_set(s->p->e, SHALE_LIMIT, "template: :%u: more than %d parts", s->tok[0].line,
                TMPL_MAX_NODES);
        return NULL;
    }
    struct node *n = arena_alloc(&s->p->t->arena, sizeof *n);
    if (!n)
        return fail_nomem(s);
    n->type = type;
    n->pos = pos;
    return n;
}

bool parse_add(struct scope *s, struct nodes *list, struct node *n)
{
    struct node **v = arena_grow(&s->p->t->arena, list->v, list->n, &list->cap, sizeof *v);
    if (!v)
        return fail_nomem(s);
    list->v = v;
    v[list->n++] = n;
    return true;
}

/* Appends the parts of "a.b.c" to a path. */
static bool add_path(struct scope *s, struct node *n, struct str dotted)
{
    struct str part;
    while (str_split(&dotted, '.', &part)) {
        const char **v =
            arena_grow(&s->p->t->arena, n->path.ident, n->path.n, &n->path.cap, sizeof *v);
        char *copy = v ? arena_strndup(&s->p->t->arena, part.p, part.n) : NULL;
        if (!copy)
            return fail_nomem(s);
        n->path.ident = v;
        v[n->path.n++] = copy;
    }
    return true;
}

bool parse_enter(struct scope *s)
{
    if (++s->p->depth <= TMPL_MAX_NESTING)
        return true;
    err_set(s->p->e, SHALE_LIMIT, "template: :%u: nested more than %d deep", s->tok[0].line,
            TMPL_MAX_NESTING);
    return false;
}

bool parse_declare(struct scope *s, struct str name)
{
    struct str *v = arena_grow(&s->p->t->arena, s->vars, s->n_vars, &s->cap_vars, sizeof *v);
    if (!v)
        return fail_nomem(s);
    s->vars = v;
    v[s->n_vars++] = name;
    return true;
}

/* ---- expressions ---- */

static struct node *parse_variable(struct scope *s, struct token t)
{
    struct str name = t.val;
    bool known = false;
    for (size_t i = 0; i < s->n_vars && !known; i++)
        known = str_eq(s->vars[i], name);
    if (!known) {
        parse_fail_quoted(s, "undefined variable ", name, "");
        return NULL;
    }
    struct node *n = parse_node(s, NODE_VARIABLE, t.pos);
    return n && add_path(s, n, name) ? n : NULL;
}

static struct node *parse_ident(struct scope *s, struct token t)
{
    const struct tmpl_func *f = tmpl_func_find(t.val);
    if (!f) {
        parse_fail_quoted(s, "function ", t.val, " not defined");
        return NULL;
    }
    struct node *n = parse_node(s, NODE_IDENT, t.pos);
    if (n)
        n->fn.f = f;
    return n;
}

static struct node *parse_string(struct scope *s, struct token t)
{
    struct node *n = parse_node(s, NODE_STRING, t.pos);
    if (!n)
        return NULL;
    n->str.quoted = t.val;
    if (!node_unquote(t.val, &s->p->t->arena, &n->str.text)) {
        tmpl_parse_fail(s, "invalid syntax");
        return NULL;
    }
    return n;
}

static struct node *parse_number(struct scope *s, struct token t)
{
    struct node *n = parse_node(s, NODE_NUMBER, t.pos);
    if (!n)
        return NULL;
    const char *msg = t.type == TOK_COMPLEX
                          ? "complex numbers are not supported"
                          : node_parse_number(n, t.val, t.type == TOK_CHARCONST, &s->p->t->arena);
    if (msg) {
        tmpl_parse_fail(s, "%s", msg);
        return NULL;
    }
    return n;
}

static struct node *parse_field(struct scope *s, struct token t)
{
    struct node *n = parse_node(s, NODE_FIELD, t.pos);
    return n && add_path(s, n, (struct str){t.val.p + 1, t.val.n - 1}) ? n : NULL;
}

/* 0 and *ret; 0 and NULL where no operand begins here; negative. */
static int parse_term(struct scope *s, struct node **ret)
{
    struct token t = parse_next_word(s);
    struct node *n = NULL;
    switch (t.type) {
    case TOK_IDENT:
        n = parse_ident(s, t);
        break;
    case TOK_DOT:
        n = parse_node(s, NODE_DOT, t.pos);
        break;
    case TOK_NIL:
        n = parse_node(s, NODE_NIL, t.pos);
        break;
    case TOK_VARIABLE:
        n = parse_variable(s, t);
        break;
    case TOK_FIELD:
        n = parse_field(s, t);
        break;
    case TOK_BOOL:
        n = parse_node(s, NODE_BOOL, t.pos);
        if (n)
            n->b = t.val.n == 4;
        break;
    case TOK_CHARCONST:
    case TOK_COMPLEX:
    case TOK_NUMBER:
        n = parse_number(s, t);
        break;
    case TOK_LPAREN:
        n = parse_pipeline(s, "parenthesized pipeline", TOK_RPAREN);
        break;
    case TOK_STRING:
    case TOK_RAWSTRING:
        n = parse_string(s, t);
        break;
    default:
        parse_backup(s);
        *ret = NULL;
        return 0;
    }
    *ret = n;
    return n ? 0 : -SHALE_INVALID;
}

/* A term and the fields that follow it without a blank. */
static int parse_operand(struct scope *s, struct node **ret)
{
    int r = parse_term(s, ret);
    if (r < 0 || !*ret || parse_peek(s).type != TOK_FIELD)
        return r;
    struct node *term = *ret, *n;
    uint32_t pos = parse_peek(s).pos;
    switch (term->type) {
    case NODE_BOOL:
    case NODE_STRING:
    case NODE_NUMBER:
    case NODE_NIL:
    case NODE_DOT: {
        char text[200];
        node_format(term, text, sizeof text);
        return parse_fail_quoted(s, "unexpected . after term ", str_of(text), "");
    }
    case NODE_FIELD:
    case NODE_VARIABLE:
        n = term;
        n->pos = pos;
        break;
    default:
        n = parse_node(s, NODE_CHAIN, pos);
        if (!n)
            return -SHALE_INVALID;
        n->path.of = term;
    }
    while (parse_peek(s).type == TOK_FIELD) {
        struct str f = parse_next(s).val;
        if (!add_path(s, n, (struct str){f.p + 1, f.n - 1}))
            return -SHALE_NO_MEMORY;
    }
    *ret = n;
    return 0;
}

static struct node *parse_command(struct scope *s)
{
    struct node *cmd = parse_node(s, NODE_COMMAND, parse_peek_word(s).pos), *arg;
    if (!cmd)
        return NULL;
    for (;;) {
        parse_peek_word(s);
        if (parse_operand(s, &arg) < 0 || (arg && !parse_add(s, &cmd->list, arg)))
            return NULL;
        struct token t = parse_next(s);
        if (t.type == TOK_SPACE)
            continue;
        if (t.type == TOK_RDELIM || t.type == TOK_RPAREN) {
            parse_backup(s);
        } else if (t.type != TOK_PIPE) {
            parse_fail_unexpected(s, t, "operand");
            return NULL;
        }
        break;
    }
    if (cmd->list.n == 0) {
        tmpl_parse_fail(s, "empty command");
        return NULL;
    }
    return cmd;
}

static int check_pipeline(struct scope *s, const struct node *pipe, const char *where)
{
    const struct nodes *c = &pipe->pipe.cmds;
    if (c->n == 0)
        return tmpl_parse_fail(s, "missing value for %s", where);
    for (size_t i = 1; i < c->n; i++)
        if (c->v[i]->list.v[0]->type <= NODE_STRING)
            return tmpl_parse_fail(s, "non executable command in pipeline stage %zu", i + 1);
    return 0;
}

static int declare_in(struct scope *s, struct node *pipe, struct token v)
{
    struct node *n = parse_node(s, NODE_VARIABLE, v.pos);
    if (!n || !add_path(s, n, v.val) || !parse_add(s, &pipe->pipe.decl, n) ||
        !parse_declare(s, v.val))
        return -SHALE_INVALID;
    return 0;
}

/* "$x :=", "$x =", or in a range "$i, $v :=". */
static int parse_decls(struct scope *s, struct node *pipe, const char *where)
{
    while (parse_peek_word(s).type == TOK_VARIABLE) {
        struct token v = parse_next_word(s), after = parse_peek(s), op = parse_peek_word(s);
        if (op.type == TOK_ASSIGN || op.type == TOK_DECLARE) {
            pipe->pipe.assign = op.type == TOK_ASSIGN;
            parse_next_word(s);
            return declare_in(s, pipe, v);
        }
        if (op.type != TOK_CHAR || op.val.p[0] != ',') {
            /* Not a declaration after all: v is the first operand. */
            if (after.type == TOK_SPACE) {
                s->tok[1] = after;
                s->tok[2] = v;
                s->n_ahead = 3;
            } else {
                s->tok[1] = v;
                s->n_ahead = 2;
            }
            return 0;
        }
        parse_next_word(s);
        int r = declare_in(s, pipe, v);
        if (r < 0)
            return r;
        if (!streq(where, "range") || pipe->pipe.decl.n >= 2)
            return tmpl_parse_fail(s, "too many declarations in %s", where);
        enum tok type = parse_peek_word(s).type;
        if (type != TOK_VARIABLE && type != TOK_RDELIM && type != TOK_RPAREN)
            return tmpl_parse_fail(s, "range can only initialize variables");
    }
    return 0;
}

static bool begins_operand(enum tok t)
{
    switch (t) {
    case TOK_BOOL:
    case TOK_CHARCONST:
    case TOK_COMPLEX:
    case TOK_DOT:
    case TOK_FIELD:
    case TOK_IDENT:
    case TOK_NUMBER:
    case TOK_NIL:
    case TOK_RAWSTRING:
    case TOK_STRING:
    case TOK_VARIABLE:
    case TOK_LPAREN:
        return true;
    default:
        return false;
    }
}

struct node *parse_pipeline(struct scope *s, const char *where, enum tok end)
{
    struct node *pipe = parse_node(s, NODE_PIPE, parse_peek_word(s).pos);
    if (!pipe || !parse_enter(s) || parse_decls(s, pipe, where) < 0)
        return NULL;
    for (;;) {
        struct token t = parse_next_word(s);
        if (t.type == end)
            break;
        if (!begins_operand(t.type)) {
            parse_fail_unexpected(s, t, where);
            return NULL;
        }
        parse_backup(s);
        struct node *cmd = parse_command(s);
        if (!cmd || !parse_add(s, &pipe->pipe.cmds, cmd))
            return NULL;
    }
    s->p->depth--;
    return check_pipeline(s, pipe, where) < 0 ? NULL : pipe;
}
