/* SPDX-License-Identifier: Apache-2.0 */
/* What control groups have used: version 1, version 2, both at once, and files that make no sense.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "container/cgstats.h"
#include "container_test.h"

static char root[64];
static struct arena a = ARENA_INIT(1 << 20);

static int begin(void **state)
{
    (void)snprintf(root, sizeof root, "/tmp/shale-cgstats-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int end(void **state)
{
    arena_clear(&a);
    return fs_remove_tree(AT_FDCWD, root, NULL);
}

/* root/path with this text, and the folders on the way. */
static void put(const char *path, const char *text)
{
    char full[512];

    (void)snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        (void)mkdir(full, 0700);
        *p = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

static void put_v1(const char *group)
{
    static const char *const files[][2] = {
        {"cpuacct%s/cpuacct.usage", "1234567890\n"},
        {"cpuacct%s/cpuacct.usage_user", "1000\n"},
        {"cpuacct%s/cpuacct.usage_sys", "2000\n"},
        {"memory%s/memory.usage_in_bytes", "10485760\n"},
        {"memory%s/memory.limit_in_bytes", "67108864\n"},
        {"memory%s/memory.stat", "cache 5\ninactive_file 1\ntotal_inactive_file 1048576\n"},
        {"blkio%s/blkio.throttle.io_service_bytes_recursive",
         "8:0 Read 4096\n8:0 Write 100\n8:0 Total 4196\n8:16 Read 4\nTotal 4200\n"},
        {"pids%s/pids.current", "7\n"},
    };
    char path[256];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(path, sizeof path, files[i][0], group);
#pragma GCC diagnostic pop
        put(path, files[i][1]);
    }
}

static void check_figures(const struct cgstats *x)
{
    assert_true(x->has_cpu && x->has_memory && x->has_blkio && x->has_pids);
    assert_int_equal(x->cpu_ns, 1234567890);
    assert_int_equal(x->memory_bytes, 9437184);
    assert_int_equal(x->memory_limit_bytes, 67108864);
    assert_int_equal(x->read_bytes, 4100);
    assert_int_equal(x->written_bytes, 100);
    assert_int_equal(x->n_pids, 7);
    assert_int_equal(x->cpu.user_ns, 1000);
    assert_int_equal(x->cpu.kernel_ns, 2000);
    assert_int_equal(x->memory_inactive_bytes, 1048576);
    assert_true(x->n_memory >= 2);
    assert_int_equal(x->memory[0].value, 5);
    assert_int_equal(x->n_blocks, 2);
    assert_int_equal(x->blocks[1].major, 8);
    assert_int_equal(x->blocks[1].minor, 16);
    assert_int_equal(x->blocks[1].read_bytes, 4);
}

static void version_1(void **state)
{
    struct cgstats x;

    put_v1("/shale/one");
    cgstats_read(root,
                 "9:name=systemd:/shale/one\n4:memory:/shale/one\n3:cpu,cpuacct:/shale/one\n"
                 "2:blkio:/shale/one\n1:pids:/shale/one\n",
                 &a, &x);
    check_figures(&x);
    put("memory/shale/one/memory.limit_in_bytes", "9223372036854771712\n");
    cgstats_read(root, "4:memory:/shale/one\n", &a, &x);
    assert_true(x.has_memory && !x.has_cpu && !x.has_blkio && !x.has_pids);
    assert_int_equal(x.memory_limit_bytes, UINT64_MAX);
}

static void put_v2(const char *below)
{
    static const char *const files[][2] = {
        {"shale/one/cpu.stat", "usage_usec 1234567\nuser_usec 1\nsystem_usec 2\nnr_periods "
                               "5\nnr_throttled 4\nthrottled_usec 3\n"},
        {"shale/one/memory.current", "10485760\n"},
        {"shale/one/memory.max", "67108864\n"},
        {"shale/one/memory.stat", "anon 5\ninactive_file 1048576\n"},
        {"shale/one/io.stat", "8:0 rbytes=4096 wbytes=60 rios=1 wios=1\n8:16 rbytes=4 wbytes=40\n"},
        {"shale/one/pids.current", "7\n"},
    };
    char path[256];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(path, sizeof path, "%s%s", below, files[i][0]);
        put(path, files[i][1]);
    }
}

static void version_2(void **state)
{
    struct cgstats x;

    put("cgroup.controllers", "cpu io memory pids\n");
    put_v2("");
    cgstats_read(root, "0::/shale/one\n", &a, &x);
    assert_int_equal(x.cpu_ns, 1234567000);
    x.cpu_ns = 1234567890;
    check_figures(&x);
    assert_int_equal(x.cpu.n_periods, 5);
    assert_int_equal(x.cpu.n_throttled, 4);
    assert_int_equal(x.cpu.throttled_ns, 3000);
    put("shale/one/memory.max", "max\n");
    cgstats_read(root, "0::/shale/one\n", &a, &x);
    assert_int_equal(x.memory_limit_bytes, UINT64_MAX);
}

/* Controllers of version 1 where they are, the others in the unified hierarchy beside them. */
static void hybrid(void **state)
{
    struct cgstats x;

    put_v1("/shale/one");
    put_v2("unified/");
    put("unified/shale/one/pids.current", "9\n");
    cgstats_read(root, "3:cpuacct:/shale/one\n2:blkio,memory:/shale/one\n0::/shale/one\n", &a, &x);
    assert_int_equal(x.n_pids, 9);
    x.n_pids = 7;
    check_figures(&x);
}

static void what_makes_no_sense_is_not_there(void **state)
{
    static const char *const groups[] = {
        "",         "\n\n", ":",           "::",
        "1:memory", "0::",  "x:pids:/a\n", "4:memory:/../../../../../../../../../etc\n"};
    struct cgstats x;

    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        cgstats_read(root, groups[i], &a, &x);
        assert_false(x.has_cpu || x.has_memory || x.has_blkio || x.has_pids);
    }
    put("pids/a/pids.current", "many\n");
    put("memory/a/memory.usage_in_bytes", "99999999999999999999999\n");
    put("blkio/a/blkio.throttle.io_service_bytes_recursive", "Read\n8:0 Read\n8:0 Read x\n\n");
    cgstats_read(root, "1:pids:/a\n2:memory:/a\n3:blkio:/a\n", &a, &x);
    assert_false(x.has_pids || x.has_memory);
    assert_int_equal(x.read_bytes, 0);
}

static void network(void **state)
{
    const struct shale_net_stats *v = NULL;
    size_t n = cgstats_net(
        "Inter-|   Receive                 |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
        "    lo:     100       1    0    0    0     0          0         0      200       1\n"
        "  eth0:    3000       4    0    2    0     0          0         0      500       6 1 0\n"
        "  eth1:7 4 0 0 0 0 0 0 8 6 0 0 0 0 0 0\n"
        "  bad: 7 4 0\n"
        "     : 1 2 3 4 5 6 7 8 9 10 11 12\n"
        "  odd: 1 2 3 x 5 6 7 8 9 10 11 12\n",
        &a, &v);
    assert_int_equal(n, 2);
    assert_string_equal(v[0].name, "eth0");
    assert_int_equal(v[0].rx_bytes, 3000);
    assert_int_equal(v[0].rx_packets, 4);
    assert_int_equal(v[0].rx_dropped, 2);
    assert_int_equal(v[0].tx_bytes, 500);
    assert_int_equal(v[0].tx_packets, 6);
    assert_int_equal(v[0].tx_errors, 1);
    assert_string_equal(v[1].name, "eth1");
    assert_int_equal(v[1].tx_bytes, 8);
    assert_int_equal(cgstats_net("", &a, &v), 0);
    /* as many as there may be */
    struct buf many = BUF_INIT(1 << 20);
    for (int i = 0; i < CGSTATS_NETS + 10; i++)
        buf_addf(&many, "e%d:1 2 3 4 5 6 7 8 9 10 11 12\n", i);
    assert_int_equal(cgstats_net(buf_str(&many), &a, &v), CGSTATS_NETS);
    buf_clear(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_1, begin, end),
        cmocka_unit_test_setup_teardown(version_2, begin, end),
        cmocka_unit_test_setup_teardown(hybrid, begin, end),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_not_there, begin, end),
        cmocka_unit_test_setup_teardown(network, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
