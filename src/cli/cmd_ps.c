/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/heap.h"
#include "view/containers.h"

struct list_opts {
    bool all, latest, no_trunc, quiet, size;
    int64_t last;
    const char *format;
    struct strv filter;
};
static const struct list_opts preset = {.last = -1};

#define O(field) offsetof(struct list_opts, field)
static const struct opt opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Show all containers (default shows just running)"},
    {'f', "filter", OPT_FILTER, O(filter), NULL, "Filter output based on conditions provided"},
    {0, "format", OPT_STR, O(format), NULL, CMD_FORMAT_HELP},
    {'n', "last", OPT_INT, O(last), NULL, "Show n last created containers (includes all states)", 0,
     "-1"},
    {'l', "latest", OPT_BOOL, O(latest), NULL,
     "Show the latest created container (includes all states)"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only display container IDs"},
    {'s', "size", OPT_BOOL, O(size), NULL, "Display total file sizes"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct list_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_container_list *list = NULL;
    struct ps_opts v = {
        .format = o->format,
        .no_trunc = o->no_trunc,
        .quiet = o->quiet,
        .with_size = o->size,
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };
    struct shale *s;
    heap_expect_much();
    int r = cli_open(c, &s);
    if (r < 0)
        return r;
    if (!v.format && !v.quiet)
        v.format = cli_docker_setting(c, "psFormat");
    struct shale_ps_opts q = {
        .size = sizeof q,
        .all = o->all || o->latest || o->last > 0,
        .with_size = o->size || (v.format && strstr(v.format, ".Size")),
        .last = o->latest && o->last < 0 ? 1
                : o->last > 0            ? o->last
                                         : 0,
        .filters = (const char *const *)o->filter.v,
        .brief = true,
    };
    r = shale_ps(s, &q, &list, &c->e);
    if (r < 0)
        return r;
    r = ps_print(list, &v, &out, &c->e);
    return cli_print_end(c, r, list, &out);
}

const struct cmd cmd_ps = {
    .brief = "List containers",
    .usage = "[OPTIONS]",
    .example = "shale ps -a\n"
               "shale ps --filter status=exited --format '{{.Names}}: {{.Status}}'",
    .opts = opts,
    .opts_size = sizeof(struct list_opts),
    .preset = &preset,
    .run = run,
};
