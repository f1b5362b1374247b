/* SPDX-License-Identifier: Apache-2.0 */
/* image prune, image pin, image unpin. */
#include <shale/prune.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/pruned.h"

struct prune_opts {
    bool all, force, dry_run;
    struct strv filter;
};

#define O(field) offsetof(struct prune_opts, field)
static const struct opt opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Remove all unused images, not just dangling ones"},
    {0, "dry-run", OPT_BOOL, O(dry_run), NULL, "Only tell what would be removed"},
    {0, "filter", OPT_FILTER, O(filter), NULL,
     "Provide filter values: until, label, label!, reference"},
    {'f', "force", OPT_BOOL, O(force), NULL, "Do not prompt for confirmation"},
    {0},
};

static int print(struct cli *c, const struct shale_rmi_result *res, bool dry_run)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    char size[32];

    pruned_put_images(&out, dry_run ? "Images to be deleted:" : "Deleted Images:", res);
    if (dry_run)
        buf_addf(&out, "Total reclaimable space: %s (%llu bytes)\n",
                 units_human(res->freed_bytes, 4, size), (unsigned long long)res->freed_bytes);
    else
        pruned_put_total(&out, res->freed_bytes);
    return cli_print(c, &out);
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct prune_opts *o = opts_;
    struct shale_image_prune_opts q = {
        .size = sizeof q,
        .all = o->all,
        .filters = (const char *const *)o->filter.v,
        .dry_run = o->dry_run,
    };
    struct shale_rmi_result *res = NULL;
    struct shale *s;
    const char *warning =
        o->all ? "WARNING! This will remove all images without at least one container associated "
                 "to them."
               : "WARNING! This will remove all dangling images.";

    if (!o->force && !o->dry_run && !confirm(warning))
        return 0;
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_image_prune(s, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    r = print(c, res, o->dry_run);
    shale_free(res);
    return r;
}

const struct cmd cmd_image_prune = {
    .brief = "Remove unused images",
    .usage = "[OPTIONS]",
    .text =
        "Images without a tag go, with --all also those with tags. What a container uses, running\n"
        "or stopped, stays; so does what is pinned (see 'shale image pin'). With a reference\n"
        "filter only names that match are taken off.",
    .example = "shale image prune\n"
               "shale image prune -a --filter until=240h --dry-run\n"
               "shale image prune -af --filter 'reference=ci/*'",
    .opts = opts,
    .opts_size = sizeof(struct prune_opts),
    .max_args = 0,
    .run = run,
};

/* All are tried. */
static int pin_all(struct cli *c, bool pinned, int n, char **args)
{
    struct shale *s;
    int failed = 0, r = cli_open(c, &s);
    for (int i = 0; i < n && r >= 0; i++) {
        if (shale_image_pin(s, args[i], pinned, &c->e) < 0) {
            cli_warn_error(&c->e);
            failed = 1;
        } else {
            r = cli_printf(c, "%s\n", args[i]);
        }
    }
    return r < 0 ? r : failed;
}

static int run_pin(struct cli *c, const void *opts_, int n, char **args)
{
    return pin_all(c, true, n, args);
}

static int run_unpin(struct cli *c, const void *opts_, int n, char **args)
{
    return pin_all(c, false, n, args);
}

const struct cmd cmd_image_pin = {
    .brief = "Keep one or more images from being pruned",
    .usage = "IMAGE [IMAGE...]",
    .text = "The pin is on the image, not on its name.",
    .example = "shale image pin alpine:3.20",
    .min_args = 1,
    .max_args = -1,
    .run = run_pin,
};
const struct cmd cmd_image_unpin = {
    .brief = "Let one or more images be pruned again",
    .usage = "IMAGE [IMAGE...]",
    .example = "shale image unpin alpine:3.20",
    .min_args = 1,
    .max_args = -1,
    .run = run_unpin,
};
