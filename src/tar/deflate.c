/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/deflate.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define OUT_BYTES   (64u << 10)
#define PIECE_BYTES (1u << 30) /* ISA-L counts in 32 bits */

struct deflater {
    tar_out_fn out;
    void *arg;
    struct isal_zstream z;
    uint8_t block[OUT_BYTES];
    uint8_t level[]; /* what ISA-L needs for it */
};

int deflater_new(int level, tar_out_fn out, void *arg, struct deflater **ret, struct shale_err *e)
{
    static const uint32_t room[] = {ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
                                    ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};
    struct deflater *d = mem_alloc(sizeof *d + room[level]);

    if (!d)
        return err_nomem(e);
    d->out = out;
    d->arg = arg;
    isal_deflate_init(&d->z);
    d->z.gzip_flag = IGZIP_GZIP;
    d->z.level = (uint32_t)level;
    d->z.level_buf = level ? d->level : NULL;
    d->z.level_buf_size = room[level];
    *ret = d;
    return 0;
}

static int run(struct deflater *d, const uint8_t *p, uint32_t n, bool last, struct shale_err *e)
{
    d->z.next_in = (uint8_t *)p;
    d->z.avail_in = n;
    d->z.end_of_stream = last;
    do {
        d->z.next_out = d->block;
        d->z.avail_out = OUT_BYTES;
        if (isal_deflate(&d->z) != COMP_OK)
            return err_set(e, SHALE_INTERNAL, "gzip: compression failed");
        size_t made = OUT_BYTES - d->z.avail_out;
        int r = made ? d->out(d->arg, d->block, made, e) : 0;
        if (r < 0)
            return r;
    } while (d->z.avail_out == 0 || d->z.avail_in > 0 ||
             (last && d->z.internal_state.state != ZSTATE_END));
    return 0;
}

int deflater_write(struct deflater *d, const void *p_, size_t n, struct shale_err *e)
{
    const uint8_t *p = p_;
    int r = 0;

    while (r >= 0 && n > 0) {
        uint32_t k = n < PIECE_BYTES ? (uint32_t)n : PIECE_BYTES;
        r = run(d, p, k, false, e);
        p += k;
        n -= k;
    }
    return r;
}

int deflater_end(struct deflater *d, struct shale_err *e)
{
    return run(d, NULL, 0, true, e);
}

struct deflater *deflater_free(struct deflater *d)
{
    free(d);
    return NULL;
}
