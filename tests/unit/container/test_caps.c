/* SPDX-License-Identifier: Apache-2.0 */
#include "container/caps.h"

#include "container_test.h"

#define ALL (CAP_BIT(CAPS_N) - 1)

static void names(void **state)
{
    for (unsigned i = 0; i < CAPS_N; i++)
        assert_int_equal(caps_number(caps_name(i)), i);
    assert_null(caps_name(CAPS_N));
    assert_int_equal(caps_number("sys_admin"), CAPS_SYS_ADMIN);
    assert_int_equal(caps_number("cap_Bpf"), CAPS_BPF);
    assert_int_equal(caps_number("CAP_"), -1);
    assert_int_equal(caps_number(""), -1);
    assert_int_equal(caps_number("NET"), -1);
}

/* docker's set, by the kernel's numbers */
#define DEFAULT                                                                                    \
    (CAP_BIT(0) | CAP_BIT(1) | CAP_BIT(3) | CAP_BIT(4) | CAP_BIT(5) | CAP_BIT(6) | CAP_BIT(7) |    \
     CAP_BIT(8) | CAP_BIT(10) | CAP_BIT(13) | CAP_BIT(18) | CAP_BIT(27) | CAP_BIT(29) |            \
     CAP_BIT(31))

static const struct {
    const char *add, *drop; /* one each; NULL: none */
    uint64_t host, want;
} rows[] = {
    {NULL, NULL, ALL, DEFAULT},
    {"SYS_ADMIN", NULL, ALL, DEFAULT | CAP_BIT(21)},
    {NULL, "CHOWN", ALL, DEFAULT & ~CAP_BIT(0)},
    {NULL, "SYS_TIME", ALL, DEFAULT},
    {"ALL", NULL, ALL, ALL},
    {"ALL", "SYS_ADMIN", ALL, ALL & ~CAP_BIT(21)},
    {"NET_RAW", "all", ALL, CAP_BIT(13)},
    {"CHOWN", "CHOWN", ALL, DEFAULT},
    {NULL, "ALL", ALL, 0},
    {NULL, NULL, ALL & ~CAP_BIT(27), DEFAULT & ~CAP_BIT(27)},
    {"ALL", NULL, CAP_BIT(3), CAP_BIT(3)},
};

static void adds_and_drops(void **state)
{
    assert_int_equal(caps_default(), DEFAULT);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct strv add = {.v = (char *[]){(char *)rows[i].add}, .n = rows[i].add != NULL};
        struct strv drop = {.v = (char *[]){(char *)rows[i].drop}, .n = rows[i].drop != NULL};
        uint64_t got = 0;
        assert_int_equal(caps_tweak(caps_default(), rows[i].host, &add, &drop, &got, NULL), 0);
        assert_int_equal(got, rows[i].want);
    }
}

static void refusals(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct strv none = {0}, foo = STRV("foo"), admin = STRV("SYS_ADMIN");
    uint64_t got = 7;

    assert_int_equal(caps_tweak(0, ALL, &foo, &none, &got, &e), -SHALE_INVALID);
    assert_string_equal(e.msg, "invalid CapAdd: unknown capability: \"CAP_FOO\"");
    assert_int_equal(caps_tweak(0, ALL, &none, &foo, &got, &e), -SHALE_INVALID);
    assert_non_null(strstr(e.msg, "CapDrop"));
    assert_int_equal(caps_tweak(0, CAP_BIT(1), &admin, &none, &got, &e), -SHALE_INVALID);
    assert_non_null(strstr(e.msg, "CAP_SYS_ADMIN"));
    assert_int_equal(got, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(adds_and_drops),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
