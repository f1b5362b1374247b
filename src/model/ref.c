/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ref.h"

#include <string.h>

#include "base/str.h"
#include "model/limits.h"

#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN  "index.docker.io"
#define OFFICIAL       "library/"
#define PATH_MAX_CHARS 255
#define DOMAIN_MAX_CHARS                                                                           \
    300 /* names of hosts have 253 at most; what parses stays in LIMIT_REF_BYTES */
#define TAG_MAX_CHARS  128
#define DIGEST_MIN_HEX 32

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z');
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_alpha(char c)
{
    return is_upper(c) || (c >= 'a' && c <= 'z');
}

static bool is_alnum(char c)
{
    return is_digit(c) || is_alpha(c);
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_lower_hex(char c)
{
    return is_hex(c) && !is_upper(c);
}

static bool has_upper(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_upper(s.p[i]))
            return true;
    return false;
}

static bool all_of(struct str s, bool (*is)(char))
{
    for (size_t i = 0; i < s.n; i++)
        if (!is(s.p[i]))
            return false;
    return s.n > 0;
}

/* Cuts *s before the first of `stops`; returns what follows, the stop included. */
static struct str cut_before(struct str *s, const char *stops)
{
    size_t i = 0;
    while (i < s->n && !memchr(stops, s->p[i], strlen(stops)))
        i++;
    struct str rest = {s->p + i, s->n - i};
    s->n = i;
    return rest;
}

/* ---- the grammar, one function per production ---- */

/* alphanumeric (separator alphanumeric)*; separator is one of . _ __ or dashes */
static bool component_valid(struct str s)
{
    size_t i = 0;
    for (;;) {
        size_t start = i;
        while (i < s.n && is_lower_alnum(s.p[i]))
            i++;
        if (i == start)
            return false;
        if (i == s.n)
            return true;
        char sep = s.p[i];
        size_t run = 0, most = sep == '-' ? s.n : sep == '_' ? 2 : sep == '.' ? 1 : 0;
        while (i < s.n && run < most && s.p[i] == sep) {
            i++;
            run++;
        }
        if (run == 0)
            return false;
    }
}

static bool path_valid(struct str s)
{
    for (;;) {
        struct str rest = cut_before(&s, "/");
        if (!component_valid(s))
            return false;
        if (rest.n == 0)
            return true;
        s = (struct str){rest.p + 1, rest.n - 1};
    }
}

bool ref_path_valid(const char *path)
{
    struct str s = str_of(path);

    return s.n <= 255 && path_valid(s);
}

static bool label_valid(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && (s.p[i] != '-' || i == 0 || i == s.n - 1))
            return false;
    return s.n > 0;
}

static bool hostname_valid(struct str s)
{
    for (;;) {
        struct str rest = cut_before(&s, ".");
        if (!label_valid(s))
            return false;
        if (rest.n == 0)
            return true;
        s = (struct str){rest.p + 1, rest.n - 1};
    }
}

static bool is_ipv6_char(char c)
{
    return is_hex(c) || c == ':';
}

static bool domain_valid(struct str s)
{
    struct str port;
    if (s.n && s.p[0] == '[') {
        struct str host = {s.p + 1, s.n - 1};
        port = cut_before(&host, "]");
        if (port.n == 0 || !all_of(host, is_ipv6_char))
            return false;
        port = (struct str){port.p + 1, port.n - 1};
    } else {
        port = cut_before(&s, ":");
        if (!hostname_valid(s))
            return false;
    }
    if (port.n == 0)
        return true;
    return port.p[0] == ':' && all_of((struct str){port.p + 1, port.n - 1}, is_digit);
}

static bool tag_chars_valid(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && s.p[i] != '_' && (i == 0 || (s.p[i] != '.' && s.p[i] != '-')))
            return false;
    return s.n > 0 && s.n <= TAG_MAX_CHARS;
}

/* The wide grammar of a digest in a reference; digest_parse then says what is wrong with one of
 * this shape. */
static bool digest_shape_valid(struct str s)
{
    struct str hex = cut_before(&s, ":");
    if (hex.n < 1 + DIGEST_MIN_HEX || !all_of((struct str){hex.p + 1, hex.n - 1}, is_hex))
        return false;
    bool first = true; /* a part of the algorithm's name begins */
    for (size_t i = 0; i < s.n; i++) {
        if (memchr("-_+.", s.p[i], 4)) {
            if (first)
                return false;
            first = true;
        } else if (first ? !is_alpha(s.p[i]) : !is_alnum(s.p[i])) {
            return false;
        } else {
            first = false;
        }
    }
    return !first;
}

/* ---- parsing ---- */

struct split {
    struct str domain;
    bool official;   /* "library/" goes before the rest */
    struct str rest; /* path, tag and digest */
};

static struct split split_domain(struct str s)
{
    struct str first = s;
    struct str rest = cut_before(&first, "/");
    if (rest.n == 0)
        return (struct split){STR(DEFAULT_DOMAIN), true, s};
    rest = (struct str){rest.p + 1, rest.n - 1};
    struct split r = {first, false, rest};
    if (str_eq(first, STR(LEGACY_DOMAIN))) {
        r.domain = STR(DEFAULT_DOMAIN);
    } else if (!str_eq(first, STR("localhost")) && !memchr(first.p, '.', first.n) &&
               !memchr(first.p, ':', first.n) && !has_upper(first)) {
        r.domain = STR(DEFAULT_DOMAIN);
        r.rest = s;
    }
    if (str_eq(r.domain, STR(DEFAULT_DOMAIN)))
        r.official = r.rest.n == 0 || !memchr(r.rest.p, '/', r.rest.n);
    return r;
}

static int bad_format(struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "invalid reference format");
}

static int too_long(struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "repository name must not be more than %d characters",
                   PATH_MAX_CHARS);
}

static int check_lower(const struct split *sp, struct shale_err *e)
{
    struct str remote = sp->rest;
    cut_before(&remote, ":");
    if (!has_upper(remote))
        return 0;
    char raw[256], shown[4 * sizeof raw];
    size_t n = remote.n < sizeof raw ? remote.n : sizeof raw - 1;
    memcpy(raw, remote.p, n);
    raw[n] = 0;
    return err_set(e, SHALE_INVALID,
                   "invalid reference format: repository name (%s%s) must be lowercase",
                   sp->official ? OFFICIAL : "", str_printable(shown, sizeof shown, raw));
}

static int fill(const struct split *sp, struct str path, struct str tag,
                const struct digest *digest, struct arena *a, struct ref *ret, struct shale_err *e)
{
    struct ref r = {.digest = *digest};
    char *repo = arena_printf(a, "%.*s/%s%.*s", (int)sp->domain.n, sp->domain.p,
                              sp->official ? OFFICIAL : "", (int)path.n, path.p);
    char *domain = arena_strndup(a, sp->domain.p, sp->domain.n);
    if (!repo || !domain)
        return err_nomem(e);
    r.domain = domain;
    r.repo = repo;
    r.path = repo + sp->domain.n + 1;
    r.familiar = ref_familiar_repo(repo);
    if (tag.n) {
        r.tag = arena_strndup(a, tag.p, tag.n);
        if (!r.tag)
            return err_nomem(e);
    }
    *ret = r;
    return 0;
}

int ref_parse(const char *s, struct arena *a, struct ref *ret, struct shale_err *e)
{
    struct str in = str_of(s);
    if (in.n > LIMIT_REF_BYTES)
        return too_long(e);
    if (in.n && ref_is_identifier(s))
        return err_set(e, SHALE_INVALID,
                       "invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
                       s);
    if (in.n == 0)
        return bad_format(e);
    struct split sp = split_domain(in);
    int r = check_lower(&sp, e);
    if (r < 0)
        return r;

    struct str path = sp.rest, tag = {NULL, 0}, dig = {NULL, 0};
    struct str rest = cut_before(&path, ":@");
    if (rest.n && rest.p[0] == ':') {
        tag = (struct str){rest.p + 1, rest.n - 1};
        rest = cut_before(&tag, "@");
        if (!tag_chars_valid(tag))
            return bad_format(e);
    }
    if (rest.n) {
        dig = (struct str){rest.p + 1, rest.n - 1};
        if (!digest_shape_valid(dig))
            return bad_format(e);
    }
    if (!domain_valid(sp.domain) || !path_valid(path))
        return bad_format(e);
    if (path.n + (sp.official ? strlen(OFFICIAL) : 0) > PATH_MAX_CHARS ||
        sp.domain.n > DOMAIN_MAX_CHARS)
        return too_long(e);
    struct digest digest = {{0}};
    if (dig.n) {
        r = digest_parse_n(dig.p, dig.n, &digest, e);
        if (r < 0)
            return r;
    }
    return fill(&sp, path, tag, &digest, a, ret, e);
}

void ref_default_tag(struct ref *r)
{
    if (!r->tag && !digest_is_set(&r->digest))
        r->tag = "latest";
}

bool ref_is_identifier(const char *s)
{
    struct str t = str_of(s);
    return t.n == 64 && all_of(t, is_lower_hex);
}

bool ref_is_id_prefix(const char *s)
{
    struct str t = str_of(s);
    if (t.n >= 7 && memcmp(t.p, "sha256:", 7) == 0)
        t = (struct str){t.p + 7, t.n - 7};
    return t.n <= 64 && all_of(t, is_lower_hex);
}

bool ref_tag_valid(const char *tag)
{
    return tag_chars_valid(str_of(tag));
}

static char *join(const char *name, const struct ref *r, struct arena *a)
{
    return arena_printf(a, "%s%s%s%s%s", name, r->tag ? ":" : "", r->tag ? r->tag : "",
                        digest_is_set(&r->digest) ? "@" : "", r->digest.s);
}

char *ref_canonical(const struct ref *r, struct arena *a)
{
    return join(r->repo, r, a);
}

char *ref_familiar(const struct ref *r, struct arena *a)
{
    return join(r->familiar, r, a);
}

const char *ref_familiar_repo(const char *repo)
{
    if (!str_has_prefix(repo, DEFAULT_DOMAIN "/"))
        return repo;
    const char *path = repo + strlen(DEFAULT_DOMAIN "/");
    if (str_has_prefix(path, OFFICIAL) && !strchr(path + strlen(OFFICIAL), '/'))
        return path + strlen(OFFICIAL);
    return path;
}
