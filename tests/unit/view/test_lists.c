/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of the Engine API, which are written member by member: the same text as from a value. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "view/api_containers.h"
#include "view/api_df.h"
#include "view/api_images.h"

#define HOSTILE "<a&b>\"\\\n\x01\xe2\x80\xa8\u00e9"

static const struct shale_image_name names[] = {{HOSTILE, "t" HOSTILE, "d"}, {"repo", NULL, "d"}};
static const char *const digests[] = {"repo@" HOSTILE, "r@d"};
static const struct shale_image image = {.id = "sha256:1",
                                         .parent = "",
                                         .created_ns = TIME_NONE,
                                         .size_bytes = 12345678901234u,
                                         .labels_json = "{\"a\":\"<b>\",\"n\":[1.5,null,{}]}",
                                         .names = names,
                                         .n_names = 2,
                                         .digests = digests,
                                         .n_digests = 2,
                                         .target = "",
                                         .n_containers = 3};
static const struct shale_image nameless = {.id = "sha256:2", .parent = "p", .target = ""};

static const char *const command[] = {"sh", "-c", HOSTILE " x", NULL};
static const struct shale_container_port ports[] = {{"tcp", 80, "0.0.0.0", 8080},
                                                    {"udp", 53, "", 0}};
static const struct shale_container_mount mounts[] = {{"volume", "v", "/s", "/t" HOSTILE, true}};
static const struct shale_container containers[] = {
    {.id = "c1",
     .name = "n" HOSTILE,
     .image = "busybox:<1>",
     .image_id = "sha256:1",
     .state = SHALE_EXITED,
     .exit_code = 3,
     .created_ns = 7 * NS_PER_S,
     .finished_ns = 8 * NS_PER_S,
     .command = command,
     .labels_json = "{\"k\":\"&\"}",
     .network = "none",
     .ports = ports,
     .n_ports = 2,
     .mounts = mounts,
     .n_mounts = 1,
     .size_rw_bytes = 0,
     .size_root_bytes = 5},
    {.id = "c2",
     .name = "n2",
     .image = "i",
     .image_id = "sha256:1",
     .state = SHALE_CREATED,
     .labels_json = "",
     .network = "host",
     .size_rw_bytes = -1,
     .size_root_bytes = -1},
};

/* What was written is a document, and written out of a value it is the same text. */
static json_t *check(struct buf *b)
{
    _cleanup_(buf_clear) struct buf again = BUF_INIT(1 << 20);
    json_t *j = NULL;

    assert_int_equal(b->failed, 0);
    assert_int_equal(json_parse(b->p, b->n, 1 << 20, &j, NULL), 0);
    json_out_compact(&again, j, JSON_OUT_HTML);
    assert_string_equal(buf_str(b), buf_str(&again));
    return j;
}

static void test_images(void **state)
{
    static const int versions[] = {124, 142, 143, 151};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        struct json_put w = {.b = &b, .flags = JSON_OUT_HTML};
        struct api_image x = {.image = &image, .shared_bytes = -1}, y = {.image = &nameless};
        json_put_open(&w, NULL, '[');
        assert_int_equal(api_put_image_summary(&w, &x, versions[i], NULL), 0);
        assert_int_equal(api_put_image_summary(&w, &y, versions[i], NULL), 0);
        json_put_close(&w, ']');
        _cleanup_json_ json_t *j = check(&b);
        json_t *one = json_array_get(j, 0), *two = json_array_get(j, 1);
        assert_int_equal(json_object_size(one), versions[i] <= 143 ? 10 : 9);
        assert_int_equal(json_integer_value(json_object_get(one, "Containers")),
                         versions[i] >= 151 ? 3 : -1);
        assert_int_equal(json_integer_value(json_object_get(one, "Size")), 12345678901234);
        assert_int_equal(json_array_size(json_object_get(one, "RepoTags")), 1);
        assert_int_equal(json_array_size(json_object_get(one, "RepoDigests")), 2);
        assert_true(json_is_null(json_object_get(two, "Labels")));
        assert_int_equal(json_array_size(json_object_get(two, "RepoTags")),
                         versions[i] <= 142 ? 1 : 0);
    }
}

static void test_bad_labels(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
    struct json_put w = {.b = &b};
    struct shale_image bad = image;
    const struct api_image x = {.image = &bad};
    struct shale_err e = SHALE_ERR_INIT;

    (void)state;
    bad.labels_json = "{\"a\":";
    assert_int_equal(api_put_image_summary(&w, &x, 151, &e), -SHALE_CORRUPT);
    assert_string_equal(e.msg, "Labels is no JSON document");
}

static void test_containers(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20), early = BUF_INIT(1000);
    _cleanup_(buf_clear) struct buf late = BUF_INIT(1000);
    struct json_put w = {.b = &b, .flags = JSON_OUT_HTML};

    (void)state;
    assert_int_equal(view_api_put_containers(&w, NULL, containers, 2, 10 * NS_PER_S, NULL), 0);
    _cleanup_json_ json_t *j = check(&b);
    json_t *one = json_array_get(j, 0), *two = json_array_get(j, 1);
    assert_string_equal(json_string_value(json_object_get(one, "Status")),
                        "Exited (3) 2 seconds ago");
    assert_int_equal(json_array_size(json_object_get(one, "Ports")), 2);
    assert_int_equal(json_object_size(json_array_get(json_object_get(one, "Ports"), 1)), 2);
    assert_int_equal(json_integer_value(json_object_get(one, "SizeRootFs")), 5);
    assert_null(json_object_get(two, "SizeRw"));
    assert_string_equal(json_string_value(json_object_get(two, "Command")), "");
    assert_int_equal(json_object_size(json_object_get(two, "Labels")), 0);
    assert_true(json_is_object(json_object_get(two, "Labels")));
    view_api_statuses(containers, 2, 10 * NS_PER_S, &early);
    view_api_statuses(containers, 2, 11 * NS_PER_S, &late);
    assert_string_equal(buf_str(&early), "Exited (3) 2 seconds ago\nCreated\n");
    assert_string_not_equal(buf_str(&early), buf_str(&late));
}

static void test_df(void **state)
{
    static const struct shale_df_image images[] = {{.image = image, .unique_bytes = 8}};
    static const struct shale_build_record record = {
        .id = "r", .type = "t", .description = HOSTILE, .used_ns = SHALE_TIME_NONE};
    const struct shale_df d = {.images = images,
                               .n_images = 1,
                               .containers = containers,
                               .n_containers = 2,
                               .layers_bytes = 99,
                               .cache = {.items = &record, .n_items = 1}};
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
    struct json_put w = {.b = &b, .flags = JSON_OUT_HTML};

    (void)state;
    unsigned what = SHALE_DF_IMAGES | SHALE_DF_CONTAINERS | SHALE_DF_CACHE;
    assert_int_equal(view_api_put_df(&w, &d, what, 141, 10 * NS_PER_S, NULL), 0);
    _cleanup_json_ json_t *j = check(&b);
    json_t *one = json_array_get(json_object_get(j, "Images"), 0);
    assert_int_equal(json_integer_value(json_object_get(one, "Containers")), 3);
    assert_int_equal(json_integer_value(json_object_get(one, "SharedSize")), 12345678901226);
    assert_true(json_is_null(json_object_get(j, "Volumes")));
    assert_int_equal(json_array_size(json_object_get(j, "Containers")), 2);
    assert_int_equal(json_array_size(json_object_get(j, "BuildCache")), 1);
    assert_int_equal(json_integer_value(json_object_get(j, "BuilderSize")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_bad_labels),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_df),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
