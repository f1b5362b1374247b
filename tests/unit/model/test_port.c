/* SPDX-License-Identifier: Apache-2.0 */
#include "model/port.h"

#include "model_test.h"

static const struct {
    const char *text;
    size_t n;
    struct port_pair first;
} good[] = {
    {"80", 1, {"tcp", "", 80, 0, 0}},
    {"8080:80", 1, {"tcp", "", 80, 8080, 8080}},
    {"8080:80/udp", 1, {"udp", "", 80, 8080, 8080}},
    {"8080:80/SCTP", 1, {"sctp", "", 80, 8080, 8080}},
    {"127.0.0.1:8080:80", 1, {"tcp", "127.0.0.1", 80, 8080, 8080}},
    {"127.0.0.1::80", 1, {"tcp", "127.0.0.1", 80, 0, 0}},
    {":80", 1, {"tcp", "", 80, 0, 0}},
    {"0:80", 1, {"tcp", "", 80, 0, 0}},
    {"8000-8002:80-82", 3, {"tcp", "", 80, 8000, 8000}},
    {"8000-8010:80", 1, {"tcp", "", 80, 8000, 8010}},
    {"80-82", 3, {"tcp", "", 80, 0, 0}},
    {"[::1]:8080:80", 1, {"tcp", "::1", 80, 8080, 8080}},
    {"[::1]::80", 1, {"tcp", "::1", 80, 0, 0}},
    {"::1:8080:80/udp", 1, {"udp", "::1", 80, 8080, 8080}},
    {"[2001:DB8:0:0::1]:80:80", 1, {"tcp", "2001:db8::1", 80, 80, 80}},
    {"65535:65535", 1, {"tcp", "", 65535, 65535, 65535}},
};

static void publish(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
        struct port_list l = {.v = NULL};
        assert_int_equal(port_publish(good[i].text, &a, &l, NULL), 0);
        assert_int_equal(l.n, good[i].n);
        assert_string_equal(l.v[0].protocol, good[i].first.protocol);
        assert_string_equal(l.v[0].host_ip, good[i].first.host_ip);
        assert_int_equal(l.v[0].inside, good[i].first.inside);
        assert_int_equal(l.v[0].first, good[i].first.first);
        assert_int_equal(l.v[0].last, good[i].first.last);
        if (l.n == 3) {
            assert_int_equal(l.v[2].inside, good[i].first.inside + 2);
            assert_int_equal(l.v[2].first, good[i].first.first ? good[i].first.first + 2 : 0);
        }
    }
}

static const struct {
    const char *text, *message;
} bad[] = {
    {"", "no port specified: <empty>"},
    {"8080:", "no port specified: 8080:<empty>"},
    {"x", "invalid containerPort: x"},
    {"0", "invalid containerPort: 0"},
    {"65536", "invalid containerPort: 65536"},
    {"82-80", "invalid containerPort: 82-80"},
    {"x:80", "invalid hostPort: x"},
    {"80:80/foo", "invalid proto: foo"},
    {"80/", "invalid proto: "},
    {"1.2.3:80:80", "invalid IP address: 1.2.3"},
    {"[::1:80:80", "invalid IP address: [::1"},
    {"[::g]:80:80", "invalid IP address: ::g"},
    {"8000-8001:80-82",
     "invalid ranges specified for container and host Ports: 80-82 and 8000-8001"},
};

static void publish_refuses(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
        struct port_list l = {.v = NULL};
        struct shale_err e = SHALE_ERR_INIT;
        assert_true(port_publish(bad[i].text, &a, &l, &e) < 0);
        assert_string_equal(e.msg, bad[i].message);
    }
}

static void too_many(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(16 << 20);
    struct port_list l = {.v = NULL};

    assert_int_equal(port_publish("1-20000:1-20000", &a, &l, NULL), -SHALE_LIMIT);
}

static void expose(void **state)
{
    struct port_range p = {NULL, 0, 0};
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(port_expose("80-90/udp", &p, NULL), 0);
    assert_string_equal(p.protocol, "udp");
    assert_int_equal(p.first, 80);
    assert_int_equal(p.last, 90);
    assert_int_equal(port_expose("90-80", &p, &e), -SHALE_INVALID);
    assert_string_equal(e.msg, "invalid range format for --expose: 90-80");
    assert_int_equal(port_expose("80:80", &p, NULL), -SHALE_INVALID);
    assert_int_equal(p.last, 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publish),
        cmocka_unit_test(publish_refuses),
        cmocka_unit_test(too_many),
        cmocka_unit_test(expose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
