/* SPDX-License-Identifier: Apache-2.0 */
/* A web service: /health, and /hello/NAME. `web --check` asks the one that runs and `web --get
 * PATH` prints an answer. */
#include "http.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void stop(int sig)
{
    (void)sig;
    _exit(0);
}

static struct sockaddr_in address(in_addr_t host)
{
    const char *port = getenv("PORT");
    struct sockaddr_in a;

    memset(&a, 0, sizeof(a));
    a.sin_family = AF_INET;
    a.sin_port = htons((unsigned short)(port ? atoi(port) : 8080));
    a.sin_addr.s_addr = htonl(host);
    return a;
}

static int ask(const char *path, int quiet)
{
    struct sockaddr_in a = address(INADDR_LOOPBACK);
    char buf[2048];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        perror("web");
        return 1;
    }
    int n = snprintf(buf, sizeof(buf), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    size_t have = 0;
    ssize_t got;

    if (n >= (int)sizeof(buf) || write(fd, buf, (size_t)n) != n)
        return 1;
    while (have < sizeof(buf) - 1 && (got = read(fd, buf + have, sizeof(buf) - 1 - have)) > 0)
        have += (size_t)got;
    close(fd);
    buf[have] = 0;
    const char *body = strstr(buf, "\r\n\r\n");

    if (!quiet && body)
        fputs(body + 4, stdout);
    return strncmp(buf, "HTTP/1.1 200 ", 13) != 0;
}

static void answer(int fd)
{
    char request[2048], path[256], text[512], out[1024];
    ssize_t n = read(fd, request, sizeof(request) - 1);
    int status = 200;

    if (n <= 0)
        return;
    request[n] = 0;
    if (http_path(request, path, sizeof(path)) != 0) {
        status = 400;
        snprintf(text, sizeof(text), "what is that?\n");
    } else if (strcmp(path, "/health") == 0) {
        snprintf(text, sizeof(text), "good\n");
    } else if (strncmp(path, "/hello/", 7) == 0 && path[7]) {
        snprintf(text, sizeof(text), "hello, %s\n", path + 7);
    } else {
        status = 404;
        snprintf(text, sizeof(text), "nothing at %s\n", path);
    }
    int len = http_answer(out, sizeof(out), status, text);

    if (len > 0 && write(fd, out, (size_t)len) != len)
        perror("web: write");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return ask("/health", 1);
    if (argc == 3 && strcmp(argv[1], "--get") == 0)
        return ask(argv[2], 0);
    struct sockaddr_in a = address(INADDR_ANY);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    signal(SIGPIPE, SIG_IGN);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 16) != 0) {
        perror("web");
        return 1;
    }
    printf("listening on port %d\n", ntohs(a.sin_port));
    fflush(stdout);
    for (;;) {
        int c = accept(fd, NULL, NULL);

        if (c < 0)
            continue;
        answer(c);
        close(c);
    }
}
