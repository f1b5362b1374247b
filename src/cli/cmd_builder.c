/* SPDX-License-Identifier: Apache-2.0 */
/* builder du, builder prune: the cache of builds. */
#include <shale/build.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "view/build_cache.h"

struct builder_opts {
    bool all, force, verbose;
    const char *format, *keep_storage;
    struct strv filter;
};

#define O(field) offsetof(struct builder_opts, field)
static const struct opt du_opts[] = {
    {0, "format", OPT_STR, O(format), NULL, "Format output: 'table', 'json' or a Go template"},
    {0, "verbose", OPT_BOOL, O(verbose), NULL, "Whole IDs and descriptions"},
    {0},
};
static const struct opt prune_opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL,
     "Remove all records, also of layers that images have, too, and cache\nmounts"},
    {0, "filter", OPT_FILTER, O(filter), NULL,
     "Provide filter values: until, id, type, description"},
    {'f', "force", OPT_BOOL, O(force), NULL, "Do not prompt for confirmation"},
    {0, "keep-storage", OPT_STR, O(keep_storage), "bytes",
     "Keep so much, what was used last (\"10g\")"},
    {0, "max-used-space", OPT_STR, O(keep_storage), "bytes", "The same as --keep-storage",
     OPT_HIDDEN},
    {0, "reserved-space", OPT_STR, O(keep_storage), "bytes", "The same as --keep-storage",
     OPT_HIDDEN},
    {0},
};
#undef O

static int run_du(struct cli *c, const void *opts_, int n, char **args)
{
    const struct builder_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_build_cache *res = NULL;
    struct shale *s;
    int r = cli_open(c, &s);

    (void)n;
    (void)args;
    if (r == 0)
        r = shale_build_cache(s, &res, &c->e);
    if (r < 0 || !res)
        return r;
    r = build_cache_print(res, o->format, o->verbose, cli_is_terminal(), &out, &c->e);
    shale_free(res);
    return r < 0 ? r : cli_print(c, &out);
}

const struct cmd cmd_builder_du = {
    .brief = "Show what the cache of builds takes",
    .usage = "[OPTIONS]",
    .text = "A record is what a step gave. SHARED: an image has the layer, too; removing such a\n"
            "record frees nothing now. SIZE is the content of the layer. An exec.cachemount is\n"
            "the folder of a RUN --mount=type=cache, its SIZE is what it takes on disk.",
    .example = "shale builder du",
    .opts = du_opts,
    .opts_size = sizeof(struct builder_opts),
    .max_args = 0,
    .run = run_du,
};

static bool ask(bool all)
{
    return confirm(all ? "WARNING! This will remove all build cache."
                       : "WARNING! This will remove all dangling build cache.");
}

static int print_pruned(struct cli *c, const struct shale_build_pruned *res)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    char size[32];

    if (res->n_items)
        buf_adds(&out, "Deleted build cache objects:\n");
    for (size_t i = 0; i < res->n_items; i++)
        buf_addf(&out, "%.25s\n", res->items[i].id);
    if (res->n_items)
        buf_addc(&out, '\n');
    buf_addf(&out, "Total:\t%s\n", units_human(res->freed_bytes, 4, size));
    return cli_print(c, &out);
}

static int run_prune(struct cli *c, const void *opts_, int n, char **args)
{
    const struct builder_opts *o = opts_;
    struct shale_build_prune_opts q = {
        .size = sizeof q, .all = o->all, .filters = (const char *const *)o->filter.v};
    struct shale_build_pruned *res = NULL;
    struct shale *s;
    int64_t bytes = 0;
    int r = o->keep_storage ? units_parse_binary(o->keep_storage, &bytes, &c->e) : 0;

    (void)n;
    (void)args;
    if (r < 0)
        return err_wrap(&c->e, r, "--keep-storage");
    q.limit_size = o->keep_storage != NULL;
    q.keep_bytes = (uint64_t)bytes;
    if (!o->force && !ask(o->all))
        return 0;
    r = cli_open(c, &s);
    if (r == 0)
        r = shale_build_prune(s, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    r = print_pruned(c, res);
    shale_free(res);
    return r;
}

const struct cmd cmd_builder_prune = {
    .brief = "Remove build cache",
    .usage = "[OPTIONS]",
    .text = "Records whose layers no image has go, with --all every one, and the folders of\n"
            "RUN --mount=type=cache that no step has now (these alone: --filter\n"
            "type=exec.cachemount). A step that is built again is then done again. With "
            "--keep-storage the longest unused go first, until\n"
            "what is left takes at most so much.",
    .example = "shale builder prune -f --filter until=240h\n"
               "shale builder prune -af --keep-storage 10g",
    .opts = prune_opts,
    .opts_size = sizeof(struct builder_opts),
    .max_args = 0,
    .run = run_prune,
};
