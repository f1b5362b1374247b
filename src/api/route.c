/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include "base/cleanup.h"
#include "http/query.h"

/* "/v1.41/x": takes the version off. Digits and dots behind /v, then a slash; else the path has
 * none. */
static const char *take_version(const char *path, char ret[16])
{
    ret[0] = 0;
    if (path[0] != '/' || path[1] != 'v')
        return path;
    size_t n = strspn(path + 2, "0123456789.");
    if (n == 0 || n >= 16 || path[2 + n] != '/')
        return path;
    memcpy(ret, path + 2, n);
    ret[n] = 0;
    return path + 2 + n;
}

/* "1.41" as 141; -1: no version at all. */
static int version_number(const char *s)
{
    uint64_t major, minor;
    char text[16];
    char *dot;

    memcpy(text, s, strlen(s) + 1);
    dot = strchr(text, '.');
    if (!dot)
        return -1;
    *dot = 0;
    if (!str_to_u64(text, &major) || !str_to_u64(dot + 1, &minor) || major > 99)
        return -1;
    if (major != 1)
        return major < 1 ? 0 : 9900;
    return 100 + (int)(minor < 9000 ? minor : 9000);
}

/* How long the part is that stands for "{}" or "{*}", which `rest` of the pattern follows; 0: it
 * does not fit. The greedy one ends at the last place where the rest fits as text. */
static size_t part_bytes(const char *path, bool greedy, const char *rest)
{
    size_t n = greedy ? strlen(path) : strcspn(path, "/"), tail = strlen(rest);

    if (!greedy)
        return n;
    if (strchr(rest, '{') || n <= tail || strcmp(path + n - tail, rest) != 0)
        return 0; /* the greedy part is the last one */
    return path[0] == '/' || path[n - tail - 1] == '/' ? 0 : n - tail;
}

static bool fits(const char *pattern, const char *path, struct arena *a,
                 const char *args[API_MAX_ARGS], bool *ret_no_memory)
{
    size_t k = 0;

    for (; *pattern; pattern++) {
        if (*pattern != '{') {
            if (*pattern != *path++)
                return false;
            continue;
        }
        bool greedy = pattern[1] == '*';
        pattern += greedy ? 2 : 1; /* at '}' */
        size_t n = part_bytes(path, greedy, pattern + 1);
        if (n == 0 || k == API_MAX_ARGS)
            return false;
        args[k] = arena_strndup(a, path, n);
        *ret_no_memory |= !args[k];
        k++;
        path += n;
    }
    for (; k < API_MAX_ARGS; k++)
        args[k] = "";
    return *path == 0;
}

static enum api_found find(const struct api_route *const *tables, const char *method,
                           const char *path, struct arena *a, struct api_match *ret)
{
    bool no_memory = false;

    for (; *tables; tables++)
        for (const struct api_route *r = *tables; r->method; r++) {
            if ((r->method[0] != '*' && !streq(r->method, method)) || r->least > ret->version)
                continue;
            if (!fits(r->pattern, path, a, ret->args, &no_memory))
                continue;
            ret->route = r;
            return no_memory ? API_NO_MEMORY : API_FOUND;
        }
    return API_NO_PAGE;
}

enum api_found api_route_find(const struct api_route *const *tables, const char *method,
                              struct str path, struct arena *a, struct api_match *ret,
                              char ret_version[16])
{
    const char *text = http_percent_decode(path, false, a);

    ret_version[0] = 0;
    if (!text)
        return API_BAD_PATH;
    ret->version = API_VERSION_MAX;
    text = take_version(text, ret_version);
    if (*ret_version) {
        ret->version = version_number(ret_version);
        if (ret->version < 0)
            return API_NO_PAGE;
        if (ret->version < API_VERSION_MIN)
            return API_TOO_OLD;
        if (ret->version > API_VERSION_MAX)
            return API_TOO_NEW;
    }
    return find(tables, method, text, a, ret);
}
