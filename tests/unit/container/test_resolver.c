/* SPDX-License-Identifier: Apache-2.0 */
/* Names in the files of aardvark-dns. */
#include "container/resolver.h"

#include "container_test.h"

static void is(const char *text, const char *id, const char *name, const char *want)
{
    struct buf b = BUF_INIT(1u << 20);

    assert_int_equal(resolver_edit(text, id, name, &b), want != NULL);
    if (want)
        assert_string_equal(buf_str(&b), want);
    buf_clear(&b);
}

static void lines(void **state)
{
    static const char text[] = "10.5.0.1\n"
                               "c1 10.5.0.2  one,al,c1 192.0.2.9\n"
                               "c10 10.5.0.3 fd00::3 two,c10\n"
                               "c2 10.5.0.4  one";

    (void)state;
    is(text, "c1", "uno",
       "10.5.0.1\nc1 10.5.0.2  uno,al,c1 192.0.2.9\nc10 10.5.0.3 fd00::3 two,c10\nc2 10.5.0.4  "
       "one");
    is(text, "c10", "2",
       "10.5.0.1\nc1 10.5.0.2  one,al,c1 192.0.2.9\nc10 10.5.0.3 fd00::3 2,c10\nc2 10.5.0.4  one");
    is(text, "c2", "longer",
       "10.5.0.1\nc1 10.5.0.2  one,al,c1 192.0.2.9\nc10 10.5.0.3 fd00::3 two,c10\nc2 10.5.0.4  "
       "longer");
}

static void nothing_to_do(void **state)
{
    (void)state;
    is("10.5.0.1\nc1 10.5.0.2  one,al\n", "c1", "one", NULL);
    is("10.5.0.1\nc1 10.5.0.2  one,al\n", "c3", "x", NULL);
    is("", "c1", "x", NULL);
    is("c1", "c1", "x", NULL);
    is("c1 10.5.0.2\n", "c1", "x", NULL);
    is("c1 10.5.0.2  \n", "c1", "x", NULL);
    is("\n\n", "c1", "x", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(nothing_to_do)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
