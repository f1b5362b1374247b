/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse members in the four ways GNU tar has written them. */
#include "tar_test.h"

static void put_pair(unsigned char *at, unsigned long long offset, unsigned long long n)
{
    put_octal(at, 11, offset);
    put_octal(at + 12, 11, n);
}

/* A header of type 'S' with up to four runs. */
static void add_gnu_sparse(struct buf *t, const unsigned long long (*runs)[2], int n, bool more,
                           unsigned long long stored, unsigned long long real)
{
    unsigned char b[512];

    make_header(
        b, &(struct member){.name = "sparse", .flag = 'S', .magic = MAGIC_GNU, .size = stored});
    for (int i = 0; i < n; i++)
        put_pair(b + 386 + 24 * i, runs[i][0], runs[i][1]);
    b[482] = more;
    put_octal(b + 483, 11, real);
    set_sum(b);
    buf_add(t, b, sizeof b);
}

static void test_old_gnu(void **state)
{
    static const unsigned long long runs[][2] = {{0, 512}, {4096, 100}, {10000, 0}};
    TAR(t);
    add_gnu_sparse(&t, runs, 3, false, 612, 10000);
    add_data(&t, (char[612]){0}, 612);
    ADD(&t, .name = "next");
    add_end(&t);
    expect(&t, "f sparse size=10000@512 sparse(612) 0+512@512 4096+100@1024\n"
               "f next size=0@2048\n");
}

static void test_old_gnu_extended(void **state)
{
    unsigned long long runs[40][2];
    unsigned char block[512];
    TAR(t);
    _cleanup_(buf_clear) struct buf want = BUF_INIT(10000);

    for (unsigned i = 0; i < 40; i++) {
        runs[i][0] = i * 1000ull;
        runs[i][1] = 10;
    }
    add_gnu_sparse(&t, runs, 4, true, 400, 50000);
    for (int first = 4, k = 0; k < 2; k++, first += 21) { /* 21 and 15 more */
        memset(block, 0, sizeof block);
        for (int i = 0; i < 21 && first + i < 40; i++)
            put_pair(block + 24 * i, runs[first + i][0], runs[first + i][1]);
        block[504] = k == 0;
        buf_add(&t, block, sizeof block);
    }
    add_data(&t, (char[400]){0}, 400);
    ADD(&t, .name = "next");
    buf_addf(&want, "f sparse size=50000@1536 sparse(400)");
    for (unsigned i = 0; i < 40; i++)
        buf_addf(&want, " %u+10@%u", i * 1000, 1536 + 10 * i);
    buf_addf(&want, "\nf next size=0@2560\n");
    expect(&t, buf_str(&want));
}

static void test_pax_0_0(void **state)
{
    TAR(t);
    PAX(&t, "GNU.sparse.size", "9000", "GNU.sparse.numblocks", "2", "GNU.sparse.offset", "0",
        "GNU.sparse.numbytes", "5", "GNU.sparse.offset", "8000", "GNU.sparse.numbytes", "7");
    ADD(&t, .name = "s", .size = 12);
    add_data(&t, "123456789012", 12);
    ADD(&t, .name = "next");
    expect(&t, "f s size=9000@1536 sparse(12) 0+5@1536 8000+7@1541\nf next size=0@2560\n");
}

static void test_pax_0_1(void **state)
{
    TAR(t);
    PAX(&t, "GNU.sparse.size", "9000", "GNU.sparse.numblocks", "2", "GNU.sparse.name", "real/name",
        "GNU.sparse.map", "0,5,8000,7");
    ADD(&t, .name = "GNUSparseFile.1/name", .size = 12);
    add_data(&t, "123456789012", 12);
    expect(&t, "f real/name size=9000@1536 sparse(12) 0+5@1536 8000+7@1541\n");
}

static void test_pax_1_0(void **state)
{
    char map[512] = "3\n0\n5\n8000\n7\n9000\n0\n";
    TAR(t);
    PAX(&t, "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "real",
        "GNU.sparse.realsize", "9000");
    ADD(&t, .name = "GNUSparseFile.1/real", .size = 524);
    buf_add(&t, map, 512);
    add_data(&t, "123456789012", 12);
    ADD(&t, .name = "next");
    expect(&t, "f real size=9000@2048 sparse(12) 0+5@2048 8000+7@2053\nf next size=0@3072\n");
}

static void test_pax_1_0_long_map(void **state)
{
    enum { RUNS = 300 };
    _cleanup_(buf_clear) struct buf map = BUF_INIT(1 << 16), want = BUF_INIT(1 << 16);
    TAR(t);

    buf_addf(&map, "%d\n", RUNS);
    for (int i = 0; i < RUNS; i++)
        buf_addf(&map, "%d\n%d\n", i * 100000, 1);
    size_t map_n = (map.n + 511) / 512 * 512;
    PAX(&t, "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.realsize", "40000000");
    ADD(&t, .name = "s", .size = map_n + RUNS);
    add_data(&t, map.p, map.n);
    add_data(&t, (char[RUNS]){0}, RUNS);
    buf_addf(&want, "f s size=40000000@%zu sparse(%d)", 1536 + map_n, RUNS);
    for (int i = 0; i < RUNS; i++)
        buf_addf(&want, " %d+1@%zu", i * 100000, 1536 + map_n + (size_t)i);
    buf_addc(&want, '\n');
    expect(&t, buf_str(&want));
}

static void test_all_hole(void **state)
{
    char map[512] = "0\n";
    TAR(t);
    PAX(&t, "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.realsize", "1000000");
    ADD(&t, .name = "a", .size = 512);
    buf_add(&t, map, 512);
    PAX(&t, "GNU.sparse.size", "1000000", "GNU.sparse.numblocks", "0");
    ADD(&t, .name = "b");
    add_gnu_sparse(&t, NULL, 0, false, 0, 1000000);
    expect(&t, "f a size=1000000@2048 sparse(0)\n"
               "f b size=1000000@3584 sparse(0)\n"
               "f sparse size=1000000@4096 sparse(0)\n");
}

/* ---- hostile maps ---- */

static void refuse_map(const char *map, unsigned long long stored)
{
    TAR(t);
    PAX(&t, "GNU.sparse.size", "9000", "GNU.sparse.map", map);
    ADD(&t, .name = "s", .size = stored);
    add_data(&t, (char[100]){0}, 100);
    expect_refused(&t, SHALE_CORRUPT, "map of a sparse member");
}

static void test_bad_maps(void **state)
{
    static const struct {
        const char *map;
        unsigned long long stored;
    } cases[] = {
        {"0,5", 6},                    /* less than the data */
        {"0,5,10,5", 9},               /* more */
        {"0,5,4,5", 10},               /* overlap */
        {"10,5,0,5", 10},              /* order */
        {"8999,2", 2},                 /* past the end */
        {"9001,0", 0},                 /* starts past the end */
        {"18446744073709551615,1", 1}, /* does not fit */
        {"9223372036854775807,9223372036854775807", 1},
        {"0", 0}, /* half a pair */
        {"0,,5", 5},
        {"a,5", 5},
        {"0,-5", 5},
        {" 0,5", 5},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        refuse_map(cases[i].map, cases[i].stored);
}

static void test_bad_keys(void **state)
{
    TAR(count);
    PAX(&count, "GNU.sparse.size", "9", "GNU.sparse.numblocks", "2", "GNU.sparse.map", "0,5");
    ADD(&count, .name = "s", .size = 5);
    expect_refused(&count, SHALE_CORRUPT, "not of the size it says");
    TAR(pairs);
    PAX(&pairs, "GNU.sparse.offset", "1", "GNU.sparse.offset", "1");
    expect_refused(&pairs, SHALE_CORRUPT, "bad PAX header");
    TAR(half);
    PAX(&half, "GNU.sparse.offset", "1");
    expect_refused(&half, SHALE_CORRUPT, "bad PAX header");
    TAR(version);
    PAX(&version, "GNU.sparse.major", "2", "GNU.sparse.minor", "0");
    ADD(&version, .name = "s");
    expect_refused(&version, SHALE_UNSUPPORTED, "2.0");
    TAR(dir);
    PAX(&dir, "GNU.sparse.map", "0,5");
    ADD(&dir, .name = "s", .flag = '5');
    expect_refused(&dir, SHALE_CORRUPT, "without data has a map");
}

static void test_bad_1_0(void **state)
{
    static const char *const maps[] = {"x\n", "1\n\n5\n", "1\n0\n99999999999999999999\n", "-1\n",
                                       "1\n0 5\n"};
    char map[512];

    for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
        TAR(t);
        memset(map, 0, sizeof map);
        memcpy(map, maps[i], strlen(maps[i]));
        PAX(&t, "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.realsize", "10");
        ADD(&t, .name = "s", .size = 1024);
        buf_add(&t, map, 512);
        buf_add(&t, (char[512]){0}, 512);
        expect_refused(&t, SHALE_CORRUPT, "map of a sparse member");
    }
    TAR(many);
    memcpy(map, "1000001\n", 8);
    PAX(&many, "GNU.sparse.major", "1", "GNU.sparse.minor", "0");
    ADD(&many, .name = "s", .size = 1024);
    buf_add(&many, map, 512);
    expect_refused(&many, SHALE_LIMIT, "more than 1000000 pieces");
    TAR(shorter); /* the member ends before its map does */
    memset(map, '0', sizeof map);
    PAX(&shorter, "GNU.sparse.major", "1", "GNU.sparse.minor", "0");
    ADD(&shorter, .name = "s", .size = 512);
    buf_add(&shorter, map, 512);
    buf_add(&shorter, map, 512);
    expect_refused(&shorter, SHALE_CORRUPT, "longer than the member");
}

static void test_bad_old_gnu(void **state)
{
    static const unsigned long long runs[][2] = {{0, 512}, {100, 100}};
    TAR(t);
    add_gnu_sparse(&t, runs, 2, false, 612, 10000);
    expect_refused(&t, SHALE_CORRUPT, "map of a sparse member");
    TAR(ustar); /* type S of somebody else */
    ADD(&ustar, .name = "s", .flag = 'S');
    expect_refused(&ustar, SHALE_CORRUPT, "unknown kind");
    TAR(cut);
    add_gnu_sparse(&cut, runs, 1, true, 612, 10000);
    expect_refused(&cut, SHALE_CORRUPT, "cut off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_gnu),     cmocka_unit_test(test_old_gnu_extended),
        cmocka_unit_test(test_pax_0_0),     cmocka_unit_test(test_pax_0_1),
        cmocka_unit_test(test_pax_1_0),     cmocka_unit_test(test_pax_1_0_long_map),
        cmocka_unit_test(test_all_hole),    cmocka_unit_test(test_bad_maps),
        cmocka_unit_test(test_bad_keys),    cmocka_unit_test(test_bad_1_0),
        cmocka_unit_test(test_bad_old_gnu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
