/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of manifests: platform, date, size, labels, annotations, and which layers they have. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "meta/stmt.h"
#include "model/config.h"
#include "model/limits.h"
#include "model/manifest.h"
#include "registry/index/index_write.h"

#define ARENA_BYTES     (64u << 20)
#define FACT_BYTES      1024 /* of a label's or annotation's value; the rest is not searched */
#define FACTS_MAX       1000 /* of one image and kind */
#define STARS_MAX       1000000000
#define KEY_DESCRIPTION "org.opencontainers.image.description"
#define KEY_TITLE       "org.opencontainers.image.title"
#define KEY_STARS       "shale.stars"

struct facts {
    struct manifest manifest;
    struct config config;
    bool has_config;
    uint64_t size;
};

static const char *fact(const struct facts *f, const char *key)
{
    const char *v = strmap_get(&f->manifest.annotations, key);

    return v || !f->has_config ? v : strmap_get(&f->config.run.labels, key);
}

/* The first bytes of a text, whole characters. */
static const char *shorten(const char *s, char ret[FACT_BYTES + 1])
{
    size_t n = s ? strnlen(s, FACT_BYTES) : 0;

    while (n > 0 && s[n] && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--;
    snprintf(ret, FACT_BYTES + 1, "%.*s", (int)n, n ? s : "");
    return ret;
}

/* Of an artifact, or of bytes that are no config: without one. */
static int read_config(struct blobs *blobs, struct facts *f, struct arena *a, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES);
    const struct descriptor *d = &f->manifest.config;

    if (f->manifest.kind != MANIFEST_IMAGE || !media_is_image_config(d->media_type) ||
        d->size_bytes > LIMIT_CONFIG_BYTES)
        return 0;
    int r = blob_read(blobs, &d->digest, &b, e);
    if (r >= 0)
        r = config_parse(buf_str(&b), b.n, a, &f->config, e);
    f->has_config = r >= 0;
    return r == -SHALE_NO_MEMORY || r == -SHALE_SYSTEM ? r : 0;
}

static int read_facts(struct blobs *blobs, const struct digest *d, struct facts *f, struct arena *a,
                      struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES);
    int r = blob_read(blobs, d, &b, e);

    if (r >= 0)
        r = manifest_parse(buf_str(&b), b.n, NULL, a, &f->manifest, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < f->manifest.n_layers; i++)
        f->size += f->manifest.layers[i].size_bytes;
    if (f->manifest.kind == MANIFEST_IMAGE)
        f->size += f->manifest.config.size_bytes;
    return read_config(blobs, f, a, e);
}

static int put_map(struct meta *m, int64_t id, const char *kind, const struct strmap *map,
                   struct shale_err *e)
{
    char value[FACT_BYTES + 1];
    int r = 0;

    for (size_t i = 0; r >= 0 && i < map->n && i < FACTS_MAX; i++)
        if (strlen(map->m[i].k) <= FACT_BYTES)
            r = stmt_run(m, "INSERT OR IGNORE INTO facts VALUES(?1, ?2, ?3, ?4)", NULL, e, "ttti",
                         kind, map->m[i].k, shorten(map->m[i].v, value), id);
    return r;
}

static bool is_layer(const struct descriptor *d)
{
    return media_find(d->media_type)->kind == MEDIA_LAYER;
}

static int put_layers(struct meta *m, int64_t id, const struct manifest *x, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < x->n_layers; i++) {
        int64_t layer = 0;
        if (!is_layer(&x->layers[i]))
            continue;
        r = stmt_run(m,
                     "INSERT INTO layers(digest, done, n_files, problem) VALUES(?1, 0, 0, '')"
                     " ON CONFLICT(digest) DO UPDATE SET done = 0 WHERE done = 3",
                     NULL, e, "d", &x->layers[i].digest);
        if (r >= 0)
            r = stmt_number(m, "SELECT id FROM layers WHERE digest = ?1", 0, &layer, e, "d",
                            &x->layers[i].digest);
        if (r >= 0)
            r = stmt_run(m, "INSERT OR IGNORE INTO stacks VALUES(?1, ?2, ?3)", NULL, e, "iii", id,
                         (int64_t)i, layer);
    }
    return r;
}

static int64_t stars(const struct facts *f)
{
    const char *text = strmap_get(&f->manifest.annotations, KEY_STARS);
    uint64_t n;

    return text && str_to_u64(text, &n) && n <= STARS_MAX ? (int64_t)n : 0;
}

static int put_row(struct meta *m, const struct digest *d, const struct facts *f, int64_t *ret,
                   struct shale_err *e)
{
    const struct platform *p = &f->config.platform;
    char about[FACT_BYTES + 1], name[FACT_BYTES + 1], text[2 * FACT_BYTES + 2];
    const char *description = shorten(fact(f, KEY_DESCRIPTION), about);
    const char *title = shorten(fact(f, KEY_TITLE), name);
    int64_t created = f->has_config && f->config.created_ns != TIME_NONE ? f->config.created_ns : 0;
    int r =
        stmt_run(m,
                 "INSERT INTO manifests(digest, is_index, os, arch, variant, created, size,"
                 " stars, description) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                 NULL, e, "ditttiiit", d, (int64_t)(f->manifest.kind == MANIFEST_INDEX),
                 f->has_config ? p->os : "", f->has_config ? p->arch : "",
                 f->has_config ? p->variant : "", created, (int64_t)f->size, stars(f), description);

    if (r >= 0)
        r = stmt_number(m, "SELECT id FROM manifests WHERE digest = ?1", 0, ret, e, "d", d);
    snprintf(text, sizeof text, "%s %s", title, description);
    if (r >= 0 && (*title || *description))
        r = stmt_run(m, "INSERT INTO docs(rowid, text) VALUES(?1, ?2)", NULL, e, "it", *ret, text);
    return r;
}

static int put_all(struct meta *m, const struct digest *d, const struct facts *f,
                   struct shale_err *e)
{
    int64_t id = 0;
    int r = stmt_number(m, "SELECT id FROM manifests WHERE digest = ?1", 0, &id, e, "d", d);

    if (r >= 0 && id) /* another process was quicker; its layers may have come meanwhile */
        return put_layers(m, id, &f->manifest, e);
    if (r >= 0)
        r = put_row(m, d, f, &id, e);
    if (r >= 0)
        r = put_map(m, id, "a", &f->manifest.annotations, e);
    if (r >= 0 && f->has_config)
        r = put_map(m, id, "l", &f->config.run.labels, e);
    return r < 0 ? r : put_layers(m, id, &f->manifest, e);
}

int index_put_manifest(struct meta *m, struct blobs *blobs, const struct digest *d,
                       struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct shale_err why = SHALE_ERR_INIT;
    struct facts f = {0};
    int r = read_facts(blobs, d, &f, &a, &why);

    if (r == -SHALE_NOT_FOUND) /* removed by now */
        return 0;
    if (r == -SHALE_NO_MEMORY || r == -SHALE_SYSTEM)
        return err_set(e, why.code, "%s", why.msg);
    if (r < 0) /* its row says that it was looked at */
        f = (struct facts){.manifest.kind = MANIFEST_INDEX};
    r = meta_begin(m, e);
    return r < 0 ? r : meta_end(m, put_all(m, d, &f, e), e);
}

int index_missing(struct meta *m, struct digest *ret, size_t n, size_t *ret_n, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT DISTINCT digest FROM reg.manifests WHERE digest NOT IN"
                      " (SELECT digest FROM main.manifests) LIMIT ?1",
                      &q, e);

    *ret_n = 0;
    if (r < 0)
        return r;
    stmt_bind(&q, "i", (int64_t)n);
    while ((r = stmt_step(&q, e)) == 1)
        col_digest(&q, 0, &ret[(*ret_n)++]);
    return r;
}

/* ---- what goes ---- */

static const char *const of_manifest[] = {
    "DELETE FROM facts WHERE manifest = ?1",
    "DELETE FROM docs WHERE rowid = ?1",
    "DELETE FROM stacks WHERE manifest = ?1",
    "DELETE FROM manifests WHERE id = ?1",
};
static const char *const of_layer[] = {
    "DELETE FROM files WHERE layer = ?1",
    "DELETE FROM gone WHERE layer = ?1",
    "DELETE FROM packages WHERE layer = ?1",
    "DELETE FROM layers WHERE id = ?1",
};

static int sweep_some(struct meta *m, const char *find, const char *const *run, size_t n_run,
                      struct shale_err *e)
{
    int64_t ids[256];
    size_t n = 0;
    {
        _cleanup_(stmt_close) struct stmt q = {0};
        int r = stmt_open(m, find, &q, e);
        while (r >= 0 && n < ARRAY_SIZE(ids) && (r = stmt_step(&q, e)) == 1)
            ids[n++] = col_i64(&q, 0);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < n; i++) {
        int r = meta_begin(m, e);
        if (r < 0)
            return r;
        for (size_t k = 0; r >= 0 && k < n_run; k++)
            r = stmt_run(m, run[k], NULL, e, "i", ids[i]);
        r = meta_end(m, r, e);
        if (r < 0)
            return r;
    }
    return (int)n;
}

int index_sweep(struct meta *m, struct shale_err *e)
{
    int n = sweep_some(m,
                       "SELECT id FROM main.manifests WHERE digest NOT IN"
                       " (SELECT digest FROM reg.manifests)",
                       of_manifest, ARRAY_SIZE(of_manifest), e);
    int k = n < 0
                ? 0
                : sweep_some(m, "SELECT id FROM layers WHERE id NOT IN (SELECT layer FROM stacks)",
                             of_layer, ARRAY_SIZE(of_layer), e);

    return n < 0 ? n : k < 0 ? k : n + k;
}

static int empty(struct meta *m, struct shale_err *e)
{
    static const char *const all[] = {
        "DELETE FROM facts",    "DELETE FROM docs",
        "DELETE FROM stacks",   "DELETE FROM manifests",
        "DELETE FROM files",    "DELETE FROM gone",
        "DELETE FROM packages", "DELETE FROM layers",
        "DELETE FROM dirs",     "INSERT INTO names_fts(names_fts) VALUES('delete-all')",
        "DELETE FROM names",
    };
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(all); i++)
        r = stmt_run(m, all[i], NULL, e, "");
    return r;
}

int index_empty(struct meta *m, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, empty(m, e), e);
}
