/* SPDX-License-Identifier: Apache-2.0 */
/* What is compressed, inflated again by our decoder and by gzip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/proc.h"
#include "tar/deflate.h"

static int into_buf(void *arg, const void *p, size_t n, struct shale_err *e)
{
    buf_add(arg, p, n);
    return buf_check(arg, e);
}

static char data[300000];

static void fill(void)
{
    uint32_t x = 1;

    for (size_t i = 0; i < sizeof data; i++) {
        x = x * 1103515245 + 12345;
        data[i] = i < 100000 ? (char)(x >> 24) : (char)('a' + (x >> 30)); /* noise, then text */
    }
}

static void compress(size_t n, size_t piece, struct buf *out)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct deflater *d = NULL;

    assert_int_equal(deflater_new(DEFLATER_LEVEL, into_buf, out, &d, &e), 0);
    for (size_t at = 0; at < n; at += piece)
        assert_int_equal(deflater_write(d, data + at, n - at < piece ? n - at : piece, &e), 0);
    assert_int_equal(deflater_end(d, &e), 0);
    deflater_free(d);
}

static void gzip_reads_it(void **state)
{
    const size_t sizes[] = {0, 1, 65536, sizeof data};
    const char *const argv[] = {"gzip", "-dc", NULL};

    fill();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf z = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        int status;

        compress(sizes[i], 1 << 20, &z);
        struct proc_opts o = {.argv = argv, .input = z.p, .input_n = z.n};
        assert_int_equal(proc_run(&o, &out, NULL, &status, NULL, &e), 0);
        assert_int_equal(status, 0);
        assert_int_equal(out.n, sizes[i]);
        if (out.n)
            assert_memory_equal(out.p, data, out.n);
        buf_clear(&z);
        buf_clear(&out);
    }
}

static void is_smaller_and_the_same_again(void **state)
{
    struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);

    fill();
    compress(sizeof data, 4096, &a);
    compress(sizeof data, 4096, &b);
    assert_true(a.n < sizeof data * 3 / 4);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    buf_clear(&a);
    buf_clear(&b);
}

static int refusing(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return err_set(e, SHALE_NO_SPACE, "full");
}

static void the_sink_may_refuse(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct deflater *d = NULL;
    int r;

    fill();
    assert_int_equal(deflater_new(DEFLATER_LEVEL, refusing, NULL, &d, &e), 0);
    r = deflater_write(d, data, sizeof data, &e);
    if (r == 0)
        r = deflater_end(d, &e);
    assert_int_equal(r, -SHALE_NO_SPACE);
    deflater_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_reads_it),
        cmocka_unit_test(is_smaller_and_the_same_again),
        cmocka_unit_test(the_sink_may_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
