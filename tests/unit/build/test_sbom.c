/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* then itself */
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sys.h"
#include "build/attest/attest.h"
#include "build/attest/sbom.h"

static char folder[] = "/tmp/shale-sbom-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return fs_remove_tree(AT_FDCWD, folder, NULL);
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", folder, dir);
    assert_int_equal(fs_mkdir_p(AT_FDCWD, path, 0755, NULL), 0);
    (void)snprintf(path, sizeof path, "%s/%s/%s", folder, dir, name);
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0644, false, NULL), 0);
}

/* "name version, ..." of all packages. */
static char *names(void)
{
    const struct digest d = {
        "sha256:0000000000000000000000000000000000000000000000000000000000000000"};
    const struct sbom_opts o = {.name = "x", .digest = &d, .created_ns = 0, .version = "1"};
    static char text[4096];
    json_t *doc = NULL;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(sbom_make(fd, &o, &doc, NULL), 0);
    close(fd);
    const json_t *list = json_object_get(doc, "packages");
    assert_int_equal(json_array_size(list), json_array_size(json_object_get(doc, "relationships")));
    text[0] = 0;
    for (size_t i = 1; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        const json_t *ref = json_array_get(json_object_get(p, "externalRefs"), 0);
        size_t n = strlen(text);
        (void)snprintf(text + n, sizeof text - n, "%s %s\n",
                       json_string_value(json_object_get(p, "SPDXID")),
                       json_string_value(json_object_get(ref, "referenceLocator")));
    }
    json_decref(doc);
    return text;
}

static void databases(void **state)
{
    char path[512];

    (void)state;
    assert_string_equal(names(), "");
    put("usr/lib/apk/db", "installed", "P:b++\nV:2\nA:x86_64\n\nP:a\nV:1\n\n");
    (void)snprintf(path, sizeof path, "%s/lib", folder);
    assert_int_equal(sys_symlinkat("usr/lib", AT_FDCWD, path), 0); /* the same twice */
    assert_string_equal(names(), "SPDXRef-package-1-a pkg:apk/alpine/a@1\n"
                                 "SPDXRef-package-2-b-- pkg:apk/alpine/b%2B%2B@2?arch=x86_64\n");
    put("var/lib/dpkg/status.d", "one", "Package: one\nVersion: 1:2~3\nArchitecture: all\n");
    put("var/lib/dpkg/status.d", "one.md5sums", "Package: not\nVersion: 1\n");
    put("usr/lib", "os-release", "NAME=x\nID='distro less'\nVERSION_ID=3\n");
    assert_string_equal(
        names(),
        "SPDXRef-package-1-one pkg:deb/distro%20less/one@1%3A2~3?arch=all&distro=distro%20less-3\n"
        "SPDXRef-package-2-a pkg:apk/distro%20less/a@1?distro=distro%20less-3\n"
        "SPDXRef-package-3-b-- "
        "pkg:apk/distro%20less/b%2B%2B@2?arch=x86_64&distro=distro%20less-3\n");
}

static void purls(void **state)
{
    static const char *const v[][3] = {
        {"alpine", NULL, "pkg:docker/alpine@latest"},
        {"localhost:5000/a/b:c", "linux/arm64/v8",
         "pkg:docker/localhost%3A5000/a/b@c?platform=linux%2Farm64%2Fv8"},
    };
    struct arena a = ARENA_INIT(1 << 16);
    struct ref ref;

    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        assert_int_equal(ref_parse(v[i][0], &a, &ref, NULL), 0);
        ref_default_tag(&ref);
        assert_string_equal(attest_purl(&ref, v[i][1], &a), v[i][2]);
    }
    arena_clear(&a);
}

static void options(void **state)
{
    static const struct {
        const char *list[4];
        bool ok, sbom, provenance, all;
    } v[] = {
        {{NULL}, true, false, false, false},
        {{"type=sbom", NULL}, true, true, false, false},
        {{"type=sbom", "type=sbom,disabled=true", NULL}, true, false, false, false},
        {{"type=provenance,mode=max,version=v1", NULL}, true, false, true, true},
        {{"type=provenance,mode=max", "type=provenance", NULL}, true, false, true, false},
        {{"type=provenance,mode=x", NULL}, false, false, false, false},
        {{"type=provenance,version=v0.2", NULL}, false, false, false, false},
        {{"type=sbom,disabled=x", NULL}, false, false, false, false},
        {{"type=sbom,generator=x", NULL}, false, false, false, false},
        {{"type=", NULL}, false, false, false, false},
        {{"", NULL}, false, false, false, false},
        {{"sbom", NULL}, false, false, false, false},
    };
    static const char *const tags[] = {"x", NULL};
    struct arena a = ARENA_INIT(1 << 16);

    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        struct shale_build_opts o = {.size = sizeof o, .attests = v[i].list, .tags = tags};
        struct attest_opts got;
        assert_int_equal(attest_parse(&o, &a, &got, NULL) >= 0, v[i].ok);
        if (!v[i].ok)
            continue;
        assert_int_equal(got.sbom, v[i].sbom);
        assert_int_equal(got.provenance, v[i].provenance);
        assert_int_equal(got.all, v[i].all);
    }
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(databases),
        cmocka_unit_test(purls),
        cmocka_unit_test(options),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
