/* SPDX-License-Identifier: Apache-2.0 */
#include "view/removed.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "view/doc.h"
#include "view/tmpl.h"

static const struct {
    const char *shown, *key;
} kinds[] = {
    [SHALE_UNTAGGED] = {"Untagged", "Untagged"},
    [SHALE_DELETED] = {"Deleted", "Deleted"},
    [SHALE_REMOVED_CONTAINER] = {"Removed container", "RemovedContainer"},
};

void removed_put(struct buf *b, const struct shale_removed *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_addf(b, "%s: %s", kinds[v[i].kind].shown, v[i].what);
        if (v[i].name)
            buf_addf(b, " (%s)", v[i].name);
        buf_addc(b, '\n');
    }
}

json_t *removed_doc(const struct shale_removed *v, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < n; i++) {
        json_t *one = json_object();
        if (!one || json_object_set_new(one, kinds[v[i].kind].key, doc_string(v[i].what)) < 0 ||
            json_array_append(list, one) < 0) {
            json_decref(list);
            list = NULL;
        }
        json_decref(one);
    }
    return list;
}

static int parse(const char *format, struct tmpl **ret, struct shale_err *e)
{
    if (streq(format, "json"))
        format = "{{json .}}";
    int r = tmpl_parse(format, strlen(format), ret, e);
    return r < 0 ? err_wrap(e, r, "template parsing error") : 0;
}

int removed_check(const char *format, struct shale_err *e)
{
    _cleanup_(tmpl_freep) struct tmpl *t = NULL;

    return format ? parse(format, &t, e) : 0;
}

int removed_format(const json_t *doc, const char *format, bool printable, struct buf *out,
                   struct shale_err *e)
{
    struct tmpl_exec_opts how = {.type_name = "*formatter.removedContext", .printable = printable};
    _cleanup_(tmpl_freep) struct tmpl *t = NULL;

    int r = parse(format, &t, e);

    if (r < 0)
        return r;
    r = tmpl_exec(t, tmpl_json(doc), &how, out, e);
    buf_addc(out, '\n');
    return r < 0 ? r : buf_check(out, e);
}

int removed_print(const struct shale_rmi_result *res, bool left, const char *format, bool printable,
                  struct buf *out, struct shale_err *e)
{
    struct doc d = doc_begin();
    _cleanup_json_ json_t *doc = NULL;

    doc_put(&d, "ImagesDeleted", removed_doc(res->items, res->n_items));
    doc_int(&d, "SpaceReclaimed", (int64_t)res->freed_bytes);
    if (left)
        doc_int(&d, "BytesLeft", (int64_t)res->left_bytes);
    int r = doc_end(&d, &doc, e);
    return r < 0 ? r : removed_format(doc, format, printable, out, e);
}
