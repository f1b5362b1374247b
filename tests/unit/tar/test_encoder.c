/* SPDX-License-Identifier: Apache-2.0 */
/* What is encoded, decoded again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#define ZSTD_STATIC_LINKING_ONLY /* the header of a frame */
#include <cmocka.h>
#include <zstd.h>

#include "base/buf.h"
#include "tar/codec.h"
#include "tar/encoder.h"

static char data[3 << 20];

static void fill(void)
{
    uint32_t x = 1;

    for (size_t i = 0; i < sizeof data; i++) {
        x = x * 1103515245 + 12345;
        data[i] = i < 100000 ? (char)(x >> 24) : (char)('a' + (x >> 30)); /* noise, then text */
    }
}

static int into_buf(void *arg, const void *p, size_t n, struct shale_err *e)
{
    buf_add(arg, p, n);
    return buf_check(arg, e);
}

static void encode(enum encoder_kind kind, int level, size_t n, size_t piece, struct buf *out)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct encoder *x = NULL;

    assert_int_equal(encoder_new(kind, level, into_buf, out, &x, &e), 0);
    for (size_t at = 0; at < n; at += piece)
        assert_int_equal(encoder_write(x, data + at, n - at < piece ? n - at : piece, &e), 0);
    assert_int_equal(encoder_end(x, &e), 0);
    encoder_free(x);
}

static void check(const struct buf *b, enum decoder_kind is, size_t n)
{
    static char out[sizeof data + 1];
    const struct decoder_limits limits = {.max_bytes = sizeof out};
    struct str in = {b->p, b->n};
    struct decoder *d = NULL;
    size_t got, all = 0;

    assert_int_equal(decoder_new(is, &limits, &d, NULL), 0);
    do {
        assert_int_equal(decoder_run(d, &in, out + all, sizeof out - all, &got, NULL), 0);
        all += got;
    } while (in.n);
    assert_int_equal(decoder_end(d, NULL), 0);
    decoder_free(d);
    assert_int_equal(all, n);
    assert_memory_equal(out, data, n);
}

static void comes_back(void **state)
{
    const struct {
        enum encoder_kind kind;
        int level;
        enum decoder_kind is;
    } t[] = {
        {ENCODER_NONE, ENCODER_LEVEL_DEFAULT, DECODER_NONE},
        {ENCODER_GZIP, ENCODER_LEVEL_DEFAULT, DECODER_GZIP},
        {ENCODER_GZIP, 0, DECODER_GZIP},
        {ENCODER_GZIP, 4, DECODER_GZIP},
        {ENCODER_GZIP, 9, DECODER_GZIP},
        {ENCODER_ZSTD, ENCODER_LEVEL_DEFAULT, DECODER_ZSTD},
        {ENCODER_ZSTD, 1, DECODER_ZSTD},
        {ENCODER_ZSTD, 12, DECODER_ZSTD},
    };
    const size_t sizes[] = {0, 1, 65536, sizeof data};

    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            struct buf whole = BUF_INIT(8 << 20), pieces = BUF_INIT(8 << 20);
            encode(t[i].kind, t[i].level, sizes[k], sizeof data, &whole);
            encode(t[i].kind, t[i].level, sizes[k], 70001, &pieces);
            check(&whole, t[i].is, sizes[k]);
            check(&pieces, t[i].is, sizes[k]);
            if (t[i].kind != ENCODER_NONE && sizes[k] == sizeof data)
                assert_true(whole.n < sizeof data / 2);
            buf_clear(&whole);
            buf_clear(&pieces);
        }
}

/* The same layer has the same digest the next time. */
static void is_the_same_again(void **state)
{
    struct buf a = BUF_INIT(8 << 20), b = BUF_INIT(8 << 20);

    for (int kind = ENCODER_GZIP; kind <= ENCODER_ZSTD; kind++) {
        encode(kind, ENCODER_LEVEL_DEFAULT, sizeof data, 262144, &a);
        encode(kind, ENCODER_LEVEL_DEFAULT, sizeof data, 262144, &b);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.p, b.p, a.n);
        buf_clear(&a);
        buf_clear(&b);
    }
}

/* Every reader of RFC 8878 has room for the window, and we for what the level needs. */
static void the_highest_level_has_bounds(void **state)
{
    struct buf b = BUF_INIT(8 << 20);
    const size_t n = 200000;
    struct rusage before, after;
    ZSTD_frameHeader head;

    getrusage(RUSAGE_SELF, &before);
    encode(ENCODER_ZSTD, 22, n, n, &b);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 512 << 10); /* KiB */
    assert_int_equal(ZSTD_getFrameHeader(&head, b.p, b.n), 0);
    assert_true(head.windowSize <= 8 << 20);
    check(&b, DECODER_ZSTD, n);
    buf_clear(&b);
}

static void levels_that_are_none(void **state)
{
    const struct {
        enum encoder_kind kind;
        int level;
    } t[] = {{ENCODER_NONE, 1},  {ENCODER_GZIP, 10}, {ENCODER_GZIP, -2},
             {ENCODER_ZSTD, 23}, {ENCODER_ZSTD, 0},  {ENCODER_ZSTD, -7}};
    struct encoder *x = NULL;

    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_int_equal(encoder_new(t[i].kind, t[i].level, into_buf, NULL, &x, NULL),
                         -SHALE_INVALID);
    assert_null(x);
}

static int refusing(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return err_set(e, SHALE_NO_SPACE, "full");
}

static void an_end_that_is_full(void **state)
{
    for (int kind = ENCODER_NONE; kind <= ENCODER_ZSTD; kind++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct encoder *x = NULL;
        assert_int_equal(encoder_new(kind, ENCODER_LEVEL_DEFAULT, refusing, NULL, &x, &e), 0);
        int r = encoder_write(x, data, sizeof data, &e);
        if (r >= 0)
            r = encoder_end(x, &e);
        assert_int_equal(r, -SHALE_NO_SPACE);
        encoder_free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(is_the_same_again),
        cmocka_unit_test(the_highest_level_has_bounds),
        cmocka_unit_test(levels_that_are_none),
        cmocka_unit_test(an_end_that_is_full),
    };

    fill();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
