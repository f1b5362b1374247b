/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952) on ISA-L. ISA-L inflates and checks the trailer; the headers are read here,
 * because its own reader forgets the flags of a header that comes in several pieces.
 *
 * After the last member only zero bytes may come (some writers pad to blocks); anything else is
 * CORRUPT.
 */
#include "tar/codec_impl.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define GZIP_MAX_TEXT_BYTES  (64u << 10) /* file name or comment in a header */
#define GZIP_MAX_PIECE_BYTES (1u << 30)  /* handed to ISA-L at once: its counters have 32 bits */

enum header_flag {
    FLAG_HCRC = 1 << 1,
    FLAG_EXTRA = 1 << 2,
    FLAG_NAME = 1 << 3,
    FLAG_COMMENT = 1 << 4
};
#define FLAGS_RESERVED 0xe0

/* The parts of a stream, in order. */
enum part {
    P_FIXED, /* ten bytes: magic, method, flags, time, … */
    P_EXTRA_SIZE,
    P_EXTRA,
    P_NAME,
    P_COMMENT,
    P_HCRC,
    P_BODY,    /* deflate data and trailer */
    P_BETWEEN, /* a member is complete: another one, padding or the end */
    P_PADDING,
};

struct gzip {
    enum part part;
    uint8_t field[10]; /* of fixed size, collected */
    size_t field_n;
    uint8_t flags;
    uint32_t crc;  /* of the header so far */
    uint32_t left; /* of P_EXTRA; or bytes of a text that came */
    struct inflate_state z;
};

static int gzip_open(bool shares_windows, void **ret, struct shale_err *e)
{
    struct gzip *g = mem_alloc(sizeof *g);

    if (!g)
        return err_nomem(e);
    isal_inflate_init(&g->z);
    *ret = g;
    return 0;
}

static void gzip_close(void *c)
{
    free(c);
}

static int bad(const char *what, struct shale_err *e)
{
    return err_set(e, SHALE_CORRUPT, "gzip: %s", what);
}

/* ---- header ---- */

static void use(struct gzip *g, struct str *in, size_t n)
{
    if (g->flags & FLAG_HCRC || g->part == P_FIXED)
        g->crc = crc32_gzip_refl(g->crc, (const uint8_t *)in->p, n);
    in->p += n;
    in->n -= n;
}

/* Collects a field of n bytes. false: more input is needed. */
static bool collect(struct gzip *g, struct str *in, size_t n)
{
    size_t k = n - g->field_n < in->n ? n - g->field_n : in->n;

    memcpy(g->field + g->field_n, in->p, k);
    g->field_n += k;
    use(g, in, k);
    if (g->field_n < n)
        return false;
    g->field_n = 0;
    return true;
}

static int on_fixed(struct gzip *g, struct str *in, struct shale_err *e)
{
    if (!collect(g, in, 10))
        return 0;
    if (g->field[0] != 0x1f || g->field[1] != 0x8b)
        return bad("not a gzip header", e);
    if (g->field[2] != 8)
        return bad("unknown compression method", e);
    g->flags = g->field[3];
    if (g->flags & FLAGS_RESERVED)
        return bad("reserved flags are set in a header", e);
    g->part = P_EXTRA_SIZE;
    return 0;
}

static int on_extra_size(struct gzip *g, struct str *in, struct shale_err *e)
{
    g->left = 0;
    if (g->flags & FLAG_EXTRA) {
        if (!collect(g, in, 2))
            return 0;
        g->left = g->field[0] | (uint32_t)g->field[1] << 8;
    }
    g->part = P_EXTRA;
    return 0;
}

static int on_extra(struct gzip *g, struct str *in, struct shale_err *e)
{
    size_t n = g->left < in->n ? g->left : in->n;

    use(g, in, n);
    g->left -= (uint32_t)n;
    if (g->left == 0)
        g->part = P_NAME;
    return 0;
}

static int on_text(struct gzip *g, struct str *in, struct shale_err *e)
{
    const char *nul = NULL;

    if (g->flags & (g->part == P_NAME ? FLAG_NAME : FLAG_COMMENT)) {
        nul = memchr(in->p, 0, in->n);
        size_t n = nul ? (size_t)(nul - in->p) + 1 : in->n;
        if (n > GZIP_MAX_TEXT_BYTES - g->left)
            return err_set(e, SHALE_LIMIT, "gzip: a text in a header is over %u bytes",
                           GZIP_MAX_TEXT_BYTES);
        g->left += (uint32_t)n;
        use(g, in, n);
        if (!nul)
            return 0;
    }
    g->left = 0;
    g->part++;
    return 0;
}

static void begin_body(struct gzip *g)
{
    isal_inflate_reset(&g->z);
    g->z.crc_flag = ISAL_GZIP_NO_HDR_VER;
    g->part = P_BODY;
}

static int on_hcrc(struct gzip *g, struct str *in, struct shale_err *e)
{
    if (g->flags & FLAG_HCRC) {
        uint32_t crc = g->crc; /* these two bytes are not part of it */
        if (!collect(g, in, 2)) {
            g->crc = crc;
            return 0;
        }
        if ((crc & 0xffff) != (g->field[0] | (uint32_t)g->field[1] << 8))
            return bad("bad checksum of a header", e);
    }
    begin_body(g);
    return 0;
}

/* ---- body ---- */

static const char *inflate_error(int r)
{
    switch (r) {
    case ISAL_INCORRECT_CHECKSUM:
        return "bad checksum or length";
    case ISAL_INVALID_BLOCK:
        return "bad deflate block";
    case ISAL_INVALID_SYMBOL:
        return "bad deflate symbol";
    case ISAL_INVALID_LOOKBACK:
        return "deflate data refers to what is before its start";
    default:
        return "bad deflate data";
    }
}

static uint32_t piece(size_t n)
{
    return n < GZIP_MAX_PIECE_BYTES ? (uint32_t)n : GZIP_MAX_PIECE_BYTES;
}

static int on_body(struct gzip *g, struct str *in, uint8_t *out, size_t cap, size_t *ret_n,
                   struct shale_err *e)
{
    uint32_t in_n = piece(in->n), out_n = piece(cap);
    int r;

    g->z.next_in = (uint8_t *)in->p;
    g->z.avail_in = in_n;
    g->z.next_out = out;
    g->z.avail_out = out_n;
    r = isal_inflate(&g->z);
    if (r != ISAL_DECOMP_OK)
        return bad(inflate_error(r), e);
    in->p += in_n - g->z.avail_in;
    in->n -= in_n - g->z.avail_in;
    *ret_n = out_n - g->z.avail_out;
    if (g->z.block_state == ISAL_BLOCK_FINISH)
        g->part = P_BETWEEN;
    return 0;
}

/* ---- after a member ---- */

static int on_between(struct gzip *g, struct str *in, struct shale_err *e)
{
    if (*in->p == 0) {
        g->part = P_PADDING;
        return 0;
    }
    g->part = P_FIXED;
    g->flags = 0;
    g->crc = 0;
    return 0;
}

static int on_padding(struct gzip *g, struct str *in, struct shale_err *e)
{
    if (in->p[0] != 0 || memcmp(in->p, in->p + 1, in->n - 1) != 0)
        return bad("garbage after the end of the data", e);
    in->p += in->n;
    in->n = 0;
    return 0;
}

static int (*const on_part[])(struct gzip *g, struct str *in, struct shale_err *e) = {
    [P_FIXED] = on_fixed,     [P_EXTRA_SIZE] = on_extra_size, [P_EXTRA] = on_extra,
    [P_NAME] = on_text,       [P_COMMENT] = on_text,          [P_HCRC] = on_hcrc,
    [P_BETWEEN] = on_between, [P_PADDING] = on_padding,
};

static int gzip_run(void *c, struct str *in, uint8_t *out, size_t cap, size_t *ret_n,
                    struct shale_err *e)
{
    struct gzip *g = c;
    size_t n = 0;
    int r;

    /* The body is entered without input too: output may be waiting inside. */
    while (n < cap && (in->n > 0 || g->part == P_BODY)) {
        size_t before = in->n, more = 0;
        if (g->part != P_BODY) {
            r = on_part[g->part](g, in, e);
            if (r < 0)
                return r;
            continue;
        }
        r = on_body(g, in, out + n, cap - n, &more, e);
        if (r < 0)
            return r;
        n += more;
        if (g->part != P_BODY || more > 0 || in->n < before)
            continue;
        if (in->n > 0)
            return bad("bad deflate data", e);
        break;
    }
    *ret_n = n;
    return 0;
}

static int gzip_end(void *c, struct shale_err *e)
{
    const struct gzip *g = c;

    if (g->part != P_BETWEEN && g->part != P_PADDING)
        return bad("the data is cut off", e);
    return 0;
}

const struct codec_ops codec_gzip = {gzip_open, gzip_run, gzip_end, gzip_close};
