/* SPDX-License-Identifier: Apache-2.0 */
#include "model/run_value.h"

#include "model_test.h"

typedef int (*parse_fn)(const char *text, struct arena *a, char **ret, struct shale_err *e);

static int ulimit_text(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct run_ulimit u = {.name = ""};
    int r = run_ulimit(text, &u, e);

    if (r >= 0)
        *ret = arena_printf(a, "%s=%lld:%lld", u.name, (long long)u.soft, (long long)u.hard);
    return r;
}

static int device_text(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct run_device d = {.host = ""};
    int r = run_device(text, a, &d, e);

    if (r >= 0)
        *ret = arena_printf(a, "%s|%s|%s", d.host, d.inside, d.access);
    return r;
}

static int rule_text(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct run_device_rule d = {.access = ""};
    int r = run_device_rule(text, &d, e);

    if (r >= 0)
        *ret = arena_printf(a, "%c|%lld|%lld|%s", d.type, (long long)d.major, (long long)d.minor,
                            d.access);
    return r;
}

static int link_text(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct run_link l = {.name = ""};
    int r = run_link(text, a, &l, e);

    if (r >= 0)
        *ret = arena_printf(a, "%s|%s", l.name, l.alias);
    return r;
}

/* Exactly one of value and error. */
static const struct {
    parse_fn parse;
    const char *in, *value, *error;
} rows[] = {
    {rule_text, "c 1:3 rwm", "c|1|3|rwm", NULL},
    {rule_text, "b *:* m", "b|-1|-1|m", NULL},
    {rule_text, "a 4294967295:0 r", "a|4294967295|0|r", NULL},
    {rule_text, "", NULL, "invalid device cgroup format ''"},
    {rule_text, "d 1:3 r", NULL, "invalid device cgroup format 'd 1:3 r'"},
    {rule_text, "c 1 r", NULL, "invalid device cgroup format 'c 1 r'"},
    {rule_text, "c 1:3", NULL, "invalid device cgroup format 'c 1:3'"},
    {rule_text, "c :3 r", NULL, "invalid device cgroup format 'c :3 r'"},
    {rule_text, "c 1:3 ", NULL, "invalid device cgroup format 'c 1:3 '"},
    {rule_text, "c 1:3 rwmr", NULL, "invalid device cgroup format 'c 1:3 rwmr'"},
    {rule_text, "c 1:3 x", NULL, "invalid device cgroup format 'c 1:3 x'"},
    {rule_text, "c 4294967296:0 r", NULL, "invalid device cgroup format 'c 4294967296:0 r'"},
    {rule_text, "c 99999999999:0 r", NULL, "invalid device cgroup format 'c 99999999999:0 r'"},
    {run_mac, "02:42:AC:11:00:02", "02:42:ac:11:00:02", NULL},
    {run_mac, " 02-42-ac-11-00-02 ", "02:42:ac:11:00:02", NULL},
    {run_mac, "0242.ac11.0002", "02:42:ac:11:00:02", NULL},
    {run_mac, "", NULL, " is not a valid mac address"},
    {run_mac, "02:42:ac:11:00", NULL, "02:42:ac:11:00 is not a valid mac address"},
    {run_mac, "02:42:ac:11:00:0g", NULL, "02:42:ac:11:00:0g is not a valid mac address"},
    {run_mac, "02:42-ac:11:00:02", NULL, "02:42-ac:11:00:02 is not a valid mac address"},
    {run_mac, "02:42:ac:11:00:02:03:04", NULL,
     "02:42:ac:11:00:02:03:04 is not a valid mac address"},
    {run_mac, "01:00:5e:00:00:01", NULL, "01:00:5e:00:00:01 is a mac address of many receivers"},
    {link_text, "db", "db|db", NULL},
    {link_text, "/db", "db|db", NULL},
    {link_text, "db:data", "db|data", NULL},
    {link_text, "/db:/web/data", "db|data", NULL},
    {link_text, "", NULL, "empty string specified for links"},
    {link_text, "a:b:c", NULL, "bad format for links: a:b:c"},
    {link_text, ":b", NULL, "bad format for links: :b"},
    {link_text, "/", NULL, "bad format for links: /"},
    {link_text, "/:a", NULL, "bad format for links: /:a"},
    {link_text, "//a", NULL, "bad format for links: //a"},
    {link_text, "/a/b:c", NULL, "bad format for links: /a/b:c"},
    {link_text, "a:b/c", NULL, "bad format for links: a:b/c"},
    {link_text, "a:/b", NULL, "bad format for links: a:/b"},
    {link_text, "/x:/y/", NULL, "bad format for links: /x:/y/"},
    {link_text, "a:", NULL, "bad format for links: a:"},
    {link_text, "a:b c", NULL, "bad format for links: a:b c"},
    {link_text, "a:b\n1.2.3.4 c", NULL, "bad format for links: a:b\n1.2.3.4 c"},
    {run_extra_host, "a:1.2.3.4", "a:1.2.3.4", NULL},
    {run_extra_host, "a=1.2.3.4", "a:1.2.3.4", NULL},
    {run_extra_host, "a:::1", "a:::1", NULL},
    {run_extra_host, "a:[::1]", "a:::1", NULL},
    {run_extra_host, "a=[fe80::1]", "a:fe80::1", NULL},
    {run_extra_host, "a:host-gateway", "a:host-gateway", NULL},
    {run_extra_host, "foo", NULL, "bad format for add-host: \"foo\""},
    {run_extra_host, ":1.2.3.4", NULL, "bad format for add-host: \":1.2.3.4\""},
    {run_extra_host, "", NULL, "bad format for add-host: \"\""},
    {run_extra_host, "foo:1.2", NULL, "invalid IP address in add-host: \"1.2\""},
    {run_extra_host, "foo:", NULL, "invalid IP address in add-host: \"\""},
    {run_extra_host, "foo:[]", NULL, "invalid IP address in add-host: \"[]\""},
    {run_dns, " 8.8.8.8 ", "8.8.8.8", NULL},
    {run_dns, "2001:DB8:0::1", "2001:db8::1", NULL},
    {run_dns, "::ffff:1.2.3.4", "1.2.3.4", NULL},
    {run_dns, "foo", NULL, "IP address is not correctly formatted: foo"},
    {run_dns, "8.8.8.8 search x", NULL, "IP address is not correctly formatted: 8.8.8.8 search x"},
    {run_dns_search, "example.com", "example.com", NULL},
    {run_dns_search, "example.com.", "example.com.", NULL},
    {run_dns_search, ".", ".", NULL},
    {run_dns_search, "a_b", NULL, "a_b is not a valid domain"},
    {run_dns_search, "-a.b", NULL, "-a.b is not a valid domain"},
    {run_dns_search, "a..b", NULL, "a..b is not a valid domain"},
    {run_dns_search, "1.2", NULL, "1.2 is not a valid domain"},
    {run_dns_search, "a\nnameserver", NULL, "a\nnameserver is not a valid domain"},
    {run_dns_search, "", NULL, " is not a valid domain"},
    {run_sysctl, "net.ipv4.ip_forward=1", "net.ipv4.ip_forward=1", NULL},
    {run_sysctl, "kernel.sem=1 2 3 4", "kernel.sem=1 2 3 4", NULL},
    {run_sysctl, "fs.mqueue.msg_max=", "fs.mqueue.msg_max=", NULL},
    {run_sysctl, "kernel.semi=1", NULL, "sysctl 'kernel.semi=1' is not allowed"},
    {run_sysctl, "vm.swappiness=1", NULL, "sysctl 'vm.swappiness=1' is not allowed"},
    {run_sysctl, "net.a", NULL, "sysctl 'net.a' is not allowed"},
    {ulimit_text, "nofile=10:20", "nofile=10:20", NULL},
    {ulimit_text, "nofile=10", "nofile=10:10", NULL},
    {ulimit_text, "core=-1", "core=-1:-1", NULL},
    {ulimit_text, "core=0:-1", "core=0:-1", NULL},
    {ulimit_text, "core=9223372036854775807", "core=9223372036854775807:9223372036854775807", NULL},
    {ulimit_text, "foo", NULL, "invalid ulimit argument: foo"},
    {ulimit_text, "foo=1", NULL, "invalid ulimit type: foo"},
    {ulimit_text, "as=1", NULL, "invalid ulimit type: as"},
    {ulimit_text, "nofile=5:2", NULL,
     "ulimit soft limit must be less than or equal to hard limit: 5 > 2"},
    {ulimit_text, "nofile=-1:2", NULL,
     "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 2"},
    {ulimit_text, "nofile=1:2:3", NULL,
     "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`"},
    {ulimit_text, "nofile=x", NULL, "strconv.ParseInt: parsing \"x\": invalid syntax"},
    {ulimit_text, "nofile=", NULL, "strconv.ParseInt: parsing \"\": invalid syntax"},
    {ulimit_text, "nofile=9223372036854775808", NULL,
     "strconv.ParseInt: parsing \"9223372036854775808\": value out of range"},
    {ulimit_text, "nofile=-2", NULL, "invalid ulimit value: -2"},
    {device_text, "/dev/a", "/dev/a|/dev/a|rwm", NULL},
    {device_text, "/dev/a:/dev/b", "/dev/a|/dev/b|rwm", NULL},
    {device_text, "/dev/a:r", "/dev/a|/dev/a|r", NULL},
    {device_text, "/dev/a:/dev/b:mr", "/dev/a|/dev/b|mr", NULL},
    {device_text, "/dev/a:/dev/b:q", NULL, "bad mode specified: q"},
    {device_text, "/dev/a:/dev/b:rr", NULL, "bad mode specified: rr"},
    {device_text, "/dev/a:/dev/b:", NULL, "bad mode specified: "},
    {device_text, "/dev/a:x", NULL, "x is not an absolute path"},
    {device_text, "foo", NULL, "foo is not an absolute path"},
    {device_text, "a:b:c:d", NULL, "bad format for path: a:b:c:d"},
    {device_text, "", NULL, "bad format for path: "},
    {device_text, ":/dev/b", NULL, "bad format for path: :/dev/b"},
};

static void values_and_messages(void **state)
{
    TEST_ARENA;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        char *value = NULL;
        int r = rows[i].parse(rows[i].in, &a, &value, &e);
        print_message("%s\n", rows[i].in);
        assert_int_equal(r, rows[i].error ? -SHALE_INVALID : 0);
        if (rows[i].error)
            assert_string_equal(e.msg, rows[i].error);
        else
            assert_string_equal(value, rows[i].value);
    }
}

static void too_long(void **state)
{
    TEST_ARENA;
    char *text = arena_alloc(&a, RUN_VALUE_BYTES + 2), *value = NULL;

    memset(text, 'a', RUN_VALUE_BYTES + 1);
    assert_int_equal(run_dns(text, &a, &value, NULL), -SHALE_LIMIT);
    assert_int_equal(run_extra_host(text, &a, &value, NULL), -SHALE_LIMIT);
    assert_int_equal(ulimit_text(text, &a, &value, NULL), -SHALE_LIMIT);
    assert_int_equal(device_text(text, &a, &value, NULL), -SHALE_LIMIT);
    assert_int_equal(link_text(text, &a, &value, NULL), -SHALE_LIMIT);
    assert_int_equal(rule_text(text, &a, &value, NULL), -SHALE_INVALID);
    assert_int_equal(run_mac(text, &a, &value, NULL), -SHALE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_messages),
        cmocka_unit_test(too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
