/* SPDX-License-Identifier: Apache-2.0 */
#include "http/exchange.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

#define POLL_MS           100
#define BUFFER_BYTES      (512l << 10)
#define MAX_DROPPED_BYTES (1u << 20) /* body of a redirect */

/* ---- the head ---- */

static int add_header(struct exchange *x, const char *p, size_t n, struct shale_err *e)
{
    const char *colon = memchr(p, ':', n);

    if (!colon || colon == p)
        return 0; /* no field: nothing we could use */
    if (x->response.n_headers >= HTTP_MAX_HEADERS)
        return err_set(e, SHALE_LIMIT, "response with more than %d header lines", HTTP_MAX_HEADERS);
    struct http_header *v =
        arena_grow(x->a, x->headers, x->response.n_headers, &x->cap_headers, sizeof *v);
    if (!v)
        return err_nomem(e);
    x->response.headers = x->headers = v;
    struct str value = str_trim((struct str){colon + 1, (size_t)(p + n - colon - 1)});
    v += x->response.n_headers;
    v->name = arena_strndup(x->a, p, (size_t)(colon - p));
    v->value = arena_strndup(x->a, value.p, value.n);
    if (!v->name || !v->value)
        return err_nomem(e);
    x->response.n_headers++;
    return 0;
}

static bool wants_redirect(const struct exchange *x)
{
    static const int codes[] = {301, 302, 303, 307, 308};

    if (strcmp(x->rq->method, "GET") != 0 && strcmp(x->rq->method, "HEAD") != 0)
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (x->response.status == codes[i])
            return http_header_get(&x->response, "Location") != NULL;
    return false;
}

static int end_of_head(struct exchange *x, struct shale_err *e)
{
    if (x->response.status < 200) /* "100 Continue": the real one follows */
        return 0;
    x->head_done = true;
    x->redirected = wants_redirect(x);
    if (x->redirected || !x->rq->on_head)
        return 0;
    return x->rq->on_head(x->rq->arg, &x->response, e);
}

/* "HTTP/1.1 200 OK" */
static int status_line(struct exchange *x, const char *p, size_t n, struct shale_err *e)
{
    const char *blank = memchr(p, ' ', n);

    x->response.n_headers = 0;
    x->response.status = 0;
    x->head_done = false;
    for (const char *d = blank ? blank + 1 : p + n; d < p + n && *d >= '0' && *d <= '9'; d++)
        if (x->response.status < 1000)
            x->response.status = x->response.status * 10 + (*d - '0');
    if (x->response.status < 100 || x->response.status > 999)
        return err_set(e, SHALE_NETWORK, "malformed HTTP response");
    return 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    size_t len = size * n;

    x->header_bytes += len;
    if (x->header_bytes > HTTP_MAX_HEADER_BYTES)
        x->r = err_set(x->e, SHALE_LIMIT, "response headers of more than %u bytes",
                       HTTP_MAX_HEADER_BYTES);
    else if (len >= 5 && memcmp(p, "HTTP/", 5) == 0)
        x->r = status_line(x, p, len, x->e);
    else if (x->head_done)
        x->r = 0; /* a trailer */
    else if (str_trim((struct str){p, len}).n == 0)
        x->r = end_of_head(x, x->e);
    else
        x->r = add_header(x, p, len, x->e);
    return x->r < 0 ? 0 : len;
}

/* ---- the body ---- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    const struct http_request *rq = x->rq;
    size_t len = size * n;

    if (x->redirected || (!rq->on_body && !rq->collect)) {
        x->dropped_bytes += len;
        if (x->dropped_bytes > MAX_DROPPED_BYTES)
            x->r = err_set(x->e, SHALE_LIMIT, "a response without use of more than %u bytes",
                           MAX_DROPPED_BYTES);
    } else if (rq->on_body) {
        x->r = rq->on_body(rq->arg, p, len, x->e);
    } else {
        buf_add(rq->collect, p, len);
        x->r = buf_check(rq->collect, x->e);
    }
    return x->r < 0 ? 0 : len;
}

/* ---- running ---- */

/* curl would open it just so; we want to know where to, for the message, and that no child inherits
 * it. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct exchange *x = arg;
    char ip[48], port[8];

    if (getnameinfo(&to->addr, to->addrlen, ip, sizeof ip, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(x->dialed, sizeof x->dialed, strchr(ip, ':') ? "[%s]:%s" : "%s:%s", ip, port);
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* curl makes the context when the connection stands; newer ones do not tell in another way. */
static CURLcode tls_begins(CURL *h, void *context, void *arg)
{
    struct exchange *x = arg;

    x->shaking = true;
    return CURLE_OK;
}

static int set_tls(const struct curl_api *api, CURL *h, const struct exchange *x,
                   struct shale_err *e)
{
    const struct http_tls *t = x->tls;
    const char *cert_file = getenv("SSL_CERT_FILE");

    if (t && t->ca_pem) {
        struct curl_blob pem = {(void *)t->ca_pem, strlen(t->ca_pem), CURL_BLOB_COPY};
        if (api->easy_setopt(h, CURLOPT_CAINFO_BLOB, &pem) != CURLE_OK)
            return err_set(e, SHALE_UNSUPPORTED,
                           "this libcurl cannot be given certificates to trust; install libcurl4 "
                           "(built with OpenSSL)");
    } else if (cert_file && *cert_file) {
        api->easy_setopt(h, CURLOPT_CAINFO, cert_file);
    }
    if (t && t->insecure) {
        api->easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0l);
        api->easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0l);
    }
    if (t && t->cert_file && !x->elsewhere)
        api->easy_setopt(h, CURLOPT_SSLCERT, t->cert_file);
    if (t && t->key_file && !x->elsewhere)
        api->easy_setopt(h, CURLOPT_SSLKEY, t->key_file);
    return 0;
}

static size_t on_read(char *p, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;

    x->sent = true;
    ssize_t k = x->rq->read_body(x->rq->arg, p, size * n, x->e);

    if (k >= 0)
        return (size_t)k;
    x->r = (int)k;
    return CURL_READFUNC_ABORT;
}

/* A kept connection that turned out to be closed: curl takes another one by itself as long as
 * nothing was read. What was read is gone, and the connection has broken for our caller. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    const struct exchange *x = arg;

    return x->sent ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static const struct {
    const char *method, *verb; /* the verb as Go's messages have it */
    bool body;
} methods[] = {
    {"GET", "Get", false}, {"HEAD", "Head", false},  {"POST", "Post", true},
    {"PUT", "Put", true},  {"PATCH", "Patch", true}, {"DELETE", "Delete", false},
};

static void set_body(const struct curl_api *api, CURL *h, struct exchange *x)
{
    const struct http_request *rq = x->rq;

    if (rq->read_body) {
        api->easy_setopt(h, CURLOPT_UPLOAD, 1l);
        api->easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
        api->easy_setopt(h, CURLOPT_READFUNCTION, on_read);
        api->easy_setopt(h, CURLOPT_READDATA, x);
        api->easy_setopt(h, CURLOPT_SEEKFUNCTION, on_seek);
        api->easy_setopt(h, CURLOPT_SEEKDATA, x);
        api->easy_setopt(h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)rq->body_n);
    } else {
        api->easy_setopt(h, CURLOPT_POST, 1l);
        api->easy_setopt(h, CURLOPT_POSTFIELDS, rq->body ? (const char *)rq->body : "");
        api->easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_n);
    }
}

static void set_method(const struct curl_api *api, CURL *h, struct exchange *x)
{
    const char *method = x->rq->method;

    x->verb = "Get";
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(method, methods[i].method) != 0)
            continue;
        x->verb = methods[i].verb;
        if (methods[i].body)
            set_body(api, h, x);
    }
    if (strcmp(method, "HEAD") == 0)
        api->easy_setopt(h, CURLOPT_NOBODY, 1l);
    else if (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
        api->easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
    else if (x->rq->read_body)
        api->easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
}

static void set_common(struct http_client *c, CURL *h, struct exchange *x, char *detail)
{
    const struct curl_api *api = c->api;

    api->easy_setopt(h, CURLOPT_URL, x->url);
    api->easy_setopt(h, CURLOPT_ERRORBUFFER, detail);
    api->easy_setopt(h, CURLOPT_NOSIGNAL, 1l);
    api->easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    api->easy_setopt(h, CURLOPT_USERAGENT, c->user_agent);
    api->easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, c->connect_timeout_ms);
    api->easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1l);
    api->easy_setopt(h, CURLOPT_LOW_SPEED_TIME, c->stall_timeout_s);
    api->easy_setopt(h, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    api->easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    api->easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1l);
    api->easy_setopt(h, CURLOPT_TCP_NODELAY, 1l);
    api->easy_setopt(h, CURLOPT_PROXY, x->proxy); /* the environment has been looked at */
    api->easy_setopt(h, CURLOPT_NOPROXY, "");
    api->easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    api->easy_setopt(h, CURLOPT_OPENSOCKETDATA, x);
    api->easy_setopt(h, CURLOPT_SSL_CTX_FUNCTION, tls_begins);
    api->easy_setopt(h, CURLOPT_SSL_CTX_DATA, x);
    api->easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    api->easy_setopt(h, CURLOPT_HEADERDATA, x);
    api->easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    api->easy_setopt(h, CURLOPT_WRITEDATA, x);
}

static int add_line(const struct curl_api *api, struct curl_slist **list, const char *line,
                    struct shale_err *e)
{
    struct curl_slist *l = api->slist_append(*list, line);

    if (!l)
        return err_nomem(e);
    *list = l;
    return 0;
}

static int set_headers(const struct curl_api *api, CURL *h, struct exchange *x,
                       struct curl_slist **list, struct shale_err *e)
{
    int r = add_line(api, list, "Expect:", e);

    for (const char *const *p = x->rq->headers; r >= 0 && p && *p; p++)
        r = add_line(api, list, *p, e);
    for (const char *const *p = x->elsewhere ? NULL : x->rq->own; r >= 0 && p && *p; p++)
        r = add_line(api, list, *p, e);
    if (r >= 0 && x->authorization) {
        char *line = arena_printf(x->a, "Authorization: %s", x->authorization);
        r = line ? add_line(api, list, line, e) : err_nomem(e);
    }
    if (r >= 0)
        api->easy_setopt(h, CURLOPT_HTTPHEADER, *list);
    return r;
}

/* Drives the transfer to its end, looking at the cancel token. *ret_rc is curl's result. */
static int drive(const struct curl_api *api, struct lane *l, struct exchange *x, CURLcode *ret_rc,
                 struct shale_err *e)
{
    int running = 1, left;

    *ret_rc = CURLE_OK;
    if (api->multi_add_handle(l->multi, l->easy) != CURLM_OK)
        return err_set(e, SHALE_INTERNAL, "libcurl refuses a transfer");
    int r = 0;
    while (r >= 0 && running) {
        if (api->multi_perform(l->multi, &running) != CURLM_OK)
            r = err_set(e, SHALE_INTERNAL, "libcurl gave up");
        else if (cancel_is_set(x->rq->cancel))
            r = cancel_check(x->rq->cancel, e);
        else if (running)
            api->multi_poll(l->multi, NULL, 0, POLL_MS, NULL);
    }
    for (CURLMsg *m; (m = api->multi_info_read(l->multi, &left));)
        if (m->msg == CURLMSG_DONE)
            *ret_rc = m->data.result;
    api->multi_remove_handle(l->multi, l->easy);
    return r;
}

int exchange_run(struct http_client *c, struct lane *l, struct exchange *x, struct shale_err *e)
{
    const struct curl_api *api = c->api;
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *list = NULL;
    struct shale_err inner = SHALE_ERR_INIT;
    CURLcode rc = CURLE_OK;

    x->response = (struct http_response){.url = x->url, .elsewhere = x->elsewhere};
    x->headers = NULL;
    x->cap_headers = x->header_bytes = 0;
    x->head_done = x->redirected = x->sent = false;
    x->r = 0;
    x->e = &inner;
    api->easy_reset(l->easy);
    set_common(c, l->easy, x, detail);
    set_method(api, l->easy, x);
    int r = set_tls(api, l->easy, x, e);
    if (r >= 0)
        r = set_headers(api, l->easy, x, &list, e);
    if (r >= 0)
        r = drive(api, l, x, &rc, e);
    api->slist_free_all(list);
    if (r < 0)
        return r;
    if (x->r < 0) {
        if (e)
            *e = inner;
        return x->r;
    }
    if (rc != CURLE_OK)
        return exchange_failure(api, l, x, rc, detail, e);
    if (!x->head_done)
        return exchange_malformed(x, e);
    return 0;
}
