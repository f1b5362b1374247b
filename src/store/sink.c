/* SPDX-License-Identifier: Apache-2.0 */
/* The store as a sink: documents, and layers that stream in (layer_in.h) while their compressed
 * bytes go to ingest/. Other blobs (attestations) are files and nothing more. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/time.h"
#include "model/limits.h"
#include "store/landing.h"
#include "store/layer_in.h"
#include "store/store_priv.h"

struct store_sink {
    struct sink sink;
    struct store *store;
    struct store_sink_opts o;
    struct landing *landing;
};

static struct store_sink *self(struct sink *s)
{
    return (struct store_sink *)s;
}

static void report(const struct store_sink *k, enum shale_progress_kind kind,
                   const struct descriptor *d, uint64_t current)
{
    struct shale_progress p = {.kind = kind, .current = current, .total = d->size_bytes};
    char id[13];

    if (!k->o.on_progress)
        return;
    digest_short(&d->digest, id);
    p.id = id;
    k->o.on_progress(k->o.progress_arg, &p);
}

/* ---- documents ---- */

static int sink_has(struct sink *s, const struct descriptor *d, struct shale_err *e)
{
    uint64_t size;
    return blob_has(self(s)->store->blobs, &d->digest, &size, e);
}

static int put_row(struct store *s, const struct descriptor *d, uint64_t size, struct shale_err *e)
{
    struct meta_blob row = {.digest = d->digest, .size_bytes = size, .media_type = d->media_type};
    return meta_blob_put(s->meta, &row, e);
}

/* The same of a blob that was here already: what it is does not change with the next manifest that
 * names it. */
static int keep_row(struct store *s, const struct descriptor *d, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 16);
    struct descriptor known = *d;
    struct meta_blob row;
    int r = meta_blob_get(s->meta, &d->digest, &a, &row, e);

    if (r < 0 && r != -SHALE_NOT_FOUND)
        return r;
    if (r >= 0 && *row.media_type)
        known.media_type = row.media_type;
    return put_row(s, &known, d->size_bytes, e);
}

static int lease(const struct store_sink *k, const struct digest *d, struct shale_err *e)
{
    return k->o.lease ? store_lease_add(k->o.lease, d, e) : 0;
}

/* 1: it is there. 0 and its bytes, which are those of the digest. */
static int begin_document(struct store_sink *k, const struct descriptor *d, const void *p, size_t n,
                          struct blob_writer **ret, struct shale_err *e)
{
    struct blob_writer *w = NULL;
    int r = blob_begin(k->store->blobs, &d->digest, n, NULL, NULL, NULL, &w, e);

    if (r != 0)
        return r;
    r = blob_writer_rewind(w, e);
    if (r >= 0)
        r = blob_writer_write(w, p, n, e);
    if (r >= 0)
        r = blob_writer_check(w, e);
    blob_writer_discard(w); /* nothing worth resuming: the bytes are in memory */
    if (r < 0) {
        blob_writer_close(w);
        return r;
    }
    *ret = w;
    return 0;
}

/* Documents land together with what others bring at the same time. */
static int sink_put(struct sink *s, const struct descriptor *d, const void *p, size_t n,
                    struct cancel *c, struct shale_err *e)
{
    struct store_sink *k = self(s);
    struct landed v = {.d = *d};
    int r = cancel_check(c, e);

    v.d.size_bytes = n;
    if (r < 0)
        return r;
    r = lease(k, &d->digest, e);
    if (r < 0)
        return r;
    r = begin_document(k, d, p, n, &v.blob, e);
    if (r != 0)
        return r < 0 ? r : put_row(k->store, d, n, e);
    r = landing_add(k->landing, &v, e);
    if (r < 0) {
        blob_writer_close(v.blob);
        return r;
    }
    return k->o.late ? 0 : landing_drain(k->landing, e);
}

/* ---- layers ---- */

struct arrival { /* a layer on its way from a source */
    struct store_sink *k;
    const struct descriptor *d;
    struct blob_writer *blob;
    struct layer_in *layer; /* NULL: it is no layer */
    uint64_t got;           /* compressed bytes so far */
    struct cancel *c;
};

static enum decoder_kind codec_of(const struct descriptor *d)
{
    /* The bytes say it better than the media type, which tools get wrong; an uncompressed type is
     * not second-guessed, since a tar may hold anything but begins with a name. */
    return media_find(d->media_type)->codec == CODEC_NONE ? DECODER_NONE : DECODER_AUTO;
}

static int feed_layer(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct arrival *a = arg;
    int r = cancel_check(a->c, e);
    return r < 0 || !a->layer ? r : layer_in_write(a->layer, p, n, e);
}

static int on_start(void *arg, uint64_t offset, struct shale_err *e)
{
    struct arrival *a = arg;
    if (offset == a->got)
        return 0;
    if (offset != 0)
        return err_set(e, SHALE_NETWORK, "transfer does not continue where it stopped");
    /* The peer cannot do ranges: from the beginning, then. */
    a->got = 0;
    int r = blob_writer_rewind(a->blob, e);
    return r < 0 || !a->layer ? r : layer_in_restart(a->layer, e);
}

static int on_data(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct arrival *a = arg;
    int r;

    if (n > a->d->size_bytes - a->got)
        return err_set(e, SHALE_CORRUPT, "more bytes than the %llu of its descriptor",
                       (unsigned long long)a->d->size_bytes);
    r = blob_writer_write(a->blob, p, n, e);
    if (r < 0)
        return r;
    a->got += n;
    r = feed_layer(a, p, n, e);
    if (r < 0 || !a->layer)
        return r;
    report(a->k, SHALE_PROGRESS_DOWNLOADING, a->d, a->got);
    return 0;
}

/* Bytes that cannot be right must not be resumed from. */
static int judge(struct arrival *a, int r)
{
    if (r == -SHALE_CORRUPT || r == -SHALE_LIMIT)
        blob_writer_discard(a->blob);
    return r;
}

static int resume(struct arrival *a, struct shale_err *e)
{
    uint64_t have = blob_writer_offset(a->blob);
    if (have == 0)
        return 0;
    if (have > a->d->size_bytes)
        return blob_writer_rewind(a->blob, e);
    int r = blob_writer_replay(a->blob, feed_layer, a, e);
    if (r < 0)
        return r;
    a->got = blob_writer_offset(a->blob);
    if (a->layer)
        report(a->k, SHALE_PROGRESS_RESUMED, a->d, a->got);
    return 0;
}

static int transfer(struct arrival *a, struct source *from, struct shale_err *e)
{
    int r = resume(a, e);
    if (r < 0)
        return r;
    if (a->got == a->d->size_bytes)
        return 0;
    r = from->ops->blob(from, a->d, a->got, on_start, on_data, a, a->c, e);
    if (r < 0)
        return r;
    if (a->got != a->d->size_bytes)
        return err_set(e, SHALE_NETWORK, "the transfer ended after %llu of %llu bytes",
                       (unsigned long long)a->got, (unsigned long long)a->d->size_bytes);
    return 0;
}

int store_record_layer(struct store *s, const struct digest *blob, uint64_t blob_bytes,
                       const struct layer_in_result *in, struct shale_err *e)
{
    struct meta_layer row = {
        .diff_id = in->diff_id,
        .tar_bytes = in->tar_bytes,
        .content_bytes = in->toc.content_bytes,
        .n_entries = in->toc.n_entries,
        .state = in->later ? META_LAYER_LATER : META_LAYER_COMPLETE,
    };
    struct meta_layer known;
    int r;

    if (!in->later)
        snprintf(row.boot_id, sizeof row.boot_id, "%s", s->boot_id);
    r = meta_begin(s->meta, e);
    if (r < 0)
        return r;
    /* Another may have made its files meanwhile. */
    if (!in->later || meta_layer_get(s->meta, &row.diff_id, &known, NULL) < 0)
        r = meta_layer_put(s->meta, &row, e);
    if (r >= 0 && blob)
        r = meta_layer_blob_put(s->meta, blob, &in->diff_id, blob_bytes, e);
    return meta_end(s->meta, r, e);
}

/* Hands over what is whole. From here on it is the landing's, also when it fails there. */
static int land(struct arrival *a, const struct layer_in_result *in, struct shale_err *e)
{
    struct landed v = {*a->d, a->blob, a->layer, *in};
    int r = landing_add(a->k->landing, &v, e);

    if (r >= 0) {
        a->blob = NULL;
        a->layer = NULL;
    }
    return r;
}

static int arrive(struct arrival *a, const struct digest *diff_id, struct source *from,
                  struct shale_err *e)
{
    struct layer_in_result in;
    int r;

    r = transfer(a, from, e);
    if (r < 0)
        return judge(a, r);
    report(a->k, SHALE_PROGRESS_VERIFYING, a->d, a->got);
    /* First the compressed bytes: when they are wrong, that is the news. */
    r = blob_writer_check(a->blob, e);
    if (r == -SHALE_CORRUPT)
        (void)err_set(e, SHALE_CORRUPT, "filesystem layer verification failed for digest %s",
                      a->d->digest.s);
    if (r < 0)
        return judge(a, r);
    report(a->k, SHALE_PROGRESS_DOWNLOADED, a->d, a->got);
    r = layer_in_finish(a->layer, diff_id, &in, e);
    return r < 0 ? judge(a, r) : land(a, &in, e);
}

/* What an earlier attempt has left may be damaged, by a power cut or by a peer that sent wrong
 * bytes: then everything is fetched once more before the layer is given up. */
static int arrive_or_again(struct arrival *a, const struct digest *diff_id, struct source *from,
                           struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    bool resumed = blob_writer_offset(a->blob) > 0;
    int r = arrive(a, diff_id, from, &why);

    if (resumed && (r == -SHALE_CORRUPT || r == -SHALE_LIMIT)) {
        a->got = 0;
        r = blob_writer_rewind(a->blob, &why);
        if (r >= 0)
            r = layer_in_restart(a->layer, &why);
        if (r >= 0)
            r = arrive(a, diff_id, from, &why);
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

static void on_landed(void *arg, const struct descriptor *d)
{
    report(arg, SHALE_PROGRESS_DONE, d, d->size_bytes);
}

static void on_wait(void *arg)
{
    struct arrival *a = arg;
    report(a->k, SHALE_PROGRESS_WAITING, a->d, 0);
}

/* 1: its files need not be there yet. */
static int is_for_later(const struct store_sink *k, const struct digest *diff_id)
{
    struct meta_layer row;

    return k->o.later && meta_layer_get(k->store->meta, diff_id, &row, NULL) >= 0 &&
           row.state == META_LAYER_LATER;
}

/* A blob that nobody has read since it came may be damaged by now. 0: it was, and is gone. */
static int is_good_still(struct store *s, const struct digest *blob, struct cancel *c,
                         struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = blob_verify(s->blobs, blob, c, &why);

    if (r >= 0)
        return 1;
    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r != -SHALE_CORRUPT)
        return err_set(e, why.code, "%s", why.msg);
    r = blob_remove(s->blobs, blob, NULL, e);
    return r < 0 ? r : 0;
}

/* The blob is in the store: is the layer too? Make it again if not: 1. 0: the blob was damaged, and
 * is not there any more. */
static int have_blob(struct store_sink *k, const struct descriptor *d, const struct digest *diff_id,
                     struct cancel *c, struct shale_err *e)
{
    struct store *s = k->store;
    struct meta_layer_blob lb;
    struct shale_err ignored;
    uint64_t size = 0;
    int r;

    r = blob_has(s->blobs, &d->digest, &size, e);
    if (r < 0)
        return r;
    if (r == 1 && size != d->size_bytes)
        return err_set(e, SHALE_CORRUPT, "it has %llu bytes, its descriptor says %llu",
                       (unsigned long long)size, (unsigned long long)d->size_bytes);
    r = keep_row(s, d, e);
    if (r < 0)
        return r;
    r = meta_layer_blob_get(s->meta, &d->digest, &lb, &ignored);
    /* Of another algorithm it may be right: then the layer is made from the blob once more. */
    if (r >= 0 && digest_alg(&lb.diff_id) == digest_alg(diff_id) &&
        !digest_eq(&lb.diff_id, diff_id))
        return err_set(e, SHALE_CORRUPT,
                       "layers from manifest don't match image configuration: layer %s has diffID "
                       "%s, not %s",
                       d->digest.s, lb.diff_id.s, diff_id->s);
    bool known = r >= 0 && digest_eq(&lb.diff_id, diff_id);
    bool later = known && is_for_later(k, diff_id);
    r = known && !later ? 1 : is_good_still(s, &d->digest, c, e);
    if (r <= 0)
        return r;
    if (!known)
        r = store_layer_learn(s, diff_id, &d->digest, k->o.later, c, e);
    else if (!later)
        r = store_layer_make(s, diff_id, &d->digest, c, e);
    if (r < 0)
        return r;
    (void)meta_pull_delete(s->meta, &d->digest, NULL);
    report(k, SHALE_PROGRESS_PRESENT, d, d->size_bytes);
    return 1;
}

/* 1 when another image brought the same layer, differently compressed, and the blob it can be made
 * again from is here (ADR 11). What is damaged is fetched instead: 0. */
static int have_layer(struct store_sink *k, const struct descriptor *d,
                      const struct digest *diff_id, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct store *s = k->store;
    struct digest other;
    int r = store_layer_blob(s, diff_id, &a, &other, e);

    if (r <= 0)
        return r;
    /* The lease first: then it cannot go after we have looked. */
    r = lease(k, &other, e);
    if (r >= 0)
        r = blob_has(s->blobs, &other, NULL, e);
    if (r <= 0)
        return r;
    if (is_for_later(k, diff_id)) {
        r = is_good_still(s, &other, c, e);
        if (r == 0)
            return 0;
    } else {
        r = store_layer_make(s, diff_id, NULL, c, e);
    }
    if (r < 0)
        return r == -SHALE_CANCELED || r == -SHALE_NO_SPACE ? r : 0;
    (void)meta_pull_delete(s->meta, &d->digest, NULL);
    report(k, SHALE_PROGRESS_PRESENT, d, d->size_bytes);
    return 1;
}

static int receive(struct store_sink *k, const struct descriptor *d, const struct digest *diff_id,
                   struct source *from, struct cancel *c, struct shale_err *e)
{
    struct store *s = k->store;
    struct arrival a = {.k = k, .d = d, .c = c};
    struct layer_in_opts o = {
        .codec = codec_of(d),
        .alg = digest_alg(diff_id),
        .max_ratio = s->max_inflate_ratio,
        .later = k->o.later,
    };
    int r;

    while ((r = blob_begin(s->blobs, &d->digest, d->size_bytes, on_wait, &a, c, &a.blob, e)) == 1) {
        r = have_blob(k, d, diff_id, c, e);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    if (r < 0)
        return r;
    r = o.layers_fd = store_layers_fd(s, e);
    if (r >= 0)
        r = layer_in_begin(&o, &a.layer, e);
    if (r >= 0)
        r = arrive_or_again(&a, diff_id, from, e);
    layer_in_close(a.layer);
    blob_writer_close(a.blob);
    return r;
}

/* Protects a layer from collection and, unless its blob is here already, shows it as in flight.
 * diff_id NULL: another blob. */
static int announce(struct store_sink *k, const struct descriptor *d, const struct digest *diff_id,
                    struct shale_err *e)
{
    struct meta *m = k->store->meta;
    struct meta_pull row = {.digest = d->digest,
                            .ref = k->o.origin ? k->o.origin : "",
                            .repo = "",
                            .size_bytes = d->size_bytes};
    uint64_t size;
    int present = blob_has(k->store->blobs, &d->digest, &size, e);
    int r = present < 0 ? present : meta_begin(m, e);

    if (r < 0)
        return r;
    r = lease(k, &d->digest, e);
    if (r >= 0 && diff_id)
        r = lease(k, diff_id, e);
    if (r >= 0 && !present)
        r = meta_pull_put(m, &row, e);
    return meta_end(m, r, e);
}

/* What is no layer. A partial file that turns out to be wrong goes; the next attempt is a new one.
 */
static int receive_plain(struct store_sink *k, const struct descriptor *d, struct source *from,
                         struct cancel *c, struct shale_err *e)
{
    struct arrival a = {.k = k, .d = d, .c = c};
    int r = announce(k, d, NULL, e);

    if (r >= 0)
        r = blob_begin(k->store->blobs, &d->digest, d->size_bytes, NULL, NULL, c, &a.blob, e);
    if (r == 0) {
        r = transfer(&a, from, e);
        r = r < 0 ? judge(&a, r) : blob_writer_commit(a.blob, e);
        blob_writer_close(a.blob);
    }
    if (r < 0)
        return r == -SHALE_CANCELED ? r : err_wrap(e, r, "blob %s", d->digest.s);
    (void)meta_pull_delete(k->store->meta, &d->digest, NULL);
    return keep_row(k->store, d, e);
}

static int sink_blob(struct sink *sk, const struct descriptor *d, const struct digest *diff_id,
                     struct source *from, struct cancel *c, struct shale_err *e)
{
    struct store_sink *k = self(sk);
    struct shale_err why = SHALE_ERR_INIT;
    uint64_t size;
    int r;

    if (!diff_id)
        return receive_plain(k, d, from, c, e);
    r = announce(k, d, diff_id, e);
    if (r < 0)
        return r;
    r = blob_has(k->store->blobs, &d->digest, &size, e);
    if (r < 0)
        return r;
    if (r == 1)
        r = have_blob(k, d, diff_id, c, &why);
    else
        r = k->o.all_blobs ? 0 : have_layer(k, d, diff_id, c, &why);
    if (r == 0)
        r = receive(k, d, diff_id, from, c, &why);
    if (r < 0 && e)
        *e = why;
    if (r == -SHALE_CANCELED)
        return r;
    return r < 0 ? err_wrap(e, r, "layer %s", d->digest.s) : 0;
}

/* ---- the rest ---- */

/* Names belong to a repository, which this sink does not know: image/ sets them with the rows. */
static int sink_tag(struct sink *s, const char *name, const struct descriptor *d, const void *p,
                    size_t n, struct cancel *c, struct shale_err *e)
{
    return err_set(e, SHALE_UNSUPPORTED, "the store names images with their rows");
}

static int sink_settle(struct sink *s, struct shale_err *e)
{
    return landing_drain(self(s)->landing, e);
}

static struct sink *sink_close(struct sink *s)
{
    landing_close(self(s)->landing);
    free(s);
    return NULL;
}

static const struct sink_ops store_sink_ops = {
    .has = sink_has,
    .put = sink_put,
    .blob = sink_blob,
    .settle = sink_settle,
    .tag = sink_tag,
    .close = sink_close,
};

int store_sink_open(struct store *s, const struct store_sink_opts *o, struct sink **ret,
                    struct shale_err *e)
{
    struct store_sink *k = mem_alloc(sizeof *k);
    if (!k)
        return err_nomem(e);
    if (s->read_only) {
        free(k);
        return err_set(e, SHALE_DENIED, "the store at %s is read-only", s->root);
    }
    k->sink.ops = &store_sink_ops;
    k->store = s;
    k->o = *o;
    int r = landing_open(s, on_landed, k, &k->landing, e);
    if (r < 0) {
        free(k);
        return r;
    }
    *ret = &k->sink;
    return 0;
}
