/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define D "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
    const char *path;
    enum route_error error;
    enum route_id id;
    const char *name, *ref;
} paths[] = {
    {"/v2/", ROUTE_OK, ROUTE_BASE, NULL, NULL},
    {"/v2", ROUTE_OK, ROUTE_BASE, NULL, NULL},
    {"/v2/_catalog", ROUTE_OK, ROUTE_CATALOG, NULL, NULL},
    {"/healthz", ROUTE_OK, ROUTE_HEALTH, NULL, NULL},
    {"/v1/search", ROUTE_OK, ROUTE_V1_SEARCH, NULL, NULL},
    {"/shale/v1/search", ROUTE_OK, ROUTE_SEARCH, NULL, NULL},
    {"/shale/v1/repositories/a/b", ROUTE_OK, ROUTE_REPOSITORY, "a/b", NULL},
    {"/shale/v1/repositories/", ROUTE_BAD_NAME, ROUTE_REPOSITORY, "", NULL},
    {"/shale/v1/repositories/A", ROUTE_BAD_NAME, ROUTE_REPOSITORY, "A", NULL},
    {"/", ROUTE_OK, ROUTE_NONE, NULL, NULL},
    {"", ROUTE_OK, ROUTE_NONE, NULL, NULL},
    {"/v2/a", ROUTE_OK, ROUTE_NONE, NULL, NULL},
    {"/v2/a/b", ROUTE_OK, ROUTE_NONE, NULL, NULL},
    {"/v2/a/b/c", ROUTE_OK, ROUTE_NONE, NULL, NULL},
    {"/v2/manifests/x", ROUTE_OK, ROUTE_NONE, NULL, NULL},
    {"/v2/a/manifests/x", ROUTE_OK, ROUTE_MANIFEST, "a", "x"},
    {"/v2/a/manifests/" D, ROUTE_OK, ROUTE_MANIFEST, "a", D},
    {"/v2/a/manifests/sha256%3Ae3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     ROUTE_OK, ROUTE_MANIFEST, "a", D},
    {"/v2/a/b/c/manifests/x", ROUTE_OK, ROUTE_MANIFEST, "a/b/c", "x"},
    {"/v2/a/manifests/b/manifests/x", ROUTE_OK, ROUTE_MANIFEST, "a/manifests/b", "x"},
    {"/v2/manifests/manifests/manifests", ROUTE_OK, ROUTE_MANIFEST, "manifests", "manifests"},
    {"/v2/a/blobs/" D, ROUTE_OK, ROUTE_BLOB, "a", D},
    {"/v2/a/blobs/uploads/blobs/" D, ROUTE_OK, ROUTE_BLOB, "a/blobs/uploads", D},
    {"/v2/a/blobs/uploads", ROUTE_OK, ROUTE_UPLOADS, "a", NULL},
    {"/v2/a/blobs/uploads/", ROUTE_OK, ROUTE_UPLOADS, "a", NULL},
    {"/v2/a/blobs/uploads/id", ROUTE_OK, ROUTE_UPLOAD, "a", "id"},
    {"/v2/a/blobs/uploads/uploads", ROUTE_OK, ROUTE_UPLOAD, "a", "uploads"},
    {"/v2/x/blobs/uploads/blobs/uploads/", ROUTE_OK, ROUTE_UPLOADS, "x/blobs/uploads", NULL},
    {"/v2/blobs/blobs/uploads/id", ROUTE_OK, ROUTE_UPLOAD, "blobs", "id"},
    {"/v2/blobs/uploads/id", ROUTE_OK, ROUTE_NONE, NULL, NULL},
    {"/v2/a/uploads/id", ROUTE_OK, ROUTE_NONE, NULL, NULL},
    {"/v2/a/tags/list", ROUTE_OK, ROUTE_TAGS, "a", NULL},
    {"/v2/tags/list/tags/list", ROUTE_OK, ROUTE_TAGS, "tags/list", NULL},
    {"/v2/a/tags/other", ROUTE_OK, ROUTE_NONE, NULL, NULL},
    {"/v2/a/referrers/" D, ROUTE_OK, ROUTE_REFERRERS, "a", D},
    {"/v2/a/referrers/x", ROUTE_BAD_DIGEST, ROUTE_REFERRERS, NULL, NULL},
    {"/v2/a/blobs/x", ROUTE_BAD_DIGEST, ROUTE_BLOB, NULL, NULL},
    {"/v2/a/blobs/", ROUTE_BAD_DIGEST, ROUTE_BLOB, NULL, NULL},
    {"/v2/a/manifests/", ROUTE_BAD_REFERENCE, ROUTE_MANIFEST, NULL, NULL},
    {"/v2/a/manifests/-x", ROUTE_BAD_REFERENCE, ROUTE_MANIFEST, NULL, NULL},
    {"/v2/a/manifests/sha256:x", ROUTE_BAD_DIGEST, ROUTE_MANIFEST, NULL, NULL},
    {"/v2/A/manifests/x", ROUTE_BAD_NAME, ROUTE_MANIFEST, NULL, NULL},
    {"/v2//manifests/x", ROUTE_BAD_NAME, ROUTE_MANIFEST, NULL, NULL},
    {"/v2/../manifests/x", ROUTE_BAD_NAME, ROUTE_MANIFEST, NULL, NULL},
    {"/v2/a/../b/manifests/x", ROUTE_BAD_NAME, ROUTE_MANIFEST, NULL, NULL},
    {"/v2/%2e%2e/manifests/x", ROUTE_BAD_NAME, ROUTE_MANIFEST, NULL, NULL},
    {"/v2/a%2fb/manifests/x", ROUTE_BAD_PATH, ROUTE_NONE, NULL, NULL},
    {"/v2/a%2Fb/manifests/x", ROUTE_BAD_PATH, ROUTE_NONE, NULL, NULL},
    {"/v2/a%00/manifests/x", ROUTE_BAD_PATH, ROUTE_NONE, NULL, NULL},
    {"/v2/a%/manifests/x", ROUTE_BAD_PATH, ROUTE_NONE, NULL, NULL},
    {"/v2/a%252fb/manifests/x", ROUTE_BAD_NAME, ROUTE_MANIFEST, NULL, NULL}, /* decoded once */
};

static void test_paths(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct route t;
        enum route_error e = route_parse(str_of(paths[i].path), &a, &t);
        bool same = e == paths[i].error && (e == ROUTE_BAD_PATH || t.id == paths[i].id);
        if (same && e == ROUTE_OK && paths[i].name)
            same = streq(t.name, paths[i].name);
        if (same && e == ROUTE_OK && paths[i].ref)
            same = streq(t.ref, paths[i].ref);
        if (!same)
            fail_msg("%s: error %d, route %d, name %s, ref %s", paths[i].path, e, t.id,
                     t.name ? t.name : "-", t.ref ? t.ref : "-");
    }
}

static void test_long(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    char path[8192];
    struct route t;

    int n = snprintf(path, sizeof path, "/v2/%0255d/tags/list", 0);
    assert_int_equal(route_parse((struct str){path, (size_t)n}, &a, &t), ROUTE_OK);
    n = snprintf(path, sizeof path, "/v2/%0256d/tags/list", 0);
    assert_int_equal(route_parse((struct str){path, (size_t)n}, &a, &t), ROUTE_BAD_NAME);
    n = snprintf(path, sizeof path, "/v2/a/manifests/%0128d", 0);
    assert_int_equal(route_parse((struct str){path, (size_t)n}, &a, &t), ROUTE_OK);
    n = snprintf(path, sizeof path, "/v2/a/manifests/%0129d", 0);
    assert_int_equal(route_parse((struct str){path, (size_t)n}, &a, &t), ROUTE_BAD_REFERENCE);
    n = snprintf(path, sizeof path, "/v2/%08000d", 0);
    assert_int_equal(route_parse((struct str){path, (size_t)n}, &a, &t), ROUTE_BAD_PATH);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
