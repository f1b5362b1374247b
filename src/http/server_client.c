/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of clients. libmicrohttpd asks for one and lets everybody in; whether it is good is
 * found out here, once for a connection; whether it was revoked, with each new list. */
#include "http/gnutls_api.h"
#include "http/server_priv.h"

#define NAME_MAX_BYTES 255

/* A name as rules have it: printable, without what separates names there. */
static bool name_is_usable(const char *name, size_t n)
{
    if (n == 0 || strlen(name) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f || strchr(",:\"", name[i]))
            return false;
    return true;
}

/* The common name, else the first name of a host or mailbox. */
static bool read_name(const struct gnutls_api *g, gnutls_x509_crt_t crt,
                      char ret[NAME_MAX_BYTES + 1])
{
    size_t n = NAME_MAX_BYTES;

    int r = g->x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, ret, &n);
    for (unsigned i = 0; r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE; i++) {
        n = NAME_MAX_BYTES;
        r = g->x509_crt_get_subject_alt_name(crt, i, ret, &n, NULL);
        if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return false;
        if (r != GNUTLS_SAN_DNSNAME && r != GNUTLS_SAN_RFC822NAME)
            r = GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE; /* the next one */
    }
    if (r < 0 || n > NAME_MAX_BYTES)
        return false;
    ret[n] = 0;
    return name_is_usable(ret, n);
}

static enum http_client look(const struct gnutls_api *g, gnutls_session_t session, char **ret_name)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    char name[NAME_MAX_BYTES + 1];
    gnutls_x509_crt_t crt;
    unsigned n = 0, status = 0;
    const gnutls_datum_t *certs = g->certificate_get_peers(session, &n);

    if (!certs || n == 0)
        return HTTP_CLIENT_NONE;
    if (g->certificate_verify_peers(session, &purpose, 1, &status) < 0 || status != 0 ||
        g->x509_crt_init(&crt) < 0)
        return HTTP_CLIENT_WRONG;
    bool good = g->x509_crt_import(crt, &certs[0], GNUTLS_X509_FMT_DER) >= 0 &&
                read_name(g, crt, name) && (*ret_name = strdup(name));
    g->x509_crt_deinit(crt);
    return good ? HTTP_CLIENT_GOOD : HTTP_CLIENT_WRONG;
}

void client_look(struct req *q)
{
    struct conn *k = q->conn;

    if (!k->desk->door->asks)
        return;
    const union MHD_ConnectionInfo *info =
        q->s->mhd->get_connection_info(q->c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (!k->asked) {
        const struct gnutls_api *g = gnutls_api_get();
        k->client = g && info && info->tls_session ? look(g, info->tls_session, &k->client_name)
                                                   : HTTP_CLIENT_WRONG;
        k->asked = true;
    }
    /* What is revoked while it is connected is out with its next request. */
    if (k->client == HTTP_CLIENT_GOOD &&
        door_revokes(q->s, k->desk->door, &k->revoked_serial, info->tls_session))
        k->client = HTTP_CLIENT_WRONG;
    q->q.client = k->client;
    q->q.client_needed = k->desk->door->needs;
    if (k->client == HTTP_CLIENT_GOOD) {
        q->client_name = strdup(k->client_name); /* a request may outlive its connection */
        q->q.client_name = q->client_name;
        if (!q->client_name)
            q->q.client = HTTP_CLIENT_WRONG;
    }
}
