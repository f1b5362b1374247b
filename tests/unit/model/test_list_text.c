/* SPDX-License-Identifier: Apache-2.0 */
#include "model/list_text.h"

#include "model/media.h"
#include "model_test.h"

static void is(const struct shale_manifest_entry *v, size_t n, const char *want)
{
    struct buf b = BUF_INIT(1u << 20);

    list_text(v, n, &b);
    assert_string_equal(buf_str(&b), want);
    buf_clear(&b);
}

#define HEAD(type)                                                                                 \
    "{\n   \"schemaVersion\": 2,\n   \"mediaType\": \"" type "\",\n   \"manifests\": ["

static void empty(void **state)
{
    (void)state;
    is(NULL, 0, HEAD(MEDIA_DOCKER_LIST) "]\n}");
}

/* What `docker manifest push` of docker 28.2.2 has sent. */
static void entries(void **state)
{
    static const char *const features[] = {"win32k", "<&>"};
    const struct shale_manifest_entry v[] = {
        {MEDIA_OCI_MANIFEST, SHA_A, 406, "windows", "amd64", "", "10.0\t1", features, 2},
        {MEDIA_DOCKER_MANIFEST, SHA_B, 424, "linux", "arm", "v7\"\\\x01\xe2\x80\xa8\xc3\xa9", "",
         NULL, 0},
    };

    (void)state;
    is(v, 2,
       HEAD(MEDIA_OCI_INDEX) "\n"
                             "      {\n"
                             "         \"mediaType\": \"" MEDIA_OCI_MANIFEST "\",\n"
                             "         \"size\": 406,\n"
                             "         \"digest\": \"" SHA_A "\",\n"
                             "         \"platform\": {\n"
                             "            \"architecture\": \"amd64\",\n"
                             "            \"os\": \"windows\",\n"
                             "            \"os.version\": \"10.0\\t1\",\n"
                             "            \"os.features\": [\n"
                             "               \"win32k\",\n"
                             "               \"\\u003c\\u0026\\u003e\"\n"
                             "            ]\n"
                             "         }\n"
                             "      },\n"
                             "      {\n"
                             "         \"mediaType\": \"" MEDIA_DOCKER_MANIFEST "\",\n"
                             "         \"size\": 424,\n"
                             "         \"digest\": \"" SHA_B "\",\n"
                             "         \"platform\": {\n"
                             "            \"architecture\": \"arm\",\n"
                             "            \"os\": \"linux\",\n"
                             "            \"variant\": \"v7\\\"\\\\\\u0001\\u2028\xc3\xa9\"\n"
                             "         }\n"
                             "      }\n"
                             "   ]\n"
                             "}");
    assert_string_equal(list_media_type(v, 2), MEDIA_OCI_INDEX);
    assert_string_equal(list_media_type(v + 1, 1), MEDIA_DOCKER_LIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(empty), cmocka_unit_test(entries)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
