/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Client of the distribution API (distribution-spec 1.1): a repository of a registry as a `struct
 * source`. The source resolves, reads manifests and blobs and lists tags; everything around it
 * (where the registry is, TLS, credentials, tokens, retries) happens inside.
 *
 *   struct remote_opts o = REMOTE_OPTS_INIT;
 *   r = remote_client_open(&o, &client, e);
 *   r = remote_source_open(client, &ref, &src, e);
 *   r = src->ops->resolve(src, "latest", &arena, &desc, cancel, e);
 *   src = src->ops->close(src);
 *   client = remote_client_close(client);
 *
 * Threads: a client and its sources may be used by several threads at once. Sources must be closed
 * before their client.
 *
 * Errors: NOT_FOUND, UNAUTHORIZED, DENIED, NETWORK (unreachable, or broke off more often than the
 * retries allow), TIMEOUT, CANCELED, CORRUPT (bytes that are not what they should be), LIMIT,
 * UNSUPPORTED (schema 1), INVALID. Messages are docker's where docker has one.
 *
 * Credentials go to the registry they are for and to the token server that this registry names, and
 * to nobody else.
 */
#include <shale/progress.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/endpoint.h"
#include "model/ref.h"

enum remote_scheme {
    REMOTE_AUTO,  /* as docker: https, and http where it may be insecure */
    REMOTE_HTTP,  /* http only */
    REMOTE_HTTPS, /* https only, also to loopback with a certificate that is good */
};

struct remote_opts {
    const char *config_dir;      /* with docker's config.json; NULL: no credentials are known */
    const char *auths;           /* JSON: the "auths" of a config.json that stands for that of
                                    config_dir, which is not read; NULL: none */
    const char *certs_dir;       /* HOST[:PORT]/{*.crt,*.cert,*.key} below it; NULL: none */
    const char *const *insecure; /* HOST[:PORT] as in references, or CIDRs, without (good) TLS; NULL
                                    or NULL-ended */
    bool any_insecure;           /* all of them are */
    const char *const *mirrors;  /* of docker.io, by URL (model/mirror.h); NULL or NULL-ended */
    const char *user_agent;      /* NULL: "shale" */
    uint32_t n_retries;          /* attempts after the first that may fail without progress */
    int64_t retry_delay_ns;      /* before the first retry; doubles, with jitter */
    int64_t retry_delay_max_ns;  /* the longest pause of ours */
    int64_t retry_after_max_ns;  /* who asks for more in Retry-After is not waited for */
    int64_t connect_timeout_ns;
    int64_t stall_timeout_ns;  /* no byte for this long: the transfer is given up and retried */
    int64_t helper_timeout_ns; /* for a credential helper */
    /* For a client of one registry, in place of what config_dir and certs_dir say: */
    enum remote_scheme scheme;
    const char *user, *password;      /* NULL: of config_dir */
    const char *ca_file;              /* PEM; trusted instead of the system's; NULL: the system's */
    const char *cert_file, *key_file; /* PEM; NULL: none */
    bool unverified;                  /* with REMOTE_HTTPS: any certificate will do */
};

#define REMOTE_OPTS_INIT                                                                           \
    {                                                                                              \
        .n_retries = 5, .retry_delay_ns = 500000000ll, .retry_delay_max_ns = 30000000000ll,        \
        .retry_after_max_ns = 120000000000ll, .connect_timeout_ns = 30000000000ll,                 \
        .stall_timeout_ns = 60000000000ll, .helper_timeout_ns = 30000000000ll,                     \
    }

#define REMOTE_CERTS_DIR "/etc/docker/certs.d"

struct remote_client;

/* Copies the options. No network traffic and no files are read before the first request, except
 * config.json: what cannot be parsed in it is INVALID. */
int remote_client_open(const struct remote_opts *o, struct remote_client **ret,
                       struct shale_err *e);
struct remote_client *remote_client_close(struct remote_client *c); /* accepts NULL, returns NULL */

/* How long the registry that answered last wants to be left alone (Retry-After), from now on; 0: it
 * did not say so. */
int64_t remote_client_pause(const struct remote_client *c);

/* The directory of docker's config.json: $DOCKER_CONFIG, else $HOME/.docker. NULL without either.
 */
const char *remote_default_config_dir(char *buf, size_t n);

/* The repository of `r` (its tag and digest do not matter). ops->close frees it. No traffic. */
int remote_source_open(struct remote_client *c, const struct ref *r, struct source **ret,
                       struct shale_err *e);

/* Registries that may have what docker.io has, to be asked before it, in their order. Credentials
 * for docker.io do not go there. */
/* How many there are for the repository of `r`: 0 for any but docker.io's. */
size_t remote_mirrors(const struct remote_client *c, const struct ref *r);
/* As remote_source_open, at the mirror `i`. */
int remote_mirror_open(struct remote_client *c, size_t i, const struct ref *r, struct source **ret,
                       struct shale_err *e);

struct remote_sink_opts {
    shale_progress_fn on_progress; /* of each blob; from several threads; may be NULL */
    void *progress_arg;
    /* Repositories ("library/alpine") of the same registry that may hold a blob already; may be
     * NULL. */
    int (*mount_from)(void *arg, const struct digest *d, struct arena *a, struct strv *ret,
                      struct shale_err *e);
    void *mount_arg;
    /* Folder (made when missing) where is noted what has not ended, for the next process; NULL:
     * none. Read during remote_sink_open only. */
    const char *notes_dir;
};
/* The same repository to push to. Blobs that it has are not sent again; what broke off goes on
 * where it was, within the client's retries, and in the next process where the registry can. */
int remote_sink_open(struct remote_client *c, const struct ref *r, const struct remote_sink_opts *o,
                     struct sink **ret, struct shale_err *e);

/* ---- logging in and out ---- */
/* Asks the registry `domain` ("docker.io", "registry.example.com:5000") whether it takes these
 * credentials; user NULL: those that are known. UNAUTHORIZED, DENIED. */
int remote_login(struct remote_client *c, const char *domain, const char *user,
                 const char *password, struct cancel *cancel, struct shale_err *e);
/* Keeps them where docker does: a credential helper, else config.json; then *ret_file is its path,
 * NULL otherwise. */
int remote_credential_store(struct remote_client *c, const char *domain, const char *user,
                            const char *password, struct arena *a, const char **ret_file,
                            struct shale_err *e);
/* *ret_was: there were any. */
int remote_credential_erase(struct remote_client *c, const char *domain, bool *ret_was,
                            struct shale_err *e);
/* Who is logged in; NULL: nobody. */
int remote_credential_user(struct remote_client *c, const char *domain, struct arena *a,
                           const char **ret, struct shale_err *e);

/* What a struct source has no function for; `s` is one of remote_source_open. */
/* Is the blob there (HEAD), and how large? 0 where the registry does not tell. NOT_FOUND. */
int remote_source_stat(struct source *s, const struct digest *d, uint64_t *ret_size,
                       struct cancel *c, struct shale_err *e);
/* The index of what refers to `subject`, as it comes, of all pages. NOT_FOUND also where the
 * registry has no such list. */
int remote_source_referrers(struct source *s, const struct digest *subject, struct buf *b,
                            struct cancel *c, struct shale_err *e);
/* Deletes a tag or, by digest, a manifest with all its tags. NOT_FOUND; UNSUPPORTED or INVALID
 * where the registry cannot. */
int remote_source_delete(struct source *s, const char *name, struct cancel *c, struct shale_err *e);
