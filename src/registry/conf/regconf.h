/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The config file of the registry (/etc/shale/registry.conf): sections with `key = value` lines.
 *
 *   # comment                         also after a value, with a blank before it
 *   [listen]                          may stand several times: a listener each
 *   address = 0.0.0.0:5000
 *   [rule "team"]                     named: the name in quotes
 *   pull = users                      lists: values with commas between
 *   push = alice, @builders
 *   [log]
 *   access_file = "/var/log/#1.log"   quotes keep blanks and #; \" and \\ inside
 *
 *   r = regconf_load(path, sets, n_sets, &conf, e);   // NULL path: defaults
 *   …
 *   conf = regconf_free(conf);
 *
 * A conf never changes: any number of threads may read it. Reloading is loading anew and freeing
 * the old one when nobody uses it any more; a file with a mistake leaves the old one as it is.
 *
 * Keys, kinds, limits, defaults and their description are one table (regconf_keys.c), from which
 * registry.conf(5) is printed too (regconf_man). Relative paths are relative to the folder of the
 * file. Files that are named are not opened here.
 *
 * Errors: NOT_FOUND, DENIED … for the file itself; INVALID for what stands in it, as
 * "FILE:LINE: what is wrong; what to do"; LIMIT; NO_MEMORY.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "registry/auth/policy.h"
#include "registry/upkeep/retain.h"

#define REGCONF_FILE           "/etc/shale/registry.conf"
#define REGCONF_MAX_BYTES      (1u << 20)
#define REGCONF_MAX_LINE_BYTES 8192
#define REGCONF_MAX_SECTIONS   1024 /* of one kind */
#define REGCONF_MAX_VALUES     1024 /* of one list */
#define REGCONF_DEFAULT_PORT   5000

enum regconf_client { REGCONF_CLIENT_OPTIONAL, REGCONF_CLIENT_REQUIRED };
struct regconf_listen {
    const char *address;        /* as written */
    const char *host;           /* numeric address or name, no brackets; "" is every interface */
    const char *tls_cert;       /* PEM chain; NULL: plain HTTP */
    const char *tls_key;        /* PEM; set with tls_cert */
    const char *tls_client_ca;  /* PEM; NULL: clients are not asked for certificates */
    const char *tls_client_crl; /* PEM: what of those is revoked; NULL: nothing */
    int tls_client;             /* enum regconf_client */
    uint64_t port;              /* 0: any free one */
    bool open;     /* confirmed: everybody who reaches this address may do everything */
    unsigned line; /* of the section in the file, as below; 0: it is not there */
};

/* Does everybody have to show a certificate there? */
static inline bool regconf_needs_client(const struct regconf_listen *l)
{
    return l->tls_client_ca && l->tls_client == REGCONF_CLIENT_REQUIRED;
}

struct regconf_server {
    uint64_t threads; /* 0: as many as processors */
    int64_t shutdown_timeout_ns;
    const char *public_url; /* how clients reach us, without a slash at the end; NULL: from Host */
    int metrics;            /* enum regconf_metrics */
    bool read_only;
    bool delete;
    unsigned line;
};
enum regconf_metrics { REGCONF_METRICS_OFF, REGCONF_METRICS_LOOPBACK, REGCONF_METRICS_ANYONE };

struct regconf_storage {
    const char *root; /* NULL: $SHALE_ROOT/registry */
    int64_t upload_age_ns;
};

enum regconf_auth_type { REGCONF_AUTH_NONE, REGCONF_AUTH_HTPASSWD, REGCONF_AUTH_TOKEN };
struct regconf_auth {
    int type; /* enum regconf_auth_type */
    const char *realm;
    const char *htpasswd;   /* file; set for HTPASSWD, and for TOKEN with token_key */
    const char *token_url;  /* realm of the challenge; NULL: our own service, under Host */
    const char *service;    /* "aud" of tokens */
    const char *issuer;     /* "iss" of tokens */
    const char *token_key;  /* PEM private key: our own token service signs with it */
    const char *token_keys; /* JWKS or PEM public keys of an outside token service */
    int64_t token_ttl_ns, refresh_ttl_ns, skew_ns;
    int64_t failure_delay_ns, failure_window_ns;
    uint64_t failures; /* of one peer within the window; then it is turned away */
    struct policy_who catalog, search;
    unsigned line;
};

struct regconf_limits {
    uint64_t upload_bytes; /* 0: none */
    uint64_t manifest_bytes;
    uint64_t repository_bytes;     /* quota where no [repository] has one; 0: none */
    uint64_t uploads;              /* open ones; 0: no limit */
    uint64_t connections_per_peer; /* 0: no limit */
    uint64_t header_bytes;
    uint64_t connections;
    int64_t header_timeout_ns, idle_timeout_ns, stall_timeout_ns;
};

struct regconf_index {
    bool contents;
    uint64_t max_files, max_layer_bytes, memory_bytes; /* max_layer_bytes 0: no limit */
};

struct regconf_gc {
    int64_t interval_ns; /* 0: not by interval */
    const char *at;      /* "HH:MM", local time; NULL: not by time of day */
    unsigned at_minute;  /* of the day; with at */
    int64_t grace_ns;
    bool untagged;
};

enum regconf_level { REGCONF_LEVEL_WARNING, REGCONF_LEVEL_INFO, REGCONF_LEVEL_DEBUG };
enum regconf_log { REGCONF_LOG_OFF, REGCONF_LOG_TEXT, REGCONF_LOG_JSON };
struct regconf_logs {
    int access; /* enum regconf_log */
    int level;  /* enum regconf_level */
    const char *access_file;
};

enum {
    REGCONF_EVENT_PUSH = 1,
    REGCONF_EVENT_PULL = 2,
    REGCONF_EVENT_DELETE = 4,
    REGCONF_EVENT_MOUNT = 8
};
struct regconf_notify {
    const char *name, *url;
    struct strv headers; /* "Name: value" */
    const char *ca_file;
    int64_t timeout_ns, backoff_ns, max_age_ns;
    uint64_t threshold; /* failures in a row before it backs off */
    uint64_t queue;     /* events kept at most */
    unsigned events;    /* REGCONF_EVENT_* */
    bool insecure;
};

enum regconf_library { REGCONF_LIBRARY_AUTO, REGCONF_LIBRARY_YES, REGCONF_LIBRARY_NO };
struct regconf_upstream { /* a registry whose images are kept here */
    const char *prefix;   /* of our repositories: "hub/"; "": all */
    const char *url;
    const char *path;   /* put before the rest of a name there, "a/b"; NULL: nothing */
    const char *domain; /* HOST[:PORT] of the url; "docker.io" for Docker Hub */
    const char *ns;     /* the same, or as which it is asked for by clients of mirrors */
    bool https, strip;
    int library; /* enum regconf_library */
    const char *username, *password_file;
    const char *docker_config; /* folder with a config.json */
    const char *ca_file, *cert_file, *key_file;
    bool insecure;
    int64_t tag_ttl_ns, negative_ttl_ns, timeout_ns;
    int64_t keep_ns; /* 0: for ever */
    bool stale, finish;
};

struct regconf {
    struct arena arena; /* everything below lives in it */
    const char *file;   /* NULL: defaults */
    struct regconf_listen *listen;
    size_t n_listen; /* at least 1 */
    struct regconf_server server;
    struct regconf_storage storage;
    struct regconf_auth auth;
    struct policy policy;
    struct regconf_limits limits;
    struct regconf_gc gc;
    struct retain retain;
    struct regconf_logs log;
    struct regconf_index index;
    struct regconf_notify *notify;
    size_t n_notify;
    struct regconf_upstream *upstream;
    size_t n_upstream;
};

/* A value from the command line, in place of what the file says. */
struct regconf_set {
    const char *option;  /* for messages: "--address" */
    const char *section; /* "listen": takes the place of all listeners of the file */
    const char *key;
    const char *value;
};

/* "docker.io" for each of the names of Docker Hub, else the host itself. */
const char *regconf_registry_name(const char *host);

int regconf_load(const char *path, const struct regconf_set *sets, size_t n_sets,
                 struct regconf **ret, struct shale_err *e);
/* The same over bytes in memory; `name` stands in messages, its folder is that of relative paths.
 */
int regconf_parse(const char *name, const char *text, size_t n, const struct regconf_set *sets,
                  size_t n_sets, struct regconf **ret, struct shale_err *e);
struct regconf *regconf_free(struct regconf *c); /* NULL in, NULL out */

/* registry.conf(5) in troff. */
void regconf_man(struct buf *b);
/* A file with every section and key, each with its description, commented out. Parses as is. */
void regconf_example(struct buf *b);
