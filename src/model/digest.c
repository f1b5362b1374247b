/* SPDX-License-Identifier: Apache-2.0 */
#include "model/digest.h"

#include <string.h>

#include "base/str.h"

static const struct {
    const char *name;
    size_t hex; /* characters of the value */
} algs[_HASH_MAX] = {
    [HASH_SHA256] = {"sha256", 64},
    [HASH_SHA384] = {"sha384", 96},
    [HASH_SHA512] = {"sha512", 128},
};

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool is_lower_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* [a-z0-9]+([.+_-][a-z0-9]+)* */
static bool alg_wellformed(struct str s)
{
    bool need = true; /* the next character must be a letter or digit */
    for (size_t i = 0; i < s.n; i++) {
        if (is_lower_alnum(s.p[i]))
            need = false;
        else if (need || !s.p[i] || !strchr(".+_-", s.p[i]))
            return false;
        else
            need = true;
    }
    return !need;
}

/* [a-zA-Z0-9=_-]+ */
static bool value_wellformed(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && (!s.p[i] || !strchr("=_-", s.p[i])))
            return false;
    return s.n > 0;
}

static int bad_format(struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "invalid checksum digest format");
}

int digest_parse_n(const char *s, size_t n, struct digest *ret, struct shale_err *e)
{
    const char *colon = n ? memchr(s, ':', n) : NULL;
    if (!colon || colon == s || colon + 1 == s + n)
        return bad_format(e);
    struct str name = {s, (size_t)(colon - s)};
    struct str value = {colon + 1, n - name.n - 1};
    size_t alg = 0;
    while (alg < _HASH_MAX && !str_eq(name, str_of(algs[alg].name)))
        alg++;
    if (alg == _HASH_MAX) {
        if (!alg_wellformed(name) || !value_wellformed(value))
            return bad_format(e);
        return err_set(e, SHALE_INVALID, "unsupported digest algorithm");
    }
    if (value.n != algs[alg].hex)
        return err_set(e, SHALE_INVALID, "invalid checksum digest length");
    for (size_t i = 0; i < value.n; i++)
        if (!is_lower_hex(value.p[i]))
            return bad_format(e);
    struct digest d = {{0}};
    memcpy(d.s, s, n);
    *ret = d;
    return 0;
}

int digest_parse(const char *s, struct digest *ret, struct shale_err *e)
{
    return digest_parse_n(s, s ? strlen(s) : 0, ret, e);
}

static void put(struct digest *d, enum hash_alg alg, const char *hex)
{
    size_t name = strlen(algs[alg].name);
    memset(d, 0, sizeof *d);
    memcpy(d->s, algs[alg].name, name);
    d->s[name] = ':';
    memcpy(d->s + name + 1, hex, algs[alg].hex);
}

int digest_of_bytes(enum hash_alg alg, const void *p, size_t n, struct digest *ret,
                    struct shale_err *e)
{
    char hex[HASH_MAX_HEX + 1];
    int r = hash_bytes(alg, p, n, hex, e);
    if (r < 0)
        return r;
    put(ret, alg, hex);
    return 0;
}

void digest_of_hash(struct hash *h, struct digest *ret)
{
    char hex[HASH_MAX_HEX + 1];
    enum hash_alg alg = h->alg;
    hash_hex(h, hex);
    put(ret, alg, hex);
}

enum hash_alg digest_alg(const struct digest *d)
{
    for (size_t i = 0; i < _HASH_MAX; i++) {
        size_t n = strlen(algs[i].name);
        if (strncmp(d->s, algs[i].name, n) == 0 && d->s[n] == ':')
            return (enum hash_alg)i;
    }
    return HASH_SHA256;
}

const char *digest_alg_name(enum hash_alg alg)
{
    return algs[alg].name;
}

const char *digest_hex(const struct digest *d)
{
    const char *colon = strchr(d->s, ':');
    return colon ? colon + 1 : d->s + strlen(d->s);
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
    return strcmp(a->s, b->s) == 0;
}

void digest_short(const struct digest *d, char ret[13])
{
    size_t i = 0;
    for (const char *hex = digest_hex(d); i < 12 && hex[i]; i++)
        ret[i] = hex[i];
    ret[i] = 0;
}
