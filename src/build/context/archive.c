/* SPDX-License-Identifier: Apache-2.0 */
#include "build/context/archive.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/sys.h"
#include "model/limits.h"
#include "tar/codec.h"

#define BLOCK_BYTES (256u << 10)

static const struct decoder_limits limits = {.max_bytes = LIMIT_LAYER_BYTES};

static int no_entry(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    return 0;
}

static bool is_header(const char block[TAR_BLOCK])
{
    static const char zeros[TAR_BLOCK];
    struct tar_reader *t = NULL;

    if (memcmp(block, zeros, TAR_BLOCK) == 0 || tar_reader_new(no_entry, NULL, &t, NULL) < 0)
        return false;
    int r = tar_reader_feed(t, block, TAR_BLOCK, NULL);
    tar_reader_free(t);
    return r >= 0;
}

bool archive_is_tar(const void *head, size_t n)
{
    char block[TAR_BLOCK];
    struct str in = {head, n};
    struct decoder *d = NULL;
    size_t have = 0, got = 1;
    int r = decoder_new(DECODER_ARCHIVE, &limits, &d, NULL);

    while (r >= 0 && have < sizeof block && (in.n > 0 || got > 0)) {
        r = decoder_run(d, &in, block + have, sizeof block - have, &got, NULL);
        have += r >= 0 ? got : 0;
    }
    /* Less than a decoder keeps back to tell what it is: then it is no tar either. */
    decoder_free(d);
    return have == sizeof block && is_header(block);
}

bool archive_is_plain(const void *head, size_t n)
{
    return n >= TAR_BLOCK && is_header(head);
}

int archive_read_head(int fd, void *head, size_t *ret_n, const char *what, struct shale_err *e)
{
    return sys_read_full(fd, head, ARCHIVE_HEAD_BYTES, ret_n) < 0 ? err_sys(e, "read %s", what) : 0;
}

struct unpacker {
    struct decoder *decoder;
    struct cancel *cancel;
    struct tar_unpack *unpack; /* NULL: it is only looked into */
    int to_fd;                 /* for its bytes; -1: none */
    struct tar_reader *reader; /* NULL: nobody looks on */
    char *in, *out;
};

static void unpacker_clear(struct unpacker *u)
{
    tar_unpack_free(u->unpack);
    tar_reader_free(u->reader);
    decoder_free(u->decoder);
    free(u->in);
    free(u->out);
}

static int feed(struct unpacker *u, struct str in, struct shale_err *e)
{
    size_t got;

    do {
        int r = decoder_run(u->decoder, &in, u->out, BLOCK_BYTES, &got, e);
        if (r >= 0 && got && u->reader)
            r = tar_reader_feed(u->reader, u->out, got, e);
        if (r >= 0 && got && u->unpack)
            r = tar_unpack_feed(u->unpack, u->out, got, e);
        if (r >= 0 && got && u->to_fd >= 0 && sys_write_all(u->to_fd, u->out, got) < 0)
            r = err_sys(e, "write what is in an archive");
        if (r >= 0)
            r = cancel_check(u->cancel, e);
        if (r < 0)
            return r;
    } while (got == BLOCK_BYTES || in.n > 0);
    return 0;
}

static int run(struct unpacker *u, const struct archive_in *in, struct shale_err *e)
{
    size_t n = BLOCK_BYTES;
    int r = in->head_n ? feed(u, (struct str){in->head, in->head_n}, e) : 0;

    while (r >= 0 && n == BLOCK_BYTES) {
        if (sys_read_full(in->fd, u->in, BLOCK_BYTES, &n) < 0)
            return err_sys(e, "read");
        if (n)
            r = feed(u, (struct str){u->in, n}, e);
    }
    if (r >= 0)
        r = decoder_end(u->decoder, e);
    if (r >= 0 && u->reader)
        r = tar_reader_end(u->reader, e);
    return r < 0 || !u->unpack ? r : tar_unpack_end(u->unpack, e);
}

int archive_read(const struct archive_in *in, int to_fd, tar_entry_fn on_entry, void *arg,
                 struct cancel *c, struct shale_err *e)
{
    _cleanup_(unpacker_clear) struct unpacker u = {
        .cancel = c, .to_fd = to_fd, .in = mem_alloc(BLOCK_BYTES), .out = mem_alloc(BLOCK_BYTES)};
    int r = u.in && u.out ? decoder_new(DECODER_ARCHIVE, &limits, &u.decoder, e) : err_nomem(e);

    if (r >= 0)
        r = tar_reader_new(on_entry, arg, &u.reader, e);
    if (r >= 0)
        r = run(&u, in, e);
    return r < 0 ? err_wrap(e, r, "%s", in->what) : 0;
}

int archive_unpack(const struct archive_in *in, const struct tar_unpack_opts *o,
                   tar_entry_fn on_entry, void *arg, struct shale_err *e)
{
    _cleanup_(unpacker_clear) struct unpacker u = {
        .to_fd = -1, .in = mem_alloc(BLOCK_BYTES), .out = mem_alloc(BLOCK_BYTES)};
    int r = u.in && u.out ? decoder_new(DECODER_ARCHIVE, &limits, &u.decoder, e) : err_nomem(e);

    if (r >= 0)
        r = tar_unpack_new(o, &u.unpack, e);
    if (r >= 0 && on_entry)
        r = tar_reader_new(on_entry, arg, &u.reader, e);
    if (r >= 0)
        r = run(&u, in, e);
    return r < 0 ? err_wrap(e, r, "%s", in->what) : 0;
}
