/* SPDX-License-Identifier: Apache-2.0 */
#include "view/api_progress.h"

#include "base/cleanup.h"
#include "base/units.h"
#include "view/doc.h"

#define BAR_WIDTH 50

static const char *const words[] = {
    [SHALE_PROGRESS_QUEUED] = "Pulling fs layer",
    [SHALE_PROGRESS_WAITING] = "Waiting",
    [SHALE_PROGRESS_DOWNLOADING] = "Downloading",
    [SHALE_PROGRESS_VERIFYING] = "Verifying Checksum",
    [SHALE_PROGRESS_DOWNLOADED] = "Download complete",
    [SHALE_PROGRESS_DONE] = "Pull complete",
    [SHALE_PROGRESS_PRESENT] = "Already exists",
    [SHALE_PROGRESS_PREPARING] = "Preparing",
    [SHALE_PROGRESS_PUSHING] = "Pushing",
    [SHALE_PROGRESS_PUSHED] = "Pushed",
    [SHALE_PROGRESS_LAYER_EXISTS] = "Layer already exists",
};

/* What docker sends ready for the eye, too. */
static void put_bar(struct doc *d, uint64_t current, uint64_t total)
{
    char bar[BAR_WIDTH + 2], have[32], all[32], text[160];
    size_t filled = total ? (size_t)((double)current / (double)total * BAR_WIDTH) : 0;

    filled = filled > BAR_WIDTH ? BAR_WIDTH : filled;
    memset(bar, ' ', BAR_WIDTH + 1);
    memset(bar, '=', filled);
    bar[filled] = '>';
    bar[BAR_WIDTH + 1] = 0;
    units_human(current, 4, have);
    if (total >= current && total > 0)
        snprintf(text, sizeof text, "[%s] %8s/%s", bar, have, units_human(total, 4, all));
    else
        snprintf(text, sizeof text, "%8s", have);
    doc_str(d, "progress", text);
}

static void put_detail(struct doc *d, const struct shale_progress *ev)
{
    struct doc detail = doc_begin();
    json_t *j = NULL;
    bool moves = ev->kind == SHALE_PROGRESS_DOWNLOADING || ev->kind == SHALE_PROGRESS_PUSHING;

    if (moves) {
        doc_int(&detail, "current", (int64_t)ev->current);
        if (ev->total)
            doc_int(&detail, "total", (int64_t)ev->total);
    }
    doc_put(d, "progressDetail", doc_end(&detail, &j, NULL) < 0 ? NULL : j);
    if (moves)
        put_bar(d, ev->current, ev->total);
}

static json_t *sentence(const struct shale_progress *ev)
{
    const char *text = ev->text ? ev->text : "", *id = ev->id ? ev->id : "";

    switch (ev->kind) {
    case SHALE_PROGRESS_PULLING:
        return json_pack("{s:o, s:o}", "status", json_sprintf("Pulling from %s", id), "id",
                         doc_string(text));
    case SHALE_PROGRESS_DIGEST:
        return json_pack("{s:o}", "status", json_sprintf("Digest: %s", text));
    case SHALE_PROGRESS_MESSAGE:
    case SHALE_PROGRESS_STATUS:
        return json_pack("{s:o}", "status", doc_string(text));
    case SHALE_PROGRESS_RETRY:
        return json_pack("{s:o, s:{}, s:o}", "status",
                         json_sprintf("Retrying in %llu second%s", (unsigned long long)ev->current,
                                      ev->current == 1 ? "" : "s"),
                         "progressDetail", "id", doc_string(id));
    case SHALE_PROGRESS_MOUNTED:
        return json_pack("{s:o, s:{}, s:o}", "status", json_sprintf("Mounted from %s", text),
                         "progressDetail", "id", doc_string(id));
    default:
        return NULL;
    }
}

json_t *view_api_progress(const struct shale_progress *ev)
{
    size_t kind = (size_t)ev->kind;
    const char *word = kind < ARRAY_SIZE(words) ? words[kind] : NULL;
    struct doc d;
    json_t *j = NULL;

    if (!word)
        return sentence(ev);
    d = doc_begin();
    doc_str(&d, "status", word);
    put_detail(&d, ev);
    if (ev->id)
        doc_str(&d, "id", ev->id);
    return doc_end(&d, &j, NULL) < 0 ? NULL : j;
}
