/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, credential helpers, and which registries may be spoken to in the clear. */
#include "remote/remote_priv.h"

#include "registry.h"

static struct world *world_with(const char *config)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    arena_init(&w->a, 1u << 20);
    snprintf(w->dir, sizeof w->dir, "/tmp/test-remote-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    if (config)
        world_file(w, "config.json", 0600, config);
    return w;
}

static int open_client(struct world *w, const char *const *insecure)
{
    struct remote_opts o = REMOTE_OPTS_INIT;

    o.config_dir = w->dir;
    o.insecure = insecure;
    return remote_client_open(&o, &w->c, &w->e);
}

static void done(struct world *w)
{
    remote_client_close(w->c);
    fs_remove_tree(AT_FDCWD, w->dir, NULL);
    arena_clear(&w->a);
    free(w);
}

static const char *or_none(const char *s)
{
    return s ? s : "(none)";
}

/* "user/password/identity token/registry token" */
static void assert_credential(struct world *w, const char *domain, const char *want)
{
    struct credential c;
    char got[300];

    if (creds_find(w->c, domain, &w->a, &c, &w->e) < 0)
        fail_msg("%s: %s", domain, w->e.msg);
    snprintf(got, sizeof got, "%s/%s/%s/%s", or_none(c.user), or_none(c.password),
             or_none(c.identity_token), or_none(c.registry_token));
    assert_string_equal(got, want);
}

#define NOTHING "(none)/(none)/(none)/(none)"

static void test_auths(void **state)
{
    struct world *w =
        world_with("{\"auths\":{"
                   "\"https://index.docker.io/v1/\":{\"auth\":\"aHVi" /* hub:pw */ "OnB3\"},"
                   "\"r1.example\":{\"auth\":\"YTpiOmM=\"}," /* a:b:c */
                   "\"https://r2.example:5000/v2/\":{\"username\":\"u\",\"password\":\"p\"},"
                   "\"r3.example\":{\"identitytoken\":\"id\",\"auth\":\"dTo=\"}," /* u: */
                   "\"r4.example\":{\"registrytoken\":\"rt\"},"
                   "\"r5.example\":{\"auth\":\"dW5v\"}," /* no colon */
                   "\"r6.example\":{\"auth\":\"%%%%\"},"
                   "\"r7.example\":{\"auth\":7},"
                   "\"r8.example\":{\"auth\":\"\"},"
                   "\"r9.example\":{}},"
                   "\"HttpHeaders\":{\"x\":\"y\"}}");

    assert_int_equal(open_client(w, NULL), 0);
    assert_credential(w, "docker.io", "hub/pw/(none)/(none)");
    assert_credential(w, "r1.example", "a/b:c/(none)/(none)");
    assert_credential(w, "r2.example:5000", "u/p/(none)/(none)");
    assert_credential(w, "r3.example", "u//id/(none)");
    assert_credential(w, "r4.example", "(none)/(none)/(none)/rt");
    assert_credential(w, "r8.example", NOTHING);
    assert_credential(w, "r9.example", NOTHING);
    assert_credential(w, "r2.example", NOTHING); /* another port is another registry */
    assert_credential(w, "example", NOTHING);
    assert_credential(w, "r1.example.evil", NOTHING);
    static const char *const bad[] = {"r5.example", "r6.example", "r7.example"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct credential c;
        assert_int_equal(creds_find(w->c, bad[i], &w->a, &c, &w->e), -SHALE_INVALID);
        assert_non_null(strstr(w->e.msg, "config.json"));
    }
    done(w);
}

static void test_config_file(void **state)
{
    struct world *w = world_with(NULL); /* none is fine */

    assert_int_equal(open_client(w, NULL), 0);
    assert_credential(w, "docker.io", NOTHING);
    done(w);
    w = world_with("");
    assert_int_equal(open_client(w, NULL), 0);
    done(w);

    static const char *const bad[] = {"{", "[]", "{\"auths\":"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        w = world_with(bad[i]);
        assert_int_equal(open_client(w, NULL), -SHALE_INVALID);
        assert_non_null(strstr(w->e.msg, "config.json"));
        done(w);
    }
}

/* ---- helpers ---- */

#define HELPER                                                                                     \
    "#!/bin/sh\n"                                                                                  \
    "[ \"$1\" = get ] || exit 9\n"                                                                 \
    "read -r key\n"                                                                                \
    "case $key in\n"                                                                               \
    "https://index.docker.io/v1/) echo '{\"Username\":\"hub\",\"Secret\":\"s\"}';;\n"              \
    "token.example) echo '{\"ServerURL\":\"x\",\"Username\":\"<token>\",\"Secret\":\"id\"}';;\n"   \
    "broken.example) echo 'the keyring is locked'; exit 1;;\n"                                     \
    "html.example) echo '<html>';;\n"                                                              \
    "*) echo 'credentials not found in native keychain'; exit 1;;\n"                               \
    "esac\n"

static void with_helper(struct world *w)
{
    world_file(w, "bin/docker-credential-tst", 0755, HELPER);
    setenv("PATH", arena_printf(&w->a, "%s/bin:%s", w->dir, getenv("PATH")), 1);
}

static void test_helpers(void **state)
{
    struct world *w = world_with("{\"credsStore\":\"tst\","
                                 "\"credHelpers\":{\"none.example\":\"not-installed\","
                                 "\"evil.example\":\"../../bin/sh\"},"
                                 "\"auths\":{\"x.example\":{\"auth\":\"YTpi\"}}}");
    struct credential c;
    char *path = arena_strdup(&w->a, getenv("PATH"));

    with_helper(w);
    assert_int_equal(open_client(w, NULL), 0);
    assert_credential(w, "docker.io", "hub/s/(none)/(none)");
    assert_credential(w, "token.example", "(none)/(none)/id/(none)");
    assert_credential(w, "unknown.example", NOTHING);
    assert_int_equal(creds_find(w->c, "broken.example", &w->a, &c, &w->e), -SHALE_DENIED);
    assert_non_null(strstr(w->e.msg, "the keyring is locked"));
    assert_true(creds_find(w->c, "html.example", &w->a, &c, &w->e) < 0);
    assert_true(creds_find(w->c, "none.example", &w->a, &c, &w->e) < 0);
    assert_int_equal(creds_find(w->c, "evil.example", &w->a, &c, &w->e), -SHALE_INVALID);
    setenv("PATH", path, 1);
    done(w);
}

static bool wants_basic(struct peer *p, const struct asked *q)
{
    struct world *w = p->server->arg;

    return w->mode ? reply(p, 401, "WWW-Authenticate: Basic realm=\"r\"\r\n", "")
                   : reply(p, 200, "", "{}");
}

/* As docker: what needs no login works without the helper; what needs one says what is missing. */
static void test_helper_that_is_not_there(void **state)
{
    struct world *w = world_new(wants_basic, 0, false);

    world_file(w, "config.json", 0600, "{\"credsStore\":\"not-installed\"}");
    world_open(w, NULL);
    assert_ok(w, get_manifest(w, "v1"));
    w->mode = 1;
    assert_error(w, get_manifest(w, "v1"), SHALE_UNAUTHORIZED, "no basic auth credentials: ");
    assert_error(w, get_manifest(w, "v1"), SHALE_UNAUTHORIZED, "docker-credential-not-installed");
    world_free(w);
}

/* ---- insecure registries ---- */

static void test_insecure(void **state)
{
    static const char *const insecure[] = {"plain.example", "port.example:5000", "10.1.0.0/20",
                                           "2001:db8::/33", "0.0.0.0/x",         NULL};
    static const struct {
        const char *domain;
        bool plain;
    } rows[] = {
        {"plain.example", true},     {"plain.example:80", false},   {"sub.plain.example", false},
        {"port.example:5000", true}, {"port.example:5001", false},  {"port.example", false},
        {"10.1.15.255:5000", true},  {"10.1.16.0:5000", false},     {"10.2.0.1", false},
        {"[2001:db8::1]:80", true},  {"[2001:db8:8000::1]", false}, {"127.0.0.1:5000", true},
        {"127.1.2.3", true},         {"localhost:5000", true},      {"[::1]:5000", true},
        {"docker.io", false},        {"localhost.example", false},  {"128.0.0.1", false},
    };
    struct world *w = world_with(NULL);

    assert_int_equal(open_client(w, insecure), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct remote_host *h, *again;
        assert_int_equal(host_get(w->c, rows[i].domain, &h, &w->e), 0);
        if (h->may_be_plain != rows[i].plain)
            fail_msg("%s", rows[i].domain);
        assert_int_equal(host_get(w->c, rows[i].domain, &again, &w->e), 0);
        assert_ptr_equal(h, again);
        assert_string_equal(h->endpoint, is(rows[i].domain, "docker.io") ? "registry-1.docker.io"
                                                                         : rows[i].domain);
    }
    done(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auths),    cmocka_unit_test(test_config_file),
        cmocka_unit_test(test_helpers),  cmocka_unit_test(test_helper_that_is_not_there),
        cmocka_unit_test(test_insecure),
    };
    unsetenv("http_proxy");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
