/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/cli.h"

struct remove_opts {
    bool force, no_prune, dry_run;
    struct strv platform;
};

#define O(field) offsetof(struct remove_opts, field)
static const struct opt opts[] = {
    {0, "dry-run", OPT_BOOL, O(dry_run), NULL,
     "Only tell what would be removed and freed, for each image by itself"},
    {'f', "force", OPT_BOOL, O(force), NULL, "Force removal of the image"},
    {0, "no-prune", OPT_BOOL, O(no_prune), NULL, "Do not delete untagged parents"},
    {0, "platform", OPT_CSV, O(platform), NULL,
     "Remove only the image of this platform: os/arch[/variant]"},
    {0},
};

static int remove_one(struct cli *c, struct shale *s, const struct remove_opts *o,
                      const char *image)
{
    struct shale_rmi_opts q = {
        .size = sizeof q,
        .force = o->force,
        .no_prune = o->no_prune,
        .platform = o->platform.n ? o->platform.v[0] : NULL,
        .dry_run = o->dry_run,
    };
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_rmi_result *res = NULL;
    char size[32];
    int r = shale_rmi(s, image, &q, &res, &c->e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < res->n_items; i++)
        buf_addf(&out, "%s: %s\n", res->items[i].kind == SHALE_UNTAGGED ? "Untagged" : "Deleted",
                 res->items[i].what);
    if (o->dry_run)
        buf_addf(&out, "Would free: %s (%llu bytes)\n", units_human(res->freed_bytes, 4, size),
                 (unsigned long long)res->freed_bytes);
    shale_free(res);
    return cli_print(c, &out);
}

/* All are tried; with --force one that is not there is no failure. */
static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct remove_opts *o = opts_;
    struct shale *s;
    if (o->platform.n > 1)
        return err_set(&c->e, SHALE_INVALID, "multiple platforms are not supported");
    int failed = 0, r = cli_open(c, &s);
    if (r < 0)
        return r;
    for (int i = 0; i < n; i++) {
        r = remove_one(c, s, o, args[i]);
        if (r == -SHALE_CANCELED)
            return r;
        if (r < 0) {
            cli_warn_error(&c->e);
            failed |= !(o->force && r == -SHALE_NOT_FOUND);
        }
    }
    return failed;
}

const struct cmd cmd_rmi = {
    .brief = "Remove one or more images",
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .text =
        "A name is taken off its image; the image goes with its last name. What a container uses\n"
        "stays.",
    .example = "shale rmi alpine:3.20\n"
               "shale rmi $(shale images -q --filter dangling=true)",
    .opts = opts,
    .opts_size = sizeof(struct remove_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
