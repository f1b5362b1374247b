/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Go's text/template over JSON values: what docker's --format takes. Everything of the language
 * that users write is there (pipelines, variables, if, range, with, else, break, continue, define,
 * template, block, comments, trim markers, methods with arguments, Go's builtin functions and
 * docker's json, split, join, title, lower, upper, pad, truncate); complex numbers are not.
 * Messages are Go's, with the template's name empty as docker has it.
 *
 *   struct tmpl *t;
 *   r = tmpl_parse(text, strlen(text), &t, e);              // "template: :1: unexpected …"
 *   r = tmpl_exec(t, tmpl_json(doc), &(struct tmpl_exec_opts){0}, &out, e);
 *   tmpl_free(t);                                           // or _cleanup_(tmpl_freep)
 *
 * JSON has fewer types than Go. Where it matters to what docker's templates print, the value
 * decides: the index of a key that is missing from an object of strings (or from an empty one) is
 * "", as for docker's labels; an object whose members are all {} prints them so (volumes, ports); a
 * list of strings will do for join.
 *
 * Templates come from users, values from images: neither may crash or hang the program. Source
 * size, nesting, number of steps, memory in use and output (the maximum of `out`) are limited;
 * passing one is -SHALE_LIMIT. A template that does not parse or fails is -SHALE_INVALID; what was
 * written to `out` by then stays there, as in Go.
 *
 * A parsed template is never changed and may be executed by several threads at once.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define TMPL_MAX_SOURCE  (256u << 10)  /* bytes of a template */
#define TMPL_MAX_NODES   100000        /* parts it is parsed into */
#define TMPL_MAX_NESTING 100           /* of parentheses and of control structures, in the source */
#define TMPL_MAX_DEPTH   1000          /* of everything, while executing */
#define TMPL_MAX_STEPS   5000000ull    /* evaluations, and 64 bytes handled count as one */
#define TMPL_MAX_MEMORY  (64ull << 20) /* of values made while executing */

struct tmpl_object;

enum tmpl_kind {
    TMPL_NONE, /* no value: a key that is not there; prints "<no value>" */
    TMPL_NIL,  /* nil; JSON null */
    TMPL_BOOL,
    TMPL_INT,
    TMPL_FLOAT,
    TMPL_STR,  /* bytes, not necessarily UTF-8 */
    TMPL_JSON, /* a JSON array or object */
    TMPL_OBJ,  /* an object of the host */
};
enum tmpl_type {                  /* which Go type it would be, for messages and %T */
                 TMPL_T_DEFAULT,  /* int64 for an int, []interface {} for an array */
                 TMPL_T_INT,      /* int */
                 TMPL_T_UINT8,    /* a byte out of a string */
                 TMPL_T_STRINGS,  /* []string */
                 TMPL_T_POINTER,  /* a nil that prints "<nil>", not "<no value>" */
                 TMPL_T_NIL,      /* an empty array or object that is nil in Go: null in JSON */
                 TMPL_T_DURATION, /* an int that prints as "1m30s" */
};
struct tmpl_val {
    enum tmpl_kind kind;
    enum tmpl_type type;
    union {
        bool b;
        int64_t i;
        double f;
        struct str s;
        const json_t *j; /* borrowed */
        struct {
            const struct tmpl_object *o;
            void *p;
        } obj;
    };
};

/* A value of the host whose members are computed when asked for. */
struct tmpl_object {
    const char *type_name; /* for messages: "*formatter.imageContext" */
    /* Member `name`, or method with n_args string arguments: 0 and *ret (living in `a` or as long
     * as the object); 1 no such name; 2 it takes another number of arguments, ret->i of them.
     * Negative: error. */
    int (*get)(void *p, const char *name, const struct str *args, size_t n_args, struct arena *a,
               struct tmpl_val *ret, struct shale_err *e);
    /* Writes the object as JSON, with Go's json.Marshal escapes; may be NULL ("{}"). */
    int (*to_json)(void *p, struct arena *a, struct buf *b, struct shale_err *e);
};

/* A method of JSON objects: .Label "k". Looked up before the object's own keys. */
struct tmpl_method {
    const char *name; /* NULL ends the table */
    unsigned n_args;  /* strings, at most TMPL_MAX_METHOD_ARGS */
    /* 0 and a new reference in *ret; 1: this object has no such method. */
    int (*call)(void *arg, const json_t *self, const struct str *args, json_t **ret,
                struct shale_err *e);
};
#define TMPL_MAX_METHOD_ARGS 4

/* A field that documents leave out when it is empty: what it is then. docker's are fields of
 * structs and thus always there: {{if .State.Health}}. */
enum tmpl_zero {
    TMPL_ZERO_STRING,
    TMPL_ZERO_INT,
    TMPL_ZERO_BOOL,
    TMPL_ZERO_LIST,
    TMPL_ZERO_MAP,
    TMPL_ZERO_POINTER,
    TMPL_DURATION, /* no zero: where it is there it is nanoseconds */
};
struct tmpl_field {
    const char *name; /* NULL ends the table */
    enum tmpl_zero zero;
};

struct tmpl_exec_opts {
    const struct tmpl_method *methods; /* may be NULL */
    void *methods_arg;
    const struct tmpl_field *fields; /* may be NULL */
    const char
        *type_name; /* not NULL: `.` is a struct of this type, whose unknown fields are errors */
    bool missing_key_error; /* missingkey=error: a key that is not in a map is an error */
    bool header;            /* json, split, join, title, lower, upper, truncate return their text
                               unchanged: for the header of a table */
    bool printable;         /* strings out of the data lose their control characters */
};

/* -SHALE_INVALID with Go's message, -SHALE_LIMIT. */
struct tmpl;
int tmpl_parse(const char *src, size_t n, struct tmpl **ret, struct shale_err *e);
void tmpl_free(struct tmpl *t); /* accepts NULL */
static inline void tmpl_freep(struct tmpl **t)
{
    tmpl_free(*t);
}

/* Appends what the template makes of `dot` to out. */
int tmpl_exec(const struct tmpl *t, struct tmpl_val dot, const struct tmpl_exec_opts *o,
              struct buf *out, struct shale_err *e);

/* The same in one call, for a single value. */
int tmpl_run(const char *src, struct tmpl_val dot, const struct tmpl_exec_opts *o, struct buf *out,
             struct shale_err *e);

/* Values. */
struct tmpl_val
tmpl_json(const json_t *j); /* borrowed; NULL is TMPL_NONE; scalars become their kinds */
static inline struct tmpl_val tmpl_str(const char *s) /* borrowed */
{
    return (struct tmpl_val){.kind = TMPL_STR, .s = str_of(s)};
}
static inline struct tmpl_val tmpl_int(int64_t i)
{
    return (struct tmpl_val){.kind = TMPL_INT, .i = i};
}
static inline struct tmpl_val tmpl_bool(bool b)
{
    return (struct tmpl_val){.kind = TMPL_BOOL, .b = b};
}
static inline struct tmpl_val tmpl_obj(const struct tmpl_object *o, void *p)
{
    return (struct tmpl_val){.kind = TMPL_OBJ, .obj = {o, p}};
}
