/* SPDX-License-Identifier: Apache-2.0 */
/* Where a registry is, and how it is spoken to: TLS files of certs.d, plain http for loopback and
 * insecure ones. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "remote/remote_priv.h"

#define CERTS_MAX_BYTES (4u << 20)
#define SYSTEM_CERTS    "/etc/ssl/certs/ca-certificates.crt"

/* ---- which may be plain ---- */

/* Host part of "host:port", "[::1]:5000". */
static void host_part(const char *domain, char *ret, size_t n)
{
    const char *p = domain;
    size_t len;

    if (*p == '[') {
        p++;
        len = strcspn(p, "]");
    } else {
        len = strcspn(p, ":");
    }
    snprintf(ret, n, "%.*s", (int)len, p);
}

static bool is_loopback(const char *domain)
{
    char host[256];

    host_part(domain, host, sizeof host);
    return http_is_loopback(host);
}

static bool is_listed(const struct remote_client *c, const char *domain)
{
    char host[256];

    host_part(domain, host, sizeof host);
    for (const char *const *p = c->o.insecure; p && *p; p++)
        if (str_ieq(*p, domain) || http_in_cidr(host, *p))
            return true;
    return false;
}

static struct remote_host *host_find(struct remote_client *c, const char *domain,
                                     const char *mirror)
{
    struct remote_host *h = c->hosts;

    while (h && !(streq(h->mirror, mirror) && (mirror || streq(h->domain, domain))))
        h = h->next;
    return h;
}

/* A new one, in the list. NULL: no memory. */
static struct remote_host *host_new(struct remote_client *c, const char *domain)
{
    struct remote_host *h = arena_alloc(&c->arena, sizeof *h);
    const char *copy = arena_strdup(&c->arena, domain);

    if (!h || !copy)
        return NULL;
    h->domain = copy;
    h->endpoint = streq(domain, "docker.io") ? "registry-1.docker.io" : copy;
    h->tls.insecure = c->o.any_insecure || is_listed(c, domain);
    h->loopback = is_loopback(domain);
    h->may_be_plain = h->tls.insecure || h->loopback;
    if (c->o.scheme != REMOTE_AUTO) {
        h->may_be_plain = h->loopback = false;
        h->known = h->plain = c->o.scheme == REMOTE_HTTP;
        h->tls.insecure = c->o.unverified;
    }
    pthread_mutex_init(&h->mutex, NULL);
    h->next = c->hosts;
    c->hosts = h;
    return h;
}

int host_get(struct remote_client *c, const char *domain, struct remote_host **ret,
             struct shale_err *e)
{
    pthread_mutex_lock(&c->mutex);
    struct remote_host *h = host_find(c, domain, NULL);
    if (!h)
        h = host_new(c, domain);
    pthread_mutex_unlock(&c->mutex);
    if (!h)
        return err_nomem(e);
    *ret = h;
    return 0;
}

/* ---- mirrors ---- */

size_t remote_mirrors(const struct remote_client *c, const struct ref *r)
{
    size_t n = 0;

    while (streq(r->domain, "docker.io") && c->o.mirrors && c->o.mirrors[n])
        n++;
    return n;
}

/* It is what its URL says, with TLS or without; a path stands before "v2/". */
static struct remote_host *mirror_new(struct remote_client *c, const char *url)
{
    const char *rest = strstr(url, "://") + strlen("://");
    size_t n = strlen(rest);
    const char *domain = arena_strndup(&c->arena, rest, strcspn(rest, "/"));

    while (n > 0 && rest[n - 1] == '/')
        n--;
    const char *endpoint = arena_strndup(&c->arena, rest, n), *copy = arena_strdup(&c->arena, url);
    struct remote_host *h = domain && endpoint && copy ? host_new(c, domain) : NULL;
    if (!h)
        return NULL;
    h->endpoint = endpoint;
    h->mirror = copy;
    h->may_be_plain = false;
    h->known = true;
    h->plain = str_has_prefix(url, "http://");
    return h;
}

int host_get_mirror(struct remote_client *c, const char *url, struct remote_host **ret,
                    struct shale_err *e)
{
    pthread_mutex_lock(&c->mutex);
    struct remote_host *h = host_find(c, NULL, url);
    if (!h)
        h = mirror_new(c, url);
    pthread_mutex_unlock(&c->mutex);
    if (!h)
        return err_nomem(e);
    *ret = h;
    return 0;
}

void host_forget(struct remote_host *h)
{
    while (h->tokens) {
        struct token *t = h->tokens;
        h->tokens = t->next;
        free(t->authorization);
        free(t);
    }
    free(h->basic);
    h->basic = NULL;
}

void host_clear(struct remote_host *h)
{
    host_forget(h);
    pthread_mutex_destroy(&h->mutex);
}

/* ---- certs.d/HOST[:PORT] ---- */

struct certs {
    struct remote_client *c;
    struct remote_host *h;
    const char *dir;
    struct buf cas;
    struct shale_err *e;
};

static int on_file(void *arg, const char *name, unsigned char type)
{
    struct certs *x = arg;
    char key[4096];
    int r = 0;

    const char *path = arena_printf(&x->c->arena, "%s/%s", x->dir, name);
    if (!path)
        return err_nomem(x->e);
    if (str_has_suffix(name, ".crt")) {
        r = fs_read_file(AT_FDCWD, path, &x->cas, x->e);
        buf_addc(&x->cas, '\n');
    } else if (str_has_suffix(name, ".key")) {
        snprintf(key, sizeof key, "%.*s.cert", (int)(strlen(path) - 4), path);
        if (!fs_exists(AT_FDCWD, key))
            return err_set(x->e, SHALE_INVALID, "missing client certificate %s for key %s", key,
                           name);
    } else if (str_has_suffix(name, ".cert")) {
        snprintf(key, sizeof key, "%.*s.key", (int)(strlen(path) - 5), path);
        if (!fs_exists(AT_FDCWD, key))
            return err_set(x->e, SHALE_INVALID, "missing key %s for client certificate %s", key,
                           name);
        x->h->tls.cert_file = path;
        x->h->tls.key_file = arena_strdup(&x->c->arena, key);
        r = x->h->tls.key_file ? 0 : err_nomem(x->e);
    }
    return r;
}

/* docker trusts these besides the system's. */
static int load_certs(struct remote_client *c, struct remote_host *h, struct shale_err *e)
{
    struct certs x = {.c = c, .h = h, .cas = BUF_INIT(CERTS_MAX_BYTES), .e = e};
    int r = 0;

    if (!c->o.certs_dir || strchr(h->domain, '/'))
        return 0;
    x.dir = arena_printf(&c->arena, "%s/%s", c->o.certs_dir, h->domain);
    if (!x.dir)
        return err_nomem(e);
    if (fs_exists(AT_FDCWD, x.dir))
        r = fs_each(AT_FDCWD, x.dir, on_file, &x, e);
    if (r >= 0 && x.cas.n > 0) {
        (void)fs_read_file(AT_FDCWD, SYSTEM_CERTS, &x.cas, NULL);
        h->tls.ca_pem = arena_strdup(&c->arena, buf_str(&x.cas));
        r = h->tls.ca_pem ? 0 : err_nomem(e);
    }
    buf_clear(&x.cas);
    return r;
}

/* The files that the options name. */
static int own_certs(struct remote_client *c, struct remote_host *h, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CERTS_MAX_BYTES);

    h->tls.cert_file = c->o.cert_file;
    h->tls.key_file = c->o.key_file;
    if (!c->o.ca_file)
        return 0;
    int r = fs_read_file(AT_FDCWD, c->o.ca_file, &b, e);
    if (r < 0)
        return r;
    h->tls.ca_pem = arena_strdup(&c->arena, buf_str(&b));
    return h->tls.ca_pem ? 0 : err_nomem(e);
}

static int keep_credential(struct remote_client *c, struct remote_host *h,
                           const struct credential *from, struct shale_err *e)
{
    const struct {
        const char *from, **to;
    } fields[] = {
        {from->user, &h->credential.user},
        {from->password, &h->credential.password},
        {from->identity_token, &h->credential.identity_token},
        {from->registry_token, &h->credential.registry_token},
        {from->problem, &h->credential.problem},
    };

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        *fields[i].to = arena_strdup(&c->arena, fields[i].from);
        if (fields[i].from && !*fields[i].to)
            return err_nomem(e);
    }
    return 0;
}

/* As docker: a helper that does not work is no reason not to try without credentials. The reason is
 * told when the registry wants some. */
static int find_credential(struct remote_client *c, struct remote_host *h, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena tmp = ARENA_INIT(1u << 20);
    struct shale_err why = SHALE_ERR_INIT;
    struct credential found = {.user = c->o.user, .password = c->o.password};
    int r = c->o.user ? 0 : creds_find(c, h->domain, &tmp, &found, &why);

    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    if (r < 0) {
        log_debug("%s: %s", h->domain, why.msg);
        found = (struct credential){.problem = why.msg};
    }
    pthread_mutex_lock(&c->mutex);
    r = keep_credential(c, h, &found, e);
    pthread_mutex_unlock(&c->mutex);
    return r;
}

int host_prepare(struct remote_client *c, struct remote_host *h, struct shale_err *e)
{
    int r = 0;

    pthread_mutex_lock(&h->mutex);
    if (!h->ready) {
        pthread_mutex_lock(&c->mutex);
        r = c->o.scheme == REMOTE_AUTO ? load_certs(c, h, e) : own_certs(c, h, e);
        /* docker counts loopback among the insecure; whoever gives it a CA wants it verified */
        if (r >= 0 && h->loopback && !h->tls.ca_pem)
            h->tls.insecure = true;
        pthread_mutex_unlock(&c->mutex);
        if (r >= 0)
            r = find_credential(c, h, e);
        h->ready = r >= 0;
    }
    pthread_mutex_unlock(&h->mutex);
    return r;
}
