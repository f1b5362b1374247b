/* SPDX-License-Identifier: Apache-2.0 */
/* ps as docker prints it. */
#include "view/containers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/time.h"

#define ID64     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define IMAGE_ID "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST   "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define NOW      (1700000000ll * NS_PER_S)

static const char *const command[] = {"sh", "-c", "echo a b", NULL};
static const char *const quoted[] = {"echo", "\"x\"", NULL};
static const struct shale_container_mount mounts[] = {
    {.type = "volume", .name = "data", .source = "/v/data", .target = "/d"},
    {.type = "bind", .name = "", .source = "/srv/a/very/long/path", .target = "/s"},
    {.type = "tmpfs", .name = "", .source = "", .target = "/t"},
};
static const struct shale_container items[] = {
    {.id = ID64,
     .name = "web",
     .image = "alpine:3",
     .image_id = IMAGE_ID,
     .state = SHALE_RUNNING,
     .created_ns = NOW - 90 * NS_PER_S,
     .started_ns = NOW - 65 * NS_PER_S,
     .command = command,
     .labels_json = "{\"a.b-c\":\"1\",\"k\":\"v\"}",
     .network = "none",
     .mounts = mounts,
     .n_mounts = 3,
     .size_rw_bytes = 1500,
     .size_root_bytes = 7800000},
    {.id = ID64,
     .name = "job",
     .image = "alpine:3@" DIGEST,
     .image_id = IMAGE_ID,
     .state = SHALE_EXITED,
     .exit_code = 137,
     .created_ns = NOW - 7200 * NS_PER_S,
     .started_ns = NOW - 7000 * NS_PER_S,
     .finished_ns = NOW - 3600 * NS_PER_S,
     .command = quoted,
     .labels_json = "",
     .network = "host",
     .size_rw_bytes = -1,
     .size_root_bytes = -1},
    {.id = ID64,
     .name = "new",
     .image = IMAGE_ID,
     .image_id = IMAGE_ID,
     .state = SHALE_CREATED,
     .created_ns = NOW,
     .started_ns = TIME_NONE,
     .finished_ns = TIME_NONE,
     .command = quoted,
     .labels_json = "",
     .network = "none"},
};
static const struct shale_container_list list = {items, 3};

static void expect(struct ps_opts o, const char *want)
{
    struct buf out = BUF_INIT(100000);
    struct shale_err e = SHALE_ERR_INIT;
    o.now_ns = NOW;
    int r = ps_print(&list, &o, &out, &e);
    if (r < 0)
        print_message("%s\n", e.msg);
    assert_int_equal(r, 0);
    assert_string_equal(buf_str(&out), want);
    buf_clear(&out);
}

static void test_table(void **state)
{
    (void)state;
    expect(
        (struct ps_opts){0},
        "CONTAINER ID   IMAGE          COMMAND              CREATED                  STATUS      "
        "                     PORTS     NAMES\n"
        "0123456789ab   alpine:3       \"sh -c 'echo a b'\"   About a minute ago       Up About a "
        "minute                          web\n"
        "0123456789ab   alpine:3       \"echo \\\"x\\\"\"         2 hours ago              Exited "
        "(137) "
        "About an hour ago             job\n"
        "0123456789ab   aaaaaaaaaaaa   \"echo \\\"x\\\"\"         Less than a second ago   Created "
        "    "
        "                               new\n");
}

static void test_formats(void **state)
{
    (void)state;
    expect((struct ps_opts){.quiet = true}, "0123456789ab\n0123456789ab\n0123456789ab\n");
    expect((struct ps_opts){.format = "{{.Names}} {{.State}} {{.Status}}"},
           "web running Up About a minute\njob exited Exited (137) About an hour ago\n"
           "new created Created\n");
    expect((struct ps_opts){.format = "{{.Label \"k\"}}|{{.Label \"nope\"}}|{{.Labels}}"},
           "v||a.b-c=1,k=v\n||\n||\n");
    expect((struct ps_opts){.format = "{{.Mounts}} {{.LocalVolumes}} {{.Networks}}"},
           "data,/srv/a/very/lo\u2026 1 none\n 0 host\n 0 none\n");
    expect((struct ps_opts){.format = "{{.Size}}"}, "1.5kB (virtual 7.8MB)\n0B\n0B\n");
    expect((struct ps_opts){.format = "{{.Image}}"}, "alpine:3\nalpine:3\naaaaaaaaaaaa\n");
    expect((struct ps_opts){.format = "{{.Image}}", .no_trunc = true},
           "alpine:3\nalpine:3@" DIGEST "\n" IMAGE_ID "\n");
    expect((struct ps_opts){.format = "table {{.Names}}\\t{{.Label \"com.x.a.b-c\"}}"},
           "NAMES     b c\nweb       \njob       \nnew       \n");
    expect((struct ps_opts){.format = "{{.Platform}}{{json .Platform}}"},
           "<nil>null\n<nil>null\n<nil>null\n");
}

static void test_status(void **state)
{
    static const struct {
        enum shale_container_state s;
        const char *want;
    } rows[] = {
        {SHALE_PAUSED, "Up 2 seconds (Paused)"},
        {SHALE_REMOVING, "Removal In Progress"},
        {SHALE_DEAD, "Dead"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct shale_container c = {.state = rows[i].s, .started_ns = NOW - 2 * NS_PER_S};
        struct buf b = BUF_INIT(100);
        container_status(&c, NOW, &b);
        assert_string_equal(buf_str(&b), rows[i].want);
        buf_clear(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_status),
    };
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests_name("view/containers", tests, NULL, NULL);
}
