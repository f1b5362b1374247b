/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opts.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "base/units.h"

#define MAX_TABLE 256 /* options of one table, for sorting in help */

/* One command line being taken apart. */
struct parse {
    const struct opt *table;
    int argc, at; /* at: the argument that comes next */
    char **argv;
    char *out; /* the command's option struct */
    struct arena *a;
    struct opts_result *res;
    struct shale_err *e;
};

size_t opts_count(const struct opt *table)
{
    size_t n = 0;
    while (table && table[n].name)
        n++;
    return n;
}

/* ---- values ---- */

/* "-m, --memory" or "--memory", as pflag names an option in its messages. */
static const char *label(const struct opt *o, char *dst, size_t n)
{
    if (o->shortname)
        snprintf(dst, n, "-%c, --%s", o->shortname, o->name);
    else
        snprintf(dst, n, "--%s", o->name);
    return dst;
}

static int invalid(struct parse *p, const struct opt *o, const char *value, const char *why)
{
    char name[80];
    return err_set(p->e, SHALE_INVALID, "invalid argument \"%.200s\" for \"%s\" flag: %s", value,
                   label(o, name, sizeof name), why);
}

static int invalid_number(struct parse *p, const struct opt *o, const char *value, const char *func,
                          const char *why)
{
    char text[300];
    snprintf(text, sizeof text, "%s: parsing \"%.200s\": %s", func, value, why);
    return invalid(p, o, value, text);
}

/* The list keeps a NULL behind its last entry. Its room is the next power of two above n + 1. */
static int push(struct parse *p, struct strv *list, char *value)
{
    size_t n = list->n;
    if ((n & (n + 1)) == 0) {
        char **v = arena_array(p->a, 2 * (n + 1), sizeof *v);
        if (!v)
            return err_nomem(p->e);
        if (n)
            memcpy(v, list->v, n * sizeof *v);
        list->v = v;
    }
    list->v[list->n++] = value;
    list->v[list->n] = NULL;
    list->set = true;
    return 0;
}

static int set_bool(struct parse *p, const struct opt *o, char *value)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (streq(value, yes[i]) || streq(value, no[i])) {
            *(bool *)(p->out + o->offset) = streq(value, yes[i]);
            return 0;
        }
    }
    return invalid_number(p, o, value, "strconv.ParseBool", "invalid syntax");
}

static int set_int(struct parse *p, const struct opt *o, char *value)
{
    const char *digits = value + (*value == '-' || *value == '+');
    bool number = *digits && digits[strspn(digits, "0123456789")] == 0;
    int64_t *dst = (int64_t *)(p->out + o->offset);
    if (number && str_to_i64(*value == '+' ? digits : value, dst))
        return 0;
    return invalid_number(p, o, value, "strconv.ParseInt",
                          number ? "value out of range" : "invalid syntax");
}

static int set_csv(struct parse *p, const struct opt *o, char *value)
{
    struct str rest = str_of(value), item;
    while (str_split(&rest, ',', &item)) {
        char *copy = arena_strndup(p->a, item.p, item.n);
        int r = copy ? push(p, (struct strv *)(p->out + o->offset), copy) : err_nomem(p->e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int set_filter(struct parse *p, const struct opt *o, char *value)
{
    if (!strchr(value, '='))
        return invalid(p, o, value, "bad format of filter (expected name=value)");
    return push(p, (struct strv *)(p->out + o->offset), value);
}

/* "1.5" as 1500000000. At most nine digits behind the point. */
static bool parse_decimal(const char *s, int64_t *ret, const char **why)
{
    const int64_t unit = 1000000000;
    bool minus = *s == '-', any = false;
    int64_t v = 0, scale = unit;
    *why = "is not a rational number";
    s += *s == '-' || *s == '+';
    for (; *s >= '0' && *s <= '9'; s++, any = true) {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (*s - '0') * unit, &v)) {
            *why = "is too large";
            return false;
        }
    }
    if (*s == '.') {
        for (s++; *s >= '0' && *s <= '9'; s++, any = true) {
            scale /= 10;
            if (scale == 0 && *s != '0') {
                *why = "value is too precise";
                return false;
            }
            if (__builtin_add_overflow(v, (*s - '0') * scale, &v))
                return false;
        }
    }
    if (!any || *s)
        return false;
    *ret = minus ? -v : v;
    return true;
}

static int set_decimal(struct parse *p, const struct opt *o, char *value)
{
    const char *why;
    char text[300];
    if (parse_decimal(value, (int64_t *)(p->out + o->offset), &why))
        return 0;
    if (streq(why, "value is too precise"))
        return invalid(p, o, value, why);
    snprintf(text, sizeof text, "failed to parse %.200s as a rational number", value);
    return invalid(p, o, value, text);
}

static int set_parsed(struct parse *p, const struct opt *o, char *value,
                      int (*f)(const char *, int64_t *, struct shale_err *))
{
    struct shale_err why = SHALE_ERR_INIT;
    if (f(value, (int64_t *)(p->out + o->offset), &why) < 0)
        return invalid(p, o, value, why.msg);
    return 0;
}

bool opts_seen(const struct opts_result *r, size_t i)
{
    return i < OPTS_MAX && r->seen[i / 64] >> i % 64 & 1;
}

static int set_value(struct parse *p, const struct opt *o, char *value)
{
    size_t i = (size_t)(o - p->table);
    if (i >= OPTS_MAX)
        return err_set(p->e, SHALE_INTERNAL, "the table of option --%s is too long", o->name);
    p->res->seen[i / 64] |= 1ull << i % 64;
    p->res->any = true;
    switch (o->kind) {
    case OPT_BOOL:
        return set_bool(p, o, value);
    case OPT_STR:
        *(const char **)(p->out + o->offset) = value;
        return 0;
    case OPT_INT:
        return set_int(p, o, value);
    case OPT_LIST:
        return push(p, (struct strv *)(p->out + o->offset), value);
    case OPT_CSV:
        return set_csv(p, o, value);
    case OPT_BYTES:
        return set_parsed(p, o, value, units_parse_binary);
    case OPT_DURATION:
        return set_parsed(p, o, value, time_parse_duration);
    case OPT_DECIMAL:
        return set_decimal(p, o, value);
    case OPT_FILTER:
        return set_filter(p, o, value);
    }
    return err_set(p->e, SHALE_INTERNAL, "option --%s has no kind", o->name);
}

/* Every table has it, without an entry. */
static int set_help(struct parse *p, char *value)
{
    static const struct opt help = {.name = "help", .kind = OPT_BOOL};
    struct parse own = *p;
    own.out = (char *)&p->res->help;
    return set_bool(&own, &help, value);
}

/* ---- arguments ---- */

static const struct opt *find_long(const struct parse *p, struct str name)
{
    for (const struct opt *o = p->table; o && o->name; o++)
        if (str_eq(str_of(o->name), name))
            return o;
    return NULL;
}

static const struct opt *find_short(const struct parse *p, char c)
{
    for (const struct opt *o = p->table; o && o->name; o++)
        if (o->shortname == c)
            return o;
    return NULL;
}

static int parse_long(struct parse *p, char *arg)
{
    char *eq = strchr(arg + 2, '=');
    struct str name = {arg + 2, eq ? (size_t)(eq - arg - 2) : strlen(arg + 2)};
    if (name.n == 0 || name.p[0] == '-')
        return err_set(p->e, SHALE_INVALID, "bad flag syntax: %.300s", arg);
    const struct opt *o = find_long(p, name);
    if (!o && str_eq(name, STR("help")))
        return eq ? set_help(p, eq + 1) : set_help(p, (char *)"true");
    if (!o)
        return err_set(p->e, SHALE_INVALID, "unknown flag: --%.*s",
                       (int)(name.n < 300 ? name.n : 300), name.p);
    if (eq)
        return set_value(p, o, eq + 1);
    if (o->kind == OPT_BOOL)
        return set_value(p, o, (char *)"true");
    if (p->at >= p->argc)
        return err_set(p->e, SHALE_INVALID, "flag needs an argument: --%s", o->name);
    return set_value(p, o, p->argv[p->at++]);
}

static int parse_shorts(struct parse *p, char *arg)
{
    for (char *c = arg + 1; *c; c++) {
        const struct opt *o = find_short(p, *c);
        if (!o && *c == 'h') {
            p->res->help = true;
            return 0;
        }
        if (!o)
            return err_set(p->e, SHALE_INVALID, "unknown shorthand flag: '%c' in -%.300s", *c, c);
        if (c[1] == '=')
            return set_value(p, o, c + 2);
        if (o->kind == OPT_BOOL) {
            int r = set_value(p, o, (char *)"true");
            if (r < 0)
                return r;
            continue;
        }
        if (c[1])
            return set_value(p, o, c + 1);
        if (p->at >= p->argc)
            return err_set(p->e, SHALE_INVALID, "flag needs an argument: '%c' in -%.300s", *c, c);
        return set_value(p, o, p->argv[p->at++]);
    }
    return 0;
}

int opts_parse(const struct opt *table, int argc, char **argv, bool interspersed, void *out,
               struct arena *a, struct opts_result *ret, struct shale_err *e)
{
    struct opts_result res = {0};
    struct parse p = {table, argc, 1, argv, out, a, &res, e};
    res.args = arena_array(a, (size_t)(argc > 0 ? argc : 0) + 1, sizeof *res.args);
    if (!res.args)
        return err_nomem(e);
    while (p.at < argc && !res.help) {
        char *arg = argv[p.at++];
        int r = 0;
        if (arg[0] != '-' || arg[1] == 0) {
            res.args[res.n_args++] = arg;
            if (interspersed)
                continue;
            break;
        }
        if (streq(arg, "--"))
            break;
        r = arg[1] == '-' ? parse_long(&p, arg) : parse_shorts(&p, arg);
        if (r < 0)
            return r;
    }
    while (p.at < argc)
        res.args[res.n_args++] = argv[p.at++];
    *ret = res;
    return 0;
}

/* ---- help ---- */

static const char *type_name(const struct opt *o)
{
    static const char *const names[] = {
        [OPT_BOOL] = "",
        [OPT_STR] = "string",
        [OPT_INT] = "int",
        [OPT_LIST] = "list",
        [OPT_CSV] = "strings",
        [OPT_BYTES] = "bytes",
        [OPT_DURATION] = "duration",
        [OPT_DECIMAL] = "decimal",
        [OPT_FILTER] = "filter",
    };
    return o->metavar ? o->metavar : names[o->kind];
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct opt *const *)a)->name, (*(const struct opt *const *)b)->name);
}

static size_t left_side(const struct opt *o, struct buf *b)
{
    size_t from = b->n;
    if (o->shortname)
        buf_addf(b, "  -%c, --%s", o->shortname, o->name);
    else
        buf_addf(b, "      --%s", o->name);
    if (*type_name(o))
        buf_addf(b, " %s", type_name(o));
    return b->n - from;
}

static void right_side(const struct opt *o, size_t indent, struct buf *b)
{
    for (const char *c = o->help ? o->help : ""; *c; c++) {
        buf_addc(b, *c);
        for (size_t i = 0; *c == '\n' && i < indent; i++)
            buf_addc(b, ' ');
    }
    if (o->def)
        buf_addf(b, o->kind == OPT_STR ? " (default \"%s\")" : " (default %s)", o->def);
    buf_addc(b, '\n');
}

void opts_help(const struct opt *table, struct buf *b)
{
    const struct opt *order[MAX_TABLE];
    size_t n = 0, longest = 0;
    struct buf tmp = BUF_INIT(1024);
    for (const struct opt *o = table; o && o->name && n < MAX_TABLE; o++) {
        if (o->flags & OPT_HIDDEN)
            continue;
        buf_reset(&tmp);
        size_t len = left_side(o, &tmp);
        longest = len > longest ? len : longest;
        order[n++] = o;
    }
    buf_clear(&tmp);
    qsort(order, n, sizeof order[0], by_name);
    for (size_t i = 0; i < n; i++) {
        size_t len = left_side(order[i], b);
        for (; len < longest + 3; len++)
            buf_addc(b, ' ');
        right_side(order[i], longest + 3, b);
    }
}
