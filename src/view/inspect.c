/* SPDX-License-Identifier: Apache-2.0 */
#include "view/inspect.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "view/json_out.h"

int inspect_begin(struct inspect *i, const char *format, bool printable, struct buf *out,
                  struct shale_err *e)
{
    *i = (struct inspect){.out = out, .printable = printable};
    i->json = streq(format, "json");
    if (!format || !*format || i->json) {
        json_out_array_begin(out);
        return 0;
    }
    int r = tmpl_parse(format, strlen(format), &i->t, e);
    return r < 0 ? err_wrap(e, r, "template parsing error") : 0;
}

int inspect_add(struct inspect *i, const json_t *doc, const struct tmpl_field *fields,
                struct shale_err *e)
{
    if (i->json) {
        if (i->n++)
            buf_addc(i->out, ',');
        json_out_compact(i->out, doc, i->printable ? JSON_OUT_ASCII : 0);
        return buf_check(i->out, e);
    }
    if (!i->t) {
        json_out_array_item(i->out, doc, &i->n);
        return buf_check(i->out, e);
    }
    struct tmpl_exec_opts o = {
        .fields = fields, .missing_key_error = true, .printable = i->printable};
    size_t before = i->out->n;
    int r = tmpl_exec(i->t, tmpl_json(doc), &o, i->out, e);
    if (r < 0) {
        if (i->out->failed == 0)
            i->out->n = before;
        return err_wrap(e, r, "template parsing error");
    }
    buf_addc(i->out, '\n');
    i->n++;
    return buf_check(i->out, e);
}

int inspect_end(struct inspect *i, struct shale_err *e)
{
    if (!i->t)
        json_out_array_end(i->out, i->json ? 0 : i->n);
    else if (i->n == 0)
        buf_addc(i->out, '\n');
    return buf_check(i->out, e);
}

void inspect_clear(struct inspect *i)
{
    tmpl_free(i->t);
    i->t = NULL;
}
