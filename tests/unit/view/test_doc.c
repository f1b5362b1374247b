/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of images and containers: members, order, and what templates see of them. */
#include "view/doc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "view/inspect.h"
#include "view/json_out.h"

#define ID "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct shale_image_name names[] = {{"alpine", "3", "sha256:d"},
                                                {"other", NULL, "sha256:d"}};
static const char *const digests[] = {"alpine@sha256:d", "other@sha256:d"};
static const struct shale_layer layers[] = {{.diff_id = "sha256:l1"}, {.diff_id = "sha256:l2"}};
static const char config[] =
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Labels\":{\"z\":\"1\",\"a\":\"2\"},"
    "\"Cmd\":[\"sh\"],\"Env\":[\"A=b\"],\"User\":\"\",\"Tty\":true,\"Entrypoint\":null,"
    "\"Volumes\":{\"/v\":{}}},\"rootfs\":{}}";

static struct shale_image_detail image(void)
{
    return (struct shale_image_detail){
        .image = {.id = ID,
                  .parent = "",
                  .created_ns = 1700000000ll * NS_PER_S + 120000000,
                  .size_bytes = 1234,
                  .os = "linux",
                  .arch = "arm64",
                  .variant = "v8",
                  .names = names,
                  .n_names = 2,
                  .digests = digests,
                  .n_digests = 2,
                  .target = ""},
        .config_json = config,
        .config_json_bytes = sizeof config - 1,
        .manifest_digest = "",
        .author = "me",
        .comment = "",
        .docker_version = "",
        .os_version = "",
        .last_tagged_ns = TIME_NONE,
        .layers = layers,
        .n_layers = 2,
        .driver = "erofs",
        .driver_lower = "/l",
        .driver_index = "/i",
    };
}

static void test_image(void **state)
{
    struct shale_image_detail d = image();
    struct buf out = BUF_INIT(10000);
    json_t *j = NULL;
    (void)state;
    assert_int_equal(doc_image(&d, &j, NULL), 0);
    json_out_compact(&out, j, 0);
    assert_string_equal(
        buf_str(&out),
        "{\"Id\":\"" ID "\",\"RepoTags\":[\"alpine:3\"],\"RepoDigests\":[\"alpine@sha256:d\","
        "\"other@sha256:d\"],\"Parent\":\"\",\"Comment\":\"\",\"Created\":\"2023-11-14T22:13:20."
        "12Z\","
        "\"DockerVersion\":\"\",\"Author\":\"me\",\"Config\":{\"Env\":[\"A=b\"],\"Cmd\":[\"sh\"],"
        "\"Volumes\":{\"/v\":{}},\"Labels\":{\"z\":\"1\",\"a\":\"2\"}},\"Architecture\":\"arm64\","
        "\"Variant\":\"v8\",\"Os\":\"linux\",\"Size\":1234,\"GraphDriver\":{\"Data\":{\"Index\":\"/"
        "i\","
        "\"LowerDir\":\"/l\"},\"Name\":\"erofs\"},\"RootFS\":{\"Type\":\"layers\",\"Layers\":["
        "\"sha256:l1\",\"sha256:l2\"]},\"Metadata\":{\"LastTagTime\":\"0001-01-01T00:00:00Z\"}}");
    buf_clear(&out);
    json_decref(j);
}

/* An image without names, date and config still has its lists. */
static void test_bare_image(void **state)
{
    struct shale_image_detail d = image();
    json_t *j = NULL;
    (void)state;
    d.image.n_names = d.image.n_digests = d.n_layers = 0;
    d.image.created_ns = TIME_NONE;
    d.config_json = "{}";
    d.config_json_bytes = 2;
    assert_int_equal(doc_image(&d, &j, NULL), 0);
    assert_true(json_is_array(json_object_get(j, "RepoTags")));
    assert_true(json_is_array(json_object_get(j, "RepoDigests")));
    assert_true(json_is_array(json_object_get(json_object_get(j, "RootFS"), "Layers")));
    assert_null(json_object_get(j, "Created"));
    assert_true(json_is_object(json_object_get(j, "Config")));
    json_decref(j);
    d.config_json = "{";
    d.config_json_bytes = 1;
    assert_true(doc_image(&d, &j, NULL) < 0);
}

static void inspect_one(const json_t *doc, const struct tmpl_field *fields, const char *format,
                        int want_r, const char *want)
{
    struct buf out = BUF_INIT(10000);
    struct shale_err e = SHALE_ERR_INIT;
    _cleanup_(inspect_clear) struct inspect v = {0};
    assert_int_equal(inspect_begin(&v, format, false, &out, &e), 0);
    assert_int_equal(inspect_add(&v, doc, fields, &e), want_r);
    if (want_r < 0)
        assert_string_equal(e.msg, want);
    else
        assert_string_equal(buf_str(&out), want);
    buf_clear(&out);
}

static void test_inspect_template(void **state)
{
    struct shale_image_detail d = image();
    json_t *j = NULL;
    (void)state;
    assert_int_equal(doc_image(&d, &j, NULL), 0);
    static const struct {
        const char *format, *want;
    } rows[] = {
        {"{{.Id}}", ID "\n"},
        {"{{.RepoTags}}", "[alpine:3]\n"},
        {"{{index .RepoDigests 0}}", "alpine@sha256:d\n"},
        {"{{.Config.Labels}}", "map[a:2 z:1]\n"},
        {"{{index .Config.Labels \"z\"}}|{{index .Config.Labels \"no\"}}", "1|\n"},
        {"{{range .RootFS.Layers}}{{println .}}{{end}}", "sha256:l1\nsha256:l2\n\n"},
        {"{{len .RootFS.Layers}}", "2\n"},
        {"{{with .Config.Healthcheck}}a{{else}}b{{end}}", "b\n"},
        {"{{.Config.User}}{{.Config.Entrypoint}}", "[]\n"},
        {"{{.Config.Volumes}}", "map[/v:{}]\n"},
        {"{{json .Config.Entrypoint}} {{json .Config.ExposedPorts}}", "null null\n"},
        {"{{json .Config.Volumes}} {{json .RepoTags}}", "{\"/v\":{}} [\"alpine:3\"]\n"},
        {"json", NULL},
    };
    for (size_t i = 0; rows[i].want; i++)
        inspect_one(j, doc_image_fields, rows[i].format, 0, rows[i].want);
    inspect_one(
        j, doc_image_fields, "{{.Nope}}", -SHALE_INVALID,
        "template parsing error: template: :1:2: executing \"\" at <.Nope>: map has no entry "
        "for key \"Nope\"");
    inspect_one(j, doc_image_fields, "{{.Id.Nope}}", -SHALE_INVALID,
                "template parsing error: template: :1:5: executing \"\" at <.Id.Nope>: can't "
                "evaluate field Nope in type interface {}");
    json_decref(j);
}

/* Durations are numbers in JSON and Go's words in templates. */
static void test_inspect_duration(void **state)
{
    json_t *j = json_pack("{s:{s:I,s:s}}", "Healthcheck", "Interval", (json_int_t)90000000000,
                          "Timeout", "label");
    (void)state;
    inspect_one(j, doc_image_fields, "{{.Healthcheck.Interval}} {{json .Healthcheck.Interval}}", 0,
                "1m30s 90000000000\n");
    inspect_one(j, doc_image_fields,
                "{{printf \"%s %d\" .Healthcheck.Interval .Healthcheck.Interval}}", 0,
                "1m30s 90000000000\n");
    inspect_one(j, doc_image_fields, "{{.Healthcheck.Timeout}}", 0, "label\n");
    json_decref(j);
}

static void test_inspect_output(void **state)
{
    struct buf out = BUF_INIT(1000);
    struct inspect v;
    json_t *a = json_pack("{s:i}", "A", 1), *b = json_pack("{s:[]}", "B");
    (void)state;
    assert_int_equal(inspect_begin(&v, NULL, false, &out, NULL), 0);
    assert_int_equal(inspect_add(&v, a, NULL, NULL), 0);
    assert_int_equal(inspect_add(&v, b, NULL, NULL), 0);
    assert_int_equal(inspect_end(&v, NULL), 0);
    assert_string_equal(buf_str(&out),
                        "[\n    {\n        \"A\": 1\n    },\n    {\n        \"B\": []\n"
                        "    }\n]\n");
    inspect_clear(&v);
    buf_reset(&out);
    assert_int_equal(inspect_begin(&v, "", false, &out, NULL), 0);
    assert_int_equal(inspect_end(&v, NULL), 0);
    assert_string_equal(buf_str(&out), "[]\n");
    inspect_clear(&v);
    buf_reset(&out);
    assert_int_equal(inspect_begin(&v, "json", false, &out, NULL), 0);
    assert_int_equal(inspect_add(&v, a, NULL, NULL), 0);
    assert_int_equal(inspect_add(&v, b, NULL, NULL), 0);
    assert_int_equal(inspect_end(&v, NULL), 0);
    assert_string_equal(buf_str(&out), "[{\"A\":1},{\"B\":[]}]\n");
    inspect_clear(&v);
    buf_reset(&out);
    assert_int_equal(inspect_begin(&v, "{{.A}}", false, &out, NULL), 0);
    assert_int_equal(inspect_end(&v, NULL), 0);
    assert_string_equal(buf_str(&out), "\n");
    inspect_clear(&v);
    assert_int_equal(inspect_begin(&v, "{{", false, &out, NULL), -SHALE_INVALID);
    inspect_clear(&v);
    buf_clear(&out);
    json_decref(a);
    json_decref(b);
}

static const char *const command[] = {"sh", "-c", "x", NULL};

static void test_container(void **state)
{
    static const char *const order[] = {
        "Id",
        "Created",
        "Path",
        "Args",
        "State",
        "Image",
        "ResolvConfPath",
        "HostnamePath",
        "HostsPath",
        "LogPath",
        "Name",
        "RestartCount",
        "Driver",
        "Platform",
        "MountLabel",
        "ProcessLabel",
        "AppArmorProfile",
        "ExecIDs",
        "HostConfig",
        "GraphDriver",
        "SizeRw",
        "Mounts",
        "Config",
        "NetworkSettings",
    };
    struct shale_container c = {
        .id = "0123",
        .name = "web",
        .image = "alpine",
        .image_id = ID,
        .state = SHALE_RUNNING,
        .pid = 77,
        .command = command,
        .config_json = "{\"Tty\":true}",
        .host_config_json = "{\"AutoRemove\":false}",
        .network = "host",
        .driver = "erofs",
        .created_ns = 0,
        .started_ns = 0,
        .finished_ns = TIME_NONE,
        .size_rw_bytes = 5,
        .size_root_bytes = -1,
        .error = "",
    };
    json_t *j = NULL, *v;
    const char *key;
    size_t i = 0;
    (void)state;
    assert_int_equal(doc_container(&c, &j, NULL), 0);
    json_object_foreach(j, key, v)
    {
        assert_true(i < ARRAY_SIZE(order));
        assert_string_equal(key, order[i++]);
    }
    assert_int_equal(i, ARRAY_SIZE(order));
    inspect_one(j, doc_container_fields, "{{.Name}} {{.State.Status}} {{.State.Pid}} {{.Args}}", 0,
                "/web running 77 [-c x]\n");
    inspect_one(j, doc_container_fields, "{{if .State.Health}}h{{else}}n{{end}} {{.Config.Tty}}", 0,
                "n true\n");
    inspect_one(j, doc_container_fields,
                "{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}", 0, "host\n");
    inspect_one(j, doc_container_fields, "{{.State.FinishedAt}}", 0, "0001-01-01T00:00:00Z\n");
    json_decref(j);
    c.config_json = "{";
    assert_true(doc_container(&c, &j, NULL) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_bare_image),
        cmocka_unit_test(test_inspect_template),
        cmocka_unit_test(test_inspect_duration),
        cmocka_unit_test(test_inspect_output),
        cmocka_unit_test(test_container),
    };
    return cmocka_run_group_tests_name("view/doc", tests, NULL, NULL);
}
