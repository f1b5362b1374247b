/* SPDX-License-Identifier: Apache-2.0 */
/* What may be collected: the graph questions of meta_content.h, asked in SQL. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "meta/meta_content.h"
#include "meta/stmt.h"

#define ALIVE "SELECT id FROM leases WHERE lease_alive(pid, started, boot_id, expires)"

/* Everything that is reached from a root: downwards along the edges. */
#define NEEDED                                                                                     \
    "WITH RECURSIVE alive(id) AS MATERIALIZED (" ALIVE "), need(d) AS ("                           \
    " SELECT target FROM tags UNION SELECT digest FROM repo_digests"                               \
    " UNION SELECT manifest FROM images UNION SELECT id FROM images"                               \
    " UNION SELECT blob FROM image_layers UNION SELECT blob FROM build_steps"                      \
    " UNION SELECT digest FROM lease_items WHERE lease IN alive"                                   \
    " UNION SELECT child FROM edges JOIN need ON edges.parent = need.d) "

static int list(struct meta *m, const char *sql, struct arena *a, struct meta_digests *ret,
                struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    return r < 0 ? r : stmt_digests(&q, a, ret, e);
}

int meta_gc_blobs(struct meta *m, struct arena *a, struct meta_digests *ret, struct shale_err *e)
{
    return list(m, NEEDED "SELECT digest FROM blobs WHERE digest NOT IN need", a, ret, e);
}

int meta_gc_layers(struct meta *m, struct arena *a, struct meta_digests *ret, struct shale_err *e)
{
    return list(
        m,
        "WITH alive(id) AS MATERIALIZED (" ALIVE ")"
        " SELECT diff_id FROM layers WHERE diff_id NOT IN (SELECT diff_id FROM image_layers)"
        " AND diff_id NOT IN (SELECT diff_id FROM build_steps)"
        " AND diff_id NOT IN (SELECT digest FROM lease_items WHERE lease IN alive)"
        " AND diff_id NOT IN (SELECT diff_id FROM layer_blobs JOIN lease_items ON digest = blob"
        " WHERE lease IN alive)",
        a, ret, e);
}

static int ask(struct meta *m, const char *sql, const struct digest *d, struct shale_err *e)
{
    int64_t yes;
    int r = stmt_number(m, sql, 0, &yes, e, "d", d);

    return r < 0 ? r : yes != 0;
}

/* Upwards: is d, or anything that needs it, a root? */
int meta_gc_blob_needed(struct meta *m, const struct digest *d, struct shale_err *e)
{
    return ask(
        m,
        "WITH RECURSIVE up(d) AS (SELECT ?1 UNION SELECT parent FROM edges JOIN up ON child = up.d)"
        " SELECT EXISTS (SELECT 1 FROM up WHERE"
        " EXISTS (SELECT 1 FROM tags WHERE target = up.d)"
        " OR EXISTS (SELECT 1 FROM repo_digests WHERE digest = up.d)"
        " OR EXISTS (SELECT 1 FROM images WHERE id = up.d)"
        " OR EXISTS (SELECT 1 FROM images WHERE manifest = up.d)"
        " OR EXISTS (SELECT 1 FROM image_layers WHERE blob = up.d)"
        " OR EXISTS (SELECT 1 FROM build_steps WHERE blob = up.d)"
        " OR EXISTS (SELECT 1 FROM lease_items JOIN leases ON id = lease WHERE digest = up.d"
        " AND lease_alive(pid, started, boot_id, expires)))",
        d, e);
}

int meta_gc_layer_needed(struct meta *m, const struct digest *diff_id, struct shale_err *e)
{
    return ask(m,
               "SELECT EXISTS (SELECT 1 FROM image_layers WHERE diff_id = ?1)"
               " OR EXISTS (SELECT 1 FROM build_steps WHERE diff_id = ?1)"
               " OR EXISTS (SELECT 1 FROM lease_items JOIN leases ON id = lease WHERE"
               " (digest = ?1 OR digest IN (SELECT blob FROM layer_blobs WHERE diff_id = ?1))"
               " AND lease_alive(pid, started, boot_id, expires))",
               diff_id, e);
}

int meta_gc_stack_needed(struct meta *m, const struct digest *chain, struct shale_err *e)
{
    return ask(m, "SELECT EXISTS (SELECT 1 FROM images WHERE chain = ?1)", chain, e);
}

int meta_gc_stack_part_needed(struct meta *m, const struct digest *top, size_t depth,
                              struct shale_err *e)
{
    int64_t yes;
    int r =
        stmt_number(m, "SELECT EXISTS (SELECT 1 FROM image_layers WHERE diff_id = ?1 AND n = ?2)",
                    0, &yes, e, "di", top, (int64_t)depth - 1);

    return r < 0 ? r : yes != 0;
}

static int by_digest(const void *a, const void *b)
{
    return strcmp(((const struct digest *)a)->s, ((const struct digest *)b)->s);
}

int meta_gc_below(struct meta *m, const struct meta_digests *seeds, struct arena *a,
                  struct meta_digests *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct digest *all = NULL, *v;
    size_t n = 0, cap = 0, kept = 0;
    int r = stmt_open(m,
                      "WITH RECURSIVE down(d) AS (SELECT ?1 UNION SELECT child FROM edges JOIN down"
                      " ON parent = down.d) SELECT d FROM down JOIN blobs ON digest = d",
                      &q, e);

    for (size_t i = 0; r >= 0 && i < seeds->n; i++) {
        stmt_bind(&q, "d", &seeds->v[i]);
        while ((r = stmt_step(&q, e)) == 1) {
            v = arena_grow(a, all, n, &cap, sizeof *v);
            if (!v)
                return err_nomem(e);
            all = v;
            col_digest(&q, 0, &all[n++]);
        }
        stmt_reset(&q);
    }
    if (r < 0)
        return r;
    if (n)
        qsort(all, n, sizeof *all, by_digest);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !digest_eq(&all[i], &all[i - 1]))
            all[kept++] = all[i];
    *ret = (struct meta_digests){all, kept};
    return 0;
}
