/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load generator for registries and file servers, so small that the server is what is measured.
 *
 * load get CONNECTIONS SECONDS HOST PORT PATH: requests over kept connections; the kernel throws
 * the bodies away.
 *
 * load push CHUNK HOST PORT REPO FILE DIGEST: one upload; CHUNK 0: all of it with the closing PUT,
 * else PATCHes of so many bytes.
 *
 * Prints "REQUESTS-PER-S MIB-PER-S ERRORS" or "SECONDS MB-PER-S".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096
#define HEAD_MAX        8192
#define PATIENCE        60 /* s, for the first answer */

struct conn {
    int fd;
    size_t n;      /* of head */
    uint64_t left; /* of the body */
    bool in_body;
    bool chunked; /* the body's end is told by its last chunk */
    char tail[8]; /* of a body in chunks, its last bytes but the 0 */
    char head[HEAD_MAX];
};

static struct sockaddr_in address;
static char request[2048];
static size_t request_n;
static uint64_t n_requests, n_bytes, n_errors;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int dial(void)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void ask(struct conn *c)
{
    c->n = 0;
    c->in_body = false;
    if (send(c->fd, request, request_n, MSG_NOSIGNAL) != (ssize_t)request_n)
        die("send");
}

/* Value of Content-Length in a head that ends with an empty line. */
static uint64_t length_of(const char *head)
{
    const char *p = strcasestr(head, "\r\nContent-Length:");

    return p ? strtoull(p + 17, NULL, 10) : 0;
}

static void answered(struct conn *c)
{
    n_requests++;
    ask(c);
}

static const char last_chunk[] = "\r\n0\r\n\r\n";

/* n more bytes of a body in chunks; true at its end. No document that is asked for has the end's
 * bytes in it. */
static bool chunks(struct conn *c, const char *p, size_t n)
{
    size_t want = sizeof last_chunk - 1, keep = n < want ? want - n : 0;

    n_bytes += n;
    memmove(c->tail, c->tail + want - keep, keep);
    memcpy(c->tail + keep, p + n - (want - keep), want - keep);
    return memcmp(c->tail, last_chunk, want) == 0;
}

/* Takes what has come of a body in chunks; false: nothing more now. */
static bool advance_chunks(struct conn *c)
{
    char p[64 << 10];
    ssize_t n = recv(c->fd, p, sizeof p, MSG_DONTWAIT);

    if (n <= 0)
        return n < 0 && errno == EAGAIN ? false : (die("the server hung up"), false);
    if (chunks(c, p, (size_t)n))
        answered(c);
    return true;
}

/* Takes what has come; false: nothing more now. */
static bool advance(struct conn *c)
{
    if (c->in_body && c->chunked)
        return advance_chunks(c);
    if (c->in_body) {
        ssize_t n = recv(c->fd, NULL, c->left < (16u << 20) ? c->left : 16u << 20,
                         MSG_TRUNC | MSG_DONTWAIT);
        if (n <= 0)
            return n < 0 && errno == EAGAIN ? false : (die("the server hung up"), false);
        n_bytes += (uint64_t)n;
        c->left -= (uint64_t)n;
        if (c->left == 0)
            answered(c);
        return true;
    }
    ssize_t n = recv(c->fd, c->head + c->n, HEAD_MAX - 1 - c->n, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && errno == EAGAIN ? false : (die("the server hung up"), false);
    c->n += (size_t)n;
    c->head[c->n] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end)
        return true;
    if (strncmp(c->head + 9, "200", 3) != 0)
        n_errors++;
    uint64_t body = length_of(c->head), got = c->n - (size_t)(end + 4 - c->head);
    c->chunked = strcasestr(c->head, "\r\nTransfer-Encoding: chunked") != NULL;
    if (c->chunked) {
        c->in_body = true;
        memset(c->tail, 0, sizeof c->tail);
        if (chunks(c, end + 4, got))
            answered(c);
        return true;
    }
    n_bytes += got;
    c->left = body - got;
    c->in_body = true;
    if (c->left == 0)
        answered(c);
    return true;
}

static int load_get(int n, double seconds, const char *path)
{
    static struct conn conns[MAX_CONNECTIONS];
    struct epoll_event ev[256];
    int ep = epoll_create1(0);

    /* docker-registry gives nobody an OCI manifest who does not name it. */
    request_n = (size_t)snprintf(request, sizeof request,
                                 "GET %s HTTP/1.1\r\nHost: bench\r\nUser-Agent: load\r\n"
                                 "Accept: application/vnd.oci.image.manifest.v1+json, */*\r\n\r\n",
                                 path);
    for (int i = 0; i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &conns[i]};
        conns[i].fd = dial();
        if (epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &e) < 0)
            die("epoll_ctl");
        ask(&conns[i]);
    }
    double begin = now(), end = begin + seconds, t = begin;
    /* Large answers to many may all be under way when time is up: the first whole one is waited
     * for. */
    while (t < end || (n_requests == 0 && t < end + PATIENCE)) {
        int k = epoll_wait(ep, ev, 256, 100);
        for (int i = 0; i < k; i++)
            (void)advance(ev[i].data.ptr);
        t = now();
    }
    printf("%.0f %.1f %llu\n", (double)n_requests / (t - begin),
           (double)n_bytes / (t - begin) / 1048576, (unsigned long long)n_errors);
    bool nothing = n_requests == 0 && n_bytes == 0; /* many large ones may end later, all of them */
    if (nothing)
        fprintf(stderr, "load: nothing of %s had come when time was up\n", path);
    return nothing || n_errors > 0;
}

/* ---- push ---- */

static char location[2048];

/* One request with n bytes of the file from offset on; its status. Remembers where to go on. */
static int call(int fd, const char *method, const char *target, int file, uint64_t offset,
                uint64_t n)
{
    static char head[HEAD_MAX];
    size_t got = 0;
    off_t at = (off_t)offset;
    char *end;

    int k = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/octet-stream\r\n"
                     "Content-Length: %llu\r\n\r\n",
                     method, target, (unsigned long long)n);
    if (send(fd, head, (size_t)k, MSG_NOSIGNAL | (n ? MSG_MORE : 0)) != k)
        die("send");
    while (at < (off_t)(offset + n))
        if (sendfile(fd, file, &at, offset + n - (uint64_t)at) <= 0)
            die("sendfile");
    do {
        ssize_t r = recv(fd, head + got, sizeof head - 1 - got, 0);
        if (r <= 0)
            die("the server hung up");
        got += (size_t)r;
        head[got] = 0;
    } while (!(end = strstr(head, "\r\n\r\n")));
    uint64_t body = length_of(head), have = got - (size_t)(end + 4 - head);
    for (; have < body; have++)
        if (recv(fd, &(char){0}, 1, 0) <= 0)
            die("the server hung up");
    char *p = strcasestr(head, "\r\nLocation: ");
    if (p) {
        p += 12;
        p[strcspn(p, "\r")] = 0;
        if (strncmp(p, "http://", 7) == 0)
            p = strchr(p + 7, '/');
        snprintf(location, sizeof location, "%s", p);
    }
    return (int)strtol(head + 9, NULL, 10);
}

static int load_push(uint64_t chunk, const char *repo, const char *path, const char *digest)
{
    char target[4096];
    struct stat st;
    int fd = dial(), file = open(path, O_RDONLY), status;
    uint64_t at = 0;

    if (file < 0 || fstat(file, &st) < 0)
        die(path);
    uint64_t size = (uint64_t)st.st_size;
    double begin = now();
    snprintf(target, sizeof target, "/v2/%s/blobs/uploads/", repo);
    status = call(fd, "POST", target, file, 0, 0);
    for (; status == 202 && chunk && at < size; at += chunk)
        status = call(fd, "PATCH", location, file, at, size - at < chunk ? size - at : chunk);
    if (at > size)
        at = size;
    snprintf(target, sizeof target, "%s%cdigest=%s", location, strchr(location, '?') ? '&' : '?',
             digest);
    if (status == 202)
        status = call(fd, "PUT", target, file, at, size - at);
    double t = now() - begin;
    if (status != 201) {
        fprintf(stderr, "push: status %d\n", status);
        return 1;
    }
    printf("%.3f %.1f\n", t, (double)size / t / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    bool get = argc == 7 && strcmp(argv[1], "get") == 0;
    bool push = argc == 8 && strcmp(argv[1], "push") == 0;

    if (!get && !push) {
        fprintf(stderr, "load get CONNECTIONS SECONDS HOST PORT PATH | push CHUNK HOST PORT REPO "
                        "FILE DIGEST\n");
        return 2;
    }
    const char *host = argv[get ? 4 : 3], *port = argv[get ? 5 : 4];
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return 2;
    if (push)
        return load_push(strtoull(argv[2], NULL, 10), argv[5], argv[6], argv[7]);
    long n = strtol(argv[2], NULL, 10);
    return n < 1 || n > MAX_CONNECTIONS ? 2 : load_get((int)n, strtod(argv[3], NULL), argv[6]);
}
