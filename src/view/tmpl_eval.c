/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions of a template: fields, methods and function calls. */
#include "view/tmpl_exec.h"

#include "view/text.h"

#define FEW_ARGS 4 /* calls with more take their room from the arena */

/* `final` is the value that a pipeline passes on as the last argument; NULL where there is none.
 * The arguments of a command are args[1…n-1]; n is 0 or 1 where there are none. */
struct call {
    struct tmpl_val dot;
    struct node *const *args;
    size_t n;
    const struct tmpl_val *final;
};

static int eval_arg(struct exec *x, struct tmpl_val dot, enum tmpl_param p, const struct node *n,
                    struct tmpl_val *ret);
static int eval_call(struct exec *x, const struct tmpl_func *f, const struct node *at,
                     const struct call *c, struct tmpl_val *ret);

static size_t n_call_args(const struct call *c)
{
    return (c->n ? c->n - 1 : 0) + (c->final ? 1 : 0);
}

static const char *param_type(enum tmpl_param p)
{
    static const char *const names[] = {
        [PARAM_ANY] = "interface {}", [PARAM_VALUE] = "reflect.Value", [PARAM_STRING] = "string",
        [PARAM_INT] = "int",          [PARAM_STRINGS] = "[]string",
    };
    return names[p];
}

/* ---- arguments ---- */

/* Makes a value fit the parameter, or says why it does not. */
static int check_type(struct exec *x, enum tmpl_param p, struct tmpl_val v, struct tmpl_val *ret)
{
    bool fits = false;
    if (v.kind == TMPL_NONE && (p == PARAM_STRING || p == PARAM_INT))
        return exec_fail(x, "invalid value; expected %s", param_type(p));
    switch (p) {
    case PARAM_ANY:
        if (v.kind == TMPL_NONE)
            v.kind = TMPL_NIL;
        fits = true;
        break;
    case PARAM_VALUE:
        fits = true;
        break;
    case PARAM_STRING:
        fits = v.kind == TMPL_STR;
        break;
    case PARAM_INT:
        fits = v.kind == TMPL_INT;
        break;
    case PARAM_STRINGS:
        fits = v.kind == TMPL_NONE || val_is_strings(v);
        break;
    }
    if (!fits)
        return exec_fail(x, "wrong type for value; expected %s; got %s", param_type(p),
                         val_type(v));
    *ret = v;
    return 0;
}

static int eval_literal(struct exec *x, enum tmpl_param p, const struct node *n,
                        struct tmpl_val *ret)
{
    char text[100];
    if (n->type == NODE_NUMBER && n->num.overflow)
        return exec_fail(x, "%.*s overflows int", (int)n->num.text.n, n->num.text.p);
    if (p == PARAM_INT && n->type == NODE_NUMBER && n->num.is_int) {
        *ret = n->num.val;
        if (ret->kind == TMPL_FLOAT)
            *ret = (struct tmpl_val){.kind = TMPL_INT, .type = TMPL_T_INT, .i = (int64_t)ret->f};
        return 0;
    }
    node_format(n, text, sizeof text);
    if (p == PARAM_INT)
        return exec_fail(x, "expected integer; found %s", text);
    if (p == PARAM_STRING && n->type != NODE_STRING)
        return exec_fail(x, "expected string; found %s", text);
    if (p == PARAM_STRINGS)
        return exec_fail(x, "can't handle %s for arg of type []string", text);
    if (n->type == NODE_NUMBER)
        *ret = n->num.val;
    else if (n->type == NODE_BOOL)
        *ret = tmpl_bool(n->b);
    else
        *ret = (struct tmpl_val){.kind = TMPL_STR, .s = n->str.text};
    return 0;
}

/* ---- fields and methods ---- */

static int eval_strings(struct exec *x, const struct call *c, struct str *args, size_t n)
{
    struct tmpl_val v;
    size_t i = 0;
    for (; i + 1 < c->n && i < n; i++) {
        int r = eval_arg(x, c->dot, PARAM_STRING, c->args[i + 1], &v);
        if (r < 0)
            return r;
        args[i] = v.s;
    }
    if (c->final && i < n) {
        int r = check_type(x, PARAM_STRING, *c->final, &v);
        if (r < 0)
            return r;
        args[i] = v.s;
    }
    return 0;
}

static int fail_args(struct exec *x, const char *name, size_t want, size_t got)
{
    return exec_fail(x, "wrong number of args for %s: want %zu got %zu", name, want, got);
}

/* A value that a host gave, in the shape that the data has everywhere. */
static int clean(struct exec *x, struct tmpl_val *v)
{
    if (v->kind == TMPL_STR && x->o->printable)
        return text_printable(&x->a, v->s, &v->s, x->e);
    return 0;
}

static int get_of_host(struct exec *x, struct tmpl_val of, const char *name, const struct call *c,
                       struct tmpl_val *ret)
{
    struct str args[TMPL_MAX_METHOD_ARGS] = {{"", 0}};
    size_t n = n_call_args(c);
    struct tmpl_val v = {.kind = TMPL_NONE};
    if (n > TMPL_MAX_METHOD_ARGS)
        return fail_args(x, name, 0, n);
    /* As Go, the number of arguments is judged before their types. */
    int r = of.obj.o->get(of.obj.p, name, args, n, &x->a, &v, x->e);
    if (r == 0 && n > 0) {
        r = eval_strings(x, c, args, n);
        if (r == 0)
            r = of.obj.o->get(of.obj.p, name, args, n, &x->a, &v, x->e);
    }
    if (r == 1)
        return exec_fail(x, "can't evaluate field %s in type %s", name, of.obj.o->type_name);
    if (r == 2)
        return fail_args(x, name, (size_t)v.i, n);
    if (r < 0)
        return r;
    *ret = v;
    return clean(x, ret);
}

/* 0 and *ret, 1: not a method of this object. */
static int call_method(struct exec *x, const json_t *self, const char *name, const struct call *c,
                       struct tmpl_val *ret)
{
    const struct tmpl_method *m = x->o->methods;
    struct str args[TMPL_MAX_METHOD_ARGS];
    json_t *j = NULL;
    while (m && m->name && !streq(m->name, name))
        m++;
    if (!m || !m->name)
        return 1;
    if (m->n_args != n_call_args(c))
        return fail_args(x, name, m->n_args, n_call_args(c));
    int r = eval_strings(x, c, args, m->n_args);
    if (r < 0)
        return r;
    r = m->call(x->o->methods_arg, self, args, &j, x->e);
    if (r == 0)
        r = exec_own(x, j, ret);
    return r == 0 ? clean(x, ret) : r;
}

static const struct tmpl_field *find_field(const struct exec *x, const char *name)
{
    const struct tmpl_field *f = x->o->fields;
    while (f && f->name && !streq(f->name, name))
        f++;
    return f && f->name ? f : NULL;
}

/* An empty list or map of a struct is nil. */
static int zero_of_container(struct exec *x, json_t *j, struct tmpl_val *ret)
{
    int r = exec_own(x, j, ret);
    if (r == 0)
        ret->type = TMPL_T_NIL;
    return r;
}

static int zero_of_field(struct exec *x, const char *name, struct tmpl_val *ret)
{
    const struct tmpl_field *f = find_field(x, name);
    if (!f || f->zero == TMPL_DURATION)
        return 1;
    switch (f->zero) {
    case TMPL_ZERO_STRING:
        *ret = tmpl_str("");
        return 0;
    case TMPL_ZERO_INT:
        *ret = tmpl_int(0);
        return 0;
    case TMPL_ZERO_BOOL:
        *ret = tmpl_bool(false);
        return 0;
    case TMPL_ZERO_LIST:
        return zero_of_container(x, json_array(), ret);
    case TMPL_ZERO_MAP:
        return zero_of_container(x, json_object(), ret);
    default:
        *ret = (struct tmpl_val){.kind = TMPL_NIL, .type = TMPL_T_POINTER};
        return 0;
    }
}

static int load_field(struct exec *x, const char *name, const json_t *j, struct tmpl_val *ret)
{
    const struct tmpl_field *f = json_is_integer(j) ? find_field(x, name) : NULL;
    if (json_is_null(j) && find_field(x, name))
        return zero_of_field(x, name, ret);
    int r = exec_load(x, j, ret);
    if (r == 0 && f && f->zero == TMPL_DURATION)
        ret->type = TMPL_T_DURATION;
    return r;
}

static int get_of_json(struct exec *x, struct tmpl_val of, const char *name, const struct call *c,
                       struct tmpl_val *ret)
{
    int r = call_method(x, of.j, name, c, ret);
    if (r != 1)
        return r;
    const json_t *j = json_object_get(of.j, name);
    bool is_struct = of.j == x->root && x->o->type_name;
    if (n_call_args(c) > 0 && is_struct && j)
        return exec_fail(x, "%s has arguments but cannot be invoked as function", name);
    if (n_call_args(c) > 0 && !is_struct)
        return exec_fail(x, "%s is not a method but has arguments", name);
    if (j)
        return load_field(x, name, j, ret);
    r = zero_of_field(x, name, ret);
    if (r != 1)
        return r;
    if (is_struct)
        return exec_fail(x, "can't evaluate field %s in type %s", name, x->o->type_name);
    if (x->o->missing_key_error)
        return exec_fail(x, "map has no entry for key \"%s\"", name);
    *ret = (struct tmpl_val){.kind = TMPL_NONE};
    return 0;
}

static int eval_field(struct exec *x, struct tmpl_val of, const char *name, const struct call *c,
                      struct tmpl_val *ret)
{
    if (of.kind == TMPL_NONE) {
        if (x->o->missing_key_error)
            return exec_fail(x, "nil data; no entry for key \"%s\"", name);
        *ret = of;
        return 0;
    }
    if (of.kind == TMPL_NIL)
        return exec_fail(x, "nil pointer evaluating %s.%s", val_type(of), name);
    if (of.kind == TMPL_OBJ)
        return get_of_host(x, of, name, c, ret);
    if (of.kind == TMPL_JSON && json_is_object(of.j))
        return get_of_json(x, of, name, c, ret);
    /* In a document values are Go's interfaces. */
    return exec_fail(x, "can't evaluate field %s in type %s", name,
                     x->o->missing_key_error ? "interface {}" : val_type(of));
}

/* ident[from…], the last one with the arguments. */
static int eval_path(struct exec *x, struct tmpl_val of, const struct node *n, size_t from,
                     const struct call *c, struct tmpl_val *ret)
{
    struct call none = {.dot = c->dot};
    for (size_t i = from; i < n->path.n; i++) {
        int r = eval_field(x, of, n->path.ident[i], i + 1 == n->path.n ? c : &none, &of);
        if (r < 0)
            return r;
    }
    *ret = of;
    return 0;
}

static int fail_not_function(struct exec *x, const struct node *n)
{
    char text[100];
    return exec_fail(x, "can't give argument to non-function %s",
                     node_format(n, text, sizeof text));
}

static int eval_variable(struct exec *x, const struct node *n, const struct call *c,
                         struct tmpl_val *ret)
{
    x->at = n;
    const struct var *v = exec_var(x, n->path.ident[0]);
    if (!v)
        return exec_fail(x, "undefined variable: %s", n->path.ident[0]);
    if (n->path.n == 1 && n_call_args(c) > 0)
        return fail_not_function(x, n);
    return eval_path(x, v->val, n, 1, c, ret);
}

static int eval_chain(struct exec *x, const struct node *n, const struct call *c,
                      struct tmpl_val *ret)
{
    struct tmpl_val of;
    x->at = n;
    int r = eval_arg(x, c->dot, PARAM_VALUE, n->path.of, &of);
    return r < 0 ? r : eval_path(x, of, n, 0, c, ret);
}

/* ---- calls ---- */

static int eval_arg_inner(struct exec *x, struct tmpl_val dot, enum tmpl_param p,
                          const struct node *n, struct tmpl_val *ret)
{
    struct call none = {.dot = dot};
    struct tmpl_val v = {.kind = TMPL_NONE};
    int r;
    switch (n->type) {
    case NODE_DOT:
        v = dot;
        r = 0;
        break;
    case NODE_NIL:
        if (p == PARAM_STRING || p == PARAM_INT)
            return exec_fail(x, "cannot assign nil to %s", param_type(p));
        *ret = (struct tmpl_val){.kind = p == PARAM_ANY ? TMPL_NIL : TMPL_NONE};
        return 0;
    case NODE_FIELD:
        r = eval_path(x, dot, n, 0, &none, &v);
        break;
    case NODE_VARIABLE:
        r = eval_variable(x, n, &none, &v);
        break;
    case NODE_PIPE:
        r = exec_pipeline(x, dot, n, &v);
        break;
    case NODE_IDENT:
        r = eval_call(x, n->fn.f, n, &none, &v);
        break;
    case NODE_CHAIN:
        r = eval_chain(x, n, &none, &v);
        break;
    default:
        return eval_literal(x, p, n, ret);
    }
    return r < 0 ? r : check_type(x, p, v, ret);
}

static int eval_arg(struct exec *x, struct tmpl_val dot, enum tmpl_param p, const struct node *n,
                    struct tmpl_val *ret)
{
    x->at = n;
    int r = exec_enter(x);
    if (r < 0 || (r = exec_step(x, 1)) < 0)
        return r;
    r = eval_arg_inner(x, dot, p, n, ret);
    x->depth--;
    return r;
}

/* and, or: the first argument that decides, or the last; the others are not evaluated. */
static int eval_logic(struct exec *x, const struct tmpl_func *f, const struct call *c,
                      struct tmpl_val *ret)
{
    bool until = streq(f->name, "or");
    for (size_t i = 1; i < c->n; i++) {
        int r = eval_arg(x, c->dot, PARAM_VALUE, c->args[i], ret);
        if (r < 0 || val_truth(*ret) == until)
            return r;
    }
    if (c->final)
        *ret = *c->final;
    return 0;
}

static enum tmpl_param param_at(const struct tmpl_func *f, size_t i)
{
    return f->params[i < f->n_fixed ? i : f->n_fixed];
}

static int eval_args(struct exec *x, const struct tmpl_func *f, const struct call *c,
                     struct tmpl_val *args)
{
    size_t i = 0;
    for (; i + 1 < c->n; i++) {
        int r = eval_arg(x, c->dot, param_at(f, i), c->args[i + 1], &args[i]);
        if (r < 0)
            return r;
    }
    return c->final ? check_type(x, param_at(f, i), *c->final, &args[i]) : 0;
}

/* In a header these functions give their text back: the title of a column must stay whole. */
static int eval_inert(struct exec *x, const struct call *c, struct tmpl_val *ret)
{
    /* join and truncate may get it from the pipeline only where it is their last parameter. */
    if (c->args && c->n > 1)
        return eval_arg(x, c->dot, PARAM_VALUE, c->args[1], ret);
    return c->final ? check_type(x, PARAM_VALUE, *c->final, ret) : exec_fail(x, "no arguments");
}

static int eval_call(struct exec *x, const struct tmpl_func *f, const struct node *at,
                     const struct call *c, struct tmpl_val *ret)
{
    size_t n = n_call_args(c);
    if (f->variadic && n < f->n_fixed)
        return exec_fail(x, "wrong number of args for %s: want at least %u got %zu", f->name,
                         f->n_fixed, c->n ? c->n - 1 : 0);
    if (!f->variadic && n != f->n_fixed)
        return fail_args(x, f->name, f->n_fixed, n);
    if (f->short_circuit)
        return eval_logic(x, f, c, ret);
    if (f->header_inert && x->o->header)
        return eval_inert(x, c, ret);
    struct tmpl_val few[FEW_ARGS];
    struct tmpl_val *args = n <= FEW_ARGS ? few : arena_array(&x->a, n, sizeof *args);
    if (!args)
        return err_nomem(x->e);
    int r = eval_args(x, f, c, args);
    if (r < 0)
        return r;
    r = f->fn(x, args, n, ret);
    if (r == -SHALE_INVALID) {
        struct shale_err why = *x->e;
        x->at = at;
        return exec_fail(x, "error calling %s: %s", f->name, why.msg);
    }
    return r;
}

static int eval_command(struct exec *x, struct tmpl_val dot, const struct node *cmd,
                        const struct tmpl_val *final, struct tmpl_val *ret)
{
    const struct node *first = cmd->list.v[0];
    struct call c = {dot, cmd->list.v, cmd->list.n, final};
    switch (first->type) {
    case NODE_FIELD:
        x->at = first;
        return eval_path(x, dot, first, 0, &c, ret);
    case NODE_CHAIN:
        return eval_chain(x, first, &c, ret);
    case NODE_IDENT:
        x->at = first;
        return eval_call(x, first->fn.f, cmd, &c, ret);
    case NODE_VARIABLE:
        return eval_variable(x, first, &c, ret);
    default:
        break;
    }
    if (first->type != NODE_PIPE)
        x->at = first;
    if (n_call_args(&c) > 0)
        return fail_not_function(x, first);
    switch (first->type) {
    case NODE_PIPE:
        return exec_pipeline(x, dot, first, ret);
    case NODE_DOT:
        *ret = dot;
        return 0;
    case NODE_NIL:
        return exec_fail(x, "nil is not a command");
    default:
        return eval_literal(x, PARAM_VALUE, first, ret);
    }
}

static int pipeline_inner(struct exec *x, struct tmpl_val dot, const struct node *pipe,
                          struct tmpl_val *ret)
{
    struct tmpl_val v = {.kind = TMPL_NONE}, before;
    x->at = pipe;
    for (size_t i = 0; i < pipe->pipe.cmds.n; i++) {
        before = v;
        int r = eval_command(x, dot, pipe->pipe.cmds.v[i], i ? &before : NULL, &v);
        if (r < 0)
            return r;
        /* Go takes a value out of its interface here; of a nil one nothing is left. */
        if (v.kind == TMPL_NIL && v.type != TMPL_T_POINTER)
            v = (struct tmpl_val){.kind = TMPL_NONE};
    }
    for (size_t i = 0; i < pipe->pipe.decl.n; i++) {
        const char *name = pipe->pipe.decl.v[i]->path.ident[0];
        struct var *slot = pipe->pipe.assign ? exec_var(x, name) : NULL;
        if (pipe->pipe.assign && !slot)
            return exec_fail(x, "undefined variable: %s", name);
        if (slot)
            slot->val = v;
        else if (exec_push(x, name, v) < 0)
            return -SHALE_NO_MEMORY;
    }
    *ret = v;
    return 0;
}

int exec_pipeline(struct exec *x, struct tmpl_val dot, const struct node *pipe,
                  struct tmpl_val *ret)
{
    int r = exec_enter(x);
    if (r < 0 || (r = exec_step(x, 1)) < 0)
        return r;
    r = pipeline_inner(x, dot, pipe, ret);
    x->depth--;
    return r;
}
