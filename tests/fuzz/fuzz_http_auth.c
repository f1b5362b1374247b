/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate: what the parser hands out is well-formed, and parses to itself when it is
 * written down again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "http/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_down(const struct http_challenge *c, size_t n, struct buf *b)
{
    for (size_t i = 0; i < n; i++) {
        buf_addf(b, "%s%s ", i ? ", " : "", c[i].scheme);
        for (size_t k = 0; k < c[i].n_params; k++) {
            buf_addf(b, "%s%s=\"", k ? "," : "", c[i].params[k].name);
            for (const char *p = c[i].params[k].value; *p; p++) {
                if (*p == '"' || *p == '\\')
                    buf_addc(b, '\\');
                buf_addc(b, *p);
            }
            buf_addc(b, '"');
        }
    }
}

static void same(const struct http_challenge *x, const struct http_challenge *y)
{
    if (strcmp(x->scheme, y->scheme) != 0 || x->n_params != y->n_params)
        abort();
    for (size_t k = 0; k < x->n_params; k++)
        if (strcmp(x->params[k].name, y->params[k].name) != 0 ||
            strcmp(x->params[k].value, y->params[k].value) != 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(64u << 20);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4u << 20);
    struct http_challenge c[HTTP_MAX_CHALLENGES], again[HTTP_MAX_CHALLENGES];

    if (size > 16384) /* longer than a header line may be */
        return 0;
    char *text = arena_strndup(&a, (const char *)data, size);
    if (!text)
        abort();
    size_t n = http_parse_challenges(text, &a, c);
    if (n > HTTP_MAX_CHALLENGES)
        abort();
    for (size_t i = 0; i < n; i++) {
        if (c[i].n_params > HTTP_MAX_PARAMS || !c[i].scheme || !*c[i].scheme)
            abort();
        for (size_t k = 0; k < c[i].n_params; k++)
            if (!http_challenge_get(&c[i], c[i].params[k].name))
                abort();
    }
    write_down(c, n, &b);
    if (buf_check(&b, NULL) < 0)
        abort();
    if (http_parse_challenges(buf_str(&b), &a, again) != n)
        abort();
    for (size_t i = 0; i < n; i++)
        same(&c[i], &again[i]);
    return 0;
}
