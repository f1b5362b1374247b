/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about bytes: blobs, edges, layers, stacks. */
#include "meta/meta_content.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "meta/stmt.h"

static int no_row(const char *what, const struct digest *d, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "no %s %s in the store", what, d->s);
}

/* ---- blobs ---- */

int meta_blob_put(struct meta *m, const struct meta_blob *b, struct shale_err *e)
{
    return stmt_run(m,
                    "INSERT INTO blobs(digest, size, media_type, added) VALUES(?1, ?2, ?3, ?4) ON "
                    "CONFLICT(digest) DO UPDATE SET size = ?2,"
                    " media_type = CASE WHEN ?3 = '' THEN media_type ELSE ?3 END",
                    NULL, e, "diti", &b->digest, (int64_t)b->size_bytes, b->media_type,
                    b->added_ns ? b->added_ns : time_now_ns());
}

static void blob_of(const struct stmt *q, struct meta_blob *b)
{
    col_digest(q, 0, &b->digest);
    b->size_bytes = (uint64_t)col_i64(q, 1);
    b->media_type = col_text(q, 2);
    b->added_ns = col_i64(q, 3);
}

int meta_blob_get(struct meta *m, const struct digest *d, struct arena *a, struct meta_blob *ret,
                  struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct meta_blob b;
    int r =
        stmt_open(m, "SELECT digest, size, media_type, added FROM blobs WHERE digest = ?1", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "d", d);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r < 0 ? r : no_row("blob", d, e);
    blob_of(&q, &b);
    b.media_type = arena_strdup(a, b.media_type);
    if (!b.media_type)
        return err_nomem(e);
    *ret = b;
    return 0;
}

#define AT_ONCE 1000 /* blobs of one statement: half the time of one statement each */
#define IN_LIST " IN (SELECT value FROM json_each(?1))"

static int delete_blobs(struct meta *m, const struct digest *v, size_t n, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf list = BUF_INIT(AT_ONCE * (DIGEST_MAX + 8));

    for (size_t i = 0; i < n; i++) /* nothing in a digest has to be escaped */
        buf_addf(&list, "%s\"%s\"", i ? "," : "[", v[i].s);
    buf_addc(&list, ']');
    int r = buf_check(&list, e);
    const char *text = r < 0 ? NULL : buf_str(&list);
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM edges WHERE parent" IN_LIST, NULL, e, "t", text);
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM layer_blobs WHERE blob" IN_LIST, NULL, e, "t", text);
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM blobs WHERE digest" IN_LIST, NULL, e, "t", text);
    return r;
}

int meta_blobs_delete(struct meta *m, const struct meta_digests *l, struct shale_err *e)
{
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < l->n; i += AT_ONCE)
        r = delete_blobs(m, &l->v[i], l->n - i < AT_ONCE ? l->n - i : AT_ONCE, e);
    return meta_end(m, r, e);
}

int meta_blob_delete(struct meta *m, const struct digest *d, struct shale_err *e)
{
    struct meta_digests one = {(struct digest *)d, 1};

    return meta_blobs_delete(m, &one, e);
}

int meta_blob_each(struct meta *m, int (*f)(void *arg, const struct meta_blob *b), void *arg,
                   struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r =
        stmt_open(m, "SELECT digest, size, media_type, added FROM blobs ORDER BY digest", &q, e);

    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        struct meta_blob b;
        blob_of(&q, &b);
        r = f(arg, &b);
        if (r == -SHALE_NO_MEMORY)
            r = err_nomem(e);
        if (r != 0)
            return r;
    }
    return r;
}

static int totals(struct meta *m, const char *sql, uint64_t *ret_n, uint64_t *ret_bytes,
                  struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    if (r >= 0)
        r = stmt_step(&q, e);
    if (r < 0)
        return r;
    *ret_n = (uint64_t)col_i64(&q, 0);
    *ret_bytes = (uint64_t)col_i64(&q, 1);
    return 0;
}

int meta_blob_totals(struct meta *m, uint64_t *ret_n, uint64_t *ret_bytes, struct shale_err *e)
{
    return totals(m, "SELECT count(*), coalesce(sum(size), 0) FROM blobs", ret_n, ret_bytes, e);
}

/* ---- edges ---- */

int meta_edge_put(struct meta *m, const struct digest *parent, const struct digest *child,
                  struct shale_err *e)
{
    return stmt_run(m, "INSERT OR IGNORE INTO edges(parent, child) VALUES(?1, ?2)", NULL, e, "dd",
                    parent, child);
}

/* ---- layers ---- */

int meta_layer_put(struct meta *m, const struct meta_layer *l, struct shale_err *e)
{
    return stmt_run(
        m,
        "INSERT OR REPLACE INTO layers(diff_id, tar_bytes, content_bytes, n_entries, state,"
        " boot_id) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        NULL, e, "diiiit", &l->diff_id, (int64_t)l->tar_bytes, (int64_t)l->content_bytes,
        (int64_t)l->n_entries, (int64_t)l->state, l->boot_id);
}

static void layer_of(const struct stmt *q, struct meta_layer *l)
{
    col_digest(q, 0, &l->diff_id);
    l->tar_bytes = (uint64_t)col_i64(q, 1);
    l->content_bytes = (uint64_t)col_i64(q, 2);
    l->n_entries = (uint64_t)col_i64(q, 3);
    int64_t state = col_i64(q, 4);
    l->state = state == META_LAYER_COMPLETE || state == META_LAYER_LATER
                   ? (enum meta_layer_state)state
                   : META_LAYER_SUSPECT;
    snprintf(l->boot_id, sizeof l->boot_id, "%.36s", col_text(q, 5));
}

#define LAYER_COLUMNS                                                                              \
    "SELECT diff_id, tar_bytes, content_bytes, n_entries, state, boot_id FROM layers"

int meta_layer_get(struct meta *m, const struct digest *diff_id, struct meta_layer *ret,
                   struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, LAYER_COLUMNS " WHERE diff_id = ?1", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "d", diff_id);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r < 0 ? r : no_row("layer", diff_id, e);
    layer_of(&q, ret);
    return 0;
}

int meta_layer_delete(struct meta *m, const struct digest *diff_id, struct shale_err *e)
{
    return stmt_run(m, "DELETE FROM layers WHERE diff_id = ?1", NULL, e, "d", diff_id);
}

int meta_layer_set_state(struct meta *m, const struct digest *diff_id, enum meta_layer_state state,
                         const char *boot_id, struct shale_err *e)
{
    int n;
    int r = stmt_run(m, "UPDATE layers SET state = ?2, boot_id = ?3 WHERE diff_id = ?1", &n, e,
                     "dit", diff_id, (int64_t)state, boot_id);

    return r < 0 || n > 0 ? r : no_row("layer", diff_id, e);
}

int meta_layer_each(struct meta *m, int (*f)(void *arg, const struct meta_layer *l), void *arg,
                    struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, LAYER_COLUMNS " ORDER BY diff_id", &q, e);

    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        struct meta_layer l;
        layer_of(&q, &l);
        r = f(arg, &l);
        if (r == -SHALE_NO_MEMORY)
            r = err_nomem(e);
        if (r != 0)
            return r;
    }
    return r;
}

int meta_layer_totals(struct meta *m, uint64_t *ret_n, uint64_t *ret_tar_bytes, struct shale_err *e)
{
    return totals(m, "SELECT count(*), coalesce(sum(tar_bytes), 0) FROM layers", ret_n,
                  ret_tar_bytes, e);
}

/* ---- which blob inflates to which layer ---- */

int meta_layer_blob_put(struct meta *m, const struct digest *blob, const struct digest *diff_id,
                        uint64_t size_bytes, struct shale_err *e)
{
    return stmt_run(m, "INSERT OR REPLACE INTO layer_blobs(blob, diff_id, size) VALUES(?1, ?2, ?3)",
                    NULL, e, "ddi", blob, diff_id, (int64_t)size_bytes);
}

static void layer_blob_of(const struct stmt *q, struct meta_layer_blob *b)
{
    col_digest(q, 0, &b->blob);
    col_digest(q, 1, &b->diff_id);
    b->size_bytes = (uint64_t)col_i64(q, 2);
}

int meta_layer_blob_get(struct meta *m, const struct digest *blob, struct meta_layer_blob *ret,
                        struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "SELECT blob, diff_id, size FROM layer_blobs WHERE blob = ?1", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "d", blob);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r < 0 ? r : no_row("layer blob", blob, e);
    layer_blob_of(&q, ret);
    return 0;
}

static int list_layer_blobs(struct meta *m, const char *sql, const struct digest *diff_id,
                            struct arena *a, struct meta_layer_blob **ret, size_t *ret_n,
                            struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct meta_layer_blob *v = NULL;
    size_t n = 0, cap = 0;
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "d", diff_id);
    while ((r = stmt_step(&q, e)) == 1) {
        struct meta_layer_blob *w = arena_grow(a, v, n, &cap, sizeof *v);
        if (!w)
            return err_nomem(e);
        v = w;
        layer_blob_of(&q, &v[n++]);
    }
    if (r < 0)
        return r;
    *ret = v;
    *ret_n = n;
    return 0;
}

int meta_layer_blobs(struct meta *m, const struct digest *diff_id, struct arena *a,
                     struct meta_layer_blob **ret, size_t *ret_n, struct shale_err *e)
{
    int r = list_layer_blobs(
        m, "SELECT blob, diff_id, size FROM layer_blobs WHERE diff_id = ?1 ORDER BY seq DESC",
        diff_id, a, ret, ret_n, e);

    /* A blob that inflates to what two algorithms name has one row: images know the other. */
    return r < 0 || *ret_n
               ? r
               : list_layer_blobs(m,
                                  "SELECT DISTINCT i.blob, i.diff_id, b.size FROM image_layers AS i"
                                  " JOIN blobs AS b ON b.digest = i.blob WHERE i.diff_id = ?1",
                                  diff_id, a, ret, ret_n, e);
}

/* ---- stacks ---- */

int meta_stack_put(struct meta *m, const struct digest *chain, const char *driver,
                   const char *boot_id, struct shale_err *e)
{
    return stmt_run(m, "INSERT OR REPLACE INTO stacks(chain, driver, boot_id) VALUES(?1, ?2, ?3)",
                    NULL, e, "dtt", chain, driver, boot_id);
}

static void stack_of(const struct stmt *q, struct meta_stack *s)
{
    col_digest(q, 0, &s->chain);
    s->driver = col_text(q, 1);
    snprintf(s->boot_id, sizeof s->boot_id, "%.36s", col_text(q, 2));
}

int meta_stack_get(struct meta *m, const struct digest *chain, const char *driver, struct arena *a,
                   struct meta_stack *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct meta_stack s;
    int r = stmt_open(
        m, "SELECT chain, driver, boot_id FROM stacks WHERE chain = ?1 AND driver = ?2", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "dt", chain, driver);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r < 0 ? r : no_row("stack", chain, e);
    stack_of(&q, &s);
    s.driver = arena_strdup(a, s.driver);
    if (!s.driver)
        return err_nomem(e);
    *ret = s;
    return 0;
}

int meta_stack_delete(struct meta *m, const struct digest *chain, struct shale_err *e)
{
    return stmt_run(m, "DELETE FROM stacks WHERE chain = ?1", NULL, e, "d", chain);
}
