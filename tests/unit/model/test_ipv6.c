/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ipv6.h"

#include "model_test.h"

static void nets(void **state)
{
    static const struct {
        const char *text, *shown, *next, *far;
    } good[] = {
        {"fd00:1::/64", "fd00:1::/64", "fd00:1::1", "fd00:1::1:2"},
        {"FD00:1::77/64", "fd00:1::/64", "fd00:1::1", "fd00:1::1:2"},
        {"2001:db8::ff00/120", "2001:db8::ff00/120", "2001:db8::ff01", "2001:db8::1:ff02"},
        {"fd00::ffff:ffff/128", "fd00::ffff:ffff/128", "fd00::1:0:0", "fd00::1:1:1"},
        {"::/0", "::/0", "::1", "::0.1.0.2"},
    };
    static const char *const bad[] = {"",        "fd00::",     "fd00::/",     "fd00::/129",
                                      "fd00/64", "fd00::/-1",  "fd00:::/64",  "10.0.0.0/8",
                                      "::/64 ",  " fd00::/64", "fd00::1%1/64"};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        char text[IPV6_NET_BYTES];
        struct ipv6_net net;
        struct ipv6 want;
        assert_true(ipv6_net_parse(good[i].text, &net));
        assert_string_equal(ipv6_net_format(&net, text), good[i].shown);
        struct ipv6 at = ipv6_net_at(&net, 1);
        assert_string_equal(ipv6_format(&at, text), good[i].next);
        at = ipv6_net_at(&net, 0x10002);
        assert_true(ipv6_parse(good[i].far, &want));
        assert_true(ipv6_eq(&at, &want));
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ipv6_net net;
        assert_false(ipv6_net_parse(bad[i], &net));
    }
}

static void overlaps(void **state)
{
    struct ipv6_net big, small, other;
    struct ipv6 a;

    assert_true(ipv6_net_parse("fd00::/15", &big));
    assert_true(ipv6_net_parse("fd01:2:3::/64", &small));
    assert_true(ipv6_net_parse("fd02::/64", &other));
    assert_true(ipv6_net_overlaps(&big, &small));
    assert_true(ipv6_net_overlaps(&small, &big));
    assert_false(ipv6_net_overlaps(&big, &other));
    assert_true(ipv6_parse("fd01:2:3::ffff", &a));
    assert_true(ipv6_net_has(&small, &a));
    assert_true(ipv6_parse("fd01:2:3:1::", &a));
    assert_false(ipv6_net_has(&small, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nets),
        cmocka_unit_test(overlaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
