/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/meta_list.h"

#include "meta_test.h"

#define HEX16(d) d d d d d d d d d d d d d d d d
#define SHA(d)   "sha256:" HEX16(d) HEX16(d) HEX16(d) HEX16(d)

static struct meta_list_member member(const char *ref, const char *digest)
{
    struct meta_list_member x = {.ref = ref, .media_type = "t", .text = "{}"};

    x.platform = (struct platform){.os = "linux", .arch = "amd64"};
    assert_int_equal(digest_parse(digest, &x.digest, NULL), 0);
    return x;
}

static size_t get(struct fix *f, const char *list, struct meta_list_member **ret)
{
    size_t n;

    ok(meta_list_get(f->m, list, &f->a, ret, &n, &f->e));
    return n;
}

static void lists(void **state)
{
    struct fix *f = *state;
    char *features[] = {"a", "b,\"c\""};
    struct meta_list_member *v, two[] = {member("r/x_b:1", SHA("b")), member("r/x:1", SHA("a"))};

    two[0].platform.os_features = (struct strv){.v = features, .n = 2};
    assert_int_equal(get(f, "l", &v), 0);
    ok(meta_list_put(f->m, "l", NULL, 0, false, &f->e)); /* a question: it is not there */
    assert_int_equal(get(f, "l", &v), 0);
    ok(meta_list_put(f->m, "l", two, 2, false, &f->e));
    assert_int_equal(meta_list_put(f->m, "l", two, 1, false, &f->e), -SHALE_EXISTS);
    assert_string_equal(f->e.msg,
                        "refusing to amend an existing manifest list with no --amend flag");
    assert_int_equal(get(f, "l", &v), 2);
    assert_string_equal(v[0].ref, "r/x:1"); /* '-' is before '_' */
    assert_string_equal(v[1].ref, "r/x_b:1");
    assert_int_equal(v[1].platform.os_features.n, 2);
    assert_string_equal(v[1].platform.os_features.v[1], "b,\"c\"");
    assert_string_equal(v[1].text, "{}");
    assert_string_equal(v[1].platform.variant, "");
    assert_int_equal(get(f, "other", &v), 0);
    ok(meta_list_delete(f->m, "l", &f->e));
    assert_int_equal(meta_list_delete(f->m, "l", &f->e), -SHALE_NOT_FOUND);
    assert_string_equal(f->e.msg, "No such manifest: l");
}

/* The same digest keeps its platform, another one does not; a member that has changed meanwhile is
 * not dropped. */
static void changes(void **state)
{
    struct fix *f = *state;
    struct platform arm = {.os = "linux", .arch = "arm", .variant = "v7"};
    struct meta_list_member *v, x = member("r:1", SHA("a")), y = member("r:1", SHA("b"));

    ok(meta_list_put(f->m, "l", &x, 1, false, &f->e));
    ok(meta_list_set_platform(f->m, "l", "r:1", &arm, &f->e));
    x.local = true;
    ok(meta_list_put(f->m, "l", &x, 1, true, &f->e));
    assert_int_equal(get(f, "l", &v), 1);
    assert_string_equal(v[0].platform.variant, "v7");
    assert_true(v[0].local);
    ok(meta_list_put(f->m, "l", &y, 1, true, &f->e));
    assert_int_equal(get(f, "l", &v), 1);
    assert_string_equal(v[0].platform.arch, "amd64");
    assert_true(digest_eq(&v[0].digest, &y.digest));
    ok(meta_list_drop(f->m, "l", &x, 1, &f->e));
    assert_int_equal(get(f, "l", &v), 1);
    ok(meta_list_drop(f->m, "l", &y, 1, &f->e));
    assert_int_equal(get(f, "l", &v), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists, fix_setup, fix_teardown),
        cmocka_unit_test_setup_teardown(changes, fix_setup, fix_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
