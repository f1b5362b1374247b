/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/codec.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tar/codec_impl.h"

#define MAGIC_BYTES 6

struct decoder {
    enum decoder_kind kind; /* AUTO until the first bytes have told */
    bool archive;           /* xz and bzip2, too */
    const struct codec_ops *ops;
    void *codec;
    struct decoder_limits limits;
    uint64_t in_bytes, out_bytes; /* so far */
    char magic[MAGIC_BYTES];      /* AUTO: the first bytes, kept while they can mean two things */
    size_t magic_n, magic_used;
};

static const struct codec_ops *const ops_of[] = {
    [DECODER_NONE] = &codec_none, [DECODER_GZIP] = &codec_gzip,   [DECODER_ZSTD] = &codec_zstd,
    [DECODER_XZ] = &codec_xz,     [DECODER_BZIP2] = &codec_bzip2,
};

/* ---- none ---- */

static int none_open(bool shares_windows, void **ret, struct shale_err *e)
{
    *ret = NULL;
    return 0;
}

static int none_run(void *c, struct str *in, uint8_t *out, size_t cap, size_t *ret_n,
                    struct shale_err *e)
{
    size_t n = in->n < cap ? in->n : cap;

    memcpy(out, in->p, n);
    in->p += n;
    in->n -= n;
    *ret_n = n;
    return 0;
}

static int none_end(void *c, struct shale_err *e)
{
    return 0;
}

static void none_close(void *c)
{
}

const struct codec_ops codec_none = {none_open, none_run, none_end, none_close};

/* ---- what is it ---- */

static const struct magic {
    enum decoder_kind kind;
    size_t n;
    uint8_t bytes[MAGIC_BYTES], mask[MAGIC_BYTES];
    bool archive; /* of archives only */
} magics[] = {
    {DECODER_GZIP, 3, {0x1f, 0x8b, 0x08}, {0xff, 0xff, 0xff}},
    {DECODER_ZSTD, 4, {0x28, 0xb5, 0x2f, 0xfd}, {0xff, 0xff, 0xff, 0xff}},
    {DECODER_ZSTD, 4, {0x50, 0x2a, 0x4d, 0x18}, {0xf0, 0xff, 0xff, 0xff}}, /* skippable frame */
    {DECODER_XZ,
     6,
     {0xfd, '7', 'z', 'X', 'Z', 0},
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
     .archive = true},
    {DECODER_BZIP2, 3, {'B', 'Z', 'h'}, {0xff, 0xff, 0xff}, .archive = true},
};

static bool matches(const struct magic *m, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((uint8_t)p[i] & m->mask[i]) != m->bytes[i])
            return false;
    return true;
}

/* AUTO: it may still be several things. */
static enum decoder_kind detect(bool archive, const char *p, size_t n)
{
    bool open = false;

    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        const struct magic *m = &magics[i];
        if ((m->archive && !archive) || !matches(m, p, n < m->n ? n : m->n))
            continue;
        if (n >= m->n)
            return m->kind;
        open = true;
    }
    return open ? DECODER_AUTO : DECODER_NONE;
}

static int start(struct decoder *d, enum decoder_kind kind, struct shale_err *e)
{
    int r = ops_of[kind]->open(d->limits.shares_windows, &d->codec, e);
    if (r < 0)
        return r;
    d->kind = kind;
    d->ops = ops_of[kind];
    return 0;
}

/* Takes bytes from *in until they tell what this is, or are used up. */
static int look(struct decoder *d, struct str *in, struct shale_err *e)
{
    while (!d->ops && in->n > 0) {
        d->magic[d->magic_n++] = *in->p++;
        in->n--;
        enum decoder_kind kind = detect(d->archive, d->magic, d->magic_n);
        if (kind == DECODER_AUTO)
            continue;
        int r = start(d, kind, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the decoder ---- */

int decoder_new(enum decoder_kind kind, const struct decoder_limits *limits, struct decoder **ret,
                struct shale_err *e)
{
    struct decoder *d = mem_alloc(sizeof *d);

    if (!d)
        return err_nomem(e);
    d->limits = *limits;
    d->archive = kind == DECODER_ARCHIVE;
    if (kind != DECODER_AUTO && kind != DECODER_ARCHIVE) {
        int r = start(d, kind, e);
        if (r < 0) {
            free(d);
            return r;
        }
    }
    *ret = d;
    return 0;
}

static int check_limits(const struct decoder *d, struct shale_err *e)
{
    const struct decoder_limits *l = &d->limits;

    if (d->out_bytes > l->max_bytes)
        return err_set(e, SHALE_LIMIT, "the data inflates to more than %llu bytes",
                       (unsigned long long)l->max_bytes);
    if (l->max_ratio > 0 && d->out_bytes > l->ratio_floor_bytes &&
        d->out_bytes / l->max_ratio > d->in_bytes)
        return err_set(e, SHALE_LIMIT,
                       "the data inflates to more than %llu times its size, as bombs do "
                       "(SHALE_MAX_INFLATE_RATIO changes the limit)",
                       (unsigned long long)l->max_ratio);
    return 0;
}

static int run_codec(struct decoder *d, struct str *in, uint8_t *out, size_t cap, size_t *n,
                     struct shale_err *e)
{
    size_t before = in->n, more = 0;
    int r;

    if (*n == cap)
        return 0;
    r = d->ops->run(d->codec, in, out + *n, cap - *n, &more, e);
    if (r < 0)
        return r;
    d->in_bytes += before - in->n;
    d->out_bytes += more;
    *n += more;
    return check_limits(d, e);
}

int decoder_run(struct decoder *d, struct str *in, void *out, size_t cap, size_t *ret_n,
                struct shale_err *e)
{
    size_t n = 0;
    int r;

    if (!in->p) /* an empty slice: arithmetic on it must be fine */
        in->p = "";
    if (!d->ops) {
        r = look(d, in, e);
        if (r < 0)
            return r;
    }
    if (d->ops && d->magic_used < d->magic_n) {
        struct str kept = {d->magic + d->magic_used, d->magic_n - d->magic_used};
        r = run_codec(d, &kept, out, cap, &n, e);
        if (r < 0)
            return r;
        d->magic_used = d->magic_n - kept.n;
    }
    if (d->ops && d->magic_used == d->magic_n) {
        r = run_codec(d, in, out, cap, &n, e);
        if (r < 0)
            return r;
    }
    *ret_n = n;
    return 0;
}

int decoder_end(struct decoder *d, struct shale_err *e)
{
    if (!d->ops)
        return d->magic_n ? err_set(e, SHALE_CORRUPT, "the data ends after %zu bytes", d->magic_n)
                          : 0;
    return d->ops->end(d->codec, e);
}

enum decoder_kind decoder_kind(const struct decoder *d)
{
    return d->kind;
}

struct decoder *decoder_free(struct decoder *d)
{
    if (!d)
        return NULL;
    if (d->ops)
        d->ops->close(d->codec);
    free(d);
    return NULL;
}
