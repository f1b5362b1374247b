/* SPDX-License-Identifier: Apache-2.0 */
/* What an [upstream] has to be. */
#include <string.h>

#include "base/str.h"
#include "http/http.h"
#include "model/ref.h"
#include "registry/conf/regconf_priv.h"

#define HUB "docker.io"

int regconf_upstream_prefix(const char *arg, struct shale_err *e)
{
    char name[256];
    size_t n = strlen(arg);

    if (n == 0)
        return 0;
    if (n >= sizeof name || arg[n - 1] != '/')
        return err_set(e, SHALE_INVALID,
                       "a prefix ends in /, as in \"hub/\"; \"\" is every repository");
    memcpy(name, arg, n - 1);
    name[n - 1] = 0;
    if (!ref_path_valid(name))
        return err_set(e, SHALE_INVALID, "no repository's name can begin so");
    return 0;
}

/* Docker Hub under each of its names: docker keeps one login for all. */
static bool is_hub(const char *host)
{
    static const char *const names[] = {HUB, "registry-1.docker.io", "index.docker.io",
                                        "registry.hub.docker.com"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (streq(host, names[i]))
            return true;
    return false;
}

const char *regconf_registry_name(const char *host)
{
    return is_hub(host) ? HUB : host;
}

static int take_url(struct regconf *c, struct regconf_upstream *u, struct shale_err *e)
{
    const char *domain = strstr(u->url, "://") + 3;
    char host[256];

    u->https = str_has_prefix(u->url, "https://");
    if (strpbrk(domain, "/?"))
        return err_set(e, SHALE_INVALID,
                       "url = %s: a registry is the root of a host; what comes before the names of "
                       "repositories there is set with path",
                       u->url);
    const char *begin = *domain == '[' ? domain + 1 : domain;
    size_t n = strcspn(begin, *domain == '[' ? "]" : ":");
    if (n >= sizeof host)
        return err_set(e, SHALE_INVALID, "url: the name of the host is too long");
    memcpy(host, begin, n);
    host[n] = 0;
    if (!u->https && !u->insecure && !http_is_loopback(host))
        return err_set(
            e, SHALE_INVALID,
            "url = %s: passwords and images would travel in the open; write https://, or "
            "set insecure = yes if that is meant",
            u->url);
    u->domain = arena_strdup(&c->arena, is_hub(host) ? HUB : domain);
    u->ns = u->ns ? regconf_registry_name(u->ns) : u->domain;
    if (u->library == REGCONF_LIBRARY_AUTO)
        u->library = is_hub(host) ? REGCONF_LIBRARY_YES : REGCONF_LIBRARY_NO;
    return u->domain ? 0 : err_nomem(e);
}

static const char *mistake(const struct regconf_upstream *u)
{
    if (!u->username != !u->password_file)
        return "username and password_file belong together";
    if (u->username && u->docker_config)
        return "username and docker_config exclude each other";
    if (u->username && strchr(u->username, ':'))
        return "username: a name has no colon";
    if (!*u->ns || strpbrk(u->ns, "/@ "))
        return "ns: the name of a registry is HOST or HOST:PORT, as in docker.io";
    if (!u->cert_file != !u->key_file)
        return "cert_file and key_file belong together";
    if (u->path && !ref_path_valid(u->path))
        return "path must be the beginning of a repository's name, without a / at its ends";
    if (!u->https && (u->ca_file || u->cert_file))
        return "ca_file and cert_file have no use with http://";
    return NULL;
}

int regconf_upstream_check(struct regconf *c, void *section, struct shale_err *e)
{
    struct regconf_upstream *u = section;

    if (!u->url)
        return err_set(e, SHALE_INVALID,
                       "[upstream \"%s\"] without a url; add url = https://HOST[:PORT]", u->prefix);
    int r = take_url(c, u, e);
    const char *wrong = r < 0 ? NULL : mistake(u);
    return wrong ? err_set(e, SHALE_INVALID, "[upstream \"%s\"] %s", u->prefix, wrong) : r;
}
