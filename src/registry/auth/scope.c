/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/auth/scope.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"

/* ---- scopes ---- */

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || s.p[i] == '"' ||
            s.p[i] == '\\')
            return false;
    return s.n > 0;
}

static int parse_actions(struct str text, struct arena *a, struct strv *ret, struct shale_err *e)
{
    struct str one;

    ret->v = arena_array(a, JWT_MAX_ACTIONS, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    while (str_split(&text, ',', &one)) {
        if (one.n == 0)
            continue;
        if (ret->n >= JWT_MAX_ACTIONS)
            return err_set(e, SHALE_LIMIT, "a scope with more than %d actions", JWT_MAX_ACTIONS);
        if (!(ret->v[ret->n++] = arena_strndup(a, one.p, one.n)))
            return err_nomem(e);
    }
    return 0;
}

static int parse_one(struct str s, struct arena *a, struct jwt_access *ret, struct shale_err *e)
{
    const char *first = memchr(s.p, ':', s.n), *last = memrchr(s.p, ':', s.n);

    if (s.n > SCOPE_MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "a scope of more than %d bytes", SCOPE_MAX_BYTES);
    if (!first || first == last || !is_plain(s))
        return err_set(e, SHALE_INVALID, "a scope is TYPE:NAME:ACTION[,ACTION]");
    struct str type = {s.p, (size_t)(first - s.p)}, name = {first + 1, (size_t)(last - first - 1)};
    const char *class = memchr(type.p, '(', type.n);
    if (class && type.p[type.n - 1] == ')')
        type.n = (size_t)(class - type.p);
    if (type.n == 0 || name.n == 0)
        return err_set(e, SHALE_INVALID, "a scope without type or name");
    *ret = (struct jwt_access){
        arena_strndup(a, type.p, type.n), arena_strndup(a, name.p, name.n), {0}};
    if (!ret->type || !ret->name)
        return err_nomem(e);
    return parse_actions((struct str){last + 1, (size_t)(s.p + s.n - last - 1)}, a, &ret->actions,
                         e);
}

int scope_parse(const char *text, struct arena *a, struct jwt_access v[SCOPE_MAX], size_t *n,
                struct shale_err *e)
{
    struct str rest = str_of(text), one;

    while (str_split(&rest, ' ', &one)) {
        if (one.n == 0)
            continue;
        if (*n >= SCOPE_MAX)
            return err_set(e, SHALE_LIMIT, "more than %d scopes", SCOPE_MAX);
        int r = parse_one(one, a, &v[*n], e);
        if (r < 0)
            return r;
        ++*n;
    }
    return 0;
}

void scope_format(const struct jwt_access *s, struct buf *b)
{
    buf_addf(b, "%s%s:%s:", b->n ? " " : "", s->type, s->name);
    for (size_t i = 0; i < s->actions.n; i++)
        buf_addf(b, "%s%s", i ? "," : "", s->actions.v[i]);
}

/* ---- forms ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int unescape(struct str s, struct arena *a, const char **ret, struct shale_err *e)
{
    char *out = arena_alloc(a, s.n + 1), *p = out;

    if (!out)
        return err_nomem(e);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return err_set(e, SHALE_INVALID, "a bad %% escape");
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == 0)
            return err_set(e, SHALE_INVALID, "a NUL byte");
        *p++ = c;
    }
    *p = 0;
    *ret = out;
    return 0;
}

int form_parse(struct str text, struct arena *a, struct form *ret, struct shale_err *e)
{
    struct form f = {0};
    struct str one;
    size_t cap = 0;

    if (text.n > FORM_MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "a form of more than %u bytes", FORM_MAX_BYTES);
    while (str_split(&text, '&', &one)) {
        if (one.n == 0)
            continue;
        if (f.n >= FORM_MAX)
            return err_set(e, SHALE_LIMIT, "more than %d fields", FORM_MAX);
        if (!(f.v = arena_grow(a, f.v, f.n, &cap, sizeof *f.v)))
            return err_nomem(e);
        const char *equals = memchr(one.p, '=', one.n);
        size_t n = equals ? (size_t)(equals - one.p) : one.n;
        struct str value = {one.p + n + (equals != NULL), one.n - n - (equals != NULL)};
        int r = unescape((struct str){one.p, n}, a, &f.v[f.n].name, e);
        if (r == 0)
            r = unescape(value, a, &f.v[f.n].value, e);
        if (r < 0)
            return r;
        f.n++;
    }
    *ret = f;
    return 0;
}

const char *form_get(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (streq(f->v[i].name, name))
            return f->v[i].value;
    return NULL;
}

/* ---- Authorization ---- */

static const char *after_scheme(const char *value, const char *scheme)
{
    size_t n = strlen(scheme);

    if (!value || strncasecmp(value, scheme, n) != 0 || value[n] != ' ')
        return NULL;
    value += n;
    while (*value == ' ')
        value++;
    return *value ? value : NULL;
}

bool basic_parse(const char *authorization, struct arena *a, const char **ret_user,
                 const char **ret_password)
{
    const char *text = after_scheme(authorization, "Basic");

    if (!text || strlen(text) > BASIC_MAX_BYTES)
        return false;
    struct str s = str_trim(str_of(text));
    char *plain = arena_alloc(a, BASE64_BYTES(s.n) + 1);
    ssize_t n = plain ? base64_decode(0, s.p, s.n, plain) : -1;
    if (n < 0)
        return false;
    plain[n] = 0;
    char *colon = memchr(plain, ':', (size_t)n);
    if (!colon || strlen(plain) != (size_t)n)
        return false;
    *colon = 0;
    *ret_user = plain;
    *ret_password = colon + 1;
    return true;
}

const char *bearer_parse(const char *authorization)
{
    return after_scheme(authorization, "Bearer");
}
