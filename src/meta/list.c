/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of lists of manifests. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "meta/meta_list.h"
#include "meta/stmt.h"

#define MAX_FEATURES_BYTES (4u << 20) /* of one member, as JSON */

/* ---- features of a platform: an array as JSON text ---- */

static int features_text(const struct strv *v, char **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *j = json_array();

    for (size_t i = 0; j && i < v->n; i++)
        if (json_array_append_new(j, json_string(v->v[i])) < 0)
            return err_set(e, SHALE_INVALID, "an OS feature is no text");
    *ret = j ? json_text(j) : NULL;
    return *ret ? 0 : err_nomem(e);
}

static int features_read(const char *text, struct arena *a, struct strv *ret, struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    int r = json_parse(text, strlen(text), MAX_FEATURES_BYTES, &j, e);

    if (r < 0)
        return r;
    size_t n = json_array_size(j);
    *ret = (struct strv){.v = arena_array(a, n + 1, sizeof *ret->v), .n = n, .set = n > 0};
    if (!ret->v)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        ret->v[i] = arena_strdup(a, json_string_value(json_array_get(j, i)));
        if (!ret->v[i])
            return err_nomem(e);
    }
    return 0;
}

/* ---- adding ---- */

static int put_one(struct meta *m, const char *list, const struct meta_list_member *x,
                   struct shale_err *e)
{
    _cleanup_free_ char *features = NULL;
    const struct platform *p = &x->platform;
    int same, r = stmt_run(m,
                           "UPDATE list_members SET local = ?4 WHERE list = ?1 AND ref = ?2 AND "
                           "digest = ?3",
                           &same, e, "ttdi", list, x->ref, &x->digest, (int64_t)x->local);

    if (r < 0 || same > 0)
        return r;
    r = features_text(&p->os_features, &features, e);
    return r < 0
               ? r
               : stmt_run(m,
                          "INSERT OR REPLACE INTO list_members(list, ref, media_type, digest, "
                          "manifest, os, arch, variant, os_version, os_features, local) "
                          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                          NULL, e, "tttdtttttti", list, x->ref, x->media_type, &x->digest, x->text,
                          p->os, p->arch, p->variant, p->os_version, features, (int64_t)x->local);
}

static int put(struct meta *m, const char *list, const struct meta_list_member *v, size_t n,
               bool amend, struct shale_err *e)
{
    int64_t there = 0;
    int r = stmt_number(m, "SELECT 1 FROM list_members WHERE list = ?1 LIMIT 1", 0, &there, e, "t",
                        list);

    if (r >= 0 && there && !amend)
        return err_set(e, SHALE_EXISTS,
                       "refusing to amend an existing manifest list with no --amend flag");
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = put_one(m, list, &v[i], e);
    return r;
}

int meta_list_put(struct meta *m, const char *list, const struct meta_list_member *v, size_t n,
                  bool amend, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, put(m, list, v, n, amend, e), e);
}

/* ---- reading ---- */

static int row_of(const struct stmt *q, struct arena *a, void *to, struct shale_err *e)
{
    struct meta_list_member *ret = to;
    struct meta_list_member x = {
        .ref = col_dup(q, 0, a),
        .media_type = col_dup(q, 1, a),
        .text = col_dup(q, 3, a),
        .platform = {.os = col_dup(q, 4, a),
                     .arch = col_dup(q, 5, a),
                     .variant = col_dup(q, 6, a),
                     .os_version = col_dup(q, 7, a)},
        .local = col_i64(q, 9) != 0,
    };

    if (!x.ref || !x.media_type || !x.text || a->failed)
        return err_nomem(e);
    col_digest(q, 2, &x.digest);
    int r = features_read(col_text(q, 8), a, &x.platform.os_features, e);
    if (r >= 0)
        *ret = x;
    return r;
}

int meta_list_get(struct meta *m, const char *list, struct arena *a, struct meta_list_member **ret,
                  size_t *ret_n, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT ref, media_type, digest, manifest, os, arch, variant, os_version, "
                      "os_features, local FROM list_members WHERE list = ?1"
                      " ORDER BY replace(replace(ref, ':', '-'), '/', '_'), ref",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "t", list);
    return stmt_list(&q, sizeof **ret, row_of, a, ret, ret_n, e);
}

/* ---- changing, removing ---- */

int meta_list_set_platform(struct meta *m, const char *list, const char *ref,
                           const struct platform *p, struct shale_err *e)
{
    _cleanup_free_ char *features = NULL;
    int r = features_text(&p->os_features, &features, e);

    return r < 0 ? r
                 : stmt_run(m,
                            "UPDATE list_members SET os = ?3, arch = ?4, variant = ?5, "
                            "os_version = ?6, os_features = ?7 WHERE list = ?1 AND ref = ?2",
                            NULL, e, "ttttttt", list, ref, p->os, p->arch, p->variant,
                            p->os_version, features);
}

int meta_list_delete(struct meta *m, const char *list, struct shale_err *e)
{
    int n, r = stmt_run(m, "DELETE FROM list_members WHERE list = ?1", &n, e, "t", list);

    return r < 0 || n > 0 ? r : err_set(e, SHALE_NOT_FOUND, "No such manifest: %s", list);
}

static int drop(struct meta *m, const char *list, const struct meta_list_member *v, size_t n,
                struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++)
        r = stmt_run(m, "DELETE FROM list_members WHERE list = ?1 AND ref = ?2 AND digest = ?3",
                     NULL, e, "ttd", list, v[i].ref, &v[i].digest);
    return r;
}

int meta_list_drop(struct meta *m, const char *list, const struct meta_list_member *v, size_t n,
                   struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, drop(m, list, v, n, e), e);
}
