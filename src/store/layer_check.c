/* SPDX-License-Identifier: Apache-2.0 */
/* Is a layer under layers/ still what its name says? The tar is hashed, and read as a tar at the
 * same time: its table of contents must be the one that comes out. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sys.h"
#include "store/layer_in.h"
#include "store/store_priv.h"
#include "tar/tar.h"

#define READ_BYTES (256 << 10)
#define TOC_NEW    "toc.new"

struct reading {
    int dir, tar; /* the layer's folder and its tar */
    struct hash hash;
    struct tar_reader *reader;
    struct toc_writer *toc;
    struct toc_stats stats;
    uint64_t n_bytes;
    bool tar_reads; /* so far */
};

static void reading_clear(struct reading *x)
{
    hash_clear(&x->hash);
    tar_reader_free(x->reader);
    toc_writer_free(x->toc);
    if (x->tar >= 0)
        close(x->tar);
    if (x->dir >= 0)
        close(x->dir);
}

/* 1: opened; 0: there is no such layer. */
static int open_layer(struct store *s, const struct digest *diff_id, struct reading *x,
                      struct shale_err *e)
{
    char path[HASH_MAX_HEX + 32];

    snprintf(path, sizeof path, "layers/%.*s", HASH_MAX_HEX, digest_hex(diff_id));
    x->dir = sys_openat(s->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (x->dir >= 0)
        x->tar = sys_openat(x->dir, "layer.tar", O_RDONLY | O_NOFOLLOW, 0);
    if (x->tar >= 0)
        return 1;
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : err_sys(e, "%s", path);
}

/* Reads all of the tar, for its hash and for x->toc. What is wrong with it as a tar is no error
 * here: its hash is not right either, then. */
static int read_all(struct reading *x, enum hash_alg alg, struct cancel *c, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(READ_BYTES);
    size_t n = 0;
    int r = block ? hash_init(&x->hash, alg, e) : err_nomem(e);

    if (r >= 0 && x->toc)
        r = tar_reader_new(toc_add, x->toc, &x->reader, e);
    if (r < 0)
        return r;
    x->tar_reads = x->toc != NULL;
    do {
        r = cancel_check(c, e);
        if (r < 0)
            return r;
        if (sys_read_full(x->tar, block, READ_BYTES, &n) < 0)
            return err_sys(e, "read layer");
        hash_update(&x->hash, block, n);
        x->n_bytes += n;
        x->tar_reads = x->tar_reads && tar_reader_feed(x->reader, block, n, NULL) >= 0;
    } while (n == READ_BYTES);
    x->tar_reads = x->tar_reads && tar_reader_end(x->reader, NULL) >= 0;
    return 0;
}

int store_layer_check(struct store *s, const struct digest *diff_id, struct layer_in_result *ret,
                      struct cancel *c, struct shale_err *e)
{
    _cleanup_(reading_clear) struct reading x = {.dir = -1, .tar = -1};
    struct digest got;
    int r = open_layer(s, diff_id, &x, e);

    if (r <= 0)
        return r;
    if (toc_compare(x.dir, "toc", &x.toc, NULL) < 0)
        x.toc = NULL;
    r = read_all(&x, digest_alg(diff_id), c, e);
    if (r < 0)
        return r;
    digest_of_hash(&x.hash, &got);
    if (!digest_eq(&got, diff_id))
        return STORE_LAYER_BAD;
    if (!x.tar_reads || toc_finish(x.toc, &x.stats, NULL) < 0)
        return STORE_LAYER_TOC_BAD;
    if (ret)
        *ret = (struct layer_in_result){*diff_id, x.n_bytes, x.stats};
    return STORE_LAYER_GOOD;
}

int store_layer_make_toc(struct store *s, const struct digest *diff_id, struct cancel *c,
                         struct shale_err *e)
{
    _cleanup_(reading_clear) struct reading x = {.dir = -1, .tar = -1};
    struct layer_in_result in;
    struct digest got;
    int r = open_layer(s, diff_id, &x, e);

    if (r >= 0)
        r = r == 1 ? toc_create(x.dir, TOC_NEW, &x.toc, e)
                   : err_set(e, SHALE_NOT_FOUND, "layer %s is not there", diff_id->s);
    if (r >= 0)
        r = read_all(&x, digest_alg(diff_id), c, e);
    if (r < 0)
        return r;
    digest_of_hash(&x.hash, &got);
    if (!x.tar_reads || !digest_eq(&got, diff_id))
        return err_set(e, SHALE_CORRUPT, "layer %s is damaged", diff_id->s);
    r = toc_finish(x.toc, &x.stats, e);
    if (r >= 0 && sys_renameat(x.dir, TOC_NEW, x.dir, "toc") < 0)
        r = err_sys(e, "toc");
    in = (struct layer_in_result){.diff_id = *diff_id, .tar_bytes = x.n_bytes, .toc = x.stats};
    return r < 0 ? r : store_record_layer(s, NULL, 0, &in, e);
}
