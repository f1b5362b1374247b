/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Failures in threads of the server must not jump into the test: they end the program. */
static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "test server: %s\n", what);
    abort();
}

/* ---- bytes ---- */

static ssize_t get(struct peer *p, void *to, size_t n)
{
    if (p->ssl)
        return SSL_read(p->ssl, to, (int)n);
    return recv(p->fd, to, n, 0);
}

void say_bytes(struct peer *p, const void *bytes, size_t n)
{
    const char *q = bytes;

    while (n > 0) {
        ssize_t k = p->ssl ? SSL_write(p->ssl, q, n > 16384 ? 16384 : (int)n)
                           : send(p->fd, q, n, MSG_NOSIGNAL);
        if (k <= 0)
            return; /* the other side has gone: often the point of a test */
        q += k;
        n -= (size_t)k;
    }
}

void say(struct peer *p, const char *fmt, ...)
{
    char text[16384];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    must(n >= 0 && (size_t)n < sizeof text, "too much to say");
    say_bytes(p, text, (size_t)n);
}

bool reply(struct peer *p, int status, const char *headers, const char *body)
{
    say(p, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n", status, headers, strlen(body));
    say_bytes(p, body, strlen(body));
    return true;
}

bool stall(struct peer *p)
{
    while (!p->server->stop) {
        struct pollfd f = {p->fd, POLLIN | POLLRDHUP, 0};
        if (poll(&f, 1, 20) > 0 && (f.revents & (POLLRDHUP | POLLHUP | POLLERR)))
            break;
    }
    return false;
}

/* ---- requests ---- */

static void field(const char *head, const char *name, char *ret, size_t n)
{
    size_t len = strlen(name);

    ret[0] = 0;
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
            continue;
        const char *v = line + 3 + len;
        v += strspn(v, " ");
        snprintf(ret, n, "%.*s", (int)strcspn(v, "\r"), v);
        return;
    }
}

/* One request into q; false when there is no more. */
static bool take_request(struct peer *p, struct asked *q)
{
    char *end, length[24];

    for (;;) {
        p->in[p->n_in] = 0;
        end = strstr(p->in, "\r\n\r\n");
        if (end)
            break;
        ssize_t k = get(p, p->in + p->n_in, sizeof p->in - 1 - p->n_in);
        if (k <= 0)
            return false;
        p->n_in += (size_t)k;
        if (p->in[0] == 0x16 && !p->server->deaf) { /* a TLS handshake: what Go's servers answer */
            say(p, "HTTP/1.0 400 Bad Request\r\n\r\n");
            return false;
        }
    }
    end[2] = 0;
    *q = (struct asked){.conn = p->number};
    sscanf(p->in, "%7s %599s", q->method, q->path);
    field(p->in, "Authorization", q->authorization, sizeof q->authorization);
    field(p->in, "Range", q->range, sizeof q->range);
    field(p->in, "Accept", q->accept, sizeof q->accept);
    field(p->in, "Content-Length", length, sizeof length);
    if (p->server->hasty)
        return true;
    size_t head = (size_t)(end + 4 - p->in), body = strtoul(length, NULL, 10);
    must(head + body < sizeof p->in && body < sizeof q->body, "request too large");
    while (p->n_in < head + body) {
        ssize_t k = get(p, p->in + p->n_in, head + body - p->n_in);
        if (k <= 0)
            return false;
        p->n_in += (size_t)k;
    }
    memcpy(q->body, p->in + head, body);
    p->n_in -= head + body;
    memmove(p->in, p->in + head + body, p->n_in);
    return true;
}

static void note(struct server *s, const struct asked *q)
{
    pthread_mutex_lock(&s->mutex);
    if (s->n_asked < SERVER_MAX_SEEN)
        s->asked[s->n_asked] = *q;
    s->n_asked++;
    pthread_mutex_unlock(&s->mutex);
}

size_t n_asked(struct server *s, const char *path)
{
    size_t n = 0;

    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->n_asked && i < SERVER_MAX_SEEN; i++)
        n += !path || strcmp(s->asked[i].path, path) == 0;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

/* ---- connections ---- */

static void *serve(void *arg)
{
    struct peer *p = arg;
    struct asked q;
    bool more = true;

    if (p->server->tls) {
        p->ssl = SSL_new(p->server->ssl_ctx);
        must(p->ssl != NULL, "SSL_new");
        SSL_set_fd(p->ssl, p->fd);
        more = SSL_accept(p->ssl) == 1;
    }
    while (more && !p->server->stop && take_request(p, &q)) {
        note(p->server, &q);
        more = p->server->answer(p, &q);
    }
    if (p->ssl)
        SSL_free(p->ssl);
    shutdown(p->fd, SHUT_RDWR); /* the descriptor is closed when the server stops */
    return NULL;
}

static void *accept_all(void *arg)
{
    struct server *s = arg;

    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        struct peer *p = calloc(1, sizeof *p);
        must(p != NULL, "memory");
        p->server = s;
        p->fd = fd;
        pthread_mutex_lock(&s->mutex);
        must(s->n_peers < SERVER_MAX_CONNS, "too many connections");
        p->number = s->n_peers;
        s->peers[s->n_peers++] = p;
        pthread_mutex_unlock(&s->mutex);
        must(pthread_create(&p->thread, NULL, serve, p) == 0, "pthread_create");
    }
}

/* ---- TLS ---- */

static void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    must(ext && X509_add_ext(x, ext, -1) == 1, "X509_add_ext");
    X509_EXTENSION_free(ext);
}

static void make_certificate(struct server *s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    must(key && x && bio, "no key");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, name);
    add_extension(x, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    add_extension(x, NID_basic_constraints, "CA:TRUE");
    must(X509_sign(x, key, EVP_sha256()) > 0, "X509_sign");
    s->ssl_ctx = SSL_CTX_new(TLS_server_method());
    must(s->ssl_ctx && SSL_CTX_use_certificate(s->ssl_ctx, x) == 1 &&
             SSL_CTX_use_PrivateKey(s->ssl_ctx, key) == 1,
         "SSL_CTX");
    must(PEM_write_bio_X509(bio, x) == 1, "PEM");
    long n = BIO_get_mem_data(bio, &text);
    s->cert_pem = strndup(text, (size_t)n);
    BIO_free(bio);
    X509_free(x);
    EVP_PKEY_free(key);
}

/* ---- life ---- */

static int listen_somewhere(int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 64) == 0 &&
             getsockname(fd, (struct sockaddr *)&at, &len) == 0,
         "no port");
    *ret_port = ntohs(at.sin_port);
    return fd;
}

void server_start(struct server *s, bool (*answer)(struct peer *p, const struct asked *q),
                  void *arg)
{
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    s->answer = answer;
    s->arg = arg;
    s->fd = listen_somewhere(&s->port);
    snprintf(s->host, sizeof s->host, "127.0.0.1:%d", s->port);
    pthread_mutex_init(&s->mutex, NULL);
    if (s->tls)
        make_certificate(s);
    must(pthread_create(&s->thread, NULL, accept_all, s) == 0, "pthread_create");
}

void server_stop(struct server *s)
{
    s->stop = true;
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (size_t i = 0; i < s->n_peers; i++) {
        shutdown(s->peers[i]->fd, SHUT_RDWR);
        pthread_join(s->peers[i]->thread, NULL);
        close(s->peers[i]->fd);
        free(s->peers[i]);
    }
    SSL_CTX_free(s->ssl_ctx);
    free(s->cert_pem);
    pthread_mutex_destroy(&s->mutex);
}

int port_unused(void)
{
    int port, fd = listen_somewhere(&port);

    close(fd);
    return port;
}
