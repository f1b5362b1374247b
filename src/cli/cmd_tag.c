/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "model/ref.h"

static bool is_id(const char *text)
{
    struct digest d;
    return ref_is_identifier(text) || digest_parse(text, &d, NULL) == 0;
}

/* Names are judged before the store is looked at, in docker's words. */
static int check_name(struct cli *c, const char *text)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct ref ref;
    if (ref_parse(text, &c->arena, &ref, &why) == 0)
        return 0;
    return err_set(&c->e, SHALE_INVALID,
                   "Error parsing reference: \"%.260s\" is not a valid repository/tag: %.180s",
                   text, why.msg);
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    struct shale *s;
    int r = is_id(args[0]) ? 0 : check_name(c, args[0]);
    if (r == 0)
        r = check_name(c, args[1]);
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
