/* SPDX-License-Identifier: Apache-2.0 */
#include "container/volume_remote.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"

#define ADDR "addr="

static bool is_smb(const char *type)
{
    return streq(type, "cifs") || streq(type, "smb3");
}

static bool is_address(const char *s)
{
    struct in6_addr any;

    return inet_pton(AF_INET, s, &any) == 1 || inet_pton(AF_INET6, s, &any) == 1;
}

static int not_found(const char *name, int code, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID,
                   "error resolving passed in network volume address: lookup %.255s: %s", name,
                   code == EAI_NONAME || code == EAI_NODATA ? "no such host" : gai_strerror(code));
}

/* IPv4 first, as Go's resolver answers for "ip". */
static int look_up(const char *name, struct arena *a, const char **ret, struct shale_err *e)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL, *best;
    char text[INET6_ADDRSTRLEN] = "";
    int code = getaddrinfo(name, NULL, &hints, &all);

    if (code)
        return not_found(name, code, e);
    for (best = all; best && best->ai_family != AF_INET; best = best->ai_next)
        ;
    if (!best)
        best = all;
    if (!best)
        return not_found(name, EAI_NONAME, e);
    (void)getnameinfo(best->ai_addr, best->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(all);
    *ret = arena_strdup(a, text);
    return *ret ? 0 : err_nomem(e);
}

/* before NAME after -> before ADDRESS after */
static int put_address(const char *text, size_t before, size_t n, struct arena *a, const char **ret,
                       struct shale_err *e)
{
    const char *name = arena_strndup(a, text + before, n), *address;
    int r = name ? 0 : err_nomem(e);

    if (r >= 0 && is_address(name))
        return 0;
    if (r >= 0)
        r = look_up(name, a, &address, e);
    if (r < 0)
        return r;
    *ret = arena_printf(a, "%.*s%s%s", (int)before, text, address, text + before + n);
    return *ret ? 0 : err_nomem(e);
}

/* The value of an option in "a=b,c": where it begins, or NULL. *ret_n is its length. */
static const char *option(const char *o, const char *key, size_t *ret_n)
{
    while (*o) {
        size_t n = strcspn(o, ",");
        if (str_has_prefix(o, key)) {
            *ret_n = n - strlen(key);
            return o + strlen(key);
        }
        o += n + (o[n] == ',');
    }
    return NULL;
}

int volume_remote_resolve(struct volume_options *x, struct arena *a, struct shale_err *e)
{
    size_t n = 0;

    if (!is_smb(x->type) && !streq(x->type, "nfs") && !streq(x->type, "nfs4"))
        return 0;
    const char *addr = option(x->o, ADDR, &n);
    if (addr && n > 0)
        return put_address(x->o, (size_t)(addr - x->o), n, a, &x->o, e);
    if (!is_smb(x->type) || !str_has_prefix(x->device, "//"))
        return 0;
    n = strcspn(x->device + 2, "/");
    return n ? put_address(x->device, 2, n, a, &x->device, e) : 0;
}

const char *volume_remote_shown(const char *o, struct arena *a)
{
    size_t n;
    const char *secret = option(o, "password=", &n);

    return secret ? arena_printf(a, "%.*s********%s", (int)(secret - o), o, secret + n) : o;
}
