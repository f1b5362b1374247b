/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a parsed template: control structures, variables and limits. */
#include "view/tmpl_exec.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "view/text.h"

enum { WALK_ON = 0, WALK_BREAK = 1, WALK_CONTINUE = 2 };

/* ---- errors and limits ---- */

static void locate(const struct exec *x, uint32_t *ret_line, uint32_t *ret_column)
{
    uint32_t line = 1, begin = 0;
    for (uint32_t i = 0; x->at && i < x->at->pos; i++)
        if (x->t->src.p[i] == '\n') {
            line++;
            begin = i + 1;
        }
    *ret_line = line;
    *ret_column = x->at ? x->at->pos - begin : 0;
}

int exec_fail(struct exec *x, const char *fmt, ...)
{
    char msg[240], context[120];
    uint32_t line, column;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    locate(x, &line, &column);
    struct buf name = BUF_INIT(1024);
    text_quote(&name, (struct str){x->tree->name.p, x->tree->name.n < 60 ? x->tree->name.n : 60});
    int r = err_set(x->e, SHALE_INVALID, "template: :%u:%u: executing %s at <%s>: %s", line, column,
                    buf_str(&name), x->at ? node_format(x->at, context, sizeof context) : "", msg);
    buf_clear(&name);
    return r;
}

int exec_fail_call(struct exec *x, const char *fmt, ...)
{
    char msg[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return err_set(x->e, SHALE_INVALID, "%s", msg);
}

int exec_step(struct exec *x, uint64_t n)
{
    x->steps += n;
    if (x->steps > TMPL_MAX_STEPS)
        return err_set(x->e, SHALE_LIMIT, "template: gave up after %llu steps", TMPL_MAX_STEPS);
    return 0;
}

int exec_enter(struct exec *x)
{
    if (x->depth >= TMPL_MAX_DEPTH)
        return exec_fail(x, "exceeded maximum template depth (%d)", TMPL_MAX_DEPTH);
    x->depth++;
    return 0;
}

/* ---- values kept until the end ---- */

static int exec_no_room(struct exec *x)
{
    return x->a.failed == SHALE_LIMIT
               ? err_set(x->e, SHALE_LIMIT, "template: values take more than %llu bytes",
                         TMPL_MAX_MEMORY)
               : err_nomem(x->e);
}

int exec_take(struct exec *x, struct buf *b, struct tmpl_val *ret)
{
    int r = buf_check(b, x->e);
    char *copy = NULL;
    size_t n = b->n;
    if (r == 0) {
        copy = arena_alloc(&x->a, n + 1);
        if (!copy)
            r = exec_no_room(x);
    }
    if (copy && n)
        memcpy(copy, b->p, n);
    buf_clear(b);
    if (r < 0)
        return r;
    *ret = (struct tmpl_val){.kind = TMPL_STR, .s = {copy, n}};
    return exec_step(x, n / 64);
}

static void decref(void *j)
{
    json_decref(j);
}

int exec_own(struct exec *x, json_t *j, struct tmpl_val *ret)
{
    if (!j || arena_defer(&x->a, decref, j) < 0) {
        json_decref(j);
        return err_nomem(x->e);
    }
    *ret = tmpl_json(j);
    return 0;
}

int exec_load(struct exec *x, const json_t *j, struct tmpl_val *ret)
{
    struct tmpl_val v = tmpl_json(j);
    if (v.kind == TMPL_STR && x->o->printable) {
        int r = text_printable(&x->a, v.s, &v.s, x->e);
        if (r < 0)
            return r;
    }
    *ret = v;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int exec_sorted_keys(struct exec *x, const json_t *obj, const char ***ret, size_t *ret_n)
{
    size_t n = json_object_size(obj), i = 0;
    const char *key;
    json_t *v;
    const char **keys = arena_array(&x->a, n ? n : 1, sizeof *keys);
    if (!keys)
        return err_nomem(x->e);
    json_object_foreach((json_t *)obj, key, v) keys[i++] = key;
    qsort(keys, n, sizeof *keys, by_bytes);
    *ret = keys;
    *ret_n = n;
    return exec_step(x, n);
}

/* ---- variables ---- */

struct var *exec_var(struct exec *x, const char *name)
{
    for (size_t i = x->n_vars; i > x->base_var; i--)
        if (streq(x->vars[i - 1].name, name))
            return &x->vars[i - 1];
    return NULL;
}

int exec_push(struct exec *x, const char *name, struct tmpl_val v)
{
    struct var *p = arena_grow(&x->a, x->vars, x->n_vars, &x->cap_vars, sizeof *p);
    if (!p)
        return err_nomem(x->e);
    x->vars = p;
    p[x->n_vars++] = (struct var){name, v};
    return 0;
}

/* ---- walking ---- */

static int walk(struct exec *x, struct tmpl_val dot, const struct node *n);

static int walk_action(struct exec *x, struct tmpl_val dot, const struct node *n)
{
    struct tmpl_val v;
    int r = exec_pipeline(x, dot, n->branch.pipe, &v);
    if (r < 0 || n->branch.pipe->pipe.decl.n)
        return r;
    x->at = n;
    if (v.kind == TMPL_STR) {
        buf_add(x->out, v.s.p, v.s.n);
        r = exec_step(x, v.s.n / 64);
    } else if (v.kind == TMPL_NONE) {
        buf_adds(x->out, "<no value>");
    } else {
        r = fmt_value(x, x->out, v);
    }
    return r < 0 ? r : buf_check(x->out, x->e);
}

static int walk_if(struct exec *x, struct tmpl_val dot, const struct node *n)
{
    size_t mark = x->n_vars;
    struct tmpl_val v;
    int r = exec_pipeline(x, dot, n->branch.pipe, &v);
    if (r < 0)
        return r;
    if (val_truth(v))
        r = walk(x, n->type == NODE_WITH ? v : dot, n->branch.body);
    else if (n->branch.other)
        r = walk(x, dot, n->branch.other);
    x->n_vars = mark;
    return r;
}

/* Sets what {{range $i, $v := …}} or {{range $i, $v = …}} names for one round. */
static int set_range_vars(struct exec *x, const struct node *pipe, size_t mark,
                          struct tmpl_val index, struct tmpl_val elem)
{
    const struct nodes *decl = &pipe->pipe.decl;
    for (size_t i = 0; i < decl->n; i++) {
        struct tmpl_val v = i + 1 == decl->n ? elem : index;
        const char *name = decl->v[i]->path.ident[0];
        struct var *slot = pipe->pipe.assign ? exec_var(x, name) : &x->vars[mark - decl->n + i];
        if (!slot)
            return exec_fail(x, "undefined variable: %s", name);
        slot->val = v;
    }
    return 0;
}

struct range {
    const struct node *n;
    struct tmpl_val over;
    const char **keys; /* of an object, sorted */
    size_t count;
};

static int range_begin(struct exec *x, struct tmpl_val over, const struct node *n,
                       struct range *ret)
{
    struct range g = {.n = n, .over = over};
    int r = 0;
    if (over.kind == TMPL_JSON && json_is_array(over.j)) {
        g.count = json_array_size(over.j);
    } else if (over.kind == TMPL_JSON) {
        r = exec_sorted_keys(x, over.j, &g.keys, &g.count);
    } else if (over.kind == TMPL_INT && n->branch.pipe->pipe.decl.n > 1) {
        r = exec_fail(x, "can't use %lld to iterate over more than one variable",
                      (long long)over.i);
    } else if (over.kind == TMPL_INT) {
        g.count = over.i > 0 ? (size_t)over.i : 0;
    } else if (over.kind != TMPL_NONE && over.kind != TMPL_NIL) {
        struct buf b = BUF_INIT(4096);
        fmt_value(x, &b, over);
        r = exec_fail(x, "range can't iterate over %s", buf_str(&b));
        buf_clear(&b);
    }
    if (r == 0)
        *ret = g;
    return r;
}

static int range_get(struct exec *x, const struct range *g, size_t i, struct tmpl_val *ret_index,
                     struct tmpl_val *ret_elem)
{
    *ret_index = (struct tmpl_val){.kind = TMPL_INT, .type = TMPL_T_INT, .i = (int64_t)i};
    if (g->over.kind == TMPL_INT) {
        *ret_elem = *ret_index;
        ret_elem->type = g->over.type;
        return 0;
    }
    if (!g->keys)
        return exec_load(x, json_array_get(g->over.j, i), ret_elem);
    *ret_index = tmpl_str(g->keys[i]);
    if (x->o->printable) {
        int r = text_printable(&x->a, ret_index->s, &ret_index->s, x->e);
        if (r < 0)
            return r;
    }
    return exec_load(x, json_object_get(g->over.j, g->keys[i]), ret_elem);
}

static int walk_range(struct exec *x, struct tmpl_val dot, const struct node *n)
{
    size_t mark = x->n_vars;
    struct tmpl_val over = {.kind = TMPL_NONE}, index, elem;
    struct range g = {0};
    int r = exec_pipeline(x, dot, n->branch.pipe, &over);
    if (r < 0 || (r = range_begin(x, over, n, &g)) < 0)
        return r;
    size_t top = x->n_vars;
    for (size_t i = 0; i < g.count && r != WALK_BREAK; i++) {
        r = exec_step(x, 1);
        if (r < 0 || (r = range_get(x, &g, i, &index, &elem)) < 0 ||
            (r = set_range_vars(x, n->branch.pipe, top, index, elem)) < 0)
            return r;
        r = walk(x, elem, n->branch.body);
        x->n_vars = top;
        if (r < 0)
            return r;
    }
    r = g.count == 0 && n->branch.other ? walk(x, dot, n->branch.other) : WALK_ON;
    x->n_vars = mark;
    return r;
}

static int walk_template(struct exec *x, struct tmpl_val dot, const struct node *n)
{
    const struct tree *tree = NULL, *caller = x->tree;
    size_t mark = x->n_vars, base = x->base_var;
    struct tmpl_val v = {.kind = TMPL_NONE};
    for (size_t i = 0; i < x->t->n_trees && !tree; i++)
        if (str_eq(x->t->trees[i].name, n->call.name) && x->t->trees[i].root)
            tree = &x->t->trees[i];
    if (!tree)
        return exec_fail(x, "template \"%.*s\" not defined", (int)n->call.name.n, n->call.name.p);
    int r = n->call.pipe ? exec_pipeline(x, dot, n->call.pipe, &v) : 0;
    if (r < 0)
        return r;
    x->tree = tree;
    x->base_var = x->n_vars;
    r = exec_push(x, "$", v);
    if (r == 0)
        r = walk(x, v, tree->root);
    x->n_vars = mark;
    x->base_var = base;
    if (r >= 0)
        x->tree = caller;
    return r;
}

int exec_list(struct exec *x, struct tmpl_val dot, const struct node *list)
{
    for (size_t i = 0; i < list->list.n; i++) {
        int r = walk(x, dot, list->list.v[i]);
        if (r != WALK_ON)
            return r;
    }
    return WALK_ON;
}

static int walk_inner(struct exec *x, struct tmpl_val dot, const struct node *n)
{
    switch (n->type) {
    case NODE_LIST:
        return exec_list(x, dot, n);
    case NODE_TEXT:
        buf_add(x->out, n->str.text.p, n->str.text.n);
        return buf_check(x->out, x->e);
    case NODE_ACTION:
        return walk_action(x, dot, n);
    case NODE_IF:
    case NODE_WITH:
        return walk_if(x, dot, n);
    case NODE_RANGE:
        return walk_range(x, dot, n);
    case NODE_TEMPLATE:
        return walk_template(x, dot, n);
    case NODE_BREAK:
        return WALK_BREAK;
    case NODE_CONTINUE:
        return WALK_CONTINUE;
    default:
        return exec_fail(x, "unknown node");
    }
}

static int walk(struct exec *x, struct tmpl_val dot, const struct node *n)
{
    x->at = n;
    int r = exec_step(x, 1);
    if (r < 0 || (r = exec_enter(x)) < 0)
        return r;
    r = walk_inner(x, dot, n);
    x->depth--;
    return r;
}

int tmpl_exec(const struct tmpl *t, struct tmpl_val dot, const struct tmpl_exec_opts *o,
              struct buf *out, struct shale_err *e)
{
    struct shale_err mine = SHALE_ERR_INIT;
    struct exec x = {.t = t,
                     .o = o,
                     .out = out,
                     .e = e ? e : &mine,
                     .tree = &t->trees[0],
                     .root = dot.kind == TMPL_JSON ? dot.j : NULL};
    arena_init(&x.a, TMPL_MAX_MEMORY);
    int r = exec_push(&x, "$", dot);
    if (r == 0)
        r = walk(&x, dot, t->trees[0].root);
    if (x.a.failed) /* whatever came of it */
        r = exec_no_room(&x);
    if (r == 0 && out->failed == SHALE_NO_MEMORY)
        r = err_nomem(x.e);
    arena_clear(&x.a);
    return r < 0 ? r : 0;
}

int tmpl_run(const char *src, struct tmpl_val dot, const struct tmpl_exec_opts *o, struct buf *out,
             struct shale_err *e)
{
    _cleanup_(tmpl_freep) struct tmpl *t = NULL;
    int r = tmpl_parse(src, strlen(src), &t, e);
    return r < 0 ? r : tmpl_exec(t, dot, o, out, e);
}
