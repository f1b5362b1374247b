/* SPDX-License-Identifier: Apache-2.0 */
#include "build/context/fetch.h"

#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "http/http.h"
#include "model/limits.h"

struct getting {
    const char *url;
    int fd;
    struct hash hash;
    struct fetched got;
};

static void getting_clear(struct getting *g)
{
    hash_clear(&g->hash);
    if (g->fd >= 0)
        close(g->fd);
}

/* An HTTP date (RFC 9110, 5.6.7); 0 when it is none. */
static int64_t date_of(const char *s)
{
    struct tm tm = {0};
    const char *end = s ? strptime(s, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;

    return end && !*end ? (int64_t)timegm(&tm) * NS_PER_S : 0;
}

static int on_head(void *arg, const struct http_response *p, struct shale_err *e)
{
    struct getting *g = arg;

    if (p->status != 200)
        return err_set(e, p->status == 404 ? SHALE_NOT_FOUND : SHALE_NETWORK,
                       "GET %.300s: the server answers with status %d", g->url, p->status);
    g->got.mtime_ns = date_of(http_header_get(p, "Last-Modified"));
    return 0;
}

static int on_body(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct getting *g = arg;

    g->got.bytes += n;
    if (g->got.bytes > LIMIT_BLOB_BYTES)
        return err_set(e, SHALE_LIMIT, "%.300s is too large", g->url);
    hash_update(&g->hash, p, n);
    return sys_write_all(g->fd, p, n) < 0 ? err_sys(e, "write what %.300s gives", g->url) : 0;
}

static int get(struct getting *g, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
    const struct http_opts o = {.user_agent = "shale"};
    const struct http_request rq = {.method = "GET",
                                    .url = g->url,
                                    .on_head = on_head,
                                    .on_body = on_body,
                                    .arg = g,
                                    .cancel = c};
    struct http_client *client = NULL;
    struct http_response p;
    int r = http_open(&o, &client, e);

    if (r >= 0)
        r = http_do(client, &rq, &a, &p, e);
    http_close(client);
    return r;
}

int fetch_url(const char *url, int dir_fd, const char *name, struct cancel *c, struct fetched *ret,
              struct shale_err *e)
{
    _cleanup_(getting_clear) struct getting g = {.url = url, .fd = -1};
    int r = hash_init(&g.hash, HASH_SHA256, e);
    char hex[HASH_MAX_HEX + 1];

    if (r < 0)
        return r;
    g.fd = sys_openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (g.fd < 0)
        return err_sys(e, "create a file for %.300s", url);
    r = get(&g, c, e);
    if (r < 0)
        return r;
    const struct timespec times[2] = {{0, UTIME_OMIT}, {g.got.mtime_ns / NS_PER_S, 0}};
    if (futimens(g.fd, times) < 0)
        return err_sys(e, "set the time of what %.300s gives", url);
    hash_hex(&g.hash, hex);
    *ret = g.got;
    memcpy(ret->sha256, hex, sizeof ret->sha256);
    return 0;
}

const char *fetch_name(const char *url, struct arena *a)
{
    const char *path = strstr(url, "://");

    path = path ? strchr(path + 3, '/') : NULL;
    size_t n = path ? strcspn(path, "?#") : 0;
    while (n > 0 && path[n - 1] == '/')
        n--;
    size_t at = n;
    while (at > 0 && path[at - 1] != '/')
        at--;
    struct str last = {path ? path + at : "", n - at};
    if (last.n == 0 || str_eq(last, STR(".")) || str_eq(last, STR("..")))
        return "__unnamed__";
    return arena_strndup(a, last.p, last.n);
}
