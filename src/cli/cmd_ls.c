/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/look.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/look.h"
#include "view/files.h"

struct ls_opts {
    const char *format, *platform;
    bool all, directory, human, layers, lng, quiet, recursive, remote;
};

#define O(field) offsetof(struct ls_opts, field)
static const struct opt opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Names that begin with a dot, too"},
    {'d', "directory", OPT_BOOL, O(directory), NULL, "Directories themselves, not what is in them"},
    {0, "format", OPT_STR, O(format), NULL,
     "Format output using a custom template: 'table', 'table\nTEMPLATE', 'json' or 'TEMPLATE'"},
    {'H', "human", OPT_BOOL, O(human), NULL, "Print sizes in human readable format"},
    {0, "layers", OPT_BOOL, O(layers), NULL, "Tell which layer a file is from"},
    {'l', "long", OPT_BOOL, O(lng), NULL, "Mode, owner, size and time, too"},
    {0, "platform", OPT_STR, O(platform), NULL, "Look into the image for the given platform"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Do not tell how much was fetched"},
    {'R', "recursive", OPT_BOOL, O(recursive), NULL, "With all that is in directories"},
    {0, "remote", OPT_BOOL, O(remote), NULL, LOOK_REMOTE_HELP},
    {0},
};
#undef O

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct ls_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct files_opts v = {
        .format = o->format,
        .lng = o->lng,
        .layers = o->layers,
        .human = o->human,
        .printable = cli_is_terminal(),
    };
    struct shale_fetched fetched = {0};
    struct shale_ls_opts lo = {
        .size = sizeof lo,
        .platform = o->platform,
        .all = o->all,
        .recursive = o->recursive,
        .only_itself = o->directory,
        .no_follow = o->lng || o->directory,
        .totals = o->format && *o->format, /* they may be asked for */
        .on_file = files_add,
        .remote = o->remote,
        .fetched = &fetched,
    };
    struct look_args x = {0};
    struct files *f = NULL;
    struct shale *s = NULL;
    int r = look_args(c, n, args, &x);

    if (r == 0)
        r = cli_open(c, &s);
    v.paths = o->recursive || x.n_paths > 1 || o->directory;
    if (r == 0)
        r = files_new(&v, &f, &c->e);
    lo.arg = f;
    if (r >= 0) {
        r = shale_ls(s, x.image, x.paths, x.n_paths, &lo, &c->e);
        files_error(f, r, &c->e);
        look_fetched(&fetched, o->quiet);
    }
    if (r >= 0)
        r = files_end(f, &out, &c->e);
    files_free(f);
    return r < 0 ? r : cli_print(c, &out);
}

const struct cmd cmd_ls = {
    .brief = "List files of an image",
    .usage = "[OPTIONS] IMAGE[:/PATH] [PATH...]",
    .text =
        "What the image shows is listed as its layers say it: no container is made, nothing is\n"
        "mounted. Symbolic links are followed inside of the image; with -l one that is asked for\n"
        "by name is shown itself. IMAGE:/PATH is the same as IMAGE and /PATH. With -R, -d or\n"
        "several paths, names are whole paths.\n" LOOK_REMOTE_TEXT "All of its layers are needed.",
    .example = "shale ls -l debian:12 /etc\n"
               "shale ls -aR --layers debian:12:/etc/apt\n"
               "shale ls -l --remote registry.example.com/app:1.0 /etc\n"
               "shale ls -aR --format '{{.Path}} {{.Size}}' debian:12",
    .opts = opts,
    .opts_size = sizeof(struct ls_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
