/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ipv4.h"

#include "model_test.h"

static void nets(void **state)
{
    static const struct {
        const char *text, *shown, *last;
    } good[] = {
        {"10.5.0.0/24", "10.5.0.0/24", "10.5.0.255"},
        {"10.5.0.77/24", "10.5.0.0/24", "10.5.0.255"},
        {"172.16.0.0/12", "172.16.0.0/12", "172.31.255.255"},
        {"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255"},
        {"1.2.3.4/32", "1.2.3.4/32", "1.2.3.4"},
    };
    static const char *const bad[] = {"",          "10.5.0.0",      "10.5.0.0/",  "10.5.0.0/33",
                                      "10.5.0/24", "10.5.0.256/24", "a.b.c.d/24", "10.5.0.0/-1",
                                      "fd00::/64", "10.5.0.0/24 ",  " 10.0.0.0/8"};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        char text[IPV4_NET_BYTES];
        struct ipv4_net net;
        assert_true(ipv4_net_parse(good[i].text, &net));
        assert_string_equal(ipv4_net_format(&net, text), good[i].shown);
        assert_string_equal(ipv4_format(ipv4_net_last(&net), text), good[i].last);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ipv4_net net;
        assert_false(ipv4_net_parse(bad[i], &net));
    }
}

static void overlaps(void **state)
{
    struct ipv4_net big, small, other;

    assert_true(ipv4_net_parse("172.16.0.0/12", &big));
    assert_true(ipv4_net_parse("172.18.0.0/16", &small));
    assert_true(ipv4_net_parse("172.32.0.0/16", &other));
    assert_true(ipv4_net_overlaps(&big, &small));
    assert_true(ipv4_net_overlaps(&small, &big));
    assert_false(ipv4_net_overlaps(&big, &other));
    assert_true(ipv4_net_has(&small, 0xac12ffff));
    assert_false(ipv4_net_has(&small, 0xac130000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nets),
        cmocka_unit_test(overlaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
