/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

struct out {
    bool quiet, all, h;
    const char *name;
    int64_t last, memory, timeout_ns, cpus;
    struct strv env, platform, filter;
};

#define O(field) offsetof(struct out, field)
static const struct opt table[] = {
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only show IDs"},
    {'a', "all", OPT_BOOL, O(all), NULL, "Show all"},
    {0, "name", OPT_STR, O(name), NULL, "Assign a name", 0, "x"},
    {'n', "last", OPT_INT, O(last), NULL, "Show n\nlast", 0, "-1"},
    {'m', "memory", OPT_BYTES, O(memory), NULL, "Memory limit"},
    {0, "timeout", OPT_DURATION, O(timeout_ns), NULL, "Time"},
    {0, "cpus", OPT_DECIMAL, O(cpus), NULL, "CPUs"},
    {'e', "env", OPT_LIST, O(env), NULL, "Environment"},
    {0, "platform", OPT_CSV, O(platform), NULL, "Platforms"},
    {'f', "filter", OPT_FILTER, O(filter), NULL, "Filter"},
    {0, "secret", OPT_BOOL, O(h), NULL, "Not shown", OPT_HIDDEN},
    {0},
};

#define MAX_ARGS 24
struct ctx {
    struct arena a;
    struct out out;
    struct opts_result res;
    struct shale_err e;
    int r;
};

/* "words with blanks" as argv[1…]; "_" stands for an empty argument. */
static void parse(struct ctx *c, const char *line, bool interspersed)
{
    char *argv[MAX_ARGS + 2] = {(char *)"cmd"};
    int argc = 1;
    *c = (struct ctx){.out = {.last = -1}};
    arena_init(&c->a, 1 << 20);
    struct str rest = str_of(line), word;
    while (str_split(&rest, ' ', &word) && argc <= MAX_ARGS) {
        bool empty = str_eq(word, STR("_"));
        argv[argc++] = arena_strndup(&c->a, word.p, empty ? 0 : word.n);
    }
    c->r = opts_parse(table, argc, argv, interspersed, &c->out, &c->a, &c->res, &c->e);
}

/* What is left of the arguments, with "|" between them. */
static const char *left(struct ctx *c)
{
    struct buf b = BUF_INIT(1000);
    for (int i = 0; i < c->res.n_args; i++)
        buf_addf(&b, "%s%s", i ? "|" : "", c->res.args[i]);
    assert_null(c->res.args[c->res.n_args]);
    const char *s = arena_strdup(&c->a, buf_str(&b));
    buf_clear(&b);
    return s;
}

static void test_arguments(void **state)
{
    static const struct {
        const char *line;
        bool interspersed;
        const char *left;
        bool quiet, all;
    } rows[] = {
        {"a b", true, "a|b", false, false},
        {"a -q b --all c", true, "a|b|c", true, true},
        {"a -q b --all c", false, "a|-q|b|--all|c", false, false},
        {"-q a -q", false, "a|-q", true, false},
        {"-qa x", true, "x", true, true},
        {"-aq", true, "", true, true},
        {"-- -q", true, "-q", false, false},
        {"a -- -q -- b", true, "a|-q|--|b", false, false},
        {"- -q", true, "-", true, false},
        {"_ -q", true, "", true, false},
        {"--quiet=false -a=true", true, "", false, true},
        {"--quiet=T --all=0", true, "", true, false},
        {"-q -q=0", true, "", false, false},
        {"", true, "", false, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ctx c;
        parse(&c, rows[i].line, rows[i].interspersed);
        assert_int_equal(c.r, 0);
        assert_string_equal(left(&c), rows[i].left);
        assert_int_equal(c.out.quiet, rows[i].quiet);
        assert_int_equal(c.out.all, rows[i].all);
        arena_clear(&c.a);
    }
}

static void test_values(void **state)
{
    struct ctx c;
    (void)state;
    parse(&c,
          "--name=a=b -n5 -m 64m --timeout 1m30s --cpus=1.5 -e A=1 --env=B -eC --platform x,y "
          "--platform z -f a=b -f=c=d",
          true);
    assert_int_equal(c.r, 0);
    assert_string_equal(c.out.name, "a=b");
    assert_int_equal(c.out.last, 5);
    assert_int_equal(c.out.memory, 64 << 20);
    assert_int_equal(c.out.timeout_ns, 90000000000ll);
    assert_int_equal(c.out.cpus, 1500000000ll);
    assert_int_equal(c.out.env.n, 3);
    assert_string_equal(c.out.env.v[0], "A=1");
    assert_string_equal(c.out.env.v[1], "B");
    assert_string_equal(c.out.env.v[2], "C");
    assert_null(c.out.env.v[3]);
    assert_int_equal(c.out.platform.n, 3);
    assert_string_equal(c.out.platform.v[2], "z");
    assert_int_equal(c.out.filter.n, 2);
    assert_string_equal(c.out.filter.v[1], "c=d");
    assert_true(opts_seen(&c.res, 2));
    assert_false(opts_seen(&c.res, 0));
    arena_clear(&c.a);
    parse(&c, "--name _ -n -3 --cpus .25", true);
    assert_int_equal(c.r, 0);
    assert_string_equal(c.out.name, "");
    assert_int_equal(c.out.last, -3);
    assert_int_equal(c.out.cpus, 250000000);
    arena_clear(&c.a);
}

static void test_many_values(void **state)
{
    struct ctx c = {.out = {0}};
    char *argv[601];
    (void)state;
    arena_init(&c.a, 1 << 20);
    argv[0] = (char *)"cmd";
    for (int i = 1; i < 601; i++)
        argv[i] = arena_printf(&c.a, "-e%d", i);
    assert_int_equal(opts_parse(table, 601, argv, true, &c.out, &c.a, &c.res, &c.e), 0);
    assert_int_equal(c.out.env.n, 600);
    for (size_t i = 0; i < 600; i++)
        assert_int_equal(strtol(c.out.env.v[i], NULL, 10), i + 1);
    assert_null(c.out.env.v[600]);
    arena_clear(&c.a);
}

static void test_messages(void **state)
{
    static const struct {
        const char *line, *msg;
    } rows[] = {
        {"--nope", "unknown flag: --nope"},
        {"--nope=1", "unknown flag: --nope"},
        {"-qx", "unknown shorthand flag: 'x' in -x"},
        {"-xq", "unknown shorthand flag: 'x' in -xq"},
        {"--name", "flag needs an argument: --name"},
        {"-n", "flag needs an argument: 'n' in -n"},
        {"-qn", "flag needs an argument: 'n' in -n"},
        {"--=x", "bad flag syntax: --=x"},
        {"---x", "bad flag syntax: ---x"},
        {"-n x", "invalid argument \"x\" for \"-n, --last\" flag: strconv.ParseInt: parsing "
                 "\"x\": invalid syntax"},
        {"-n 99999999999999999999",
         "invalid argument \"99999999999999999999\" for \"-n, --last\" flag: strconv.ParseInt: "
         "parsing \"99999999999999999999\": value out of range"},
        {"--quiet=maybe", "invalid argument \"maybe\" for \"-q, --quiet\" flag: "
                          "strconv.ParseBool: parsing \"maybe\": invalid syntax"},
        {"-m x", "invalid argument \"x\" for \"-m, --memory\" flag: invalid size: 'x'"},
        {"-f bogus", "invalid argument \"bogus\" for \"-f, --filter\" flag: bad format of "
                     "filter (expected name=value)"},
        {"--cpus x", "invalid argument \"x\" for \"--cpus\" flag: failed to parse x as a "
                     "rational number"},
        {"--cpus 1.0000000001",
         "invalid argument \"1.0000000001\" for \"--cpus\" flag: value is too precise"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ctx c;
        parse(&c, rows[i].line, true);
        assert_int_equal(c.r, -SHALE_INVALID);
        assert_string_equal(c.e.msg, rows[i].msg);
        arena_clear(&c.a);
    }
}

static void test_help_is_asked_for(void **state)
{
    static const char *const lines[] = {"--help", "-h", "a --help --nope", "-qh"};
    struct ctx c;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        parse(&c, lines[i], true);
        assert_int_equal(c.r, 0);
        assert_true(c.res.help);
        arena_clear(&c.a);
    }
    parse(&c, "-- --help", true);
    assert_false(c.res.help);
    arena_clear(&c.a);
    parse(&c, "--help=false", true);
    assert_false(c.res.help);
    arena_clear(&c.a);
}

static void test_help_text(void **state)
{
    struct buf b = BUF_INIT(10000);
    (void)state;
    opts_help(table, &b);
    assert_string_equal(buf_str(&b), "  -a, --all                Show all\n"
                                     "      --cpus decimal       CPUs\n"
                                     "  -e, --env list           Environment\n"
                                     "  -f, --filter filter      Filter\n"
                                     "  -n, --last int           Show n\n"
                                     "                           last (default -1)\n"
                                     "  -m, --memory bytes       Memory limit\n"
                                     "      --name string        Assign a name (default \"x\")\n"
                                     "      --platform strings   Platforms\n"
                                     "  -q, --quiet              Only show IDs\n"
                                     "      --timeout duration   Time\n");
    assert_int_equal(opts_count(table), 11);
    assert_int_equal(opts_count(NULL), 0);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),         cmocka_unit_test(test_values),
        cmocka_unit_test(test_many_values),       cmocka_unit_test(test_messages),
        cmocka_unit_test(test_help_is_asked_for), cmocka_unit_test(test_help_text),
    };
    return cmocka_run_group_tests_name("base/opts", tests, NULL, NULL);
}
