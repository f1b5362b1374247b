/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over a tar, in pieces of every size. */
#include "contents/contents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hash.h"

#include "../tar/put_member.h"

static void member(struct buf *b, const char *name, char type, const char *link, const char *data,
                   size_t n)
{
    put_member(b,
               &(struct put_member){.name = name, .link = link, .type = type, .p = data, .n = n});
}

static int on_entry(void *arg, const struct contents_entry *x, struct shale_err *e)
{
    char hex[9] = "-";

    (void)e;
    if (x->hashed)
        hex_encode(x->sha256, 4, hex);
    buf_addf(arg, "%d %s %llu %s%s%s\n", x->kind, x->path.p, (unsigned long long)x->size_bytes, hex,
             x->link.n ? " " : "", x->link.n ? x->link.p : "");
    return 0;
}

static int on_package(void *arg, const struct contents_package *x, struct shale_err *e)
{
    (void)e;
    buf_addf(arg, "package %d %s %s %s\n", x->db, x->name, x->version, x->file.p);
    return 0;
}

static int run(const struct buf *tar, size_t piece, struct contents_limits limits, struct buf *out,
               char problem[256])
{
    struct contents_sink sink = {on_entry, on_package, out};
    struct contents *c = NULL;
    int r = contents_new(&sink, &limits, &c, NULL);

    for (size_t i = 0; r >= 0 && i < tar->n; i += piece)
        r = contents_feed(c, tar->p + i, tar->n - i < piece ? tar->n - i : piece, NULL);
    if (r >= 0)
        r = contents_end(c, NULL);
    snprintf(problem, 256, "%s", contents_problem(c));
    contents_free(c);
    return r;
}

static void make(struct buf *b)
{
    static const char status[] = "Package: a\nVersion: 1\n";
    static char large[5000];

    memset(large, 'x', sizeof large);
    member(b, "./", '5', "", "", 0);
    member(b, "./dir/", '5', "", "", 0);
    member(b, "./dir/empty", '0', "", "", 0);
    member(b, "./dir/large", '0', "", large, sizeof large);
    member(b, "./dir/hard", '1', "dir/large", "", 0);
    member(b, "./sym", '2', "dir", "", 0);
    member(b, "./dir/.wh.gone", '0', "", "", 0);
    member(b, "./dir/.wh..wh..opq", '0', "", "", 0);
    member(b, "./.wh..wh.plnk", '5', "", "", 0);
    member(b, "var/lib/dpkg/status", '0', "", status, sizeof status - 1);
    member(b, "var/lib/dpkg/status.d/b", '0', "", status, sizeof status - 1);
    member(b, "var/lib/dpkg/status.d/x/y", '0', "", status, sizeof status - 1);
    buf_add(b, large, 0);
    put_end(b);
}

static const char want[] = "1 dir 0 -\n"
                           "0 dir/empty 0 e3b0c442\n"
                           "0 dir/large 5000 c59d3c04\n"
                           "3 dir/hard 0 - dir/large\n"
                           "2 sym 0 -\n"
                           "5 dir/gone 0 -\n"
                           "6 dir 0 -\n"
                           "0 var/lib/dpkg/status 22 2ed32718\n"
                           "package 0 a 1 var/lib/dpkg/status\n"
                           "0 var/lib/dpkg/status.d/b 22 2ed32718\n"
                           "package 0 a 1 var/lib/dpkg/status.d/b\n"
                           "0 var/lib/dpkg/status.d/x/y 22 2ed32718\n";

static void test_pieces(void **state)
{
    static const size_t pieces[] = {1, 7, 511, 512, 513, 4096, 1 << 20};
    _cleanup_(buf_clear) struct buf tar = BUF_INIT(1 << 20);
    char problem[256];
    (void)state;
    make(&tar);
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        _cleanup_(buf_clear) struct buf out = BUF_INIT(1 << 16);
        assert_int_equal(run(&tar, pieces[i], (struct contents_limits){100, 1000}, &out, problem),
                         0);
        assert_string_equal(buf_str(&out), want);
        assert_string_equal(problem, "");
    }
}

static void test_limits(void **state)
{
    _cleanup_(buf_clear) struct buf tar = BUF_INIT(1 << 20), out = BUF_INIT(1 << 16);
    char problem[256];
    (void)state;
    make(&tar);
    assert_int_equal(run(&tar, 512, (struct contents_limits){3, 1000}, &out, problem),
                     -SHALE_LIMIT);
    buf_reset(&out);
    assert_int_equal(run(&tar, 512, (struct contents_limits){100, 21}, &out, problem), 0);
    assert_null(strstr(buf_str(&out), "package"));
    assert_string_equal(problem, "var/lib/dpkg/status has more than 21 bytes");
    /* cut off */
    tar.n = 512 * 4 + 100;
    assert_int_equal(run(&tar, 512, (struct contents_limits){100, 1000}, &out, problem),
                     -SHALE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
