/* SPDX-License-Identifier: Apache-2.0 */
/* GET /shale/v1/search: images by what is known of them. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "contents/contents.h"
#include "registry/index/index_search.h"
#include "registry/search.h"

#define PAGE_DEFAULT     25
#define PAGE_MAX         1000
#define PAGES_MAX        100000
#define MAX_ANSWER_BYTES (64u << 20)

static const char *const file_kinds[] = {
    [CONTENTS_FILE] = "file",         [CONTENTS_DIR] = "dir",     [CONTENTS_SYMLINK] = "symlink",
    [CONTENTS_HARDLINK] = "hardlink", [CONTENTS_OTHER] = "other",
};
static const char *const db_kinds[] = {
    [CONTENTS_DPKG] = "dpkg", [CONTENTS_APK] = "apk", [CONTENTS_RPM] = "rpm"};

static void add_text(struct buf *b, const char *name, const char *value)
{
    buf_addf(b, ",\"%s\":", name);
    reg_json_string(b, value);
}

static const char *word(const char *const *v, size_t n, int i)
{
    return i >= 0 && (size_t)i < n ? v[i] : "";
}

static void add_match(struct buf *b, const struct index_match *x)
{
    buf_addf(b, "{\"what\":\"%s\"", x->package ? "package" : "file");
    add_text(b, "path", x->path);
    if (x->package) {
        add_text(b, "name", x->name);
        add_text(b, "version", x->version);
        add_text(b, "architecture", x->arch);
        add_text(b, "type", word(db_kinds, ARRAY_SIZE(db_kinds), x->kind));
    } else {
        add_text(b, "type", word(file_kinds, ARRAY_SIZE(file_kinds), x->kind));
        buf_addf(b, ",\"mode\":%" PRIu32 ",\"size\":%" PRIu64, x->mode, x->size_bytes);
        if (*x->sha256)
            add_text(b, "sha256", x->sha256);
    }
    add_text(b, "layer", x->layer);
    buf_addc(b, '}');
}

static void add_image(struct buf *b, const struct index_image *x)
{
    char created[40];

    buf_adds(b, "{\"name\":");
    reg_json_string(b, x->repo);
    buf_adds(b, ",\"tags\":[");
    for (size_t i = 0; i < x->n_tags; i++) {
        if (i)
            buf_addc(b, ',');
        reg_json_string(b, x->tags[i]);
    }
    buf_addc(b, ']');
    add_text(b, "digest", x->digest.s);
    add_text(b, "media_type", x->media_type);
    add_text(b, "os", x->os);
    add_text(b, "architecture", x->arch);
    add_text(b, "variant", x->variant);
    if (x->created_ns)
        add_text(b, "created", time_format_rfc3339nano(x->created_ns, created));
    buf_addf(b, ",\"size\":%" PRIu64 ",\"matches\":[", x->size_bytes);
    for (size_t i = 0; i < x->n_matches; i++) {
        if (i)
            buf_addc(b, ',');
        add_match(b, &x->matches[i]);
    }
    buf_adds(b, "]}");
}

/* The rest of the fields stays as it was asked. */
static const char *next_link(struct rq *rq, uint64_t page)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64u << 10);

    buf_adds(&b, "</shale/v1/search?");
    for (size_t i = 0; i < rq->query.n; i++) {
        if (streq(rq->query.v[i].name, "page"))
            continue;
        http_percent_encode(&b, rq->query.v[i].name, "");
        buf_addc(&b, '=');
        http_percent_encode(&b, rq->query.v[i].value, "");
        buf_addc(&b, '&');
    }
    buf_addf(&b, "page=%" PRIu64 ">; rel=\"next\"", page + 1);
    return b.failed ? NULL : arena_strdup(&rq->a, b.p);
}

static void answer(struct rq *rq, const struct index_images *l, uint64_t page)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_ANSWER_BYTES);

    buf_adds(&b, "{\"results\":[");
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            buf_addc(&b, ',');
        add_image(&b, &l->v[i]);
    }
    /* What was pushed and was not looked at yet may be missing above. */
    buf_addf(&b, "],\"page\":%" PRIu64 ",\"more\":%s,\"pending\":%" PRIu64 "}\n", page,
             l->more ? "true" : "false", indexer_waiting(rq->r->indexer));
    reg_json(rq, &b, "application/json", l->more ? next_link(rq, page) : NULL);
}

void search_get(struct rq *rq)
{
    struct index_asker who = reg_asker(rq);
    struct search_query q;
    struct index_images l;
    uint64_t n, page;

    if (!reg_number(rq, "n", PAGE_DEFAULT, 1, PAGE_MAX, &n) ||
        !reg_number(rq, "page", 1, 1, PAGES_MAX, &page))
        return;
    int r = search_query_parse(&rq->query, time_now_ns(), &rq->a, &q, &rq->e);
    if (r >= 0 && search_query_looks_inside(&q) && !rq->r->first->conf->index.contents) {
        reg_error(rq, REG_QUERY_INVALID,
                  "this registry does not look into layers ([index] contents = no)");
        return;
    }
    if (r >= 0)
        r = index_search(rq->r->index, &q, &who, (page - 1) * n, n, &rq->a, &l, &rq->e);
    if (r < 0)
        reg_search_failed(rq);
    else
        answer(rq, &l, page);
}
