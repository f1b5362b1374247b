/* SPDX-License-Identifier: Apache-2.0 */
#include "view/explain.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/units.h"
#include "view/doc.h"
#include "view/human.h"
#include "view/list.h"
#include "view/removed.h"
#include "view/table.h"

#define MAX_REMEDY 512

static const struct {
    const char *kind, *shown, *remedy;
} kinds[] = {
    [SHALE_BLOCKER_RUNNING] = {"RunningContainer", "running container", "shale rm -f"},
    [SHALE_BLOCKER_STOPPED] = {"StoppedContainer", "stopped container", "shale rm"},
    [SHALE_BLOCKER_CHILD] = {"Child", "image made from it", "shale rmi"},
    [SHALE_BLOCKER_PIN] = {"Pin", "pin", "shale image unpin"},
    [SHALE_BLOCKER_NAME] = {"Name", "other name", "shale rmi"},
};
/* The command that takes one out of the way. */
static void put_remedy(struct buf *b, const struct shale_blocker *x)
{
    buf_addf(b, "%s ", kinds[x->kind].remedy);
    if (*x->name)
        buf_adds(b, x->name);
    else
        human_short_id(b, x->id);
}

/* ---- for people ---- */

static int put_table(const struct shale_rmi_explained *x, struct buf *out, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf rows = BUF_INIT(LIST_MAX_BYTES);

    buf_adds(&rows, "IN THE WAY\tID\tNAME\tHOLDS\tREMOVED BY\tOR BY\n");
    for (size_t i = 0; i < x->n_blockers; i++) {
        const struct shale_blocker *b = &x->blockers[i];
        buf_addf(&rows, "%s\t", kinds[b->kind].shown);
        human_short_id(&rows, b->id);
        buf_addf(&rows, "\t%s\t", *b->name ? b->name : "<none>");
        human_short_id(&rows, b->image);
        buf_addc(&rows, '\t');
        put_remedy(&rows, b);
        buf_addf(&rows, "\t%s%s%s\n", b->force ? "--force" : "", b->force && b->cascade ? ", " : "",
                 b->cascade ? "--cascade" : "");
    }
    int r = buf_check(&rows, e);
    return r < 0 ? r : table_format((struct str){(const char *)rows.p, rows.n}, out, e);
}

static void put_bytes(struct buf *b, const char *what, uint64_t bytes, const char *when)
{
    char size[32];

    buf_addf(b, "%s: %s (%" PRIu64 " bytes)%s\n", what, units_human(bytes, 4, size), bytes, when);
}

static int print_text(const struct shale_rmi_explained *x, const struct explain_opts *o,
                      struct buf *out, struct shale_err *e)
{
    if (!o->first)
        buf_addc(out, '\n');
    buf_addf(out, "%s is image ", o->image);
    human_short_id(out, x->image);
    buf_addc(out, '\n');
    if (*x->refusal)
        buf_addf(out, "Would be refused: %s\n", x->refusal);
    removed_put(out, x->items, x->n_items);
    if (!*x->refusal)
        put_bytes(out, "Would free", x->freed_bytes, "");
    if (!x->n_blockers)
        return buf_check(out, e);
    buf_addc(out, '\n');
    int r = put_table(x, out, e);
    put_bytes(out, "Would free", x->total_bytes, " with all of that out of the way");
    return r < 0 ? r : buf_check(out, e);
}

/* ---- the document ---- */

static json_t *blocker_doc(const struct shale_blocker *b)
{
    _cleanup_(buf_clear) struct buf remedy = BUF_INIT(MAX_REMEDY);
    struct doc d = doc_begin();
    json_t *j = NULL;

    put_remedy(&remedy, b);
    doc_str(&d, "Kind", kinds[b->kind].kind);
    doc_str(&d, "ID", b->id);
    doc_str(&d, "Name", b->name);
    doc_str(&d, "Holds", b->image);
    doc_bool(&d, "Force", b->force);
    doc_bool(&d, "Cascade", b->cascade);
    doc_str(&d, "RemovedBy", buf_str(&remedy));
    return doc_end(&d, &j, NULL) < 0 ? NULL : j;
}

static int make_doc(const struct shale_rmi_explained *x, const struct explain_opts *o, json_t **ret,
                    struct shale_err *e)
{
    struct doc d = doc_begin();
    json_t *blockers = json_array();
    size_t n = 0;

    for (size_t i = 0; blockers && i < x->n_blockers; i++)
        if (json_array_append_new(blockers, blocker_doc(&x->blockers[i])) < 0)
            d.failed = true;
    while (x->names[n])
        n++;
    doc_str(&d, "Reference", o->image);
    doc_str(&d, "Image", x->image);
    doc_put(&d, "Names", doc_strings(x->names, n));
    doc_bool(&d, "Refused", *x->refusal);
    doc_str(&d, "Refusal", x->refusal);
    doc_put(&d, "Removes", removed_doc(x->items, x->n_items));
    doc_int(&d, "FreedBytes", (int64_t)x->freed_bytes);
    doc_put(&d, "InTheWay", blockers);
    doc_int(&d, "TotalBytes", (int64_t)x->total_bytes);
    return doc_end(&d, ret, e);
}

int explain_print(const struct shale_rmi_explained *x, const struct explain_opts *o,
                  struct buf *out, struct shale_err *e)
{
    _cleanup_json_ json_t *doc = NULL;

    if (!o->format || !*o->format)
        return print_text(x, o, out, e);
    int r = make_doc(x, o, &doc, e);
    return r < 0 ? r : removed_format(doc, o->format, o->printable, out, e);
}
