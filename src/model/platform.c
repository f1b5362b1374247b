/* SPDX-License-Identifier: Apache-2.0 */
#include "model/platform.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "model/limits.h"
#include "model/platform_canon.h"

/* The patterns as containerd's messages show them, quoted by Go: backslashes are doubled. */
#define OS_PATTERN                                                                                 \
    "\"^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$\""
#define PART_PATTERN "\"^[A-Za-z0-9_.-]+$\""

#define QUOTED_MAX (4 * LIMIT_PLATFORM_BYTES + 3)
#define MAX_PARTS  4

static const char *const known_os[] = {
    "aix",   "android", "darwin", "dragonfly", "freebsd", "hurd",    "illumos", "ios", "js",
    "linux", "nacl",    "netbsd", "openbsd",   "plan9",   "solaris", "windows", "zos",
};

static const char *const known_arch[] = {
    "386",     "amd64",   "amd64p32", "arm",    "armbe",  "arm64",    "arm64be",   "ppc64",
    "ppc64le", "loong64", "mips",     "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le",
    "ppc",     "riscv",   "riscv64",  "s390",   "s390x",  "sparc",    "sparc64",   "wasm",
};

static bool is_in(const char *const *names, size_t n, const char *s)
{
    for (size_t i = 0; i < n; i++)
        if (streq(names[i], s))
            return true;
    return false;
}

bool platform_is_set(const struct platform *p)
{
    return (p->os && *p->os) || (p->arch && *p->arch);
}

/* ---- words for errors: Go's %q ---- */

static const char *quote(struct str s, char ret[QUOTED_MAX])
{
    size_t n = s.n < LIMIT_PLATFORM_BYTES ? s.n : LIMIT_PLATFORM_BYTES, out = 0;
    bool utf8 = str_is_utf8(s.n ? s.p : "", n);
    ret[out++] = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
            out += (size_t)snprintf(ret + out, 5, "\\x%02x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            ret[out++] = '\\';
        ret[out++] = (char)c;
    }
    ret[out++] = '"';
    ret[out] = 0;
    return ret;
}

/* ---- parsing ---- */

static bool is_word_char(char c, const char *more)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || (c && strchr(more, c));
}

static struct str take_word(struct str *s, const char *more)
{
    size_t i = 0;
    while (i < s->n && is_word_char(s->p[i], more))
        i++;
    struct str word = {s->p, i};
    *s = (struct str){s->p + i, s->n - i};
    return word;
}

struct os_part {
    struct str os, version, features; /* features: "+a+b" */
};

/* os [ "(" version ("+" feature)* ")" ] */
static bool split_os(struct str s, struct os_part *ret)
{
    struct os_part o = {.os = take_word(&s, "")};
    if (o.os.n == 0)
        return false;
    if (s.n == 0) {
        *ret = o;
        return true;
    }
    if (s.p[0] != '(')
        return false;
    s = (struct str){s.p + 1, s.n - 1};
    o.version = take_word(&s, ".%");
    o.features.p = s.p;
    while (s.n && s.p[0] == '+') {
        s = (struct str){s.p + 1, s.n - 1};
        if (take_word(&s, ".%").n == 0)
            return false;
    }
    o.features.n = (size_t)(s.p - o.features.p);
    if (s.n != 1 || s.p[0] != ')')
        return false;
    *ret = o;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX decoded, into the arena. */
static int decode(struct str s, struct arena *a, char **ret, struct shale_err *e)
{
    if (!s.p)
        s = STR("");
    char *out = arena_strndup(a, s.p, s.n), *w = out;
    if (!out)
        return err_nomem(e);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            *w++ = s.p[i];
            continue;
        }
        int hi = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
        int lo = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
        if (hi < 0 || lo < 0 || (hi == 0 && lo == 0)) {
            char q[QUOTED_MAX];
            size_t n = s.n - i < 3 ? s.n - i : 3;
            return err_set(e, SHALE_INVALID, "invalid URL escape %s",
                           quote((struct str){s.p + i, n}, q));
        }
        *w++ = (char)(hi << 4 | lo);
        i += 2;
    }
    *w = 0;
    *ret = out;
    return 0;
}

static int parse_features(struct str whole, struct str s, struct arena *a, struct strv *ret,
                          struct shale_err *e)
{
    char q[QUOTED_MAX], qf[QUOTED_MAX];
    struct strv v = {.set = true};
    struct str part;
    v.v = arena_array(a, s.n, sizeof *v.v); /* more than there can be */
    if (!v.v)
        return err_nomem(e);
    s = (struct str){s.p + 1, s.n - 1};
    while (str_split(&s, '+', &part)) {
        int r = decode(part, a, &v.v[v.n], e);
        if (r == -SHALE_INVALID)
            return err_wrap(e, r, "%s has invalid OS features: invalid os feature %s",
                            quote(whole, q), quote(part, qf));
        if (r < 0)
            return r;
        v.n += *v.v[v.n] != 0;
    }
    *ret = v;
    return 0;
}

static char *lower(const char *s, struct arena *a)
{
    char *p = arena_strdup(a, s);
    for (char *c = p; c && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return p;
}

/* First part: os, version and features. */
static int parse_os(struct str whole, struct str part, struct arena *a, struct platform *p,
                    struct shale_err *e)
{
    char q[QUOTED_MAX], qp[QUOTED_MAX];
    struct os_part o;
    if (!split_os(part, &o))
        return err_set(e, SHALE_INVALID,
                       "%s is an invalid OS component of %s: OSAndVersion specifier component must "
                       "match %s: invalid argument",
                       quote(part, qp), quote(whole, q), OS_PATTERN);
    char *os = arena_strndup(a, o.os.p, o.os.n), *version = NULL;
    if (!os || !(os = lower(platform_canon_os(os), a)))
        return err_nomem(e);
    p->os = os;
    int r = decode(o.version, a, &version, e);
    if (r == -SHALE_INVALID)
        return err_wrap(e, r, "%s has an invalid OS version %s", quote(whole, q),
                        quote(o.version, qp));
    if (r < 0)
        return r;
    if (*version)
        p->os_version = version;
    return o.features.n ? parse_features(whole, o.features, a, &p->os_features, e) : 0;
}

static int set_arch(struct platform *p, struct str arch, struct str variant, struct arena *a,
                    struct shale_err *e)
{
    struct platform raw = {.os = p->os,
                           .arch = arena_strndup(a, arch.p, arch.n),
                           .variant = arena_strndup(a, variant.p ? variant.p : "", variant.n)};
    if (!raw.arch || !raw.variant)
        return err_nomem(e);
    struct platform_canon c = platform_canon(&raw);
    p->arch = lower(c.arch, a);
    p->variant = lower(c.variant, a);
    if (!p->arch || !p->variant)
        return err_nomem(e);
    if (!*p->variant)
        p->variant = NULL;
    return 0;
}

/* The usual variant is left out where none was given. */
static void drop_default_variant(struct platform *p)
{
    if (streq(p->arch, "arm") && streq(p->variant, "v7"))
        p->variant = NULL;
}

static int parse_single(struct str part, struct arena *a, struct platform *p, struct shale_err *e)
{
    struct platform host = platform_host();
    if (is_in(known_os, ARRAY_SIZE(known_os), p->os)) {
        p->arch = host.arch;
        if (streq(host.arch, "arm"))
            p->variant = host.variant;
        drop_default_variant(p);
        return 0;
    }
    int r = set_arch(p, part, (struct str){NULL, 0}, a, e);
    if (r < 0)
        return r;
    drop_default_variant(p);
    if (is_in(known_arch, ARRAY_SIZE(known_arch), p->arch)) {
        p->os = host.os;
        return 0;
    }
    char q[QUOTED_MAX];
    return err_set(e, SHALE_INVALID,
                   "%s: unknown operating system or architecture: invalid argument",
                   quote(part, q));
}

static int split_parts(struct str whole, struct str parts[MAX_PARTS], size_t *ret_n,
                       struct shale_err *e)
{
    char q[QUOTED_MAX], qp[QUOTED_MAX];
    struct str rest = whole;
    size_t n = 0;
    for (bool more = true; more; n++) {
        const char *slash = rest.n && n < MAX_PARTS - 1 ? memchr(rest.p, '/', rest.n) : NULL;
        more = slash != NULL;
        parts[n] = (struct str){rest.p, slash ? (size_t)(slash - rest.p) : rest.n};
        if (more)
            rest = (struct str){slash + 1, rest.n - parts[n].n - 1};
        struct str left = parts[n];
        if (n > 0 && (left.n == 0 || (take_word(&left, "."), left.n)))
            return err_set(e, SHALE_INVALID,
                           "%s is an invalid component of %s: platform specifier component must "
                           "match %s: invalid argument",
                           quote(parts[n], qp), quote(whole, q), PART_PATTERN);
    }
    *ret_n = n;
    return 0;
}

int platform_parse(const char *s, struct arena *a, struct platform *ret, struct shale_err *e)
{
    char q[QUOTED_MAX];
    struct str whole = str_of(s), parts[MAX_PARTS];
    struct platform p = {0};
    size_t n = 0;
    if (whole.n > LIMIT_PLATFORM_BYTES)
        return err_set(e, SHALE_INVALID, "%s: cannot parse platform specifier: invalid argument",
                       quote((struct str){whole.p, 64}, q));
    if (whole.n && memchr(whole.p, '*', whole.n))
        return err_set(e, SHALE_INVALID, "%s: wildcards not yet supported: invalid argument",
                       quote(whole, q));
    struct str first = whole;
    const char *slash = whole.n ? memchr(whole.p, '/', whole.n) : NULL;
    if (slash)
        first.n = (size_t)(slash - whole.p);
    int r = parse_os(whole, first, a, &p, e);
    if (r < 0)
        return r;
    r = split_parts(whole, parts, &n, e);
    if (r < 0)
        return r;
    if (n > 3)
        return err_set(e, SHALE_INVALID, "%s: cannot parse platform specifier: invalid argument",
                       quote(whole, q));
    if (n == 1)
        r = parse_single(first, a, &p, e);
    else
        r = set_arch(&p, parts[1], n == 3 ? parts[2] : (struct str){NULL, 0}, a, e);
    if (r < 0)
        return r;
    if (n == 2)
        drop_default_variant(&p);
    else if (n == 3 && streq(p.arch, "arm64") && !p.variant)
        p.variant = "v8";
    *ret = p;
    return 0;
}

/* ---- normal form and text ---- */

static int by_text(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

static const char *lower_or_same(const char *s, struct arena *a)
{
    const char *p = s;
    while (*p && !(*p >= 'A' && *p <= 'Z'))
        p++;
    char *copy = *p ? lower(s, a) : NULL;
    s = copy ? copy : s;
    return *s ? s : NULL;
}

/* Sorted, without duplicates. */
static void sort_features(struct strv *f, struct arena *a)
{
    char **v = f->n ? arena_memdup(a, f->v, f->n * sizeof *v) : NULL;
    if (!v)
        return;
    qsort(v, f->n, sizeof *v, by_text);
    size_t n = 1;
    for (size_t i = 1; i < f->n; i++)
        if (strcmp(v[i], v[n - 1]) != 0)
            v[n++] = v[i];
    f->v = v;
    f->n = n;
}

struct platform platform_normalize(struct platform p, struct arena *a)
{
    struct platform_canon c = platform_canon(&p);
    p.os = lower_or_same(c.os, a);
    p.arch = lower_or_same(c.arch, a);
    p.variant = lower_or_same(c.variant, a);
    sort_features(&p.os_features, a);
    return p;
}

static void add_option(struct buf *b, const char *s)
{
    for (; *s; s++) {
        if (strchr("%+()/", *s))
            buf_addf(b, "%%%02X", (unsigned char)*s);
        else
            buf_addc(b, *s);
    }
}

static char *format(const struct platform *p, bool all, struct arena *a)
{
    if (!p->os || !*p->os)
        return arena_strdup(a, "unknown");
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
    buf_adds(&b, p->os);
    struct strv f = p->os_features;
    if (all)
        sort_features(&f, a);
    bool open = false;
    if (all && p->os_version && *p->os_version) {
        buf_addc(&b, '(');
        add_option(&b, p->os_version);
        open = true;
    }
    for (size_t i = 0; all && i < f.n; i++) {
        if (!*f.v[i])
            continue;
        buf_adds(&b, open ? "+" : "(+");
        add_option(&b, f.v[i]);
        open = true;
    }
    if (open)
        buf_addc(&b, ')');
    const char *rest[] = {p->arch, p->variant};
    for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
        if (rest[i] && *rest[i])
            buf_addf(&b, "/%s", rest[i]);
    return a->failed || buf_check(&b, NULL) < 0 ? NULL : arena_strndup(a, b.p, b.n);
}

char *platform_format(const struct platform *p, struct arena *a)
{
    return format(p, false, a);
}

char *platform_format_all(const struct platform *p, struct arena *a)
{
    return format(p, true, a);
}
