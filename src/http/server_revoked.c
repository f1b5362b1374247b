/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of revoked certificates. */
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/gnutls_api.h"
#include "http/server_priv.h"

#define MAX_LISTS       64
#define MAX_AUTHORITIES 256

struct revoked {
    unsigned n;
    gnutls_x509_crl_t v[MAX_LISTS];
};

struct authorities {
    unsigned n;
    gnutls_x509_crt_t v[MAX_AUTHORITIES];
};

static gnutls_datum_t datum_of(const char *pem)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
}

/* Who has signed it decides whether it counts; its dates do not. */
static int check_list(const struct gnutls_api *g, const char *path, gnutls_x509_crl_t list,
                      const struct authorities *a, struct shale_err *e)
{
    unsigned status = 0, dates = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |
                                 GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE |
                                 GNUTLS_CERT_INVALID; /* comes with every other one */
    time_t until = g->x509_crl_get_next_update(list);

    if (g->x509_crl_verify(list, a->v, a->n, 0, &status) < 0 || (status & ~dates) != 0 ||
        status == GNUTLS_CERT_INVALID)
        return err_set(
            e, SHALE_INVALID,
            "revoked certificates: a list in %s is not signed by an authority of clients", path);
    if (until != (time_t)-1 && until < time(NULL))
        log_warn("revoked certificates: a list in %s is out of date: what was revoked since then "
                 "is not known",
                 path);
    return 0;
}

static int load(const struct gnutls_api *g, const char *path, const char *pem, const char *ca_pem,
                struct authorities *a, struct revoked *r, struct shale_err *e)
{
    gnutls_datum_t lists = datum_of(pem), cas = datum_of(ca_pem);
    unsigned n = MAX_AUTHORITIES;
    int k = 0;

    if (g->x509_crt_list_import(a->v, &n, &cas, GNUTLS_X509_FMT_PEM,
                                GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED) < 0)
        return err_set(e, SHALE_INVALID,
                       "revoked certificates: the authority of clients cannot be read");
    a->n = n;
    n = MAX_LISTS;
    if (g->x509_crl_list_import(r->v, &n, &lists, GNUTLS_X509_FMT_PEM,
                                GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED) < 0 ||
        n == 0)
        return err_set(e, SHALE_INVALID,
                       "revoked certificates: %s has no list of them, or more than %d, or is "
                       "damaged",
                       path, MAX_LISTS);
    r->n = n;
    for (unsigned i = 0; k >= 0 && i < r->n; i++)
        k = check_list(g, path, r->v[i], a, e);
    return k;
}

int revoked_load(const char *path, const char *pem, const char *ca_pem, struct revoked **ret,
                 struct shale_err *e)
{
    const struct gnutls_api *g = gnutls_api_get();
    struct authorities a = {0};

    if (!g)
        return err_set(e, SHALE_UNSUPPORTED, "revoked certificates: GnuTLS is not installed");
    struct revoked *r = mem_alloc(sizeof *r);
    if (!r)
        return err_nomem(e);
    int k = load(g, path, pem, ca_pem, &a, r, e);
    for (unsigned i = 0; i < a.n; i++)
        g->x509_crt_deinit(a.v[i]);
    if (k < 0)
        revoked_free(r);
    else
        *ret = r;
    return k;
}

bool revoked_has(const struct revoked *r, void *session)
{
    const struct gnutls_api *g = gnutls_api_get();
    bool found = false;
    unsigned n = 0;

    if (!r)
        return false;
    const gnutls_datum_t *certs = g ? g->certificate_get_peers(session, &n) : NULL;
    for (unsigned i = 0; certs && !found && i < n; i++) {
        gnutls_x509_crt_t crt;
        if (g->x509_crt_init(&crt) < 0)
            return true; /* not known: no */
        found = g->x509_crt_import(crt, &certs[i], GNUTLS_X509_FMT_DER) < 0 ||
                g->x509_crt_check_revocation(crt, r->v, r->n) != 0;
        g->x509_crt_deinit(crt);
    }
    return found;
}

struct revoked *revoked_free(struct revoked *r)
{
    const struct gnutls_api *g = gnutls_api_get();

    for (unsigned i = 0; r && g && i < r->n; i++)
        g->x509_crl_deinit(r->v[i]);
    free(r);
    return NULL;
}
