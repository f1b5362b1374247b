/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_test.h"

#include "registry/conf/regconf.h"

static int parse(const char *text, struct regconf **ret, struct shale_err *e)
{
    return regconf_parse("/etc/shale/r.conf", text, strlen(text), NULL, 0, ret, e);
}

static struct regconf *parsed(const char *text)
{
    struct regconf *c = NULL;

    assert_ok(parse(text, &c, err));
    return c;
}

static void test_defaults(void **state)
{
    struct regconf *c = NULL;

    assert_ok(regconf_load(NULL, NULL, 0, &c, err));
    assert_null(c->file);
    assert_int_equal(c->n_listen, 1);
    assert_string_equal(c->listen[0].host, "127.0.0.1");
    assert_int_equal(c->listen[0].port, 5000);
    assert_null(c->listen[0].tls_cert);
    assert_int_equal(c->auth.type, REGCONF_AUTH_NONE);
    assert_true(c->policy.open);
    assert_int_equal(c->storage.upload_age_ns, 7 * 86400 * NS_PER_S);
    assert_int_equal(c->auth.failure_delay_ns, 500 * NS_PER_MS);
    assert_true(c->server.delete);
    assert_int_equal(c->log.access, REGCONF_LOG_TEXT);
    c = regconf_free(c);
    assert_null(c);
}

static const char everything[] =
    "\xef\xbb\xbf# comment\r\n"
    "; another\r\n"
    "\r\n"
    "[listen]   # of all interfaces\r\n"
    "  address = :5443   # comment\r\n"
    "tls_cert=tls/cert.pem\r\n"
    "tls_key = /k.pem\r\n"
    "[listen]\n"
    "address = [::1]:0\n"
    "[server]\nthreads = 3\nread_only = YES\nmetrics = anyone\n"
    "public_url = https://reg.example:5443/\n"
    "[storage]\nroot = \"/srv/a # b\\\"\\\\\"\n"
    "[auth]\ntype = token\nhtpasswd = users\ntoken_key = key.pem\n"
    "[group \"ops\"]\nmembers = alice ,bob\n"
    "[rule \"library/**\"]\npull = anyone\npush = @ops,carol\n"
    "[limits]\nupload_size = 1.5g\nheader_timeout = 90s\n"
    "[log]\naccess = json\naccess_file = /var/log/shale.log\n"
    "[notify \"ci\"]\nurl = http://127.0.0.1:8080/hook?x=1\nheader = Authorization: Bearer a,b=c\n"
    "header = X-Y: z\nevents = push,delete"; /* no newline at the end */

static void test_everything(void **state)
{
    struct regconf *c = parsed(everything);

    assert_int_equal(c->n_listen, 2);
    assert_string_equal(c->listen[0].host, "");
    assert_int_equal(c->listen[0].port, 5443);
    assert_string_equal(c->listen[0].tls_cert, "/etc/shale/tls/cert.pem");
    assert_string_equal(c->listen[0].tls_key, "/k.pem");
    assert_string_equal(c->listen[1].host, "::1");
    assert_int_equal(c->listen[1].port, 0);
    assert_int_equal(c->server.threads, 3);
    assert_true(c->server.read_only);
    assert_int_equal(c->server.metrics, REGCONF_METRICS_ANYONE);
    assert_string_equal(c->server.public_url, "https://reg.example:5443");
    assert_string_equal(c->storage.root, "/srv/a # b\"\\");
    assert_int_equal(c->auth.type, REGCONF_AUTH_TOKEN);
    assert_string_equal(c->auth.token_key, "/etc/shale/key.pem");
    assert_int_equal(c->policy.n_groups, 1);
    assert_int_equal(c->policy.groups[0].members.n, 2);
    assert_string_equal(c->policy.groups[0].members.v[1], "bob");
    assert_int_equal(c->policy.n_rules, 1);
    assert_string_equal(c->policy.rules[0].glob, "library/**");
    assert_true(c->policy.rules[0].pull.anyone);
    assert_int_equal(c->policy.rules[0].push.names.n, 2);
    assert_int_equal(c->limits.upload_bytes, 1536ull << 20);
    assert_int_equal(c->limits.header_timeout_ns, 90 * NS_PER_S);
    assert_int_equal(c->log.access, REGCONF_LOG_JSON);
    assert_int_equal(c->n_notify, 1);
    assert_int_equal(c->notify[0].headers.n, 2);
    assert_string_equal(c->notify[0].headers.v[0], "Authorization: Bearer a,b=c");
    assert_int_equal(c->notify[0].events, REGCONF_EVENT_PUSH | REGCONF_EVENT_DELETE);
    assert_string_equal(c->notify[0].url, "http://127.0.0.1:8080/hook?x=1");
    regconf_free(c);
}

/* Every mistake is told with its line, and with what to do. */
static void test_mistakes(void **state)
{
    static const struct {
        const char *text, *msg;
    } cases[] = {
        {"[listen]\nadress = :1\n",
         "r.conf:2: unknown key \"adress\" in [listen]; did you mean \"address\"?"},
        {"\n[lisen]\n", "r.conf:2: unknown section [lisen]; did you mean [listen]?"},
        {"[zzzzzzzzz]\n", "r.conf:1: unknown section [zzzzzzzzz]; see registry.conf(5)"},
        {"[server]\nhtpasswd = x\n",
         "r.conf:2: unknown key \"htpasswd\" in [server]; it belongs to [auth]"},
        {"threads = 1\n", "r.conf:1: threads stands before the first [section]"},
        {"[server]\nnonsense\n", "r.conf:2: neither [section] nor key = value: nonsense"},
        {"[server]\n= 3\n", "r.conf:2: no key before ="},
        {"[server\n", "r.conf:1: a section is [name] or [name \"…\"]"},
        {"[server] x\n", "r.conf:1: text after the ]"},
        {"[Server]\n", "r.conf:1: a section is"},
        {"[server \"x\"]\n", "r.conf:1: [server] has no name; write [server]"},
        {"[rule]\n", "r.conf:1: [rule] needs a name: [rule \"GLOB\"]"},
        {"[rule \"a b\"]\n", "r.conf:1: [rule \"a b\"]: glob \"a b\""},
        {"[rule \"a]\n", "r.conf:1: a quote"},
        {"[rule \"a\"]\n[rule \"a\"]\n", "r.conf:2: [rule \"a\"] stands twice"},
        {"[server]\n\n[server]\n", "r.conf:3: [server] stands twice, first on line 1"},
        {"[server]\nthreads = 1\nthreads = 1\n",
         "r.conf:3: threads stands twice in [server], first on line 2"},
        {"[server]\nthreads = 257\n", "r.conf:2: threads = 257: must be a number from 0 to 256"},
        {"[server]\nthreads = -1\n", "threads = -1: must be a number"},
        {"[server]\nthreads =\n", "r.conf:2: threads = (nothing): must be a number"},
        {"[server]\nthreads = 99999999999999999999\n", "must be a number from 0 to 256"},
        {"[server]\nread_only = maybe\n", "read_only = maybe: must be yes or no"},
        {"[server]\nmetrics = all\n", "metrics = all: must be one of off, loopback, anyone"},
        {"[server]\nshutdown_timeout = 2h\n", "must be a time (90s, 5m, 12h, 7d) from 0s to 1h"},
        {"[server]\nshutdown_timeout = -1s\n", "must be a time"},
        {"[server]\nshutdown_timeout = 99999999999999999d\n", "must be a time"},
        {"[server]\nshutdown_timeout = 5\n", "must be a time"},
        {"[server]\npublic_url = ftp://x\n", "public_url = ftp://x: must be a URL"},
        {"[server]\npublic_url = https://u:p@x\n", "must be a URL"},
        {"[server]\npublic_url = https://\n", "must be a URL"},
        {"[limits]\nupload_size = -1\n", "must be a size (512k, 64m, 10g)"},
        {"[limits]\nupload_size = 3x\n", "must be a size"},
        {"[storage]\nroot = \"a\n", "r.conf:2: a quote \" that does not end on its line"},
        {"[storage]\nroot = \"a\" b\n", "r.conf:2: text after the closing quote"},
        {"[storage]\nroot = \"\\n\"\n", "a backslash stands before"},
        {"[storage]\nroot = a\x01"
         "b\n",
         "r.conf:2: a control character (byte 0x01)"},
        {"[storage]\nroot = \xff\n", "r.conf:2: the line is not UTF-8"},
        {"[listen]\ntls_key = x\n[server]\n", "r.conf:1: [listen] without an address"},
        {"[listen]\naddress = 127.0.0.1:1\ntls_key = x\n", "r.conf:1: tls_cert and tls_key belong"},
        {"[listen]\naddress = ::1\n", "r.conf:1: address = ::1: must be HOST:PORT, [IPV6]:PORT"},
        {"[listen]\naddress = 127.0.0.1:65536\n", "a port is a number up to 65535"},
        {"[listen]\naddress = 127.0.0.1:x\n", "a port is a number up to 65535"},
        {"[listen]\naddress = [::1\n", "must be HOST:PORT"},
        {"[listen]\naddress = [::1]x\n", "must be HOST:PORT"},
        {"[listen]\naddress = 0.0.0.0:5000\n",
         "r.conf:1: everybody who reaches 0.0.0.0:5000 could push and delete: set [auth] type, or "
         "say open = yes"},
        {"[listen]\naddress = :5000\n", "could push and delete"},
        {"[listen]\naddress = 127.0.0.1:1\n[listen]\naddress = 127.0.0.1:1\n",
         "r.conf:3: two listeners on 127.0.0.1:1"},
        {"[log]\n[auth]\ntype = htpasswd\n",
         "r.conf:2: [auth] type = htpasswd needs htpasswd = FILE"},
        {"[auth]\ntype = token\n", "needs token_key"},
        {"[auth]\ntype = token\ntoken_key = k\n", "token_key needs htpasswd"},
        {"[auth]\ntype = token\ntoken_keys = k\n", "token_keys needs token_url"},
        {"[auth]\ntype = token\ntoken_keys = k\ntoken_url = http://x\nhtpasswd = f\n",
         "has no use"},
        {"[auth]\ntype = token\ntoken_keys = k\ntoken_key = k\n", "exclude each other"},
        {"[auth]\ntype = htpasswd\nhtpasswd = f\n[rule \"a\"]\npull = @x\n",
         "r.conf:4: pull: there is no [group \"x\"]"},
        {"[rule \"a\"]\npull = users\n", "r.conf:1: pull: nobody can prove a name while"},
        {"[rule \"a\"]\npull = nobody, x\n", "pull = nobody, x: must be nobody, or of these"},
        {"[rule \"a\"]\npull = a,,b\n", "must be nobody, or of these"},
        {"[notify \"a/b\"]\n", "a name has letters, digits"},
        {"[notify \"\"]\n", "a name has 1 to 64 characters"},
        {"[notify \"n\"]\nurl = https://x\nheader = a b: c\n", "must be NAME: VALUE"},
        {"[notify \"n\"]\nurl = https://x\nevents = pus\n", "must be some of these"},
        {"[gc]\ninterval = 1h\nat = 03:30\n", "r.conf:1: [gc] interval and at exclude each other"},
        {"[gc]\nat = 3:30\n", "r.conf:1: at = 3:30: must be a time of day"},
        {"[gc]\nat = 24:00\n", "must be a time of day"},
        {"[retention \"a\"]\n", "r.conf:1: [retention] that does nothing"},
        {"[retention \"a\"]\ntags = v*\n", "r.conf:1: [retention] that does nothing"},
        {"[retention \"a\"]\nkeep_tags = 0\n", "r.conf:2: keep_tags = 0: must be a number from 1"},
        {"[retention \"a\"]\npins = [v]\n", "r.conf:2: glob \"[v]\": only letters"},
        {"[repository \"a\"]\nquota = x\n", "r.conf:2: quota = x: must be a size"},
        {"[limits]\nmanifest_size = 5m\n",
         "manifest_size = 5m: must be a size (512k, 64m, 10g) from "
         "1k to 4m"},
        {"[upstream \"a\"]\n", "a prefix ends in /, as in \"hub/\""},
        {"[upstream \"A/\"]\n", "no repository's name can begin so"},
        {"[upstream \"a/\"]\n", "[upstream \"a/\"] without a url"},
        {"[upstream \"a/\"]\nurl = https://x\n[upstream \"a/\"]\n", "stands twice"},
        {"[upstream \"\"]\nurl = https://x/y\n", "a registry is the root of a host"},
        {"[upstream \"\"]\nurl = http://x\n", "would travel in the open"},
        {"[upstream \"\"]\nurl = https://x\nusername = u\n", "belong together"},
        {"[upstream \"\"]\nurl = https://x\nkey_file = u\n", "belong together"},
        {"[upstream \"\"]\nurl = https://x\npath = a/\n", "path must be the beginning"},
        {"[upstream \"\"]\nurl = http://[::1]:5\nca_file = a\n", "have no use with http://"},
        {"[upstream \"\"]\nurl = https://x\nlibrary = maybe\n", "must be one of auto, yes, no"},
        {"[server]\nread_only = yes\n[upstream \"\"]\nurl = https://x\n",
         "r.conf:1: a read-only registry"},
        {"[auth]\nsearch = alice\n", "r.conf:1: search: nobody can prove a name"},
        {"[rule \"a\"]\nquota = 1g\n",
         "r.conf:2: unknown key \"quota\" in [rule]; it belongs to [repository]"},
        {"[listen]\naddress = :1\ntls_client_ca = x\n", "r.conf:1: tls_client_ca needs tls_cert"},
        {"[listen]\naddress = :1\ntls_cert = c\ntls_key = k\ntls_client_crl = x\n",
         "r.conf:1: tls_client_crl needs tls_client_ca"},
        {"[listen]\naddress = :1\ntls_client = no\n", "r.conf:3: tls_client = no: must be one of "
                                                      "optional, required"},
        {"[listen]\naddress = :1\ntls_cert = c\ntls_key = k\ntls_client_ca = x\ntls_client = "
         "optional\n",
         "everybody who reaches :1 could push"},
        {"[limits]\nuploads = x\n", "r.conf:2: uploads = x: must be a number"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct regconf *c = NULL;
        int r = parse(cases[i].text, &c, &e);
        if (r != -SHALE_INVALID || !strstr(e.msg, cases[i].msg) ||
            strncmp(e.msg, "/etc/shale/r.conf:", 18) != 0)
            fail_msg("case %zu (%s): %d %s", i, cases[i].text, r, e.msg);
        assert_null(c);
    }
}

static void test_limits(void **state)
{
    struct buf b = BUF_INIT(8u << 20);
    struct regconf *c = NULL;

    for (int i = 0; i < REGCONF_MAX_SECTIONS; i++)
        buf_addf(&b, "[rule \"a%d\"]\n", i);
    assert_ok(parse(buf_str(&b), &c, err));
    regconf_free(c);
    buf_adds(&b, "[rule \"b\"]\n");
    assert_int_equal(parse(buf_str(&b), &c, NULL), -SHALE_LIMIT);
    buf_reset(&b);
    buf_adds(&b, "[storage]\nroot = ");
    for (int i = 0; i < REGCONF_MAX_LINE_BYTES; i++)
        buf_addc(&b, 'a');
    assert_int_equal(parse(buf_str(&b), &c, NULL), -SHALE_LIMIT);
    buf_reset(&b);
    buf_adds(&b, "[group \"g\"]\nmembers = a");
    for (int i = 1; i < REGCONF_MAX_VALUES; i++)
        buf_adds(&b, ",a");
    assert_ok(parse(buf_str(&b), &c, err));
    assert_int_equal(c->policy.groups[0].members.n, REGCONF_MAX_VALUES);
    regconf_free(c);
    buf_adds(&b, ",a");
    assert_int_equal(parse(buf_str(&b), &c, NULL), -SHALE_LIMIT);
    buf_clear(&b);
}

static void test_sets(void **state)
{
    static const struct regconf_set sets[] = {
        {"--address", "listen", "address", "127.0.0.1:7000"},
        {"--address", "listen", "address", "localhost:7001"},
        {"--tls-cert", "listen", "tls_cert", "c.pem"},
        {"--tls-key", "listen", "tls_key", "k.pem"},
        {"--read-only", "server", "read_only", "yes"},
    };
    static const struct regconf_set wrong[] = {{"--read-only", "server", "read_only", "perhaps"}};
    static const char file[] = "[listen]\naddress = 127.0.0.1:1\n[server]\nread_only = no\n";
    struct shale_err e = SHALE_ERR_INIT;
    struct regconf *c = NULL;

    assert_ok(regconf_parse("/a/f", file, strlen(file), sets, ARRAY_SIZE(sets), &c, err));
    assert_int_equal(c->n_listen, 2);
    assert_int_equal(c->listen[0].port, 7000);
    assert_null(c->listen[0].tls_cert);
    assert_string_equal(c->listen[1].host, "localhost");
    assert_string_equal(c->listen[1].tls_cert, "c.pem"); /* not below the folder of the file */
    assert_true(c->server.read_only);
    regconf_free(c);
    assert_int_equal(regconf_load(NULL, wrong, 1, &c, &e), -SHALE_INVALID);
    assert_string_equal(e.msg, "--read-only: read_only = perhaps: must be yes or no");
}

static void test_file(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct shale_err e = SHALE_ERR_INIT;
    struct regconf *c = NULL;
    char path[128];

    tmp_write(&t, "r.conf", "[log]\naccess_file = a.log\n");
    assert_ok(regconf_load(tmp_path(&t, "r.conf", path), NULL, 0, &c, err));
    assert_true(str_has_prefix(c->log.access_file, t.path));
    regconf_free(c);
    assert_int_equal(regconf_load(tmp_path(&t, "none", path), NULL, 0, &c, &e), -SHALE_NOT_FOUND);
    assert_non_null(strstr(e.msg, path));
}

/* The example is a file without effect; its sections uncommented are one too. */
static void test_example(void **state)
{
    struct buf b = BUF_INIT(1u << 20), u = BUF_INIT(1u << 20), man = BUF_INIT(1u << 20);
    struct regconf *c = NULL;

    regconf_example(&b);
    assert_ok(buf_check(&b, err));
    assert_ok(parse(buf_str(&b), &c, err));
    assert_int_equal(c->n_listen, 1);
    regconf_free(c);
    /* Every key that has a default says it in a way that can be read. */
    struct str rest = {b.p, b.n}, line;
    while (str_split(&rest, '\n', &line)) {
        assert_true(line.n <= 110);
        if (line.n > 2 && line.p[0] == '#' && line.p[1] != ' ' && line.p[line.n - 1] != ' ') {
            buf_add(&u, line.p + 1, line.n - 1);
            buf_addc(&u, '\n');
            if (memmem(line.p, line.n, "[listen]", 8))
                buf_adds(&u, "address = 127.0.0.1:1\n");
            if (memmem(line.p, line.n, "[notify", 7))
                buf_adds(&u, "url = http://localhost\n");
            if (memmem(line.p, line.n, "[retention", 10))
                buf_adds(&u, "keep_tags = 1\n");
            if (memmem(line.p, line.n, "[upstream", 9))
                buf_adds(&u, "url = https://localhost\n");
        }
    }
    assert_int_equal(parse(buf_str(&u), &c, NULL), 0);
    assert_int_equal(c->n_notify, 1);
    assert_int_equal(c->n_upstream, 1);
    regconf_free(c);
    regconf_man(&man);
    assert_ok(buf_check(&man, err));
    assert_non_null(strstr(buf_str(&man), ".B failure_window\nTakes a time"));
    buf_clear(&man);
    buf_clear(&u);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_everything),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_sets),     cmocka_unit_test(test_file),
        cmocka_unit_test(test_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
