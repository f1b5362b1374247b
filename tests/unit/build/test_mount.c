/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* then itself */
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "build/instr/mount.h"

static void parses(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct mount_spec m;

    (void)state;
    assert_int_equal(mount_parse("target=/x,source=a/b,from=s", &a, &m, NULL), 0);
    assert_int_equal(m.m.kind, STEP_MOUNT_BIND);
    assert_true(m.m.read_only);
    assert_string_equal(m.m.source, "a/b");
    assert_string_equal(m.from, "s");
    assert_int_equal(mount_parse("dst=/x,rw", &a, &m, NULL), 0);
    assert_false(m.m.read_only);
    assert_int_equal(
        mount_parse("type=cache,target=/c,id=x,sharing=locked,uid=5,mode=0700", &a, &m, NULL), 0);
    assert_int_equal(m.m.kind, STEP_MOUNT_CACHE);
    assert_false(m.m.read_only);
    assert_int_equal(m.m.sharing, STEP_CACHE_LOCKED);
    assert_int_equal(m.m.uid, 5);
    assert_int_equal(m.m.mode, 0700);
    assert_int_equal(mount_parse("target=/t,type=tmpfs,size=2m", &a, &m, NULL), 0);
    assert_int_equal(m.m.size_bytes, 2 << 20);
    assert_int_equal(mount_parse("type=secret,id=s,required,env=K", &a, &m, NULL), 0);
    assert_true(m.required);
    assert_string_equal(m.env, "K");
    assert_null(m.m.target);
    assert_int_equal(mount_parse("type=ssh,required=false", &a, &m, NULL), 0);
    assert_false(m.required);
    assert_string_equal(mount_from("type=bind,from=base,target=/x", &a), "base");
    assert_null(mount_from("target=/x", &a));
}

static void refuses(void **state)
{
    static const struct {
        const char *text, *want;
    } table[] = {
        {"", "unexpected key"},
        {"type=bind", "target= is missing"},
        {"type=nosuch,target=/x", "unsupported mount type \"nosuch\""},
        {"target=/x,nosuch=1", "unexpected key \"nosuch\""},
        {"target=/x,size=1", "size= is of no use with this type"},
        {"type=cache,target=/x,sharing=no", "unsupported sharing value \"no\""},
        {"type=cache,target=/x,mode=9", "mode=9 makes no sense"},
        {"type=cache,target=/x,uid=-1", "uid=-1 makes no sense"},
        {"type=cache,target", "target needs a value"},
        {"target=", "target= makes no sense"},
        {"target=/x,ro=maybe", "ro=maybe makes no sense"},
        {"type=tmpfs,target=/x,size=many", "size"},
        {"type=secret", "a secret needs id= or target="},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        struct mount_spec m;
        if (mount_parse(table[i].text, &a, &m, &e) != -SHALE_INVALID ||
            !strstr(e.msg, table[i].want))
            fail_msg("%s: %s", table[i].text, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parses), cmocka_unit_test(refuses)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
