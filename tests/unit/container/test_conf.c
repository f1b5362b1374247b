/* SPDX-License-Identifier: Apache-2.0 */
#include "container/conf.h"

#include "container_test.h"

static void assert_same(const struct strv *x, const struct strv *y)
{
    assert_int_equal(x->n, y->n);
    for (size_t i = 0; i < x->n; i++)
        assert_string_equal(x->v[i], y->v[i]);
}

static void round_trip(void **state)
{
    TEST_ARENA;
    struct conf_mount m[] = {
        {"bind", "", "/s", "/t", "", "rslave", 0, true, false},
        {"volume", "vol", "/v/_data", "/d", "", "", 0, false, true},
        {"tmpfs", "", "", "/tmp", "mode=1777", "", 4096, false, false},
    };
    struct blkio_device device = {"/dev/a", 7};
    char *readonly[] = {(char *)"/proc/x"};
    struct port_pair ports[] = {{"tcp", "", 80, 8080, 8080},
                                {"tcp", "127.0.0.1", 80, 0, 0},
                                {"tcp", "::1", 80, 0, 0},
                                {"udp", "", 53, 5300, 5310}};
    struct conf_network networks[] = {{"front", "id1", "", "", STRV("a", "b")},
                                      {"back", "id2", "10.5.0.7", "fd00::7", {.v = NULL}}};
    struct strmap labels = {.m = arena_array(&a, 1, sizeof *labels.m), .n = 1, .set = true};
    labels.m[0].k = (char *)"k";
    labels.m[0].v = (char *)"v \"quoted\"\n";
    struct conf c = {.hostname = "h",
                     .user = "u:g",
                     .workdir = "/w",
                     .stop_signal = "SIGINT",
                     .image = "img:1",
                     .tty = true,
                     .open_stdin = true,
                     .env = STRV("A=1", "B="),
                     .entrypoint = STRV("/e"),
                     .cmd = STRV("c1", ""),
                     .exposed_ports = STRV("80/tcp"),
                     .volumes = STRV("/d"),
                     .labels = labels,
                     .stop_timeout_s = 0,
                     .network = "host",
                     .runtime = "runc",
                     .cidfile = "/cid",
                     .privileged = true,
                     .init = true,
                     .read_only = true,
                     .cap_add = STRV("ALL"),
                     .cap_drop = STRV("CHOWN"),
                     .security_opt = STRV("seccomp={\"a\":1}", "no-new-privileges"),
                     .memory_bytes = 1 << 30,
                     .nano_cpus = 5,
                     .pids_limit = -1,
                     .domainname = "dom",
                     .namespaces = {[NS_PID] = "host", [NS_IPC] = "container:x"},
                     .links = STRV("id:alias"),
                     .oom_score_adj = -7,
                     .oom_kill_disable = true,
                     .has_swappiness = true,
                     .cgroup_parent = "/p",
                     .device_rules = STRV("c 1:3 r"),
                     .masked_paths = {.set = true},
                     .readonly_paths = {readonly, 1, true},
                     .blkio = {300, {[BLKIO_READ_BPS] = {&device, 1}}},
                     .path = "/e",
                     .args = STRV("c1", ""),
                     .detach_keys = "ctrl-x",
                     .ports = {.v = ports, .n = ARRAY_SIZE(ports)},
                     .publish_all = true,
                     .networks = networks,
                     .n_networks = ARRAY_SIZE(networks),
                     .mounts = m,
                     .n_mounts = ARRAY_SIZE(m)};
    struct conf d;
    char *text, *again;

    networks[1].mac = "02:42:00:00:00:01";
    networks[1].links = STRV("db:data");

    assert_int_equal(conf_format(&c, &a, &text, NULL), 0);
    assert_int_equal(conf_parse(text, &a, &d, NULL), 0);
    assert_int_equal(conf_format(&d, &a, &again, NULL), 0);
    assert_string_equal(again, text);
    assert_string_equal(d.stop_signal, "SIGINT");
    assert_int_equal(d.stop_timeout_s, 0);
    assert_int_equal(d.pids_limit, -1);
    assert_same(&d.env, &c.env);
    assert_same(&d.args, &c.args);
    assert_same(&d.security_opt, &c.security_opt);
    assert_string_equal(strmap_get(&d.labels, "k"), "v \"quoted\"\n");
    assert_int_equal(d.n_mounts, 3);
    assert_true(d.publish_all);
    assert_int_equal(d.ports.n, 4);
    assert_string_equal(d.ports.v[1].host_ip, "127.0.0.1");
    assert_int_equal(d.ports.v[1].first, 0);
    assert_string_equal(d.ports.v[2].host_ip, "::1");
    assert_int_equal(d.ports.v[3].last, 5310);
    assert_int_equal(d.n_networks, 2);
    assert_same(&d.networks[0].aliases, &networks[0].aliases);
    assert_string_equal(d.networks[1].address, "10.5.0.7");
    assert_string_equal(d.networks[1].address6, "fd00::7");
    assert_string_equal(d.networks[1].mac, "02:42:00:00:00:01");
    assert_string_equal(d.networks[0].mac, "");
    assert_string_equal(d.networks[1].links.v[0], "db:data");
    assert_string_equal(d.domainname, "dom");
    assert_string_equal(d.namespaces[NS_IPC], "container:x");
    assert_string_equal(d.namespaces[NS_UTS], "");
    assert_same(&d.links, &c.links);
    assert_int_equal(d.oom_score_adj, -7);
    assert_true(d.oom_kill_disable && d.has_swappiness && d.swappiness == 0);
    assert_string_equal(d.cgroup_parent, "/p");
    assert_same(&d.device_rules, &c.device_rules);
    assert_true(d.masked_paths.set && d.masked_paths.n == 0);
    assert_same(&d.readonly_paths, &c.readonly_paths);
    assert_int_equal(d.blkio.weight, 300);
    assert_int_equal(d.blkio.lists[BLKIO_READ_BPS].v[0].value, 7);
    assert_int_equal(d.blkio.lists[BLKIO_WRITE_BPS].n, 0);
    assert_true(d.mounts[0].read_only);
    assert_string_equal(d.mounts[0].propagation, "rslave");
    assert_true(d.mounts[1].anonymous);
    assert_string_equal(d.mounts[1].name, "vol");
    assert_int_equal(d.mounts[2].tmpfs_size_bytes, 4096);
    assert_string_equal(d.mounts[2].options, "mode=1777");
}

/* "HostConfig" had a constant once, which nobody had asked for. */
static void cgroup_namespace(void **state)
{
    TEST_ARENA;
    static const char old[] =
        "{\"Config\":{\"Hostname\":\"h\"},\"HostConfig\":{\"CgroupnsMode\":\"host\","
        "\"NetworkMode\":\"none\",\"RestartPolicy\":{\"Name\":\"no\"}},"
        "\"Path\":\"p\",\"Args\":[],\"Mounts\":[]}";
    struct conf c, d;
    char *text;

    assert_int_equal(conf_parse(old, &a, &c, NULL), 0);
    assert_null(c.namespaces[NS_CGROUP]);
    assert_int_equal(conf_format(&c, &a, &text, NULL), 0);
    assert_int_equal(conf_parse(text, &a, &d, NULL), 0);
    assert_string_equal(d.namespaces[NS_CGROUP], "");
    c.namespaces[NS_CGROUP] = "host";
    assert_int_equal(conf_format(&c, &a, &text, NULL), 0);
    assert_int_equal(conf_parse(text, &a, &d, NULL), 0);
    assert_string_equal(d.namespaces[NS_CGROUP], "host");
}

static void bad(void **state)
{
    static const char *const texts[] = {"", "[]", "{}", "{\"Config\":{}}",
                                        "{\"Config\":{\"Env\":7},\"HostConfig\":{}}"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        TEST_ARENA;
        struct conf c = {.memory_bytes = 42};
        assert_true(conf_parse(texts[i], &a, &c, NULL) < 0);
        assert_int_equal(c.memory_bytes, 42);
    }
}

static void security_options(void **state)
{
    struct conf c = {.security_opt = STRV("seccomp:x", "no-new-privileges", "label=a:b")};

    assert_string_equal(conf_security_opt(&c, "seccomp"), "x");
    assert_string_equal(conf_security_opt(&c, "label"), "a:b");
    assert_string_equal(conf_security_opt(&c, "no-new-privileges"), "");
    assert_null(conf_security_opt(&c, "no-new"));
    assert_true(conf_no_new_privileges(&c));
    c.security_opt = STRV("no-new-privileges:false");
    assert_false(conf_no_new_privileges(&c));
    c.security_opt = (struct strv){.v = NULL};
    assert_false(conf_no_new_privileges(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(cgroup_namespace),
        cmocka_unit_test(bad),
        cmocka_unit_test(security_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
