/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside of the parser of Dockerfiles. lex.c makes lines of text, heredoc.c finds and reads
 * heredocs, parse_args.c cuts arguments, parse_instr.c makes an instruction, parse.c a whole file.
 *
 * All return 0 or -code. Errors go through parse_fail, which knows the place.
 */
#include <ctype.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "dockerfile/dockerfile.h"

struct parse_seg {    /* a piece of a line that was put together from several */
    size_t off;       /* where it begins in there */
    unsigned line;    /* of the file */
    unsigned column0; /* of its first byte, from 0 */
};
struct parse {
    const char *file;
    struct arena *a;
    struct shale_err *e;
    /* what is still to be read */
    const char *at, *end;
    unsigned line; /* lines read so far */
    char escape;
    /* the line that was read last, its continuations joined */
    struct buf joined;
    struct parse_seg *segs;
    size_t n_segs, segs_cap;
    unsigned first_line, empty_line;
    const char **comments; /* before it, n_comments of them */
    size_t n_comments, comments_cap;
    /* the text of the instruction that is made: joined from source_off on */
    const char *source;
    size_t source_off;
    /* where it failed */
    struct dockerfile_pos failed;
    unsigned failed_end;
};

/* Like isspace(3) of the C locale, whatever the program's. */
static inline bool parse_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* lex.c */
struct parse_directives {
    const char *syntax, *check;
};
int lex_directives(struct parse *p, struct parse_directives *ret);
/* The next line that is not empty into p->joined. 1: no more. */
int lex_line(struct parse *p);
/* One line as it is, with its end. 1: no more. */
int lex_raw(struct parse *p, struct str *ret);

/* INVALID at a place of p->source (NULL: the first line of p->joined). */
int parse_fail(struct parse *p, const char *at, const char *fmt, ...) ATTR_PRINTF(3, 4);
int parse_fail_at(struct parse *p, struct dockerfile_pos pos, const char *fmt, ...)
    ATTR_PRINTF(3, 4);
/* The arena gave nothing. */
int parse_nomem(struct parse *p);
struct dockerfile_pos parse_pos(const struct parse *p, const char *at);

/* parse_args.c: arguments of i->rest into its words or pairs */
int parse_words(struct parse *p, struct instr *i);        /* split at white space */
int parse_text(struct parse *p, struct instr *i);         /* one word, none if empty */
int parse_json_or_text(struct parse *p, struct instr *i); /* ["a","b"], else one text */
int parse_json_or_words(struct parse *p, struct instr *i);
int parse_arg(struct parse *p, struct instr *i);   /* name or name=value */
int parse_pairs(struct parse *p, struct instr *i); /* name=value, or one "name value" */
struct parse_list {
    const char **v;
    size_t n, cap;
};
int parse_add_word(struct parse *p, struct parse_list *l, const char *word, size_t n);

/* parse_flags.c: --name=value at the start of text; *rest is what is behind them. */
int parse_flags(struct parse *p, struct instr *i, const char *text, const char **rest);

/* parse_instr.c: of the text, white space at both ends gone. Heredocs are read from the lines that
 * come next. */
int parse_instr(struct parse *p, const char *text, struct instr *ret);

/* heredoc.c: bodies of the heredocs in the arguments of i (RUN COPY ADD, not JSON). */
int parse_heredocs(struct parse *p, struct instr *i);
struct heredoc_word {
    char *name; /* in the arena */
    bool expand, chomp;
};
/* 1: the word is one; 0: not. */
int heredoc_word(struct arena *a, const char *word, size_t n, struct heredoc_word *ret);

/* suggest.c: the one of n names that is most like it; NULL: none is. */
const char *suggest_nearest(const char *name, const char *const *names, size_t n);
