/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_test.h"

#include "registry/auth/policy.h"
#include "registry/conf/regconf.h"

static const char text[] = "[auth]\ntype = htpasswd\nhtpasswd = users\n"
                           "catalog = @admins\n"
                           "[group \"admins\"]\nmembers = root, boss\n"
                           "[rule \"public/**\"]\npull = anyone\npush = @admins\n"
                           "[rule \"team/secret\"]\nhidden = yes\npull = alice\n"
                           "[rule \"team/*\"]\npull = users\npush = alice, bob\ndelete = bob\n";

static void test_rules(void **state)
{
    static const struct {
        const char *user, *repository;
        enum policy_action action;
        bool allowed;
    } cases[] = {
        {NULL, "public/a/b", POLICY_PULL, true},
        {NULL, "public/a", POLICY_PUSH, false},
        {"alice", "public/a", POLICY_PUSH, false},
        {"boss", "public/a", POLICY_PUSH, true},
        {"boss", "public/a", POLICY_DELETE, false},
        {NULL, "team/x", POLICY_PULL, false},
        {"carol", "team/x", POLICY_PULL, true},
        {"carol", "team/x", POLICY_PUSH, false},
        {"alice", "team/x", POLICY_PUSH, true},
        {"alice", "team/x", POLICY_DELETE, false},
        {"bob", "team/x", POLICY_DELETE, true},
        {"bob", "team/secret", POLICY_PULL, false}, /* the first rule that matches counts */
        {"bob", "team/secret", POLICY_PUSH, false},
        {"alice", "team/secret", POLICY_PULL, true},
        {"boss", "elsewhere", POLICY_PULL, false},
        {"@admins", "public/a", POLICY_PUSH, false}, /* a group is not a user */
        {"boss", NULL, POLICY_CATALOG, true},
        {"alice", NULL, POLICY_CATALOG, false},
        {NULL, NULL, POLICY_CATALOG, false},
        {"boss", NULL, POLICY_SEARCH, true},
        {NULL, NULL, POLICY_SEARCH, false},
    };
    struct regconf *c = NULL;

    assert_ok(regconf_parse("/x/f", text, strlen(text), NULL, 0, &c, err));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (policy_allows(&c->policy, cases[i].user, cases[i].repository, cases[i].action) !=
            cases[i].allowed)
            fail_msg("case %zu", i);
    assert_true(policy_rule_of(&c->policy, "team/secret")->hidden);
    assert_null(policy_rule_of(&c->policy, "elsewhere"));
    regconf_free(c);
}

static void test_none(void **state)
{
    static const char plain[] = "[auth]\ntype = htpasswd\nhtpasswd = users\n";
    struct regconf *c = NULL;

    static const char closed[] = "[auth]\nsearch = nobody\n";
    assert_ok(regconf_parse("f", plain, strlen(plain), NULL, 0, &c, err));
    assert_true(policy_allows(&c->policy, "alice", "any", POLICY_DELETE));
    assert_true(policy_allows(&c->policy, "alice", NULL, POLICY_CATALOG));
    assert_false(policy_allows(&c->policy, NULL, "any", POLICY_PULL));
    regconf_free(c);
    assert_ok(regconf_load(NULL, NULL, 0, &c, err));
    assert_true(policy_allows_anyone(&c->policy, "any", POLICY_DELETE));
    assert_true(policy_allows_anyone(&c->policy, NULL, POLICY_CATALOG));
    assert_true(policy_allows_anyone(&c->policy, NULL, POLICY_SEARCH));
    regconf_free(c);
    /* Searching can be closed where all else is open. */
    assert_ok(regconf_parse("f", closed, strlen(closed), NULL, 0, &c, err));
    assert_true(policy_allows_anyone(&c->policy, NULL, POLICY_CATALOG));
    assert_false(policy_allows_anyone(&c->policy, NULL, POLICY_SEARCH));
    regconf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
