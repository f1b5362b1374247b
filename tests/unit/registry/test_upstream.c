/* SPDX-License-Identifier: Apache-2.0 */
/* Which repository is a cache of what, names there, and when an upstream is left alone. */
#include "registry/upstream/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/str.h"

static struct regconf *parse(const char *text)
{
    struct regconf *c = NULL;
    struct shale_err e = SHALE_ERR_INIT;

    if (regconf_parse("r.conf", text, strlen(text), NULL, 0, &c, &e) < 0)
        fail_msg("%s", e.msg);
    return c;
}

static const char text[] = "[upstream \"hub/\"]\nurl = https://registry-1.docker.io\n"
                           "[upstream \"hub/quay/\"]\nurl = https://quay.io\npath = a/b\n"
                           "[upstream \"whole/\"]\nurl = https://[::1]:5000/\nstrip = no\n"
                           "[upstream \"one/\"]\nurl = http://localhost:5000\nlibrary = yes\n";

static void test_find(void **state)
{
    static const struct {
        const char *repo, *domain, *name; /* NULL: one of our own */
    } cases[] = {
        {"hub/nginx", "docker.io", "library/nginx"},
        {"hub/a/b", "docker.io", "a/b"},
        {"hub/quay/x", "quay.io", "a/b/x"},
        {"whole/x", "[::1]:5000", "whole/x"},
        {"one/x", "localhost:5000", "library/x"},
        {"hubx/a", NULL, NULL},
        {"hub", NULL, NULL},
        {"x/hub/a", NULL, NULL},
    };
    struct regconf *c = parse(text);
    struct upstreams *u = NULL;
    struct arena a;

    arena_init(&a, 1u << 20);
    assert_int_equal(upstreams_open(c, &u, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct upstream *up = upstreams_find(u, cases[i].repo);
        assert_int_equal(up != NULL, cases[i].name != NULL);
        if (!up)
            continue;
        assert_string_equal(upstream_conf(up)->domain, cases[i].domain);
        assert_string_equal(upstream_name(upstream_conf(up), cases[i].repo, &a), cases[i].name);
    }
    assert_null(upstreams_find(NULL, "hub/a"));
    assert_null(upstreams_find(u, NULL));
    upstreams_close(u);
    regconf_free(c);
    arena_clear(&a);
    c = parse("[upstream \"\"]\nurl = https://x\n");
    assert_int_equal(upstreams_open(c, &u, NULL), 0);
    assert_non_null(upstreams_find(u, "anything/at/all"));
    upstreams_close(u);
    regconf_free(c);
    c = parse("");
    assert_int_equal(upstreams_open(c, &u, NULL), 0);
    assert_null(u);
    regconf_free(c);
}

/* What clients of a mirror mean. */
static void test_mirror(void **state)
{
    static const struct {
        const char *ns, *name, *want; /* NULL: there is none */
    } cases[] = {
        {"docker.io", "library/nginx", "hub/library/nginx"},
        {"registry-1.docker.io", "a/b", "hub/a/b"},
        {"Docker.IO", "a/b", "hub/a/b"},
        {"docker.io", "quay/x", NULL}, /* hub/quay/x is of quay.io */
        {"quay.io", "a/b/x", "hub/quay/x"},
        {"quay.io", "a/bx", NULL},
        {"quay.io", "other/x", NULL},
        {"[::1]:5000", "whole/x", "whole/x"},
        {"[::1]:5000", "other/x", NULL},
        {"k8s.example", "x", "k8s/x"},
        {"localhost:5001", "x", NULL}, /* the name that it was given counts */
        {"unknown.example", "x", NULL},
        {"", "x", NULL},
    };
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
    char more[1024];
    struct upstreams *u = NULL;
    const char *got = NULL;
    (void)state;
    snprintf(more, sizeof more,
             "%s[upstream \"k8s/\"]\nurl = http://localhost:5001\nns = k8s.example\n", text);
    struct regconf *c = parse(more);
    assert_int_equal(upstreams_open(c, &u, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(upstreams_mirror(u, cases[i].ns, cases[i].name, &a, &got, NULL), 0);
        assert_int_equal(got != NULL, cases[i].want != NULL);
        if (got)
            assert_string_equal(got, cases[i].want);
    }
    assert_int_equal(upstreams_mirror(NULL, "docker.io", "a", &a, &got, NULL), 0);
    assert_null(got);
    upstreams_close(u);
    regconf_free(c);
}

static void test_down(void **state)
{
    struct regconf *c = parse(text);
    struct upstreams *u = NULL;
    struct shale_err e = SHALE_ERR_INIT, why = SHALE_ERR_INIT;

    assert_int_equal(upstreams_open(c, &u, NULL), 0);
    struct upstream *up = upstreams_find(u, "hub/a");
    err_set(&why, SHALE_NETWORK, "no line");
    assert_int_equal(upstream_try(up, false, &e), 0);
    upstream_tell(up, false, -SHALE_NETWORK, &why);
    assert_int_equal(upstream_try(up, false, &e), 0); /* one failure is none */
    upstream_tell(up, false, 0, NULL);
    upstream_tell(up, false, -SHALE_NETWORK, &why);
    upstream_tell(up, false, -SHALE_CANCELED, &e); /* says nothing */
    upstream_tell(up, false, -SHALE_NETWORK, &why);
    assert_int_equal(upstream_try(up, false, &e), -SHALE_NETWORK);
    assert_string_equal(e.msg, "no line");
    assert_int_equal(upstream_try(up, true, &e), 0); /* blobs may come all the same */
    assert_int_equal(upstream_try(upstreams_find(u, "one/a"), false, &e), 0);
    upstream_tell(up, false, -SHALE_NOT_FOUND, &why); /* an answer */
    assert_int_equal(upstream_try(up, false, &e), 0);
    assert_int_equal(upstream_pause(up), 0);
    upstreams_close(u);
    regconf_free(c);
}

static void refused(const char *more, const char *want)
{
    char all[300];
    struct upstreams *u = NULL;
    struct shale_err e = SHALE_ERR_INIT;

    snprintf(all, sizeof all, "[upstream \"\"]\nurl = https://x\n%s", more);
    struct regconf *c = parse(all);
    assert_true(upstreams_open(c, &u, &e) < 0);
    if (!strstr(e.msg, want))
        fail_msg("%s", e.msg);
    regconf_free(c);
}

static void test_files(void **state)
{
    refused("username = u\npassword_file = /nonexistent/pw\n", "password_file");
    refused("username = u\npassword_file = /dev/null\n", "is empty");
    refused("ca_file = /nonexistent/ca\n", "ca_file");
    refused("ca_file = /dev/null\n", "is not PEM");
    refused("docker_config = /nonexistent\n", "there is no /nonexistent/config.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_mirror),
        cmocka_unit_test(test_down),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
