/* SPDX-License-Identifier: Apache-2.0 */
#include "view/build_outline.h"

#include "view/table.h"
#include "view/text.h"

#define MAX_BYTES (16u << 20)

/* The text of a Dockerfile, in a cell. */
static void put(struct buf *b, const char *s)
{
    text_escape(b, str_of(s ? s : ""));
}

static int end_table(struct buf *b, bool more, struct buf *out, struct shale_err *e)
{
    int r = buf_check(b, e);

    if (r >= 0)
        r = table_format((struct str){buf_str(b), b->n}, out, e);
    if (more)
        buf_addc(out, '\n');
    buf_clear(b);
    return r;
}

int build_targets_print(const struct shale_build_outline *x, struct buf *out, struct shale_err *e)
{
    struct buf b = BUF_INIT(MAX_BYTES);

    buf_adds(&b, "TARGET\tDESCRIPTION\n");
    for (size_t i = 0; i < x->n_targets; i++) {
        const struct shale_build_target *t = &x->targets[i];
        if (t->has_name || !t->is_default)
            put(&b, t->name);
        buf_addf(&b, "%s%s\t", t->has_name && t->is_default ? " " : "",
                 t->is_default ? "(default)" : "");
        put(&b, t->description);
        buf_addc(&b, '\n');
    }
    return end_table(&b, false, out, e);
}

static int print_target(const struct shale_build_target *t, struct buf *out, struct shale_err *e)
{
    struct buf b = BUF_INIT(MAX_BYTES);

    if (!t || !t->has_name)
        return 0;
    buf_adds(&b, "TARGET:\t");
    put(&b, t->name);
    if (t->description) {
        buf_adds(&b, "\nDESCRIPTION:\t");
        put(&b, t->description);
    }
    buf_addc(&b, '\n');
    return end_table(&b, true, out, e);
}

static int print_args(const struct shale_build_outline *x, struct buf *out, struct shale_err *e)
{
    struct buf b = BUF_INIT(MAX_BYTES);

    if (x->n_args == 0)
        return 0;
    buf_adds(&b, "BUILD ARG\tVALUE\tDESCRIPTION\n");
    for (size_t i = 0; i < x->n_args; i++) {
        put(&b, x->args[i].name);
        buf_addc(&b, '\t');
        put(&b, x->args[i].value);
        buf_addc(&b, '\t');
        put(&b, x->args[i].description);
        buf_addc(&b, '\n');
    }
    return end_table(&b, true, out, e);
}

static int print_needs(const char *title, const struct shale_build_need *v, size_t n,
                       struct buf *out, struct shale_err *e)
{
    struct buf b = BUF_INIT(MAX_BYTES);

    if (n == 0)
        return 0;
    buf_addf(&b, "%s\tREQUIRED\n", title);
    for (size_t i = 0; i < n; i++) {
        put(&b, v[i].name);
        buf_adds(&b, v[i].required ? "\ttrue\n" : "\t\n");
    }
    return end_table(&b, true, out, e);
}

int build_outline_print(const struct shale_build_outline *x, struct buf *out, struct shale_err *e)
{
    int r = print_target(x->target, out, e);

    if (r >= 0)
        r = print_args(x, out, e);
    if (r >= 0)
        r = print_needs("SECRET", x->secrets, x->n_secrets, out, e);
    return r < 0 ? r : print_needs("SSH", x->ssh, x->n_ssh, out, e);
}
