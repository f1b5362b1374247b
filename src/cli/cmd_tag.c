/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "model/ref.h"

/* The target is judged before the store is looked at, in docker's words. */
static int check_target(struct cli *c, const char *target)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct ref ref;
    if (ref_parse(target, &c->arena, &ref, &why) == 0)
        return 0;
    return err_set(&c->e, SHALE_INVALID,
                   "Error parsing reference: \"%.200s\" is not a valid repository/tag: %.200s",
                   target, why.msg);
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    struct shale *s;
    int r = check_target(c, args[1]);
    if (r == 0)
        r = cli_open(c, &s);
    return r < 0 ? r : shale_tag(s, args[0], args[1], &c->e);
}

const struct cmd cmd_tag = {
    .brief = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    .usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    .text = "A tag that exists already moves to the new image.",
    .example = "shale tag alpine:3.20 registry.example.com/base/alpine:3.20",
    .min_args = 2,
    .max_args = 2,
    .flags = CMD_OPTS_FIRST,
    .run = run,
};
