/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent: actions, definitions and the template as a whole. */
#include "view/tmpl.h"

#include <stdlib.h>

#include "base/mem.h"
#include "view/tmpl_parse.h"

static struct node *parse_item(struct scope *s);

/* Up to {{else}} or {{end}}, which goes to *ret_next. */
static struct node *parse_list(struct scope *s, struct node **ret_next)
{
    struct node *list = parse_node(s, NODE_LIST, parse_peek_word(s).pos);
    while (list && parse_peek_word(s).type != TOK_EOF) {
        struct node *n = parse_item(s);
        if (!n)
            return NULL;
        if (n->type == NODE_ELSE || n->type == NODE_END) {
            *ret_next = n;
            return list;
        }
        if (!parse_add(s, &list->list, n))
            return NULL;
    }
    if (list)
        tmpl_parse_fail(s, "unexpected EOF");
    return NULL;
}

static struct node *parse_branch(struct scope *s, enum node_type type);

/* What follows {{else}}: a list, or the if of {{else if}}, the with of {{else with}}. */
static struct node *parse_else(struct scope *s, enum node_type type, const struct node *mark)
{
    enum tok t = parse_peek(s).type;
    struct node *other, *end;
    if ((type == NODE_IF && t == TOK_IF) || (type == NODE_WITH && t == TOK_WITH)) {
        parse_next(s);
        other = parse_node(s, NODE_LIST, mark->pos);
        struct node *n = other ? parse_branch(s, type) : NULL;
        return n && parse_add(s, &other->list, n) ? other : NULL;
    }
    other = parse_list(s, &end);
    if (other && end->type != NODE_END) {
        tmpl_parse_fail(s, "expected end; found {{else}}");
        return NULL;
    }
    return other;
}

static struct node *parse_branch(struct scope *s, enum node_type type)
{
    static const char *const names[] = {
        [NODE_IF] = "if", [NODE_RANGE] = "range", [NODE_WITH] = "with"};
    size_t n_vars = s->n_vars;
    struct node *n = parse_node(s, type, 0), *mark;
    if (!n || !parse_enter(s))
        return NULL;
    n->branch.pipe = parse_pipeline(s, names[type], TOK_RDELIM);
    if (!n->branch.pipe)
        return NULL;
    n->pos = n->branch.pipe->pos;
    s->range_depth += type == NODE_RANGE;
    n->branch.body = parse_list(s, &mark);
    s->range_depth -= type == NODE_RANGE;
    if (!n->branch.body)
        return NULL;
    if (mark->type == NODE_ELSE) {
        n->branch.other = parse_else(s, type, mark);
        if (!n->branch.other)
            return NULL;
    }
    s->n_vars = n_vars;
    s->p->depth--;
    return n;
}

static struct node *parse_break(struct scope *s, struct token t)
{
    const char *name = t.type == TOK_BREAK ? "{{break}}" : "{{continue}}";
    struct token end = parse_next_word(s);
    if (end.type != TOK_RDELIM) {
        parse_fail_unexpected(s, end, name);
        return NULL;
    }
    if (s->range_depth == 0) {
        tmpl_parse_fail(s, "%s outside {{range}}", name);
        return NULL;
    }
    return parse_node(s, t.type == TOK_BREAK ? NODE_BREAK : NODE_CONTINUE, t.pos);
}

static struct node *parse_else_mark(struct scope *s)
{
    struct token t = parse_peek_word(s);
    if (t.type != TOK_IF && t.type != TOK_WITH && parse_expect(s, TOK_RDELIM, "else", &t) < 0)
        return NULL;
    return parse_node(s, NODE_ELSE, t.pos);
}

static struct node *parse_end_mark(struct scope *s)
{
    struct token t;
    return parse_expect(s, TOK_RDELIM, "end", &t) < 0 ? NULL : parse_node(s, NODE_END, t.pos);
}

static int parse_template_name(struct scope *s, struct token t, const char *where, struct str *ret)
{
    if (t.type != TOK_STRING && t.type != TOK_RAWSTRING)
        return parse_fail_unexpected(s, t, where);
    return node_unquote(t.val, &s->p->t->arena, ret) ? 0 : tmpl_parse_fail(s, "invalid syntax");
}

static int add_tree(struct scope *s, struct node *root)
{
    struct tmpl *t = s->p->t;
    for (size_t i = 0; i < t->n_trees; i++) {
        struct tree *have = &t->trees[i];
        if (!str_eq(have->name, s->name))
            continue;
        if (node_is_empty(have->root))
            have->root = root;
        else if (!node_is_empty(root))
            return parse_fail_quoted(s, "template: multiple definition of template ", s->name, "");
        return 0;
    }
    struct tree *v = arena_grow(&t->arena, t->trees, t->n_trees, &t->cap_trees, sizeof *v);
    if (!v)
        return err_nomem(s->p->e);
    t->trees = v;
    v[t->n_trees++] = (struct tree){s->name, root};
    return 0;
}

/* The body of a define or block up to its {{end}}, as a template of its own. */
static int parse_body(struct parser *p, struct str name, const char *where, uint32_t line)
{
    struct scope s = {.p = p, .name = name, .tok[0] = {.line = line}};
    struct node *end, *root;
    if (!parse_declare(&s, STR("$")))
        return -SHALE_NO_MEMORY;
    root = parse_list(&s, &end);
    if (!root)
        return -SHALE_INVALID;
    if (end->type != NODE_END)
        return tmpl_parse_fail(&s, "unexpected {{else}} in %s", where);
    return add_tree(&s, root);
}

static int parse_define(struct scope *s)
{
    static const char where[] = "define clause";
    struct token t = parse_next_word(s);
    struct str name;
    int r = parse_template_name(s, t, where, &name);
    if (r < 0 || (r = parse_expect(s, TOK_RDELIM, where, &t)) < 0)
        return r;
    return parse_body(s->p, name, where, t.line);
}

static struct node *parse_template(struct scope *s, bool block)
{
    const char *where = block ? "block clause" : "template clause";
    struct token t = parse_next_word(s);
    struct node *n = parse_node(s, NODE_TEMPLATE, t.pos);
    if (!n || parse_template_name(s, t, where, &n->call.name) < 0)
        return NULL;
    if (block || parse_peek_word(s).type != TOK_RDELIM) {
        n->call.pipe = parse_pipeline(s, where, TOK_RDELIM);
        if (!n->call.pipe)
            return NULL;
    } else {
        parse_next_word(s);
    }
    if (block && (!parse_enter(s) || parse_body(s->p, n->call.name, where, s->tok[0].line) < 0))
        return NULL;
    s->p->depth -= block;
    return n;
}

static struct node *parse_action(struct scope *s)
{
    struct token t = parse_next_word(s);
    switch (t.type) {
    case TOK_BLOCK:
    case TOK_TEMPLATE:
        return parse_template(s, t.type == TOK_BLOCK);
    case TOK_BREAK:
    case TOK_CONTINUE:
        return parse_break(s, t);
    case TOK_ELSE:
        return parse_else_mark(s);
    case TOK_END:
        return parse_end_mark(s);
    case TOK_IF:
        return parse_branch(s, NODE_IF);
    case TOK_RANGE:
        return parse_branch(s, NODE_RANGE);
    case TOK_WITH:
        return parse_branch(s, NODE_WITH);
    default:
        parse_backup(s);
    }
    struct node *n = parse_node(s, NODE_ACTION, parse_peek(s).pos);
    if (!n)
        return NULL;
    n->branch.pipe = parse_pipeline(s, "command", TOK_RDELIM);
    return n->branch.pipe ? n : NULL;
}

static struct node *parse_item(struct scope *s)
{
    struct token t = parse_next_word(s);
    struct node *n = NULL;
    if (t.type == TOK_TEXT) {
        n = parse_node(s, NODE_TEXT, t.pos);
        if (n)
            n->str.text = t.val;
    } else if (t.type == TOK_LDELIM) {
        s->action_line = t.line;
        n = parse_action(s);
        s->action_line = 0;
    } else {
        parse_fail_unexpected(s, t, "input");
    }
    return n;
}

static int parse_main(struct scope *s)
{
    struct node *root = parse_node(s, NODE_LIST, parse_peek(s).pos);
    if (!root || !parse_declare(s, STR("$")) || add_tree(s, NULL) < 0)
        return -SHALE_NO_MEMORY;
    while (parse_peek(s).type != TOK_EOF) {
        if (parse_peek(s).type == TOK_LDELIM) {
            struct token delim = parse_next(s);
            if (parse_next_word(s).type == TOK_DEFINE) {
                int r = parse_define(s);
                if (r < 0)
                    return r;
                continue;
            }
            s->tok[1] = delim;
            s->n_ahead = 2;
        }
        struct node *n = parse_item(s);
        if (!n)
            return -SHALE_INVALID;
        if (n->type == NODE_ELSE || n->type == NODE_END)
            return tmpl_parse_fail(s, "unexpected {{%s}}", n->type == NODE_ELSE ? "else" : "end");
        if (!parse_add(s, &root->list, n))
            return -SHALE_NO_MEMORY;
    }
    return add_tree(s, root);
}

int tmpl_parse(const char *src, size_t n, struct tmpl **ret, struct shale_err *e)
{
    struct shale_err mine = SHALE_ERR_INIT;
    if (n > TMPL_MAX_SOURCE)
        return err_set(e, SHALE_LIMIT, "template: larger than %u bytes", TMPL_MAX_SOURCE);
    struct tmpl *t = mem_alloc(sizeof *t);
    if (!t)
        return err_nomem(e);
    arena_init(&t->arena, ARENA_DEFAULT_MAX);
    struct parser p = {.t = t, .e = e ? e : &mine};
    char *copy = arena_alloc(&t->arena, n + 1);
    if (!copy) {
        tmpl_free(t);
        return err_nomem(e);
    }
    memcpy(copy, src, n);
    t->src = (struct str){copy, n};
    lex_init(&p.lex, t->src, &t->arena);
    struct scope s = {.p = &p};
    int r = parse_main(&s) < 0 ? -p.e->code : 0;
    if (t->arena.failed == SHALE_NO_MEMORY) /* whatever it was taken for */
        r = err_nomem(p.e);
    if (r < 0) {
        tmpl_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

void tmpl_free(struct tmpl *t)
{
    if (!t)
        return;
    arena_clear(&t->arena);
    free(t);
}
