/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The tokens of a template, one at a time. Private to view/tmpl*.c. */
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum tok {
    TOK_ERROR, /* val is the message; the last token */
    TOK_EOF,
    TOK_TEXT,
    TOK_LDELIM,
    TOK_RDELIM,
    TOK_SPACE,
    TOK_BOOL,
    TOK_CHAR, /* any other printable ASCII character */
    TOK_CHARCONST,
    TOK_COMPLEX,
    TOK_ASSIGN,
    TOK_DECLARE,
    TOK_FIELD, /* with its dot */
    TOK_IDENT,
    TOK_LPAREN,
    TOK_RPAREN,
    TOK_NUMBER,
    TOK_PIPE,
    TOK_RAWSTRING, /* strings keep their quotes */
    TOK_STRING,
    TOK_VARIABLE,
    TOK_KEYWORD, /* not a token: what follows are keywords */
    TOK_BLOCK,
    TOK_BREAK,
    TOK_CONTINUE,
    TOK_DOT,
    TOK_DEFINE,
    TOK_ELSE,
    TOK_END,
    TOK_IF,
    TOK_NIL,
    TOK_RANGE,
    TOK_TEMPLATE,
    TOK_WITH,
};

struct token {
    enum tok type;
    uint32_t pos, line; /* byte offset, line from 1 */
    struct str val;     /* borrowed from the source; of an error, from the arena */
};

enum lex_state { LEX_TEXT, LEX_LDELIM, LEX_INSIDE, LEX_END };

struct lexer {
    struct str src;
    struct arena *a; /* for messages */
    enum lex_state state;
    size_t pos, start;
    size_t counted; /* newlines before here are in `line` */
    uint32_t line;
    int parens;
};

void lex_init(struct lexer *l, struct str src, struct arena *a);
/* After TOK_EOF or TOK_ERROR it goes on giving TOK_EOF. */
struct token lex_next(struct lexer *l);
