/* SPDX-License-Identifier: Apache-2.0 */
/* Values of templates: what they are in Go's eyes, and how they compare. */
#include "view/tmpl_exec.h"

struct tmpl_val tmpl_json(const json_t *j)
{
    struct tmpl_val v = {.kind = TMPL_NONE};
    if (!j)
        return v;
    switch (json_typeof(j)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        v.kind = TMPL_JSON;
        v.j = j;
        break;
    case JSON_STRING:
        v.kind = TMPL_STR;
        v.s = (struct str){json_string_value(j), json_string_length(j)};
        break;
    case JSON_INTEGER:
        v.kind = TMPL_INT;
        v.i = json_integer_value(j);
        break;
    case JSON_REAL:
        v.kind = TMPL_FLOAT;
        v.f = json_real_value(j);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        v.kind = TMPL_BOOL;
        v.b = json_is_true(j);
        break;
    default:
        v.kind = TMPL_NIL;
    }
    return v;
}

bool val_truth(struct tmpl_val v)
{
    switch (v.kind) {
    case TMPL_BOOL:
        return v.b;
    case TMPL_INT:
        return v.i != 0;
    case TMPL_FLOAT:
        return v.f != 0;
    case TMPL_STR:
        return v.s.n > 0;
    case TMPL_JSON:
        return json_is_array(v.j) ? json_array_size(v.j) > 0 : json_object_size(v.j) > 0;
    case TMPL_OBJ:
        return true;
    default:
        return false;
    }
}

const char *val_type(struct tmpl_val v)
{
    switch (v.kind) {
    case TMPL_BOOL:
        return "bool";
    case TMPL_INT:
        return v.type == TMPL_T_INT        ? "int"
               : v.type == TMPL_T_UINT8    ? "uint8"
               : v.type == TMPL_T_DURATION ? "time.Duration"
                                           : "int64";
    case TMPL_FLOAT:
        return "float64";
    case TMPL_STR:
        return "string";
    case TMPL_JSON:
        return v.type == TMPL_T_STRINGS ? "[]string"
               : json_is_array(v.j)     ? "[]interface {}"
                                        : "map[string]interface {}";
    case TMPL_OBJ:
        return v.obj.o->type_name;
    default:
        return "interface {}";
    }
}

bool val_is_strings(struct tmpl_val v)
{
    if (v.kind != TMPL_JSON || !json_is_array(v.j))
        return false;
    for (size_t i = 0; i < json_array_size(v.j); i++)
        if (!json_is_string(json_array_get(v.j, i)))
            return false;
    return true;
}

static bool is_basic(struct tmpl_val v)
{
    return v.kind == TMPL_BOOL || v.kind == TMPL_INT || v.kind == TMPL_FLOAT || v.kind == TMPL_STR;
}

static bool is_nil(struct tmpl_val v)
{
    return v.kind == TMPL_NONE || v.kind == TMPL_NIL;
}

static int compare_strings(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

static int fail_uncomparable(struct exec *x, struct tmpl_val a, struct tmpl_val b)
{
    struct buf at = BUF_INIT(4096), bt = BUF_INIT(4096);
    fmt_value(x, &at, a);
    fmt_value(x, &bt, b);
    int r = json_is_array(a.j) != json_is_array(b.j)
                ? exec_fail_call(x, "non-comparable types %s: %s, %s: %s", buf_str(&at),
                                 val_type(a), val_type(b), buf_str(&bt))
                : exec_fail_call(x, "non-comparable type %s: %s", buf_str(&bt), val_type(b));
    buf_clear(&at);
    buf_clear(&bt);
    return r;
}

int cmp_eq(struct exec *x, struct tmpl_val a, struct tmpl_val b)
{
    if (is_nil(a) || is_nil(b))
        return is_nil(a) && is_nil(b);
    if (a.kind != b.kind)
        return exec_fail_call(x, "incompatible types for comparison");
    switch (a.kind) {
    case TMPL_BOOL:
        return a.b == b.b;
    case TMPL_INT:
        return a.i == b.i;
    case TMPL_FLOAT:
        return a.f == b.f;
    case TMPL_STR:
        return str_eq(a.s, b.s);
    case TMPL_OBJ:
        return a.obj.p == b.obj.p;
    default:
        break;
    }
    return fail_uncomparable(x, a, b);
}

int cmp_lt(struct exec *x, struct tmpl_val a, struct tmpl_val b)
{
    if (!is_basic(a) || !is_basic(b))
        return exec_fail_call(x, "invalid type for comparison");
    if (a.kind != b.kind)
        return exec_fail_call(x, "incompatible types for comparison");
    switch (a.kind) {
    case TMPL_INT:
        return a.i < b.i;
    case TMPL_FLOAT:
        return a.f < b.f;
    case TMPL_STR:
        return compare_strings(a.s, b.s) < 0;
    default:
        return exec_fail_call(x, "invalid type for comparison");
    }
}
