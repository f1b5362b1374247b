/* SPDX-License-Identifier: Apache-2.0 */
/* Templates against what Go's text/template prints for the same text and data. */
#include "view/tmpl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"

static const char data[] =
    "{\"Id\":\"sha256:abc\",\"Size\":1234567,\"Ratio\":1.5,\"Yes\":true,\"No\":false,\"Nil\":null,"
    "\"Empty\":\"\",\"Tags\":[\"a:1\",\"b:2\"],\"None\":[],\"Html\":\"<b>&'\\\"\","
    "\"Config\":{\"Cmd\":[\"sh\",\"-c\"],\"Labels\":{\"k\":\"v\",\"a.b\":\"c\"},\"Env\":[\"P=/"
    "bin\"],"
    "\"Volumes\":{\"/data\":{}},\"N\":3},\"Uni\":\"h\xc3\xa9llo\",\"List\":[1,2,3],"
    "\"Objs\":[{\"n\":1},{\"n\":2}]}";

struct row {
    const char *text, *want;
};

static int run(const char *text, const struct tmpl_exec_opts *o, struct buf *out,
               struct shale_err *e)
{
    static const struct tmpl_exec_opts none;
    _cleanup_json_ json_t *j = NULL;
    assert_int_equal(json_parse(data, sizeof data - 1, sizeof data, &j, e), 0);
    return tmpl_run(text, tmpl_json(j), o ? o : &none, out, e);
}

static void expect(const struct row *rows, size_t n, const struct tmpl_exec_opts *o)
{
    for (size_t i = 0; i < n; i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct buf out = BUF_INIT(100000);
        int r = run(rows[i].text, o, &out, &e);
        if (r < 0)
            print_message("%s: %s\n", rows[i].text, e.msg);
        assert_int_equal(r, 0);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_clear(&out);
    }
}

static void expect_error(const struct row *rows, size_t n, const struct tmpl_exec_opts *o)
{
    for (size_t i = 0; i < n; i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct buf out = BUF_INIT(100000);
        int r = run(rows[i].text, o, &out, &e);
        if (r != -SHALE_INVALID)
            print_message("%s: %d\n", rows[i].text, r);
        assert_int_equal(r, -SHALE_INVALID);
        assert_string_equal(e.msg, rows[i].want);
        buf_clear(&out);
    }
}

static void test_values(void **state)
{
    static const struct row rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"{{.Id}}", "sha256:abc"},
        {"{{ .Size }} {{.Ratio}} {{.Yes}} {{.No}}", "1234567 1.5 true false"},
        {"{{.Tags}}", "[a:1 b:2]"},
        {"{{.None}}", "[]"},
        {"{{.Config.Labels}}", "map[a.b:c k:v]"},
        {"{{.Config.Cmd}}", "[sh -c]"},
        {"{{.Config.Volumes}}", "map[/data:{}]"},
        {"{{.Objs}}", "[map[n:1] map[n:2]]"},
        {"{{.Nope}}", "<no value>"},
        {"{{.Nil}}", "<no value>"},
        {"{{.Nope.Deeper}}", "<no value>"},
        {"{{1}} {{-2}} {{1.5}} {{true}} {{\"s\"}} {{`r`}} {{'a'}}", "1 -2 1.5 true s r 97"},
        {"{{0x10}} {{1e3}} {{1_000}}", "16 1000 1000"},
        {"{{/* c */}}x", "x"},
        {"a {{- 1 -}} b", "a1b"},
        {"{{\"a\\tb\"}}", "a\tb"},
        {"{{(index .Objs 0).n}}", "1"},
    };
    (void)state;
    expect(rows, ARRAY_SIZE(rows), NULL);
}

static void test_control(void **state)
{
    static const struct row rows[] = {
        {"{{if .Yes}}a{{else}}b{{end}}", "a"},
        {"{{if .No}}a{{else if .Yes}}c{{else}}b{{end}}", "c"},
        {"{{if .Empty}}a{{else}}b{{end}}", "b"},
        {"{{if .None}}a{{else}}b{{end}}", "b"},
        {"{{if .Nope}}a{{end}}", ""},
        {"{{range .Tags}}{{.}};{{end}}", "a:1;b:2;"},
        {"{{range $i, $t := .Tags}}{{$i}}={{$t}} {{end}}", "0=a:1 1=b:2 "},
        {"{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}", "a.b=c k=v "},
        {"{{range .None}}x{{else}}none{{end}}", "none"},
        {"{{range .List}}{{if eq . 2}}{{continue}}{{end}}{{.}}{{end}}", "13"},
        {"{{range .List}}{{if eq . 2}}{{break}}{{end}}{{.}}{{end}}", "1"},
        {"{{range 3}}{{.}}{{end}}", "012"},
        {"{{with .Config}}{{.N}}{{end}}", "3"},
        {"{{with .Nope}}a{{else}}b{{end}}", "b"},
        {"{{with $x := .Size}}{{$x}}{{end}}", "1234567"},
        {"{{$x := 1}}{{$x = 2}}{{$x}}", "2"},
        {"{{range .Tags}}{{$.Id}} {{end}}", "sha256:abc sha256:abc "},
        {"{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .Id}}", "<sha256:abc>"},
        {"{{block \"b\" .Size}}[{{.}}]{{end}}", "[1234567]"},
        {"{{if and .Yes .No}}a{{else}}b{{end}}", "b"},
        {"{{if or .No .Yes}}a{{end}}", "a"},
        {"{{if not .No}}a{{end}}", "a"},
    };
    (void)state;
    expect(rows, ARRAY_SIZE(rows), NULL);
}

static void test_functions(void **state)
{
    static const struct row rows[] = {
        {"{{json .Tags}}", "[\"a:1\",\"b:2\"]"},
        {"{{json .Config.Labels}}", "{\"k\":\"v\",\"a.b\":\"c\"}"},
        {"{{json .Html}}", "\"<b>&'\\\"\""},
        {"{{json .Nope}}", "null"},
        {"{{.Size | json}}", "1234567"},
        {"{{index .Tags 1}}", "b:2"},
        {"{{index .Config.Labels \"k\"}}", "v"},
        {"{{index .Config.Labels \"nope\"}}", ""},
        {"{{index .Config.Cmd 0}}", "sh"},
        {"{{len .Tags}} {{len .Id}} {{len .Config.Labels}}", "2 10 2"},
        {"{{join .Tags \", \"}}", "a:1, b:2"},
        {"{{upper .Id}} {{lower \"ABC\"}} {{title \"ab cd\"}}", "SHA256:ABC abc Ab Cd"},
        {"{{upper .Uni}}", "H\xc3\x89LLO"},
        {"{{split .Id \":\"}}", "[sha256 abc]"},
        {"{{index (split .Id \":\") 1}}", "abc"},
        {"{{range split \"a,b\" \",\"}}<{{.}}>{{end}}", "<a><b>"},
        {"{{pad .Id 1 2}}|", " sha256:abc  |"},
        {"{{pad \"\" 1 2}}|", "|"},
        {"{{truncate .Id 6}}", "sha256"},
        {"{{truncate .Id 60}}", "sha256:abc"},
        {"{{println .Id 1}}x", "sha256:abc 1\nx"},
        {"{{print 1 2 \"a\" \"b\" 3}}", "1 2ab3"},
        {"{{print \"a\" \"b\"}}", "ab"},
        {"{{slice .Id 7}} {{slice .Id 0 6}} {{slice .List 1 2}}", "abc sha256 [2]"},
        {"{{html .Html}}", "&lt;b&gt;&amp;&#39;&#34;"},
        {"{{urlquery \"a b&c/d\"}}", "a+b%26c%2Fd"},
        {"{{js \"it's <b>\"}}", "it\\'s \\u003Cb\\u003E"},
        {"{{eq 1 1}} {{eq .Id \"x\" \"sha256:abc\"}} {{ne 1 2}}", "true true true"},
        {"{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}} {{lt \"a\" \"b\"}}",
         "true true false false true"},
        {"{{and 1 0 2}} {{or 0 \"\" 3}}", "0 3"},
        {"{{.Tags | len | printf \"%03d\"}}", "002"},
    };
    (void)state;
    expect(rows, ARRAY_SIZE(rows), NULL);
}

static void test_printf(void **state)
{
    static const struct row rows[] = {
        {"{{printf \"%s-%d\" .Id .Size}}", "sha256:abc-1234567"},
        {"{{printf \"%5d|%-5d|%05d|%+d\" 42 42 42 42}}", "   42|42   |00042|+42"},
        {"{{printf \"%x %X %#x %o %b %c %U\" 255 255 255 8 5 65 65}}",
         "ff FF 0xff 10 101 A U+0041"},
        {"{{printf \"%q %v %s\" \"a\\\"b\" \"x\" \"y\"}}", "\"a\\\"b\" x y"},
        {"{{printf \"%10s|%-10s|%.3s\" \"abcd\" \"abcd\" \"abcd\"}}", "      abcd|abcd      |abc"},
        {"{{printf \"%f %.2f %e %g %6.1f\" 1.5 1.555 1500.0 0.00001 2.25}}",
         "1.500000 1.55 1.500000e+03 1e-05    2.2"},
        {"{{printf \"%t %v\" true false}}", "true false"},
        {"{{printf \"%v %v\" .Tags .Config.Labels}}", "[a:1 b:2] map[a.b:c k:v]"},
        {"{{printf \"%d%%\" 50}}", "50%"},
        {"{{printf \"%x\" \"hi\"}}", "6869"},
        {"{{printf \"%*d\" 5 42}}", "   42"},
        {"{{printf \"%[2]d %[1]d\" 1 2}}", "2 1"},
        {"{{printf \"%d\" \"x\"}}", "%!d(string=x)"},
        {"{{printf \"%s\" 5}}", "%!s(int=5)"},
        {"{{printf \"%d %d\" 1}}", "1 %!d(MISSING)"},
        {"{{printf \"%d\" 1 2}}", "1%!(EXTRA int=2)"},
        {"{{printf \"%s %\" \"a\"}}", "a %!(NOVERB)"},
        {"{{printf \"%z\" 1}}", "%!z(int=1)"},
        {"{{printf \"%T %T %T\" 1 \"s\" true}}", "int string bool"},
        {"{{printf \"%6.2f|%-8q|\" 3.14159 \"a\"}}", "  3.14|\"a\"     |"},
        {"{{printf \"%5t|\" true}}", " true|"},
        {"{{printf \"%q\" .Tags}}", "[\"a:1\" \"b:2\"]"},
    };
    (void)state;
    expect(rows, ARRAY_SIZE(rows), NULL);
}

static void test_parse_errors(void **state)
{
    static const struct row rows[] = {
        {"{{.Id", "template: :1: unclosed action"},
        {"{{", "template: :1: unclosed action"},
        {"{{}}", "template: :1: missing value for command"},
        {"{{if .A}}", "template: :1: unexpected EOF"},
        {"{{end}}", "template: :1: unexpected {{end}}"},
        {"{{else}}", "template: :1: unexpected {{else}}"},
        {"{{nope .A}}", "template: :1: function \"nope\" not defined"},
        {"{{$x}}", "template: :1: undefined variable \"$x\""},
        {"{{\"abc}}", "template: :1: unterminated quoted string"},
        {"a\n{{.B}", "template: :2: bad character U+007D '}'"},
        {"{{(.A}}", "template: :1: unclosed left paren"},
        {"{{.A)}}", "template: :1: unexpected right paren"},
        {"{{break}}", "template: :1: {{break}} outside {{range}}"},
        {"{{/* x", "template: :1: unclosed comment"},
        {"{{1 | 2}}", "template: :1: non executable command in pipeline stage 2"},
    };
    (void)state;
    expect_error(rows, ARRAY_SIZE(rows), NULL);
}

static void test_exec_errors(void **state)
{
    static const struct row rows[] = {
        {"{{.Id.x}}", "template: :1:5: executing \"\" at <.Id.x>: can't evaluate field x in type "
                      "string"},
        {"{{index .Tags 7}}", "template: :1:2: executing \"\" at <index .Tags 7>: error calling "
                              "index: index out of range: 7"},
        {"{{len 3}}",
         "template: :1:2: executing \"\" at <len 3>: error calling len: len of type int"},
        {"{{lt 1 \"a\"}}", "template: :1:2: executing \"\" at <lt 1 \"a\">: error calling lt: "
                           "incompatible types for comparison"},
        {"{{join .Id \",\"}}", "template: :1:7: executing \"\" at <.Id>: wrong type for value; "
                               "expected []string; got string"},
        {"{{upper 1}}", "template: :1:8: executing \"\" at <1>: expected string; found 1"},
        {"{{split .Id}}", "template: :1:2: executing \"\" at <split>: wrong number of args for "
                          "split: want 2 got 1"},
        {"{{template \"x\"}}", "template: :1:11: executing \"\" at <{{template \"x\"}}>: template "
                               "\"x\" not defined"},
        {"{{range .Id}}{{end}}", "template: :1:8: executing \"\" at <.Id>: range can't iterate "
                                 "over sha256:abc"},
    };
    (void)state;
    expect_error(rows, ARRAY_SIZE(rows), NULL);
}

static void test_inspect_options(void **state)
{
    static const struct tmpl_field fields[] = {
        {"Health", TMPL_ZERO_POINTER}, {"User", TMPL_ZERO_STRING}, {"Ports", TMPL_ZERO_MAP},
        {"Args", TMPL_ZERO_LIST},      {"Off", TMPL_ZERO_BOOL},    {NULL},
    };
    static const struct tmpl_exec_opts o = {.fields = fields, .missing_key_error = true};
    static const struct row good[] = {
        {"{{if .Health}}a{{else}}b{{end}}", "b"},
        {"{{.Health}}", "<nil>"},
        {"<{{.Config.User}}>", "<>"},
        {"{{.Ports}} {{.Args}} {{.Off}}", "map[] [] false"},
        {"{{json .Args}}{{len .Ports}}", "null0"},
    };
    static const struct row bad[] = {
        {"{{.Nope}}", "template: :1:2: executing \"\" at <.Nope>: map has no entry for key "
                      "\"Nope\""},
        {"{{.Config.Nope}}", "template: :1:9: executing \"\" at <.Config.Nope>: map has no entry "
                             "for key \"Nope\""},
    };
    (void)state;
    expect(good, ARRAY_SIZE(good), &o);
    expect_error(bad, ARRAY_SIZE(bad), &o);
}

static void test_printable(void **state)
{
    struct tmpl_exec_opts o = {.printable = true};
    struct buf out = BUF_INIT(1000);
    json_t *j = json_pack("{s:s}", "x", "a\033[2Jb\n\xc2\x9b");
    (void)state;
    assert_int_equal(tmpl_run("{{.x}}", tmpl_json(j), &o, &out, NULL), 0);
    assert_string_equal(buf_str(&out), "a\\x1b[2Jb\\n\\u009b");
    buf_reset(&out);
    o.printable = false;
    assert_int_equal(tmpl_run("{{.x}}", tmpl_json(j), &o, &out, NULL), 0);
    assert_string_equal(buf_str(&out), "a\033[2Jb\n\xc2\x9b");
    buf_clear(&out);
    json_decref(j);
}

/* Templates that would never end, or fill the memory, are given up. */
static void test_limits(void **state)
{
    static const char *const rows[] = {
        "{{range 1000000000}}{{range 1000000000}}{{end}}{{end}}",
        "{{$s := \"aaaaaaaaaaaaaaaa\"}}{{range 100000}}{{$s = print $s $s}}{{end}}",
        "{{define \"a\"}}{{range 1000}}{{template \"a\"}}{{end}}{{end}}{{template \"a\"}}",
        "{{range 100000000}}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{{end}}",
        "{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct buf out = BUF_INIT(1 << 20);
        int r = run(rows[i], NULL, &out, &e);
        assert_true(r == -SHALE_LIMIT || r == -SHALE_INVALID);
        buf_clear(&out);
    }
    /* Deep source. */
    struct buf deep = BUF_INIT(100000), out = BUF_INIT(1000);
    for (int i = 0; i < 5000; i++)
        buf_adds(&deep, "{{if 1}}");
    for (int i = 0; i < 5000; i++)
        buf_adds(&deep, "{{end}}");
    assert_true(run(buf_str(&deep), NULL, &out, NULL) < 0);
    buf_clear(&deep);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),          cmocka_unit_test(test_control),
        cmocka_unit_test(test_functions),       cmocka_unit_test(test_printf),
        cmocka_unit_test(test_parse_errors),    cmocka_unit_test(test_exec_errors),
        cmocka_unit_test(test_inspect_options), cmocka_unit_test(test_printable),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("view/tmpl", tests, NULL, NULL);
}
