/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/remote.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "view/progress.h"

struct copy_cmd_opts {
    const char *platform;
    bool quiet, referrers;
};

#define O(field) offsetof(struct copy_cmd_opts, field)
static const struct opt opts[] = {
    {0, "platform", OPT_STR, O(platform), NULL,
     "Only the image for this platform: os/arch[/variant]"},
    {0, "referrers", OPT_BOOL, O(referrers), NULL,
     "Copy what is attached, too: signatures, SBOMs, attestations"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only show the digests of what was copied"},
    {0},
};
#undef O

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct copy_cmd_opts *o = opts_;
    struct shale_copied_list *l = NULL;
    struct progress *p = NULL;
    struct shale *s;
    int r = cli_open(c, &s);

    if (r >= 0 && !o->quiet)
        r = progress_new(STDOUT_FILENO, &p, &c->e);
    if (r < 0)
        return r;
    struct shale_copy_opts q = {
        .size = sizeof q,
        .platform = o->platform,
        .referrers = o->referrers,
        .on_progress = p ? progress_event : NULL,
        .progress_arg = p,
    };
    r = shale_remote_copy(s, (const char *const *)args, (size_t)n - 1, args[n - 1], &q, &l, &c->e);
    progress_free(p);
    for (size_t i = 0; r >= 0 && o->quiet && i < l->n_items; i++)
        r = cli_printf(c, "%s\n", l->items[i].digest);
    shale_free(l);
    return r < 0 ? r : 0;
}

const struct cmd cmd_copy = {
    .brief = "Copy images from registry to registry, or between a registry and the store",
    .usage = "[OPTIONS] NAME[:TAG|:PATTERN|@DIGEST] [NAME...] TARGET[:TAG]",
    .text =
        "From registry to registry nothing passes through the local store. What the target has is\n"
        "not sent again, and within one registry nothing is. Images of several platforms are "
        "copied\n"
        "whole. Several names, or a pattern (*, ? and [a-z]), are copied to a repository, where "
        "tags\n"
        "keep their names.\n"
        "A name that begins with store:// is one of the local store, or an image ID: out of it\n"
        "goes what a push would send, but under any name, and nothing is tagged here; into it "
        "comes\n"
        "what a pull would bring, under any name and with all platforms. docker:// before a name "
        "in\n"
        "a registry may be left out.",
    .example = "shale copy debian:12 registry.example.com/mirror/debian\n"
               "shale copy localhost:5000/app:rc localhost:5000/app:1.2\n"
               "shale copy --referrers localhost:5000/app:1.2 registry.example.com/app:1.2\n"
               "shale copy 'localhost:5000/app:1.*' registry.example.com/app\n"
               "shale copy store://app registry.example.com/team/app:1.2\n"
               "shale copy --platform linux/arm64 debian:12 store://debian-arm:12",
    .opts = opts,
    .opts_size = sizeof(struct copy_cmd_opts),
    .min_args = 2,
    .max_args = -1,
    .flags = CMD_ONLINE,
    .run = run,
};
