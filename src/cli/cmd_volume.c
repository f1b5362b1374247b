/* SPDX-License-Identifier: Apache-2.0 */
/* volume create, ls, prune, rm; inspect is in cmd_inspect.c. */
#include <shale/volume.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/confirm.h"
#include "cli/each.h"
#include "cli/pruned.h"
#include "view/volumes.h"

struct volume_opts {
    const char *name, *driver, *format;
    struct strv label, opt, filter;
    bool force, quiet, all;
};
static const struct volume_opts preset = {.driver = "local"};

#define O(field) offsetof(struct volume_opts, field)

/* ---- create ---- */

static const struct opt create_opts[] = {
    {'d', "driver", OPT_STR, O(driver), NULL, "Specify volume driver name", 0, "local"},
    {0, "label", OPT_LIST, O(label), NULL, "Set metadata for a volume"},
    {0, "name", OPT_STR, O(name), NULL, "Specify volume name", OPT_HIDDEN},
    {'o', "opt", OPT_LIST, O(opt), "map", "Set driver specific options"},
    {0},
};

static int run_create(struct cli *c, const void *opts, int n, char **args)
{
    const struct volume_opts *o = opts;
    struct shale_volume_create_opts q = {.size = sizeof q,
                                         .name = n ? args[0] : o->name,
                                         .labels = (const char *const *)o->label.v,
                                         .options = (const char *const *)o->opt.v};
    struct shale_volume *res = NULL;
    struct shale *s;
    if (n && o->name)
        return err_set(&c->e, SHALE_INVALID,
                       "conflicting options: cannot specify a volume name through both --name and "
                       "as a positional arg");
    if (!streq(o->driver, "local"))
        return err_set(&c->e, SHALE_NOT_FOUND,
                       "error looking up volume plugin %.100s: plugin \"%.100s\" not found",
                       o->driver, o->driver);
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_volume_create(s, &q, &res, &c->e);
    if (r == 0)
        r = cli_printf(c, "%s\n", res->name);
    shale_free(res);
    return r;
}

const struct cmd cmd_volume_create = {
    .brief = "Create a volume",
    .usage = "[OPTIONS] [VOLUME]",
    .text =
        "Options say what is mounted at the volume while containers use it: type, device and o,\n"
        "as mount(8) has them.",
    .example = "shale volume create -o type=tmpfs -o device=tmpfs -o o=size=100m scratch",
    .opts = create_opts,
    .opts_size = sizeof(struct volume_opts),
    .preset = &preset,
    .max_args = 1,
    .run = run_create,
};

/* ---- ls ---- */

static const struct opt ls_opts[] = {
    {'f', "filter", OPT_FILTER, O(filter), NULL, "Provide filter values (e.g. \"dangling=true\")"},
    {0, "format", OPT_STR, O(format), NULL, CMD_FORMAT_HELP},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only display volume names"},
    {0},
};

static int run_ls(struct cli *c, const void *opts, int n, char **args)
{
    const struct volume_opts *o = opts;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_volume_ls_opts q = {.size = sizeof q, .filters = (const char *const *)o->filter.v};
    struct volumes_opts v = {
        .format = o->format, .quiet = o->quiet, .printable = cli_is_terminal()};
    struct shale_volume_list *list = NULL;
    struct shale *s;
    if (!v.format && !v.quiet)
        v.format = cli_docker_setting(c, "volumesFormat");
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_volume_ls(s, &q, &list, &c->e);
    if (r < 0)
        return r;
    r = volumes_print(list, &v, &out, &c->e);
    return cli_print_end(c, r, list, &out);
}

const struct cmd cmd_volume_ls = {
    .brief = "List volumes",
    .usage = "[OPTIONS]",
    .example = "shale volume ls -q --filter dangling=true",
    .opts = ls_opts,
    .opts_size = sizeof(struct volume_opts),
    .run = run_ls,
};

/* ---- rm ---- */

static const struct opt rm_opts[] = {
    {'f', "force", OPT_BOOL, O(force), NULL, "Force the removal of one or more volumes"},
    {0},
};

static int run_rm(struct cli *c, const void *opts, int n, char **args)
{
    const struct volume_opts *o = opts;
    return each_removed(c, shale_volume_rm, o->force, n, args);
}

const struct cmd cmd_volume_rm = {
    .brief = "Remove one or more volumes",
    .usage = "[OPTIONS] VOLUME [VOLUME...]",
    .text = "You cannot remove a volume that is in use by a container.",
    .example = "shale volume rm data",
    .opts = rm_opts,
    .opts_size = sizeof(struct volume_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run_rm,
};

/* ---- prune ---- */

static const struct opt prune_opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Remove all unused volumes, not just anonymous ones"},
    {0, "filter", OPT_FILTER, O(filter), NULL, "Provide filter values (e.g. \"label=<label>\")"},
    {'f', "force", OPT_BOOL, O(force), NULL, "Do not prompt for confirmation"},
    {0},
};

static int run_prune(struct cli *c, const void *opts, int n, char **args)
{
    const struct volume_opts *o = opts;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_volume_prune_opts q = {
        .size = sizeof q, .all = o->all, .filters = (const char *const *)o->filter.v};
    struct shale_volume_pruned *res = NULL;
    struct shale *s;
    const char *warning = o->all ? "WARNING! This will remove all local volumes not used by at "
                                   "least one container."
                                 : "WARNING! This will remove anonymous local volumes not used by "
                                   "at least one container.";
    if (!o->force && !confirm(warning))
        return 0;
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_volume_prune(s, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    pruned_put(&out, "Deleted Volumes:", res->names, res->n_names);
    pruned_put_total(&out, res->freed_bytes);
    shale_free(res);
    return cli_print(c, &out);
}

const struct cmd cmd_volume_prune = {
    .brief = "Remove unused local volumes",
    .usage = "[OPTIONS]",
    .example = "shale volume prune -af --filter 'label!=keep'",
    .opts = prune_opts,
    .opts_size = sizeof(struct volume_opts),
    .run = run_prune,
};
