/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The language of Dockerfiles: text into stages of instructions. Nothing is read, run or looked up
 * here; variables are expanded later (expand.h), when it is known what they stand for.
 *
 *   struct dockerfile d;
 *   r = dockerfile_parse("Dockerfile", text, n, &arena, &d, e);
 *
 * All of *ret is in the arena. Errors are INVALID (LIMIT: one of the limits below) and name file,
 * line and column; dockerfile_excerpt shows the place. Syntax: docker's "Dockerfile reference",
 * parser directives `syntax`, `escape` and `check`, continuations, comments, heredocs.
 * Thread-safe: no state.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define DOCKERFILE_MAX_BYTES  (10u << 20)
#define DOCKERFILE_MAX_STAGES 10000
#define DOCKERFILE_MAX_INSTRS 100000 /* of all stages */
#define DOCKERFILE_MAX_WORDS  65536  /* of one instruction */

enum instr_kind {
    INSTR_FROM,
    INSTR_ARG,
    INSTR_RUN,
    INSTR_COPY,
    INSTR_ADD,
    INSTR_CMD,
    INSTR_ENTRYPOINT,
    INSTR_ENV,
    INSTR_LABEL,
    INSTR_EXPOSE,
    INSTR_VOLUME,
    INSTR_USER,
    INSTR_WORKDIR,
    INSTR_STOPSIGNAL,
    INSTR_SHELL,
    INSTR_HEALTHCHECK,
    INSTR_ONBUILD,
    INSTR_MAINTAINER,
    INSTR_KINDS
};
const char *instr_name(enum instr_kind k); /* "RUN" */

struct dockerfile_pos {
    unsigned line, column; /* from 1, columns in bytes */
};
struct instr_flag { /* --name=value before the arguments; repeated ones stay apart, in order */
    const char *name, *value; /* value NULL: no '=' */
    struct dockerfile_pos pos;
};
struct instr_heredoc {
    const char *name; /* the delimiter, without quotes */
    size_t word;      /* of COPY and ADD: words[word] is the <<name */
    const char *text; /* lines with their ends; tabs are gone for <<- */
    bool expand;      /* the delimiter was not quoted: variables are expanded */
};
struct instr_pair {           /* of ARG, ENV and LABEL; not expanded, quotes still there */
    const char *name, *value; /* value NULL: ARG without default */
    bool legacy;              /* "ENV name value" without '=' */
};
struct instr {
    enum instr_kind kind;
    struct dockerfile_pos pos;
    unsigned end_line;  /* with heredoc bodies */
    const char *source; /* as written, lines joined, without heredoc bodies: what progress shows */
    /* Behind keyword and flags, lines joined, comment lines gone; without heredoc bodies, but for
     * ONBUILD the whole trigger with them. Not expanded. */
    const char *rest;
    bool script; /* RUN <<EOF and nothing else: the body is what is run, by its "#!" or the shell */
    const struct instr_flag *flags;
    size_t n_flags;
    bool json;                /* the arguments are a JSON list of strings: words are its items */
    const char *const *words; /* else: split at white space, quotes still there. NULL ends it. What
                                 takes one text (RUN CMD ENTRYPOINT SHELL in shell form, USER
                                 WORKDIR STOPSIGNAL MAINTAINER): that one, not split */
    size_t n_words;
    const struct instr_pair *pairs;
    size_t n_pairs;
    const struct instr_heredoc *heredocs;
    size_t n_heredocs;
    const struct instr *inner; /* of ONBUILD: the trigger; of HEALTHCHECK: the CMD, NULL for NONE */
    const char *const *comments; /* the comment lines right before it, without '#'; NULL ends it */
    unsigned empty_line;         /* an empty line among its continued ones; 0: none */
};
struct dockerfile_stage {
    const char *name;         /* lower case; NULL: none */
    const char *base;         /* words[0] of its FROM, not expanded */
    const char *platform;     /* of --platform, not expanded; NULL: none */
    const struct instr *from; /* in the file */
    const struct instr *instrs;
    size_t n_instrs;
};
struct dockerfile {
    const char *file;         /* its name, for messages */
    const char *text;         /* the whole of it, ended by 0 */
    const char *syntax;       /* directives; NULL: none */
    const char *check;        /* "skip=A,B;error=true" as written; NULL: none */
    char escape;              /* '\\' or '`' */
    const struct instr *args; /* ARG before the first FROM */
    size_t n_args;
    const struct dockerfile_stage *stages;
    size_t n_stages;
    struct dockerfile_pos failed; /* parsing gave INVALID: where (with file and text); else 0 */
    unsigned failed_end;          /* the last line of it */
};
int dockerfile_parse(const char *file, const char *text, size_t n, struct arena *a,
                     struct dockerfile *ret, struct shale_err *e);

/* One instruction, as a trigger of ONBUILD in an image config has it. Not FROM. */
int dockerfile_parse_line(const char *file, const char *line, char escape, struct arena *a,
                          struct instr *ret, struct shale_err *e);

/* The lines around a place, with their numbers and marks as BuildKit shows them ("   3 | >>> RUN
 * x"), each ended by a new line. NULL: no memory. */
const char *dockerfile_excerpt(const char *text, unsigned line, unsigned end_line, struct arena *a);

/* Of COPY and ADD: the heredoc that words[w] stands for; NULL: it is a path. */
const struct instr_heredoc *instr_word_heredoc(const struct instr *i, size_t w);

/* Of RUN in shell form: what the shell gets, with the bodies of heredocs where they belong. NULL:
 * no memory. */
const char *instr_shell_text(const struct instr *i, struct arena *a);

/* The value of a flag that is given once; NULL: it is not given. INVALID when it is twice. */
int instr_flag_get(const struct instr *i, const char *name, const char **ret, struct shale_err *e);
