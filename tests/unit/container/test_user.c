/* SPDX-License-Identifier: Apache-2.0 */
#include "container/user.h"

#include "container_test.h"

static const char passwd[] = "# comment\n"
                             "root:x:0:0:root:/root:/bin/sh\n"
                             "\n"
                             "broken\n"
                             "worse:x:abc:1:::\n"
                             "bob:x:1000:1001::/home/bob:/bin/sh\n"
                             "app:x:2000:2000::relative:/bin/sh\n"
                             "twice:x:3000:1:::\n"
                             "twice:x:3001:2:::";
static const char group[] = "root:x:0:\n"
                            "wheel:x:10:bob,app\n"
                            "video:x:44:root,bobby,bob\n"
                            "bad:x:xyz:bob\n"
                            "staff:x:50:";

static const struct {
    const char *spec;
    uint32_t uid, gid;
    const char *home;
    size_t n_groups;
    uint32_t groups[2];
} good[] = {
    {NULL, 0, 0, "/root", 1, {44}},
    {"", 0, 0, "/root", 1, {44}},
    {"root", 0, 0, "/root", 1, {44}},
    {"0", 0, 0, "/root", 1, {44}},
    {"bob", 1000, 1001, "/home/bob", 2, {10, 44}},
    {"1000", 1000, 1001, "/home/bob", 2, {10, 44}},
    {"bob:wheel", 1000, 10, "/home/bob", 0, {0}}, /* a group that is given is the only one */
    {"bob:77", 1000, 77, "/home/bob", 0, {0}},
    {"bob:", 1000, 1001, "/home/bob", 2, {10, 44}},
    {":staff", 0, 50, "/root", 0, {0}},
    {"4242", 4242, 0, "/", 0, {0}}, /* numbers need no entry */
    {"4242:4343", 4242, 4343, "/", 0, {0}},
    {"app", 2000, 2000, "/", 1, {10}}, /* a home that is no absolute path */
    {"twice", 3000, 1, "/", 0, {0}},
    {"2147483647", 2147483647, 0, "/", 0, {0}},
};

static void found(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        TEST_ARENA;
        struct user u;
        assert_int_equal(
            user_resolve(good[i].spec, passwd, strlen(passwd), group, strlen(group), &a, &u, NULL),
            0);
        assert_int_equal(u.uid, good[i].uid);
        assert_int_equal(u.gid, good[i].gid);
        assert_string_equal(u.home, good[i].home);
        assert_int_equal(u.n_groups, good[i].n_groups);
        for (size_t k = 0; k < u.n_groups; k++)
            assert_int_equal(u.groups[k], good[i].groups[k]);
    }
}

static const struct {
    const char *spec;
    int code;
    const char *text;
} bad[] = {
    {"alice", SHALE_NOT_FOUND, "unable to find user alice: no matching entries in passwd file"},
    {"bob:nogroup", SHALE_NOT_FOUND,
     "unable to find group nogroup: no matching entries in group file"},
    {"worse", SHALE_NOT_FOUND, "unable to find user worse"}, /* its line makes no sense */
    {"2147483648", SHALE_INVALID, "uids and gids must be in range 0-2147483647"},
    {"99999999999999999999999", SHALE_INVALID, "uids and gids must be in range"},
    {"0:2147483648", SHALE_INVALID, "uids and gids must be in range"},
    {"-1", SHALE_INVALID, "uids and gids must be in range"},
    {"0:-7", SHALE_INVALID, "uids and gids must be in range"},
    {"-x", SHALE_NOT_FOUND, "unable to find user -x"},
};

static void refused(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        TEST_ARENA;
        struct shale_err e = SHALE_ERR_INIT;
        struct user u = {.uid = 99};
        assert_int_equal(
            user_resolve(bad[i].spec, passwd, strlen(passwd), group, strlen(group), &a, &u, &e),
            -bad[i].code);
        assert_ptr_equal(strstr(e.msg, bad[i].text), e.msg);
        assert_int_equal(u.uid, 99);
    }
}

static void no_files(void **state)
{
    TEST_ARENA;
    struct user u;

    assert_int_equal(user_resolve("", NULL, 0, NULL, 0, &a, &u, NULL), 0);
    assert_int_equal(u.uid, 0);
    assert_string_equal(u.home, "/");
    assert_int_equal(user_resolve("5:6", NULL, 0, NULL, 0, &a, &u, NULL), 0);
    assert_int_equal(u.gid, 6);
    assert_int_equal(user_resolve("root", NULL, 0, NULL, 0, &a, &u, NULL), -SHALE_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found),
        cmocka_unit_test(refused),
        cmocka_unit_test(no_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
