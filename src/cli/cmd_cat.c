/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <shale/look.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/look.h"

struct cat_opts {
    const char *platform;
    bool quiet, remote;
};

#define O(field) offsetof(struct cat_opts, field)
static const struct opt opts[] = {
    {0, "platform", OPT_STR, O(platform), NULL, "Look into the image for the given platform"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Do not tell how much was fetched"},
    {0, "remote", OPT_BOOL, O(remote), NULL, LOOK_REMOTE_HELP},
    {0},
};
#undef O

static void on_error(void *arg, const char *path, const struct shale_err *e)
{
    (void)arg;
    (void)path;
    cli_warn_error(e);
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct cat_opts *o = opts_;
    struct look_args x = {0};
    struct shale *s = NULL;
    int r = look_args(c, n, args, &x);

    if (r == 0 && n == 1 && x.image == args[0])
        return cli_usage_error(c, "a path is needed: cat IMAGE PATH, or cat IMAGE:/PATH");
    if (r == 0)
        r = cli_open(c, &s);
    if (r < 0)
        return r;
    struct shale_fetched fetched = {0};
    struct shale_cat_opts co = {
        .size = sizeof co,
        .platform = o->platform,
        .fd = STDOUT_FILENO,
        .on_error = on_error,
        .remote = o->remote,
        .fetched = &fetched,
    };
    r = shale_cat(s, x.image, x.paths, x.n_paths, &co, &c->e);
    look_fetched(&fetched, o->quiet);
    if (r < 0 && c->e.sys == EPIPE)
        _exit(128 + SIGPIPE);
    return r > 0 ? 1 : r;
}

const struct cmd cmd_cat = {
    .brief = "Print files of an image",
    .usage = "[OPTIONS] IMAGE[:/PATH] [PATH...]",
    .text =
        "The files are read out of the image's layers: no container is made, nothing is mounted.\n"
        "Symbolic links are followed inside of the image. IMAGE:/PATH is the same as IMAGE and\n"
        "/PATH.\n" LOOK_REMOTE_TEXT "Layers are read from the top, until all files are found.",
    .example = "shale cat debian:12 /etc/os-release\n"
               "shale cat debian:12:/etc/passwd /etc/group\n"
               "shale cat --remote registry.example.com/app:1.0 /etc/os-release",
    .opts = opts,
    .opts_size = sizeof(struct cat_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
