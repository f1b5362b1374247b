/* SPDX-License-Identifier: Apache-2.0 */
#include "model/media.h"

#include "model_test.h"

#define V "application/vnd."

static const struct {
    const char *in;
    enum media_kind kind;
    bool docker;
    enum media_codec codec;
    bool foreign;
} rows[] = {
    {V "oci.image.index.v1+json", MEDIA_INDEX, false, CODEC_NONE, false},
    {V "docker.distribution.manifest.list.v2+json", MEDIA_INDEX, true, CODEC_NONE, false},
    {V "oci.image.manifest.v1+json", MEDIA_MANIFEST, false, CODEC_NONE, false},
    {V "docker.distribution.manifest.v2+json", MEDIA_MANIFEST, true, CODEC_NONE, false},
    {V "oci.image.config.v1+json", MEDIA_CONFIG, false, CODEC_NONE, false},
    {V "docker.container.image.v1+json", MEDIA_CONFIG, true, CODEC_NONE, false},
    {V "oci.image.layer.v1.tar", MEDIA_LAYER, false, CODEC_NONE, false},
    {V "docker.image.rootfs.diff.tar", MEDIA_LAYER, true, CODEC_NONE, false},
    {V "oci.image.layer.v1.tar+gzip", MEDIA_LAYER, false, CODEC_GZIP, false},
    {V "docker.image.rootfs.diff.tar.gzip", MEDIA_LAYER, true, CODEC_GZIP, false},
    {V "oci.image.layer.v1.tar+zstd", MEDIA_LAYER, false, CODEC_ZSTD, false},
    {V "docker.image.rootfs.diff.tar.zstd", MEDIA_LAYER, true, CODEC_ZSTD, false},
    {V "oci.image.layer.nondistributable.v1.tar", MEDIA_LAYER, false, CODEC_NONE, true},
    {V "oci.image.layer.nondistributable.v1.tar+gzip", MEDIA_LAYER, false, CODEC_GZIP, true},
    {V "oci.image.layer.nondistributable.v1.tar+zstd", MEDIA_LAYER, false, CODEC_ZSTD, true},
    {V "docker.image.rootfs.foreign.diff.tar.gzip", MEDIA_LAYER, true, CODEC_GZIP, true},
    {V "docker.distribution.manifest.v1+json", MEDIA_SCHEMA1, true, CODEC_NONE, false},
    {V "docker.distribution.manifest.v1+prettyjws", MEDIA_SCHEMA1, true, CODEC_NONE, false},
    /* parameters, blanks and case */
    {V "oci.image.index.v1+json; charset=utf-8", MEDIA_INDEX, false, CODEC_NONE, false},
    {V "docker.distribution.manifest.v2+json;a=b;c=d", MEDIA_MANIFEST, true, CODEC_NONE, false},
    {"  " V "oci.image.manifest.v1+json ", MEDIA_MANIFEST, false, CODEC_NONE, false},
    {"Application/VND.oci.image.manifest.v1+JSON", MEDIA_MANIFEST, false, CODEC_NONE, false},
    /* what we do not take for an image's parts */
    {V "oci.empty.v1+json", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {V "oci.descriptor.v1+json", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {V "oci.layout.header.v1+json", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {V "docker.plugin.v1+json", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {V "in-toto+json", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {V "dev.cosign.simplesigning.v1+json", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {V "oci.image.layer.v1.tar+gzip+encrypted", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {V "oci.image.layer.v1.ta", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {"application/json", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {"", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {";", MEDIA_UNKNOWN, false, CODEC_NONE, false},
    {NULL, MEDIA_UNKNOWN, false, CODEC_NONE, false},
};

static void test_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct media *m = media_find(rows[i].in);
        assert_non_null(m);
        if (m->kind != rows[i].kind || m->docker != rows[i].docker || m->codec != rows[i].codec ||
            m->foreign != rows[i].foreign)
            fail_msg("%s", rows[i].in ? rows[i].in : "NULL");
        assert_ptr_equal(m, media_find(m->type)); /* the table finds its own text */
    }
}

static void test_image_config(void **state)
{
    (void)state;
    static const char *const yes[] = {
        MEDIA_OCI_CONFIG,
        MEDIA_DOCKER_CONFIG,
        "application/octet-stream",
        "application/json",
        "text/html",
        "text/html; charset=utf-8",
        "",
        NULL,
    };
    static const char *const no[] = {MEDIA_OCI_MANIFEST, V "cncf.helm.config.v1+json",
                                     V "docker.plugin.v1+json", V "oci.empty.v1+json"};
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        assert_true(media_is_image_config(yes[i]));
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        assert_false(media_is_image_config(no[i]));
}

static void test_accept(void **state)
{
    (void)state;
    const char *s = media_accept_manifests();
    for (size_t i = 0; i < 4; i++)
        assert_non_null(strstr(s, rows[i].in));
    assert_null(strstr(s, "manifest.v1+json, application/vnd.docker.distribution.manifest.v1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_image_config),
        cmocka_unit_test(test_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
