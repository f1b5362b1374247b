/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A template being executed. Private to view/tmpl*.c. */
#include "view/tmpl.h"
#include "view/tmpl_func.h"
#include "view/tmpl_node.h"

struct var {
    const char *name;
    struct tmpl_val val;
};

struct exec {
    const struct tmpl *t;
    const struct tmpl_exec_opts *o;
    struct buf *out;
    struct arena a; /* values made on the way */
    struct shale_err *e;
    const struct tree *tree; /* the template that is being executed */
    const struct node *at;   /* what messages point at */
    const json_t *root;      /* the top `.`, where it is JSON */
    struct var *vars;        /* innermost last */
    size_t n_vars, cap_vars;
    size_t base_var; /* first variable of this template: its $ */
    uint64_t steps;
    unsigned depth;
};

/* Go's "template: :1:2: executing "" at <.x>: …", about x->at. -SHALE_INVALID. */
int exec_fail(struct exec *x, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* What a function's fn returns when it fails: the text alone; the caller puts "error calling …"
 * around. */
int exec_fail_call(struct exec *x, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* Counts work done; -SHALE_LIMIT past the limit. */
int exec_step(struct exec *x, uint64_t n);
/* One level deeper; the caller lowers x->depth. */
int exec_enter(struct exec *x);

/* A string value in the arena, out of b, which is cleared. */
int exec_take(struct exec *x, struct buf *b, struct tmpl_val *ret);
/* Keeps a new reference until the end and makes a value of it. */
int exec_own(struct exec *x, json_t *j, struct tmpl_val *ret);
/* Value of a member of the data: like tmpl_json, control characters removed where the options ask.
 */
int exec_load(struct exec *x, const json_t *j, struct tmpl_val *ret);
/* Keys of an object in byte order, in the arena. */
int exec_sorted_keys(struct exec *x, const json_t *obj, const char ***ret, size_t *ret_n);

int exec_list(struct exec *x, struct tmpl_val dot, const struct node *list);
int exec_pipeline(struct exec *x, struct tmpl_val dot, const struct node *pipe,
                  struct tmpl_val *ret);
/* The variable's slot, or NULL. */
struct var *exec_var(struct exec *x, const char *name);
int exec_push(struct exec *x, const char *name, struct tmpl_val v);

/* Go's idea of what is true. */
bool val_truth(struct tmpl_val v);
/* Go's name of the value's type. */
const char *val_type(struct tmpl_val v);
/* All elements strings? */
bool val_is_strings(struct tmpl_val v);

/* fmt.Sprint of one value (%v), and of several with a blank between two that are not strings. */
int fmt_value(struct exec *x, struct buf *b, struct tmpl_val v);
int fmt_sprint(struct exec *x, struct buf *b, const struct tmpl_val *args, size_t n);
int fmt_sprintln(struct exec *x, struct buf *b, const struct tmpl_val *args, size_t n);
int fmt_sprintf(struct exec *x, struct buf *b, struct str format, const struct tmpl_val *args,
                size_t n);
/* json.Marshal without HTML escapes. */
int fmt_json(struct exec *x, struct buf *b, struct tmpl_val v);

/* eq, lt, le of two values: 0 or 1, or failure. */
int cmp_eq(struct exec *x, struct tmpl_val a, struct tmpl_val b);
int cmp_lt(struct exec *x, struct tmpl_val a, struct tmpl_val b);
