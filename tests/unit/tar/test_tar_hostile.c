/* SPDX-License-Identifier: Apache-2.0 */
/* Archives that nobody wrote by accident. */
#include "tar_test.h"

static void test_names(void **state)
{
    static const char *const bad[] = {
        "..", "../x", "a/../x", "a/..", "/../x", "./..", "a/../../etc/passwd", "//..//"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        TAR(t);
        ADD(&t, .name = bad[i]);
        expect_refused(&t, SHALE_CORRUPT, "a path leads out of the root");
        TAR(pax);
        PAX(&pax, "path", bad[i]);
        ADD(&pax, .name = "x");
        expect_refused(&pax, SHALE_CORRUPT, "a path leads out of the root");
        TAR(name);
        add_text_member(&name, 'L', bad[i], strlen(bad[i]));
        ADD(&name, .name = "x");
        expect_refused(&name, SHALE_CORRUPT, "a path leads out of the root");
        TAR(link);
        ADD(&link, .name = "x", .flag = '1', .link = bad[i]);
        expect_refused(&link, SHALE_CORRUPT, "a path leads out of the root");
        TAR(sparse);
        PAX(&sparse, "GNU.sparse.name", bad[i], "GNU.sparse.map", "0,0");
        ADD(&sparse, .name = "x");
        expect_refused(&sparse, SHALE_CORRUPT, "a path leads out of the root");
    }
    TAR(prefix);
    ADD(&prefix, .name = "x", .prefix = "..");
    expect_refused(&prefix, SHALE_CORRUPT, "a path leads out of the root");
    TAR(fine); /* three dots are a name; targets of symbolic links are data */
    ADD(&fine, .name = "/.../..a");
    ADD(&fine, .name = "l", .flag = '2', .link = "/../../etc");
    expect(&fine, "f .../..a size=0@512\nl l -> /../../etc\n");
}

static void test_no_names(void **state)
{
    TAR(t);
    ADD(&t, .name = "./");
    expect_refused(&t, SHALE_CORRUPT, "has no name");
    TAR(link);
    ADD(&link, .name = "a", .flag = '1', .link = "./");
    expect_refused(&link, SHALE_CORRUPT, "without a target");
    TAR(sym);
    ADD(&sym, .name = "a", .flag = '2');
    expect_refused(&sym, SHALE_CORRUPT, "without a target");
}

static void test_message_is_printable(void **state)
{
    TAR(t);
    struct shale_err e = SHALE_ERR_INIT;
    _cleanup_(buf_clear) struct buf said = BUF_INIT(100);

    ADD(&t, .name = "\x1b[2J\n/../x");
    assert_true(read_tar(t.p, t.n, t.n, &said, &e) < 0);
    for (const char *s = e.msg; *s; s++)
        assert_true(*s >= ' ' && *s < 127);
}

/* A path of n bytes in components of c. */
static void long_path(struct buf *b, size_t n, size_t c)
{
    for (size_t i = 0; i < n; i++)
        buf_addc(b, i % (c + 1) == c ? '/' : 'a');
}

static void check_path(size_t n, size_t c, char tail, int code)
{
    TAR(t);
    _cleanup_(buf_clear) struct buf p = BUF_INIT(1 << 20);

    long_path(&p, n, c);
    if (tail)
        buf_addc(&p, tail);
    PAX(&t, "path", buf_str(&p));
    ADD(&t, .name = "x", .flag = '5');
    if (code) {
        expect_refused(&t, code, "");
        return;
    }
    struct shale_err e = SHALE_ERR_INIT;
    _cleanup_(buf_clear) struct buf said = BUF_INIT(1 << 20);
    assert_int_equal(read_tar(t.p, t.n, t.n, &said, &e), 0);
}

static void test_path_limits(void **state)
{
    check_path(TAR_MAX_PATH_BYTES, 99, 0, 0);
    check_path(TAR_MAX_PATH_BYTES + 1, 99, 0, SHALE_LIMIT);
    check_path(TAR_MAX_NAME_BYTES, 1000, '/', 0);
    check_path(TAR_MAX_NAME_BYTES + 1, 1000, 0, SHALE_LIMIT);
    check_path(2 * TAR_MAX_DEPTH - 1, 1, 0, 0);
    check_path(2 * TAR_MAX_DEPTH + 1, 1, 0, SHALE_LIMIT);
    TAR(t);
    _cleanup_(buf_clear) struct buf p = BUF_INIT(1 << 20);
    long_path(&p, TAR_MAX_PATH_BYTES + 1, 99);
    PAX(&t, "linkpath", buf_str(&p));
    ADD(&t, .name = "x", .flag = '2');
    expect_refused(&t, SHALE_LIMIT, "link target");
}

/* ---- headers ---- */

static void test_checksum(void **state)
{
    unsigned char b[512];

    for (size_t i = 0; i < 512; i += 37) { /* any byte that changes */
        TAR(t);
        make_header(b, &(struct member){.name = "x"});
        set_sum(b);
        b[i] ^= 1;
        buf_add(&t, b, 512);
        expect_refused(&t, SHALE_CORRUPT, "bad header checksum");
    }
    TAR(sum); /* signed sums are found too */
    make_header(b, &(struct member){.name = "\xc3\xbc"});
    set_sum(b);
    snprintf((char *)b + 148, 7, "%06o", (unsigned)strtoul((char *)b + 148, NULL, 8) - 512);
    buf_add(&sum, b, 512);
    expect(&sum, "f \xc3\xbc size=0@512\n");
}

static void test_numbers(void **state)
{
    static const char *const sizes[] = {
        "0000000000x",                                      /* no number */
        "9\0\0\0\0\0\0\0\0\0\0",                            /* not octal */
        "1 2\0\0\0\0\0\0\0\0",                              /* two numbers */
        "-1\0\0\0\0\0\0\0\0\0",                             /* signed text */
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", /* -1 in base 256 */
        "\x80\0\0\0\x80\0\0\0\0\0\0\0",                     /* 2^63 */
        "\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        TAR(t);
        ADD(&t, .name = "x", .size_field = sizes[i]);
        expect_refused(&t, SHALE_CORRUPT, "size of a member");
    }
    TAR(most); /* fits into 63 bits, but not behind what came before */
    ADD(&most, .name = "x", .size_field = "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
    expect_refused(&most, SHALE_CORRUPT, "size of a member is out of range");
    TAR(uid);
    ADD(&uid, .name = "x", .uid_field = "\x80\0\0\x01\0\0\0\0");
    expect_refused(&uid, SHALE_CORRUPT, "owner of a member is out of range");
    TAR(dev);
    ADD(&dev, .name = "x", .flag = '3', .major_field = "0010000");
    expect_refused(&dev, SHALE_CORRUPT, "device number");
    TAR(zero);
    ADD(&zero, .name = "a");
    buf_add(&zero, (char[512]){0}, 512);
    ADD(&zero, .name = "b");
    expect_refused(&zero, SHALE_CORRUPT, "zero block in the middle");
}

static void test_cut_off(void **state)
{
    TAR(t);
    PAX(&t, "path", "name");
    add_text_member(&t, 'L', "longer", 6);
    ADD(&t, .name = "x", .size = 600);
    add_data(&t, (char[600]){0}, 600);
    for (size_t n = 1; n < t.n; n += 13) {
        _cleanup_(buf_clear) struct buf said = BUF_INIT(1000);
        struct shale_err e = SHALE_ERR_INIT;
        int r = read_tar(t.p, n, 100, &said, &e);
        if (r != -SHALE_CORRUPT || !strstr(e.msg, "cut off"))
            fail_msg("cut at %zu: %d %s", n, r, e.msg);
    }
}

/* ---- PAX ---- */

static void refuse_pax(const char *text, size_t n, int code, const char *part)
{
    TAR(t);
    add_text_member(&t, 'x', text, n);
    ADD(&t, .name = "x");
    expect_refused(&t, code, part);
}

#define BAD_PAX(text) refuse_pax(text, sizeof text - 1, SHALE_CORRUPT, "bad PAX header")

static void test_pax_records(void **state)
{
    BAD_PAX("x path=a\n");
    BAD_PAX("9 path=ab\n");  /* ends early */
    BAD_PAX("12 path=ab\n"); /* ends late */
    BAD_PAX("0 path=a\n");
    BAD_PAX("3 \n");
    BAD_PAX("2 ");
    BAD_PAX("9 =value\n");
    BAD_PAX("8 value\n");
    BAD_PAX("-8 path=\n");
    BAD_PAX("11 path=a\0\n"); /* NUL in a name */
    BAD_PAX("14 linkpath=\0\n");
    BAD_PAX("10 pa\0h=a\n"); /* NUL in a key */
    BAD_PAX("18446744073709551626 path=a\n");
    BAD_PAX("99999999999999999999999999999999 path=a\n");
    BAD_PAX("00000000000000000000000000000010 path=a\n");
    BAD_PAX("9 size=x\n");
    BAD_PAX("11 size=-1\n");
    BAD_PAX("28 size=9223372036854775808\n");
    BAD_PAX("29 size=99999999999999999999\n");
    BAD_PAX("18 uid=4294967296\n");
    BAD_PAX("11 mtime=x\n");
    BAD_PAX("13 mtime=1.x\n");
    BAD_PAX("11 mtime=-\n");
    BAD_PAX("26 SCHILY.devmajor=999999\n");
    BAD_PAX("18 SCHILY.xattr.=\n");
    BAD_PAX("21 SCHILY.xattr.\0a=b\n");
    BAD_PAX("26 LIBARCHIVE.xattr.a=!!!\n");
    BAD_PAX("24 LIBARCHIVE.xattr.a=A\n");
    BAD_PAX("29 LIBARCHIVE.xattr.a%00b=QQ\n");
    BAD_PAX("9 path=a\n\n"); /* what is behind must be records too */
}

static void add_large(struct buf *b, const char *key, size_t n)
{
    _cleanup_free_ char *value = malloc(n);

    assert_non_null(value);
    memset(value, 'v', n);
    pax_record(b, key, value, n);
}

static void test_pax_limits(void **state)
{
    TAR(huge); /* refused by its size, before any of it is kept */
    ADD(&huge, .name = "x", .flag = 'x', .size_field = "\x80\0\0\0\0\0\x01\0\0\0\0\0");
    expect_refused(&huge, SHALE_LIMIT, "PAX header or long name of");
    TAR(over);
    ADD(&over, .name = "x", .flag = 'L', .size = TAR_MAX_PAX_BYTES + 1);
    expect_refused(&over, SHALE_LIMIT, "PAX header or long name of");
    TAR(most);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(2 << 20);
    add_large(&b, "comment", TAR_MAX_PAX_BYTES - 17);
    assert_int_equal(b.n, TAR_MAX_PAX_BYTES);
    add_text_member(&most, 'x', b.p, b.n);
    ADD(&most, .name = "x", .flag = '5');
    expect(&most, "d x\n");

    TAR(value);
    buf_reset(&b);
    add_large(&b, "SCHILY.xattr.user.a", TAR_MAX_XATTR_BYTES + 1);
    add_text_member(&value, 'x', b.p, b.n);
    expect_refused(&value, SHALE_LIMIT, "extended attribute is larger");

    for (int n = TAR_MAX_XATTRS; n <= TAR_MAX_XATTRS + 1; n++) {
        TAR(many);
        buf_reset(&b);
        for (int i = 0; i < n; i++) {
            char key[32];
            snprintf(key, sizeof key, "SCHILY.xattr.user.%d", i);
            pax_record(&b, key, "", 0);
        }
        add_text_member(&many, 'x', b.p, b.n);
        struct shale_err e = SHALE_ERR_INIT;
        _cleanup_(buf_clear) struct buf said = BUF_INIT(10000);
        ADD(&many, .name = "x");
        assert_int_equal(read_tar(many.p, many.n, 512, &said, &e),
                         n > TAR_MAX_XATTRS ? -SHALE_LIMIT : 0);
    }

    TAR(name);
    buf_reset(&b);
    char key[300];
    memset(key, 'k', sizeof key);
    memcpy(key, "SCHILY.xattr.", 13);
    key[13 + 256] = 0;
    pax_record(&b, key, "", 0);
    add_text_member(&name, 'x', b.p, b.n);
    expect_refused(&name, SHALE_LIMIT, "name of an extended attribute");
}

/* Global headers add up: forty of 2 KiB are more than 64 KiB. */
static void test_global_limit(void **state)
{
    TAR(t);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);

    add_large(&b, "comment", 2048);
    for (int i = 0; i < 40; i++)
        add_text_member(&t, 'g', b.p, b.n);
    expect_refused(&t, SHALE_LIMIT, "global PAX headers");
}

/* ---- too much ---- */

static int count(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    ++*(uint64_t *)arg;
    return 0;
}

static void test_too_many_members(void **state)
{
    TAR(t);
    struct shale_err e = SHALE_ERR_INIT;
    struct tar_reader *r;
    uint64_t n = 0;
    int rc = 0;

    for (int i = 0; i < 2000; i++)
        ADD(&t, .name = "a", .flag = i % 2 ? '0' : 'V'); /* those passed over count as well */
    assert_int_equal(tar_reader_new(count, &n, &r, &e), 0);
    for (int i = 0; i < TAR_MAX_ENTRIES / 2000 && rc == 0; i++)
        rc = tar_reader_feed(r, t.p, t.n, &e);
    assert_int_equal(rc, 0);
    assert_int_equal(n, TAR_MAX_ENTRIES / 2);
    assert_int_equal(tar_reader_feed(r, t.p, 512, &e), -SHALE_LIMIT);
    assert_non_null(strstr(e.msg, "members"));
    tar_reader_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_message_is_printable),
        cmocka_unit_test(test_path_limits),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_pax_records),
        cmocka_unit_test(test_pax_limits),
        cmocka_unit_test(test_global_limit),
        cmocka_unit_test(test_too_many_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
