/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "view/progress.h"

struct push_opts {
    bool all_tags, quiet, content_trust;
    const char *platform;
};

#define O(field) offsetof(struct push_opts, field)
static const struct opt opts[] = {
    {'a', "all-tags", OPT_BOOL, O(all_tags), NULL, "Push all tags of an image to the repository"},
    {0, "disable-content-trust", OPT_BOOL, O(content_trust), NULL, "Accepted, does nothing",
     OPT_HIDDEN},
    {0, "platform", OPT_STR, O(platform), NULL,
     "Push a platform-specific manifest as a single-platform image to the registry:\n"
     "os/arch[/variant]"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Suppress verbose output"},
    {0},
};

static int push_one(struct cli *c, struct shale *s, const struct push_opts *o, const char *ref)
{
    struct shale_push_result *res = NULL;
    struct progress *p = NULL;
    int r = o->quiet ? 0 : progress_new(STDOUT_FILENO, &p, &c->e);

    if (r < 0)
        return r;
    struct shale_push_opts q = {
        .size = sizeof q,
        .platform = o->platform,
        .all_tags = o->all_tags,
        .on_progress = p ? progress_event : NULL,
        .progress_arg = p,
    };
    r = shale_push(s, ref, &q, &res, &c->e);
    progress_free(p);
    for (size_t i = 0; r >= 0 && o->quiet && i < res->n_images; i++)
        r = cli_printf(c, "%s\n", res->images[i].ref);
    shale_free(res);
    return r < 0 ? r : 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct push_opts *o = opts_;
    struct shale *s;
    int failed = 0, r = cli_open(c, &s);

    for (int i = 0; r >= 0 && i < n; i++) {
        r = push_one(c, s, o, args[i]);
        if (r == -SHALE_CANCELED || (r < 0 && i + 1 == n && !failed))
            return r;
        if (r < 0) {
            cli_warn_error(&c->e);
            failed = 1;
            r = 0;
        }
    }
    return r < 0 ? r : failed;
}

const struct cmd cmd_push = {
    .brief = "Upload an image to a registry",
    .usage = "[OPTIONS] NAME[:TAG] [NAME...]",
    .text =
        "What the registry has already is not sent again, and what it has in another repository "
        "of\n"
        "the same registry is mounted from there. An image of several platforms is pushed whole "
        "if\n"
        "all of it is here. Several images may be named; all are tried.",
    .example = "shale push registry.example.com/team/app:1.2\n"
               "shale push -a registry.example.com/team/app\n"
               "shale push --platform linux/arm64 registry.example.com/team/app:1.2",
    .opts = opts,
    .opts_size = sizeof(struct push_opts),
    .min_args = 1,
    .max_args = -1,
    .flags = CMD_ONLINE,
    .run = run,
};
