/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/encoder.h"

#include <isa-l.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/pool.h"
#include "tar/deflate.h"

#define OUT_BYTES   (128u << 10)
#define MAX_WORKERS 4 /* of zstd: each has a few MiB; what comes out is the same with 1 */

/* From HIGH_LEVEL on each worker has hundreds of MiB: there is one, and its jobs are bounded. From
 * ULTRA_LEVEL on zstd's window and tables grow up to a GiB: they stay those of the level below,
 * whose window is one that RFC 8878 wants every reader to have room for. */
#define HIGH_LEVEL     16
#define HIGH_JOB_BYTES (16 << 20)
#define ULTRA_LEVEL    20
static const struct {
    ZSTD_cParameter p;
    int value;
} ultra[] = {{ZSTD_c_windowLog, 23}, {ZSTD_c_chainLog, 24}, {ZSTD_c_hashLog, 22}};

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)
/* That it was built with. */
#define GZIP_VERSION                                                                               \
    STRING(ISAL_MAJOR_VERSION) "." STRING(ISAL_MINOR_VERSION) "." STRING(ISAL_PATCH_VERSION)

struct encoder {
    tar_out_fn out;
    void *arg;
    struct deflater *gzip;
    ZSTD_CCtx *zstd; /* neither: as it comes */
    uint8_t block[OUT_BYTES];
};

int encoder_max_level(enum encoder_kind kind)
{
    static const int max[] = {[ENCODER_NONE] = 0, [ENCODER_GZIP] = 9, [ENCODER_ZSTD] = 22};

    return max[kind];
}

const char *encoder_version(enum encoder_kind kind)
{
    return kind == ENCODER_ZSTD ? ZSTD_versionString() : kind == ENCODER_GZIP ? GZIP_VERSION : "";
}

static bool set(struct encoder *x, ZSTD_cParameter p, int value)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(x->zstd, p, value));
}

/* The level alone decides what comes out; the number of processors does not. */
static int open_zstd(struct encoder *x, int level, struct shale_err *e)
{
    size_t n = pool_n_cpus();
    bool high = level >= HIGH_LEVEL, good;

    x->zstd = ZSTD_createCCtx();
    if (!x->zstd)
        return err_nomem(e);
    good = set(x, ZSTD_c_compressionLevel, level < 0 ? ZSTD_CLEVEL_DEFAULT : level) &&
           set(x, ZSTD_c_checksumFlag, 1);
    for (size_t i = 0; level >= ULTRA_LEVEL && i < ARRAY_SIZE(ultra); i++)
        good &= set(x, ultra[i].p, ultra[i].value);
    /* A library without threads says no: encoder.h tells what that means. */
    if (set(x, ZSTD_c_nbWorkers, high ? 1 : n > MAX_WORKERS ? MAX_WORKERS : (int)n) && high)
        good &= set(x, ZSTD_c_jobSize, HIGH_JOB_BYTES);
    return good ? 0 : err_set(e, SHALE_INTERNAL, "zstd: parameters are refused");
}

int encoder_new(enum encoder_kind kind, int level, tar_out_fn out, void *arg, struct encoder **ret,
                struct shale_err *e)
{
    struct encoder *x;
    int r = 0;

    if (level != ENCODER_LEVEL_DEFAULT &&
        (level < (kind == ENCODER_ZSTD) || level > encoder_max_level(kind)))
        return err_set(e, SHALE_INVALID, "%d is no level of this compression", level);
    x = mem_alloc(sizeof *x);
    if (!x)
        return err_nomem(e);
    x->out = out;
    x->arg = arg;
    if (kind == ENCODER_GZIP)
        r = deflater_new(level < 0 ? DEFLATER_LEVEL : (level + 2) / 3, out, arg, &x->gzip, e);
    else if (kind == ENCODER_ZSTD)
        r = open_zstd(x, level, e);
    if (r < 0)
        encoder_free(x);
    else
        *ret = x;
    return r;
}

static int run_zstd(struct encoder *x, const void *p, size_t n, ZSTD_EndDirective how,
                    struct shale_err *e)
{
    ZSTD_inBuffer in = {p, n, 0};
    size_t left;

    do {
        ZSTD_outBuffer out = {x->block, OUT_BYTES, 0};
        left = ZSTD_compressStream2(x->zstd, &out, &in, how);
        if (ZSTD_isError(left))
            return err_set(e, SHALE_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
        int r = out.pos ? x->out(x->arg, x->block, out.pos, e) : 0;
        if (r < 0)
            return r;
    } while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
    return 0;
}

int encoder_write(struct encoder *x, const void *p, size_t n, struct shale_err *e)
{
    if (x->gzip)
        return deflater_write(x->gzip, p, n, e);
    return x->zstd ? run_zstd(x, p, n, ZSTD_e_continue, e) : n ? x->out(x->arg, p, n, e) : 0;
}

int encoder_end(struct encoder *x, struct shale_err *e)
{
    if (x->gzip)
        return deflater_end(x->gzip, e);
    return x->zstd ? run_zstd(x, NULL, 0, ZSTD_e_end, e) : 0;
}

struct encoder *encoder_free(struct encoder *x)
{
    if (!x)
        return NULL;
    deflater_free(x->gzip);
    ZSTD_freeCCtx(x->zstd);
    free(x);
    return NULL;
}
