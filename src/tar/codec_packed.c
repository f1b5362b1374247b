/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xz (liblzma) and bzip2 (libbz2), for archives that people have packed by hand: layers are never
 * packed so. Both libraries are loaded when the first such archive is met (ADR 4).
 */
#include <bzlib.h>
#include <lzma.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/dynlib.h"
#include "base/mem.h"
#include "tar/codec_impl.h"

#define XZ_MAX_MIB 128u /* of memory; xz -9 needs 65 */

/* ---- the libraries ---- */

#define LZMA_FUNCTIONS(X)                                                                          \
    X(stream_decoder)                                                                              \
    X(code)                                                                                        \
    X(end)
#define BZ2_FUNCTIONS(X)                                                                           \
    X(bzDecompressInit)                                                                            \
    X(bzDecompress)                                                                                \
    X(bzDecompressEnd)

static struct {
#define X(name) __typeof__(&lzma_##name) name;
    LZMA_FUNCTIONS(X)
#undef X
} lzma;
static struct {
#define X(name) __typeof__(&BZ2_##name) name;
    BZ2_FUNCTIONS(X)
#undef X
} bz2;

static const struct dynlib_function lzma_functions[] = {
#define X(name) {"lzma_" #name, offsetof(__typeof__(lzma), name)},
    LZMA_FUNCTIONS(X)
#undef X
};
static const struct dynlib_function bz2_functions[] = {
#define X(name) {"BZ2_" #name, offsetof(__typeof__(bz2), name)},
    BZ2_FUNCTIONS(X)
#undef X
};

static struct dynlib lzma_lib = {
    .once = PTHREAD_ONCE_INIT,
    .name = "liblzma",
    .package = "liblzma5",
    .sonames = {"liblzma.so.5"},
    .functions = lzma_functions,
    .n_functions = ARRAY_SIZE(lzma_functions),
};
static struct dynlib bz2_lib = {
    .once = PTHREAD_ONCE_INIT,
    .name = "libbz2",
    .package = "libbz2-1.0",
    .sonames = {"libbz2.so.1.0", "libbz2.so.1"},
    .functions = bz2_functions,
    .n_functions = ARRAY_SIZE(bz2_functions),
};

static void load_lzma(void)
{
    (void)dynlib_load(&lzma_lib, &lzma);
}

static void load_bz2(void)
{
    (void)dynlib_load(&bz2_lib, &bz2);
}

/* ---- xz (its file format 1.2; several streams, padding) ---- */

static void xz_close(void *c)
{
    lzma_stream *s = c;

    if (s)
        lzma.end(s);
    free(s);
}

static int xz_error(lzma_ret code, struct shale_err *e)
{
    switch (code) {
    case LZMA_MEM_ERROR:
        return err_nomem(e);
    case LZMA_MEMLIMIT_ERROR:
        return err_set(e, SHALE_LIMIT, "xz: the data needs more than %u MiB of memory", XZ_MAX_MIB);
    case LZMA_OPTIONS_ERROR:
        return err_set(e, SHALE_UNSUPPORTED, "xz: the data uses options that are not supported");
    case LZMA_FORMAT_ERROR:
        return err_set(e, SHALE_CORRUPT, "xz: garbage where a stream should begin");
    default:
        return err_set(e, SHALE_CORRUPT, "xz: the data is damaged");
    }
}

static int xz_open(bool shares_windows, void **ret, struct shale_err *e)
{
    (void)shares_windows;
    pthread_once(&lzma_lib.once, load_lzma);
    int r = dynlib_result(&lzma_lib, e);
    if (r < 0)
        return r;
    lzma_stream *s = mem_alloc(sizeof *s);
    if (!s)
        return err_nomem(e);
    lzma_ret code = lzma.stream_decoder(s, (uint64_t)XZ_MAX_MIB << 20, LZMA_CONCATENATED);
    if (code != LZMA_OK) {
        free(s);
        return xz_error(code, e);
    }
    *ret = s;
    return 0;
}

static int xz_run(void *c, struct str *in, uint8_t *out, size_t cap, size_t *ret_n,
                  struct shale_err *e)
{
    lzma_stream *s = c;
    lzma_ret code = LZMA_OK;

    s->next_in = (const uint8_t *)in->p;
    s->avail_in = in->n;
    s->next_out = out;
    s->avail_out = cap;
    do /* once without input, too: output may be waiting */
        code = lzma.code(s, LZMA_RUN);
    while (code == LZMA_OK && s->avail_in > 0 && s->avail_out > 0);
    in->p += in->n - s->avail_in;
    in->n = s->avail_in;
    *ret_n = cap - s->avail_out;
    return code == LZMA_OK || code == LZMA_BUF_ERROR ? 0 : xz_error(code, e);
}

static int xz_end(void *c, struct shale_err *e)
{
    lzma_stream *s = c;
    uint8_t more;

    s->avail_in = 0;
    s->next_out = &more;
    s->avail_out = 1;
    return lzma.code(s, LZMA_FINISH) == LZMA_STREAM_END && s->avail_out == 1
               ? 0
               : err_set(e, SHALE_CORRUPT, "xz: the data is cut off");
}

const struct codec_ops codec_xz = {xz_open, xz_run, xz_end, xz_close};

/* ---- bzip2 (several streams) ---- */

struct bzip2 {
    bz_stream s;
    bool open, had_stream;
};

static void bzip2_close(void *c)
{
    struct bzip2 *z = c;

    if (z && z->open)
        (void)bz2.bzDecompressEnd(&z->s);
    free(z);
}

static int bzip2_begin(struct bzip2 *z, struct shale_err *e)
{
    z->s = (bz_stream){.next_in = NULL};
    if (bz2.bzDecompressInit(&z->s, 0, 0) != BZ_OK)
        return err_nomem(e);
    z->open = true;
    return 0;
}

static int bzip2_open(bool shares_windows, void **ret, struct shale_err *e)
{
    (void)shares_windows;
    pthread_once(&bz2_lib.once, load_bz2);
    int r = dynlib_result(&bz2_lib, e);
    if (r < 0)
        return r;
    struct bzip2 *z = mem_alloc(sizeof *z);
    r = z ? bzip2_begin(z, e) : err_nomem(e);
    if (r < 0) {
        free(z);
        return r;
    }
    *ret = z;
    return 0;
}

static int bzip2_error(const struct bzip2 *z, int code, struct shale_err *e)
{
    if (code == BZ_MEM_ERROR)
        return err_nomem(e);
    return err_set(e, SHALE_CORRUPT, "bzip2: %s",
                   code == BZ_DATA_ERROR_MAGIC && z->had_stream
                       ? "garbage after the end of the data"
                       : "the data is damaged");
}

static int bzip2_run(void *c, struct str *in, uint8_t *out, size_t cap, size_t *ret_n,
                     struct shale_err *e)
{
    struct bzip2 *z = c;
    size_t done = 0;
    bool waiting = z->open; /* output of a stream may be, without input */

    while (done < cap && (in->n > 0 || waiting)) {
        unsigned most_in = in->n < UINT32_MAX ? (unsigned)in->n : UINT32_MAX;
        unsigned most_out = cap - done < UINT32_MAX ? (unsigned)(cap - done) : UINT32_MAX;
        int r = z->open ? 0 : bzip2_begin(z, e);
        if (r < 0)
            return r;
        waiting = false;
        z->s.next_in = (char *)(uintptr_t)in->p; /* it is not written to */
        z->s.avail_in = most_in;
        z->s.next_out = (char *)out + done;
        z->s.avail_out = most_out;
        int code = bz2.bzDecompress(&z->s);
        in->p += most_in - z->s.avail_in;
        in->n -= most_in - z->s.avail_in;
        done += most_out - z->s.avail_out;
        if (code == BZ_STREAM_END) {
            (void)bz2.bzDecompressEnd(&z->s);
            z->open = false;
            z->had_stream = true;
        } else if (code != BZ_OK) {
            return bzip2_error(z, code, e);
        }
    }
    *ret_n = done;
    return 0;
}

static int bzip2_end(void *c, struct shale_err *e)
{
    const struct bzip2 *z = c;

    return z->open ? err_set(e, SHALE_CORRUPT, "bzip2: the data is cut off") : 0;
}

const struct codec_ops codec_bzip2 = {bzip2_open, bzip2_run, bzip2_end, bzip2_close};
