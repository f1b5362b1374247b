/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/meta_network.h"

#include "meta_test.h"

#define ID(digit) HEX64(digit)
#define HEX16(d)  d d d d d d d d d d d d d d d d
#define HEX64(d)  HEX16(d) HEX16(d) HEX16(d) HEX16(d)

static void add(struct fix *f, const char *id, const char *name)
{
    struct meta_network n = {.id = id, .name = name, .driver = "bridge", .config = "{}"};

    ok(meta_network_add(f->m, &n, &f->e));
}

static void networks(void **state)
{
    struct fix *f = *state;
    struct meta_network n, *v;
    size_t count;

    add(f, ID("a"), "two");
    add(f, ID("b"), "one");
    assert_int_equal(
        meta_network_add(
            f->m,
            &(struct meta_network){.id = ID("c"), .name = "one", .driver = "bridge", .config = ""},
            &f->e),
        -SHALE_EXISTS);
    ok(meta_network_list(f->m, &f->a, &v, &count, &f->e));
    assert_int_equal(count, 2);
    assert_string_equal(v[0].name, "one");
    assert_true(v[0].created_ns > 0);
    ok(meta_network_find(f->m, "two", &f->a, &n, &f->e));
    assert_string_equal(n.id, ID("a"));
    ok(meta_network_find(f->m, "bb", &f->a, &n, &f->e));
    assert_string_equal(n.name, "one");
    assert_int_equal(meta_network_find(f->m, "nope", &f->a, &n, &f->e), -SHALE_NOT_FOUND);
    assert_string_equal(f->e.msg, "network nope not found");
    add(f, "bc" HEX16("0") HEX16("0") HEX16("0") "00000000000000", "third");
    assert_int_equal(meta_network_find(f->m, "b", &f->a, &n, &f->e), -SHALE_INVALID);
    ok(meta_network_set_config(f->m, ID("a"), "{\"x\":1}", &f->e));
    ok(meta_network_find(f->m, ID("a"), &f->a, &n, &f->e));
    assert_string_equal(n.config, "{\"x\":1}");
}

static void endpoints(void **state)
{
    struct fix *f = *state;
    struct meta_endpoint *v;
    size_t n;

    add(f, ID("a"), "net");
    ok(meta_endpoint_add(f->m, &(struct meta_endpoint){"c1", ID("a"), "e1", 7}, &f->e));
    ok(meta_endpoint_add(f->m, &(struct meta_endpoint){"c2", ID("a"), "e2", 5}, &f->e));
    ok(meta_endpoint_add(f->m, &(struct meta_endpoint){"c2", ID("b"), "e3", 7}, &f->e));
    /* another's address; one's own again */
    assert_int_equal(
        meta_endpoint_add(f->m, &(struct meta_endpoint){"c3", ID("a"), "e4", 5}, &f->e),
        -SHALE_EXISTS);
    ok(meta_endpoint_add(f->m, &(struct meta_endpoint){"c2", ID("a"), "e5", 5}, &f->e));
    ok(meta_endpoint_list(f->m, NULL, ID("a"), &f->a, &v, &n, &f->e));
    assert_int_equal(n, 2);
    assert_string_equal(v[0].container, "c2");
    assert_string_equal(v[0].id, "e5");
    assert_int_equal(v[1].address, 7);
    ok(meta_endpoint_list(f->m, "c2", NULL, &f->a, &v, &n, &f->e));
    assert_int_equal(n, 2);
    assert_string_equal(v[0].address6, "");
    ok(meta_endpoint_add(f->m, &(struct meta_endpoint){"c2", ID("b"), "e3", 7, "fd00::9"}, &f->e));
    ok(meta_endpoint_list(f->m, "c2", ID("b"), &f->a, &v, &n, &f->e));
    assert_string_equal(v[0].address6, "fd00::9");
    assert_int_equal(meta_network_delete(f->m, ID("a"), &f->e), -SHALE_IN_USE);
    ok(meta_endpoint_delete(f->m, "c1", ID("a"), &f->e));
    ok(meta_endpoint_delete(f->m, "c2", NULL, &f->e));
    ok(meta_endpoint_list(f->m, NULL, NULL, &f->a, &v, &n, &f->e));
    assert_int_equal(n, 0);
    ok(meta_network_delete(f->m, ID("a"), &f->e));
    ok(meta_network_delete(f->m, ID("a"), &f->e));
}

static int holder(struct fix *f, const char *protocol, const char *ip, uint16_t port)
{
    const char *by = NULL;
    int r = meta_port_holder(f->m, protocol, ip, port, &f->a, &by, &f->e);

    if (r == 1)
        assert_string_equal(by, "c1");
    return r;
}

static void ports(void **state)
{
    struct fix *f = *state;
    struct meta_port *v;
    size_t n;

    ok(meta_port_add(f->m, &(struct meta_port){"c1", "n", "tcp", "", 80, 8080}, &f->e));
    ok(meta_port_add(f->m, &(struct meta_port){"c1", "n", "udp", "127.0.0.1", 53, 53}, &f->e));
    assert_int_equal(holder(f, "tcp", "", 8080), 1);
    assert_int_equal(holder(f, "tcp", "10.0.0.1", 8080), 1);
    assert_int_equal(holder(f, "udp", "", 8080), 0);
    assert_int_equal(holder(f, "udp", "", 53), 1);
    assert_int_equal(holder(f, "udp", "127.0.0.1", 53), 1);
    assert_int_equal(holder(f, "udp", "10.0.0.1", 53), 0);
    /* addresses of the other kind are others */
    assert_int_equal(holder(f, "tcp", "::", 8080), 0);
    assert_int_equal(holder(f, "tcp", "::1", 8080), 0);
    ok(meta_port_add(f->m, &(struct meta_port){"c1", "n", "tcp", "::", 81, 8081}, &f->e));
    assert_int_equal(holder(f, "tcp", "::1", 8081), 1);
    assert_int_equal(holder(f, "tcp", "", 8081), 0);
    assert_int_equal(holder(f, "tcp", "0.0.0.0", 8081), 0);
    ok(meta_port_add(f->m, &(struct meta_port){"c1", "n", "tcp", "0.0.0.0", 82, 8082}, &f->e));
    assert_int_equal(holder(f, "tcp", "10.0.0.1", 8082), 1);
    ok(meta_port_list(f->m, "c1", &f->a, &v, &n, &f->e));
    assert_int_equal(n, 4);
    assert_int_equal(v[0].inside, 53);
    assert_string_equal(v[0].host_ip, "127.0.0.1");
    ok(meta_endpoint_delete(f->m, "c1", NULL, &f->e));
    assert_int_equal(holder(f, "tcp", "", 8080), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(networks, fix_setup, fix_teardown),
        cmocka_unit_test_setup_teardown(endpoints, fix_setup, fix_teardown),
        cmocka_unit_test_setup_teardown(ports, fix_setup, fix_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
