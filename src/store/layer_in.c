/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layer_in.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/ring.h"
#include "base/sys.h"
#include "model/limits.h"
#include "tar/tar.h"

struct layer_in {
    struct layer_in_opts o; /* later: as long as it has no files */
    char tmp[64];           /* folder under layers/ until it is published; "": not made */
    int tmp_fd;             /* it, locked: collectors leave it alone */

    struct decoder *decoder;
    void *block; /* reserved ring block being filled, NULL: none */
    size_t block_n;

    struct ring *ring;
    pthread_t thread;
    bool thread_runs;

    /* the second thread's */
    int tar_fd;
    struct hash hash;
    struct tar_reader *reader;
    struct toc_writer *toc;
    uint64_t tar_bytes;
    int result;
    struct shale_err err;

    struct digest diff_id; /* set by finish */
};

/* ---- the second half: one thread per layer in flight that is larger than a block ---- */

static int consume_block(struct layer_in *l, const void *p, size_t n)
{
    hash_update(&l->hash, p, n);
    if (!l->o.later && sys_write_all(l->tar_fd, p, n) < 0)
        return err_sys(&l->err, "write layer");
    l->tar_bytes += n;
    return tar_reader_feed(l->reader, p, n, &l->err);
}

static void *consume(void *arg)
{
    struct layer_in *l = arg;
    const void *p;
    size_t n;

    while ((p = ring_peek(l->ring, &n))) {
        l->result = consume_block(l, p, n);
        if (l->result < 0) {
            ring_stop(l->ring);
            return NULL;
        }
        ring_release(l->ring);
    }
    if (!ring_stopped(l->ring))
        l->result = tar_reader_end(l->reader, &l->err);
    return NULL;
}

static int start_thread(struct layer_in *l, struct shale_err *e)
{
    if (l->thread_runs)
        return 0;
    if (pthread_create(&l->thread, NULL, consume, l) != 0)
        return err_set(e, SHALE_NO_MEMORY, "cannot start a thread");
    l->thread_runs = true;
    return 0;
}

static void stop_thread(struct layer_in *l)
{
    if (!l->thread_runs)
        return;
    ring_stop(l->ring);
    pthread_join(l->thread, NULL);
    l->thread_runs = false;
}

/* ---- begin ---- */

static void drop_work(struct layer_in *l)
{
    stop_thread(l);
    l->decoder = decoder_free(l->decoder);
    l->reader = tar_reader_free(l->reader);
    l->toc = toc_writer_free(l->toc);
    hash_clear(&l->hash);
    ring_free(l->ring);
    l->ring = NULL;
    l->block = NULL;
    if (l->tar_fd >= 0)
        close(l->tar_fd);
    l->tar_fd = -1;
}

static int make_folder(struct layer_in *l, struct shale_err *e)
{
    char rnd[17];
    int r = *l->tmp ? 0 : random_hex(rnd, 8, e);

    if (r < 0 || *l->tmp)
        return r;
    snprintf(l->tmp, sizeof l->tmp, ".in-%s", rnd);
    if (sys_mkdirat(l->o.layers_fd, l->tmp, 0755) == 0)
        return 0;
    *l->tmp = 0;
    return err_sys(e, "create folder for a layer");
}

static int open_files(struct layer_in *l, struct shale_err *e)
{
    if (l->o.later)
        return toc_count(&l->toc, e);
    int k = make_folder(l, e);
    if (k < 0)
        return k;
    if (l->tmp_fd < 0) {
        l->tmp_fd = fs_open_dir(l->o.layers_fd, l->tmp, e);
        int r = l->tmp_fd < 0 ? l->tmp_fd : lock_fd_try(l->tmp_fd, LOCK_SHARED, e);
        if (r < 0)
            return r;
    }
    l->tar_fd = sys_openat(l->tmp_fd, "layer.tar", O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (l->tar_fd < 0)
        return err_sys(e, "create layer file");
    return toc_create(l->tmp_fd, "toc", &l->toc, e);
}

static int start_work(struct layer_in *l, struct shale_err *e)
{
    const struct decoder_limits limits = {
        .max_bytes = LIMIT_LAYER_BYTES,
        .max_ratio = l->o.max_ratio,
        .ratio_floor_bytes = LIMIT_INFLATE_FLOOR_BYTES,
        .shares_windows = true,
    };
    int r;

    r = open_files(l, e);
    if (r < 0)
        return r;
    r = decoder_new(l->o.codec, &limits, &l->decoder, e);
    if (r < 0)
        return r;
    r = tar_reader_new(toc_add, l->toc, &l->reader, e);
    if (r < 0)
        return r;
    r = hash_init(&l->hash, l->o.alg, e);
    if (r < 0)
        return r;
    r = ring_new(LAYER_IN_BLOCKS, LAYER_IN_BLOCK_BYTES, &l->ring, e);
    if (r < 0)
        return r;
    l->tar_bytes = 0;
    l->result = 0;
    l->block = NULL;
    l->block_n = 0;
    return 0;
}

int layer_in_begin(const struct layer_in_opts *o, struct layer_in **ret, struct shale_err *e)
{
    struct layer_in *l = mem_alloc(sizeof *l);
    int r;

    if (!l)
        return err_nomem(e);
    l->o = *o;
    l->tar_fd = l->tmp_fd = -1;
    r = start_work(l, e);
    if (r < 0) {
        layer_in_close(l);
        return r;
    }
    *ret = l;
    return 0;
}

int layer_in_restart(struct layer_in *l, struct shale_err *e)
{
    drop_work(l);
    return start_work(l, e);
}

/* ---- write ---- */

/* The consumer has stopped: its error is the reason. */
static int consumer_error(struct layer_in *l, struct shale_err *e)
{
    stop_thread(l);
    if (l->result < 0) {
        if (e)
            *e = l->err;
        return l->result;
    }
    return err_set(e, SHALE_INTERNAL, "layer pipeline stopped");
}

/* It has more than a block: files after all. Nothing was read as a tar yet. */
static int take_shape(struct layer_in *l, struct shale_err *e)
{
    if (!l->o.later)
        return 0;
    l->o.later = false;
    l->reader = tar_reader_free(l->reader);
    l->toc = toc_writer_free(l->toc);
    int r = open_files(l, e);
    return r < 0 ? r : tar_reader_new(toc_add, l->toc, &l->reader, e);
}

static int inflate_some(struct layer_in *l, struct str *in, size_t *ret_n, struct shale_err *e)
{
    size_t n = 0;
    int r;

    if (!l->block) {
        l->block = ring_reserve(l->ring);
        if (!l->block)
            return consumer_error(l, e);
        l->block_n = 0;
    }
    r = decoder_run(l->decoder, in, (char *)l->block + l->block_n,
                    LAYER_IN_BLOCK_BYTES - l->block_n, &n, e);
    if (r < 0)
        return r;
    l->block_n += n;
    *ret_n = n;
    if (l->block_n == LAYER_IN_BLOCK_BYTES) {
        r = take_shape(l, e);
        if (r >= 0)
            r = start_thread(l, e);
        if (r < 0)
            return r;
        ring_publish(l->ring, l->block_n);
        l->block = NULL;
    }
    return 0;
}

int layer_in_write(struct layer_in *l, const void *p, size_t n, struct shale_err *e)
{
    struct str in = {p, n};
    size_t produced;
    int r;

    do {
        r = inflate_some(l, &in, &produced, e);
        if (r < 0)
            return r;
        /* Go on while there is input, or while a block was filled to the brim: more may be waiting
         * inside the decoder. */
    } while (in.n > 0 || !l->block);
    return 0;
}

/* ---- finish ---- */

/* What fits in one block is not worth a thread. */
static void consume_rest(struct layer_in *l)
{
    if (l->thread_runs) {
        if (l->block && l->block_n > 0)
            ring_publish(l->ring, l->block_n);
        ring_finish(l->ring);
        pthread_join(l->thread, NULL);
        l->thread_runs = false;
    } else {
        l->result = l->block_n > 0 ? consume_block(l, l->block, l->block_n) : 0;
        if (l->result >= 0)
            l->result = tar_reader_end(l->reader, &l->err);
    }
    l->block = NULL;
}

int layer_in_finish(struct layer_in *l, const struct digest *expected, struct layer_in_result *ret,
                    struct shale_err *e)
{
    int r = decoder_end(l->decoder, e);
    if (r < 0)
        return r;
    consume_rest(l);
    if (l->result < 0) {
        if (e)
            *e = l->err;
        return l->result;
    }
    digest_of_hash(&l->hash, &l->diff_id);
    if (expected && !digest_eq(expected, &l->diff_id))
        return err_set(e, SHALE_CORRUPT,
                       "layers from manifest don't match image configuration: expected diffID %s, "
                       "got %s",
                       expected->s, l->diff_id.s);
    ret->diff_id = l->diff_id;
    ret->tar_bytes = l->tar_bytes;
    ret->later = l->o.later;
    r = toc_finish(l->toc, &ret->toc, e);
    if (r >= 0)
        drop_work(l); /* it may wait a while to be published */
    return r;
}

int layer_in_publish(struct layer_in *l, bool replace, struct shale_err *e)
{
    const char *name = digest_hex(&l->diff_id);
    char old[HASH_MAX_HEX + 8];

    if (replace) {
        snprintf(old, sizeof old, ".old-%.*s", HASH_MAX_HEX, name);
        int r = fs_remove_tree(l->o.layers_fd, old, e);
        if (r < 0)
            return r;
        if (sys_renameat(l->o.layers_fd, name, l->o.layers_fd, old) < 0 && errno != ENOENT)
            return err_sys(e, "move damaged layer %.12s away", name);
    }
    if (sys_renameat(l->o.layers_fd, l->tmp, l->o.layers_fd, name) < 0 && errno != EEXIST &&
        errno != ENOTEMPTY)
        return err_sys(e, "publish layer %.12s", name);
    if (replace)
        return fs_remove_tree(l->o.layers_fd, old, e);
    return 0;
}

struct layer_in *layer_in_close(struct layer_in *l)
{
    if (!l)
        return NULL;
    drop_work(l);
    /* After a publish the folder is gone under this name; a loser of a race removes its own copy.
     */
    if (l->tmp[0])
        (void)fs_remove_tree(l->o.layers_fd, l->tmp, NULL);
    if (l->tmp_fd >= 0)
        close(l->tmp_fd);
    free(l);
    return NULL;
}
