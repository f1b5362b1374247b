/* SPDX-License-Identifier: Apache-2.0 */
/* Where copies go, as pure rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "tar/tar_place.h"

static void paths(void **state)
{
    static const struct {
        const char *in, *clean, *parent, *base;
        bool folder;
    } t[] = {
        {"/a/b", "/a/b", "/a", "b", false},
        {"a//./b", "/a/b", "/a", "b", false},
        {"/a/b/", "/a/b/", "/a", "b", true},
        {"/a/b/.", "/a/b/.", "/a/b", "", true},
        {"/a/../../b", "/b", "/", "b", false},
        {"/a/..", "/", "/", "", true},
        {"/..", "/", "/", "", true},
        {"/", "/", "/", "", true},
        {"", "/", "/", "", true},
        {".", "/", "/", "", true},
        {"/a/x.", "/a/x.", "/a", "x.", false},
        {"/a/...", "/a/...", "/a", "...", false},
        {"/a/../.", "/", "/", "", true},
    };
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);

    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        const char *clean = place_clean(&a, t[i].in);
        assert_true(streq(clean, t[i].clean) || (streq(t[i].clean, "/") && streq(clean, "/.")));
        assert_string_equal(place_parent(&a, t[i].clean), t[i].parent);
        assert_string_equal(place_base(&a, t[i].clean), t[i].base);
        assert_int_equal(place_says_folder(t[i].clean), t[i].folder);
    }
}

static void plans(void **state)
{
    static const struct {
        struct place src, dst;
        const char *dir, *top; /* dir NULL: refused with this text */
    } t[] = {
        {{"/s/f", "f", true, false}, {"/d", NULL, true, true}, "/d", "f"},
        {{"/s/f", "f", true, false}, {"/d/", NULL, true, true}, "/d/", "f"},
        {{"/s/f", "f", true, false}, {"/d/n", NULL, false, false}, "/d", "n"},
        {{"/s/f", "f", true, false}, {"/d/n", NULL, true, false}, "/d", "n"},
        {{"/s/f", "f", true, false}, {"/d/n/", NULL, false, false}, NULL, "no such directory"},
        {{"/s/d", "d", true, true}, {"/d", NULL, true, true}, "/d", "d"},
        {{"/s/d", "d", true, true}, {"/n", NULL, false, false}, "/", "n"},
        {{"/s/d", "d", true, true}, {"/x/n/", NULL, false, false}, "/x", "n"},
        {{"/s/d", "d", true, true}, {"/n", NULL, true, false}, NULL, "cannot copy directory"},
        {{"/s/d/.", "", true, true}, {"/d", NULL, true, true}, "/d", ""},
        {{"/s/d/.", "", true, true}, {"/n", NULL, false, false}, "/", "n"},
    };
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);

    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct place_plan p = {0};
        int r = place_plan(&t[i].src, &t[i].dst, &a, &p, &e);
        if (!t[i].dir) {
            assert_int_equal(r, -SHALE_INVALID);
            assert_string_equal(e.msg, t[i].top);
            continue;
        }
        assert_int_equal(r, 0);
        assert_string_equal(p.dir, t[i].dir);
        assert_string_equal(p.top, t[i].top);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(paths), cmocka_unit_test(plans)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
