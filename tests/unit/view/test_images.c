/* SPDX-License-Identifier: Apache-2.0 */
/* images and history as docker prints them. */
#include "view/images.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/time.h"

#define ID_A   "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B   "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C   "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define DIGEST "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define NOW    (1700000000ll * NS_PER_S)
#define DAY    (86400ll * NS_PER_S)

static const struct shale_image_name names_a[] = {{"alpine", "3.20", DIGEST},
                                                  {"alpine", "latest", DIGEST}};
static const char *const digests_a[] = {"alpine@" DIGEST};
static const struct shale_image_name names_c[] = {{"reg.example.com/x", NULL, DIGEST}};
static const char *const digests_c[] = {"reg.example.com/x@" DIGEST};
static const struct shale_image items[] = {
    {.id = ID_A,
     .created_ns = NOW - 3 * DAY,
     .size_bytes = 7800000,
     .n_containers = 2,
     .names = names_a,
     .n_names = 2,
     .digests = digests_a,
     .n_digests = 1},
    {.id = ID_B,
     .created_ns = TIME_NONE,
     .size_bytes = 0,
     .n_containers = -1,
     .last_used_ns = TIME_NONE,
     .pinned = true},
    {.id = ID_C,
     .created_ns = NOW - 100 * DAY,
     .size_bytes = 1234567890,
     .names = names_c,
     .n_names = 1,
     .digests = digests_c,
     .n_digests = 1},
};
static const struct shale_image_list list = {items, 3};

static void expect(struct images_opts o, const char *want)
{
    struct buf out = BUF_INIT(100000);
    struct shale_err e = SHALE_ERR_INIT;
    o.now_ns = NOW;
    int r = images_print(&list, &o, &out, &e);
    if (r < 0)
        print_message("%s\n", e.msg);
    assert_int_equal(r, 0);
    assert_string_equal(buf_str(&out), want);
    buf_clear(&out);
}

static void test_table(void **state)
{
    (void)state;
    expect((struct images_opts){0},
           "REPOSITORY          TAG       IMAGE ID       CREATED        SIZE\n"
           "alpine              3.20      aaaaaaaaaaaa   3 days ago     7.8MB\n"
           "alpine              latest    aaaaaaaaaaaa   3 days ago     7.8MB\n"
           "<none>              <none>    bbbbbbbbbbbb   N/A            0B\n"
           "reg.example.com/x   <none>    cccccccccccc   3 months ago   1.23GB\n");
    expect((struct images_opts){.quiet = true},
           "aaaaaaaaaaaa\naaaaaaaaaaaa\nbbbbbbbbbbbb\ncccccccccccc\n");
    expect((struct images_opts){.quiet = true, .no_trunc = true},
           ID_A "\n" ID_A "\n" ID_B "\n" ID_C "\n");
}

static void test_digests(void **state)
{
    (void)state;
    expect((struct images_opts){.digests = true, .format = "{{.Repository}} {{.Tag}} {{.Digest}}"},
           "alpine 3.20 " DIGEST "\nalpine latest " DIGEST "\n<none> <none> <none>\n"
           "reg.example.com/x <none> " DIGEST "\n");
    /* a table's template gets the digest that it lacks */
    expect((struct images_opts){.digests = true, .format = "table {{.Tag}}"},
           "TAG       DIGEST\n3.20      " DIGEST "\nlatest    " DIGEST "\n<none>    <none>\n"
           "<none>    " DIGEST "\n");
    expect((struct images_opts){.format = "{{.Size}} {{.VirtualSize}}"},
           "7.8MB 7.8MB\n7.8MB 7.8MB\n0B 0B\n1.23GB 1.235GB\n");
    expect((struct images_opts){.format = "{{.Digest}}"},
           DIGEST "\n" DIGEST "\n<none>\n" DIGEST "\n");
}

static void test_formats(void **state)
{
    (void)state;
    expect((struct images_opts){.format = "table"},
           "REPOSITORY          TAG       IMAGE ID       CREATED        SIZE\n"
           "alpine              3.20      aaaaaaaaaaaa   3 days ago     7.8MB\n"
           "alpine              latest    aaaaaaaaaaaa   3 days ago     7.8MB\n"
           "<none>              <none>    bbbbbbbbbbbb   N/A            0B\n"
           "reg.example.com/x   <none>    cccccccccccc   3 months ago   1.23GB\n");
    expect((struct images_opts){.format = "table {{.Tag}}\\t{{.ID}}"},
           "TAG       IMAGE ID\n3.20      aaaaaaaaaaaa\nlatest    aaaaaaaaaaaa\n"
           "<none>    bbbbbbbbbbbb\n<none>    cccccccccccc\n");
    expect((struct images_opts){.format = "", .quiet = true, .no_trunc = true},
           ID_A "\n" ID_A "\n" ID_B "\n" ID_C "\n");
    expect((struct images_opts){.format = "table {{upper .Tag}}"},
           "TAG\n3.20\nLATEST\n<NONE>\n<NONE>\n");
    expect((struct images_opts){.format = "{{.Containers}}/{{.SharedSize}}"},
           "2/N/A\n2/N/A\nN/A/N/A\n0/N/A\n");
    expect((struct images_opts){.format = "{{.CreatedAt}}|{{.CreatedSince}}"},
           "2023-11-11 22:13:20 +0000 UTC|3 days ago\n2023-11-11 22:13:20 +0000 UTC|3 days ago\n"
           "0001-01-01 00:00:00 +0000 UTC|\n"
           "2023-08-06 22:13:20 +0000 UTC|3 months ago\n");
}

static void test_json(void **state)
{
    struct images_opts o = {.format = "json", .now_ns = NOW};
    struct shale_image_list one = {items + 1, 1};
    struct buf out = BUF_INIT(10000);
    (void)state;
    assert_int_equal(images_print(&one, &o, &out, NULL), 0);
    assert_string_equal(buf_str(&out),
                        "{\"Containers\":\"N/A\",\"CreatedAt\":\"0001-01-01 00:00:00 +0000 "
                        "UTC\",\"CreatedSince\":\"\",\"Digest\":\"\\u003c"
                        "none\\u003e\",\"ID\":\"bbbbbbbbbbbb\",\"LastUsed\":\"\",\"Pinned\":"
                        "\"true\",\"Repository\":\"\\u003cnone\\u003e\","
                        "\"SharedSize\":\"N/A\",\"Size\":\"0B\",\"Tag\":\"\\u003cnone\\u003e\","
                        "\"UniqueSize\":\"N/A\",\"VirtualSize\":\"0B\"}\n");
    buf_clear(&out);
}

static void test_errors(void **state)
{
    static const struct {
        const char *format, *msg;
    } rows[] = {
        {"{{.Nope", "template parsing error: template: :1: unclosed action"},
        {"{{.Nope}}", "template parsing error: template: :1:2: executing \"\" at <.Nope>: can't "
                      "evaluate field Nope in type *formatter.imageContext"},
        {"{{.ID 1}}",
         "template parsing error: template: :1:2: executing \"\" at <.ID>: wrong number "
         "of args for ID: want 0 got 1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct images_opts o = {.format = rows[i].format, .now_ns = NOW};
        struct shale_err e = SHALE_ERR_INIT;
        struct buf out = BUF_INIT(10000);
        assert_int_equal(images_print(&list, &o, &out, &e), -SHALE_INVALID);
        assert_string_equal(e.msg, rows[i].msg);
        buf_clear(&out);
    }
}

/* ---- history ---- */

static const struct shale_history_item steps[] = {
    {
        .id = ID_A,
        .created_ns = NOW - DAY,
        .created_by = "CMD [\"sh\"]",
        .comment = "",
    },
    {.id = "<missing>",
     .created_ns = NOW - 2 * DAY,
     .size_bytes = 1500,
     .created_by = "RUN\tmake && make install && rm -rf /very/long/path/name",
     .comment = "buildkit"},
    {.id = "<missing>", .created_ns = TIME_NONE, .created_by = "bad\033[2J", .comment = ""},
};

static void expect_history(struct history_opts o, const char *want)
{
    struct shale_history h = {steps, 3};
    struct buf out = BUF_INIT(10000);
    o.now_ns = NOW;
    assert_int_equal(history_print(&h, &o, &out, NULL), 0);
    assert_string_equal(buf_str(&out), want);
    buf_clear(&out);
}

static void test_history(void **state)
{
    (void)state;
    expect_history(
        (struct history_opts){.human = true},
        "IMAGE          CREATED        CREATED BY                                      SIZE      "
        "COMMENT\n"
        "aaaaaaaaaaaa   24 hours ago   CMD [\"sh\"]                                      0B        "
        "\n"
        "<missing>      2 days ago     RUN make && make install && rm -rf /very/lon\u2026   1.5kB  "
        "   "
        "buildkit\n"
        "<missing>      N/A            bad\\x1b[2J                                      0B        "
        "\n");
    expect_history((struct history_opts){.quiet = true}, "aaaaaaaaaaaa\n<missing>\n<missing>\n");
    expect_history((struct history_opts){.format = "{{.Size}} {{.CreatedAt}} {{.CreatedSince}}"},
                   "0 2023-11-13T22:13:20Z 2023-11-13T22:13:20Z\n"
                   "1500 2023-11-12T22:13:20Z 2023-11-12T22:13:20Z\n0 N/A N/A\n");
    expect_history(
        (struct history_opts){.no_trunc = true, .human = true, .format = "{{.ID}} {{.CreatedBy}}"},
        ID_A " CMD [\"sh\"]\n"
             "<missing> RUN make && make install && rm -rf /very/long/path/name\n"
             "<missing> bad\033[2J\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),   cmocka_unit_test(test_digests),
        cmocka_unit_test(test_formats), cmocka_unit_test(test_json),
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_history),
    };
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests_name("view/images", tests, NULL, NULL);
}
