/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerfile/dockerfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

/* An instruction in one line: KIND --flag=value [word|word] json name=value <<name:body> {inner} */
static void dump_instr(struct buf *b, const struct instr *i)
{
    buf_adds(b, instr_name(i->kind));
    for (size_t k = 0; k < i->n_flags; k++)
        buf_addf(b, " --%s=%s", i->flags[k].name, i->flags[k].value ? i->flags[k].value : "NULL");
    if (i->n_pairs == 0) {
        buf_adds(b, i->json ? " json[" : i->script ? " script[" : " [");
        if (i->kind == INSTR_RUN && !i->json) {
            assert_string_equal(i->words[0], i->rest);
            _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
            buf_adds(b, instr_shell_text(i, &a));
        }
        for (size_t k = 0; k < i->n_words && (i->kind != INSTR_RUN || i->json); k++)
            buf_addf(b, "%s%s", k ? "|" : "", i->words[k]);
        buf_adds(b, "]");
        assert_null(i->words[i->n_words]);
    }
    for (size_t k = 0; k < i->n_pairs; k++)
        buf_addf(b, " %s%s%s", i->pairs[k].name, i->pairs[k].legacy ? "~" : "=",
                 i->pairs[k].value ? i->pairs[k].value : "NULL");
    for (size_t k = 0; k < i->n_heredocs; k++)
        buf_addf(b, " <<%s%s:%s>", i->heredocs[k].name, i->heredocs[k].expand ? "$" : "",
                 i->heredocs[k].text);
    if (i->inner) {
        buf_adds(b, " {");
        dump_instr(b, i->inner);
        buf_adds(b, "}");
    }
}

static void dump(struct buf *b, const struct dockerfile *d)
{
    for (size_t i = 0; i < d->n_args; i++) {
        dump_instr(b, &d->args[i]);
        buf_addc(b, ';');
    }
    for (size_t s = 0; s < d->n_stages; s++) {
        const struct dockerfile_stage *stage = &d->stages[s];
        buf_addf(b, "(%s,%s,%s) ", stage->base, stage->name ? stage->name : "-",
                 stage->platform ? stage->platform : "-");
        assert_int_equal(stage->from->kind, INSTR_FROM);
        for (size_t i = 0; i < stage->n_instrs; i++) {
            dump_instr(b, &stage->instrs[i]);
            buf_addc(b, ';');
        }
    }
}

static const struct row {
    const char *text, *want;
} good[] = {
    {"FROM scratch", "(scratch,-,-) "},
    {"\xef\xbb\xbf"
     "from a as B",
     "(a,b,-) "},
    {"#!/usr/bin/env x\n# syntax = docker/dockerfile:1\n#escape=`\nFROM a\nRUN x `\n  y\\\n",
     "(a,-,-) RUN [x   y\\];"},
    {"ARG V=1 W\nARG \"X=a b\"\nFROM --platform=$P a:$V AS x-1._y\n",
     "ARG V=1 W=NULL;ARG \"X=a b\";(a:$V,x-1._y,$P) "},
    /* continuations: empty lines and comments in between, blanks behind the backslash */
    {"FROM a\nRUN one && \\\n\n# not this\n   # nor this\n    two \\  \n&& three\n",
     "(a,-,-) RUN [one &&     two && three];"},
    {"FROM a\nRUN one \\\\\nRUN two\n", "(a,-,-) RUN [one \\\\];RUN [two];"},
    {"FROM a\r\nRUN one \\\r\n  two\r\nUSER x\r\n", "(a,-,-) RUN [one   two];USER [x];"},
    {"FROM a\n   RUN   x   y  \n", "(a,-,-) RUN [x   y];"},
    {"FROM a\n\\\nRUN x\nRUN y \\", "(a,-,-) RUN [x];RUN [y];"},
    {"FROM a\nRUN echo # no comment\n", "(a,-,-) RUN [echo # no comment];"},
    /* JSON, and what only looks like it */
    {"FROM a\nCMD [\"a\", \"b c\",\"\\u00e9\\n\"]\n", "(a,-,-) CMD json[a|b c|\xc3\xa9\n];"},
    {"FROM a\nCMD []\nENTRYPOINT\n", "(a,-,-) CMD json[];ENTRYPOINT [];"},
    {"FROM a\nRUN [ -f /x ] && y\nCMD ['a', 'b']\nRUN [\"a\",]\n",
     "(a,-,-) RUN [[ -f /x ] && y];CMD [['a', 'b']];RUN [[\"a\",]];"},
    {"FROM a\nSHELL [\"/bin/sh\",\"-ec\"]\nVOLUME [\"/a b\"]\nVOLUME /c /d\n",
     "(a,-,-) SHELL json[/bin/sh|-ec];VOLUME json[/a b];VOLUME [/c|/d];"},
    {"FROM a\nCOPY [\"a b\", \"c\", \"/d/\"]\nCOPY a  b\t/c/\nADD \"a b\" /c\n",
     "(a,-,-) COPY json[a b|c|/d/];COPY [a|b|/c/];ADD [\"a|b\"|/c];"},
    /* flags */
    {"FROM a\nCOPY --from=0 --chown=\"a b\":c --link --parents=FALSE --exclude=*.o --exclude=x s "
     "d\n",
     "(a,-,-) COPY --from=0 --chown=a b:c --link=NULL --parents=FALSE --exclude=*.o --exclude=x "
     "[s|d];"},
    {"FROM a\nRUN --mount=type=bind,from=x \\\n  --mount=type=cache,target=/y --network=none -- "
     "--z\n",
     "(a,-,-) RUN --mount=type=bind,from=x --mount=type=cache,target=/y --network=none [--z];"},
    /* names and values */
    {"FROM a\nENV A=1 B=\"x y\" C=a\\ b D='q\"' E=\n",
     "(a,-,-) ENV A=1 B=\"x y\" C=a\\ b D='q\"' E=;"},
    {"FROM a\nENV A  b = c \"d\"\nLABEL x.y='1' \\\n  \"z w\"=2\n",
     "(a,-,-) ENV A~b = c \"d\";LABEL x.y='1' \"z w\"=2;"},
    {"FROM a\nEXPOSE 80 443/tcp $P\nWORKDIR /a b\nSTOPSIGNAL SIGQUIT\nMAINTAINER me <a@b>\n",
     "(a,-,-) EXPOSE [80|443/tcp|$P];WORKDIR [/a b];STOPSIGNAL [SIGQUIT];MAINTAINER [me <a@b>];"},
    {"FROM a\nHEALTHCHECK --interval=5s --retries=3 cmd [\"x\",\"y\"]\nHEALTHCHECK CMD x  y\n"
     "HEALTHCHECK NONE\n",
     "(a,-,-) HEALTHCHECK --interval=5s --retries=3 [cmd|[\"x\",\"y\"]] {CMD json[x|y]};"
     "HEALTHCHECK [CMD|x|y] {CMD [x  y]};HEALTHCHECK [NONE];"},
    {"FROM a\nONBUILD COPY --from=x . /y\nONBUILD RUN <<E\nb\nE\n",
     "(a,-,-) ONBUILD [COPY --from=x . /y] {COPY --from=x [.|/y]};"
     "ONBUILD [RUN <<E\nb\nE] <<E$:b\n> {RUN script[b\n] <<E$:b\n>};"},
    /* heredocs */
    {"FROM a\nRUN <<EOF\nx $y\n# z\n\n\\\nEOF\nUSER u\n",
     "(a,-,-) RUN script[x $y\n# z\n\n\\\n] <<EOF$:x $y\n# z\n\n\\\n>;USER [u];"},
    {"FROM a\nRUN <<-'E F'\n\t\tx\n\t y\n\tE F\n", "(a,-,-) RUN script[x\n y\n] <<E F:x\n y\n>;"},
    {"FROM a\nRUN cat <<A >/x && cat 3<<\"B\" \\\n  >/y\na\nA\nb\nB\nUSER u\n",
     "(a,-,-) RUN [cat <<A >/x && cat 3<<\"B\"   >/y\na\nA\nb\nB] <<A$:a\n> <<B:b\n>;USER [u];"},
    {"FROM a\nCOPY --chmod=600 <<x.conf  b <<\"y\" /d/\r\n1\r\nx.conf\r\n2\ny",
     "(a,-,-) COPY --chmod=600 [<<x.conf|b|<<\"y\"|/d/] <<x.conf$:1\r\n> <<y:2\n>;"},
    {"FROM a\nRUN echo \"<<EOF\" $((1<<3)) <<<x a<<b\nRUN echo it's <<EOF\n",
     "(a,-,-) RUN [echo \"<<EOF\" $((1<<3)) <<<x a<<b];RUN [echo it's <<EOF];"},
    {"FROM a\nRUN echo $((1 << 2)) $((x) | y) <<E\nE\n",
     "(a,-,-) RUN [echo $((1 << 2)) $((x) | y) <<E\nE] <<E$:>;"},
    {"FROM a\nRUN [\"sh\", \"<<EOF\"]\nCMD <<EOF\n", "(a,-,-) RUN json[sh|<<EOF];CMD [<<EOF];"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
        _cleanup_(buf_clear) struct buf got = BUF_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        struct dockerfile d;
        int r = dockerfile_parse("Dockerfile", good[i].text, strlen(good[i].text), &a, &d, &e);
        assert_string_equal(e.msg, "");
        assert_int_equal(r, 0);
        dump(&got, &d);
        assert_string_equal(buf_str(&got), good[i].want);
    }
}

/* What is said behind "Dockerfile:". */
static const struct row bad[] = {
    {"", " file with no instructions"},
    {"# only\n\n", " file with no instructions"},
    {"ARG x\n", " dockerfile contains no stages to build: there is no FROM"},
    {"\nRUN x\n",
     "2:1: dockerfile parse error on line 2: no build stage in current context: RUN stands before "
     "the first FROM"},
    {"FORM a\n",
     "1:1: dockerfile parse error on line 1: unknown instruction: FORM (did you mean FROM?)"},
    {"FROM a\n\n  rnu x\n",
     "3:3: dockerfile parse error on line 3: unknown instruction: rnu (did you mean run?)"},
    {"FROM a\nBOGUS\n", "2:1: dockerfile parse error on line 2: unknown instruction: BOGUS"},
    {"# escape=x\nFROM a",
     "1:1: dockerfile parse error on line 1: invalid escape token 'x' does not match ` or \\"},
    {"# escape=`\n# Escape=`\nFROM a",
     "2:1: dockerfile parse error on line 2: only one escape parser directive can be used"},
    {"FROM\n",
     "1:1: dockerfile parse error on line 1: FROM requires either one or three arguments"},
    {"FROM a b\n",
     "1:1: dockerfile parse error on line 1: FROM requires either one or three arguments"},
    {"FROM a as 1b\n", "1:6: dockerfile parse error on line 1: invalid name for build stage: "
                       "\"1b\", name can't start "
                       "with a number or contain symbols"},
    {"FROM a\nCOPY --chwon=1 \\\n  a b",
     "2:6: dockerfile parse error on line 2: unknown flag: --chwon (did you mean chown?)"},
    {"FROM a\nCOPY --from=1 \\\n  --from=2 a b",
     "3:3: dockerfile parse error on line 3: duplicate flag specified: --from"},
    {"FROM a\nCOPY --from a b",
     "2:6: dockerfile parse error on line 2: missing a value on flag: --from"},
    {"FROM a\nCOPY --link= a b",
     "2:6: dockerfile parse error on line 2: missing a value on flag: --link"},
    {"FROM a\nADD --link=maybe a b",
     "2:5: dockerfile parse error on line 2: expecting boolean value for flag --link, not: maybe"},
    {"FROM a\nENV --x=1 a=b", "2:5: dockerfile parse error on line 2: unknown flag: --x"},
    {"FROM a\nRUN --network=moon x",
     "2:5: dockerfile parse error on line 2: invalid network mode \"moon\""},
    {"FROM a\nRUN --security=x y",
     "2:5: dockerfile parse error on line 2: security \"x\" is not valid"},
    {"FROM a\nRUN\n", "2:1: dockerfile parse error on line 2: RUN requires at least one argument"},
    {"FROM a\nCOPY a\n", "2:1: dockerfile parse error on line 2: COPY requires at least two "
                         "arguments, but only one was "
                         "provided. Destination could not be determined"},
    {"FROM a\nCMD [\"a\", 1]\n", "2:5: dockerfile parse error on line 2: when using JSON array "
                                 "syntax, arrays must be comprised "
                                 "of strings only"},
    {"FROM a\nENV a\n", "2:5: dockerfile parse error on line 2: ENV must have two arguments"},
    {"FROM a\nENV a=1 b\n",
     "2:5: dockerfile parse error on line 2: Syntax error - can't find = in \"b\". Must be of the "
     "form: name=value"},
    {"FROM a\nLABEL =1\n", "2:7: dockerfile parse error on line 2: LABEL names can not be blank"},
    {"FROM a\nARG =1\n", "2:5: dockerfile parse error on line 2: ARG names can not be blank"},
    {"FROM a\nWORKDIR\n",
     "2:1: dockerfile parse error on line 2: WORKDIR requires exactly one argument"},
    {"FROM a\nVOLUME [\" \"]\n",
     "2:8: dockerfile parse error on line 2: VOLUME specified can not be an empty string"},
    {"FROM a\nSHELL sh -c\n",
     "2:7: dockerfile parse error on line 2: SHELL requires the arguments to be in JSON form"},
    {"FROM a\nSHELL []\n",
     "2:1: dockerfile parse error on line 2: SHELL requires at least one argument"},
    {"FROM a\nHEALTHCHECK NONE x\n",
     "2:18: dockerfile parse error on line 2: HEALTHCHECK NONE takes no arguments"},
    {"FROM a\nHEALTHCHECK run x\n",
     "2:13: dockerfile parse error on line 2: Unknown type \"run\" in HEALTHCHECK (try CMD)"},
    {"FROM a\nHEALTHCHECK CMD\n",
     "2:13: dockerfile parse error on line 2: Missing command after HEALTHCHECK CMD"},
    {"FROM a\nONBUILD ONBUILD RUN x\n",
     "2:9: dockerfile parse error on line 2: Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"},
    {"FROM a\nONBUILD FROM b\n",
     "2:9: dockerfile parse error on line 2: FROM isn't allowed as an ONBUILD trigger"},
    {"FROM a\nRUN <<EOF\nx\n",
     "2:1: dockerfile parse error on line 2: unterminated heredoc: no line is EOF"},
    {"FROM a\nCOPY a <<EOF\nx\nEOF\n",
     "2:6: dockerfile parse error on line 2: COPY cannot accept a heredoc as a destination"},
    {"FROM a\nCOPY << EOF /x\nx\nEOF\n",
     "2:6: dockerfile parse error on line 2: COPY needs the name of a heredoc right behind its <<"},
    {"FROM a\nX\x1b[31m\n",
     "2:1: dockerfile parse error on line 2: unknown instruction: X\\x1b[31m"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
        struct shale_err e = SHALE_ERR_INIT;
        struct dockerfile d;
        int r = dockerfile_parse("Dockerfile", bad[i].text, strlen(bad[i].text), &a, &d, &e);
        assert_true(str_has_prefix(e.msg, "Dockerfile:"));
        assert_string_equal(e.msg + strlen("Dockerfile:"), bad[i].want);
        assert_int_equal(r, -SHALE_INVALID);
        assert_string_equal(d.text, bad[i].text);
        assert_int_equal(d.failed.line, strtoul(bad[i].want, NULL, 10));
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct shale_err e = SHALE_ERR_INIT;
    _cleanup_(buf_clear) struct buf text = BUF_INIT(12 << 20);
    struct dockerfile d;

    for (size_t i = 0; i <= DOCKERFILE_MAX_STAGES; i++)
        buf_adds(&text, "FROM a\n");
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    assert_int_equal(dockerfile_parse("D", buf_str(&text), text.n, &a, &d, &e), -SHALE_LIMIT);
    assert_string_equal(e.msg, "D:10001: more than 10000 stages");
    assert_int_equal(dockerfile_parse("D", text.p, text.n - 7, &a, &d, &e), 0);
    assert_int_equal(d.n_stages, DOCKERFILE_MAX_STAGES);

    buf_adds(&text, "COPY");
    for (size_t i = 0; i <= DOCKERFILE_MAX_WORDS; i++)
        buf_adds(&text, " x");
    assert_int_equal(dockerfile_parse("D", text.p + 70000, text.n - 70000, &a, &d, &e),
                     -SHALE_LIMIT);
    assert_string_equal(e.msg, "D:2: more than 65536 words in one instruction");
    assert_int_equal(dockerfile_parse("D", "FROM a\n\0", 8, &a, &d, &e), -SHALE_INVALID);
    assert_string_equal(e.msg, "D:2: not text: there is a NUL byte");
    while (text.n <= DOCKERFILE_MAX_BYTES)
        buf_adds(&text, "RUN x y z a b c d e f g h i j k l m n o p q r s t u v w x y z\n");
    assert_int_equal(dockerfile_parse("D", text.p, text.n, &a, &d, &e), -SHALE_LIMIT);
}

static void test_more(void **state)
{
    (void)state;
    static const char text[] =
        "# syntax=x y\n# check=skip=A;error=true\n\n# one\n#\n# two\n# three\n"
        "FROM a\nCOPY <<E b /c\n\nE\nRUN --mount=x --mount=y a \\\n\n b";
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct shale_err e = SHALE_ERR_INIT;
    struct dockerfile d;
    const char *v;

    assert_int_equal(dockerfile_parse("D", text, strlen(text), &a, &d, &e), 0);
    assert_string_equal(d.syntax, "x y");
    assert_string_equal(d.check, "skip=A;error=true");
    const struct instr *from = d.stages[0].from, *i = d.stages[0].instrs;
    assert_string_equal(from->comments[0], "two");
    assert_string_equal(from->comments[1], "three");
    assert_null(from->comments[2]);
    assert_int_equal(i[0].pos.line, 9);
    assert_int_equal(i[0].end_line, 11);
    assert_ptr_equal(instr_word_heredoc(&i[0], 0), i[0].heredocs);
    assert_null(instr_word_heredoc(&i[0], 1));
    assert_string_equal(i[0].source, "COPY <<E b /c");
    assert_int_equal(i[1].pos.line, 12);
    assert_int_equal(i[1].end_line, 14);
    assert_int_equal(i[1].empty_line, 13);
    assert_int_equal(i[1].flags[1].pos.column, 15);
    assert_int_equal(instr_flag_get(&i[1], "network", &v, &e), 0);
    assert_null(v);
    assert_int_equal(instr_flag_get(&i[1], "mount", &v, &e), -SHALE_INVALID);

    struct instr one;
    assert_int_equal(dockerfile_parse_line("D", "COPY <<E /c\nx\nE", '\\', &a, &one, &e), 0);
    assert_string_equal(one.heredocs[0].text, "x\n");
    assert_int_equal(dockerfile_parse_line("D", "", '\\', &a, &one, &e), -SHALE_INVALID);
    assert_int_equal(dockerfile_parse_line("D", "FROM x", '\\', &a, &one, &e), -SHALE_INVALID);
    assert_int_equal(dockerfile_parse_line("D", "RUN x\nRUN y", '\\', &a, &one, &e),
                     -SHALE_INVALID);
}

static void test_excerpt(void **state)
{
    (void)state;
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    assert_string_equal(dockerfile_excerpt("1\n2\n3\n4\r\n5\n6\n7", 4, 0, &a),
                        "   2 |     2\n   3 |     3\n   4 | >>> 4\n   5 |     5\n   6 |     6\n");
    assert_string_equal(dockerfile_excerpt("1\n2\n3\n4", 2, 3, &a),
                        "   1 |     1\n   2 | >>> 2\n   3 | >>> 3\n   4 |     4\n");
    assert_string_equal(dockerfile_excerpt("\x1b[2J", 1, 9, &a), "   1 | >>> \\x1b[2J\n");
    assert_string_equal(dockerfile_excerpt("\ta\t\tb\t\n\xff", 1, 1, &a),
                        "   1 | >>> \ta\t\tb\t\n   2 |     \\xff\n");
    assert_string_equal(dockerfile_excerpt("1\n", 3, 3, &a), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_bad),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_more), cmocka_unit_test(test_excerpt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
