/* SPDX-License-Identifier: Apache-2.0 */
#include "model/mirror.h"

#include <string.h>

#include "base/str.h"

static bool is_visible(const char *s)
{
    while (*s > 0x20 && *s < 0x7f)
        s++;
    return !*s;
}

int mirror_check(const char *url, struct shale_err *e)
{
    const char *rest = strstr(url, "://");
    size_t n = rest ? (size_t)(rest - url) : 0;

    if (!rest || !is_visible(url))
        return err_set(e, SHALE_INVALID, "invalid mirror: \"%.200s\" is not a valid URI", url);
    if (!(n == 4 && strncmp(url, "http", n) == 0) && !(n == 5 && strncmp(url, "https", n) == 0))
        return err_set(e, SHALE_INVALID,
                       "invalid mirror: unsupported scheme \"%.*s\" in \"%.200s\"",
                       n < 50 ? (int)n : 50, url, url);
    rest += strlen("://");
    if (strpbrk(rest, "?#"))
        return err_set(e, SHALE_INVALID, "invalid mirror: unsupported query or fragment \"%.200s\"",
                       url);
    if (memchr(rest, '@', strcspn(rest, "/")))
        return err_set(e, SHALE_INVALID,
                       "invalid mirror: username/password not allowed in URI: use "
                       "`login` for that registry");
    return strcspn(rest, "/") > 0
               ? 0
               : err_set(e, SHALE_INVALID, "invalid mirror: \"%.200s\" names no host", url);
}
