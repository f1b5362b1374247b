/* SPDX-License-Identifier: Apache-2.0 */
/* Every section and key of the config file: the one place that knows them. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/limits.h"
#include "base/glob.h"
#include "registry/conf/regconf_priv.h"

#define MINUTE 60ull
#define HOUR   3600ull
#define DAY    86400ull
#define YEARS  (3650 * DAY)
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
    K(regconf_listen, tls_client_ca, RK_PATH, NULL,
      "certificates of authorities in PEM: clients are asked for a certificate of one of them. It "
      "is a login: its common name (else the first host or mail name) is the name of the user, "
      "whatever [auth] says; a password or token that comes too counts more. Read again on "
      "SIGHUP."),
    KW(regconf_listen, tls_client, tls_client, RK_CHOICE, "required", "optional|required",
       "with tls_client_ca: whether clients without a certificate are served. Those with a wrong "
       "one are not (403)."),
    K(regconf_listen, tls_client_crl, RK_PATH, NULL,
      "lists of revoked certificates (CRL) in PEM, signed by authorities of tls_client_ca: clients "
      "whose certificate is in one are refused (403). A list that is out of date counts as long as "
      "there is no newer one, with a warning. Read again on SIGHUP, for open connections too."),
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
      "who may search (/v1/search, /shale/v1/search). Everybody finds only what they may pull."),
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
    {0},
};

static const struct regconf_key repository_keys[] = {
    KN(retain_repository, quota, quota_bytes, RK_BYTES, NULL, 1, 1024 * TIB,
       "how much a repository may take: its manifests and the blobs that it links, each once, also "
       "those that other repositories have too. Pushes and mounts that would go over it are "
       "refused (403 DENIED). Of the sections that match and have one, the first counts."),
    K(retain_repository, immutable, RK_GLOBS, NULL,
      "tags that, once pushed, name that image for ever: moving or deleting them, or deleting "
      "their image, is refused (403 DENIED), and retention keeps them. Of the sections that match "
      "and have this key, the first counts."),
    {0},
};

static const struct regconf_key retention_keys[] = {
    K(retain_rule, tags, RK_GLOBS, NULL,
      "the tags that this section decides about; without it, all. Of several sections for a "
      "repository the first whose tags match decides about a tag; tags that none matches stay."),
    KN(retain_rule, keep_tags, keep_tags, RK_COUNT, NULL, 1, 1000000000,
       "so many of these tags stay, those that were pushed last; pinned ones do not count."),
    KN(retain_rule, max_age, max_age_ns, RK_DURATION, NULL, 1, YEARS,
       "these tags stay for that long after they were last pushed. With keep_tags too, a tag only "
       "goes when both say so."),
    K(retain_rule, pins, RK_GLOBS, NULL,
      "tags that always stay, whatever other sections for the repository say."),
    KN(retain_rule, untagged_after, untagged_after_ns, RK_DURATION, NULL, 1, YEARS,
       "manifests without a tag go after that time without one (and after [gc] grace), unless an "
       "index or a subject that stays needs them; takes the place of [gc] untagged."),
    {0},
};

static const struct regconf_key gc_keys[] = {
    KN(regconf_gc, interval, interval_ns, RK_DURATION, "0s", 0, 365 * DAY,
       "how often the server collects: removes what no image needs, and what retention says; 0s: "
       "not by itself."),
    K(regconf_gc, at, RK_STR, NULL,
      "HH:MM, local time: collect once a day then, in place of interval."),
    KN(regconf_gc, grace, grace_ns, RK_DURATION, "24h", 0, YEARS,
       "what a push has uploaded, mounted or looked at within this time stays, and so do images "
       "whose tags went."),
    K(regconf_gc, untagged, RK_BOOL, "no",
      "yes: manifests without a tag go too, unless an index or a subject that stays needs them."),
    {0},
};

static const struct regconf_key limits_keys[] = {
    KN(regconf_limits, upload_size, upload_bytes, RK_BYTES, "0", 0, 1024 * TIB,
       "largest blob that is taken; 0: no limit."),
    KN(regconf_limits, manifest_size, manifest_bytes, RK_BYTES, "4m", 1024, LIMIT_MANIFEST_BYTES,
       "largest manifest that is taken; clients and the specification know no larger ones than "
       "4 MiB."),
    KN(regconf_limits, repository_quota, repository_bytes, RK_BYTES, "0", 0, 1024 * TIB,
       "how much each repository may take for which no [repository] has a quota; 0: no limit."),
    KN(regconf_limits, uploads, uploads, RK_COUNT, "0", 0, 1000000,
       "uploads that may be open; more are refused (429) until some end or are too old; 0: no "
       "limit."),
    KN(regconf_limits, connections, connections, RK_COUNT, "20000", 8, 1000000,
       "open connections."),
    KN(regconf_limits, connections_per_peer, connections_per_peer, RK_COUNT, "0", 0, 1000000,
       "open connections of one IPv4 address or one IPv6 network of 64 bits; more are turned away "
       "(429, with TLS without a word); 0: no limit. Something in front of the registry counts as "
       "one."),
    KN(regconf_limits, header_size, header_bytes, RK_BYTES, "32k", 8192, 256u << 10,
       "what the head of a request may take, with some 64 bytes more for each of its lines; a "
       "larger one is refused (431). Each connection on which a request has come keeps that much."),
    KN(regconf_limits, header_timeout, header_timeout_ns, RK_DURATION, "30s", 1, HOUR,
       "a request must have arrived, without its body, after this time."),
    KN(regconf_limits, idle_timeout, idle_timeout_ns, RK_DURATION, "5m", 1, DAY,
       "connections without a request are closed after this time."),
    KN(regconf_limits, stall_timeout, stall_timeout_ns, RK_DURATION, "60s", 1, DAY,
       "a transfer that does not move for this long is ended."),
    {0},
};

static const struct regconf_key log_keys[] = {
    KW(regconf_logs, level, level, RK_CHOICE, "info", "warning|info|debug",
       "what is told on standard error: what went wrong, also what was done, everything."),
    KW(regconf_logs, access, access, RK_CHOICE, "text", "off|text|json",
       "a line for every request: off, as other web servers write it, or JSON."),
    K(regconf_logs, access_file, RK_PATH, NULL,
      "where the lines go; without it, to standard output. Opened anew on SIGHUP."),
    {0},
};

static const struct regconf_key index_keys[] = {
    K(regconf_index, contents, RK_BOOL, "yes",
      "yes: layers are read once after a push, so that files and packages can be searched for."),
    KN(regconf_index, max_files, max_files, RK_COUNT, "1000000", 1, 4000000,
       "a layer with more files is not searched."),
    KN(regconf_index, max_layer, max_layer_bytes, RK_BYTES, "0", 0, 1024 * TIB,
       "a larger (compressed) layer is not searched; 0: no limit."),
    KN(regconf_index, memory, memory_bytes, RK_BYTES, "64m", 1u << 20, 1ull << 30,
       "largest package database that is read; SQLite's cache gets a quarter of it."),
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

static const struct regconf_key upstream_keys[] = {
    K(regconf_upstream, url, RK_URL, NULL, "the registry: https://registry-1.docker.io."),
    K(regconf_upstream, strip, RK_BOOL, "yes",
      "yes: the prefix is no part of the names there: hub/a/b is a/b."),
    K(regconf_upstream, path, RK_STR, NULL,
      "put before names there: path = team asks for team/a/b."),
    KW(regconf_upstream, library, library, RK_CHOICE, "auto", "auto|yes|no",
       "yes: names of one part get library/ before them there, as Docker Hub has it; auto: if it "
       "is "
       "Docker Hub."),
    K(regconf_upstream, ns, RK_STR, NULL,
      "as which registry clients of a mirror ask for it (containerd: ?ns=docker.io); without it, "
      "the host of url."),
    K(regconf_upstream, username, RK_STR, NULL, "who we are there; with password_file."),
    K(regconf_upstream, password_file, RK_PATH, NULL,
      "file with the password or access token in its first line. Read again on SIGHUP."),
    K(regconf_upstream, docker_config, RK_PATH, NULL,
      "folder with a config.json of docker login, in place of username and password_file."),
    K(regconf_upstream, ca_file, RK_PATH, NULL,
      "certificates to trust there (PEM), instead of the system's."),
    K(regconf_upstream, cert_file, RK_PATH, NULL, "our certificate for it (PEM); with key_file."),
    K(regconf_upstream, key_file, RK_PATH, NULL, "its private key (PEM)."),
    K(regconf_upstream, insecure, RK_BOOL, "no",
      "yes: its certificate is not verified; http:// is taken for any host, not only for this "
      "machine."),
    KN(regconf_upstream, tag_ttl, tag_ttl_ns, RK_DURATION, "5m", 0, YEARS,
       "how long a tag is believed before it is asked for again."),
    KN(regconf_upstream, negative_ttl, negative_ttl_ns, RK_DURATION, "1m", 0, DAY,
       "how long it is remembered that something is not there."),
    KN(regconf_upstream, timeout, timeout_ns, RK_DURATION, "30s", 1, 10 * MINUTE,
       "a registry that sends nothing for this long is given up or asked again."),
    K(regconf_upstream, stale, RK_BOOL, "yes",
      "yes: when it cannot be asked, a tag is answered with what is here, with a Warning."),
    K(regconf_upstream, finish, RK_BOOL, "yes",
      "yes: a blob is fetched to its end even when all who wanted it have gone."),
    KN(regconf_upstream, keep, keep_ns, RK_DURATION, "0s", 0, YEARS,
       "images that nobody asked for in this time go; 0s: never. shale registry gc then frees "
       "their "
       "bytes."),
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
    if (l->tls_client_ca && !l->tls_cert)
        return err_set(e, SHALE_INVALID, "tls_client_ca needs tls_cert and tls_key");
    if (l->tls_client_crl && !l->tls_client_ca)
        return err_set(e, SHALE_INVALID, "tls_client_crl needs tls_client_ca");
    if (!l->tls_cert != !l->tls_key)
        return err_set(e, SHALE_INVALID, "tls_cert and tls_key belong together; %s is missing",
                       l->tls_cert ? "tls_key" : "tls_cert");
    return 0;
}

static int check_retention(struct regconf *c, void *section, struct shale_err *e)
{
    const struct retain_rule *x = section;

    (void)c;
    if (x->keep_tags || x->max_age_ns || x->untagged_after_ns || x->pins.n > 0)
        return 0;
    return err_set(e, SHALE_INVALID,
                   "[retention] that does nothing; add keep_tags, max_age, untagged_after or pins");
}

static int check_gc(struct regconf *c, void *section, struct shale_err *e)
{
    struct regconf_gc *g = section;
    unsigned hour, minute;
    char end;

    (void)c;
    if (!g->at)
        return 0;
    if (g->interval_ns)
        return err_set(e, SHALE_INVALID, "[gc] interval and at exclude each other");
    if (strlen(g->at) != 5 || sscanf(g->at, "%2u:%2u%c", &hour, &minute, &end) != 2 || hour > 23 ||
        minute > 59)
        return err_set(e, SHALE_INVALID, "at = %s: must be a time of day, HH:MM", g->at);
    g->at_minute = 60 * hour + minute;
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
        name, NULL, false, offsetof(struct regconf, member), 0, 0, 0, NULL, check, keys, help,     \
            false                                                                                  \
    }
#define REPEATED(name, arg, v, n, type, arg_member, check_arg, check, keys, help)                  \
    {                                                                                              \
        name, arg, true, offsetof(struct regconf, v), offsetof(struct regconf, n), arg_member,     \
            sizeof(struct type), check_arg, check, keys, help, false                               \
    }
#define REPEATED_TWICE(name, arg, v, n, type, arg_member, check_arg, check, keys, help)            \
    {                                                                                              \
        name, arg, true, offsetof(struct regconf, v), offsetof(struct regconf, n), arg_member,     \
            sizeof(struct type), check_arg, check, keys, help, true                                \
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
    REPEATED("repository", "GLOB", retain.repositories, retain.n_repositories, retain_repository,
             offsetof(struct retain_repository, glob), glob_check, NULL, repository_keys,
             "What repositories that the glob matches may hold."),
    REPEATED_TWICE(
        "retention", "GLOB", retain.rules, retain.n_rules, retain_rule,
        offsetof(struct retain_rule, glob), glob_check, check_retention, retention_keys,
        "Tags of the repositories that the glob matches that go by themselves, when the server "
        "or shale registry gc collects. An image whose last tag went so is removed after [gc] "
        "grace; shale registry gc --dry-run shows what would go, and why. Tags named "
        "sha256-DIGEST stay as long as the image of that digest."),
    SINGLE("gc", gc, check_gc, gc_keys,
           "Collection of what no image needs, beside pushes and pulls."),
    SINGLE("limits", limits, NULL, limits_keys, "How much is taken."),
    SINGLE("log", log, NULL, log_keys, "What is written down."),
    SINGLE("index", index, NULL, index_keys,
           "What can be searched for. Taken at the start of the registry."),
    REPEATED("notify", "NAME", notify, n_notify, regconf_notify,
             offsetof(struct regconf_notify, name), check_name, check_notify, notify_keys,
             "A receiver of events (webhook)."),
    REPEATED(
        "upstream", "prefix/", upstream, n_upstream, regconf_upstream,
        offsetof(struct regconf_upstream, prefix), regconf_upstream_prefix, regconf_upstream_check,
        upstream_keys,
        "Another registry, of which repositories whose names begin with the prefix are a cache: "
        "what is asked for comes from there, and stays. The prefix ends in /; \"\" is every "
        "name. The longest one that matches counts. Nobody can push there."),
    {0},
};

/* Named in designs and in other registries, and not there: told so, never taken without effect. */
const struct regconf_later regconf_later[] = {
    {0},
};
