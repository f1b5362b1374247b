/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_test.h"

#include "registry/auth/authz.h"
#include "base/base64.h"
#include "registry/auth/htpasswd.h"

/* One registry: its folder, config and handle; alice has "a", bob "b". */
struct reg {
    struct tmp dir;
    struct regconf *conf;
    struct authz *z;
    struct arena a;
};

static const char rules[] = "[rule \"public/**\"]\npull = anyone\npush = alice\n"
                            "[rule \"secret/*\"]\nhidden = yes\npull = alice\n"
                            "[rule \"team/*\"]\npull = users\npush = alice, bob\ndelete = bob\n";

static void reg_open(struct reg *r, const char *auth, const char *more)
{
    char path[128];
    struct buf b = BUF_INIT(1u << 16);

    r->dir = tmp_make();
    r->a = (struct arena)ARENA_INIT(8u << 20);
    tmp_path(&r->dir, "users", path);
    assert_ok(htpasswd_put(path, HTPASSWD_ADD, "alice", "a", 4, err));
    assert_ok(htpasswd_put(path, HTPASSWD_ADD, "bob", "b", 4, err));
    assert_ok(jwt_key_create(tmp_path(&r->dir, "key.pem", path), err));
    buf_addf(&b, "[auth]\n%s\nfailure_delay = 250ms\nfailures = 4\n%s", auth, more);
    tmp_write(&r->dir, "r.conf", buf_str(&b));
    buf_clear(&b);
    r->conf = NULL;
    assert_ok(regconf_load(tmp_path(&r->dir, "r.conf", path), NULL, 0, &r->conf, err));
    assert_ok(authz_open(r->conf, &r->z, err));
}

static void reg_close(struct reg *r)
{
    assert_null(authz_close(r->z));
    regconf_free(r->conf);
    arena_clear(&r->a);
    tmp_clear(&r->dir);
}

#define HTPASSWD_CONF "type = htpasswd\nhtpasswd = users\nrealm = my \"own\""
#define TOKEN_CONF    "type = token\nhtpasswd = users\ntoken_key = key.pem\nservice = reg"

static char *basic(struct reg *r, const char *user, const char *pw)
{
    struct buf plain = BUF_INIT(4096), b = BUF_INIT(4096);

    buf_addf(&plain, "%s:%s", user, pw);
    buf_adds(&b, "Basic ");
    base64_add(0, plain.p, plain.n, &b);
    char *s = arena_strdup(&r->a, buf_str(&b));
    buf_clear(&plain);
    buf_clear(&b);
    return s;
}

static struct authz_answer check(struct reg *r, const char *authorization, const char *repository,
                                 enum policy_action action)
{
    struct authz_request q = {.authorization = authorization,
                              .peer = "192.0.2.1",
                              .base_url = "https://reg.example:5000",
                              .ping = !repository && action == _POLICY_MAX,
                              .action = action,
                              .repository = repository};
    struct authz_answer answer;

    assert_ok(authz_check(r->z, &q, &r->a, &answer, err));
    return answer;
}

#define PING _POLICY_MAX

static void test_htpasswd(void **state)
{
    static const struct {
        const char *user, *pw, *repository;
        enum policy_action action;
        enum authz_decision decision;
    } cases[] = {
        {NULL, NULL, NULL, PING, AUTHZ_CHALLENGE},
        {"", "", NULL, PING, AUTHZ_CHALLENGE},
        {"alice", "a", NULL, PING, AUTHZ_ALLOW},
        {NULL, NULL, "public/a", POLICY_PULL, AUTHZ_ALLOW},
        {"", "", "public/a", POLICY_PULL, AUTHZ_ALLOW},
        {NULL, NULL, "public/a", POLICY_PUSH, AUTHZ_CHALLENGE},
        {"bob", "b", "public/a", POLICY_PUSH, AUTHZ_DENY},
        {"alice", "a", "public/a", POLICY_PUSH, AUTHZ_ALLOW},
        {"alice", "b", "public/a", POLICY_PULL, AUTHZ_CHALLENGE}, /* wrong is wrong */
        {NULL, NULL, "secret/x", POLICY_PULL, AUTHZ_CHALLENGE},
        {"bob", "b", "secret/x", POLICY_PULL, AUTHZ_HIDE},
        {"bob", "b", "secret/x", POLICY_PUSH, AUTHZ_HIDE},
        {"alice", "a", "secret/x", POLICY_PULL, AUTHZ_ALLOW},
        {"alice", "a", "secret/x", POLICY_PUSH, AUTHZ_DENY},
        {"bob", "b", "elsewhere", POLICY_PULL, AUTHZ_DENY},
        {"bob", "b", "team/x", POLICY_DELETE, AUTHZ_ALLOW},
        {"alice", "a", "team/x", POLICY_DELETE, AUTHZ_DENY},
        {"alice", "a", NULL, POLICY_CATALOG, AUTHZ_ALLOW},
        {NULL, NULL, NULL, POLICY_CATALOG, AUTHZ_CHALLENGE},
    };
    struct reg r;

    reg_open(&r, HTPASSWD_CONF, rules);
    assert_false(authz_has_tokens(r.z));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *h = cases[i].user ? basic(&r, cases[i].user, cases[i].pw) : NULL;
        struct authz_answer w = check(&r, h, cases[i].repository, cases[i].action);
        if (w.decision != cases[i].decision)
            fail_msg("case %zu: %d", i, w.decision);
        if (w.decision == AUTHZ_CHALLENGE)
            assert_string_equal(w.challenge, "Basic realm=\"my own\"");
        if (w.decision == AUTHZ_ALLOW && h && *cases[i].user)
            assert_string_equal(w.user, cases[i].user);
    }
    struct authz_answer w = check(&r, "Digest x", "public/a", POLICY_PULL);
    assert_int_equal(w.decision, AUTHZ_CHALLENGE);
    reg_close(&r);
}

/* The fourth wrong password is the last that is looked at; then also the right one waits, of this
 * peer. */
static void test_failures(void **state)
{
    struct reg r;

    reg_open(&r, HTPASSWD_CONF, "");
    for (int i = 0; i < 4; i++) {
        struct authz_answer w = check(&r, basic(&r, "alice", "x"), NULL, PING);
        assert_int_equal(w.decision, AUTHZ_CHALLENGE);
        assert_true(w.failed);
        assert_int_equal(w.delay_ns, 250 * NS_PER_MS);
    }
    struct authz_answer w = check(&r, basic(&r, "alice", "a"), NULL, PING);
    assert_int_equal(w.decision, AUTHZ_LATER);
    assert_true(w.retry_after_ns > 290 * NS_PER_S && w.retry_after_ns <= 300 * NS_PER_S);
    struct authz_request q = {.authorization = basic(&r, "alice", "a"),
                              .peer = "192.0.2.2",
                              .base_url = "http://x",
                              .ping = true};
    assert_ok(authz_check(r.z, &q, &r.a, &w, err));
    assert_int_equal(w.decision, AUTHZ_ALLOW);
    reg_close(&r);
}

static void test_none(void **state)
{
    struct reg r;

    reg_open(&r, "type = none", "");
    assert_int_equal(check(&r, NULL, NULL, PING).decision, AUTHZ_ALLOW);
    assert_int_equal(check(&r, "Basic !", "a", POLICY_DELETE).decision, AUTHZ_ALLOW);
    reg_close(&r);
    reg_open(&r, "type = none", "[rule \"**\"]\npull = anyone\n");
    assert_int_equal(check(&r, NULL, "a", POLICY_PULL).decision, AUTHZ_ALLOW);
    assert_int_equal(check(&r, NULL, "a", POLICY_PUSH).decision, AUTHZ_DENY);
    reg_close(&r);
}

static struct authz_token_answer token(struct reg *r, bool post, const char *authorization,
                                       const char *form)
{
    struct authz_token_request q = {post, str_of(form), authorization, "192.0.2.9"};
    struct authz_token_answer answer;

    assert_ok(authz_token(r->z, &q, &r->a, &answer, err));
    return answer;
}

/* "Bearer <member of the body>", NULL without. */
static char *bearer(struct reg *r, const char *body, const char *member)
{
    json_t *j = NULL;

    assert_ok(json_parse(body, strlen(body), 1u << 20, &j, err));
    const char *t = json_string_value(json_object_get(j, member));
    char *s = t ? arena_printf(&r->a, "Bearer %s", t) : NULL;
    json_decref(j);
    return s;
}

static void test_tokens(void **state)
{
    struct authz_token_answer t;
    struct authz_answer w;
    struct reg r;

    reg_open(&r, TOKEN_CONF, rules);
    assert_true(authz_has_tokens(r.z));
    w = check(&r, NULL, NULL, PING);
    assert_string_equal(w.challenge,
                        "Bearer realm=\"https://reg.example:5000/auth/token\",service=\"reg\"");
    w = check(&r, NULL, "team/x", POLICY_PUSH);
    assert_string_equal(w.challenge, "Bearer realm=\"https://reg.example:5000/auth/token\",service="
                                     "\"reg\",scope=\"repository:team/x:pull,push\"");
    w = check(&r, NULL, NULL, POLICY_CATALOG);
    assert_non_null(strstr(w.challenge, "scope=\"registry:catalog:*\""));
    w = check(&r, "Bearer a.b.c", "team/x", POLICY_PULL);
    assert_non_null(strstr(w.challenge, ",error=\"invalid_token\""));
    assert_true(w.failed);

    t = token(
        &r, false, basic(&r, "alice", "a"),
        "service=reg&scope=repository:team/x:pull,push,delete&scope=repository%3Asecret%2Fx%3A"
        "pull+registry:catalog:*&scope=repository:elsewhere:pull&account=alice&client_id=docker");
    assert_int_equal(t.status, 200);
    assert_string_equal(t.user, "alice");
    assert_non_null(strstr(t.body, "\"expires_in\":300"));
    assert_non_null(strstr(t.body,
                           "\"scope\":\"repository:team/x:pull,push repository:secret/x:pull "
                           "registry:catalog:*\""));
    assert_null(strstr(t.body, "refresh_token"));
    const char *h = bearer(&r, t.body, "token");
    assert_string_equal(h, bearer(&r, t.body, "access_token"));
    w = check(&r, h, "team/x", POLICY_PUSH);
    assert_int_equal(w.decision, AUTHZ_ALLOW);
    assert_string_equal(w.user, "alice");
    assert_int_equal(check(&r, h, NULL, PING).decision, AUTHZ_ALLOW);
    assert_int_equal(check(&r, h, NULL, POLICY_CATALOG).decision, AUTHZ_ALLOW);
    assert_int_equal(check(&r, h, "public/zzz", POLICY_PULL).decision, AUTHZ_ALLOW);
    w = check(&r, h, "team/x", POLICY_DELETE);
    assert_int_equal(w.decision, AUTHZ_CHALLENGE);
    assert_non_null(strstr(w.challenge, ",error=\"insufficient_scope\""));
    assert_int_equal(check(&r, h, "team/y", POLICY_PULL).decision, AUTHZ_CHALLENGE);
    assert_true(authz_sees(r.z, &w, "team/y"));
    assert_false(authz_sees(r.z, &w, "elsewhere"));

    t = token(&r, false, NULL, "service=reg&scope=repository:public/a:pull,push");
    assert_int_equal(t.status, 200);
    assert_null(t.user);
    h = bearer(&r, t.body, "token");
    w = check(&r, h, "public/a", POLICY_PULL);
    assert_int_equal(w.decision, AUTHZ_ALLOW);
    assert_null(w.user);
    assert_int_equal(check(&r, h, "public/a", POLICY_PUSH).decision, AUTHZ_CHALLENGE);
    assert_int_equal(check(&r, basic(&r, "alice", "a"), "team/x", POLICY_PUSH).decision,
                     AUTHZ_ALLOW);
    reg_close(&r);
}

static void test_mount(void **state)
{
    struct authz_answer w;
    struct reg r;

    reg_open(&r, TOKEN_CONF, rules);
    struct authz_token_answer t =
        token(&r, false, basic(&r, "bob", "b"),
              "scope=repository:team/x:push&scope=repository:team/y:pull");
    struct authz_request q = {.authorization = bearer(&r, t.body, "token"),
                              .peer = "192.0.2.1",
                              .base_url = "http://r",
                              .action = POLICY_PUSH,
                              .repository = "team/x",
                              .mount_from = "team/y"};
    assert_ok(authz_check(r.z, &q, &r.a, &w, err));
    assert_int_equal(w.decision, AUTHZ_ALLOW);
    assert_true(w.may_mount);
    q.mount_from = "secret/x";
    assert_ok(authz_check(r.z, &q, &r.a, &w, err));
    assert_int_equal(w.decision, AUTHZ_ALLOW);
    assert_false(w.may_mount);
    q.authorization = NULL;
    assert_ok(authz_check(r.z, &q, &r.a, &w, err));
    assert_non_null(
        strstr(w.challenge, "scope=\"repository:team/x:pull,push repository:secret/x:pull\""));
    reg_close(&r);
}

/* docker login with an identity token: offline_token, then grants by it, until the password
 * changes. */
static void test_refresh(void **state)
{
    struct authz_token_answer t;
    struct reg r;
    char path[128];

    reg_open(&r, TOKEN_CONF, rules);
    t = token(&r, false, basic(&r, "alice", "a"),
              "account=alice&client_id=docker&offline_token=true&service=reg");
    const char *refresh = bearer(&r, t.body, "refresh_token");
    assert_non_null(refresh);
    assert_int_equal(check(&r, refresh, NULL, PING).decision, AUTHZ_CHALLENGE); /* is no access */
    char *form = arena_printf(&r.a,
                              "grant_type=refresh_token&service=reg&client_id=docker&scope="
                              "repository:team/x:pull&refresh_token=%s",
                              refresh + 7);
    t = token(&r, true, NULL, form);
    assert_int_equal(t.status, 200);
    assert_string_equal(bearer(&r, t.body, "refresh_token"), refresh);
    const char *access = bearer(&r, t.body, "access_token");
    assert_int_equal(check(&r, access, "team/x", POLICY_PULL).decision, AUTHZ_ALLOW);
    t = token(&r, true, NULL,
              arena_printf(&r.a, "grant_type=refresh_token&refresh_token=%s", access + 7));
    assert_int_equal(t.status, 401); /* an access token is no login */
    assert_int_equal(t.delay_ns, 250 * NS_PER_MS);
    t = token(&r, true, NULL,
              "grant_type=password&username=bob&password=b&access_type=offline&service=reg");
    assert_int_equal(t.status, 200);
    assert_non_null(bearer(&r, t.body, "refresh_token"));
    assert_ok(
        htpasswd_put(tmp_path(&r.dir, "users", path), HTPASSWD_REPLACE, "alice", "new", 4, err));
    usleep(1100 * 1000);
    t = token(&r, true, NULL, form);
    assert_int_equal(t.status, 401);
    assert_non_null(strstr(t.body, "\"error\":\"invalid_grant\""));
    reg_close(&r);
}

static void test_bad_requests(void **state)
{
    static const struct {
        bool post;
        const char *form;
        int status;
    } cases[] = {
        {false, "service=other", 400},
        {false, "scope=nonsense", 400},
        {false, "a=%zz", 400},
        {true, "", 400},
        {true, "grant_type=password", 400},
        {true, "grant_type=password&username=alice&password=x", 401},
        {true, "grant_type=authorization_code", 400},
        {true, "grant_type=refresh_token", 400},
        {true, "grant_type=refresh_token&refresh_token=a.b.c", 401},
    };
    struct reg r;

    reg_open(&r, TOKEN_CONF, rules);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct authz_token_answer t = token(&r, cases[i].post, NULL, cases[i].form);
        if (t.status != cases[i].status)
            fail_msg("case %zu: %d %s", i, t.status, t.body);
        assert_non_null(strstr(t.body, "\"errors\":[{\"code\":"));
        assert_null(strstr(t.body, "token\":"));
    }
    struct authz_token_answer t = token(&r, false, basic(&r, "alice", "wrong"), "service=reg");
    assert_int_equal(t.status, 401);
    assert_string_equal(t.challenge, "Basic realm=\"shale registry\"");
    token(&r, false, basic(&r, "alice", "wrong"), "service=reg");
    t = token(&r, false, basic(&r, "alice", "a"), "service=reg");
    assert_int_equal(t.status, 429);
    assert_true(t.retry_after_ns > 0);
    reg_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_htpasswd),     cmocka_unit_test(test_failures),
        cmocka_unit_test(test_none),         cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_mount),        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_bad_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
