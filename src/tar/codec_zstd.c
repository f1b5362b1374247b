/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd (RFC 8878) on libzstd. The magic number of every frame is checked here: libzstd may be built
 * to read the formats from before 1.0 as well, whose decoders are old and which nobody uses for
 * layers.
 */
#include "tar/codec_impl.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

#define ZSTD_MAX_WINDOW_LOG 27 /* 128 MiB of memory at most */
#define MAGIC_BYTES         4
#define HEADER_MAX_BYTES    14 /* of a frame, behind the magic number */

struct zstd {
    ZSTD_DCtx *z;
    uint8_t magic[MAGIC_BYTES]; /* of the frame that begins */
    size_t magic_n;
    unsigned header_left; /* bytes that go to libzstd one at a time, see zstd_run */
    uint8_t header[MAGIC_BYTES + HEADER_MAX_BYTES]; /* magic number and those bytes */
    size_t header_n;
    bool shares, fits; /* windows are shared; this frame has its own */
    uint64_t window;   /* taken */
    bool in_frame;
    bool had_frame;
};

static void zstd_close(void *c)
{
    struct zstd *z = c;

    if (!z)
        return;
    ZSTD_freeDCtx(z->z);
    window_give(z->window);
    free(z);
}

static ZSTD_DCtx *new_context(void)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();

    if (z && ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_MAX_WINDOW_LOG))) {
        ZSTD_freeDCtx(z);
        return NULL;
    }
    return z;
}

static int zstd_open(bool shares_windows, void **ret, struct shale_err *e)
{
    struct zstd *z = mem_alloc(sizeof *z);

    if (!z)
        return err_nomem(e);
    z->shares = shares_windows;
    z->z = new_context();
    if (!z->z) {
        zstd_close(z);
        return err_nomem(e);
    }
    *ret = z;
    return 0;
}

static int translate(size_t code, struct shale_err *e)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        return err_nomem(e);
    case ZSTD_error_frameParameter_windowTooLarge:
        return err_set(e, SHALE_LIMIT, "zstd: the data needs a window of more than %u MiB",
                       1u << (ZSTD_MAX_WINDOW_LOG - 20));
    default:
        return err_set(e, SHALE_CORRUPT, "zstd: %s", ZSTD_getErrorName(code));
    }
}

/* One call of libzstd. Returns 1 if a frame came to its end. */
static int step(struct zstd *z, ZSTD_inBuffer *in, ZSTD_outBuffer *out, struct shale_err *e)
{
    size_t r = ZSTD_decompressStream(z->z, out, in);

    if (ZSTD_isError(r))
        return translate(r, e);
    return r == 0;
}

/* A byte of the frame's header is next: takes the memory for its window as soon as its size is
 * known, which is before libzstd allocates it. The last frame's goes back first if it is too small.
 */
static int take_window(struct zstd *z, uint8_t next, struct shale_err *e)
{
    uint64_t n;

    if (z->fits)
        return 0;
    z->header[z->header_n++] = next;
    if (!window_of_zstd(z->header, z->header_n, &n))
        return 0;
    z->fits = true;
    if (n <= z->window || n > 1ull << ZSTD_MAX_WINDOW_LOG) /* libzstd refuses it */
        return 0;
    if (z->window > 0) {
        ZSTD_freeDCtx(z->z);
        window_give(z->window);
        z->window = 0;
        z->z = new_context();
        if (!z->z)
            return err_nomem(e);
        ZSTD_inBuffer zin = {z->header, z->header_n - 1, 0};
        ZSTD_outBuffer zout = {NULL, 0, 0};
        int r = step(z, &zin, &zout, e);
        if (r < 0)
            return r;
    }
    window_take(n);
    z->window = n;
    return 0;
}

/* Between frames: collects the magic number and hands it on once it is complete. */
static int begin_frame(struct zstd *z, struct str *in, struct shale_err *e)
{
    while (z->magic_n < MAGIC_BYTES && in->n > 0) {
        z->magic[z->magic_n++] = (uint8_t)*in->p++;
        in->n--;
    }
    if (z->magic_n < MAGIC_BYTES)
        return 0;
    uint32_t magic = z->magic[0] | (uint32_t)z->magic[1] << 8 | (uint32_t)z->magic[2] << 16 |
                     (uint32_t)z->magic[3] << 24;
    if (magic != ZSTD_MAGICNUMBER && (magic & 0xfffffff0) != 0x184d2a50)
        return err_set(e, SHALE_CORRUPT, "zstd: %s",
                       z->had_frame ? "garbage after the end of the data" : "not a zstd frame");
    ZSTD_inBuffer zin = {z->magic, MAGIC_BYTES, 0};
    ZSTD_outBuffer zout = {NULL, 0, 0};
    int r = step(z, &zin, &zout, e);
    if (r < 0)
        return r;
    z->magic_n = 0;
    memcpy(z->header, z->magic, MAGIC_BYTES);
    z->header_n = MAGIC_BYTES;
    z->fits = false;
    z->header_left = HEADER_MAX_BYTES;
    z->in_frame = true;
    return 0;
}

static int zstd_run(void *c, struct str *in, uint8_t *out, size_t cap, size_t *ret_n,
                    struct shale_err *e)
{
    struct zstd *z = c;
    ZSTD_outBuffer zout = {out, cap, 0};
    int r;

    /* Inside of a frame also without input: output may be waiting. Once libzstd leaves room in the
     * output, nothing is. */
    bool waiting = z->in_frame;
    while (zout.pos < cap && (in->n > 0 || waiting)) {
        waiting = false;
        if (!z->in_frame) {
            r = begin_frame(z, in, e);
            if (r < 0)
                return r;
            continue;
        }
        /* Having a header and enough room, libzstd looks whether its input is all of a frame, and
         * forgets that the magic number came before: a header may look like a skippable frame.
         * Bytes that come one by one never do. */
        if (z->shares && z->header_left && in->n) {
            r = take_window(z, (uint8_t)*in->p, e);
            if (r < 0)
                return r;
        }
        ZSTD_inBuffer zin = {in->p, z->header_left && in->n ? 1 : in->n, 0};
        r = step(z, &zin, &zout, e);
        if (r < 0)
            return r;
        z->header_left -= z->header_left ? (unsigned)zin.pos : 0;
        in->p += zin.pos;
        in->n -= zin.pos;
        if (r > 0) {
            z->in_frame = false;
            z->had_frame = true;
        }
    }
    *ret_n = zout.pos;
    return 0;
}

static int zstd_end(void *c, struct shale_err *e)
{
    const struct zstd *z = c;

    if (z->in_frame || z->magic_n > 0 || !z->had_frame)
        return err_set(e, SHALE_CORRUPT, "zstd: the data is cut off");
    return 0;
}

const struct codec_ops codec_zstd = {zstd_open, zstd_run, zstd_end, zstd_close};
