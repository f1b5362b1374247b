/* SPDX-License-Identifier: Apache-2.0 */
/* Tables against what Go's text/tabwriter makes with docker's settings. */
#include "view/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/cleanup.h"

static void test_layout(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"\n", "\n"},
        {"a", "a"},
        {"a\n", "a\n"},
        /* ten columns at least, three blanks at least; the last cell is not padded */
        {"A\tB\nx\ty\n", "A         B\nx         y\n"},
        {"1234567\tB\n", "1234567   B\n"},
        {"12345678\tB\nx\ty\n", "12345678   B\nx          y\n"},
        {"A\tB\tC\nlonger than ten\ty\tz\n",
         "A                 B         C\nlonger than ten   y         z\n"},
        /* an empty last cell leaves its column padded */
        {"A\tB\t\nx\t\t\n", "A         B         \nx                   \n"},
        /* a row without the column ends the block: widths start anew */
        {"longer than ten\tB\nnothing\nx\ty\n", "longer than ten   B\nnothing\nx         y\n"},
        {"a\tb\tc\nd\te\nf\tg\th\n", "a         b         c\nd         e\nf         g         h\n"},
        {"a\tlonger than ten\tc\nd\te\nf\tg\th\n",
         "a         longer than ten   c\nd         e\nf         g         h\n"},
        /* characters, not bytes */
        {"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\tB\nx\ty\n",
         "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9   B\nx          y\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf out = BUF_INIT(10000);
        assert_int_equal(table_format(str_of(rows[i].text), &out, NULL), 0);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_clear(&out);
    }
}

/* Tabs without end: laid out up to the limit, nothing lost. */
static void test_many_columns(void **state)
{
    struct buf in = BUF_INIT(100000), out = BUF_INIT(1 << 20);
    size_t tabs = 0, letters = 0;
    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_adds(&in, "a\t");
    buf_adds(&in, "b\n");
    assert_int_equal(table_format((struct str){buf_str(&in), in.n}, &out, NULL), 0);
    for (size_t i = 0; i < out.n; i++) {
        tabs += out.p[i] == '\t';
        letters += out.p[i] == 'a' || out.p[i] == 'b';
    }
    assert_int_equal(letters, 1001);
    assert_int_equal(tabs, 1000 - TABLE_MAX_COLUMNS);
    buf_clear(&in);
    buf_clear(&out);
}

static void test_output_limit(void **state)
{
    struct buf out = BUF_INIT(8);
    struct shale_err e = SHALE_ERR_INIT;
    (void)state;
    assert_int_equal(table_format(STR("a\tb\n"), &out, &e), -SHALE_LIMIT);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_output_limit),
    };
    return cmocka_run_group_tests_name("view/table", tests, NULL, NULL);
}
