/* SPDX-License-Identifier: Apache-2.0 */
#include "view/remote.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "view/human.h"
#include "view/list.h"

static const char *template_of(const struct remote_view_opts *o)
{
    return o->format && *o->format && !streq(o->format, "table") ? o->format : NULL;
}

/* ---- tags ---- */

struct tag_row {
    const struct shale_remote_tag *x;
    const struct remote_view_opts *o;
};

enum {
    TAG_CREATED_AT,
    TAG_CREATED_SINCE,
    TAG_DIGEST,
    TAG_MEDIA_TYPE,
    TAG_PLATFORMS,
    TAG_SIZE,
    TAG_SIZE_BYTES,
    TAG_TAG
};
static const struct list_col tag_cols[] = {
    [TAG_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [TAG_CREATED_SINCE] = {"CreatedSince", "CREATED"},
    [TAG_DIGEST] = {"Digest", "DIGEST"},
    [TAG_MEDIA_TYPE] = {"MediaType", "MEDIA TYPE"},
    [TAG_PLATFORMS] = {"Platforms", "PLATFORMS"},
    [TAG_SIZE] = {"Size", "SIZE"},
    [TAG_SIZE_BYTES] = {"SizeBytes", "BYTES"},
    [TAG_TAG] = {"Tag", "TAG"},
};

static void put_tag(const void *row, unsigned col, struct buf *b)
{
    const struct tag_row *r = row;
    const struct shale_remote_tag *x = r->x;

    switch (col) {
    case TAG_CREATED_AT:
        human_time(b, x->created_ns);
        break;
    case TAG_CREATED_SINCE:
        human_ago(b, x->created_ns, r->o->now_ns);
        break;
    case TAG_DIGEST:
        if (r->o->no_trunc)
            buf_adds(b, x->digest);
        else
            human_short_id(b, x->digest);
        break;
    case TAG_MEDIA_TYPE:
        buf_adds(b, x->media_type);
        break;
    case TAG_PLATFORMS:
        for (size_t i = 0; i < x->n_platforms; i++)
            buf_addf(b, "%s%s", i ? "," : "", x->platforms[i]);
        break;
    case TAG_SIZE:
        if (x->size_bytes)
            human_size(b, x->size_bytes);
        break;
    case TAG_SIZE_BYTES:
        buf_addf(b, "%" PRIu64, x->size_bytes);
        break;
    case TAG_TAG:
        buf_adds(b, x->name);
        break;
    }
}

static const struct list_view tags_view = {
    .type_name = "*formatter.TagContext",
    .cols = tag_cols,
    .n_cols = ARRAY_SIZE(tag_cols),
    .put = put_tag,
};

bool tags_is_plain(const struct remote_view_opts *o)
{
    const char *t = template_of(o);

    if (!t)
        return o->quiet;
    if (streq(t, "json") || strstr(t, "{{json .}}"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(tag_cols); i++)
        if (i != TAG_TAG && strstr(t, tag_cols[i].name))
            return false;
    return true;
}

int tags_print(const struct shale_remote_tags *l, const struct remote_view_opts *o, struct buf *out,
               struct shale_err *e)
{
    static const unsigned char all[] = {TAG_TAG, TAG_DIGEST, TAG_CREATED_SINCE, TAG_SIZE,
                                        TAG_PLATFORMS};
    static const unsigned char names[] = {TAG_TAG};
    struct list_spec spec = {
        .format = template_of(o),
        .cols = o->quiet ? names : all,
        .n_cols = o->quiet ? ARRAY_SIZE(names) : ARRAY_SIZE(all),
        .quiet = o->quiet,
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list list;
    int r = list_begin(&list, &tags_view, &spec, e);

    for (size_t i = 0; r == 0 && i < l->n_items; i++) {
        struct tag_row row = {&l->items[i], o};
        r = list_row(&list, &row, e);
    }
    return r < 0 ? r : list_end(&list, out, e);
}

/* ---- digests ---- */

enum { DIGEST_DIGEST, DIGEST_NAME };
static const struct list_col digest_cols[] = {
    [DIGEST_DIGEST] = {"Digest", "DIGEST"},
    [DIGEST_NAME] = {"Name", "NAME"},
};

static void put_digest(const void *row, unsigned col, struct buf *b)
{
    const struct shale_resolved *x = row;

    buf_adds(b, col == DIGEST_NAME ? x->ref : x->digest);
}

static const struct list_view digests_view = {
    .type_name = "*formatter.DigestContext",
    .cols = digest_cols,
    .n_cols = ARRAY_SIZE(digest_cols),
    .put = put_digest,
};

int resolved_print(const struct shale_resolved_list *l, const struct remote_view_opts *o,
                   struct buf *out, struct shale_err *e)
{
    static const unsigned char all[] = {DIGEST_NAME, DIGEST_DIGEST};
    bool plain = !o->format || !*o->format;
    struct list_spec spec = {
        .format = template_of(o),
        .cols = plain ? all + 1 : all,
        .n_cols = plain ? 1 : ARRAY_SIZE(all),
        .quiet = plain,
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list list;
    int r = list_begin(&list, &digests_view, &spec, e);

    for (size_t i = 0; r == 0 && i < l->n_items; i++)
        if (!l->items[i].code)
            r = list_row(&list, &l->items[i], e);
    return r < 0 ? r : list_end(&list, out, e);
}

/* ---- outdated ---- */

struct outdated_row {
    const struct shale_outdated *x;
    const struct remote_view_opts *o;
};

enum {
    OUT_BASE,
    OUT_BASE_DIGEST,
    OUT_BASE_REMOTE,
    OUT_BASE_STATUS,
    OUT_ID,
    OUT_LOCAL,
    OUT_NAME,
    OUT_PROBLEM,
    OUT_REMOTE,
    OUT_STATUS
};
static const struct list_col outdated_cols[] = {
    [OUT_BASE] = {"Base", "BASE"},
    [OUT_BASE_DIGEST] = {"BaseDigest", "BASE DIGEST"},
    [OUT_BASE_REMOTE] = {"BaseRemoteDigest", "BASE REMOTE"},
    [OUT_BASE_STATUS] = {"BaseStatus", "BASE STATUS"},
    [OUT_ID] = {"ID", "IMAGE ID"},
    [OUT_LOCAL] = {"LocalDigest", "LOCAL"},
    [OUT_NAME] = {"Name", "NAME"},
    [OUT_PROBLEM] = {"Problem", "PROBLEM"},
    [OUT_REMOTE] = {"RemoteDigest", "REMOTE"},
    [OUT_STATUS] = {"Status", "STATUS"},
};

static const char *state_name(enum shale_freshness s)
{
    static const char *const names[] = {
        [SHALE_FRESH_NONE] = "",
        [SHALE_FRESH_CURRENT] = "current",
        [SHALE_FRESH_OUTDATED] = "outdated",
        [SHALE_FRESH_LOCAL] = "local",
        [SHALE_FRESH_GONE] = "gone",
        [SHALE_FRESH_UNKNOWN] = "unknown",
    };
    return names[s];
}

static void put_outdated(const void *row, unsigned col, struct buf *b)
{
    const struct outdated_row *r = row;
    const struct shale_outdated *x = r->x;
    const char *digest = NULL;

    switch (col) {
    case OUT_BASE:
        buf_adds(b, x->base);
        break;
    case OUT_BASE_STATUS:
        buf_adds(b, state_name(x->base_state));
        break;
    case OUT_NAME:
        buf_adds(b, x->ref);
        break;
    case OUT_STATUS:
        buf_adds(b, state_name(x->state));
        break;
    case OUT_PROBLEM:
        buf_adds(b, *x->problem ? x->problem : x->base_problem);
        break;
    case OUT_ID:
        digest = x->id;
        break;
    case OUT_LOCAL:
        digest = x->local_digest;
        break;
    case OUT_REMOTE:
        digest = x->remote_digest;
        break;
    case OUT_BASE_DIGEST:
        digest = x->base_digest;
        break;
    case OUT_BASE_REMOTE:
        digest = x->base_remote_digest;
        break;
    }
    if (digest && r->o->no_trunc)
        buf_adds(b, digest);
    else if (digest)
        human_short_id(b, digest);
}

static const struct list_view outdated_view = {
    .type_name = "*formatter.OutdatedContext",
    .cols = outdated_cols,
    .n_cols = ARRAY_SIZE(outdated_cols),
    .put = put_outdated,
};

int outdated_print(const struct shale_outdated *v, size_t n, const struct remote_view_opts *o,
                   struct buf *out, struct shale_err *e)
{
    static const unsigned char all[] = {OUT_NAME,   OUT_STATUS, OUT_LOCAL,
                                        OUT_REMOTE, OUT_BASE,   OUT_BASE_STATUS};
    static const unsigned char names[] = {OUT_NAME};
    struct list_spec spec = {
        .format = template_of(o),
        .cols = o->quiet ? names : all,
        .n_cols = o->quiet ? ARRAY_SIZE(names) : ARRAY_SIZE(all),
        .quiet = o->quiet,
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list list;
    int r = list_begin(&list, &outdated_view, &spec, e);

    for (size_t i = 0; r == 0 && i < n; i++) {
        struct outdated_row row = {&v[i], o};
        r = list_row(&list, &row, e);
    }
    return r < 0 ? r : list_end(&list, out, e);
}
