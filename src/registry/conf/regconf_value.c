/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the config file. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "base/units.h"
#include "base/glob.h"
#include "registry/conf/regconf_priv.h"

#define SHOWN_BYTES 80
#define DAY_S       86400

static int invalid(struct shale_err *e, const struct regconf_key *k, const char *text)
{
    char shown[SHOWN_BYTES];
    _cleanup_(buf_clear) struct buf takes = BUF_INIT(1024);

    regconf_takes(k, &takes);
    return err_set(e, SHALE_INVALID, "%s = %s: must be %s", k->name,
                   *text ? str_printable(shown, sizeof shown, text) : "(nothing)", buf_str(&takes));
}

/* ---- numbers ---- */

static int read_number(const struct regconf_key *k, const char *text, void *field,
                       struct shale_err *e)
{
    uint64_t n;
    int64_t v;

    switch (k->kind) {
    case RK_DURATION:
        if (time_parse_span(text, &v, NULL) < 0 || v < (int64_t)k->min * NS_PER_S ||
            v > (int64_t)k->max * NS_PER_S)
            return invalid(e, k, text);
        *(int64_t *)field = v;
        return 0;
    case RK_BYTES:
        if (units_parse_binary(text, &v, NULL) < 0)
            return invalid(e, k, text);
        n = (uint64_t)v;
        break;
    default:
        if (!str_to_u64(text, &n))
            return invalid(e, k, text);
    }
    if (n < k->min || n > k->max)
        return invalid(e, k, text);
    *(uint64_t *)field = n;
    return 0;
}

static int read_bool(const struct regconf_key *k, const char *text, void *field,
                     struct shale_err *e)
{
    static const char *const yes[] = {"yes", "true", "on"}, *const no[] = {"no", "false", "off"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        if (str_ieq(text, yes[i]) || str_ieq(text, no[i])) {
            *(bool *)field = str_ieq(text, yes[i]);
            return 0;
        }
    return invalid(e, k, text);
}

/* ---- words ---- */

/* Place of a word in "a|b|c", or -1. */
static int word_at(const char *words, struct str w)
{
    struct str rest = str_of(words), one;

    for (int i = 0; str_split(&rest, '|', &one); i++)
        if (str_eq(one, w))
            return i;
    return -1;
}

static int read_flags(const struct regconf_key *k, const char *text, void *field,
                      struct shale_err *e)
{
    struct str rest = str_of(text), one;
    unsigned bits = 0;

    while (str_split(&rest, ',', &one)) {
        int at = word_at(k->words, str_trim(one));
        if (at < 0)
            return invalid(e, k, text);
        bits |= 1u << at;
    }
    *(unsigned *)field = bits;
    return 0;
}

/* ---- text ---- */

static int add_to_list(struct strv *v, struct str s, struct arena *a, struct shale_err *e)
{
    /* As big as it may get once it does not fit into the first few; lists are short. */
    if (v->n >= REGCONF_MAX_VALUES)
        return err_set(e, SHALE_LIMIT, "more than %d values", REGCONF_MAX_VALUES);
    if ((v->n & (v->n - 1)) == 0) { /* full at every power of two */
        char **grown = arena_array(a, v->n ? 2 * v->n : 1, sizeof *grown);
        if (!grown)
            return err_nomem(e);
        if (v->n)
            memcpy(grown, v->v, v->n * sizeof *grown);
        v->v = grown;
    }
    v->v[v->n] = arena_strndup(a, s.p, s.n);
    if (!v->v[v->n])
        return err_nomem(e);
    v->n++;
    v->set = true;
    return 0;
}

static bool is_name(struct str s)
{
    if (s.n == 0 || s.n > 255)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || strchr(",:\"", s.p[i]))
            return false;
    return true;
}

static int read_list(const struct regconf_key *k, const char *text, struct arena *a,
                     struct strv *ret, struct shale_err *e)
{
    struct str rest = str_of(text), one;
    struct strv v = {0};

    while (str_split(&rest, ',', &one)) {
        one = str_trim(one);
        if (!is_name(one))
            return invalid(e, k, text);
        int r = add_to_list(&v, one, a, e);
        if (r < 0)
            return r;
    }
    *ret = v;
    return 0;
}

static int read_globs(const struct regconf_key *k, const char *text, struct arena *a,
                      struct strv *ret, struct shale_err *e)
{
    struct strv v;
    int r = read_list(k, text, a, &v, e);

    for (size_t i = 0; r >= 0 && i < v.n; i++)
        r = glob_check(v.v[i], e);
    if (r < 0)
        return r;
    *ret = v;
    return 0;
}

static int read_who(const struct regconf_key *k, const char *text, struct arena *a,
                    struct policy_who *ret, struct shale_err *e)
{
    struct policy_who w = {0};
    struct strv all = {0};

    if (streq(text, "nobody")) {
        *ret = w;
        return 0;
    }
    int r = read_list(k, text, a, &all, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < all.n; i++) {
        if (streq(all.v[i], "anyone"))
            w.anyone = true;
        else if (streq(all.v[i], "users"))
            w.users = true;
        else if (streq(all.v[i], "nobody") || streq(all.v[i], "@"))
            return invalid(e, k, text);
        else if ((r = add_to_list(&w.names, str_of(all.v[i]), a, e)) < 0)
            return r;
    }
    *ret = w;
    return 0;
}

/* "Name: value", a token and one printable line. */
static int read_header(const struct regconf_key *k, const char *text, struct arena *a,
                       struct strv *ret, struct shale_err *e)
{
    const char *colon = strchr(text, ':');

    if (!colon || colon == text)
        return invalid(e, k, text);
    for (const char *c = text; c < colon; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f ||
            strchr("()<>@,;\\\"/[]?={}", *c))
            return invalid(e, k, text);
    return add_to_list(ret, str_of(text), a, e);
}

static int read_url(const struct regconf_key *k, const char *text, struct arena *a,
                    const char **ret, struct shale_err *e)
{
    const char *host = strstr(text, "://");
    size_t n = strlen(text);

    if (!host || !(str_has_prefix(text, "http://") || str_has_prefix(text, "https://")) || n > 2048)
        return invalid(e, k, text);
    host += 3;
    if (!*host || *host == '/' || *host == ':' || strchr(text, '#') || strchr(host, '@'))
        return invalid(e, k, text);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || strchr("\"<>\\^`{|}", *c))
            return invalid(e, k, text);
    while (n > 0 && text[n - 1] == '/')
        n--;
    char *s = arena_strndup(a, text, n);
    if (!s)
        return err_nomem(e);
    *ret = s;
    return 0;
}

static int read_text(const struct regconf_key *k, const char *text, const char *dir,
                     struct arena *a, const char **ret, struct shale_err *e)
{
    if (!*text || (k->kind == RK_PATH && strlen(text) >= 4096))
        return invalid(e, k, text);
    char *s = k->kind == RK_PATH && *text != '/' && dir ? arena_printf(a, "%s/%s", dir, text)
                                                        : arena_strdup(a, text);
    if (!s)
        return err_nomem(e);
    *ret = s;
    return 0;
}

int regconf_address(const char *text, struct arena *a, const char **ret_host, uint64_t *ret_port,
                    struct shale_err *e)
{
    char shown[SHOWN_BYTES];
    const char *host = text, *end = strrchr(text, ':'), *port = end ? end + 1 : NULL;
    uint64_t number = REGCONF_DEFAULT_PORT;

    if (*text == '[') {
        end = strchr(text, ']');
        host = text + 1;
        port = end && end[1] == ':' ? end + 2 : NULL;
        if (!end || (end[1] && !port))
            host = NULL;
    } else if (end && memchr(text, ':', (size_t)(end - text))) {
        host = NULL; /* two colons: an IPv6 address wants brackets */
    }
    size_t n = !host ? 0 : end ? (size_t)(end - host) : strlen(host);
    if (!host || (n == 0 && *text == '[') || (n == 0 && !port) || n > 255 ||
        strcspn(host, " /@,%") < n)
        return err_set(e, SHALE_INVALID,
                       "address = %s: must be HOST:PORT, [IPV6]:PORT or :PORT (every interface)",
                       str_printable(shown, sizeof shown, text));
    if (port && (!str_to_u64(port, &number) || number > 65535))
        return err_set(e, SHALE_INVALID, "address = %s: a port is a number up to 65535",
                       str_printable(shown, sizeof shown, text));
    if (!(*ret_host = arena_strndup(a, host, n)))
        return err_nomem(e);
    *ret_port = number;
    return 0;
}

int regconf_value(const struct regconf_key *k, const char *text, const char *dir, struct arena *a,
                  void *field, struct shale_err *e)
{
    switch (k->kind) {
    case RK_STR:
    case RK_PATH:
    case RK_ADDRESS:
        return read_text(k, text, dir, a, field, e);
    case RK_URL:
        return read_url(k, text, a, field, e);
    case RK_BOOL:
        return read_bool(k, text, field, e);
    case RK_COUNT:
    case RK_BYTES:
    case RK_DURATION:
        return read_number(k, text, field, e);
    case RK_CHOICE: {
        int at = word_at(k->words, str_of(text));
        if (at < 0)
            return invalid(e, k, text);
        *(int *)field = at;
        return 0;
    }
    case RK_FLAGS:
        return read_flags(k, text, field, e);
    case RK_LIST:
        return read_list(k, text, a, field, e);
    case RK_GLOBS:
        return read_globs(k, text, a, field, e);
    case RK_WHO:
        return read_who(k, text, a, field, e);
    case RK_HEADER:
        return read_header(k, text, a, field, e);
    }
    return err_set(e, SHALE_INTERNAL, "kind %d of a key", k->kind);
}

/* ---- what a key takes ---- */

static void add_bytes(struct buf *b, uint64_t n)
{
    static const char units[] = " kmgt";
    int u = 0;

    for (; n && n % 1024 == 0 && u < 4; u++)
        n /= 1024;
    buf_addf(b, "%" PRIu64, n);
    if (u)
        buf_addc(b, units[u]);
}

static void add_seconds(struct buf *b, uint64_t s)
{
    if (s && s % DAY_S == 0)
        buf_addf(b, "%" PRIu64 "d", s / DAY_S);
    else if (s && s % 3600 == 0)
        buf_addf(b, "%" PRIu64 "h", s / 3600);
    else if (s && s % 60 == 0)
        buf_addf(b, "%" PRIu64 "m", s / 60);
    else
        buf_addf(b, "%" PRIu64 "s", s);
}

static void add_words(struct buf *b, const char *words)
{
    for (const char *c = words; *c; c++) {
        if (*c == '|')
            buf_adds(b, ", ");
        else
            buf_addc(b, *c);
    }
}

void regconf_takes(const struct regconf_key *k, struct buf *b)
{
    static const char *const plain[] = {
        [RK_STR] = "a text",
        [RK_PATH] = "a path",
        [RK_URL] = "a URL: http:// or https://, a host, no user and no fragment",
        [RK_ADDRESS] = "HOST:PORT, [IPV6]:PORT or :PORT",
        [RK_BOOL] = "yes or no",
        [RK_LIST] = "names, with commas between",
        [RK_GLOBS] = "globs (v*, nightly-*), with commas between",
        [RK_WHO] = "nobody, or of these, with commas between: anyone, users, NAME, @GROUP",
        [RK_HEADER] = "NAME: VALUE; the key may stand several times",
    };

    switch (k->kind) {
    case RK_COUNT:
        buf_addf(b, "a number from %" PRIu64 " to %" PRIu64, k->min, k->max);
        return;
    case RK_BYTES:
        buf_adds(b, "a size (512k, 64m, 10g) from ");
        add_bytes(b, k->min);
        buf_adds(b, " to ");
        add_bytes(b, k->max);
        return;
    case RK_DURATION:
        buf_adds(b, "a time (90s, 5m, 12h, 7d) from ");
        add_seconds(b, k->min);
        buf_adds(b, " to ");
        add_seconds(b, k->max);
        return;
    case RK_CHOICE:
        buf_adds(b, "one of ");
        add_words(b, k->words);
        return;
    case RK_FLAGS:
        buf_adds(b, "some of these, with commas between: ");
        add_words(b, k->words);
        return;
    default:
        buf_adds(b, plain[k->kind]);
    }
}
