/* SPDX-License-Identifier: Apache-2.0 */
/* A Dockerfile, and all its words expanded. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/expand.h"
#include "dockerfile/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        __builtin_trap();
}

static void check_error(int r, const struct shale_err *e)
{
    check(r == -e->code && e->msg[0] && !strpbrk(e->msg, "\n\x1b"));
    check(r == -SHALE_INVALID || r == -SHALE_LIMIT || r == -SHALE_NO_MEMORY);
}

static const char *find(void *arg, const char *name)
{
    (void)arg;
    return strlen(name) % 3 == 0 ? NULL : strlen(name) % 3 == 1 ? "" : "/a b/c.\xc3\xa4.\xff";
}

static void try_expand(const char *word, char escape, bool keep_quotes)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const struct expand x = {
        .lookup = find, .escape = escape, .keep_quotes = keep_quotes, .arena = &a};
    struct shale_err e = SHALE_ERR_INIT;
    const char *const *words = NULL, *text = NULL;
    size_t n = 0, sum = 0;

    int r = expand_word(&x, word, &text, &e);
    if (r < 0) {
        check_error(r, &e);
        check(r != -SHALE_INVALID || expand_words(&x, word, &words, &n, NULL) == r);
        return;
    }
    if (expand_words(&x, word, &words, &n, &e) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        check(*words[i]);
        sum += strlen(words[i]);
    }
    check(sum <= strlen(text) && !words[n]);
}

static void same_words(const struct instr *i, const struct instr *k)
{
    check(i->kind == k->kind && i->n_words == k->n_words && i->n_flags == k->n_flags);
    check(i->n_pairs == k->n_pairs && i->json == k->json);
    for (size_t w = 0; w < i->n_words; w++)
        check(streq(i->words[w], k->words[w]));
}

/* The line it became is the same instruction. */
static void parse_again(const struct instr *i, char escape)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    size_t n = strlen(i->source);
    struct shale_err e = SHALE_ERR_INIT;
    struct instr k;

    if (i->n_heredocs > 0 || i->kind == INSTR_FROM || i->source[n - 1] == escape)
        return;
    int r = dockerfile_parse_line("again", i->source, escape, &a, &k, &e);
    check(r == 0 || r == -SHALE_NO_MEMORY);
    if (r == 0)
        same_words(i, &k);
}

static void check_instr(const struct instr *i, char escape)
{
    check(i->pos.line >= 1 && i->pos.column >= 1 && i->end_line >= i->pos.line);
    check(i->source && i->rest && !i->words[i->n_words]);
    for (size_t k = 0; k < i->n_words; k++)
        try_expand(i->words[k], escape, false);
    for (size_t k = 0; k < i->n_pairs; k++) {
        check(i->pairs[k].name[0] && (i->pairs[k].value || i->kind == INSTR_ARG));
        if (i->pairs[k].value)
            try_expand(i->pairs[k].value, escape, false);
    }
    for (size_t k = 0; k < i->n_heredocs; k++) {
        check(i->heredocs[k].name[0]);
        try_expand(i->heredocs[k].text, '\\', true);
    }
    if (i->inner && i->kind == INSTR_ONBUILD)
        check(i->inner->kind != INSTR_FROM && i->inner->kind != INSTR_ONBUILD);
    parse_again(i, escape);
}

static void try_lint(const struct dockerfile *d)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const struct lint_opts o = {0};
    struct shale_err e = SHALE_ERR_INIT;
    struct lint l;
    int r = dockerfile_lint(d, &o, &a, &l, &e);

    if (r < 0) {
        check_error(r, &e);
        return;
    }
    for (size_t i = 0; i < l.n; i++) {
        check(l.v[i].line >= 1 && l.v[i].end_line >= l.v[i].line);
        check(l.v[i].text[0] && !strpbrk(l.v[i].text, "\n\x1b"));
        check(i == 0 || l.v[i].line >= l.v[i - 1].line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct shale_err e = SHALE_ERR_INIT;
    struct dockerfile d;
    unsigned line = 0;

    int r = dockerfile_parse("Dockerfile", (const char *)data, size, &a, &d, &e);
    if (r < 0) {
        check_error(r, &e);
        if (d.failed.line)
            check(dockerfile_excerpt(d.text, d.failed.line, d.failed_end, &a) || a.failed);
        return 0;
    }
    check(d.n_stages > 0 && (d.escape == '\\' || d.escape == '`'));
    try_lint(&d);
    for (size_t i = 0; i < d.n_args; i++)
        check(d.args[i].kind == INSTR_ARG);
    for (size_t s = 0; s < d.n_stages; s++) {
        check(d.stages[s].base && d.stages[s].from->kind == INSTR_FROM);
        check(d.stages[s].from->pos.line > line);
        for (size_t i = 0; i < d.stages[s].n_instrs; i++) {
            const struct instr *in = &d.stages[s].instrs[i];
            check_instr(in, d.escape);
            check(in->pos.line > line);
            line = in->end_line;
        }
    }
    return 0;
}
