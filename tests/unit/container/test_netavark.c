/* SPDX-License-Identifier: Apache-2.0 */
/* What netavark is told. */
#include "container/netavark.h"

#include "container_test.h"

static struct network network_of(struct arena *a, const char *name)
{
    struct network n = {.row = {.id = "0123", .name = name, .driver = "bridge"},
                        .connects = true,
                        .resolves = !streq(name, "bridge"),
                        .builtin = streq(name, "bridge"),
                        .bridge = "br-0123",
                        .gateway = 0x0a050001};

    assert_true(ipv4_net_parse("10.5.0.0/24", &n.subnet));
    n.options.m = arena_array(a, 1, sizeof *n.options.m);
    n.options.m[0].k = (char *)"com.docker.network.driver.mtu";
    n.options.m[0].v = (char *)"1400";
    n.options.n = 1;
    return n;
}

static json_t *told(const struct netavark_in *in, struct arena *a)
{
    json_t *j = NULL;
    char *text = NULL;

    assert_int_equal(netavark_input(in, a, &text, NULL), 0);
    assert_int_equal(json_parse(text, strlen(text), 1 << 20, &j, NULL), 0);
    return j;
}

static void whole(void **state)
{
    static const char want[] =
        "{\"container_id\":\"c0\",\"container_name\":\"web\",\"port_mappings\":["
        "{\"host_ip\":\"\",\"host_port\":8080,\"container_port\":80,\"protocol\":\"tcp\","
        "\"range\":3},"
        "{\"host_ip\":\"127.0.0.1\",\"host_port\":53,\"container_port\":53,\"protocol\":\"udp\","
        "\"range\":1}],"
        "\"dns_servers\":[\"192.0.2.1\"],"
        "\"networks\":{\"back-0123\":{\"interface_name\":\"eth1\",\"static_ips\":[\"10.5.0.77\"],"
        "\"static_mac\":\"02:42:0a:05:00:4d\",\"aliases\":[\"db\",\"c0\"]}},"
        "\"network_info\":{\"back-0123\":{\"name\":\"back-0123\",\"id\":\"0123\",\"driver\":"
        "\"bridge\","
        "\"network_interface\":\"br-0123\",\"subnets\":[{\"subnet\":\"10.5.0.0/24\",\"gateway\":"
        "\"10.5.0.1\"}],\"ipv6_enabled\":false,\"internal\":false,\"dns_enabled\":true,"
        "\"ipam_options\":{\"driver\":\"host-local\"},\"options\":{\"mtu\":\"1400\",\"metric\":"
        "\"101\"}}}}";
    static const struct netavark_port ports[] = {
        {"tcp", "", 80, 8080},
        {"tcp", "", 81, 8081},
        {"tcp", "", 82, 8082},
        {"udp", "127.0.0.1", 53, 53},
    };
    TEST_ARENA;
    struct network n = network_of(&a, "back");
    struct netavark_in in = {.container_id = "c0",
                             .container_name = "web",
                             .network = &n,
                             .number = 1,
                             .address = 0x0a05004d,
                             .names = STRV("db", "c0"),
                             .dns = STRV("192.0.2.1"),
                             .ports = ports,
                             .n_ports = ARRAY_SIZE(ports)};
    char *text = NULL;

    assert_int_equal(netavark_input(&in, &a, &text, NULL), 0);
    assert_string_equal(text, want);
}

/* Neither names nor a metric; ports that are no neighbours stay apart. */
static void default_bridge(void **state)
{
    static const struct netavark_port ports[] = {
        {"tcp", "", 80, 8080}, {"tcp", "", 81, 9000}, {"udp", "", 82, 9001}};
    TEST_ARENA;
    struct network n = network_of(&a, "bridge");
    struct netavark_in in = {.container_id = "c0",
                             .container_name = "web",
                             .network = &n,
                             .address = 0x0a050002,
                             .ports = ports,
                             .n_ports = ARRAY_SIZE(ports)};
    _cleanup_json_ json_t *j = told(&in, &a);
    const json_t *info = json_object_get(json_object_get(j, "network_info"), "bridge-0123");

    assert_true(json_is_false(json_object_get(info, "dns_enabled")));
    assert_null(json_object_get(json_object_get(info, "options"), "metric"));
    assert_null(json_object_get(j, "dns_servers"));
    assert_int_equal(json_array_size(json_object_get(j, "port_mappings")), 3);
}

static void check_address(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"10.6.0.1", "no configured subnet contains IP address 10.6.0.1"},
        {"10.5.0.1", "Address already in use"},
        {"10.5.0.0", "Address already in use"},
        {"10.5.0.255", "Address already in use"},
        {"x", "invalid IPv4 address: x"},
        {"::1", "invalid IPv4 address: ::1"},
    };
    TEST_ARENA;
    struct network n = network_of(&a, "back"), bridge = network_of(&a, "bridge");
    struct shale_err e = SHALE_ERR_INIT;
    uint32_t address = 0;

    assert_int_equal(network_check_address(&n, "10.5.0.9", &address, NULL), 0);
    assert_int_equal(address, 0x0a050009);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(network_check_address(&n, bad[i].text, &address, &e) < 0);
        assert_non_null(strstr(e.msg, bad[i].message));
    }
    assert_int_equal(network_check_address(&bridge, "10.5.0.9", &address, &e), -SHALE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(default_bridge),
        cmocka_unit_test(check_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
