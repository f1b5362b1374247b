/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/mount.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"

typedef int (*parse_fn)(const char *text, struct arena *a, struct shale_mount *ret,
                        struct shale_err *e);

struct row {
    const char *text;
    enum shale_mount_type type;
    const char *source, *target;
    bool read_only, create;
    const char *propagation, *options;
    uint64_t size_bytes;
};

static void expect(parse_fn parse, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        struct shale_mount m;
        int r = parse(rows[i].text, &a, &m, &e);
        if (r < 0)
            print_message("%s: %s\n", rows[i].text, e.msg);
        assert_int_equal(r, 0);
        assert_int_equal(m.type, rows[i].type);
        assert_true(streq(m.source, rows[i].source));
        assert_string_equal(m.target, rows[i].target);
        assert_int_equal(m.read_only, rows[i].read_only);
        assert_int_equal(m.create_source, rows[i].create);
        assert_true(streq(m.propagation, rows[i].propagation));
        assert_true(streq(m.options, rows[i].options));
        assert_int_equal(m.tmpfs_size_bytes, rows[i].size_bytes);
    }
}

struct wrong {
    const char *text, *msg;
};

static void expect_error(parse_fn parse, const struct wrong *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        struct shale_mount m = {.target = "untouched"};
        assert_int_equal(parse(rows[i].text, &a, &m, &e), -SHALE_INVALID);
        assert_string_equal(e.msg, rows[i].msg);
        assert_string_equal(m.target, "untouched");
    }
}

#define BIND   SHALE_MOUNT_BIND
#define VOLUME SHALE_MOUNT_VOLUME
#define TMPFS  SHALE_MOUNT_TMPFS
#define IMAGE  SHALE_MOUNT_IMAGE

static void test_volume(void **state)
{
    static const struct row rows[] = {
        {"/data", VOLUME, NULL, "/data", false, false, NULL, NULL, 0},
        {"name:/data", VOLUME, "name", "/data", false, false, NULL, NULL, 0},
        {"/a:/b", BIND, "/a", "/b", false, true, NULL, NULL, 0},
        {"/a:/b:ro", BIND, "/a", "/b", true, true, NULL, NULL, 0},
        {"/a:/b:rw,z", BIND, "/a", "/b", false, true, NULL, NULL, 0},
        {"/a:/b:ro,rshared,Z", BIND, "/a", "/b", true, true, "rshared", NULL, 0},
        {"n:/b:nocopy", VOLUME, "n", "/b", false, false, NULL, NULL, 0},
        {"~/x:/b", BIND, "~/x", "/b", false, true, NULL, NULL, 0},
    };
    static const struct wrong bad[] = {
        {"", "invalid empty volume spec"},
        {":/b", "invalid spec: :/b: empty section between colons"},
        {"/a:", "invalid spec: /a:: empty section between colons"},
        {"/a::ro", "invalid spec: /a::ro: empty section between colons"},
        {"/a:/b:x", "invalid mode: x"},
        {"/a:/b:ro,x", "invalid mode: ro,x"},
        {"/a:/b:ro:rw", "invalid spec: /a:/b:ro:rw: too many colons"},
    };
    (void)state;
    expect(mount_parse_volume, rows, ARRAY_SIZE(rows));
    expect_error(mount_parse_volume, bad, ARRAY_SIZE(bad));
}

static void test_relative_source(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    char cwd[PATH_MAX], want[PATH_MAX + 10];
    struct shale_mount m;
    (void)state;
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(want, sizeof want, "%s/./x", cwd);
    assert_int_equal(mount_parse_volume("./x:/b", &a, &m, NULL), 0);
    assert_string_equal(m.source, want);
    assert_int_equal(mount_parse_mount("type=bind,src=./x,dst=/b", &a, &m, NULL), 0);
    assert_string_equal(m.source, want);
}

static void test_tmpfs(void **state)
{
    static const struct row rows[] = {
        {"/t", TMPFS, NULL, "/t", false, false, NULL, NULL, 0},
        {"/t:size=64m", TMPFS, NULL, "/t", false, false, NULL, NULL, 64 << 20},
        {"/t:ro,mode=1777,size=1k,noexec", TMPFS, NULL, "/t", true, false, NULL, "mode=1777,noexec",
         1024},
        {"/t:size=50%", TMPFS, NULL, "/t", false, false, NULL, "size=50%", 0},
        {"/t:", TMPFS, NULL, "/t", false, false, NULL, NULL, 0},
    };
    static const struct wrong bad[] = {{"/t:size=x", "invalid size: 'x'"}};
    (void)state;
    expect(mount_parse_tmpfs, rows, ARRAY_SIZE(rows));
    expect_error(mount_parse_tmpfs, bad, ARRAY_SIZE(bad));
}

static void test_subpath(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct shale_mount m = {.target = NULL};

    (void)state;
    assert_int_equal(mount_parse_mount("type=image,src=a,dst=/b,image-subpath=/x/y", &a, &m, NULL),
                     0);
    assert_string_equal(m.subpath, "/x/y");
    assert_int_equal(mount_parse_mount("type=image,src=a,dst=/b", &a, &m, NULL), 0);
    assert_null(m.subpath);
}

static void test_mount(void **state)
{
    static const struct row rows[] = {
        {"type=bind,source=/a,target=/b", BIND, "/a", "/b", false, false, NULL, NULL, 0},
        {"type=bind,src=/a,dst=/b,readonly", BIND, "/a", "/b", true, false, NULL, NULL, 0},
        {"TYPE=BIND,src=/a,destination=/b,ro=false", BIND, "/a", "/b", false, false, NULL, NULL, 0},
        {"target=/b", VOLUME, NULL, "/b", false, false, NULL, NULL, 0},
        {"source=v,target=/b,volume-nocopy", VOLUME, "v", "/b", false, false, NULL, NULL, 0},
        {"type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700", TMPFS, NULL, "/t", false, false, NULL,
         "mode=700", 1 << 20},
        {"type=bind,src=/a,target=/b,bind-propagation=slave", BIND, "/a", "/b", false, false,
         "slave", NULL, 0},
        {"type=bind,\"src=/a,b\",target=/b", BIND, "/a,b", "/b", false, false, NULL, NULL, 0},
        {"type=image,source=a:1,target=/b,image-subpath=x", IMAGE, "a:1", "/b", true, false, NULL,
         NULL, 0},
        {"type=image,src=a,dst=/b,subpath=x,rw=true", IMAGE, "a", "/b", false, false, NULL, NULL,
         0},
        {"type=image,src=a,dst=/b,rw=false,ro", IMAGE, "a", "/b", true, false, NULL, NULL, 0},
        {"type=bind,\"src=/a\"\"b\",target=/b", BIND, "/a\"b", "/b", false, false, NULL, NULL, 0},
    };
    static const struct wrong bad[] = {
        {"", "value is empty"},
        {"type=bind,source=/a", "target is required"},
        {"type=bind,target=/b", "invalid mount config for type \"bind\": field Source must not be "
                                "empty"},
        {"type=tmpfs,source=/a,target=/b", "invalid mount config for type \"tmpfs\": field Source "
                                           "must not be specified"},
        {"type=x,target=/b", "invalid mount config for type \"x\": mount type unknown"},
        {"bogus", "invalid field 'bogus' must be a key=value pair"},
        {"type=bind,foo=bar", "unexpected key 'foo' in 'foo=bar'"},
        {"target=/b,readonly=maybe", "invalid value for readonly: maybe"},
        {"type=tmpfs,target=/t,tmpfs-size=x", "invalid value for tmpfs-size: x"},
        {"type=tmpfs,target=/t,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"},
        {"type=bind,src=/a,target=/b,tmpfs-size=1m",
         "cannot mix 'tmpfs-*' options with mount type 'bind'"},
        {"type=tmpfs,target=/b,bind-propagation=shared",
         "cannot mix 'bind-*' options with mount type 'tmpfs'"},
        {"type=bind,src=/a,target=/b,volume-nocopy",
         "cannot mix 'volume-*' options with mount type 'bind'"},
        {"type=image,target=/b",
         "invalid mount config for type \"image\": field Source must not be "
         "empty"},
        {"src=v,target=/b,image-subpath=x",
         "cannot mix 'image-*' options with mount type 'volume'"},
        {"type=bind,src=/a,target=/b,rw", "cannot mix 'image-*' options with mount type 'bind'"},
        {"type=image,src=a,target=/b,rw=perhaps", "invalid value for rw: perhaps"},
        {"type=bind,\"src=/a", "parse error on line 1: extraneous or missing \" in quoted-field"},
    };
    (void)state;
    expect(mount_parse_mount, rows, ARRAY_SIZE(rows));
    expect_error(mount_parse_mount, bad, ARRAY_SIZE(bad));
}

static void test_volume_options(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct shale_mount m;
    (void)state;
    assert_int_equal(mount_parse_mount("src=v,dst=/d,volume-opt=type=tmpfs,\"volume-opt=o=size=1m,"
                                       "uid=3\",volume-label=a=b,volume-driver=local,volume-nocopy",
                                       &a, &m, NULL),
                     0);
    assert_string_equal(m.volume_options[0], "type=tmpfs");
    assert_string_equal(m.volume_options[1], "o=size=1m,uid=3");
    assert_null(m.volume_options[2]);
    assert_string_equal(m.volume_labels[0], "a=b");
    assert_null(m.volume_labels[1]);
    assert_true(m.no_copy);
    assert_int_equal(mount_parse_volume("n:/b:ro,nocopy", &a, &m, NULL), 0);
    assert_true(m.no_copy && m.read_only && !m.volume_options);
    assert_int_equal(mount_parse_mount("src=v,dst=/d,volume-nocopy=false", &a, &m, NULL), 0);
    assert_false(m.no_copy);
    assert_int_equal(mount_parse_mount("src=v,dst=/d,volume-driver=nfs", &a, &m, NULL),
                     -SHALE_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_volume),  cmocka_unit_test(test_relative_source),
        cmocka_unit_test(test_tmpfs),   cmocka_unit_test(test_mount),
        cmocka_unit_test(test_subpath), cmocka_unit_test(test_volume_options),
    };
    return cmocka_run_group_tests_name("cli/mount", tests, NULL, NULL);
}
