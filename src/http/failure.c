/* SPDX-License-Identifier: Apache-2.0 */
/* What a transfer that curl gave up means: a code, a kind that says what may mend it, and the words
 * of Go's net/http. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "http/exchange.h"

#define TEXT_MAX        320
#define CURLE_TOO_LARGE 100 /* since curl 8.6; older headers do not name it */

static int fail(struct exchange *x, enum http_failure kind, int code, const char *text,
                struct shale_err *e)
{
    static const bool early[] = {
        [HTTP_FAIL_CONNECT] = true, [HTTP_FAIL_TLS] = true,     [HTTP_FAIL_HANDSHAKE] = true,
        [HTTP_FAIL_CERT] = true,    [HTTP_FAIL_BROKEN] = false,
    };
    char url[260], shown[TEXT_MAX];
    bool as = early[kind] && x->rq->fail_as && !x->elsewhere;

    if (x->rq->failure)
        *x->rq->failure = kind;
    return err_set(e, code, "%s \"%s\": %s", as ? "Get" : x->verb,
                   str_printable(url, 200, as ? x->rq->fail_as : x->url),
                   str_printable(shown, 290, text));
}

/* Words of the TLS library (OpenSSL, GnuTLS) that mean something to people, or to us. */
static const struct {
    const char *theirs;
    enum http_failure kind;
    const char *ours; /* NULL: theirs will do */
} tls_words[] = {
    {"wrong version number", HTTP_FAIL_TLS, "http: server gave HTTP response to HTTPS client"},
    {"packet length too long", HTTP_FAIL_TLS, "http: server gave HTTP response to HTTPS client"},
    {"http request", HTTP_FAIL_TLS, "http: server gave HTTP response to HTTPS client"},
    {"unexpected TLS packet", HTTP_FAIL_TLS, "http: server gave HTTP response to HTTPS client"},
    {"local issuer certificate", HTTP_FAIL_CERT,
     "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
    {"self-signed certificate", HTTP_FAIL_CERT,
     "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
    {"self signed certificate", HTTP_FAIL_CERT,
     "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
    {"server certificate verification failed", HTTP_FAIL_CERT,
     "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
    {"expiration date has passed", HTTP_FAIL_CERT,
     "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"},
    {"certificate has expired", HTTP_FAIL_CERT,
     "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"},
    {"not yet valid", HTTP_FAIL_CERT,
     "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"},
    {"certificate required", HTTP_FAIL_CERT, "remote error: tls: certificate required"},
    {"bad certificate", HTTP_FAIL_CERT, "remote error: tls: bad certificate"},
    {"SSL_ERROR_SYSCALL", HTTP_FAIL_HANDSHAKE, "EOF"},
    {"unexpected eof", HTTP_FAIL_HANDSHAKE, "EOF"},
    {"reset by peer", HTTP_FAIL_HANDSHAKE, "read: connection reset by peer"},
};

static int tls_failure(struct exchange *x, CURLcode rc, const char *detail, struct shale_err *e)
{
    char text[TEXT_MAX];

    for (size_t i = 0; i < ARRAY_SIZE(tls_words); i++)
        if (strstr(detail, tls_words[i].theirs))
            return fail(x, tls_words[i].kind, SHALE_NETWORK, tls_words[i].ours, e);
    if (strstr(detail, "subject name")) {
        snprintf(text, sizeof text, "tls: failed to verify certificate: x509: %.200s", detail);
        return fail(x, HTTP_FAIL_CERT, SHALE_NETWORK, text, e);
    }
    snprintf(text, sizeof text, "tls: %.250s", detail);
    return fail(x, rc == CURLE_SSL_CONNECT_ERROR ? HTTP_FAIL_TLS : HTTP_FAIL_CERT, SHALE_NETWORK,
                text, e);
}

static const char *by_proxy(const struct exchange *x)
{
    return *x->proxy ? "proxyconnect tcp: " : "";
}

static int connect_failure(const struct curl_api *api, struct lane *l, struct exchange *x,
                           const char *detail, struct shale_err *e)
{
    char text[TEXT_MAX];
    long errnum = 0;

    api->easy_getinfo(l->easy, CURLINFO_OS_ERRNO, &errnum);
    const char *why = errnum ? strerrordesc_np((int)errnum) : NULL;
    if (why)
        snprintf(text, sizeof text, "%sdial tcp %s: connect: %c%.80s", by_proxy(x), x->dialed,
                 why[0] | 0x20, why + 1);
    else
        snprintf(text, sizeof text, "%sdial tcp: %.200s", by_proxy(x), detail);
    return fail(x, HTTP_FAIL_CONNECT, SHALE_NETWORK, text, e);
}

static int timeout(const struct curl_api *api, struct lane *l, struct exchange *x,
                   const char *detail, struct shale_err *e)
{
    curl_off_t sent_at = 0, encrypted_at = 0;
    char text[TEXT_MAX];

    api->easy_getinfo(l->easy, CURLINFO_APPCONNECT_TIME_T, &encrypted_at);
    if (strstr(detail, "SSL connection") || (x->shaking && encrypted_at == 0)) /* curl 7 or 8 */
        return fail(x, HTTP_FAIL_HANDSHAKE, SHALE_TIMEOUT, "net/http: TLS handshake timeout", e);
    api->easy_getinfo(l->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
    if (sent_at > 0)
        return fail(x, HTTP_FAIL_BROKEN, SHALE_TIMEOUT, "the server stopped sending", e);
    snprintf(text, sizeof text, "%sdial tcp%s%s: i/o timeout", by_proxy(x), *x->dialed ? " " : "",
             x->dialed);
    return fail(x, HTTP_FAIL_CONNECT, SHALE_TIMEOUT, text, e);
}

static int broken(const struct curl_api *api, struct lane *l, struct exchange *x,
                  const char *detail, struct shale_err *e)
{
    char text[TEXT_MAX];
    long proxy_status = 0;

    api->easy_getinfo(l->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (proxy_status >= 300) {
        snprintf(text, sizeof text, "proxyconnect tcp: the proxy answers CONNECT with status %ld",
                 proxy_status);
        return fail(x, HTTP_FAIL_NONE, SHALE_NETWORK, text, e);
    }
    snprintf(text, sizeof text, "unexpected EOF (%.250s)", detail);
    return fail(x, HTTP_FAIL_BROKEN, SHALE_NETWORK, text, e);
}

static int endless_head(struct exchange *x, struct shale_err *e)
{
    return fail(x, HTTP_FAIL_NONE, SHALE_LIMIT, "response with a header line without end", e);
}

int exchange_failure(const struct curl_api *api, struct lane *l, struct exchange *x, CURLcode rc,
                     const char *detail, struct shale_err *e)
{
    char text[TEXT_MAX];

    if (!*detail)
        detail = api->easy_strerror(rc);
    if ((int)rc == CURLE_TOO_LARGE && !x->head_done)
        return endless_head(x, e);
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        snprintf(text, sizeof text, "%sdial tcp: lookup: no such host (%.200s)", by_proxy(x),
                 detail);
        return fail(x, HTTP_FAIL_CONNECT, SHALE_NETWORK, text, e);
    case CURLE_COULDNT_CONNECT:
        return connect_failure(api, l, x, detail, e);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return tls_failure(x, rc, detail, e);
    case CURLE_OPERATION_TIMEDOUT:
        return timeout(api, l, x, detail, e);
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND: /* a kept connection, closed while the body went out on it */
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        if (strstr(detail, " alert ")) /* TLS 1.3: a refused client certificate comes this late */
            return tls_failure(x, CURLE_SSL_CERTPROBLEM, detail, e);
        return broken(api, l, x, detail, e);
    case CURLE_OUT_OF_MEMORY: /* also what curl < 8.6 says of a header line that is too long */
        if (!x->head_done && x->response.status)
            return endless_head(x, e);
        return err_nomem(e);
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: no status line */
    case CURLE_WEIRD_SERVER_REPLY:
        return fail(x, HTTP_FAIL_NONE, SHALE_NETWORK, "malformed HTTP response", e);
    default:
        snprintf(text, sizeof text, "%.300s", detail);
        return fail(x, HTTP_FAIL_NONE, SHALE_NETWORK, text, e);
    }
}

int exchange_malformed(struct exchange *x, struct shale_err *e)
{
    return fail(x, HTTP_FAIL_BROKEN, SHALE_NETWORK, "malformed HTTP response", e);
}
