/* SPDX-License-Identifier: Apache-2.0 */
/* Every section and key of the config file: the one place that knows them. */
#include <string.h>

#include "base/str.h"
#include "registry/glob.h"
#include "registry/regconf_priv.h"

#define MINUTE 60ull
#define HOUR   3600ull
#define DAY    86400ull
#define YEARS  (3650 * DAY)
#define KIB    (1ull << 10)
#define MIB    (1ull << 20)
#define GIB    (1ull << 30)
#define TIB    (1ull << 40)

#define K(type, key, kind, def, help)                                                              \
    {                                                                                              \
#key, kind, offsetof(struct type, key), def, 0, 0, NULL, help                              \
    }
#define KM(type, key, member, kind, def, help)                                                     \
    {                                                                                              \
#key, kind, offsetof(struct type, member), def, 0, 0, NULL, help                           \
    }
#define KN(type, key, member, kind, def, min, max, help)                                           \
    {                                                                                              \
#key, kind, offsetof(struct type, member), def, min, max, NULL, help                       \
    }
#define KW(type, key, member, kind, def, words, help)                                              \
    {                                                                                              \
#key, kind, offsetof(struct type, member), def, 0, 0, words, help                          \
    }

static const struct regconf_key listen_keys[] = {
    K(regconf_listen, address, RK_ADDRESS, NULL,
      "where to listen. Without a host: every interface; without a port: 5000; port 0: any free "
      "one."),
    K(regconf_listen, tls_cert, RK_PATH, NULL,
      "certificate chain in PEM; with tls_key this listener speaks TLS. Read again on SIGHUP."),
    K(regconf_listen, tls_key, RK_PATH, NULL, "private key of the certificate in PEM."),
    KM(regconf_listen, tls_client_ca, tls_client, RK_PATH, NULL,
       "only clients with a certificate of these authorities (PEM) may connect."),
    K(regconf_listen, open, RK_BOOL, "no",
      "yes: with auth type none, everybody who reaches this address may push and delete. Needed "
      "for every address but loopback when there is no authentication."),
    {0},
};

static const struct regconf_key server_keys[] = {
    KN(regconf_server, threads, threads, RK_COUNT, "0", 0, 256,
       "threads that serve requests; 0: as many as processors."),
    KN(regconf_server, shutdown_timeout, shutdown_timeout_ns, RK_DURATION, "30s", 0, HOUR,
       "how long running requests may take to finish when the registry is stopped."),
    K(regconf_server, public_url, RK_URL, NULL,
      "how clients reach this registry, when something in front of it hides the Host header or "
      "ends TLS."),
    KW(regconf_server, metrics, metrics, RK_CHOICE, "loopback", "off|loopback|anyone",
       "who may read /metrics."),
    K(regconf_server, read_only, RK_BOOL, "no", "yes: pushes and deletes are refused (405)."),
    K(regconf_server, delete, RK_BOOL, "yes", "no: deletes are refused (405)."),
    {0},
};

static const struct regconf_key storage_keys[] = {
    K(regconf_storage, root, RK_PATH, NULL,
      "folder of everything that is stored; without it, registry/ in shale's own folder."),
    KN(regconf_storage, upload_age, upload_age_ns, RK_DURATION, "7d", MINUTE, YEARS,
       "uploads that nobody continued for this long are removed."),
    {0},
};

static const struct regconf_key auth_keys[] = {
    KW(regconf_auth, type, type, RK_CHOICE, "none", "none|htpasswd|token",
       "none: no passwords, everybody may do everything. htpasswd: users of a file, HTTP Basic. "
       "token: Bearer tokens, from our own token service (token_key) or an outside one "
       "(token_url, token_keys)."),
    K(regconf_auth, realm, RK_STR, "shale registry",
      "what clients may show when they ask for a password."),
    K(regconf_auth, htpasswd, RK_PATH, NULL,
      "users and bcrypt hashes, a line each; see shale registry user. Read again when it changes."),
    K(regconf_auth, token_url, RK_URL, NULL,
      "address of the token service; without it our own, at /auth/token of this registry."),
    K(regconf_auth, service, RK_STR, "shale-registry",
      "name of this registry in tokens: they must be meant for it (aud)."),
    K(regconf_auth, issuer, RK_STR, "shale-registry",
      "name of the token service in tokens: they must come from it (iss)."),
    K(regconf_auth, token_key, RK_PATH, NULL,
      "private key (PEM; RSA, P-256 or Ed25519) with which our own token service signs; needs "
      "htpasswd."),
    K(regconf_auth, token_keys, RK_PATH, NULL,
      "public keys of an outside token service: a JWKS file, or certificates or public keys in "
      "PEM."),
    KN(regconf_auth, token_ttl, token_ttl_ns, RK_DURATION, "5m", MINUTE, DAY,
       "how long our tokens are good."),
    KN(regconf_auth, refresh_ttl, refresh_ttl_ns, RK_DURATION, "30d", HOUR, 365 * DAY,
       "how long our refresh tokens are good; they also end with the user or a new password."),
    KN(regconf_auth, skew, skew_ns, RK_DURATION, "60s", 0, 10 * MINUTE,
       "how much clocks may differ."),
    KN(regconf_auth, failures, failures, RK_COUNT, "10", 1, 1000000,
       "wrong passwords of one peer address within failure_window; more are turned away unseen "
       "(429)."),
    KN(regconf_auth, failure_window, failure_window_ns, RK_DURATION, "5m", 1, DAY, "see failures."),
    KN(regconf_auth, failure_delay, failure_delay_ns, RK_DURATION, "500ms", 0, MINUTE,
       "how long the answer to a wrong password waits."),
    K(regconf_auth, catalog, RK_WHO, "users", "who may list the repositories (/v2/_catalog)."),
    K(regconf_auth, search, RK_WHO, "users",
      "who may search; found are only repositories that one may pull."),
    {0},
};

static const struct regconf_key group_keys[] = {
    K(policy_group, members, RK_LIST, NULL, "names of users."),
    {0},
};

static const struct regconf_key rule_keys[] = {
    K(policy_rule, pull, RK_WHO, "nobody", "who may pull and see tags."),
    K(policy_rule, push, RK_WHO, "nobody", "who may push."),
    K(policy_rule, delete, RK_WHO, "nobody", "who may delete tags, manifests and blobs."),
    K(policy_rule, hidden, RK_BOOL, "no",
      "yes: users who may not pull are told that there is no such repository (404), not that it is "
      "forbidden (403)."),
    KN(policy_rule, quota, quota, RK_BYTES, "0", 0, 1024 * TIB,
       "bytes of one repository; 0: repository_quota of [limits]."),
    {0},
};

static const struct regconf_key limits_keys[] = {
    KN(regconf_limits, manifest_size, manifest_bytes, RK_BYTES, "4m", 4 * KIB, 64 * MIB,
       "largest manifest that is taken (413)."),
    KN(regconf_limits, upload_size, upload_bytes, RK_BYTES, "0", 0, 1024 * TIB,
       "largest blob that is taken; 0: no limit."),
    KN(regconf_limits, repository_quota, quota_bytes, RK_BYTES, "0", 0, 1024 * TIB,
       "bytes of all blobs of one repository; 0: no limit."),
    KN(regconf_limits, header_size, header_bytes, RK_BYTES, "32k", 4 * KIB, MIB,
       "all header lines of one request (431)."),
    KN(regconf_limits, connections, connections, RK_COUNT, "20000", 8, 1000000,
       "open connections."),
    KN(regconf_limits, connections_per_peer, connections_per_peer, RK_COUNT, "0", 0, 1000000,
       "open connections of one address; 0: no limit."),
    KN(regconf_limits, uploads, uploads, RK_COUNT, "10000", 1, 1000000,
       "uploads that are not finished, of all repositories."),
    KN(regconf_limits, header_timeout, header_timeout_ns, RK_DURATION, "30s", 1, HOUR,
       "a request must have arrived, without its body, after this time."),
    KN(regconf_limits, idle_timeout, idle_timeout_ns, RK_DURATION, "5m", 1, DAY,
       "connections without a request are closed after this time."),
    KN(regconf_limits, stall_timeout, stall_timeout_ns, RK_DURATION, "60s", 1, DAY,
       "a transfer that does not move for this long is ended."),
    {0},
};

static const struct regconf_key log_keys[] = {
    KW(regconf_logs, access, access, RK_CHOICE, "text", "off|text|json",
       "a line for every request: off, as other web servers write it, or JSON."),
    K(regconf_logs, access_file, RK_PATH, NULL,
      "where the lines go; without it, to standard output. Opened anew on SIGHUP."),
    KW(regconf_logs, level, level, RK_CHOICE, "warn", "error|warn|debug",
       "what is told on standard error."),
    {0},
};

static const struct regconf_key upstream_keys[] = {
    K(regconf_upstream, url, RK_URL, NULL,
      "the registry behind: https://registry-1.docker.io for Docker Hub."),
    K(regconf_upstream, username, RK_STR, NULL, "user there; without it, anonymous."),
    K(regconf_upstream, password_file, RK_PATH, NULL,
      "file with the password or token of the user."),
    K(regconf_upstream, ca_file, RK_PATH, NULL,
      "certificates to trust there (PEM), instead of the system's."),
    KN(regconf_upstream, ttl, ttl_ns, RK_DURATION, "5m", 0, YEARS,
       "how long a tag is served from here before upstream is asked whether it moved."),
    KN(regconf_upstream, negative_ttl, negative_ttl_ns, RK_DURATION, "1m", 0, DAY,
       "how long it is remembered that upstream has no such thing."),
    K(regconf_upstream, insecure, RK_BOOL, "no", "yes: its certificate is not verified."),
    {0},
};

static const struct regconf_key notify_keys[] = {
    K(regconf_notify, url, RK_URL, NULL, "where events are posted to."),
    KM(regconf_notify, header, headers, RK_HEADER, NULL, "sent with each."),
    KW(regconf_notify, events, events, RK_FLAGS, "push, delete, mount", "push|pull|delete|mount",
       "what is told."),
    K(regconf_notify, ca_file, RK_PATH, NULL,
      "certificates to trust there (PEM), instead of the system's."),
    KN(regconf_notify, timeout, timeout_ns, RK_DURATION, "5s", 1, 10 * MINUTE,
       "an answer must have come after this time."),
    KN(regconf_notify, threshold, threshold, RK_COUNT, "3", 1, 1000,
       "so many failures in a row are tried again after a second each; then backoff counts."),
    KN(regconf_notify, backoff, backoff_ns, RK_DURATION, "10s", 1, HOUR,
       "pause after a failure then; doubles with each, up to 30 times this."),
    KN(regconf_notify, queue, queue, RK_COUNT, "10000", 1, 1000000,
       "events that are kept while the receiver is away; the oldest go first."),
    KN(regconf_notify, max_age, max_age_ns, RK_DURATION, "7d", MINUTE, YEARS,
       "older events are dropped."),
    K(regconf_notify, insecure, RK_BOOL, "no", "yes: its certificate is not verified."),
    {0},
};

static const struct regconf_key retention_keys[] = {
    KN(regconf_retention, keep, keep, RK_COUNT, "0", 0, 1000000,
       "so many of the newest tags stay; 0: no limit by number."),
    KN(regconf_retention, max_age, max_age_ns, RK_DURATION, "0s", 0, YEARS,
       "tags that were pushed longer ago go, but never one of the newest `keep`; 0: no limit by "
       "age."),
    K(regconf_retention, pin, RK_GLOBS, NULL, "tags that always stay and do not count."),
    KN(regconf_retention, untagged_age, untagged_age_ns, RK_DURATION, "0s", 0, YEARS,
       "manifests without a tag go when they are this old; 0: as [gc] untagged says."),
    K(regconf_retention, dry_run, RK_BOOL, "no", "yes: only tell what would go."),
    {0},
};

static const struct regconf_key gc_keys[] = {
    KN(regconf_gc, interval, interval_ns, RK_DURATION, "1h", 0, YEARS,
       "how often what nobody refers to is removed; 0: only by shale registry gc."),
    KN(regconf_gc, grace, grace_ns, RK_DURATION, "24h", 0, YEARS,
       "younger blobs stay: a push may be about to refer to them."),
    K(regconf_gc, untagged, RK_BOOL, "no", "yes: manifests that no tag and no index names go too."),
    {0},
};

static const struct regconf_key index_keys[] = {
    K(regconf_index, enabled, RK_BOOL, "yes", "no: searches know names only."),
    K(regconf_index, files, RK_BOOL, "yes", "index the files in layers."),
    K(regconf_index, packages, RK_BOOL, "yes", "index the packages in layers (dpkg, apk, rpm)."),
    KN(regconf_index, files_max, files_max, RK_COUNT, "2000000", 0, 100000000,
       "files of one layer that are indexed."),
    {0},
};

/* ---- checks of one section ---- */

static int check_listen(struct regconf *c, void *section, struct shale_err *e)
{
    struct regconf_listen *l = section;

    if (!l->address)
        return err_set(e, SHALE_INVALID, "[listen] without an address; add address = HOST:PORT");
    int r = regconf_address(l->address, &c->arena, &l->host, &l->port, e);
    if (r < 0)
        return r;
    if (!l->tls_cert != !l->tls_key)
        return err_set(e, SHALE_INVALID, "tls_cert and tls_key belong together; %s is missing",
                       l->tls_cert ? "tls_key" : "tls_cert");
    if (l->tls_client && !l->tls_cert)
        return err_set(e, SHALE_INVALID, "tls_client_ca without tls_cert and tls_key");
    return 0;
}

static int check_upstream(struct regconf *c, void *section, struct shale_err *e)
{
    const struct regconf_upstream *u = section;

    if (!u->url)
        return err_set(e, SHALE_INVALID, "[upstream] without a url; add url = https://HOST");
    if (!u->username != !u->password_file)
        return err_set(e, SHALE_INVALID,
                       "username and password_file belong together; %s is missing",
                       u->username ? "password_file" : "username");
    return 0;
}

static int check_notify(struct regconf *c, void *section, struct shale_err *e)
{
    const struct regconf_notify *n = section;

    if (!n->url)
        return err_set(e, SHALE_INVALID, "[notify] without a url; add url = https://HOST/PATH");
    if (!n->events)
        return err_set(e, SHALE_INVALID, "[notify] without events");
    return 0;
}

static int check_prefix(const char *prefix, struct shale_err *e)
{
    if (!*prefix)
        return 0;
    if (strpbrk(prefix, "*?") || *prefix == '/' || str_has_suffix(prefix, "/"))
        return err_set(e, SHALE_INVALID,
                       "a prefix has no wildcards and no slash at its ends: \"mirror/hub\" stands "
                       "for mirror/hub/**");
    return glob_check(prefix, e);
}

static int check_name(const char *name, struct shale_err *e)
{
    if (!*name || strlen(name) > 64)
        return err_set(e, SHALE_INVALID, "a name has 1 to 64 characters");
    for (const char *c = name; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
              strchr("._-", *c)) ||
            *name == '.')
            return err_set(e, SHALE_INVALID,
                           "a name has letters, digits, . _ and -, and no dot at its begin");
    return 0;
}

/* ---- the sections ---- */

#define SINGLE(name, member, check, keys, help)                                                    \
    {                                                                                              \
        name, NULL, false, offsetof(struct regconf, member), 0, 0, 0, NULL, check, keys, help      \
    }
#define REPEATED(name, arg, v, n, type, arg_member, check_arg, check, keys, help)                  \
    {                                                                                              \
        name, arg, true, offsetof(struct regconf, v), offsetof(struct regconf, n), arg_member,     \
            sizeof(struct type), check_arg, check, keys, help                                      \
    }

const struct regconf_section regconf_sections[] = {
    REPEATED("listen", NULL, listen, n_listen, regconf_listen, 0, NULL, check_listen, listen_keys,
             "An address to listen on. May stand several times; without it, 127.0.0.1:5000."),
    SINGLE("server", server, NULL, server_keys, "The server as a whole."),
    SINGLE("storage", storage, NULL, storage_keys, "Where things lie."),
    SINGLE("auth", auth, NULL, auth_keys, "How users prove who they are."),
    REPEATED("group", "NAME", policy.groups, policy.n_groups, policy_group,
             offsetof(struct policy_group, name), check_name, NULL, group_keys,
             "Users who share rights, named @NAME in rules."),
    REPEATED(
        "rule", "GLOB", policy.rules, policy.n_rules, policy_rule,
        offsetof(struct policy_rule, glob), glob_check, NULL, rule_keys,
        "Rights in the repositories that the glob matches; the first rule that matches counts. "
        "Without any rule every user may do everything; with rules, what no rule matches is "
        "closed. In globs, * is anything but /, ** is anything, ? is one character."),
    SINGLE("limits", limits, NULL, limits_keys, "How much is taken."),
    SINGLE("log", log, NULL, log_keys, "What is written down."),
    REPEATED("upstream", "PREFIX", upstreams, n_upstreams, regconf_upstream,
             offsetof(struct regconf_upstream, prefix), check_prefix, check_upstream, upstream_keys,
             "A registry of which this one is a cache, for repositories below the prefix; \"\" is "
             "all that have no other. Pushes to them are refused."),
    REPEATED("notify", "NAME", notify, n_notify, regconf_notify,
             offsetof(struct regconf_notify, name), check_name, check_notify, notify_keys,
             "A receiver of events (webhook)."),
    REPEATED("retention", "GLOB", retention, n_retention, regconf_retention,
             offsetof(struct regconf_retention, glob), glob_check, NULL, retention_keys,
             "What may go from the repositories that the glob matches; the first that matches "
             "counts."),
    SINGLE("gc", gc, NULL, gc_keys, "Removing what nobody refers to, while the registry runs."),
    SINGLE("index", index, NULL, index_keys, "What searches know of images."),
    {0},
};
