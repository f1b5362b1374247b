/* SPDX-License-Identifier: Apache-2.0 */
/* Every format that layers come in. */
#include "tar_test.h"

static void test_ustar(void **state)
{
    TAR(t);
    ADD(&t, .name = "./", .flag = '5', .mode = 0755);
    ADD(&t, .name = "./usr//bin/./x", .prefix = "/", .size = 600, .mode = 04755);
    add_data(&t, (char[600]){0}, 600);
    ADD(&t, .name = "a/f", .size = 3);
    add_data(&t, "abc", 3);
    ADD(&t, .name = "a/l", .flag = '2', .link = "../../x//y", .mode = 0777);
    ADD(&t, .name = "a/h", .flag = '1', .link = "./a/f", .size = 3); /* its size means nothing */
    ADD(&t, .name = "c", .flag = '3', .major_field = "0000001", .minor_field = "0000003");
    ADD(&t, .name = "b", .flag = '4', .major_field = "0000010", .minor_field = "3777777");
    ADD(&t, .name = "p", .flag = '6');
    ADD(&t, .name = "contiguous", .flag = '7');
    ADD(&t, .name = "d/", .flag = '5', .size = 12, .mode = 01777);
    add_end(&t);
    expect(&t, "d / mode=755\n"
               "f usr/bin/x mode=4755 size=600@1024\n"
               "f a/f size=3@2560\n"
               "l a/l -> ../../x//y mode=777\n"
               "h a/h -> a/f\n"
               "c c dev=1:3\n"
               "b b dev=8:1048575\n"
               "p p\n"
               "f contiguous size=0@6144\n"
               "d d mode=1777\n");
}

static void test_prefix(void **state)
{
    TAR(t);
    char name[101], prefix[156];

    memset(name, 'n', 100);
    memset(prefix, 'p', 155);
    name[100] = prefix[155] = 0;
    ADD(&t, .name = name, .prefix = prefix); /* both without NUL */
    ADD(&t, .name = "x", .prefix = "some/dir/");
    add_end(&t);
    _cleanup_(buf_clear) struct buf want = BUF_INIT(1000);
    buf_addf(&want, "f %s/%s size=0@512\nf some/dir/x size=0@1024\n", prefix, name);
    expect(&t, buf_str(&want));
}

static void test_v7(void **state)
{
    TAR(t);
    ADD(&t, .name = "dir/", .flag = '-', .magic = MAGIC_V7);
    ADD(&t, .name = "dir0/", .flag = '0', .magic = MAGIC_V7);
    ADD(&t, .name = "f", .flag = '-', .magic = MAGIC_V7, .size = 1, .prefix = "no prefix here");
    add_data(&t, "x", 1);
    ADD(&t, .name = "slash/", .flag = '0'); /* ustar has a type for directories */
    add_end(&t);
    expect(&t, "d dir\nd dir0\nf f size=1@1536\nf slash size=0@2560\n");
}

static void test_gnu_long_names(void **state)
{
    TAR(t);
    char name[301], link[401];
    _cleanup_(buf_clear) struct buf want = BUF_INIT(10000);

    for (int i = 0; i < 300; i++)
        name[i] = i % 10 == 9 ? '/' : 'n';
    for (int i = 0; i < 400; i++)
        link[i] = i % 10 == 9 ? '/' : 'l';
    name[299] = link[399] = 'x';
    name[300] = link[400] = 0;
    add_text_member(&t, 'L', name, 301);
    add_text_member(&t, 'K', link, 401);
    ADD(&t, .name = "short", .flag = '2', .link = "short", .magic = MAGIC_GNU);
    add_text_member(&t, 'K', link, 400); /* without its NUL */
    add_text_member(&t, 'L', name, 300);
    ADD(&t, .name = "short", .flag = '1', .link = "short", .magic = MAGIC_GNU);
    ADD(&t, .name = "next", .magic = MAGIC_GNU); /* names hold for one member */
    buf_addf(&want, "l %s -> %s\nh %s -> %s\nf next size=0@%d\n", name, link, name, link, 11 * 512);
    add_end(&t);
    expect(&t, buf_str(&want));
}

/* Where ustar has the prefix, GNU has times; old Go wrote a prefix nevertheless. */
static void test_gnu_times(void **state)
{
    TAR(t);
    ADD(&t, .name = "times", .magic = MAGIC_GNU, .prefix = "14400000000 14400000000");
    ADD(&t, .name = "x", .magic = MAGIC_GNU, .prefix = "dir/that/is/none");
    add_end(&t);
    expect(&t, "f times size=0@512\nf dir/that/is/none/x size=0@1024\n");
}

static void test_base256(void **state)
{
    TAR(t);
    ADD(&t, .name = "uid", .uid_field = "\x80\0\0\0\x7f\xff\xff\xff");
    ADD(&t, .name = "old", .mtime_field = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe");
    ADD(&t, .name = "size", .size_field = "\x80\0\0\0\0\0\0\0\0\0\0\x02");
    add_data(&t, "ab", 2);
    ADD(&t, .name = "blanks", .size_field = "         2 \0", .uid_field = "   7  \0");
    add_data(&t, "ab", 2);
    add_end(&t);
    expect(&t, "f uid owner=2147483647:100 size=0@512\n"
               "f old mtime=-2.000000000 size=0@1024\n"
               "f size size=2@1536\n"
               "f blanks owner=7:100 size=2@2560\n");
}

/* 9 GiB are told of before they come. Only the reader's own counters are fed through here. */
static int keep_last(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    uint64_t *v = arg;

    v[0] = t->size_bytes;
    v[1] = t->data_offset;
    v[2]++;
    return 0;
}

static void test_large_sizes(void **state)
{
    static const char zero[1 << 20];
    const uint64_t size = 9ull << 30;
    TAR(t);
    struct shale_err e = SHALE_ERR_INIT;
    struct tar_reader *r;
    uint64_t v[3] = {0};

    PAX(&t, "size", "9663676417"); /* a byte more; the header holds no such number */
    ADD(&t, .name = "big");
    assert_int_equal(tar_reader_new(keep_last, v, &r, &e), 0);
    assert_int_equal(tar_reader_feed(r, t.p, t.n, &e), 0);
    assert_true(v[0] == size + 1 && v[1] == 1536);
    for (uint64_t n = 0; n < size; n += sizeof zero)
        assert_int_equal(tar_reader_feed(r, zero, sizeof zero, &e), 0);
    assert_int_equal(tar_reader_feed(r, zero, 512, &e), 0);
    buf_reset(&t);
    ADD(&t, .name = "base256", .size_field = "\x80\0\0\0\0\0\0\x02\x40\0\0\0");
    assert_int_equal(tar_reader_feed(r, t.p, t.n, &e), 0);
    assert_true(v[0] == size && v[1] == 1536 + size + 512 + 512 && v[2] == 2);
    assert_int_equal(tar_reader_end(r, &e), -SHALE_CORRUPT);
    tar_reader_free(r);
}

/* ---- PAX ---- */

static void test_pax(void **state)
{
    TAR(t);
    PAX(&t, "path", "./long/\xc3\xbc//name", "mtime", "1700000000.5", "uid", "4294967295", "gid",
        "70000", "size", "3", "comment", "ignored", "VENDOR.key", "too");
    ADD(&t, .name = "short", .size = 99);
    add_data(&t, "abc", 3);
    PAX(&t, "linkpath", "far/away", "mtime", "-1.25");
    ADD(&t, .name = "l", .flag = '2', .link = "x");
    PAX(&t, "linkpath", "./long/\xc3\xbc/name");
    ADD(&t, .name = "h", .flag = '1', .link = "x");
    PAX(&t, "SCHILY.devmajor", "8", "SCHILY.devminor", "1");
    ADD(&t, .name = "b", .flag = '4');
    PAX(&t, "path", "", "mtime", "2.1234567899"); /* an empty value takes back */
    ADD(&t, .name = "own");
    add_end(&t);
    expect(&t,
           "f long/\xc3\xbc/name owner=4294967295:70000 mtime=1700000000.500000000 size=3@1536\n"
           "l l -> far/away mtime=-2.750000000\n"
           "h h -> long/\xc3\xbc/name\n"
           "b b dev=8:1\n"
           "f own mtime=2.123456789 size=0@8192\n");
}

static void test_xattrs(void **state)
{
    TAR(t);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1000);

    pax_record(&b, "SCHILY.xattr.security.capability", "\1\0\0\2\n", 5);
    pax_record(&b, "LIBARCHIVE.xattr.user.a%20b%3d", "AAEC/w", 6);
    pax_record(&b, "SCHILY.xattr.user.twice", "first", 5);
    pax_record(&b, "SCHILY.xattr.user.twice", "second", 6);
    pax_record(&b, "SCHILY.xattr.user.empty", "", 0);
    add_text_member(&t, 'x', b.p, b.n);
    ADD(&t, .name = "f");
    PAX(&t, "LIBARCHIVE.xattr.user.pad", "QQ==");
    ADD(&t, .name = "d", .flag = '5');
    ADD(&t, .name = "none");
    add_end(&t);
    expect(&t, "f f size=0@1536 security.capability=\\x01\\x00\\x00\\x02\\x0a"
               " user.a b==\\x00\\x01\\x02\\xff user.twice=second user.empty=\n"
               "d d user.pad=A\n"
               "f none size=0@3584\n");
}

static void test_global(void **state)
{
    TAR(t);
    GLOBAL(&t, "uid", "5", "mtime", "7", "SCHILY.xattr.user.g", "all", "path", "not/for/all");
    ADD(&t, .name = "a");
    PAX(&t, "uid", "6", "SCHILY.xattr.user.g", "own", "SCHILY.xattr.user.x", "y");
    ADD(&t, .name = "b");
    PAX(&t, "mtime", "");
    ADD(&t, .name = "c");
    GLOBAL(&t, "gid", "8");
    ADD(&t, .name = "d");
    add_text_member(&t, 'g', "", 0);
    ADD(&t, .name = "e", .flag = '5');
    add_end(&t);
    expect(&t, "f a owner=5:100 mtime=7.000000000 size=0@1536 user.g=all\n"
               "f b owner=6:100 mtime=7.000000000 size=0@3072 user.g=own user.x=y\n"
               "f c owner=5:100 size=0@4608 user.g=all\n"
               "f d owner=5:8 mtime=7.000000000 size=0@6144 user.g=all\n"
               "d e owner=5:8 mtime=7.000000000 user.g=all\n");
}

/* ---- what else is found ---- */

static void test_unknown_types_are_passed_over(void **state)
{
    TAR(t);
    PAX(&t, "path", "for/the/volume/label");
    ADD(&t, .name = "label", .flag = 'V', .size = 5);
    add_data(&t, "12345", 5);
    ADD(&t, .name = "dump", .flag = 'D', .size = 3, .magic = MAGIC_GNU);
    add_data(&t, "Yx\0", 3);
    ADD(&t, .name = "f");
    add_end(&t);
    expect(&t, "d dump\nf f size=0@3584\n");
}

static void test_ends(void **state)
{
    TAR(t);
    ADD(&t, .name = "a");
    expect(&t, "f a size=0@512\n"); /* no mark */
    buf_add(&t, (char[512]){0}, 512);
    expect(&t, "f a size=0@512\n"); /* half of one */
    buf_add(&t, (char[512]){0}, 512);
    expect(&t, "f a size=0@512\n");
    buf_adds(&t, "whatever comes behind");
    ADD(&t, .name = "not/seen");
    expect(&t, "f a size=0@512\n");
    TAR(empty);
    expect(&empty, "");
    add_end(&empty);
    expect(&empty, "");
}

static int stop_at_second(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    return ++*(int *)arg == 2 ? err_set(e, SHALE_CONFLICT, "mine") : 0;
}

static void test_callback_stops(void **state)
{
    TAR(t);
    struct shale_err e = SHALE_ERR_INIT;
    struct tar_reader *r;
    int n = 0;

    for (int i = 0; i < 3; i++)
        ADD(&t, .name = "a");
    assert_int_equal(tar_reader_new(stop_at_second, &n, &r, &e), 0);
    assert_int_equal(tar_reader_feed(r, t.p, t.n, &e), -SHALE_CONFLICT);
    assert_string_equal(e.msg, "mine");
    assert_int_equal(n, 2);
    assert_int_equal(tar_reader_feed(r, t.p, t.n, &e), -SHALE_INVALID);
    assert_int_equal(tar_reader_end(r, &e), -SHALE_INVALID);
    assert_null(tar_reader_free(r));
    assert_null(tar_reader_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ustar),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_v7),
        cmocka_unit_test(test_gnu_long_names),
        cmocka_unit_test(test_gnu_times),
        cmocka_unit_test(test_base256),
        cmocka_unit_test(test_large_sizes),
        cmocka_unit_test(test_pax),
        cmocka_unit_test(test_xattrs),
        cmocka_unit_test(test_global),
        cmocka_unit_test(test_unknown_types_are_passed_over),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_callback_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
