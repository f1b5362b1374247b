/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/changes.h>

#include "cli/cli.h"

struct commit_opts {
    const char *author, *message;
    struct strv change;
    bool pause;
};
static const struct commit_opts preset = {.pause = true};

#define O(field) offsetof(struct commit_opts, field)
static const struct opt opts[] = {
    {'a', "author", OPT_STR, O(author), NULL,
     "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")"},
    {'c', "change", OPT_LIST, O(change), NULL, "Apply Dockerfile instruction to the created image"},
    {'m', "message", OPT_STR, O(message), NULL, "Commit message"},
    {'p', "pause", OPT_BOOL, O(pause), NULL, "Pause container during commit", 0, "true"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct commit_opts *o = opts_;
    const char **changes = arena_array(&c->arena, o->change.n + 1, sizeof *changes);
    struct shale_committed *made = NULL;
    struct shale *s;

    if (!changes)
        return err_nomem(&c->e);
    for (size_t i = 0; i < o->change.n; i++)
        changes[i] = o->change.v[i];
    struct shale_commit_opts q = {.size = sizeof q,
                                  .name = n > 1 ? args[1] : NULL,
                                  .author = o->author,
                                  .message = o->message,
                                  .changes = changes,
                                  .no_pause = !o->pause};
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_commit(s, args[0], &q, &made, &c->e);
    if (r < 0)
        return r;
    for (size_t i = 0; made && made->warnings[i]; i++)
        (void)fprintf(stderr, "WARNING: %s\n", made->warnings[i]);
    r = made ? cli_printf(c, "%s\n", made->id) : 0;
    shale_free(made);
    return r;
}

const struct cmd cmd_commit = {
    .brief = "Create a new image from a container's changes",
    .usage = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    .text =
        "The image of the container gets one more layer, of all that the container has changed;\n"
        "volumes and mounts are not part of it. A name that exists moves to the new image.",
    .example = "shale commit job registry.example.com/team/job:fixed\n"
               "shale commit -m 'with curl' -c 'CMD [\"curl\"]' -c 'ENV DEBUG=1' job tools",
    .opts = opts,
    .opts_size = sizeof(struct commit_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
