/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/tar.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tar/tar_reader_priv.h"

/* ---- headers about the next member ---- */

static int begin_text(struct tar_reader *r, const struct tar_header *h, struct buf *text,
                      int (*done)(struct tar_reader *r, struct shale_err *e), struct shale_err *e)
{
    if (h->size_bytes > text->max)
        return err_set(e, SHALE_LIMIT, "a PAX header or long name of %llu bytes",
                       (unsigned long long)h->size_bytes);
    buf_reset(text);
    r->text = text;
    r->text_left = h->size_bytes;
    r->text_done = done;
    if (r->text_left == 0)
        return done(r, e);
    r->state = WANT_TEXT;
    return 0;
}

static int pax_done(struct tar_reader *r, struct shale_err *e)
{
    tar_pax_reset(&r->pax);
    tar_sparse_reset(&r->sparse);
    r->has_pax = true;
    return tar_pax_parse(&r->pax, r->pax_text.p, r->pax_text.n, &r->sparse, e);
}

static int begin_pax(struct tar_reader *r, const struct tar_header *h, struct shale_err *e)
{
    return begin_text(r, h, &r->pax_text, pax_done, e);
}

/* Global headers add up. All that came so far is parsed again, since parsing takes a text apart. */
static int global_done(struct tar_reader *r, struct shale_err *e)
{
    if (r->global_text.n + r->global_work.n > TAR_MAX_GLOBAL_BYTES)
        return err_set(e, SHALE_LIMIT, "more than %d bytes of global PAX headers",
                       TAR_MAX_GLOBAL_BYTES);
    buf_add(&r->global_text, r->global_work.p, r->global_work.n);
    buf_reset(&r->global_work);
    buf_add(&r->global_work, r->global_text.p, r->global_text.n);
    int rc = buf_check(&r->global_text, e);
    if (rc < 0)
        return rc;
    rc = buf_check(&r->global_work, e);
    if (rc < 0)
        return rc;
    tar_pax_reset(&r->global);
    return tar_pax_parse(&r->global, r->global_work.p, r->global_work.n, NULL, e);
}

static int begin_global(struct tar_reader *r, const struct tar_header *h, struct shale_err *e)
{
    if (h->size_bytes == 0) /* says nothing, and what was said before stays in its buffer */
        return 0;
    return begin_text(r, h, &r->global_work, global_done, e);
}

static int long_name_done(struct tar_reader *r, struct shale_err *e)
{
    r->has_long_name = r->long_name.n > 0;
    return 0;
}

static int begin_long_name(struct tar_reader *r, const struct tar_header *h, struct shale_err *e)
{
    return begin_text(r, h, &r->long_name, long_name_done, e);
}

static int long_link_done(struct tar_reader *r, struct shale_err *e)
{
    r->has_long_link = r->long_link.n > 0;
    return 0;
}

static int begin_long_link(struct tar_reader *r, const struct tar_header *h, struct shale_err *e)
{
    return begin_text(r, h, &r->long_link, long_link_done, e);
}

/* ---- blocks ---- */

static int (*const about[128])(struct tar_reader *r, const struct tar_header *h,
                               struct shale_err *e) = {
    ['K'] = begin_long_link, ['L'] = begin_long_name, ['X'] = begin_pax,
    ['g'] = begin_global,    ['x'] = begin_pax,
};

static int on_header(struct tar_reader *r, const uint8_t *block, struct shale_err *e)
{
    struct tar_header h;
    int rc;

    if (tar_block_is_zero(block)) {
        r->state = WANT_SECOND;
        return 0;
    }
    r->header_offset = r->offset - TAR_BLOCK;
    rc = tar_header_parse(block, &h, e);
    if (rc < 0)
        return rc;
    return h.flag < 128 && about[h.flag] ? about[h.flag](r, &h, e)
                                         : tar_member_begin(r, &h, block, e);
}

static int on_block(struct tar_reader *r, const uint8_t *block, struct shale_err *e)
{
    switch (r->state) {
    case WANT_HEADER:
        return on_header(r, block, e);
    case WANT_EXTENSION:
        return tar_member_extension(r, block, e);
    case WANT_MAP:
        return tar_member_map(r, block, e);
    case WANT_SECOND:
        if (!tar_block_is_zero(block))
            return err_set(e, SHALE_CORRUPT, "a zero block in the middle of the archive");
        r->state = AT_END;
        return 0;
    case WANT_TEXT:
    case AT_END:
        break;
    }
    return 0;
}

/* ---- pieces of the stream; each returns how much of it was used ---- */

static size_t min_size(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

static int64_t feed_text(struct tar_reader *r, const uint8_t *p, size_t n, struct shale_err *e)
{
    size_t used = min_size(r->text_left, n);
    int rc;

    buf_add(r->text, p, used);
    rc = buf_check(r->text, e);
    if (rc < 0)
        return rc;
    r->offset += used;
    r->text_left -= used;
    if (r->text_left == 0) {
        r->skip_bytes = -r->offset % TAR_BLOCK; /* headers start at multiples of a block */
        r->state = WANT_HEADER;
        rc = r->text_done(r, e);
        if (rc < 0)
            return rc;
    }
    return (int64_t)used;
}

static int64_t feed_block(struct tar_reader *r, const uint8_t *p, size_t n, struct shale_err *e)
{
    size_t used = TAR_BLOCK;
    int rc;

    if (r->block_n > 0 || n < TAR_BLOCK) {
        used = min_size(TAR_BLOCK - r->block_n, n);
        memcpy(r->block + r->block_n, p, used);
        r->block_n += used;
        p = r->block;
    } else {
        r->block_n = TAR_BLOCK;
    }
    r->offset += used;
    if (r->block_n < TAR_BLOCK)
        return (int64_t)used;
    r->block_n = 0;
    rc = on_block(r, p, e);
    return rc < 0 ? rc : (int64_t)used;
}

static int64_t feed_some(struct tar_reader *r, const uint8_t *p, size_t n, struct shale_err *e)
{
    if (r->skip_bytes > 0) {
        size_t used = min_size(r->skip_bytes, n);
        r->skip_bytes -= used;
        r->offset += used;
        return (int64_t)used;
    }
    if (r->state == AT_END)
        return (int64_t)n;
    return r->state == WANT_TEXT ? feed_text(r, p, n, e) : feed_block(r, p, n, e);
}

uint64_t tar_reader_data_bytes(const struct tar_reader *r)
{
    return r->state == AT_END ? UINT64_MAX : r->skip_bytes;
}

void tar_reader_pass(struct tar_reader *r, uint64_t n)
{
    r->skip_bytes -= n;
    r->offset += n;
}

static int refuse_failed(struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "tar: reading went on after an error");
}

int tar_reader_feed(struct tar_reader *r, const void *p, size_t n, struct shale_err *e)
{
    const uint8_t *at = p;

    if (r->failed)
        return refuse_failed(e);
    while (n > 0) {
        int64_t used = feed_some(r, at, n, e);
        if (used < 0) {
            r->failed = true;
            if (r->callback_failed)
                return (int)used;
            return err_wrap(e, (int)used, "tar: at byte %llu",
                            (unsigned long long)r->header_offset);
        }
        at += used;
        n -= (size_t)used;
    }
    return 0;
}

int tar_reader_end(struct tar_reader *r, struct shale_err *e)
{
    bool said = r->has_pax || r->has_long_name || r->has_long_link;

    if (r->failed)
        return refuse_failed(e);
    if (r->state == AT_END || (r->state == WANT_SECOND && r->block_n == 0))
        return 0;
    if (r->state != WANT_HEADER || r->skip_bytes > 0 || r->block_n > 0 || said) {
        r->failed = true;
        return err_set(e, SHALE_CORRUPT, "tar: the archive is cut off after %llu bytes",
                       (unsigned long long)r->offset);
    }
    return 0;
}

int tar_reader_new(tar_entry_fn on_entry, void *arg, struct tar_reader **ret, struct shale_err *e)
{
    struct tar_reader *r = mem_alloc(sizeof *r);

    if (!r)
        return err_nomem(e);
    r->on_entry = on_entry;
    r->arg = arg;
    buf_init(&r->pax_text, TAR_MAX_PAX_BYTES);
    buf_init(&r->long_name, TAR_MAX_PAX_BYTES);
    buf_init(&r->long_link, TAR_MAX_PAX_BYTES);
    buf_init(&r->global_text, TAR_MAX_GLOBAL_BYTES);
    buf_init(&r->global_work, TAR_MAX_GLOBAL_BYTES);
    *ret = r;
    return 0;
}

struct tar_reader *tar_reader_free(struct tar_reader *r)
{
    if (!r)
        return NULL;
    buf_clear(&r->pax_text);
    buf_clear(&r->long_name);
    buf_clear(&r->long_link);
    buf_clear(&r->global_text);
    buf_clear(&r->global_work);
    tar_sparse_clear(&r->sparse);
    free(r);
    return NULL;
}
