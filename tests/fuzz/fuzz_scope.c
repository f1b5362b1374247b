/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes, forms and Authorization values from anybody. A scope that was read is written and read
 * again to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/auth/scope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scopes(const char *text, struct arena *a)
{
    struct jwt_access *v = arena_array(a, SCOPE_MAX, sizeof *v),
                      *w = arena_array(a, SCOPE_MAX, sizeof *w);
    struct buf b = BUF_INIT(1u << 20), c = BUF_INIT(1u << 20);
    size_t n = 0, m = 0;

    if (scope_parse(text, a, v, &n, NULL) == 0) {
        for (size_t i = 0; i < n; i++)
            scope_format(&v[i], &b);
        if (scope_parse(buf_str(&b), a, w, &m, NULL) < 0 || m != n)
            abort();
        for (size_t i = 0; i < m; i++)
            scope_format(&w[i], &c);
        if (strcmp(buf_str(&b), buf_str(&c)) != 0)
            abort();
    }
    buf_clear(&b);
    buf_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT(64u << 20);
    const char *user, *pw;
    struct form f;

    if (size > 1u << 16)
        return 0;
    char *text = arena_strndup(&a, (const char *)data, size);
    if (!text)
        abort();
    scopes(text, &a);
    if (form_parse((struct str){(const char *)data, size}, &a, &f, NULL) == 0)
        for (size_t i = 0; i < f.n; i++)
            if (!f.v[i].name || !f.v[i].value)
                abort();
    if (basic_parse(text, &a, &user, &pw) && strchr(user, ':'))
        abort();
    const char *token = bearer_parse(text);
    if (token && !*token)
        abort();
    arena_clear(&a);
    return 0;
}
