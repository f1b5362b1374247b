/* SPDX-License-Identifier: Apache-2.0 */
#include "view/images.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "base/units.h"
#include "view/human.h"
#include "view/list.h"

#define NONE "<none>"

struct image_row {
    const struct shale_image *image;
    const char *repo, *tag, *digest;
    const struct images_opts *o;
};

enum {
    COL_CONTAINERS,
    COL_CREATED_AT,
    COL_CREATED_SINCE,
    COL_DIGEST,
    COL_ID,
    COL_LAST_USED,
    COL_PINNED,
    COL_REPOSITORY,
    COL_SHARED_SIZE,
    COL_SIZE,
    COL_TAG,
    COL_UNIQUE_SIZE,
    COL_VIRTUAL_SIZE,
};
static const struct list_col cols[] = {
    [COL_CONTAINERS] = {"Containers", "CONTAINERS"},
    [COL_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [COL_CREATED_SINCE] = {"CreatedSince", "CREATED"},
    [COL_DIGEST] = {"Digest", "DIGEST"},
    [COL_ID] = {"ID", "IMAGE ID"},
    [COL_LAST_USED] = {"LastUsed", "LAST USED"},
    [COL_PINNED] = {"Pinned", "PINNED"},
    [COL_REPOSITORY] = {"Repository", "REPOSITORY"},
    [COL_SHARED_SIZE] = {"SharedSize", "SHARED SIZE"},
    [COL_SIZE] = {"Size", "SIZE"},
    [COL_TAG] = {"Tag", "TAG"},
    [COL_UNIQUE_SIZE] = {"UniqueSize", "UNIQUE SIZE"},
    [COL_VIRTUAL_SIZE] = {"VirtualSize", "SIZE"},
};

static void put_id(const struct image_row *x, struct buf *b)
{
    if (x->o->no_trunc)
        buf_adds(b, x->image->id);
    else
        human_short_id(b, x->image->id);
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct image_row *x = row;
    char size[32];
    switch (col) {
    case COL_CONTAINERS:
        if (x->image->n_containers < 0)
            buf_adds(b, "N/A");
        else
            buf_addf(b, "%lld", (long long)x->image->n_containers);
        break;
    case COL_CREATED_AT: /* no time is Go's zero time */
        if (x->image->created_ns == TIME_NONE)
            buf_adds(b, "0001-01-01 00:00:00 +0000 UTC");
        human_time(b, x->image->created_ns);
        break;
    case COL_CREATED_SINCE:
        human_ago(b, x->image->created_ns, x->o->now_ns);
        if (x->image->created_ns == TIME_NONE && !x->o->format)
            buf_adds(b, "N/A");
        break;
    case COL_DIGEST:
        buf_adds(b, x->digest);
        break;
    case COL_ID:
        put_id(x, b);
        break;
    case COL_LAST_USED:
        human_ago(b, x->image->last_used_ns, x->o->now_ns);
        break;
    case COL_PINNED:
        buf_adds(b, x->image->pinned ? "true" : "false");
        break;
    case COL_REPOSITORY:
        buf_adds(b, x->repo);
        break;
    case COL_TAG:
        buf_adds(b, x->tag);
        break;
    case COL_SIZE:
        human_size(b, x->image->size_bytes);
        break;
    case COL_VIRTUAL_SIZE: /* four digits, here only */
        buf_adds(b, units_human(x->image->size_bytes, 4, size));
        break;
    default: /* what other images share is not counted in a listing */
        buf_adds(b, "N/A");
        break;
    }
}

static const struct list_view images_view = {
    .type_name = "*formatter.imageContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

/* ---- rows of an image ---- */

struct printing {
    struct list *list;
    const struct images_opts *o;
    bool digests; /* a row per digest */
    struct shale_err *e;
};

static int add_row(struct printing *p, const struct shale_image *i, const char *repo,
                   const char *tag, const char *digest)
{
    struct image_row row = {i, repo ? repo : NONE, tag ? tag : NONE, digest ? digest : NONE, p->o};
    return list_row(p->list, &row, p->e);
}

/* The digest in "repo@digest" where repo is the one asked for. */
static const char *digest_in(const char *full, const char *repo)
{
    size_t n = strlen(repo);
    return strncmp(full, repo, n) == 0 && full[n] == '@' ? full + n + 1 : NULL;
}

/* A tag: one row, or one for each digest of its repository. */
static int add_tag(struct printing *p, const struct shale_image *i,
                   const struct shale_image_name *name)
{
    bool any = false;
    for (size_t k = 0; p->digests && k < i->n_digests; k++) {
        const char *digest = digest_in(i->digests[k], name->repo);
        int r = digest ? add_row(p, i, name->repo, name->tag, digest) : 0;
        if (r < 0)
            return r;
        any = any || digest;
    }
    return any ? 0 : add_row(p, i, name->repo, name->tag, NULL);
}

/* Without digests, those of one repository are one row. */
static bool repo_was_shown(const struct shale_image *i, size_t name)
{
    for (size_t k = 0; k < name; k++)
        if (streq(i->names[k].repo, i->names[name].repo))
            return true;
    return false;
}

static int add_image(struct printing *p, const struct shale_image *i)
{
    int r = i->n_names == 0 ? add_row(p, i, NULL, NULL, NULL) : 0;
    for (size_t k = 0; k < i->n_names && r == 0; k++) {
        const struct shale_image_name *name = &i->names[k];
        if (name->tag)
            r = add_tag(p, i, name);
        else if (p->digests)
            r = add_row(p, i, name->repo, NULL, name->digest);
        else if (!repo_was_shown(i, k))
            r = add_row(p, i, name->repo, NULL, "");
    }
    return r;
}

static const char raw_quiet[] = "image_id: {{.ID}}";
static const char raw[] = "repository: {{ .Repository }}\ntag: {{.Tag}}\nimage_id: {{.ID}}\n"
                          "created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";
static const char raw_digests[] = "repository: {{ .Repository }}\ntag: {{.Tag}}\n"
                                  "digest: {{.Digest}}\nimage_id: {{.ID}}\n"
                                  "created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";

/* The template to print with, NULL for the columns. With --digests a table gets the digest where
 * its template has none; `own` holds such a template. */
static const char *template_of(const struct images_opts *o, struct buf *own)
{
    if (!o->format || !*o->format || streq(o->format, "table"))
        return NULL;
    if (streq(o->format, "raw"))
        return o->quiet ? raw_quiet : o->digests ? raw_digests : raw;
    if (!o->digests || !list_is_table(o->format) || strstr(o->format, "{{.Digest}}"))
        return o->format;
    buf_addf(own, "%s\t{{.Digest}}", o->format);
    return buf_str(own);
}

bool images_shows_digests(const struct images_opts *o)
{
    return o->digests || (o->format && strstr(o->format, ".Digest"));
}

bool images_is_brief(const struct images_opts *o)
{
    return !o->digests && (!o->format || !*o->format || streq(o->format, "table"));
}

int images_print(const struct shale_image_list *images, const struct images_opts *o,
                 struct buf *out, struct shale_err *e)
{
    static const unsigned char plain[] = {COL_REPOSITORY, COL_TAG, COL_ID, COL_CREATED_SINCE,
                                          COL_SIZE};
    static const unsigned char with_digests[] = {COL_REPOSITORY, COL_TAG,           COL_DIGEST,
                                                 COL_ID,         COL_CREATED_SINCE, COL_SIZE};
    static const unsigned char id[] = {COL_ID};
    _cleanup_(buf_clear) struct buf own = BUF_INIT(TMPL_MAX_SOURCE);
    struct list_spec spec = {
        .format = template_of(o, &own),
        .cols = o->quiet     ? id
                : o->digests ? with_digests
                             : plain,
        .n_cols = o->quiet     ? 1
                  : o->digests ? ARRAY_SIZE(with_digests)
                               : ARRAY_SIZE(plain),
        .quiet = o->quiet,
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list l = {0};
    struct images_opts mine = *o;
    mine.format = spec.format;
    struct printing p = {&l, &mine, images_shows_digests(o), e};
    int r = buf_check(&own, e);
    if (r < 0)
        return r;
    r = list_begin(&l, &images_view, &spec, e);
    for (size_t i = 0; r == 0 && i < images->n_items; i++)
        r = add_image(&p, &images->items[i]);
    return r < 0 ? r : list_end(&l, out, e);
}
