/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <stdio.h>
#include <string.h>

int http_path(const char *request, char *path, size_t size)
{
    if (strncmp(request, "GET /", 5) != 0)
        return -1;
    const char *begin = request + 4;
    size_t n = strcspn(begin, " \r\n?");

    if (n >= size || begin[n] == 0)
        return -1;
    memcpy(path, begin, n);
    path[n] = 0;
    return 0;
}

int http_answer(char *out, size_t size, int status, const char *text)
{
    const char *word = status == 200 ? "OK" : status == 404 ? "Not Found" : "Bad Request";
    int n = snprintf(out, size,
                     "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n\r\n%s",
                     status, word, strlen(text), text);

    return n < 0 || (size_t)n >= size ? -1 : n;
}
