/* SPDX-License-Identifier: Apache-2.0 */
#include "view/list.h"

#include "base/cleanup.h"
#include "view/json_out.h"
#include "view/table.h"
#include "view/text.h"

#define MAX_FORMAT TMPL_MAX_SOURCE
#define MAX_CELL   (16u << 20)

static const struct list_col *find_col(const struct list_view *v, const char *name, unsigned *ret)
{
    for (size_t i = 0; i < v->n_cols; i++) {
        if (streq(v->cols[i].name, name)) {
            *ret = (unsigned)i;
            return &v->cols[i];
        }
    }
    return NULL;
}

/* ---- a row and the header in the eyes of a template ---- */

struct row {
    const struct list_view *view;
    const void *row;
};

static int take_text(struct buf *b, struct arena *a, struct tmpl_val *ret, struct shale_err *e)
{
    int r = buf_check(b, e);
    const char *copy = r < 0 ? NULL : arena_strndup(a, buf_str(b), b->n);
    size_t n = b->n;
    buf_clear(b);
    if (r < 0)
        return r;
    if (!copy)
        return err_nomem(e);
    *ret = (struct tmpl_val){.kind = TMPL_STR, .s = {copy, n}};
    return 0;
}

static int get_label(const struct row *x, const struct str *args, size_t n, struct arena *a,
                     struct tmpl_val *ret, struct shale_err *e)
{
    struct buf b = BUF_INIT(MAX_CELL);
    if (n != 1) {
        *ret = tmpl_int(1);
        return 2;
    }
    const char *key = arena_strndup(a, args[0].p, args[0].n);
    if (!key)
        return err_nomem(e);
    x->view->label(x->row, key, &b);
    return take_text(&b, a, ret, e);
}

static int row_get(void *p, const char *name, const struct str *args, size_t n, struct arena *a,
                   struct tmpl_val *ret, struct shale_err *e)
{
    const struct row *x = p;
    struct buf b = BUF_INIT(MAX_CELL);
    unsigned at;
    if (x->view->label && streq(name, "Label"))
        return get_label(x, args, n, a, ret, e);
    const struct list_col *col = find_col(x->view, name, &at);
    if (!col)
        return 1;
    if (n > 0) {
        *ret = tmpl_int(0);
        return 2;
    }
    if (col->flags & LIST_NIL) {
        *ret = (struct tmpl_val){.kind = TMPL_NIL, .type = TMPL_T_POINTER};
        return 0;
    }
    x->view->put(x->row, at, &b);
    return take_text(&b, a, ret, e);
}

static int row_json(void *p, struct arena *a, struct buf *b, struct shale_err *e)
{
    const struct row *x = p;
    struct buf text = BUF_INIT(MAX_CELL);
    bool first = true;
    buf_addc(b, '{');
    for (size_t i = 0; i < x->view->n_cols; i++) {
        const struct list_col *col = &x->view->cols[i];
        if (col->flags & LIST_HIDDEN)
            continue;
        buf_addf(b, "%s\"%s\":", first ? "" : ",", col->name);
        first = false;
        if (col->flags & LIST_NIL) {
            buf_adds(b, "null");
            continue;
        }
        buf_reset(&text);
        x->view->put(x->row, (unsigned)i, &text);
        json_out_string(b, (struct str){buf_str(&text), text.n}, JSON_OUT_HTML);
        buf_fail_with(b, &text);
    }
    buf_addc(b, '}');
    buf_clear(&text);
    return buf_check(b, e);
}

/* docker makes a title of a label's last word: "com.docker.stack-name" is "stack name". */
static int header_label(const struct str *args, size_t n, struct arena *a, struct tmpl_val *ret,
                        struct shale_err *e)
{
    if (n != 1) {
        *ret = tmpl_int(1);
        return 2;
    }
    const char *dot = memrchr(args[0].p, '.', args[0].n);
    size_t skip = dot ? (size_t)(dot + 1 - args[0].p) : 0;
    char *text = arena_strndup(a, args[0].p + skip, args[0].n - skip);
    if (!text)
        return err_nomem(e);
    for (char *c = text; *c; c++)
        *c = *c == '-' || *c == '_' ? ' ' : *c;
    *ret = tmpl_str(text);
    return 0;
}

static int header_get(void *p, const char *name, const struct str *args, size_t n, struct arena *a,
                      struct tmpl_val *ret, struct shale_err *e)
{
    const struct row *x = p;
    unsigned at;
    if (x->view->label && streq(name, "Label"))
        return header_label(args, n, a, ret, e);
    const struct list_col *col = find_col(x->view, name, &at);
    *ret = col ? tmpl_str(col->header) : (struct tmpl_val){.kind = TMPL_NONE};
    return 0;
}

/* docker's json takes no object in a header: the line is empty. */
static int header_json(void *p, struct arena *a, struct buf *b, struct shale_err *e)
{
    return buf_check(b, e);
}

static int exec(struct list *l, const void *row, bool header, struct buf *out, struct shale_err *e)
{
    struct row x = {l->view, row};
    struct tmpl_object o = {
        .type_name = l->view->type_name,
        .get = header ? header_get : row_get,
        .to_json = header ? header_json : row_json,
    };
    struct tmpl_exec_opts opts = {.header = header, .printable = l->spec.printable};
    int r = tmpl_exec(l->t, tmpl_obj(&o, &x), &opts, out, e);
    if (r < 0)
        return err_wrap(e, r, "template parsing error");
    buf_addc(out, '\n');
    return buf_check(out, e);
}

/* ---- formats ---- */

bool list_is_table(const char *format)
{
    return str_has_prefix(format, "table");
}

/* The template in a --format: "table" and blanks taken off, \t and \n as docker reads them. */
static int parse_format(struct list *l, const char *format, struct shale_err *e)
{
    struct buf text = BUF_INIT(MAX_FORMAT);
    struct str s = str_of(format);
    l->table = list_is_table(format);
    if (l->table)
        s = (struct str){s.p + 5, s.n - 5};
    while (s.n && s.p[0] == ' ')
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    if (str_eq(s, STR("json")) && !l->table)
        s = STR("{{json .}}");
    for (size_t i = 0; i < s.n; i++) {
        bool two = s.p[i] == '\\' && i + 1 < s.n;
        if (two && (s.p[i + 1] == 't' || s.p[i + 1] == 'n'))
            buf_addc(&text, s.p[++i] == 't' ? '\t' : '\n');
        else
            buf_addc(&text, s.p[i]);
    }
    int r = buf_check(&text, e);
    if (r == 0)
        r = tmpl_parse(buf_str(&text), text.n, &l->t, e);
    buf_clear(&text);
    return r < 0 ? err_wrap(e, r, "template parsing error") : 0;
}

int list_begin(struct list *l, const struct list_view *v, const struct list_spec *spec,
               struct shale_err *e)
{
    *l = (struct list){.view = v, .spec = *spec};
    buf_init(&l->rows, LIST_MAX_BYTES);
    buf_init(&l->cell, MAX_CELL);
    if (spec->format && *spec->format)
        return parse_format(l, spec->format, e);
    l->table = !spec->quiet;
    for (size_t i = 0; l->table && i < spec->n_cols; i++)
        buf_addf(&l->rows, "%s%s", i ? "\t" : "", v->cols[spec->cols[i]].header);
    if (l->table)
        buf_addc(&l->rows, '\n');
    return buf_check(&l->rows, e);
}

/* The value goes straight into the rows; the rare one that is not clean is taken out and escaped.
 */
static void add_value(struct list *l, const void *row, unsigned col)
{
    size_t from = l->rows.n;
    l->view->put(row, col, &l->rows);
    if (l->rows.failed || l->rows.n == from)
        return;
    struct str s = {l->rows.p + from, l->rows.n - from};
    if (text_is_clean(s))
        return;
    buf_reset(&l->cell);
    buf_add(&l->cell, s.p, s.n);
    l->rows.n = from;
    text_escape(&l->rows, (struct str){buf_str(&l->cell), l->cell.n});
}

int list_row(struct list *l, const void *row, struct shale_err *e)
{
    if (l->t)
        return exec(l, row, false, &l->rows, e);
    for (size_t i = 0; i < l->spec.n_cols; i++) {
        if (i)
            buf_addc(&l->rows, '\t');
        add_value(l, row, l->spec.cols[i]);
    }
    buf_addc(&l->rows, '\n');
    int r = buf_check(&l->cell, e);
    return r < 0 ? r : buf_check(&l->rows, e);
}

int list_end(struct list *l, struct buf *out, struct shale_err *e)
{
    struct str rows = {buf_str(&l->rows), l->rows.n};
    struct buf all = BUF_INIT(LIST_MAX_BYTES);
    int r = 0;
    if (!l->table) {
        buf_add(out, rows.p, rows.n);
        return buf_check(out, e);
    }
    if (l->t) {
        r = exec(l, NULL, true, &all, e);
        buf_add(&all, rows.p, rows.n);
        if (r == 0)
            r = buf_check(&all, e);
        rows = (struct str){buf_str(&all), all.n};
    }
    if (r == 0)
        r = table_format(rows, out, e);
    buf_clear(&all);
    return r;
}

void list_clear(struct list *l)
{
    tmpl_free(l->t);
    buf_clear(&l->rows);
    buf_clear(&l->cell);
    l->t = NULL;
}
