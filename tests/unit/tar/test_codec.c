/* SPDX-License-Identifier: Apache-2.0 */
#include "tar_test.h"

#include <isa-l/crc.h>
#include <pthread.h>
#include <unistd.h>
#include <zstd.h>

#include "base/proc.h"
#include "tar/codec.h"
#include "tar/codec_impl.h"

#define FREE_LIMITS                                                                                \
    {                                                                                              \
        UINT64_MAX, 0, 0                                                                           \
    }

static const char text[] = "what a layer holds, what a layer holds, what a layer holds\n";
#define TEXT_N (sizeof text - 1)

/* ---- putting streams together ---- */

#define BYTES(b, lit) buf_add(b, lit, sizeof(lit) - 1)

static void put_u32(struct buf *b, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        buf_addc(b, (char)(v >> 8 * i));
}

/* Deflate data without compression: n bytes in one block. */
static void put_stored(struct buf *b, const char *p, size_t n)
{
    buf_addc(b, 1);
    buf_addc(b, (char)(n & 0xff));
    buf_addc(b, (char)(n >> 8));
    buf_addc(b, (char)~(n & 0xff));
    buf_addc(b, (char)~(n >> 8));
    buf_add(b, p, n);
}

static void put_trailer(struct buf *b, const char *p, size_t n)
{
    put_u32(b, crc32_gzip_refl(0, (const uint8_t *)p, n));
    put_u32(b, (uint32_t)n);
}

static void put_member(struct buf *b, const char *p, size_t n)
{
    BYTES(b, "\x1f\x8b\x08\0\0\0\0\0\0\xff");
    put_stored(b, p, n);
    put_trailer(b, p, n);
}

/* A header with fields that `flags` says, and the checksum of it if wanted. */
static void put_member_with(struct buf *b, int flags, bool bad_sum)
{
    size_t start = b->n;

    BYTES(b, "\x1f\x8b\x08");
    buf_addc(b, (char)flags);
    BYTES(b, "\1\2\3\4\2\3");
    if (flags & 4)
        BYTES(b, "\x05\x00\0abc\0");
    if (flags & 8)
        BYTES(b, "layer.tar\0");
    if (flags & 16)
        BYTES(b, "a comment\0");
    if (flags & 2) {
        uint32_t sum = crc32_gzip_refl(0, (const uint8_t *)b->p + start, b->n - start) + bad_sum;
        buf_addc(b, (char)sum);
        buf_addc(b, (char)(sum >> 8));
    }
    put_stored(b, text, TEXT_N);
    put_trailer(b, text, TEXT_N);
}

static void put_zstd(struct buf *b, const char *p, size_t n)
{
    char *at = buf_room(b, ZSTD_compressBound(n));

    assert_non_null(at);
    size_t r = ZSTD_compress(at, ZSTD_compressBound(n), p, n, 3);
    assert_false(ZSTD_isError(r));
    b->n += r;
}

static void put_skippable(struct buf *b, int number, size_t n)
{
    put_u32(b, 0x184d2a50u + (uint32_t)number);
    put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        buf_addc(b, 'S');
}

/* ---- reading them ---- */

static int decode(enum decoder_kind kind, const struct decoder_limits *limits, const void *p,
                  size_t n, size_t step, size_t cap, struct buf *out, enum decoder_kind *ret_kind,
                  struct shale_err *e)
{
    char block[5000];
    struct decoder *d;
    int r = decoder_new(kind, limits, &d, e);

    for (size_t i = 0; i < n && r == 0; i += step) {
        struct str in = {(const char *)p + i, n - i < step ? n - i : step};
        size_t k = 0;
        do {
            r = decoder_run(d, &in, block, cap, &k, e);
            if (r == 0)
                buf_add(out, block, k);
        } while (r == 0 && (k == cap || in.n));
    }
    if (r == 0)
        r = decoder_end(d, e);
    if (ret_kind)
        *ret_kind = decoder_kind(d);
    decoder_free(d);
    return r;
}

static const struct {
    size_t step, cap;
} ways[] = {{1 << 20, 5000}, {1, 5000}, {1, 1}, {7, 3}, {512, 512}, {4096, 100}};

/* The stream is of `kind` and holds exactly these bytes, in whatever pieces it comes. */
static void expect_data(const struct buf *b, enum decoder_kind kind, const char *want, size_t n)
{
    const struct decoder_limits limits = FREE_LIMITS;

    for (size_t i = 0; i < 2 * ARRAY_SIZE(ways); i++) {
        _cleanup_(buf_clear) struct buf out = BUF_INIT(16 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        enum decoder_kind found;
        if (decode(i % 2 ? kind : DECODER_AUTO, &limits, b->p, b->n, ways[i / 2].step,
                   ways[i / 2].cap, &out, &found, &e) < 0)
            fail_msg("in pieces of %zu: %s", ways[i / 2].step, e.msg);
        assert_int_equal(found, kind);
        assert_int_equal(out.n, n);
        if (n)
            assert_memory_equal(out.p, want, n);
    }
}

static void expect_bad(const struct buf *b, enum decoder_kind kind, int code, const char *part)
{
    const struct decoder_limits limits = FREE_LIMITS;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        _cleanup_(buf_clear) struct buf out = BUF_INIT(16 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        int r = decode(kind, &limits, b->p, b->n, ways[i].step, ways[i].cap, &out, NULL, &e);
        if (r != -code || !strstr(e.msg, part))
            fail_msg("want %d with '%s', got %d: %s", code, part, -r, e.msg);
    }
}

#define STREAM(b) _cleanup_(buf_clear) struct buf b = BUF_INIT(16 << 20)

/* ---- gzip ---- */

static void test_gzip_members(void **state)
{
    STREAM(b);
    put_member(&b, text, TEXT_N);
    expect_data(&b, DECODER_GZIP, text, TEXT_N);
    put_member(&b, "", 0);
    put_member(&b, "more", 4);
    _cleanup_(buf_clear) struct buf want = BUF_INIT(1000);
    buf_adds(&want, text);
    buf_adds(&want, "more");
    expect_data(&b, DECODER_GZIP, want.p, want.n);
    buf_add(&b, (char[700]){0}, 700); /* padding */
    expect_data(&b, DECODER_GZIP, want.p, want.n);
}

static void test_gzip_header_fields(void **state)
{
    for (int flags = 0; flags < 32; flags++) {
        STREAM(b);
        put_member_with(&b, flags, false);
        put_member_with(&b, 31 - flags, false);
        _cleanup_(buf_clear) struct buf want = BUF_INIT(1000);
        buf_adds(&want, text);
        buf_adds(&want, text);
        expect_data(&b, DECODER_GZIP, want.p, want.n);
    }
    STREAM(sum);
    put_member_with(&sum, 31, true);
    expect_bad(&sum, DECODER_GZIP, SHALE_CORRUPT, "checksum of a header");
}

static void test_gzip_bad(void **state)
{
    STREAM(good);
    put_member_with(&good, 31, false);
    for (size_t n = 1; n < good.n; n++) { /* cut anywhere */
        STREAM(cut);
        buf_add(&cut, good.p, n);
        expect_bad(&cut, DECODER_GZIP, SHALE_CORRUPT, "cut off");
    }
    for (size_t i = 1; i <= 8; i++) { /* every byte of the trailer */
        STREAM(bad);
        buf_add(&bad, good.p, good.n);
        bad.p[bad.n - i] ^= 1;
        expect_bad(&bad, DECODER_GZIP, SHALE_CORRUPT, "checksum or length");
    }
    STREAM(garbage);
    buf_add(&garbage, good.p, good.n);
    buf_adds(&garbage, "x");
    expect_bad(&garbage, DECODER_GZIP, SHALE_CORRUPT, "");
    STREAM(padded);
    buf_add(&padded, good.p, good.n);
    BYTES(&padded, "\0\0x");
    expect_bad(&padded, DECODER_GZIP, SHALE_CORRUPT, "garbage after the end");
    STREAM(reserved);
    put_member_with(&reserved, 0x20, false);
    expect_bad(&reserved, DECODER_GZIP, SHALE_CORRUPT, "reserved flags");
    STREAM(method);
    BYTES(&method, "\x1f\x8b\x07\0\0\0\0\0\0\xff");
    expect_bad(&method, DECODER_GZIP, SHALE_CORRUPT, "compression method");
    STREAM(none);
    buf_adds(&none, "this is no gzip");
    expect_bad(&none, DECODER_GZIP, SHALE_CORRUPT, "not a gzip header");
    STREAM(block);
    BYTES(&block, "\x1f\x8b\x08\0\0\0\0\0\0\xff\x07 and so on and so on");
    expect_bad(&block, DECODER_GZIP, SHALE_CORRUPT, "gzip:");
    STREAM(empty);
    expect_bad(&empty, DECODER_GZIP, SHALE_CORRUPT, "cut off");
    STREAM(name);
    BYTES(&name, "\x1f\x8b\x08\x08\0\0\0\0\0\xff");
    for (int i = 0; i < 70000; i++)
        buf_addc(&name, 'n');
    expect_bad(&name, DECODER_GZIP, SHALE_LIMIT, "text in a header");
}

/* ---- zstd ---- */

static void test_zstd(void **state)
{
    STREAM(b);
    put_zstd(&b, text, TEXT_N);
    expect_data(&b, DECODER_ZSTD, text, TEXT_N);
    put_skippable(&b, 0, 10);
    put_zstd(&b, "", 0);
    put_skippable(&b, 15, 0);
    put_zstd(&b, "more", 4);
    _cleanup_(buf_clear) struct buf want = BUF_INIT(1000);
    buf_adds(&want, text);
    buf_adds(&want, "more");
    expect_data(&b, DECODER_ZSTD, want.p, want.n);
    STREAM(first); /* such a frame may come first, as zstd:chunked has it */
    put_skippable(&first, 5, 3);
    put_zstd(&first, text, TEXT_N);
    expect_data(&first, DECODER_ZSTD, text, TEXT_N);
}

static void test_zstd_bad(void **state)
{
    STREAM(good);
    put_zstd(&good, text, TEXT_N);
    for (size_t n = 1; n < good.n; n++) {
        STREAM(cut);
        buf_add(&cut, good.p, n);
        expect_bad(&cut, DECODER_ZSTD, SHALE_CORRUPT, "cut off");
    }
    STREAM(garbage);
    buf_add(&garbage, good.p, good.n);
    buf_adds(&garbage, "garbage");
    expect_bad(&garbage, DECODER_ZSTD, SHALE_CORRUPT, "garbage after the end");
    STREAM(none);
    buf_adds(&none, "this is no zstd");
    expect_bad(&none, DECODER_ZSTD, SHALE_CORRUPT, "not a zstd frame");
    STREAM(empty);
    expect_bad(&empty, DECODER_ZSTD, SHALE_CORRUPT, "cut off");
    STREAM(window); /* a window of 3.75 GiB */
    BYTES(&window, "\x28\xb5\x2f\xfd\x00\xaf\x01\x00\x00");
    expect_bad(&window, DECODER_ZSTD, SHALE_LIMIT, "window");
    STREAM(header); /* a header that looks like a skippable frame is none; it wants a dictionary */
    BYTES(&header, "\x28\xb5\x2f\xfd\x53\x2a\x4d\x18\x05\0\0\0\x31\x32\x33\x34\0");
    expect_bad(&header, DECODER_ZSTD, SHALE_CORRUPT, "zstd:");
}

static void test_zstd_checksum(void **state)
{
    STREAM(b);
    ZSTD_CCtx *c = ZSTD_createCCtx();
    char *at = buf_room(&b, 1000);

    assert_true(c && at);
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    size_t n = ZSTD_compress2(c, at, 1000, text, TEXT_N);
    ZSTD_freeCCtx(c);
    assert_false(ZSTD_isError(n));
    b.n = n;
    expect_data(&b, DECODER_ZSTD, text, TEXT_N);
    b.p[b.n - 1] ^= 1;
    expect_bad(&b, DECODER_ZSTD, SHALE_CORRUPT, "zstd:");
}

/* ---- none, and AUTO ---- */

static void test_plain(void **state)
{
    STREAM(b);
    expect_data(&b, DECODER_AUTO, "", 0); /* nothing to tell by */
    buf_adds(&b, text);
    expect_data(&b, DECODER_NONE, text, TEXT_N);
    STREAM(almost); /* starts like others do */
    BYTES(&almost, "\x1f\x8bX");
    expect_data(&almost, DECODER_NONE, almost.p, almost.n);
    STREAM(zstd);
    BYTES(&zstd, "\x28\xb5\x2fX");
    expect_data(&zstd, DECODER_NONE, zstd.p, zstd.n);
    STREAM(cut); /* ends before it is clear what it is */
    BYTES(&cut, "\x28\xb5\x2f");
    expect_bad(&cut, DECODER_AUTO, SHALE_CORRUPT, "ends after 3 bytes");
}

/* ---- limits ---- */

static void make_bomb(struct buf *b, bool zstd)
{
    _cleanup_free_ char *zero = calloc(1, 8 << 20);

    assert_non_null(zero);
    if (zstd) {
        put_zstd(b, zero, 8 << 20);
        return;
    }
    BYTES(b, "\x1f\x8b\x08\0\0\0\0\0\0\xff");
    /* One block of fixed codes: a zero, then runs of 258 bytes at distance 1, as a bit string. */
    uint64_t bits = 0;
    int n = 0;
#define PUT(v, k)                                                                                  \
    for (bits |= (uint64_t)(v) << n, n += (k); n >= 8; n -= 8, bits >>= 8)                         \
    buf_addc(b, (char)bits)
    PUT(3, 3);    /* last, fixed codes */
    PUT(0x0c, 8); /* literal 0: 00110000, first bit first */
    for (int i = 0; i < 32000; i++) {
        PUT(0xa3, 8); /* length 258: 11000101 */
        PUT(0, 5);    /* distance 1 */
    }
    PUT(0, 7); /* end of block */
    PUT(0, 7);
#undef PUT
    size_t total = 1 + 32000 * 258;
    assert_true(total < 8 << 20);
    put_trailer(b, zero, total);
}

static int decode_limited(const struct buf *b, struct decoder_limits l, uint64_t *ret_out,
                          struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(16 << 20);
    int r = decode(DECODER_AUTO, &l, b->p, b->n, 512, 5000, &out, NULL, e);

    *ret_out = out.n;
    return r;
}

static void check_bomb(bool zstd)
{
    STREAM(b);
    struct shale_err e = SHALE_ERR_INIT;
    uint64_t n;

    make_bomb(&b, zstd);
    assert_int_equal(decode_limited(&b, (struct decoder_limits)FREE_LIMITS, &n, &e), 0);
    uint64_t all = n;
    assert_int_equal(decode_limited(&b, (struct decoder_limits){all, 0, 0}, &n, &e), 0);
    assert_int_equal(decode_limited(&b, (struct decoder_limits){all - 1, 0, 0}, &n, &e),
                     -SHALE_LIMIT);
    assert_int_equal(decode_limited(&b, (struct decoder_limits){100000, 0, 0}, &n, &e),
                     -SHALE_LIMIT);
    assert_true(n <= 100000); /* what is over never comes out */
    assert_int_equal(decode_limited(&b, (struct decoder_limits){all, 50, 1 << 20}, &n, &e),
                     -SHALE_LIMIT);
    assert_non_null(strstr(e.msg, "50 times"));
    assert_true(n <= 1 << 20);
    /* Below the floor the ratio does not count. */
    assert_int_equal(decode_limited(&b, (struct decoder_limits){all, 50, all}, &n, &e), 0);
    assert_int_equal(decode_limited(&b, (struct decoder_limits){all, 1u << 30, 0}, &n, &e), 0);
}

static void test_limits(void **state)
{
    check_bomb(false);
    check_bomb(true);
}

/* ---- what gzip and zstd themselves write ---- */

static void test_real_programs(void **state)
{
    static const struct {
        const char *argv[4];
        enum decoder_kind kind;
    } cases[] = {
        {{"gzip", "-9c"}, DECODER_GZIP},
        {{"gzip", "-1c"}, DECODER_GZIP},
        {{"zstd", "-qc"}, DECODER_ZSTD},
        {{"zstd", "-qc19", "--check"}, DECODER_ZSTD},
        {{"zstd", "-qc", "--long=27"}, DECODER_ZSTD},
    };
    _cleanup_(buf_clear) struct buf data = BUF_INIT(4 << 20);

    for (uint32_t i = 0, x = 1; i < 300000; i++, x = x * 1664525 + 1013904223)
        buf_addc(&data, i % 1000 < 500 ? (char)('a' + i % 7) : (char)(x >> 24));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        STREAM(b);
        int status = 0;
        struct proc_opts o = {.argv = cases[i].argv, .input = data.p, .input_n = data.n};
        int r = proc_run(&o, &b, NULL, &status, NULL, &e);
        if (r == -SHALE_NOT_FOUND) {
            fprintf(stderr, "SKIP: %s\n", e.msg);
            continue;
        }
        assert_int_equal(r, 0);
        assert_int_equal(status, 0);
        expect_data(&b, cases[i].kind, data.p, data.n);
    }
}

/* ---- memory for windows ---- */

static void test_window_sizes(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        int r;
        uint64_t want;
    } cases[] = {
        {"\x28\xb5\x2f\xfd", 4, 0, 0},
        {"\x28\xb5\x2f\xfd\x00", 5, 0, 0},
        {"\x28\xb5\x2f\xfd\x00\x58", 6, 1, 2 << 20},
        {"\x28\xb5\x2f\xfd\x00\x69", 6, 1, 9 << 20},
        {"\x28\xb5\x2f\xfd\x20\x07", 6, 1, 7},
        {"\x28\xb5\x2f\xfd\x60\x00\x01", 7, 1, 512},
        {"\x28\xb5\x2f\xfd\xa3\1\1\1\1\0\0\x10", 12, 0, 0},
        {"\x28\xb5\x2f\xfd\xa3\1\1\1\1\0\0\x10\0", 13, 1, 1 << 20},
        {"\x50\x2a\x4d\x18\x00", 5, 1, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t n = 0;
        assert_int_equal(window_of_zstd((const uint8_t *)cases[i].bytes, cases[i].n, &n),
                         cases[i].r);
        if (cases[i].r)
            assert_int_equal(n, cases[i].want);
    }
}

/* A stream of a frame with a small window and one with a window of this size. */
static void put_windows(struct buf *b, const struct buf *data, int log)
{
    for (int k = 0; k < 2; k++) {
        ZSTD_CCtx *c = ZSTD_createCCtx();
        char *at = buf_room(b, ZSTD_compressBound(data->n));
        ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, k ? log : 18);
        ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
        ZSTD_outBuffer out = {at, ZSTD_compressBound(data->n), 0};
        ZSTD_inBuffer in = {data->p, data->n / 2, 0}; /* in two pieces: the size is not known */
        assert_false(ZSTD_isError(ZSTD_compressStream2(c, &out, &in, ZSTD_e_continue)));
        in.size = data->n;
        assert_int_equal(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end), 0);
        b->n += out.pos;
        ZSTD_freeCCtx(c);
    }
}

struct sharer {
    const struct buf *in;
    size_t want;
    uint64_t most; /* that was taken while it ran */
    bool done;
};

static void *share(void *arg)
{
    struct sharer *s = arg;
    const struct decoder_limits limits = {.max_bytes = 1 << 30, .shares_windows = true};
    static _Thread_local char block[5000];
    struct str in = {s->in->p, s->in->n};
    struct decoder *d;
    size_t n = 0, k;
    int r = decoder_new(DECODER_AUTO, &limits, &d, NULL);

    if (r < 0)
        return NULL;
    do {
        r = decoder_run(d, &in, block, sizeof block, &k, NULL);
        n += k;
        uint64_t t = window_taken();
        s->most = t > s->most ? t : s->most;
    } while (r == 0 && (k == sizeof block || in.n));
    s->done = r == 0 && n == s->want && decoder_end(d, NULL) == 0;
    decoder_free(d);
    return NULL;
}

static void test_windows_are_shared(void **state)
{
    static const struct {
        int log;
        uint64_t most;
    } cases[] = {{21, 8 << 20}, {22, 8 << 20}, {23, 8 << 20}, {24, 16 << 20}};
    STREAM(data);

    for (uint32_t i = 0, x = 1; i < 1500000; i++, x = x * 1664525 + 1013904223)
        buf_addc(&data, (char)(x >> 28));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        STREAM(b);
        struct sharer s[6];
        pthread_t threads[6];
        put_windows(&b, &data, cases[i].log);
        for (size_t k = 0; k < ARRAY_SIZE(s); k++) {
            s[k] = (struct sharer){.in = &b, .want = 2 * data.n};
            assert_int_equal(pthread_create(&threads[k], NULL, share, &s[k]), 0);
        }
        for (size_t k = 0; k < ARRAY_SIZE(s); k++) {
            pthread_join(threads[k], NULL);
            assert_true(s[k].done);
            assert_true(s[k].most >= 1u << cases[i].log && s[k].most <= cases[i].most);
        }
        assert_int_equal(window_taken(), 0);
    }
}

/* Who waits goes on when another gives back. */
static void *wait_and_take(void *arg)
{
    window_take(DECODER_WINDOWS_BYTES);
    __atomic_store_n((bool *)arg, true, __ATOMIC_SEQ_CST);
    window_give(DECODER_WINDOWS_BYTES);
    return NULL;
}

static void test_window_waits(void **state)
{
    bool got = false;
    pthread_t t;

    window_take(1);
    assert_int_equal(pthread_create(&t, NULL, wait_and_take, &got), 0);
    usleep(50000);
    assert_false(__atomic_load_n(&got, __ATOMIC_SEQ_CST));
    window_give(1);
    pthread_join(t, NULL);
    assert_true(got);
    assert_int_equal(window_taken(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip_members),
        cmocka_unit_test(test_gzip_header_fields),
        cmocka_unit_test(test_gzip_bad),
        cmocka_unit_test(test_zstd),
        cmocka_unit_test(test_zstd_bad),
        cmocka_unit_test(test_zstd_checksum),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_real_programs),
        cmocka_unit_test(test_window_sizes),
        cmocka_unit_test(test_windows_are_shared),
        cmocka_unit_test(test_window_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
