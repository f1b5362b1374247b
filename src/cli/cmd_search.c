/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/search.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "view/search.h"

struct search_cmd_opts {
    struct strv filter;
    const char *format;
    int64_t limit;
    bool no_trunc;
};

#define O(field) offsetof(struct search_cmd_opts, field)
static const struct opt opts[] = {
    {'f', "filter", OPT_FILTER, O(filter), "filter",
     "Filter output based on conditions provided: is-official=BOOL, stars=N"},
    {0, "format", OPT_STR, O(format), NULL, "Pretty-print search using a Go template"},
    {0, "limit", OPT_INT, O(limit), NULL, "Max number of search results", 0, "25"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {0},
};
#undef O

static int check_limit(struct cli *c, int64_t limit)
{
    if (limit >= 0 && limit <= SHALE_SEARCH_LIMIT_MAX)
        return 0;
    return err_set(&c->e, SHALE_INVALID, "limit %lld is outside the range of [1, %d]",
                   (long long)limit, SHALE_SEARCH_LIMIT_MAX);
}

static void warn_automated(const struct strv *filters)
{
    for (size_t i = 0; i < filters->n; i++)
        if (str_has_prefix(filters->v[i], "is-automated="))
            fputs("WARNING: the \"is-automated\" filter is deprecated, and searching for "
                  "\"is-automated=true\" will not yield any results in future.\n",
                  stderr);
}

static int search_names(struct cli *c, struct shale *s, const struct search_cmd_opts *o,
                        const char *term)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_repository_list *l = NULL;
    struct shale_search_opts so = {
        .size = sizeof so,
        .limit = (uint32_t)o->limit,
        .filters = (const char *const *)o->filter.v,
    };
    struct search_opts v = {
        .format = o->format,
        .no_trunc = o->no_trunc,
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };

    warn_automated(&o->filter);
    int r = shale_search(s, term, &so, &l, &c->e);
    if (r < 0)
        return r;
    r = search_print(l, &v, &out, &c->e);
    if (r == 0)
        r = cli_print(c, &out);
    shale_free(l);
    return r;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct search_cmd_opts *o = opts_;
    struct shale *s;
    int r = check_limit(c, o->limit);

    (void)n;
    if (r >= 0)
        r = cli_open(c, &s);
    return r < 0 ? r : search_names(c, s, o, args[0]);
}

static const struct search_cmd_opts preset = {.limit = SHALE_SEARCH_LIMIT};

const struct cmd cmd_search = {
    .brief = "Search a registry for images",
    .usage = "[OPTIONS] TERM",
    .text = "TERM is looked for in names and descriptions of repositories, on Docker Hub or, as\n"
            "HOST[:PORT]/TERM, in a registry of your own.",
    .example = "shale search debian\n"
               "shale search --filter is-official=true --limit 5 localhost:5000/team",
    .opts = opts,
    .opts_size = sizeof(struct search_cmd_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_ONLINE,
    .run = run,
};
