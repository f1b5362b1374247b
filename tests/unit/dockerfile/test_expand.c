/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerfile/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

static const char *find(void *arg, const char *name)
{
    static const char *const vars[][2] = {
        {"HOME", "/root"},    {"EMPTY", ""},
        {"TWO", " a  b "},    {"P", "/a/b/c.tar.gz"},
        {"X", "xxyy"},        {"ODD", "()[]{}^$.*?|\\x"},
        {"STARS", "a***yy*"}, {"UNI", "\xc3\xa4\xe2\x82\xac\xffz"},
    };
    (void)arg;
    for (size_t i = 0; i < ARRAY_SIZE(vars); i++)
        if (streq(vars[i][0], name))
            return vars[i][1];
    return NULL;
}

static void note(void *arg, const char *name)
{
    buf_addf(arg, "%s ", name);
}

static const struct row {
    const char *word, *want; /* !text: an error that ends so */
} rows[] = {
    {"a$HOME.b", "a/root.b"},
    {"${HOME}x$NONE|$HOMEx|$1x|$$", "/rootx||x|"},
    {"$", "$"},
    {"a$.b", "a$.b"},
    {"\\$HOME \\\\$HOME \\q \\", "$HOME \\/root q "},
    {"\\${}x", "${}x"},
    {"'$HOME\\'\"$HOME\\$HOME\\q'\\\"\"", "$HOME\\/root$HOME\\q'\""},
    {"${NONE:-0}${EMPTY:-1}${EMPTY-2}${HOME:-3}${NONE-4}", "01/root4"},
    {"${NONE:+0}${EMPTY:+1}${EMPTY+2}${HOME:+3}${NONE+4}", "23"},
    {"${NONE:-${EMPTY:-${HOME}z}:}", "/rootz:"},
    {"${NONE:-\\${HOME}z}", "${HOMEz}"},
    {"${NONE:-\"a } b\"}${NONE:-'}'}", "a } b}"},
    {"${HOME?}${HOME:?x}${EMPTY?}", "/root/root"},
    {"${1:-b}${@:-c}${@}", "bc"},
    {"${NONE}}", "}"},
    /* patterns */
    {"${P#/*/}|${P##/*/}|${P%.*}|${P%%.*}|${P#x}|${P%x}",
     "b/c.tar.gz|c.tar.gz|/a/b/c.tar|/a/b/c|/a/b/c.tar.gz|/a/b/c.tar.gz"},
    {"${X#?}${X#}${X##}${X%%??}${X##*}${X#*x*y}", "xyyxxyyxxyyxxy"},
    {"${ODD#()[]{\\}^$.\\*\\?|\\\\}", "x"},
    {"${STARS%%\\**\\*}|${STARS%\\*}", "a|a***yy"},
    {"${UNI#?}|${UNI##??}|${UNI%?}|${UNI/\xe2\x82\xac/e}",
     "\xe2\x82\xac\xffz|\xffz|\xc3\xa4\xe2\x82\xac\xff|\xc3\xa4"
     "e\xffz"},
    {"${P/\\//-}|${P//\\//-}|${P//[a-c]/}|${P/b*./}",
     "-a/b/c.tar.gz|-a-b-c.tar.gz|/a/b/c.tar.gz|/a/gz"},
    {"${X//x}", "!missing '/' in ${}"},
    {"${X//\\//\\/}${HOME//\\//\\/}", "xxyy\\/root"},
    {"${X///_}|${X/*/_}|${X//*/_}|${EMPTY//*/_}|${X//y/$HOME}|${NONE/a/b}",
     "_x_x_y_y_|_|_|_|xx/root/root|"},
    {"\"${X%\"y\"}\"", "xxy"},
    {"${X#\"\\n\"}", "xxyy"},
    /* errors */
    {"'a", "!looking for matching single-quote"},
    {"\"a\\\"", "!looking for matching double-quote"},
    {"${", "!missing '}'"},
    {"${}", "!bad substitution"},
    {"${:-x}", "!bad substitution"},
    {"${{x}", "!bad substitution"},
    {"${HOME", "!missing '}'"},
    {"${NONE:-x", "!missing '}'"},
    {"${.}", "!unsupported modifier (.) in substitution"},
    {"${HOME:=x}", "!unsupported modifier (:=) in substitution"},
    {"${HOME=x}", "!unsupported modifier (=) in substitution"},
    {"${HOME:#x}", "!unsupported modifier (:#) in substitution"},
    {"${HOME\xe2\x82\xacx}", "!unsupported modifier (\xe2\x82\xac) in substitution"},
    {"${NONE?}", "!NONE: is not allowed to be unset"},
    {"${EMPTY:?}", "!EMPTY: is not allowed to be empty"},
    {"${NONE:?set $HOME}", "!NONE: set /root"},
    {"${X#\\q}", "!invalid pattern (\\q) in substitution: invalid escape '\\q'"},
};

static void test_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
        struct expand x = {.lookup = find, .escape = '\\', .arena = &a};
        struct shale_err e = SHALE_ERR_INIT;
        const char *got = NULL;
        int r = expand_word(&x, rows[i].word, &got, &e);
        if (*rows[i].want == '!') {
            assert_int_equal(r, -SHALE_INVALID);
            assert_true(str_has_prefix(e.msg, "failed to process \""));
            if (!str_has_suffix(e.msg, rows[i].want + 1))
                assert_string_equal(e.msg, rows[i].want + 1);
        } else {
            assert_string_equal(e.msg, "");
            assert_int_equal(r, 0);
            assert_string_equal(got, rows[i].want);
        }
    }
}

static const struct row word_rows[] = {
    {"", ""},
    {"a b", "a|b"},
    {"a${TWO}b", "a|a|b|b"},
    {"a\"${TWO}\" '  '", "a a  b |  "},
    {"a\\ b \"\" ${NONE:-x y}", "a b|x|y"},
    {"$TWO", "a|b"},
    {"${NONE:+x} ${X/x/ }", "xyy"},
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(word_rows); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1000);
        struct expand x = {.lookup = find, .escape = '\\', .arena = &a};
        struct shale_err e = SHALE_ERR_INIT;
        const char *const *got = NULL;
        size_t n = 0;
        assert_int_equal(expand_words(&x, word_rows[i].word, &got, &n, &e), 0);
        for (size_t k = 0; k < n; k++)
            buf_addf(&b, "%s%s", k ? "|" : "", got[k]);
        assert_null(got[n]);
        assert_string_equal(buf_str(&b), word_rows[i].want);
    }
}

static void test_more(void **state)
{
    (void)state;
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_(buf_clear) struct buf unknown = BUF_INIT(1000);
    struct expand x = {
        .lookup = find, .unknown = note, .arg = &unknown, .escape = '`', .arena = &a};
    struct shale_err e = SHALE_ERR_INIT;
    const char *got = NULL;

    assert_int_equal(expand_word(&x, "`$A \\$B ${C:-$D} ${E#x} ${F?$HOME}", &got, &e),
                     -SHALE_INVALID);
    assert_string_equal(buf_str(&unknown), "B D E ");
    x.keep_quotes = true;
    assert_int_equal(expand_word(&x, "it's \"$HOME\" `$A `n\n", &got, &e), 0);
    assert_string_equal(got, "it's \"/root\" $A n\n");
}

static void test_limits(void **state)
{
    (void)state;
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4 << 20);
    struct expand x = {.lookup = find, .escape = '\\', .arena = &a};
    struct shale_err e = SHALE_ERR_INIT;
    const char *got = NULL;

    for (int i = 0; i < EXPAND_MAX_DEPTH; i++)
        buf_adds(&b, "${NONE:-");
    size_t n = b.n;
    for (int i = 0; i < EXPAND_MAX_DEPTH; i++)
        buf_addc(&b, '}');
    assert_int_equal(expand_word(&x, buf_str(&b), &got, &e), 0);
    buf_reset(&b);
    for (int i = 0; i < 100000; i++)
        buf_adds(&b, "${NONE:-");
    assert_true(n < b.n);
    assert_int_equal(expand_word(&x, buf_str(&b), &got, &e), -SHALE_LIMIT);
    buf_reset(&b);
    for (size_t i = 0; i <= EXPAND_MAX_BYTES / 5; i++)
        buf_adds(&b, "$HOME");
    assert_int_equal(expand_word(&x, buf_str(&b), &got, &e), -SHALE_LIMIT);
    buf_reset(&b);
    buf_adds(&b, "${X#");
    for (size_t i = 0; i < 1025; i++)
        buf_addc(&b, 'x');
    buf_addc(&b, '}');
    assert_int_equal(expand_word(&x, buf_str(&b), &got, &e), -SHALE_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_word),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
