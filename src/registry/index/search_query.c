/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/index/search_query.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/time.h"
#include "base/units.h"
#include "base/glob.h"

struct parsing {
    struct search_query *q;
    struct arena *a;
    int64_t now_ns;
};

static bool is_glob(const char *s)
{
    return strpbrk(s, "*?") != NULL;
}

static int full(const char *what, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "%s: at most %d of them", what, SEARCH_MANY);
}

/* ---- a function for every field ---- */

static int read_words(struct parsing *p, const char *v, struct shale_err *e)
{
    struct str rest = str_of(v), word;

    while (str_split(&rest, ' ', &word)) {
        if (word.n == 0)
            continue;
        if (p->q->n_words == SEARCH_MANY)
            return full("words", e);
        const char *copy = arena_strndup(p->a, word.p, word.n);
        if (!copy)
            return err_nomem(e);
        p->q->words[p->q->n_words++] = copy;
    }
    return 0;
}

static int read_repo(struct parsing *p, const char *v, struct shale_err *e)
{
    p->q->repo = v;
    return glob_check(v, e);
}

static int read_tag(struct parsing *p, const char *v, struct shale_err *e)
{
    p->q->tag = v;
    return glob_check(v, e);
}

static int read_fact(struct parsing *p, const char *kind, const char *v, struct shale_err *e)
{
    const char *eq = strchr(v, '=');
    struct search_fact *f = &p->q->facts[p->q->n_facts];

    if (p->q->n_facts == SEARCH_MANY)
        return full("labels and annotations", e);
    p->q->n_facts++;
    f->kind = kind;
    f->key = eq ? arena_strndup(p->a, v, (size_t)(eq - v)) : v;
    f->value = eq ? eq + 1 : NULL;
    if (!f->key)
        return err_nomem(e);
    return *f->key ? 0 : err_set(e, SHALE_INVALID, "KEY or KEY=VALUE is expected");
}

static int read_label(struct parsing *p, const char *v, struct shale_err *e)
{
    return read_fact(p, "l", v, e);
}

static int read_annotation(struct parsing *p, const char *v, struct shale_err *e)
{
    return read_fact(p, "a", v, e);
}

static int read_arch(struct parsing *p, const char *v, struct shale_err *e)
{
    const char *slash = strchr(v, '/');

    p->q->arch = slash ? arena_strndup(p->a, v, (size_t)(slash - v)) : v;
    p->q->variant = slash ? slash + 1 : NULL;
    return p->q->arch ? 0 : err_nomem(e);
}

static int read_os(struct parsing *p, const char *v, struct shale_err *e)
{
    (void)e;
    p->q->os = v;
    return 0;
}

static bool is_hex(const char *s)
{
    return s[strspn(s, "0123456789abcdef")] == 0;
}

static int read_digest(struct parsing *p, const char *v, struct shale_err *e)
{
    const char *colon = strchr(v, ':'), *hex = colon ? colon + 1 : v;

    if (strlen(hex) < SEARCH_DIGEST_MIN || strlen(hex) > HASH_MAX_HEX || !is_hex(hex))
        return err_set(e, SHALE_INVALID,
                       "sha256: and the first hex characters, at least %d, are expected",
                       SEARCH_DIGEST_MIN);
    p->q->digest = colon ? v : arena_printf(p->a, "sha256:%s", v);
    return p->q->digest ? 0 : err_nomem(e);
}

static int read_size(struct parsing *p, const char *v, struct shale_err *e)
{
    bool least = *v == '>', or_equal = v[0] && v[1] == '=';
    const char *number = v + (*v == '>' || *v == '<' ? 1 + or_equal : 0);
    bool strict = number != v && !or_equal;
    int64_t n = 0;

    if (units_parse_binary(number, &n, NULL) < 0 || n < 0)
        return err_set(e, SHALE_INVALID, "a size is expected, as in \"<=1g\" or \">100m\"");
    if (least)
        p->q->min_bytes = (uint64_t)n + strict;
    else
        p->q->max_bytes = (uint64_t)n - (strict && n > 0);
    return 0;
}

static int read_time(struct parsing *p, const char *v, int64_t *ret, struct shale_err *e)
{
    if (time_parse_filter(v, p->now_ns, ret, NULL) >= 0)
        return 0;
    return err_set(e, SHALE_INVALID,
                   "a time is expected, as in 2026-01-31, 2026-01-31T12:00:00Z or 48h");
}

static int read_since(struct parsing *p, const char *v, struct shale_err *e)
{
    return read_time(p, v, &p->q->since_ns, e);
}

static int read_before(struct parsing *p, const char *v, struct shale_err *e)
{
    return read_time(p, v, &p->q->before_ns, e);
}

/* Slashes at the begin do not matter. A pattern without any means the name. */
static int read_file(struct parsing *p, const char *v, struct shale_err *e)
{
    struct search_file *f = &p->q->files[p->q->n_files];
    bool rooted = strchr(v, '/') != NULL;

    if (p->q->n_files == SEARCH_MANY)
        return full("files", e);
    p->q->n_files++;
    v += strspn(v, "/");
    const char *slash = strrchr(v, '/');
    f->dir = !rooted ? NULL : slash ? arena_strndup(p->a, v, (size_t)(slash - v)) : "";
    f->name = slash ? slash + 1 : v;
    if (rooted && !f->dir)
        return err_nomem(e);
    if (!*f->name)
        return err_set(e, SHALE_INVALID, "the path of a file is expected");
    if (is_glob(v) && strlen(v) > GLOB_MAX_BYTES)
        return err_set(e, SHALE_INVALID, "a glob of more than %d characters", GLOB_MAX_BYTES);
    f->dir_glob = f->dir && is_glob(f->dir);
    f->name_glob = is_glob(f->name);
    f->any_name = f->name[strspn(f->name, "*")] == 0;
    return 0;
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static int read_sha256(struct parsing *p, const char *v, struct shale_err *e)
{
    v += str_has_prefix(v, "sha256:") ? 7 : 0;
    if (strlen(v) != 64 || !is_hex(v))
        return err_set(e, SHALE_INVALID, "64 hex characters are expected");
    for (size_t i = 0; i < 32; i++)
        p->q->sha256[i] = (uint8_t)(nibble(v[2 * i]) << 4 | nibble(v[2 * i + 1]));
    p->q->has_sha256 = true;
    return 0;
}

static int read_package(struct parsing *p, const char *v, struct shale_err *e)
{
    static const struct {
        const char *text;
        enum search_op op;
    } ops[] = {
        {"<=", SEARCH_LE}, {">=", SEARCH_GE}, {"=", SEARCH_EQ}, {"<", SEARCH_LT}, {">", SEARCH_GT}};
    struct search_package *x = &p->q->packages[p->q->n_packages];
    size_t n = strcspn(v, "<>=");

    if (p->q->n_packages == SEARCH_MANY)
        return full("packages", e);
    p->q->n_packages++;
    x->name = arena_strndup(p->a, v, n);
    if (!x->name)
        return err_nomem(e);
    for (size_t i = 0; v[n] && i < ARRAY_SIZE(ops) && !x->version; i++) {
        if (!str_has_prefix(v + n, ops[i].text))
            continue;
        x->op = ops[i].op;
        x->version = v + n + strlen(ops[i].text);
    }
    x->glob = is_glob(x->name);
    if (!n || n > GLOB_MAX_BYTES || (x->version && !*x->version))
        return err_set(e, SHALE_INVALID, "NAME or NAME>=VERSION (= < <= > >=) is expected");
    return 0;
}

static int skip(struct parsing *p, const char *v, struct shale_err *e)
{
    (void)p, (void)v, (void)e;
    return 0;
}

static const struct {
    const char *name;
    int (*read)(struct parsing *p, const char *v, struct shale_err *e);
} fields[] = {
    {"q", read_words},
    {"repo", read_repo},
    {"tag", read_tag},
    {"label", read_label},
    {"annotation", read_annotation},
    {"arch", read_arch},
    {"os", read_os},
    {"digest", read_digest},
    {"size", read_size},
    {"since", read_since},
    {"before", read_before},
    {"file", read_file},
    {"sha256", read_sha256},
    {"package", read_package},
    {"n", skip},
    {"page", skip},
};

static int read_field(struct parsing *p, const char *name, const char *v, struct shale_err *e)
{
    char shown[64];

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (!streq(fields[i].name, name))
            continue;
        if (strlen(v) > SEARCH_FIELD_BYTES)
            return err_set(e, SHALE_INVALID, "%s: more than %d bytes", name, SEARCH_FIELD_BYTES);
        int r = fields[i].read(p, v, e);
        return r < 0 ? err_wrap(e, r, "%s", name) : 0;
    }
    return err_set(e, SHALE_INVALID, "there is no field \"%s\"",
                   str_printable(shown, sizeof shown, name));
}

int search_query_parse(const struct http_query *q, int64_t now_ns, struct arena *a,
                       struct search_query *ret, struct shale_err *e)
{
    struct parsing p = {ret, a, now_ns};
    int r = 0;

    *ret = (struct search_query){
        .max_bytes = UINT64_MAX, .since_ns = INT64_MIN, .before_ns = INT64_MAX};
    for (size_t i = 0; r >= 0 && i < q->n; i++)
        if (*q->v[i].value) /* a field that was left empty */
            r = read_field(&p, q->v[i].name, q->v[i].value, e);
    return r;
}

bool search_query_looks_inside(const struct search_query *q)
{
    return q->n_files || q->n_packages || q->has_sha256;
}
