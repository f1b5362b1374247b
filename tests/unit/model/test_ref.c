/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ref.h"

#include "model/limits.h"
#include "model_test.h"

#define LIB "docker.io/library/"

/* What ParseNormalizedNamed makes of a string; canonical and familiar after ref_default_tag. */
static const struct {
    const char *in, *domain, *path, *canonical, *familiar;
} good[] = {
    {"ubuntu", "docker.io", "library/ubuntu", LIB "ubuntu:latest", "ubuntu:latest"},
    {"u/app:1", "docker.io", "u/app", "docker.io/u/app:1", "u/app:1"},
    {"index.docker.io/ubuntu", "docker.io", "library/ubuntu", LIB "ubuntu:latest", "ubuntu:latest"},
    {"index.docker.io/library/ubuntu", "docker.io", "library/ubuntu", LIB "ubuntu:latest",
     "ubuntu:latest"},
    {"docker.io/ubuntu:1", "docker.io", "library/ubuntu", LIB "ubuntu:1", "ubuntu:1"},
    {"library/ubuntu", "docker.io", "library/ubuntu", LIB "ubuntu:latest", "ubuntu:latest"},
    {"docker.io/library/foo/bar", "docker.io", "library/foo/bar", LIB "foo/bar:latest",
     "library/foo/bar:latest"},
    {"localhost/x", "localhost", "x", "localhost/x:latest", "localhost/x:latest"},
    {"localhost/fooo/bar", "localhost", "fooo/bar", "localhost/fooo/bar:latest",
     "localhost/fooo/bar:latest"},
    {"127.0.0.1:5000/a/b", "127.0.0.1:5000", "a/b", "127.0.0.1:5000/a/b:latest",
     "127.0.0.1:5000/a/b:latest"},
    {"[::1]:5000/x", "[::1]:5000", "x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"},
    {"[2001:db8::]/x:t", "[2001:db8::]", "x", "[2001:db8::]/x:t", "[2001:db8::]/x:t"},
    {"ubuntu@" SHA_A, "docker.io", "library/ubuntu", LIB "ubuntu@" SHA_A, "ubuntu@" SHA_A},
    {"ubuntu:22@" SHA_A, "docker.io", "library/ubuntu", LIB "ubuntu:22@" SHA_A, "ubuntu:22@" SHA_A},
    {"h:5000/r:t@" SHA_A, "h:5000", "r", "h:5000/r:t@" SHA_A, "h:5000/r:t@" SHA_A},
    {"u@" HEX64("sha512:", "1") HEX64("", "2"), "docker.io", "library/u",
     LIB "u@" HEX64("sha512:", "1") HEX64("", "2"), "u@" HEX64("sha512:", "1") HEX64("", "2")},
    {"Foo/bar", "Foo", "bar", "Foo/bar:latest", "Foo/bar:latest"},
    {"LOCALDOMAIN/library/debian", "LOCALDOMAIN", "library/debian",
     "LOCALDOMAIN/library/debian:latest", "LOCALDOMAIN/library/debian:latest"},
    /* without a slash there is no domain */
    {"localhost", "docker.io", "library/localhost", LIB "localhost:latest", "localhost:latest"},
    {"example.com", "docker.io", "library/example.com", LIB "example.com:latest",
     "example.com:latest"},
    {"foo:5000", "docker.io", "library/foo", LIB "foo:5000", "foo:5000"},
    {"192.168.0.1:80", "docker.io", "library/192.168.0.1", LIB "192.168.0.1:80", "192.168.0.1:80"},
    {"test_com", "docker.io", "library/test_com", LIB "test_com:latest", "test_com:latest"},
    /* separators */
    {"a__b", "docker.io", "library/a__b", LIB "a__b:latest", "a__b:latest"},
    {"a---b", "docker.io", "library/a---b", LIB "a---b:latest", "a---b:latest"},
    {"d/docker", "docker.io", "d/docker", "docker.io/d/docker:latest", "d/docker:latest"},
    /* domains */
    {"sub-dom1.foo.com/bar/baz:Tag_1.2-x", "sub-dom1.foo.com", "bar/baz",
     "sub-dom1.foo.com/bar/baz:Tag_1.2-x", "sub-dom1.foo.com/bar/baz:Tag_1.2-x"},
    {"xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com/myimage:xn--n3h.com",
     "xn--n3h.com/myimage:xn--n3h.com"},
    /* 64 hex characters are a name when a domain stands before them */
    {"docker.io/" HEX64("", "a"), "docker.io", "library/" HEX64("", "a"),
     LIB HEX64("", "a") ":latest", HEX64("", "a") ":latest"},
    {HEX64("", "g"), "docker.io", "library/" HEX64("", "g"), LIB HEX64("", "g") ":latest",
     HEX64("", "g") ":latest"},
    {HEX64("", "a") ":t", "docker.io", "library/" HEX64("", "a"), LIB HEX64("", "a") ":t",
     HEX64("", "a") ":t"},
    {"x:" HEX64("", "a") HEX64("", "b"), "docker.io", "library/x",
     LIB "x:" HEX64("", "a") HEX64("", "b"), "x:" HEX64("", "a") HEX64("", "b")},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        TEST_ARENA;
        struct shale_err e = SHALE_ERR_INIT;
        struct ref r, again;
        if (ref_parse(good[i].in, &a, &r, &e) < 0)
            fail_msg("%s: %s", good[i].in, e.msg);
        assert_string_equal(r.domain, good[i].domain);
        assert_string_equal(r.path, good[i].path);
        assert_string_equal(r.repo, arena_printf(&a, "%s/%s", r.domain, r.path));
        ref_default_tag(&r);
        assert_string_equal(ref_canonical(&r, &a), good[i].canonical);
        assert_string_equal(ref_familiar(&r, &a), good[i].familiar);
        assert_int_equal(ref_parse(good[i].canonical, &a, &again, &e), 0);
        assert_string_equal(ref_canonical(&again, &a), good[i].canonical);
    }
}

#define BAD         "invalid reference format"
#define LOWER(name) "invalid reference format: repository name (" name ") must be lowercase"
#define IDENTIFIER                                                                                 \
    "invalid repository name (" HEX64("", "a") "), cannot specify 64-byte hexadecimal strings"

static const struct {
    const char *in, *error;
} bad[] = {
    {"", BAD},
    {"FOO", LOWER("library/FOO")},
    {"Uppercase:tag", LOWER("library/Uppercase")},
    {"docker/Docker", LOWER("docker/Docker")},
    {"docker.io/docker/Docker:X", LOWER("docker/Docker")},
    {"test:5000/Uppercase/lowercase:tag", LOWER("Uppercase/lowercase")},
    {"ubuntu@SHA256:x", LOWER("library/ubuntu@SHA256")},
    {"A\nB", LOWER("library/A\\x0aB")},
    {"a//b", BAD},
    {"-a", BAD},
    {"a_", BAD},
    {"a-", BAD},
    {"a.", BAD},
    {"_a", BAD},
    {"a___b", BAD},
    {"a..b", BAD},
    {"a-_b", BAD},
    {"a._b", BAD},
    {"a_-b", BAD},
    {"dock-.er/docker", BAD},
    {"-docker.io/docker/docker", BAD},
    {"docker-/docker", BAD},
    {"docker/", BAD},
    {"/docker", BAD},
    {"docker///docker", BAD},
    {"https://github.com/docker/docker", BAD},
    {"foo:/bar", BAD},
    {"foo:x/bar", BAD},
    {"a_b.c-d/e", BAD},
    {".com/x", BAD},
    {"a..b/x", BAD},
    {"a.b-/x", BAD},
    {"a.b:/x", BAD},
    {"a.b:5x/x", BAD},
    {"a.b:1:2/x", BAD},
    {"[::1]", BAD},
    {"[::1]:5000", BAD},
    {"[]/x", BAD},
    {"[::1/x", BAD},
    {"[::1]5000/x", BAD},
    {"[::1]:/x", BAD},
    {"fc00::1:5000/debian", BAD},
    {"[fe80::1%eth0]:5000/debian", BAD},
    {"[2001:db8:3:4::192.0.2.33]:5000/debian", BAD},
    {":justtag", BAD},
    {"@" SHA_A, BAD},
    {"a:", BAD},
    {"a:-x", BAD},
    {"a:.x", BAD},
    {"a:x y", BAD},
    {"a:x:y", BAD},
    {"a b", BAD},
    {"a\xc3\xa9", BAD},
    {"a@", BAD},
    {"a:t@", BAD},
    {"a@sha256", BAD},
    {"a@sha256:", BAD},
    {"a@sha256:abc", BAD}, /* fewer than 32 hex characters are no digest at all */
    {"a@sha256:" HEX64("", "a") "@x", BAD},
    {"a@1sha:" HEX64("", "a"), BAD},
    {"a@sha..1:" HEX64("", "a"), BAD},
    {"a@sha256:" HEX64("", "x"), BAD},
    {"x:" HEX64("", "a") HEX64("", "b") "c", BAD},
    {"repo@sha256:ffffffffffffffffffffffffffffffffff", "invalid checksum digest length"},
    {"repo@sha256:" HEX64("", "F"), "invalid checksum digest format"},
    {"repo:t@SHA256:" HEX64("", "f"), "invalid checksum digest format"},
    {"validname@invaliddigest:" HEX64("", "f"), "unsupported digest algorithm"},
    {HEX64("", "a"), IDENTIFIER},
    {"aa/asdf$$^/aa", BAD},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        TEST_ARENA;
        struct shale_err e = SHALE_ERR_INIT;
        struct ref r = {.domain = "untouched"};
        if (ref_parse(bad[i].in, &a, &r, &e) == 0)
            fail_msg("%s was accepted", bad[i].in);
        if (strcmp(e.msg, bad[i].error) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", bad[i].in, e.msg, bad[i].error);
        assert_int_equal(e.code, SHALE_INVALID);
        assert_string_equal(r.domain, "untouched");
    }
}

/* `n` times 'a' after a prefix. */
static void check_length(const char *prefix, size_t n, const char *suffix, const char *error)
{
    TEST_ARENA;
    struct shale_err e = SHALE_ERR_INIT;
    struct ref r;
    char *as = arena_alloc(&a, n + 1);
    memset(as, 'a', n);
    int rc = ref_parse(arena_printf(&a, "%s%s%s", prefix, as, suffix), &a, &r, &e);
    assert_int_equal(rc, error ? -SHALE_INVALID : 0);
    assert_string_equal(e.msg, error ? error : "");
}

static void test_length(void **state)
{
    (void)state;
    const char *error = "repository name must not be more than 255 characters";
    check_length("example.com/", 255, ":tag", NULL);
    check_length("example.com/", 256, ":tag", error);
    check_length("", 247, "", NULL); /* library/ counts */
    check_length("", 248, "", error);
    check_length("x/", LIMIT_REF_BYTES, "", error);
    check_length("x/", 100000, "", error);
}

static void test_nothing_given(void **state)
{
    (void)state;
    TEST_ARENA;
    struct ref r;
    assert_int_equal(ref_parse(NULL, &a, &r, NULL), -SHALE_INVALID);
    assert_int_equal(ref_parse("ubuntu", &a, &r, NULL), 0);
    assert_null(r.tag);
    assert_false(digest_is_set(&r.digest));
    assert_string_equal(ref_canonical(&r, &a), LIB "ubuntu");
    assert_int_equal(ref_parse("ubuntu:1@" SHA_A, &a, &r, NULL), 0);
    assert_string_equal(r.tag, "1");
    assert_string_equal(r.digest.s, SHA_A);
}

static void test_no_memory(void **state)
{
    (void)state;
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(8);
    struct shale_err e = SHALE_ERR_INIT;
    struct ref r;
    assert_int_equal(ref_parse("ubuntu", &a, &r, &e), -SHALE_NO_MEMORY);
}

static void test_ids(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        bool identifier, prefix;
    } rows[] = {
        {HEX64("", "a"), true, true},   {SHA_A, false, true},
        {HEX64("", "A"), false, false}, {HEX64("", "a") "a", false, false},
        {SHA_A "a", false, false},      {"a", false, true},
        {"beef", false, true},          {"sha256:b", false, true},
        {"sha256:", false, false},      {"sha256", false, false},
        {"sha512:ab", false, false},    {"", false, false},
        {"xyz", false, false},          {"ab cd", false, false},
        {NULL, false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(ref_is_identifier(rows[i].s), rows[i].identifier);
        assert_int_equal(ref_is_id_prefix(rows[i].s), rows[i].prefix);
    }
}

static void test_tags(void **state)
{
    (void)state;
    assert_true(ref_tag_valid("latest"));
    assert_true(ref_tag_valid("_"));
    assert_true(ref_tag_valid("1.2-3_X"));
    assert_true(ref_tag_valid(HEX64("", "a") HEX64("", "a")));
    assert_false(ref_tag_valid(HEX64("", "a") HEX64("", "a") "a"));
    assert_false(ref_tag_valid(""));
    assert_false(ref_tag_valid(NULL));
    assert_false(ref_tag_valid(".x"));
    assert_false(ref_tag_valid("-x"));
    assert_false(ref_tag_valid("a/b"));
    assert_false(ref_tag_valid("a:b"));
}

static void test_familiar_repo(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"docker.io/library/redis", "redis"},     {"docker.io/u/x", "u/x"},
        {"docker.io/library/a/b", "library/a/b"}, {"quay.io/library/x", "quay.io/library/x"},
        {"localhost/x", "localhost/x"},           {"docker.iox/library/x", "docker.iox/library/x"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_string_equal(ref_familiar_repo(rows[i][0]), rows[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),      cmocka_unit_test(test_bad),
        cmocka_unit_test(test_length),    cmocka_unit_test(test_nothing_given),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_ids),
        cmocka_unit_test(test_tags),      cmocka_unit_test(test_familiar_repo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
