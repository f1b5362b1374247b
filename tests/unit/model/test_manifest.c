/* SPDX-License-Identifier: Apache-2.0 */
#include "model_test.h"

#include <stdio.h>

#include "base/buf.h"
#include "model/limits.h"
#include "model/manifest.h"

#define OCI_LAYER "application/vnd.oci.image.layer.v1.tar+gzip"
#define DESC(type, digest, size)                                                                   \
    "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":" size "}"
#define CONFIG DESC(MEDIA_OCI_CONFIG, SHA_A, "7")
#define LAYER  DESC(OCI_LAYER, SHA_B, "10")
#define IMAGE(members)                                                                             \
    "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" LAYER "]" members "}"
#define ENTRY(digest, platform)                                                                    \
    "{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"" digest "\",\"size\":5" platform "}"
#define PLATFORM(os, arch, more)                                                                   \
    ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"" more "}"
#define INDEX(list) "{\"schemaVersion\":2,\"manifests\":[" list "]}"

static int parse(const char *text, const char *type, struct arena *a, struct manifest *m,
                 struct shale_err *e)
{
    return manifest_parse(text, strlen(text), type, a, m, e);
}

static void refuse(const char *text, const char *type, int code, const char *part)
{
    TEST_ARENA;
    struct shale_err e = SHALE_ERR_INIT;
    struct manifest m = {.n_layers = 42};
    int r = parse(text, type, &a, &m, &e);

    if (r != -code || e.code != code || !strstr(e.msg, part))
        fail_msg("want %d with '%s', got %d: %s", code, part, -r, e.msg);
    assert_int_equal(m.n_layers, 42);
}

static void accept(const char *text, const char *type, struct arena *a, struct manifest *m)
{
    struct shale_err e = SHALE_ERR_INIT;

    if (parse(text, type, a, m, &e) < 0)
        fail_msg("%s", e.msg);
}

static void test_oci_image(void **state)
{
    TEST_ARENA;
    struct manifest m;

    accept("{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"config\":" CONFIG
           ",\"layers\":[" LAYER
           "," DESC("application/vnd.oci.image.layer.v1.tar+zstd", SHA_C,
                    "0") "],\"annotations\":{\"b\":\"1\",\"a\":\"2\"},\"other\":[1,{}]}",
           NULL, &a, &m);
    assert_int_equal(m.kind, MANIFEST_IMAGE);
    assert_false(m.media->docker);
    assert_string_equal(m.media_type, MEDIA_OCI_MANIFEST);
    assert_string_equal(m.config.media_type, MEDIA_OCI_CONFIG);
    assert_string_equal(m.config.digest.s, SHA_A);
    assert_int_equal(m.config.size_bytes, 7);
    assert_int_equal(m.n_layers, 2);
    assert_string_equal(m.layers[0].digest.s, SHA_B);
    assert_string_equal(m.layers[1].digest.s, SHA_C);
    assert_int_equal(media_find(m.layers[1].media_type)->codec, CODEC_ZSTD);
    assert_int_equal(m.annotations.n, 2);
    assert_string_equal(m.annotations.m[0].k, "b");
    assert_false(m.has_subject);
    assert_int_equal(m.n_manifests, 0);
}

static void test_docker_image(void **state)
{
    TEST_ARENA;
    struct manifest m;

    accept("{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_DOCKER_MANIFEST
           "\",\"config\":" DESC(MEDIA_DOCKER_CONFIG, SHA_A, "7") ",\"layers\":[" DESC(
               "application/vnd.docker.image.rootfs.diff.tar.gzip", SHA_B, "10") "]}",
           MEDIA_DOCKER_MANIFEST "; charset=utf-8", &a, &m);
    assert_true(m.media->docker);
    assert_int_equal(m.kind, MANIFEST_IMAGE);
    assert_int_equal(media_find(m.layers[0].media_type)->codec, CODEC_GZIP);
}

/* What a manifest is, when it does not say so itself. */
static void test_kind_from_elsewhere(void **state)
{
    TEST_ARENA;
    struct manifest m;

    accept(IMAGE(""), NULL, &a, &m);
    assert_string_equal(m.media_type, MEDIA_OCI_MANIFEST);
    accept(IMAGE(""), MEDIA_DOCKER_MANIFEST, &a, &m);
    assert_string_equal(m.media_type, MEDIA_DOCKER_MANIFEST);
    accept(IMAGE(""), "application/json", &a, &m);
    assert_string_equal(m.media_type, MEDIA_OCI_MANIFEST);
    accept(IMAGE(",\"mediaType\":\"\""), "", &a, &m);
    assert_string_equal(m.media_type, MEDIA_OCI_MANIFEST);
    accept(INDEX(""), NULL, &a, &m);
    assert_int_equal(m.kind, MANIFEST_INDEX);
    accept(INDEX(""), MEDIA_DOCKER_LIST, &a, &m);
    assert_true(m.media->docker);
}

static void test_confusion_is_refused(void **state)
{
    refuse(IMAGE(",\"manifests\":[]"), NULL, SHALE_INVALID, "ambiguous");
    refuse(IMAGE(",\"manifests\":[]"), MEDIA_OCI_INDEX, SHALE_INVALID, "ambiguous");
    refuse(IMAGE(""), MEDIA_OCI_INDEX, SHALE_INVALID, "expected index but found manifest");
    refuse(INDEX(""), MEDIA_OCI_MANIFEST, SHALE_INVALID, "expected manifest but found index");
    refuse(IMAGE(",\"mediaType\":\"" MEDIA_OCI_MANIFEST "\""), MEDIA_DOCKER_MANIFEST, SHALE_INVALID,
           "does not match its content type");
    refuse(IMAGE(",\"mediaType\":\"" MEDIA_OCI_INDEX "\""), NULL, SHALE_INVALID,
           "expected index but found manifest");
    refuse(IMAGE(",\"mediaType\":\"text/x\\u001b[2J\""), NULL, SHALE_UNSUPPORTED,
           "unsupported manifest media type text/x\\x1b[2J");
    refuse(IMAGE(""), MEDIA_OCI_CONFIG, SHALE_INVALID, "content type");
    refuse("{\"schemaVersion\":2}", NULL, SHALE_INVALID, "neither an image manifest nor an index");
}

static void test_schema1(void **state)
{
    static const char said[] =
        "Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been "
        "removed.";

    refuse("{\"schemaVersion\":1,\"name\":\"x\",\"fsLayers\":[]}", NULL, SHALE_UNSUPPORTED, said);
    refuse(IMAGE(",\"fsLayers\":[]"), NULL, SHALE_UNSUPPORTED, said);
    refuse("not even JSON", "application/vnd.docker.distribution.manifest.v1+prettyjws",
           SHALE_UNSUPPORTED, said);
    refuse(IMAGE(",\"mediaType\":\"application/vnd.docker.distribution.manifest.v1+json\""), NULL,
           SHALE_UNSUPPORTED, said);
    refuse("{\"schemaVersion\":3,\"config\":{},\"layers\":[]}", NULL, SHALE_INVALID,
           "unsupported schemaVersion 3");
    refuse("{\"config\":{},\"layers\":[]}", NULL, SHALE_INVALID, "\"schemaVersion\" is missing");
}

static void test_index(void **state)
{
    TEST_ARENA;
    struct manifest m;

    accept(INDEX(ENTRY(SHA_A, PLATFORM("linux", "arm64",
                                       ",\"variant\":\"v8\",\"os.version\":\"1.2\","
                                       "\"os.features\":[\"x\",\"y\"]")) "," ENTRY(SHA_B, "")),
           NULL, &a, &m);
    assert_int_equal(m.n_manifests, 2);
    const struct platform *p = &m.manifests[0].platform;
    assert_true(m.manifests[0].has_platform);
    assert_string_equal(p->arch, "arm64");
    assert_string_equal(p->variant, "v8");
    assert_string_equal(p->os_version, "1.2");
    assert_int_equal(p->os_features.n, 2);
    assert_false(m.manifests[1].has_platform);
    accept("{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":null}", NULL,
           &a, &m);
    assert_int_equal(m.n_manifests, 0);
}

static void test_descriptors(void **state)
{
    TEST_ARENA;
    struct manifest m;

    /* Foreign layers keep their addresses, unknown types are kept, a missing type is "". */
    accept(
        "{\"schemaVersion\":2,\"config\":" DESC(
            "application/vnd.cncf.helm.config.v1+json", SHA_A,
            "2") ",\"layers\":[{\"mediaType\":"
                 "\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\",\"digest\":\"" SHA_B
                 "\",\"size\":1,\"urls\":[\"https://a/b\",\"https://c\"]}," DESC(
                     "x/unknown", SHA_C,
                     "1") ",{\"digest\":\"" SHA_A
                          "\",\"size\":0,\"data\":\"e30=\",\"annotations\":{\"k\":\"v\"},"
                          "\"artifactType\":\"a/b\"}]}",
        NULL, &a, &m);
    assert_true(media_find(m.layers[0].media_type)->foreign);
    assert_int_equal(m.layers[0].urls.n, 2);
    assert_string_equal(m.layers[0].urls.v[1], "https://c");
    assert_string_equal(m.layers[1].media_type, "x/unknown");
    assert_string_equal(m.layers[2].media_type, "");
    assert_string_equal(strmap_get(&m.layers[2].annotations, "k"), "v");
    assert_string_equal(m.layers[2].artifact_type, "a/b");
    assert_false(media_is_image_config(m.config.media_type));
    accept(IMAGE(",\"artifactType\":\"a/c\",\"subject\":" LAYER), NULL, &a, &m);
    assert_true(m.has_subject);
    assert_string_equal(m.subject.digest.s, SHA_B);
    assert_string_equal(m.artifact_type, "a/c");
    accept("{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":null}", NULL, &a, &m);
    assert_int_equal(m.n_layers, 0);
}

#define WITH_LAYER(l) "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" l "]}"

static void test_wrong_types(void **state)
{
    refuse("", NULL, SHALE_INVALID, "not valid JSON");
    refuse("[]", NULL, SHALE_INVALID, "not a JSON object");
    refuse("{\"schemaVersion\":\"2\"}", NULL, SHALE_INVALID, "schemaVersion");
    refuse("{\"schemaVersion\":2,\"config\":[],\"layers\":[]}", NULL, SHALE_INVALID, "config");
    refuse("{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":{}}", NULL, SHALE_INVALID,
           "layers");
    refuse("{\"schemaVersion\":2,\"config\":" CONFIG "}", NULL, SHALE_INVALID, "without layers");
    refuse("{\"schemaVersion\":2,\"layers\":[]}", NULL, SHALE_INVALID, "without config");
    refuse(WITH_LAYER("1"), NULL, SHALE_INVALID, "layers[0]: not an object");
    refuse(WITH_LAYER(LAYER ",{}"), NULL, SHALE_INVALID, "layers[1]: member \"digest\" is missing");
    refuse(WITH_LAYER("{\"digest\":\"" SHA_A "\"}"), NULL, SHALE_INVALID, "\"size\" is missing");
    refuse(WITH_LAYER(DESC("x", SHA_A, "-1")), NULL, SHALE_INVALID, "\"size\"");
    refuse(WITH_LAYER(DESC("x", SHA_A, "1.5")), NULL, SHALE_INVALID, "\"size\"");
    refuse(WITH_LAYER(DESC("x", SHA_A, "\"1\"")), NULL, SHALE_INVALID, "\"size\"");
    refuse(WITH_LAYER(DESC("x", "sha256:abc", "1")), NULL, SHALE_INVALID,
           "layers[0]: invalid checksum");
    refuse(WITH_LAYER(DESC("x", "sha256:../../../etc/passwd", "1")), NULL, SHALE_INVALID,
           "layers[0]");
    refuse(WITH_LAYER(DESC("x", "md5:d41d8cd98f00b204e9800998ecf8427e", "1")), NULL, SHALE_INVALID,
           "layers[0]");
    refuse(IMAGE(",\"schemaVersion\":2"), NULL, SHALE_INVALID, "duplicate");
    refuse(IMAGE(",\"annotations\":{\"a\":1}"), NULL, SHALE_INVALID, "annotations");
    refuse(IMAGE(",\"subject\":{}"), NULL, SHALE_INVALID, "subject");
    refuse(INDEX(ENTRY(SHA_A, ",\"platform\":\"linux\"")), NULL, SHALE_INVALID, "platform");
    refuse(INDEX(ENTRY(SHA_A, ",\"platform\":{\"os\":1}")), NULL, SHALE_INVALID, "\"os\"");
}

static void refuse_many(const char *before, const char *item, size_t n, const char *after, int code)
{
    TEST_ARENA;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    struct manifest m;

    buf_adds(&b, before);
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s%s", i ? "," : "", item);
    buf_adds(&b, after);
    int r = manifest_parse(b.p, b.n, NULL, &a, &m, &e);
    if (r != -code)
        fail_msg("%zu: want %d, got %d: %s", n, code, -r, e.msg);
}

static void test_limits(void **state)
{
    static const char image[] = "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[";
    static const char list[] = "{\"schemaVersion\":2,\"manifests\":[";

    refuse_many(image, LAYER, LIMIT_LAYERS, "]}", 0);
    refuse_many(image, LAYER, LIMIT_LAYERS + 1, "]}", SHALE_LIMIT);
    refuse_many(list, ENTRY(SHA_A, ""), LIMIT_INDEX_ENTRIES, "]}", 0);
    refuse_many(list, ENTRY(SHA_A, ""), LIMIT_INDEX_ENTRIES + 1, "]}", SHALE_LIMIT);
    refuse_many("{\"x\":[", "\"0123456789\"", LIMIT_MANIFEST_BYTES / 12, "]}", SHALE_LIMIT);
    refuse_many("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "1", 1, "",
                SHALE_LIMIT);
    refuse(WITH_LAYER(DESC("x", SHA_A, "1099511627777")), NULL, SHALE_LIMIT, "over the limit");
    refuse("{\"schemaVersion\":2,\"config\":" DESC("x/y", SHA_A, "8388609") ",\"layers\":[]}", NULL,
           SHALE_LIMIT, "config");
    refuse(INDEX(DESC(MEDIA_OCI_MANIFEST, SHA_A, "4194305")), NULL, SHALE_LIMIT, "over the limit");
    refuse(WITH_LAYER(DESC("x", SHA_A, "18446744073709551616")), NULL, SHALE_INVALID, "");
}

/* ---- choosing ---- */

#define ATTESTATION                                                                                \
    ENTRY(SHA_C,                                                                                   \
          ",\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}" PLATFORM(    \
              "unknown", "unknown", ""))

static void test_select(void **state)
{
    TEST_ARENA;
    const struct descriptor **list;
    struct shale_err e = SHALE_ERR_INIT;
    struct platform want;
    struct manifest m;
    size_t n;

    accept(INDEX(ENTRY(SHA_A, "") "," ENTRY(
               SHA_C,
               PLATFORM("linux", "amd64",
                        "")) "," ATTESTATION
                             "," DESC("x/unknown", SHA_B, "1") "," ENTRY(
                                 SHA_B,
                                 PLATFORM(
                                     "linux", "arm",
                                     ",\"variant\":\"v6\"")) "," ENTRY(SHA_C,
                                                                       PLATFORM(
                                                                           "linux", "arm",
                                                                           ",\"variant\":\"v7\""))),
           NULL, &a, &m);
    assert_true(descriptor_is_attestation(&m.manifests[2]));
    assert_false(descriptor_is_attestation(&m.manifests[1]));

    assert_int_equal(platform_parse("linux/arm/v7", &a, &want, &e), 0);
    assert_int_equal(manifest_select(&m, &want, &a, &list, &n, &e), 0);
    assert_int_equal(n, 3); /* v7, v6, and the one that says nothing last */
    assert_ptr_equal(list[0], &m.manifests[5]);
    assert_ptr_equal(list[1], &m.manifests[4]);
    assert_ptr_equal(list[2], &m.manifests[0]);
    assert_int_equal(platform_parse("linux/amd64", &a, &want, &e), 0);
    assert_int_equal(manifest_select(&m, &want, &a, &list, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_ptr_equal(list[0], &m.manifests[1]);

    accept(INDEX(ENTRY(SHA_A, PLATFORM("linux", "s390x", ""))), NULL, &a, &m);
    assert_int_equal(manifest_select(&m, &want, &a, &list, &n, &e), 0);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_image),
        cmocka_unit_test(test_docker_image),
        cmocka_unit_test(test_kind_from_elsewhere),
        cmocka_unit_test(test_confusion_is_refused),
        cmocka_unit_test(test_schema1),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
