/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of images and of their layers. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "meta/image_row.h"
#include "meta/meta_image.h"
#include "meta/stmt.h"

static int no_image(const struct digest *id, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "No such image: %s", id->s);
}

/* ---- putting ---- */

static int put_row(struct meta *m, const struct meta_image *i, struct shale_err *e)
{
    return stmt_run(
        m,
        "INSERT INTO images(id, manifest, parent, chain, created, size, n_layers, os, arch,"
        " variant, os_version, labels, added, used, tagged, pinned, held)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 0)"
        " ON CONFLICT(id) DO UPDATE SET manifest = CASE WHEN ?2 = '' THEN manifest ELSE ?2 END,"
        " parent = CASE WHEN ?3 = '' THEN parent ELSE ?3 END, chain = ?4, created = ?5, size = ?6,"
        " n_layers = ?7, os = ?8, arch = ?9, variant = ?10, os_version = ?11, labels = ?12, held = "
        "0",
        NULL, e, "ddddiiitttttiiii", &i->id, &i->manifest, &i->parent, &i->chain, i->created_ns,
        (int64_t)i->size_bytes, (int64_t)i->n_layers, i->os, i->arch, i->variant, i->os_version,
        i->labels, i->added_ns ? i->added_ns : time_now_ns(),
        i->last_used_ns ? i->last_used_ns : TIME_NONE,
        i->last_tagged_ns ? i->last_tagged_ns : TIME_NONE, (int64_t)i->pinned);
}

int meta_image_put(struct meta *m, const struct meta_image *i,
                   const struct meta_image_layer *layers, size_t n_layers, struct shale_err *e)
{
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = put_row(m, i, e);
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM image_layers WHERE image = ?1", NULL, e, "d", &i->id);
    for (size_t k = 0; r >= 0 && k < n_layers; k++)
        r = stmt_run(m, "INSERT INTO image_layers(image, n, diff_id, blob) VALUES(?1, ?2, ?3, ?4)",
                     NULL, e, "didd", &i->id, (int64_t)k, &layers[k].diff_id, &layers[k].blob);
    return meta_end(m, r, e);
}

/* ---- reading ---- */

void image_row_read(const struct stmt *q, struct meta_image *i)
{
    *i = (struct meta_image){
        .created_ns = col_i64(q, 4),
        .size_bytes = (uint64_t)col_i64(q, 5),
        .n_layers = (uint32_t)col_i64(q, 6),
        .os = col_text(q, 7),
        .arch = col_text(q, 8),
        .variant = col_text(q, 9),
        .os_version = col_text(q, 10),
        .labels = col_text(q, 11),
        .added_ns = col_i64(q, 12),
        .last_used_ns = col_i64(q, 13),
        .last_tagged_ns = col_i64(q, 14),
        .pinned = col_i64(q, 15) != 0,
    };
    col_digest(q, 0, &i->id);
    col_digest(q, 1, &i->manifest);
    col_digest(q, 2, &i->parent);
    col_digest(q, 3, &i->chain);
}

static int copy_texts(struct meta_image *i, struct arena *a, struct shale_err *e)
{
    const char **texts[] = {&i->os, &i->arch, &i->variant, &i->os_version, &i->labels};

    for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
        *texts[k] = arena_strdup(a, *texts[k]);
        if (!*texts[k])
            return err_nomem(e);
    }
    return 0;
}

static int get(struct meta *m, const char *sql, const struct digest *id, struct arena *a,
               struct meta_image *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct meta_image i;
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "d", id);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r < 0 ? r : no_image(id, e);
    image_row_read(&q, &i);
    r = copy_texts(&i, a, e);
    if (r >= 0)
        *ret = i;
    return r;
}

int meta_image_get(struct meta *m, const struct digest *id, struct arena *a, struct meta_image *ret,
                   struct shale_err *e)
{
    return get(m, IMAGE_COLUMNS " WHERE id = ?1 AND held = 0", id, a, ret, e);
}

int meta_image_get_held(struct meta *m, const struct digest *id, struct arena *a,
                        struct meta_image *ret, struct shale_err *e)
{
    return get(m, IMAGE_COLUMNS " WHERE id = ?1", id, a, ret, e);
}

int meta_image_count(struct meta *m, uint64_t *ret_n, struct shale_err *e)
{
    int64_t n;
    int r = stmt_number(m, "SELECT count(*) FROM images WHERE held = 0", 0, &n, e, "");

    if (r >= 0)
        *ret_n = (uint64_t)n;
    return r;
}

int meta_image_more_than(struct meta *m, uint64_t n, struct shale_err *e)
{
    int64_t yes;
    int r = stmt_number(m, "SELECT EXISTS (SELECT 1 FROM images WHERE held = 0 LIMIT 1 OFFSET ?1)",
                        0, &yes, e, "i", (int64_t)n);

    return r < 0 ? r : yes != 0;
}

int meta_image_find_prefix(struct meta *m, const char *prefix, struct digest *ret, size_t max,
                           size_t *ret_n, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    char from[DIGEST_MAX + 8], to[DIGEST_MAX + 8];
    size_t n = 0;
    int r;

    if (snprintf(from, sizeof from, "%s%s", strchr(prefix, ':') ? "" : "sha256:", prefix) >=
        (int)sizeof from) {
        *ret_n = 0;
        return 0;
    }
    snprintf(to, sizeof to, "%.*sg", (int)sizeof to - 2, from); /* 'g' follows the last hex digit */
    r = stmt_open(m, "SELECT id FROM images WHERE id >= ?1 AND id < ?2 AND held = 0 ORDER BY id",
                  &q, e);
    if (r < 0)
        return r;
    stmt_bind(&q, "tt", from, to);
    while (n < max && (r = stmt_step(&q, e)) == 1)
        col_digest(&q, 0, &ret[n++]);
    if (r < 0)
        return r;
    *ret_n = n;
    return 0;
}

int meta_image_layers(struct meta *m, const struct digest *id, struct arena *a,
                      struct meta_image_layer **ret, size_t *ret_n, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct meta_image_layer *v = NULL;
    size_t n = 0, cap = 0;
    int r =
        stmt_open(m, "SELECT diff_id, blob FROM image_layers WHERE image = ?1 ORDER BY n", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "d", id);
    while ((r = stmt_step(&q, e)) == 1) {
        struct meta_image_layer *w = arena_grow(a, v, n, &cap, sizeof *v);
        if (!w)
            return err_nomem(e);
        v = w;
        col_digest(&q, 0, &v[n].diff_id);
        col_digest(&q, 1, &v[n++].blob);
    }
    if (r < 0)
        return r;
    *ret = v;
    *ret_n = n;
    return 0;
}

static int related(struct meta *m, const char *sql, const struct digest *d, struct arena *a,
                   struct meta_digests *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "d", d);
    return stmt_digests(&q, a, ret, e);
}

int meta_image_children(struct meta *m, const struct digest *id, struct arena *a,
                        struct meta_digests *ret, struct shale_err *e)
{
    return related(
        m, "SELECT id FROM images WHERE parent = ?1 AND parent <> '' AND held = 0 ORDER BY id", id,
        a, ret, e);
}

int meta_image_with_layer(struct meta *m, const struct digest *diff_id, struct arena *a,
                          struct meta_digests *ret, struct shale_err *e)
{
    return related(m, "SELECT DISTINCT image FROM image_layers WHERE diff_id = ?1 ORDER BY image",
                   diff_id, a, ret, e);
}

int meta_image_with_manifest(struct meta *m, const struct digest *manifest, struct arena *a,
                             struct meta_digests *ret, struct shale_err *e)
{
    return related(m, "SELECT id FROM images WHERE manifest = ?1 AND held = 0 ORDER BY id",
                   manifest, a, ret, e);
}

int meta_image_shares(struct meta *m, const struct digest *id, const struct digest *diff_id,
                      size_t n, struct shale_err *e)
{
    int64_t yes;
    int r = stmt_number(
        m,
        "SELECT EXISTS (SELECT 1 FROM image_layers AS o WHERE o.diff_id = ?1 AND o.n = ?2"
        " AND o.image <> ?3 AND NOT EXISTS (SELECT 1 FROM image_layers AS a LEFT JOIN image_layers"
        " AS b ON b.image = o.image AND b.n = a.n WHERE a.image = ?3 AND a.n < ?2"
        " AND b.diff_id IS NOT a.diff_id))",
        0, &yes, e, "did", diff_id, (int64_t)n - 1, id);

    return r < 0 ? r : yes != 0;
}

/* ---- changing ---- */

static int set(struct meta *m, const char *sql, const struct digest *id, int64_t value,
               struct shale_err *e)
{
    int n;
    int r = stmt_run(m, sql, &n, e, "di", id, value);

    return r < 0 || n > 0 ? r : no_image(id, e);
}

int meta_image_set_used(struct meta *m, const struct digest *id, int64_t when_ns,
                        struct shale_err *e)
{
    return set(m, "UPDATE images SET used = ?2 WHERE id = ?1", id, when_ns, e);
}

int meta_image_set_pinned(struct meta *m, const struct digest *id, bool pinned, struct shale_err *e)
{
    return set(m, "UPDATE images SET pinned = ?2 WHERE id = ?1 AND held = 0", id, pinned, e);
}

/* ---- deleting ---- */

static int delete_rows(struct meta *m, const struct digest *id, struct shale_err *e)
{
    int r = stmt_run(m, "DELETE FROM image_layers WHERE image = ?1", NULL, e, "d", id);

    return r < 0 ? r : stmt_run(m, "DELETE FROM images WHERE id = ?1", NULL, e, "d", id);
}

static int delete_names(struct meta *m, const struct digest *id, const char *how,
                        struct shale_err *e)
{
    int r = stmt_run(
        m,
        "INSERT INTO tag_log(repo, tag, how, old_image, new_image, old_target, new_target, at)"
        " SELECT repo, tag, ?2, image, '', target, '', ?3 FROM tags WHERE image = ?1",
        NULL, e, "dti", id, how, time_now_ns());

    if (r >= 0)
        r = stmt_run(m, "DELETE FROM tags WHERE image = ?1", NULL, e, "d", id);
    return r < 0 ? r : stmt_run(m, "DELETE FROM repo_digests WHERE image = ?1", NULL, e, "d", id);
}

int meta_image_delete(struct meta *m, const struct digest *id, const char *how, struct shale_err *e)
{
    int64_t used;
    int begun = meta_part_begin(m, e);

    if (begun < 0)
        return begun;
    int r = delete_names(m, id, how, e);
    if (r >= 0) /* an index that names it stays, but does not keep it any more */
        r = stmt_run(m,
                     "DELETE FROM edges WHERE child = (SELECT manifest FROM images WHERE id = ?1)",
                     NULL, e, "d", id);
    if (r >= 0)
        r = stmt_number(m, "SELECT count(*) FROM image_users WHERE image = ?1", 0, &used, e, "d",
                        id);
    if (r >= 0)
        r = used ? stmt_run(m, "UPDATE images SET held = 1 WHERE id = ?1", NULL, e, "d", id)
                 : delete_rows(m, id, e);
    return meta_part_end(m, begun, r, e);
}

int image_release_held(struct meta *m, const struct digest *id, struct shale_err *e)
{
    int64_t gone;
    int r = stmt_number(
        m,
        "SELECT held = 1 AND NOT EXISTS (SELECT 1 FROM image_users WHERE image = ?1) FROM images"
        " WHERE id = ?1",
        0, &gone, e, "d", id);

    return r < 0 || !gone ? r : delete_rows(m, id, e);
}
