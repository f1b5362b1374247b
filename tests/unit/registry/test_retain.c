/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upkeep/retain.h"

#include "registry/conf/regconf.h"
#include "registry_test.h"

#define DAY (86400 * NS_PER_S)
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Each case: a config, tags as NAME@AGE IN DAYS, newest first, and those of them that go. */
static const struct {
    const char *conf, *repo, *tags, *go;
} cases[] = {
    /* without rules, or with rules for others, nothing goes */
    {"", "a", "v1@0 v2@999", ""},
    {"[retention \"b\"]\nkeep_tags = 1\n", "a", "v1@0 v2@999", ""},
    {"[retention \"*\"]\nkeep_tags = 1\n", "a/b", "v1@0 v2@999", ""},
    {"[retention \"a\"]\nkeep_tags = 1\n", "a", "", ""},
    /* so many newest */
    {"[retention \"a\"]\nkeep_tags = 1\n", "a", "v1@0", ""},
    {"[retention \"a\"]\nkeep_tags = 1\n", "a", "v3@0 v2@0 v1@5", "v2 v1"},
    {"[retention \"a\"]\nkeep_tags = 3\n", "a", "v3@0 v2@0 v1@999", ""},
    {"[retention \"**\"]\nkeep_tags = 2\n", "a/b/c", "d@1 c@2 b@3 a@4", "b a"},
    /* age alone: it may be all of them */
    {"[retention \"a\"]\nmax_age = 3d\n", "a", "v3@2 v2@3 v1@4", "v1"},
    {"[retention \"a\"]\nmax_age = 3d\n", "a", "v3@5 v2@6", "v3 v2"},
    /* both: only when both say so */
    {"[retention \"a\"]\nkeep_tags = 1\nmax_age = 3d\n", "a", "c@5 b@6 a@7", "b a"},
    {"[retention \"a\"]\nkeep_tags = 1\nmax_age = 3d\n", "a", "d@0 c@1 b@2 a@7", "a"},
    {"[retention \"a\"]\nkeep_tags = 9\nmax_age = 3d\n", "a", "c@5 b@6 a@7", ""},
    /* a time in the future is young */
    {"[retention \"a\"]\nmax_age = 1d\n", "a", "v2@-5 v1@2", "v1"},
    /* only those tags: others neither go nor count */
    {"[retention \"a\"]\ntags = pr-*\nkeep_tags = 1\n", "a", "v2@0 pr-2@1 v1@2 pr-1@3", "pr-1"},
    {"[retention \"a\"]\ntags = pr-*, ci-?\nkeep_tags = 1\n", "a", "ci-2@0 pr-1@1 ci-33@2", "pr-1"},
    /* pins neither go nor count */
    {"[retention \"a\"]\nkeep_tags = 1\npins = v*\n", "a", "v2@0 x2@1 v1@2 x1@3", "x1"},
    {"[retention \"a\"]\nmax_age = 1d\npins = latest\n", "a", "latest@9 other@9", "other"},
    /* the first section whose tags match decides */
    {"[retention \"a\"]\ntags = v*\nkeep_tags = 2\n[retention \"**\"]\nkeep_tags = 1\n", "a",
     "v3@0 v2@1 v1@2 x2@3 x1@4", "v1 x1"},
    {"[retention \"**\"]\nkeep_tags = 1\n[retention \"a\"]\ntags = v*\nkeep_tags = 9\n", "a",
     "v2@0 v1@1", "v1"},
    /* two of one name */
    {"[retention \"a\"]\ntags = v*\nkeep_tags = 1\n[retention \"a\"]\ntags = x*\nmax_age = 1d\n",
     "a", "v2@5 v1@6 x2@0 x1@2 y@9", "v1 x1"},
    /* pins of any section count, also of one that decides about nothing or comes last */
    {"[retention \"a\"]\nmax_age = 1d\n[retention \"**\"]\npins = keep-*\n", "a", "keep-1@9 b@9",
     "b"},
    {"[retention \"a\"]\nmax_age = 1d\n[retention \"b\"]\npins = keep-*\n", "a", "keep-1@9",
     "keep-1"},
    /* a section that only says what becomes of untagged manifests takes no tags */
    {"[retention \"a\"]\nuntagged_after = 1d\n[retention \"**\"]\nmax_age = 1d\n", "a", "v1@9", ""},
    /* immutable tags stay */
    {"[retention \"a\"]\nmax_age = 1d\n[repository \"a\"]\nimmutable = v?\n", "a", "v1@9 v10@9",
     "v10"},
    /* named after a digest: goes with that, and does not count */
    {"[retention \"a\"]\nkeep_tags = 1\n", "a",
     "sha256-" HEX ".sig@0 v2@1 sha256-" HEX "@2 sha256-abc@3 v1@4", "sha256-abc v1"},
};

static size_t read_tags(const char *text, struct retain_tag *v, struct arena *a)
{
    struct str rest = str_of(text), one;
    size_t n = 0;

    while (*text && str_split(&rest, ' ', &one)) {
        char *name = arena_strndup(a, one.p, one.n), *at = strrchr(name, '@');
        *at = 0;
        v[n++] = (struct retain_tag){.name = name,
                                     .pushed_ns = 20000 * DAY - strtoll(at + 1, NULL, 10) * DAY};
    }
    return n;
}

static void test_choose(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct regconf *c = NULL;
        struct arena a;
        struct retain_tag v[16];
        char go[256] = "";
        arena_init(&a, 1u << 20);
        assert_ok(regconf_parse("f", cases[i].conf, strlen(cases[i].conf), NULL, 0, &c, err));
        size_t n = read_tags(cases[i].tags, v, &a);
        retain_choose(&c->retain, cases[i].repo, v, n, 20000 * DAY);
        for (size_t k = 0; k < n; k++)
            if (v[k].rule)
                snprintf(go + strlen(go), sizeof go - strlen(go), "%s%s", *go ? " " : "",
                         v[k].name);
        if (strcmp(go, cases[i].go) != 0)
            fail_msg("case %zu: \"%s\" goes, not \"%s\"", i, go, cases[i].go);
        regconf_free(c);
        arena_clear(&a);
    }
}

static void test_why(void **state)
{
    char b[RETAIN_WHY_BYTES];

    assert_string_equal(retain_why(&(struct retain_rule){.keep_tags = 3}, b),
                        "not one of the 3 newest");
    assert_string_equal(retain_why(&(struct retain_rule){.max_age_ns = 30 * DAY}, b),
                        "older than 30 days");
    assert_string_equal(
        retain_why(&(struct retain_rule){.keep_tags = 3, .max_age_ns = 90 * NS_PER_S}, b),
        "not one of the 3 newest, and older than 90 s");
}

static void test_repository(void **state)
{
    static const char text[] = "[limits]\nrepository_quota = 1m\n"
                               "[repository \"team/a\"]\nquota = 5g\n"
                               "[repository \"team/**\"]\nquota = 2k\nimmutable = v*\n"
                               "[repository \"**\"]\nimmutable = r?, s\n"
                               "[retention \"x/*\"]\nuntagged_after = 2h\n"
                               "[retention \"**\"]\nkeep_tags = 1\n"
                               "[retention \"y\"]\nuntagged_after = 3h\n";
    struct regconf *c = NULL;

    assert_ok(regconf_parse("f", text, strlen(text), NULL, 0, &c, err));
    const struct retain *p = &c->retain;
    uint64_t general = c->limits.repository_bytes;
    assert_int_equal(retain_quota(p, "team/a", general), 5ull << 30);
    assert_int_equal(retain_quota(p, "team/b", general), 2048);
    assert_int_equal(retain_quota(p, "other", general), 1 << 20);
    assert_true(retain_immutable(p, "team/a", "v1")); /* the first that says something of tags */
    assert_false(retain_immutable(p, "team/a", "r1"));
    assert_true(retain_immutable(p, "other", "r1"));
    assert_true(retain_immutable(p, "other", "s"));
    assert_false(retain_immutable(p, "other", "v1"));
    assert_int_equal(retain_untagged_after(p, "x/a"), 2 * 3600 * NS_PER_S);
    assert_int_equal(retain_untagged_after(p, "y"), 3 * 3600 * NS_PER_S);
    assert_int_equal(retain_untagged_after(p, "z"), 0);
    assert_true(retain_has_rules(p, "z"));
    regconf_free(c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_why),
        cmocka_unit_test(test_repository),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
