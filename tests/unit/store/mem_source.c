/* SPDX-License-Identifier: Apache-2.0 */
#include "mem_source.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "image/copy.h"

#define TAR_BYTES 2048 /* header, one block, end mark */

static struct mem_source *self(struct source *s)
{
    return (struct mem_source *)s;
}

static struct mem_blob *find(struct mem_source *m, const char *digest)
{
    for (size_t i = 0; i < m->n_blobs; i++)
        if (streq(m->blobs[i].d.digest.s, digest))
            return &m->blobs[i];
    return NULL;
}

static const char *resolve_name(struct mem_source *m, const char *name)
{
    for (size_t i = 0; i < m->n_tags; i++)
        if (streq(m->tags[i].name, name))
            return m->tags[i].d.digest.s;
    return name;
}

static int src_resolve(struct source *s, const char *name, struct arena *a, struct descriptor *ret,
                       struct cancel *c, struct shale_err *e)
{
    struct mem_blob *b = find(self(s), resolve_name(self(s), name));

    if (!b)
        return err_set(e, SHALE_NOT_FOUND, "manifest for %s not found", name);
    *ret = b->d;
    return 0;
}

static int src_manifest(struct source *s, const char *name, struct buf *b, struct arena *a,
                        struct descriptor *ret, struct cancel *c, struct shale_err *e)
{
    int r = src_resolve(s, name, a, ret, c, e);

    if (r < 0)
        return r;
    buf_add(b, find(self(s), ret->digest.s)->p, ret->size_bytes);
    return buf_check(b, e);
}

static int src_blob(struct source *s, const struct descriptor *d, uint64_t offset,
                    int (*start)(void *arg, uint64_t offset, struct shale_err *e),
                    source_data_fn data, void *arg, struct cancel *c, struct shale_err *e)
{
    struct mem_source *m = self(s);
    struct mem_blob *b = find(m, d->digest.s);
    bool layer = b && b->p[0] != '{';
    int r = b ? start(arg, offset, e) : err_set(e, SHALE_NOT_FOUND, "no blob %s", d->digest.s);

    if (layer) {
        __atomic_add_fetch(&m->n_transfers, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&m->last_offset, offset, __ATOMIC_RELAXED);
    }
    for (uint64_t at = offset; r >= 0 && at < b->d.size_bytes;) {
        uint64_t n = b->d.size_bytes - at < 100 ? b->d.size_bytes - at : 100;
        char piece[100];
        memcpy(piece, b->p + at, n);
        if (layer && m->flip && at + n == b->d.size_bytes)
            piece[n - 1] ^= 1;
        if (layer && m->cut_after && at >= m->cut_after)
            return err_set(e, SHALE_NETWORK, "cut off");
        r = data(arg, piece, n, e);
        at += n;
    }
    return r;
}

static const struct source_ops ops = {
    .resolve = src_resolve, .manifest = src_manifest, .blob = src_blob};

void mem_source_init(struct mem_source *m)
{
    *m = (struct mem_source){.source.ops = &ops, .a = ARENA_INIT(1 << 24)};
}

void mem_source_clear(struct mem_source *m)
{
    arena_clear(&m->a);
}

/* ---- making images ---- */

static struct descriptor add(struct mem_source *m, const char *type, const char *p, size_t n)
{
    struct mem_blob *b = &m->blobs[m->n_blobs];

    assert_true(m->n_blobs < ARRAY_SIZE(m->blobs));
    b->p = arena_memdup(&m->a, p, n);
    b->d = (struct descriptor){.media_type = type, .size_bytes = n};
    assert_int_equal(digest_of_bytes(HASH_SHA256, p, n, &b->d.digest, NULL), 0);
    if (!find(m, b->d.digest.s))
        m->n_blobs++;
    return *find(m, b->d.digest.s) = *b, b->d;
}

static struct descriptor add_layer(struct mem_source *m, const char *content)
{
    char tar[TAR_BYTES] = "";
    unsigned sum = 0;

    snprintf(tar, 100, "file-%s", content);
    snprintf(tar + 100, 8, "%07o", 0644);
    snprintf(tar + 108, 8, "%07o", 0);
    snprintf(tar + 116, 8, "%07o", 0);
    snprintf(tar + 124, 12, "%011o", (unsigned)strlen(content));
    snprintf(tar + 136, 12, "%011o", 1700000000u);
    tar[156] = '0';
    memcpy(tar + 257, "ustar\00000", 8);
    memset(tar + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += (unsigned char)tar[i];
    snprintf(tar + 148, 7, "%06o", sum);
    memcpy(tar + 512, content, strlen(content));
    return add(m, "application/vnd.oci.image.layer.v1.tar", tar, sizeof tar);
}

static void name(struct mem_source *m, const char *tag, const struct descriptor *d)
{
    if (tag)
        m->tags[m->n_tags++] = (struct mem_tag){tag, *d};
}

struct descriptor mem_source_image(struct mem_source *m, const struct mem_image *i)
{
    struct buf config = BUF_INIT(1 << 16), manifest = BUF_INIT(1 << 16);
    struct descriptor layers[16], cfg, mf;
    size_t n = 0;

    for (; i->layers && i->layers[n]; n++)
        layers[n] = add_layer(m, i->layers[n]);
    buf_addf(&config,
             "{\"os\":\"%s\",\"architecture\":\"%s\",\"created\":\"%s\",\"config\":{\"Labels\":%s},"
             "\"history\":[{\"created\":\"2024-01-01T00:00:00Z\",\"created_by\":\"ENV "
             "x\",\"empty_layer\":true}],"
             "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
             i->os ? i->os : "linux", i->arch ? i->arch : "amd64",
             i->created ? i->created : "2024-01-01T00:00:00Z", i->labels ? i->labels : "{}");
    for (size_t k = 0; k < n; k++)
        buf_addf(&config, "%s\"%s\"", k ? "," : "",
                 i->wrong_diff_id
                     ? "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                     : layers[k].digest.s);
    buf_adds(&config, "]}}");
    cfg = add(m, MEDIA_OCI_CONFIG, config.p, config.n);
    buf_addf(&manifest,
             "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST
             "\",\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG
             "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[",
             cfg.digest.s, config.n);
    for (size_t k = 0; k < n; k++)
        buf_addf(&manifest, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu}",
                 k ? "," : "", layers[k].media_type, layers[k].digest.s,
                 (unsigned long long)layers[k].size_bytes);
    buf_adds(&manifest, "]}");
    mf = add(m, MEDIA_OCI_MANIFEST, manifest.p, manifest.n);
    name(m, i->tag, &mf);
    buf_clear(&config);
    buf_clear(&manifest);
    return mf;
}

struct descriptor mem_source_index(struct mem_source *m, const char *tag,
                                   const struct descriptor *v, const char *const *archs, size_t n)
{
    struct buf b = BUF_INIT(1 << 16);
    struct descriptor d;

    buf_adds(&b, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[");
    for (size_t i = 0; i < n; i++)
        buf_addf(&b,
                 "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu,\"platform\":{\"os\":"
                 "\"linux\","
                 "\"architecture\":\"%s\"}}",
                 i ? "," : "", v[i].media_type, v[i].digest.s, (unsigned long long)v[i].size_bytes,
                 archs[i]);
    buf_adds(&b, "]}");
    d = add(m, MEDIA_OCI_INDEX, b.p, b.n);
    name(m, tag, &d);
    buf_clear(&b);
    return d;
}

/* ---- the store ---- */

void mem_store_open(struct mem_store *t)
{
    struct store_opts o = {.root = t->root};
    struct shale_err e = SHALE_ERR_INIT;

    snprintf(t->root, sizeof t->root, "/tmp/shale-test.XXXXXX");
    assert_non_null(mkdtemp(t->root));
    if (store_open(&o, &t->s, &e) < 0)
        fail_msg("%s", e.msg);
}

void mem_store_close(struct mem_store *t)
{
    store_close(t->s);
    assert_int_equal(fs_remove_tree(AT_FDCWD, t->root, NULL), 0);
}

int mem_store_pull(struct mem_store *t, struct mem_source *m, const char *tag,
                   const struct platform *want, struct digest *ret_id, struct digest *ret_target,
                   struct shale_err *e)
{
    struct platform amd64 = {.os = "linux", .arch = "amd64"};
    struct copy_opts co = {.platform = want ? want : &amd64};
    struct arena a = ARENA_INIT(1 << 24);
    struct store_lease *lease = NULL;
    struct sink *sink = NULL;
    struct copy_result c;
    int r = store_lease_begin(t->s, "test", &lease, e);

    if (r >= 0) {
        struct store_sink_opts so = {.lease = lease};
        r = store_sink_open(t->s, &so, &sink, e);
    }
    if (r >= 0)
        r = copy_image(&m->source, tag, sink, &co, &a, &c, e);
    if (r >= 0)
        r = store_image_add(t->s, &c.image, ret_id, e);
    if (r >= 0 && !digest_eq(&c.image.digest, &c.target.digest))
        r = store_index_add(t->s, &c.target, e);
    if (r >= 0)
        *ret_target = c.target.digest;
    if (sink)
        sink->ops->close(sink);
    store_lease_end(lease);
    arena_clear(&a);
    return r;
}
