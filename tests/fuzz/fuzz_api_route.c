/* SPDX-License-Identifier: Apache-2.0 */
/* "METHOD target": the row that is found and its arguments; then the query and its filters. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/query.h"
#include "api/route.h"
#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct api_match *m)
{
    if (!m->route || m->version < API_VERSION_MIN || m->version > API_VERSION_MAX ||
        m->route->least > m->version)
        abort();
    size_t n = 0;
    for (const char *p = m->route->pattern; (p = strchr(p, '{')); p++, n++) {
        const char *arg = m->args[n];
        if (!*arg || arg[0] == '/' || arg[strlen(arg) - 1] == '/' ||
            (p[1] != '*' && strchr(arg, '/')))
            abort();
        for (; *arg; arg++)
            if ((unsigned char)*arg < 0x20)
                abort();
    }
    for (; n < API_MAX_ARGS; n++)
        if (*m->args[n])
            abort();
}

static void check_query(struct str s, struct arena *a)
{
    const char *const *filters;
    struct shale_kv *v;
    size_t n;

    if (api_query_parse(s, a, &v, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (strlen(v[i].key) + strlen(v[i].value) > s.n)
            abort();
        if (api_filters_parse(v[i].value, a, &filters, NULL) < 0)
            continue;
        for (; *filters; filters++)
            if (!strchr(*filters, '='))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(16u << 20);
    struct str rest = {(const char *)data, size}, method, path;
    struct api_match m;
    char version[16];

    if (size > 65536 || !str_split(&rest, ' ', &method) || !rest.p)
        return 0;
    const char *name = arena_strndup(&a, method.p, method.n);
    if (!str_split(&rest, '?', &path))
        return 0;
    if (name && api_route_find(api_routes, name, path, &a, &m, version) == API_FOUND)
        check(&m);
    if (strlen(version) >= sizeof version)
        abort();
    if (rest.p)
        check_query(rest, &a);
    return 0;
}
