/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerfile/ignore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

static void freep(struct ignore **g)
{
    *g = ignore_free(*g);
}

/* Paths in order: what is excluded has '-' before it, what is not '+'. */
static const struct {
    const char *text, *paths;
} rows[] = {
    {"", "+a +a/b"},
    {"# a\n\n  \n #b\n", "+a +# -#b -#b/c"},
    {"a\r\n/b/\n./c\nd/../e\nf//g\n\th \n", "-a -a/x +xa -b -b/x +x/b -c +d -e -f/g +f -h"},
    {"\xef\xbb\xbf*.o", "-a.o -.o +d/a.o -a.o/b"},
    {"*/*.o\n?x", "+a.o -d/a.o +d/e/a.o -ax +x +/x -\xe2\x82\xacx"},
    {"**/*.o", "-a.o -d/a.o -d/e/a.o +a.oo"},
    {"**/foo", "-foo -a/foo -a/foo/b +afoo +a/foob"},
    {"foo/**", "+foo -foo/a -foo/a/b +foob"},
    {"**", "-a -a/b"},
    {"**.o", "-a.o -d/a.o -.o"},
    {"a/**/b", "-a/b -a/x/b -a/x/y/b +ab +axb +x/a/b"},
    {"**/a/**/b/*.c", "-a/b/x.c -x/a/y/z/b/q.c +a/b/c/x.c"},
    {"a**b", "-ab +axb -ax/b -a/b"},
    {"[a-c]?[^x-z]", "-bqa +dqa +bqx +b/a -a.."},
    {"[\\]-\\^]x\na[\xc3\xa4-\xc3\xb6]", "-]x -^x +_x -a\xc3\xa5 +a\xc3\xb7"},
    {"\\*\n\\[a", "-* +a -[a"},
    {"a.c\na+(b", "-a.c +abc -a+(b"},
    {"*\n!a\n!b/c\nb/c/d", "-x +a +a/b -b +b/c -b/c/d +b/c/e -b/x"},
    {"*.md\n!README*.md\nREADME-secret.md", "-x.md +README.md +README1.md -README-secret.md"},
    {"!a\na", "-a"},
    {"a\n! /a", "+a"},
    {".\n..\n../a\n/", "+a +b"},
    {"a\\ b\nc d", "-a b -c d"},
};

static void test_excludes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(freep) struct ignore *g = NULL;
        struct shale_err e = SHALE_ERR_INIT;
        struct str rest = str_of(rows[i].paths), piece;
        assert_int_equal(ignore_parse(rows[i].text, strlen(rows[i].text), &g, &e), 0);
        while (str_split(&rest, ' ', &piece)) {
            char path[100];
            /* "-a b": a path with a blank */
            if (rest.n > 0 && !strchr("+-", *rest.p)) {
                struct str more;
                assert_true(str_split(&rest, ' ', &more));
                piece.n += more.n + 1;
            }
            snprintf(path, sizeof path, "%.*s", (int)piece.n - 1, piece.p + 1);
            if (ignore_excludes(g, path) != (*piece.p == '-'))
                fail_msg("row %zu: %s", i, path);
        }
    }
}

static void test_errors(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"a\n!\n", "line 2: illegal exclusion pattern: \"!\""},
        {"a\n\n[", "line 3: syntax error in pattern \"[\""},
        {"[]a]", "line 1: syntax error in pattern \"[]a]\""},
        {"[a-]", "line 1: syntax error in pattern \"[a-]\""},
        {"a\\", "line 1: syntax error in pattern \"a\\\""},
        {"\\\\[", "line 1: syntax error in pattern \"\\\\[\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ignore *g = NULL;
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(ignore_parse(bad[i][0], strlen(bad[i][0]), &g, &e), -SHALE_INVALID);
        assert_string_equal(e.msg, bad[i][1]);
        assert_null(g);
    }
    struct ignore *g = NULL;
    assert_int_equal(ignore_parse("a\0b", 3, &g, NULL), -SHALE_INVALID);
    assert_int_equal(ignore_check_pattern("[a", NULL), -SHALE_INVALID);
    assert_int_equal(ignore_check_pattern("a\\[", NULL), 0);

    _cleanup_(buf_clear) struct buf b = BUF_INIT(4 << 20);
    for (int i = 0; i <= IGNORE_MAX_LINES; i++)
        buf_adds(&b, "a\n");
    assert_int_equal(ignore_parse(buf_str(&b), b.n, &g, NULL), -SHALE_LIMIT);
    while (b.n <= IGNORE_MAX_BYTES)
        buf_addc(&b, 'a');
    assert_int_equal(ignore_parse(buf_str(&b), b.n, &g, NULL), -SHALE_LIMIT);
}

static void test_skips(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path;
        bool skips;
    } skips[] = {
        {"a", "a", true},         {"a", "b", false},           {"a\n!b", "a", true},
        {"a\n!a/x", "a", false},  {"a\n!a/x/y", "a/x", false}, {"a\n!a/x", "a/y", true},
        {"a\n!*/x", "a", false},  {"a\n!*/x", "a/b", true},    {"a\n!**/x", "a/b", false},
        {"a\n!a/**", "a", false}, {"a\n!?[a-b]*", "a", true},  {"a\n!a/[x]", "a/x", false},
        {"a\n!aa/x", "a", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(skips); i++) {
        _cleanup_(freep) struct ignore *g = NULL;
        assert_int_equal(ignore_parse(skips[i].text, strlen(skips[i].text), &g, NULL), 0);
        if (ignore_skips_below(g, skips[i].path) != skips[i].skips)
            fail_msg("row %zu", i);
        assert_int_equal(ignore_has_negations(g), strchr(skips[i].text, '!') != NULL);
    }
    assert_false(ignore_skips_below(NULL, "a"));
}

static void test_match(void **state)
{
    (void)state;
    assert_true(ignore_match("src/**/x?.[ch]", "src/a/b/x1.c"));
    assert_true(ignore_match("./src/*/", "src/a"));
    assert_false(ignore_match("src/*", "src/a/b"));
    assert_true(ignore_match("[", "["));
    /* a pattern that makes others go back and forth */
    char path[4000], pattern[200];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = 0;
    for (size_t i = 0; i + 3 < sizeof pattern; i += 2)
        memcpy(pattern + i, "a*", 3);
    memcpy(pattern + 190, "*b", 3);
    assert_false(ignore_match(pattern, path));
    memcpy(pattern + 190, "*a", 3);
    assert_true(ignore_match(pattern, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_excludes),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_skips),
        cmocka_unit_test(test_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
