/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted connections (GnuTLS). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "http/gnutls_api.h"
#include "http/wire_priv.h"

#define MAX_PEM_BYTES (1u << 20)

struct wtls_papers {
    atomic_uint refs;
    gnutls_certificate_credentials_t cred;
    bool asks; /* every client for a certificate of the authority */
};

struct wtls {
    const struct gnutls_api *g;
    gnutls_session_t session;
    struct wtls_papers *papers;
};

/* ---- certificate, key, authority ---- */

static int read_pem(const char *path, const char *what, struct buf *b, struct shale_err *e)
{
    int r = path ? fs_read_file(AT_FDCWD, path, b, e)
                 : err_set(e, SHALE_INVALID, "TLS needs a %s", what);

    return r < 0 ? err_wrap(e, r, "%s", what) : 0;
}

static gnutls_datum_t datum_of(struct buf *b)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)buf_str(b), (unsigned)b->n};
}

static int load_trust(const struct gnutls_api *g, const struct http_cert *c, struct wtls_papers *p,
                      struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf ca = BUF_INIT(MAX_PEM_BYTES);
    int r = read_pem(c->client_ca_file, "authority of clients", &ca, e);

    if (r < 0)
        return r;
    gnutls_datum_t d = datum_of(&ca);
    if (g->certificate_set_x509_trust_mem(p->cred, &d, GNUTLS_X509_FMT_PEM) <= 0)
        return err_set(e, SHALE_INVALID, "authority of clients: no certificate in %s",
                       c->client_ca_file);
    p->asks = true;
    return 0;
}

static void clear_key(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_clear(b);
}

static int load_key(const struct gnutls_api *g, const struct http_cert *c, struct wtls_papers *p,
                    struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf cert = BUF_INIT(MAX_PEM_BYTES);
    _cleanup_(clear_key) struct buf key = BUF_INIT(MAX_PEM_BYTES);
    int r = read_pem(c->cert_file, "certificate", &cert, e);

    if (r >= 0)
        r = read_pem(c->key_file, "key", &key, e);
    if (r < 0)
        return r;
    gnutls_datum_t dc = datum_of(&cert), dk = datum_of(&key);
    int rc = g->certificate_set_x509_key_mem(p->cred, &dc, &dk, GNUTLS_X509_FMT_PEM);
    if (rc < 0)
        return err_set(e, SHALE_INVALID, "TLS cannot be set up with certificate %s and key %s: %s",
                       c->cert_file, c->key_file, g->strerror(rc));
    return c->client_ca_file ? load_trust(g, c, p, e) : 0;
}

int wtls_load(const struct http_cert *c, struct wtls_papers **ret, struct shale_err *e)
{
    const struct gnutls_api *g = gnutls_api_get();
    struct wtls_papers *p = g ? mem_alloc(sizeof *p) : NULL;

    if (!g)
        return err_set(e, SHALE_UNSUPPORTED, "TLS needs GnuTLS (libgnutls30), which is not here");
    if (!p || g->certificate_allocate_credentials(&p->cred) < 0) {
        free(p);
        return err_nomem(e);
    }
    atomic_init(&p->refs, 1);
    int r = load_key(g, c, p, e);
    if (r < 0) {
        wtls_unref(p);
        return r;
    }
    *ret = p;
    return 0;
}

struct wtls_papers *wtls_ref(struct wtls_papers *p)
{
    atomic_fetch_add(&p->refs, 1);
    return p;
}

void wtls_unref(struct wtls_papers *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    gnutls_api_get()->certificate_free_credentials(p->cred);
    free(p);
}

/* ---- a connection ---- */

/* Called in the handshake, so that the client is told why it ends. */
static int verify_client(gnutls_session_t session)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned status = 0;
    int r = gnutls_api_get()->certificate_verify_peers(session, &purpose, 1, &status);

    return r < 0 || status != 0 ? -1 : 0;
}

static int shake(struct wconn *k, struct wtls *t, int64_t most_ns)
{
    int64_t end = time_mono_ns() + most_ns;

    for (;;) {
        int rc = t->g->handshake(t->session);
        if (rc == GNUTLS_E_SUCCESS)
            return 0;
        if (t->g->error_is_fatal(rc))
            return -1;
        struct pollfd p = {k->fd, wtls_events(t), 0};
        int64_t left = (end - time_mono_ns()) / NS_PER_MS;
        if (left <= 0 || (poll(&p, 1, (int)left) <= 0 && errno != EINTR))
            return -1;
    }
}

int wtls_accept(struct wconn *k, struct wtls_papers *papers, int64_t most_ns)
{
    const struct gnutls_api *g = gnutls_api_get();
    struct wtls *t = mem_alloc(sizeof *t);

    if (!t)
        return -1;
    t->g = g;
    t->papers = wtls_ref(papers);
    int rc = g->init(&t->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (rc < 0) {
        t->session = NULL;
        wtls_free(t);
        return -1;
    }
    rc = g->set_default_priority(t->session);
    if (rc >= 0)
        rc = g->credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, papers->cred);
    if (papers->asks) {
        g->certificate_server_set_request(t->session, GNUTLS_CERT_REQUIRE);
        g->session_set_verify_function(t->session, verify_client);
    }
    g->transport_set_int2(t->session, k->fd, k->fd);
    if (rc < 0 || shake(k, t, most_ns) < 0) {
        wtls_free(t);
        return -1;
    }
    k->tls = t;
    return 0;
}

static ssize_t result(const struct wtls *t, ssize_t n)
{
    if (n >= 0)
        return n;
    errno = !t->g->error_is_fatal((int)n) ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t wtls_recv(struct wtls *t, void *p, size_t n)
{
    return result(t, t->g->record_recv(t->session, p, n));
}

/* After EAGAIN the same bytes come again, as the library wants it. */
ssize_t wtls_send(struct wtls *t, const void *p, size_t n)
{
    return result(t, t->g->record_send(t->session, p, n));
}

short wtls_events(struct wtls *t)
{
    return t->g->record_get_direction(t->session) ? POLLOUT : POLLIN;
}

bool wtls_pending(struct wtls *t)
{
    return t->g->record_check_pending(t->session) > 0;
}

void wtls_shut(struct wtls *t)
{
    (void)t->g->bye(t->session, GNUTLS_SHUT_WR);
}

void wtls_free(struct wtls *t)
{
    if (!t)
        return;
    if (t->session)
        t->g->deinit(t->session);
    wtls_unref(t->papers);
    free(t);
}
