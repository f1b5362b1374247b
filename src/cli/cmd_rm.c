/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/container.h>

#include "cli/each.h"

struct rm_opts {
    bool force, link, volumes;
};

#define O(field) offsetof(struct rm_opts, field)
static const struct opt opts[] = {
    {'f', "force", OPT_BOOL, O(force), NULL,
     "Force the removal of a running container (uses SIGKILL)"},
    {'l', "link", OPT_BOOL, O(link), NULL, "Remove the specified link", OPT_HIDDEN},
    {'v', "volumes", OPT_BOOL, O(volumes), NULL,
     "Remove anonymous volumes associated with the container"},
    {0},
};

static int remove_one(struct shale *s, const void *opts_, const char *name, struct buf *out,
                      struct shale_err *e)
{
    const struct rm_opts *o = opts_;
    struct shale_rm_opts q = {.size = sizeof q, .force = o->force, .volumes = o->volumes};
    int r = shale_rm(s, name, &q, e);
    if (r == 0)
        buf_addf(out, "%s\n", name);
    return r;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct rm_opts *o = opts_;
    if (o->link)
        return err_set(&c->e, SHALE_UNSUPPORTED,
                       "removing a link is not supported: make the container anew without it");
    return each_container(c, remove_one, o, n, args, 1, o->force ? SHALE_NOT_FOUND : 0);
}

const struct cmd cmd_rm = {
    .brief = "Remove one or more containers",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .example = "shale rm job\n"
               "shale rm -f $(shale ps -aq)",
    .opts = opts,
    .opts_size = sizeof(struct rm_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
