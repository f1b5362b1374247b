/* SPDX-License-Identifier: Apache-2.0 */
/* A command line, an argument a line, against a table with an option of every kind. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/opts.h"
#include "base/str.h"

#define ARGS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct values {
    bool flag, quiet;
    const char *text;
    int64_t number, bytes, duration, decimal;
    struct strv list, csv, filter;
};
#define F(field) offsetof(struct values, field)
static const struct opt table[] = {
    {'f', "flag", OPT_BOOL, F(flag), NULL, "", 0, NULL},
    {'q', "quiet", OPT_BOOL, F(quiet), NULL, "", OPT_HIDDEN, NULL},
    {'t', "text", OPT_STR, F(text), NULL, "", 0, NULL},
    {'n', "number", OPT_INT, F(number), NULL, "", 0, NULL},
    {'b', "bytes", OPT_BYTES, F(bytes), NULL, "", 0, NULL},
    {0, "duration", OPT_DURATION, F(duration), NULL, "", 0, NULL},
    {0, "decimal", OPT_DECIMAL, F(decimal), NULL, "", 0, NULL},
    {'l', "list", OPT_LIST, F(list), NULL, "", 0, NULL},
    {0, "csv", OPT_CSV, F(csv), NULL, "", 0, NULL},
    {0, "filter", OPT_FILTER, F(filter), NULL, "", 0, NULL},
    {0},
};

static void check_list(const struct strv *v, bool filter)
{
    for (size_t i = 0; i < v->n; i++)
        if (!v->v[i] || (filter && !strchr(v->v[i], '=')))
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct str rest = {(const char *)data, size}, line;
    char *argv[ARGS_MAX + 2] = {(char[]){"shale"}};
    int argc = 1;

    while (argc <= ARGS_MAX && rest.n && str_split(&rest, '\n', &line)) {
        argv[argc] = arena_strndup(&a, line.p, line.n);
        if (!argv[argc++])
            return 0;
    }
    for (int i = 0; i < 2; i++) {
        struct values v = {0};
        struct opts_result res = {0};
        struct shale_err e = SHALE_ERR_INIT;
        int r = opts_parse(table, argc, argv, i, &v, &a, &res, &e);
        if (r < 0) {
            if (e.code != SHALE_INVALID || r != -SHALE_INVALID || !e.msg[0])
                __builtin_trap();
            continue;
        }
        if (res.n_args < 0 || res.n_args >= argc + 1 || (res.args && res.args[res.n_args]) ||
            v.bytes < 0)
            __builtin_trap();
        check_list(&v.list, false);
        check_list(&v.csv, false);
        check_list(&v.filter, true);
    }
    return 0;
}
