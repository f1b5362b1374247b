/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The parsed template. Private to view/tmpl*.c; everything lives in the template's arena and is
 * constant once parsed. */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "view/tmpl.h"

enum node_type {
    /* expressions */
    NODE_BOOL,
    NODE_DOT,
    NODE_NIL,
    NODE_NUMBER,
    NODE_STRING,
    NODE_FIELD,    /* .a.b */
    NODE_VARIABLE, /* $x.a.b */
    NODE_CHAIN,    /* (pipeline).a.b */
    NODE_IDENT,    /* a function */
    NODE_PIPE,
    NODE_COMMAND,
    /* what stands in a list */
    NODE_LIST,
    NODE_TEXT,
    NODE_ACTION,
    NODE_IF,
    NODE_RANGE,
    NODE_WITH,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE,
    /* marks, only while parsing */
    NODE_ELSE,
    NODE_END,
};

struct nodes {
    struct node **v;
    size_t n, cap;
};

struct node {
    enum node_type type;
    uint32_t pos; /* byte offset in the source */
    union {
        bool b;            /* BOOL */
        struct nodes list; /* LIST; COMMAND: the function or value, then its arguments */
        struct {
            struct nodes cmds, decl;
            bool assign;
        } pipe;
        struct {
            struct node *pipe, *body, *other; /* ACTION (pipe only), IF, RANGE, WITH */
        } branch;
        struct {
            struct str name;
            struct node *pipe; /* NULL: nil */
        } call;                /* TEMPLATE */
        struct {
            struct str text;   /* STRING: the value */
            struct str quoted; /* STRING: as written */
        } str;                 /* TEXT, STRING */
        struct {
            struct node *of;    /* CHAIN only */
            const char **ident; /* NUL-terminated; VARIABLE: the first is the name with its $ */
            size_t n, cap;
        } path; /* FIELD, VARIABLE, CHAIN */
        struct {
            struct str text;
            struct tmpl_val val;
            bool overflow; /* too large for an int */
            bool is_int;   /* its value is whole, so it will do where an integer is wanted */
        } num;             /* NUMBER */
        struct {
            const struct tmpl_func *f;
        } fn; /* IDENT */
    };
};

struct tree {
    struct str name;
    struct node *root; /* a LIST */
};

struct tmpl {
    struct arena arena;
    struct str src;
    struct tree *trees; /* the main one is trees[0], with an empty name */
    size_t n_trees, cap_trees;
};

/* Nothing but white space? (Such a definition does not replace another.) */
bool node_is_empty(const struct node *n);

/* The node as Go prints it in messages, cut at n - 1 bytes; always terminated. Returns dst. */
char *node_format(const struct node *n, char *dst, size_t size);

/* A literal's value. The error is the text of Go's message, in the arena, or NULL for success. */
const char *node_parse_number(struct node *n, struct str text, bool is_char, struct arena *a);
/* Go's strconv.Unquote of "…" or `…`: false where the syntax is wrong or memory is out. */
bool node_unquote(struct str quoted, struct arena *a, struct str *ret);
