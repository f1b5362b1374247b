/* SPDX-License-Identifier: Apache-2.0 */
/* The functions: Go's builtins and those that docker adds. */
#include "view/tmpl_func.h"

#include "base/cleanup.h"
#include "view/tmpl_exec.h"
#include "view/uni.h"

#define MAX_TEXT TMPL_MAX_MEMORY
/* An item of a new list lives outside of the arena and its limit: it costs so many steps that the
 * limit of steps bounds the memory too. */
#define LIST_ITEM_STEPS 20

static struct tmpl_val make_int(size_t n)
{
    return (struct tmpl_val){.kind = TMPL_INT, .type = TMPL_T_INT, .i = (int64_t)n};
}

/* ---- len, index, slice ---- */

static int f_len(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    switch (a[0].kind) {
    case TMPL_STR:
        *ret = make_int(a[0].s.n);
        return 0;
    case TMPL_JSON:
        *ret = make_int(json_is_array(a[0].j) ? json_array_size(a[0].j) : json_object_size(a[0].j));
        return 0;
    case TMPL_NIL:
        return exec_fail_call(x, "len of nil pointer");
    case TMPL_NONE:
        return exec_fail_call(x, "len of untyped nil");
    default:
        return exec_fail_call(x, "len of type %s", val_type(a[0]));
    }
}

static int index_of(struct exec *x, struct tmpl_val i, size_t cap, size_t *ret)
{
    if (i.kind == TMPL_NONE || i.kind == TMPL_NIL)
        return exec_fail_call(x, "cannot index slice/array with nil");
    if (i.kind != TMPL_INT)
        return exec_fail_call(x, "cannot index slice/array with type %s", val_type(i));
    if (i.i < 0 || (uint64_t)i.i > cap)
        return exec_fail_call(x, "index out of range: %lld", (long long)i.i);
    *ret = (size_t)i.i;
    return 0;
}

static int index_array(struct exec *x, struct tmpl_val of, struct tmpl_val i, struct tmpl_val *ret)
{
    bool text = of.kind == TMPL_STR;
    size_t n = text ? of.s.n : json_array_size(of.j), at = 0;
    int r = index_of(x, i, n, &at);
    if (r < 0)
        return r;
    if (at == n)
        return exec_fail_call(x, "reflect: %s index out of range", text ? "string" : "slice");
    if (!text)
        return exec_load(x, json_array_get(of.j, at), ret);
    *ret =
        (struct tmpl_val){.kind = TMPL_INT, .type = TMPL_T_UINT8, .i = (unsigned char)of.s.p[at]};
    return 0;
}

/* What the index of a missing key gives. Go's answer depends on the map's type: "" where it is a
 * map of strings, as labels are. */
static struct tmpl_val missing_member(const json_t *obj)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)obj, key, v)
    {
        if (!json_is_string(v))
            return (struct tmpl_val){.kind = TMPL_NIL};
    }
    return tmpl_str("");
}

static int index_map(struct exec *x, struct tmpl_val of, struct tmpl_val i, struct tmpl_val *ret)
{
    if (i.kind == TMPL_NONE || i.kind == TMPL_NIL)
        return exec_fail_call(x, "value is nil; should be of type string");
    if (i.kind != TMPL_STR)
        return exec_fail_call(x, "value has type %s; should be string", val_type(i));
    const char *key = arena_strndup(&x->a, i.s.p, i.s.n);
    if (!key)
        return err_nomem(x->e);
    const json_t *j = json_object_get(of.j, key);
    if (j)
        return exec_load(x, j, ret);
    *ret = missing_member(of.j);
    return exec_step(x, json_object_size(of.j) / 64);
}

static int f_index(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct tmpl_val of = a[0];
    if (of.kind == TMPL_NONE || of.kind == TMPL_NIL)
        return exec_fail_call(x, "index of untyped nil");
    for (size_t i = 1; i < n; i++) {
        int r;
        if (of.kind == TMPL_NIL)
            return exec_fail_call(x, "index of nil pointer");
        if (of.kind == TMPL_STR || (of.kind == TMPL_JSON && json_is_array(of.j)))
            r = index_array(x, of, a[i], &of);
        else if (of.kind == TMPL_JSON)
            r = index_map(x, of, a[i], &of);
        else
            r = exec_fail_call(x, "can't index item of type %s", val_type(of));
        if (r < 0)
            return r;
    }
    *ret = of;
    return 0;
}

static int slice_array(struct exec *x, struct tmpl_val of, size_t from, size_t to,
                       struct tmpl_val *ret)
{
    json_t *part = json_array();
    for (size_t i = from; part && i < to; i++)
        if (json_array_append(part, json_array_get(of.j, i)) < 0) {
            json_decref(part);
            part = NULL;
        }
    int r = exec_own(x, part, ret);
    ret->type = of.type;
    return r < 0 ? r : exec_step(x, (to - from) * LIST_ITEM_STEPS);
}

static int f_slice(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct tmpl_val of = a[0];
    bool array = of.kind == TMPL_JSON && json_is_array(of.j);
    size_t len = array ? json_array_size(of.j) : of.kind == TMPL_STR ? of.s.n : 0;
    size_t idx[3] = {0, len, len};
    if (of.kind == TMPL_NONE || of.kind == TMPL_NIL)
        return exec_fail_call(x, "slice of untyped nil");
    if (n > 4)
        return exec_fail_call(x, "too many slice indexes: %zu", n - 1);
    if (n == 4 && of.kind == TMPL_STR)
        return exec_fail_call(x, "cannot 3-index slice a string");
    if (!array && of.kind != TMPL_STR)
        return exec_fail_call(x, "can't slice item of type %s", val_type(of));
    for (size_t i = 1; i < n; i++) {
        int r = index_of(x, a[i], len, &idx[i - 1]);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < 2; i++)
        if (idx[i] > idx[i + 1] && (i == 0 || n == 4))
            return exec_fail_call(x, "invalid slice index: %zu > %zu", idx[i], idx[i + 1]);
    if (array)
        return slice_array(x, of, idx[0], idx[1], ret);
    *ret = (struct tmpl_val){.kind = TMPL_STR, .s = {of.s.p + idx[0], idx[1] - idx[0]}};
    return 0;
}

/* ---- comparison and logic ---- */

static int f_not(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    *ret = tmpl_bool(!val_truth(a[0]));
    return 0;
}

static int f_eq(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    int r = n < 2 ? exec_fail_call(x, "missing argument for comparison") : 0;
    for (size_t i = 1; i < n && r == 0; i++)
        r = cmp_eq(x, a[0], a[i]);
    if (r >= 0)
        *ret = tmpl_bool(r > 0);
    return r < 0 ? r : 0;
}

static int f_ne(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    int r = cmp_eq(x, a[0], a[1]);
    if (r >= 0)
        *ret = tmpl_bool(r == 0);
    return r < 0 ? r : 0;
}

static int f_lt(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    int r = cmp_lt(x, a[0], a[1]);
    if (r >= 0)
        *ret = tmpl_bool(r > 0);
    return r < 0 ? r : 0;
}

static int f_le(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    int r = cmp_lt(x, a[0], a[1]);
    if (r == 0)
        r = cmp_eq(x, a[0], a[1]);
    if (r >= 0)
        *ret = tmpl_bool(r > 0);
    return r < 0 ? r : 0;
}

static int f_gt(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    int r = f_le(x, a, n, ret);
    if (r == 0)
        ret->b = !ret->b;
    return r;
}

static int f_ge(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    int r = f_lt(x, a, n, ret);
    if (r == 0)
        ret->b = !ret->b;
    return r;
}

static int f_call(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    if (a[0].kind == TMPL_NONE || a[0].kind == TMPL_NIL)
        return exec_fail_call(x, "call of nil");
    return exec_fail_call(x, "non-function of type %s", val_type(a[0]));
}

/* ---- text ---- */

static int f_print(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    int r = fmt_sprint(x, &b, a, n);
    int r2 = exec_take(x, &b, ret);
    return r < 0 ? r : r2;
}

static int f_println(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    int r = fmt_sprintln(x, &b, a, n);
    int r2 = exec_take(x, &b, ret);
    return r < 0 ? r : r2;
}

static int f_printf(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    int r = fmt_sprintf(x, &b, a[0].s, a + 1, n - 1);
    int r2 = exec_take(x, &b, ret);
    return r < 0 ? r : r2;
}

static int f_json(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    int r = fmt_json(x, &b, a[0]);
    int r2 = exec_take(x, &b, ret);
    return r < 0 ? r : r2;
}

/* The arguments of html, js and urlquery as one text: a string itself, else fmt.Sprint. */
static int join_args(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    if (n == 1 && a[0].kind == TMPL_STR) {
        *ret = a[0];
        return 0;
    }
    struct buf b = BUF_INIT(MAX_TEXT);
    struct tmpl_val *v = arena_array(&x->a, n ? n : 1, sizeof *v);
    if (!v)
        return err_nomem(x->e);
    for (size_t i = 0; i < n; i++)
        v[i] = a[i].kind == TMPL_NIL && a[i].type != TMPL_T_POINTER ? tmpl_str("<no value>") : a[i];
    int r = fmt_sprint(x, &b, v, n);
    int r2 = exec_take(x, &b, ret);
    return r < 0 ? r : r2;
}

static int f_html(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    struct tmpl_val v;
    int r = join_args(x, a, n, &v);
    if (r < 0)
        return r;
    for (size_t i = 0; i < v.s.n; i++) {
        char c = v.s.p[i];
        const char *esc = c == '"'    ? "&#34;"
                          : c == '\'' ? "&#39;"
                          : c == '&'  ? "&amp;"
                          : c == '<'  ? "&lt;"
                          : c == '>'  ? "&gt;"
                          : c == 0    ? "\xef\xbf\xbd"
                                      : NULL;
        if (esc)
            buf_adds(&b, esc);
        else
            buf_addc(&b, c);
    }
    return exec_take(x, &b, ret);
}

static int f_js(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    struct tmpl_val v;
    int r = join_args(x, a, n, &v);
    if (r < 0)
        return r;
    for (size_t i = 0; i < v.s.n;) {
        uint32_t c;
        size_t len = uni_decode(v.s.p + i, v.s.n - i, &c);
        if (c == '\\' || c == '\'' || c == '"')
            buf_addf(&b, "\\%c", (char)c);
        else if (c < ' ' || c == '<' || c == '>' || c == '&' || c == '=' ||
                 (c >= 0x80 && !uni_is_print(c)))
            buf_addf(&b, "\\u%04X", c);
        else
            buf_add(&b, v.s.p + i, len);
        i += len;
    }
    return exec_take(x, &b, ret);
}

static int f_urlquery(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    struct tmpl_val v;
    int r = join_args(x, a, n, &v);
    if (r < 0)
        return r;
    for (size_t i = 0; i < v.s.n; i++) {
        unsigned char c = (unsigned char)v.s.p[i];
        if (c == ' ')
            buf_addc(&b, '+');
        else if (c < 0x80 && c && (uni_is_letter(c) || strchr("-_.~", c)))
            buf_addc(&b, (char)c);
        else
            buf_addf(&b, "%%%02X", c);
    }
    return exec_take(x, &b, ret);
}

/* ---- docker's ---- */

static json_t *json_str(struct str s)
{
    return json_stringn_nocheck(s.p, s.n);
}

/* Splits at each separator; at every character where it is empty. */
static int f_split(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct str s = a[0].s, sep = a[1].s;
    json_t *list = json_array();
    int r = exec_own(x, list, ret);
    while (r == 0 && (sep.n || s.n)) {
        const char *at = sep.n && s.n ? memmem(s.p, s.n, sep.p, sep.n) : NULL;
        size_t len = at ? (size_t)(at - s.p) : sep.n ? s.n : uni_prefix(s.p, s.n, 1);
        if (json_array_append_new(list, json_str((struct str){s.p, len})) < 0)
            return err_nomem(x->e);
        r = exec_step(x, 1 + LIST_ITEM_STEPS);
        if (sep.n && !at)
            break;
        s = (struct str){s.p + len + sep.n, s.n - len - sep.n};
    }
    if (r == 0)
        ret->type = TMPL_T_STRINGS;
    return r;
}

static int f_join(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    size_t count = a[0].kind == TMPL_JSON ? json_array_size(a[0].j) : 0;
    for (size_t i = 0; i < count; i++) {
        struct tmpl_val v;
        int r = exec_load(x, json_array_get(a[0].j, i), &v);
        if (r < 0) {
            buf_clear(&b);
            return r;
        }
        if (i)
            buf_add(&b, a[1].s.p, a[1].s.n);
        buf_add(&b, v.s.p, v.s.n);
    }
    return exec_take(x, &b, ret);
}

/* White space past ASCII. */
static bool is_blank(uint32_t c)
{
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Applies `first` to the first letter of each word, `other` to the rest; NULL leaves as it is. */
static int map_case(struct exec *x, struct str s, uint32_t (*first)(uint32_t),
                    uint32_t (*other)(uint32_t), struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    bool in_word = false;
    for (size_t i = 0; i < s.n;) {
        uint32_t c;
        char utf8[4];
        size_t len = uni_decode(s.p + i, s.n - i, &c);
        uint32_t (*f)(uint32_t) = in_word ? other : first;
        buf_add(&b, utf8, uni_encode(f ? f(c) : c, utf8));
        in_word = c == '_' || uni_is_letter(c) || (c >= 0x80 && !is_blank(c));
        i += len;
    }
    return exec_take(x, &b, ret);
}

static int f_lower(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    return map_case(x, a[0].s, uni_lower, uni_lower, ret);
}

static int f_upper(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    return map_case(x, a[0].s, uni_upper, uni_upper, ret);
}

static int f_title(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    return map_case(x, a[0].s, uni_upper, NULL, ret);
}

static int f_pad(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    struct buf b = BUF_INIT(MAX_TEXT);
    if (a[0].s.n == 0) {
        *ret = a[0];
        return 0;
    }
    if (a[1].i < 0 || a[2].i < 0)
        return exec_fail_call(x, "strings: negative Repeat count");
    if (a[1].i > (int64_t)MAX_TEXT || a[2].i > (int64_t)MAX_TEXT)
        return exec_fail_call(x, "strings: Repeat output length overflow");
    for (int64_t i = 0; i < a[1].i; i++)
        buf_addc(&b, ' ');
    buf_add(&b, a[0].s.p, a[0].s.n);
    for (int64_t i = 0; i < a[2].i; i++)
        buf_addc(&b, ' ');
    return exec_take(x, &b, ret);
}

static int f_truncate(struct exec *x, const struct tmpl_val *a, size_t n, struct tmpl_val *ret)
{
    if (a[1].i < 0)
        return exec_fail_call(x, "runtime error: slice bounds out of range [:%lld]",
                              (long long)a[1].i);
    *ret = a[0];
    if ((uint64_t)a[1].i < a[0].s.n)
        ret->s.n = (size_t)a[1].i;
    return 0;
}

/* ---- the table ---- */

#define V PARAM_VALUE
#define S PARAM_STRING
static const struct tmpl_func funcs[] = {
    {"and", {V, V}, 1, true, true, false, NULL},
    {"call", {V, V}, 1, true, false, false, f_call},
    {"eq", {V, V}, 1, true, false, false, f_eq},
    {"ge", {V, V}, 2, false, false, false, f_ge},
    {"gt", {V, V}, 2, false, false, false, f_gt},
    {"html", {PARAM_ANY}, 0, true, false, false, f_html},
    {"index", {V, V}, 1, true, false, false, f_index},
    {"join", {PARAM_STRINGS, S}, 2, false, false, true, f_join},
    {"js", {PARAM_ANY}, 0, true, false, false, f_js},
    {"json", {PARAM_ANY}, 1, false, false, true, f_json},
    {"le", {V, V}, 2, false, false, false, f_le},
    {"len", {V}, 1, false, false, false, f_len},
    {"lower", {S}, 1, false, false, true, f_lower},
    {"lt", {V, V}, 2, false, false, false, f_lt},
    {"ne", {V, V}, 2, false, false, false, f_ne},
    {"not", {V}, 1, false, false, false, f_not},
    {"or", {V, V}, 1, true, true, false, NULL},
    {"pad", {S, PARAM_INT, PARAM_INT}, 3, false, false, false, f_pad},
    {"print", {PARAM_ANY}, 0, true, false, false, f_print},
    {"printf", {S, PARAM_ANY}, 1, true, false, false, f_printf},
    {"println", {PARAM_ANY}, 0, true, false, false, f_println},
    {"slice", {V, V}, 1, true, false, false, f_slice},
    {"split", {S, S}, 2, false, false, true, f_split},
    {"title", {S}, 1, false, false, true, f_title},
    {"truncate", {S, PARAM_INT}, 2, false, false, true, f_truncate},
    {"upper", {S}, 1, false, false, true, f_upper},
    {"urlquery", {PARAM_ANY}, 0, true, false, false, f_urlquery},
};
#undef V
#undef S

const struct tmpl_func *tmpl_func_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(funcs); i++)
        if (str_eq(name, str_of(funcs[i].name)))
            return &funcs[i];
    return NULL;
}
