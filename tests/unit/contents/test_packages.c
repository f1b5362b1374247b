/* SPDX-License-Identifier: Apache-2.0 */
/* Databases of packages, and which version is newer. */
#include "contents/packages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "base/cleanup.h"

static int collect(void *arg, const char *name, const char *version, const char *arch,
                   struct shale_err *e)
{
    (void)e;
    buf_addf(arg, "%s=%s/%s;", name, version, arch);
    return 0;
}

static void test_dpkg(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"Package: a\nVersion: 1", "a=1/;"},
        {"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\n\n",
         "a=1:2-3/amd64;"},
        {"Package: a\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: b\nVersion: 2\n",
         "b=2/;"},
        {"Package: a\nDescription: x\n Package: no\n .\n  Version: 9\nVersion: 1\n", "a=1/;"},
        {"Version: 1\n\n\n\nPackage:b\n", "b=/;"},
        {"Package: a\001\nVersion: 1\n\nPackage: \xff\n", ""},
        {"\n\nPackage\nPackage:\n", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 16);
        assert_int_equal(packages_dpkg(cases[i].text, strlen(cases[i].text), collect, &b, NULL), 0);
        assert_string_equal(buf_str(&b), cases[i].want);
    }
}

static void test_long(void **state)
{
    _cleanup_(buf_clear) struct buf text = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
    (void)state;
    buf_adds(&text, "Package: ");
    for (int i = 0; i < CONTENTS_PACKAGE_BYTES; i++)
        buf_addc(&text, 'a');
    buf_adds(&text, "\nVersion: 1\n\nPackage: ");
    for (int i = 0; i < CONTENTS_PACKAGE_BYTES + 1; i++)
        buf_addc(&text, 'b');
    buf_adds(&text, "\nVersion: 1\n");
    assert_int_equal(packages_dpkg(text.p, text.n, collect, &b, NULL), 0);
    assert_int_equal(b.n, CONTENTS_PACKAGE_BYTES + strlen("=1/;"));
}

static void test_apk(void **state)
{
    static const char text[] = "C:Q1\nP:musl\nV:1.2-r0\nA:x86_64\nT:P:x\n\nP:b\nV:2\n";
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 16);
    (void)state;
    assert_int_equal(packages_apk(text, sizeof text - 1, collect, &b, NULL), 0);
    assert_string_equal(buf_str(&b), "musl=1.2-r0/x86_64;b=2/;");
}

/* ---- rpm ---- */

static void be32(struct buf *b, uint32_t v)
{
    for (int i = 24; i >= 0; i -= 8)
        buf_addc(b, (char)(v >> i));
}

struct tag {
    uint32_t tag, type, offset, count;
};

static void header(struct buf *b, const struct tag *v, size_t n, const char *data, size_t n_data)
{
    be32(b, (uint32_t)n);
    be32(b, (uint32_t)n_data);
    for (size_t i = 0; i < n; i++) {
        be32(b, v[i].tag);
        be32(b, v[i].type);
        be32(b, v[i].offset);
        be32(b, v[i].count);
    }
    buf_add(b, data, n_data);
}

static const struct tag good[] = {
    {1000, 6, 0, 1}, {1001, 6, 5, 1}, {1002, 6, 9, 1}, {1003, 4, 11, 1}, {1022, 6, 15, 1}};
static const char good_data[] = "bash\0"
                                "5.2\0"
                                "1\0"
                                "\0\0\0\2"
                                "x86_64";

static void test_rpm_header(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 16);
    struct packages_rpm_header h;
    (void)state;
    header(&b, good, ARRAY_SIZE(good), good_data, sizeof good_data);
    assert_int_equal(packages_rpm_header(b.p, b.n, &h, NULL), 1);
    assert_string_equal(h.name, "bash");
    assert_string_equal(h.version, "2:5.2-1");
    assert_string_equal(h.arch, "x86_64");
    /* cut off anywhere: refused, or without what lies behind */
    for (size_t n = 0; n < b.n; n++) {
        _cleanup_free_ char *copy = malloc(n + 1);
        memcpy(copy, b.p, n);
        assert_int_equal(packages_rpm_header(copy, n, &h, NULL), -SHALE_CORRUPT);
    }
}

static void test_rpm_header_bad(void **state)
{
    static const struct tag bad[][1] = {
        {{1000, 6, 100000, 1}}, {{1000, 6, UINT32_MAX, 1}}, {{1000, 4, 0, 1}}, {{1000, 6, 0, 2}}};
    struct packages_rpm_header h;
    struct shale_err e = SHALE_ERR_INIT;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 16);
        header(&b, bad[i], 1, good_data, sizeof good_data);
        assert_int_equal(packages_rpm_header(b.p, b.n, &h, NULL), 0);
    }
    /* a text without an end */
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 16);
    header(&b, (struct tag[]){{1000, 6, 0, 1}, {1001, 6, 0, 1}}, 2, "abc", 3);
    assert_int_equal(packages_rpm_header(b.p, b.n, &h, NULL), 0);
    assert_int_equal(packages_rpm_header("\xff\xff\xff\xff\xff\xff\xff\xff", 8, &h, &e),
                     -SHALE_CORRUPT);
}

/* A database in memory that has what sql makes. */
static unsigned char *database(const char *sql, const struct buf *blob, sqlite3_int64 *ret_n)
{
    sqlite3 *db;
    sqlite3_stmt *s;

    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    if (blob) {
        assert_int_equal(
            sqlite3_prepare_v2(db, "INSERT INTO Packages(blob) VALUES(?1)", -1, &s, NULL),
            SQLITE_OK);
        sqlite3_bind_blob(s, 1, blob->p, (int)blob->n, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(s), SQLITE_DONE);
        sqlite3_finalize(s);
    }
    unsigned char *p = sqlite3_serialize(db, "main", ret_n, 0);
    sqlite3_close(db);
    return p;
}

#define TABLE "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);"

static void test_rpm(void **state)
{
    _cleanup_(buf_clear) struct buf h = BUF_INIT(1 << 16), b = BUF_INIT(1 << 16);
    sqlite3_int64 n;
    (void)state;
    header(&h, good, ARRAY_SIZE(good), good_data, sizeof good_data);
    unsigned char *p = database(TABLE, &h, &n);
    p[18] = p[19] = 2; /* as rpm leaves it */
    assert_int_equal(packages_rpm(p, (size_t)n, collect, &b, NULL), 0);
    assert_string_equal(buf_str(&b), "bash=2:5.2-1/x86_64;");
    sqlite3_free(p);
}

static void test_rpm_hostile(void **state)
{
    static const char *const sqls[] = {
        "CREATE TABLE x(y);",
        "CREATE VIEW Packages AS SELECT 1 AS hnum, 2 AS blob;",
        /* would count for ever */
        "CREATE VIEW Packages(hnum, blob) AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1"
        " FROM n) SELECT i, x'00' FROM n;",
    };
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 16);
    char noise[4096];
    sqlite3_int64 n;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sqls); i++) {
        unsigned char *p = database(sqls[i], NULL, &n);
        assert_int_equal(packages_rpm(p, (size_t)n, collect, &b, NULL), -SHALE_CORRUPT);
        sqlite3_free(p);
    }
    memset(noise, 0x5a, sizeof noise);
    assert_int_equal(packages_rpm(noise, sizeof noise, collect, &b, NULL), -SHALE_CORRUPT);
    assert_int_equal(packages_rpm(noise, 10, collect, &b, NULL), -SHALE_CORRUPT);
    assert_int_equal(b.n, 0);
}

/* ---- versions ---- */

static void test_versions(void **state)
{
    static const struct {
        enum contents_db db;
        const char *a, *b;
        int want;
    } cases[] = {
        {CONTENTS_DPKG, "1.0", "1.0", 0},
        {CONTENTS_DPKG, "1.0", "1.0-0", 0},
        {CONTENTS_DPKG, "1.0~rc1", "1.0", -1},
        {CONTENTS_DPKG, "1.0~~", "1.0~", -1},
        {CONTENTS_DPKG, "1.0a", "1.0+", -1},
        {CONTENTS_DPKG, "1.9", "1.10", -1},
        {CONTENTS_DPKG, "1:1", "2", 1},
        {CONTENTS_DPKG, "0:2", "2", 0},
        {CONTENTS_DPKG, "1.0-1", "1.0-2", -1},
        {CONTENTS_DPKG, "007", "7", 0},
        {CONTENTS_DPKG, "18446744073709551617", "18446744073709551616", 1},
        {CONTENTS_DPKG, "", "1", -1},
        {CONTENTS_RPM, "1.0-1", "1.0-2", -1},
        {CONTENTS_RPM, "1.0", "1.0-2", 0},
        {CONTENTS_RPM, "1.0~rc1-1", "1.0-1", -1},
        {CONTENTS_RPM, "1.0^git1", "1.0", 1},
        {CONTENTS_RPM, "1.0^git1", "1.0.1", -1},
        {CONTENTS_RPM, "1.0a", "1.0.1", -1},
        {CONTENTS_RPM, "1_0", "1.0", 0},
        {CONTENTS_RPM, "2:1", "1:9", 1},
        {CONTENTS_RPM, "10", "9", 1},
        {CONTENTS_APK, "1.2.3-r4", "1.2.3-r10", -1},
        {CONTENTS_APK, "1.2", "1.2.0", -1},
        {CONTENTS_APK, "1.2_rc1", "1.2", -1},
        {CONTENTS_APK, "1.2_alpha", "1.2_beta", -1},
        {CONTENTS_APK, "1.2_pre2", "1.2_pre10", -1},
        {CONTENTS_APK, "1.2_p1", "1.2", 1},
        {CONTENTS_APK, "1.2a", "1.2b", -1},
        {CONTENTS_APK, "1.2", "1.2-r1", 0},
        {CONTENTS_APK, "??", "1", -1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int r = packages_compare(cases[i].db, cases[i].a, cases[i].b);
        int back = packages_compare(cases[i].db, cases[i].b, cases[i].a);
        if (r != cases[i].want || back != -r)
            fail_msg("%s %s: %d, %d", cases[i].a, cases[i].b, r, back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dpkg),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_apk),
        cmocka_unit_test(test_rpm_header),
        cmocka_unit_test(test_rpm_header_bad),
        cmocka_unit_test(test_rpm),
        cmocka_unit_test(test_rpm_hostile),
        cmocka_unit_test(test_versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
