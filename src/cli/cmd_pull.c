/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/pull.h"
#include "view/progress.h"

struct pull_opts {
    bool all_tags, all_platforms, quiet, content_trust;
    const char *platform;
    int64_t parallel;
};

#define O(field) offsetof(struct pull_opts, field)
static const struct opt opts[] = {
    {0, "all-platforms", OPT_BOOL, O(all_platforms), NULL,
     "Download the images of all platforms, and keep them together"},
    {'a', "all-tags", OPT_BOOL, O(all_tags), NULL, "Download all tagged images in the repository"},
    {0, "disable-content-trust", OPT_BOOL, O(content_trust), NULL, "Accepted, does nothing",
     OPT_HIDDEN},
    {0, "platform", OPT_STR, O(platform), NULL, "Set platform: os/arch[/variant]"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Suppress verbose output"},
    {0},
};

int cli_pull(struct cli *c, const struct pull_request *q, struct shale_pull_result **ret)
{
    struct shale *s;
    struct progress *p = NULL;
    int r = cli_open(c, &s);
    if (r == 0 && !q->quiet)
        r = progress_new(q->fd, &p, &c->e);
    if (r < 0)
        return r;
    struct shale_pull_opts o = {
        .size = sizeof o,
        .platform = q->platform,
        .all_tags = q->all_tags,
        .all_platforms = q->all_platforms,
        .on_progress = p ? progress_event : NULL,
        .progress_arg = p,
    };
    r = shale_pull(s, q->ref, &o, ret, &c->e);
    progress_free(p);
    return r < 0 ? r : 0;
}

static int pull_one(struct cli *c, const struct pull_opts *o, const char *ref)
{
    struct shale_pull_result *res = NULL;
    struct pull_request q = {
        .ref = ref,
        .platform = o->platform,
        .all_tags = o->all_tags,
        .quiet = o->quiet,
        .all_platforms = o->all_platforms,
        .fd = STDOUT_FILENO,
    };
    int r = cli_pull(c, &q, &res);
    if (r < 0)
        return r;
    /* One line for a reference, as docker; each tag's image is named above it. */
    if (o->all_tags && res->n_images > 0) {
        const char *full = res->images[0].ref, *tag = strrchr(full, ':');
        r = cli_printf(c, "%.*s\n", tag ? (int)(tag - full) : (int)strlen(full), full);
    }
    for (size_t i = 0; i < res->n_images && r == 0 && !o->all_tags; i++)
        r = cli_printf(c, "%s\n", res->images[i].ref);
    shale_free(res);
    return r;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct pull_opts *o = opts_;
    int failed = 0;
    for (int i = 0; i < n; i++) {
        int r = pull_one(c, o, args[i]);
        if (r == -SHALE_CANCELED || (r < 0 && i + 1 == n && !failed))
            return r;
        if (r < 0) {
            cli_warn_error(&c->e);
            failed = 1;
        }
    }
    return failed;
}

const struct cmd cmd_pull = {
    .brief = "Download an image from a registry",
    .usage = "[OPTIONS] NAME[:TAG|@DIGEST] [NAME...]",
    .text =
        "What was downloaded before an interruption is kept: pull again to continue. Several "
        "images\n"
        "may be named; all are tried.\n"
        "With --all-platforms the list of an image is kept whole: `image ls --tree` shows it,\n"
        "push and save pass it on as it is, and rmi takes it away at once. The name stands for\n"
        "the image of this host; --platform reaches the others.",
    .example = "shale pull alpine\n"
               "shale pull --all-platforms alpine\n"
               "shale pull --platform linux/arm64 registry.example.com/team/app:1.2\n"
               "shale pull -q "
               "alpine@sha256:beefdbd8a1da6d2915566fde36db9db0b524eb737fc57cd1367effd16dc0d06d",
    .opts = opts,
    .opts_size = sizeof(struct pull_opts),
    .min_args = 1,
    .max_args = -1,
    .flags = CMD_ONLINE,
    .run = run,
};
