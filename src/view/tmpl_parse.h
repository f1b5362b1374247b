/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the two halves of the template parser share: tmpl_expr.c (tokens, nodes, expressions) and
 * tmpl_parse.c (actions, definitions). Private to them. A function that fails has set the error and
 * returns NULL, false or a negative code. */
#include "view/tmpl_lex.h"
#include "view/tmpl_node.h"

struct parser {
    struct tmpl *t;
    struct lexer lex;
    struct shale_err *e;
    size_t n_nodes;
    unsigned depth;
};

/* One template of the source: the main one, or that of a define or block. */
struct scope {
    struct parser *p;
    struct str name;
    struct token tok[3];
    int n_ahead;
    struct str *vars;
    size_t n_vars, cap_vars;
    unsigned range_depth;
    uint32_t action_line;
};

/* Errors, with the line of the token read last. */
int tmpl_parse_fail(struct scope *s, const char *fmt, ...) ATTR_PRINTF(2, 3);
int parse_fail_quoted(struct scope *s, const char *before, struct str what, const char *after);
int parse_fail_unexpected(struct scope *s, struct token t, const char *where);

/* Tokens: with and without blanks. */
struct token parse_next(struct scope *s);
struct token parse_next_word(struct scope *s);
void parse_backup(struct scope *s);
struct token parse_peek(struct scope *s);
struct token parse_peek_word(struct scope *s);
int parse_expect(struct scope *s, enum tok type, const char *where, struct token *ret);

/* Nodes. */
struct node *parse_node(struct scope *s, enum node_type type, uint32_t pos);
bool parse_add(struct scope *s, struct nodes *list, struct node *n);
bool parse_enter(struct scope *s); /* one level deeper; the caller lowers p->depth on success */
bool parse_declare(struct scope *s, struct str name);

struct node *parse_pipeline(struct scope *s, const char *where, enum tok end);
