/* SPDX-License-Identifier: Apache-2.0 */
#include "container/brief.h"

#include "container_test.h"

static struct conf example(struct arena *a)
{
    static const struct conf_mount mounts[] = {
        {"bind", "", "/s", "/t", "", "rslave", 0, true, false, false},
        {"volume", "vol", "/v/_data", "/d", "", "", 0, false, true, false},
    };
    static const struct port_pair ports[] = {{"tcp", "", 80, 8080, 8080},
                                             {"udp", "127.0.0.1", 65535, 0, 0}};
    static char *aliases[] = {(char *)"a", (char *)"b", NULL};
    static const struct conf_network networks[] = {
        {"front", "id1", "10.5.0.7", "fd00::7", {.v = aliases, .n = 2}},
        {"back", "id2", "", "", {.v = NULL}}};
    struct conf c = {.hostname = "not kept",
                     .tty = true,
                     .network = "front",
                     .runtime = "runc",
                     .path = "/e",
                     .mounts = arena_memdup(a, mounts, sizeof mounts),
                     .n_mounts = ARRAY_SIZE(mounts),
                     .networks = arena_memdup(a, networks, sizeof networks),
                     .n_networks = ARRAY_SIZE(networks),
                     .ports = {.v = arena_memdup(a, ports, sizeof ports), .n = ARRAY_SIZE(ports)}};

    static char *args[] = {(char *)"c \u00e9\n", (char *)"", NULL};
    static char *exposed[] = {(char *)"80/tcp", NULL};
    static char *test[] = {(char *)"CMD", (char *)"true", NULL};
    c.args = (struct strv){.v = args, .n = 2};
    c.exposed_ports = (struct strv){.v = exposed, .n = 1};
    c.health.test = (struct strv){.v = test, .n = 2};
    return c;
}

static void same_strv(const struct strv *x, const struct strv *y)
{
    assert_int_equal(x->n, y->n);
    for (size_t i = 0; i < x->n; i++)
        assert_string_equal(x->v[i], y->v[i]);
}

static void there_and_back(void **state)
{
    TEST_ARENA;
    struct conf c = example(&a), d;
    struct str packed;

    assert_int_equal(brief_pack(&c, &a, &packed, NULL), 0);
    assert_int_equal(brief_unpack(packed, &a, &d), 0);
    assert_true(d.tty);
    assert_false(d.open_stdin);
    assert_string_equal(d.hostname, "");
    assert_string_equal(d.network, "front");
    assert_string_equal(d.runtime, "runc");
    assert_string_equal(d.path, "/e");
    same_strv(&d.args, &c.args);
    same_strv(&d.exposed_ports, &c.exposed_ports);
    same_strv(&d.health.test, &c.health.test);
    assert_int_equal(d.n_mounts, 2);
    assert_string_equal(d.mounts[0].type, "bind");
    assert_string_equal(d.mounts[0].source, "/s");
    assert_true(d.mounts[0].read_only);
    assert_string_equal(d.mounts[1].name, "vol");
    assert_string_equal(d.mounts[1].target, "/d");
    assert_false(d.mounts[1].read_only);
    assert_int_equal(d.n_networks, 2);
    assert_string_equal(d.networks[0].name, "front");
    assert_string_equal(d.networks[0].id, "id1");
    assert_string_equal(d.networks[0].address, "10.5.0.7");
    assert_string_equal(d.networks[0].address6, "fd00::7");
    same_strv(&d.networks[0].aliases, &c.networks[0].aliases);
    assert_int_equal(d.networks[1].aliases.n, 0);
    assert_int_equal(d.ports.n, 2);
    assert_string_equal(d.ports.v[1].protocol, "udp");
    assert_string_equal(d.ports.v[1].host_ip, "127.0.0.1");
    assert_int_equal(d.ports.v[0].last, 8080);
    assert_int_equal(d.ports.v[1].inside, 65535);
}

static void empty(void **state)
{
    TEST_ARENA;
    struct conf c = {.network = "none"}, d;
    struct str packed;

    assert_int_equal(brief_pack(&c, &a, &packed, NULL), 0);
    assert_int_equal(brief_unpack(packed, &a, &d), 0);
    assert_string_equal(d.network, "none");
    assert_string_equal(d.path, "");
    assert_int_equal(d.n_mounts + d.n_networks + d.args.n + d.ports.n, 0);
    assert_true(packed.n < 32);
}

/* Cut off, longer, of another version, with any one byte another: never more than is there is read
 * (the sanitizer build sees), and what is set is only set when all of it is right. */
static void damaged(void **state)
{
    TEST_ARENA;
    struct conf c = example(&a), d = {.network = "untouched"};
    struct str packed;

    assert_int_equal(brief_pack(&c, &a, &packed, NULL), 0);
    assert_int_equal(brief_unpack((struct str){"", 0}, &a, &d), -SHALE_CORRUPT);
    for (size_t n = 0; n < packed.n; n++) {
        char *cut = malloc(n + 1);
        assert_non_null(cut);
        memcpy(cut, packed.p, n);
        assert_int_equal(brief_unpack((struct str){cut, n}, &a, &d), -SHALE_CORRUPT);
        free(cut);
    }
    char *other = malloc(packed.n + 1);
    assert_non_null(other);
    memcpy(other, packed.p, packed.n);
    other[packed.n] = 0;
    assert_int_equal(brief_unpack((struct str){other, packed.n + 1}, &a, &d), -SHALE_CORRUPT);
    other[0]++;
    assert_int_equal(brief_unpack((struct str){other, packed.n}, &a, &d), -SHALE_CORRUPT);
    other[0]--;
    assert_string_equal(d.network, "untouched");
    for (size_t i = 0; i < packed.n; i++)
        for (unsigned v = 0; v < 256; v += 5) {
            struct conf x;
            char *copy = malloc(packed.n);
            assert_non_null(copy);
            memcpy(copy, packed.p, packed.n);
            copy[i] = (char)(copy[i] ^ v);
            int r = brief_unpack((struct str){copy, packed.n}, &a, &x);
            assert_true(r == 0 || r == -SHALE_CORRUPT);
            if (r == 0)
                assert_true(strlen(x.network) < packed.n && x.n_mounts < packed.n);
            free(copy);
        }
    free(other);
}

/* A row of before networks had MAC addresses and links. */
static void of_version_2(void **state)
{
    TEST_ARENA;
    static const char end[] = "zz"; /* the last alias, with what version 3 has after it: nothing */
    static char *aliases[] = {(char *)end, NULL};
    static const struct conf_network network = {
        .name = "front", .id = "id", .address = "", .address6 = "", .aliases = {aliases, 1}};
    struct conf c = example(&a), d;
    struct str packed;

    c.networks = arena_memdup(&a, &network, sizeof network);
    c.n_networks = 1;
    assert_int_equal(brief_pack(&c, &a, &packed, NULL), 0);
    char *p = memmem(packed.p, packed.n, "zz\0\0", 5);
    assert_non_null(p);
    p += sizeof end;
    memmove(p, p + 2, packed.n - 2 - (size_t)(p - packed.p));
    ((char *)packed.p)[0] = 2;
    assert_int_equal(brief_unpack((struct str){packed.p, packed.n - 2}, &a, &d), 0);
    assert_string_equal(d.networks[0].aliases.v[0], "zz");
    assert_string_equal(d.networks[0].mac, "");
    assert_int_equal(d.networks[0].links.n, 0);
    same_strv(&d.health.test, &c.health.test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(empty),
        cmocka_unit_test(damaged),
        cmocka_unit_test(of_version_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
