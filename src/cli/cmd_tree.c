/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <shale/look.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/look.h"
#include "view/files.h"

#define MAX_DEPTH 1024

struct tree_opts_ {
    const char *format, *platform;
    int64_t level;
    bool all, layers, quiet, remote, sizes;
};

#define O(field) offsetof(struct tree_opts_, field)
static const struct opt opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Names that begin with a dot, too"},
    {0, "format", OPT_STR, O(format), NULL,
     "Format output: 'json' or a Go template, a line a file"},
    {0, "layers", OPT_BOOL, O(layers), NULL, "Tell which layer a file is from"},
    {'L', "level", OPT_INT, O(level), NULL, "Show so many levels only"},
    {0, "platform", OPT_STR, O(platform), NULL, "Look into the image for the given platform"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Do not tell how much was fetched"},
    {0, "remote", OPT_BOOL, O(remote), NULL, LOOK_REMOTE_HELP},
    {'s', "size", OPT_BOOL, O(sizes), NULL, "Print sizes; those of directories are of all in them"},
    {0},
};
#undef O

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct tree_opts_ *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct files_opts v = {
        .format = o->format,
        .tree = !o->format || !*o->format,
        .layers = o->layers,
        .lng = o->sizes,
        .human = !o->format || !*o->format,
        .paths = true,
        .printable = cli_is_terminal(),
    };
    struct shale_fetched fetched = {0};
    struct shale_ls_opts lo = {
        .size = sizeof lo,
        .platform = o->platform,
        .all = o->all,
        .recursive = true,
        .itself = true,
        .totals = o->sizes || o->format,
        .max_depth = (uint32_t)o->level,
        .on_file = files_add,
        .remote = o->remote,
        .fetched = &fetched,
    };
    struct look_args x = {0};
    struct files *f = NULL;
    struct shale *s = NULL;

    if (cli_seen(c, "level") && (o->level < 1 || o->level > MAX_DEPTH))
        return cli_usage_error(c, "--level must be from 1 to %d, not %" PRId64, MAX_DEPTH,
                               o->level);
    int r = look_args(c, n, args, &x);
    if (r == 0 && x.n_paths > 1)
        return cli_usage_error(c, "one path only");
    if (r == 0)
        r = cli_open(c, &s);
    if (r == 0)
        r = files_new(&v, &f, &c->e);
    lo.arg = f;
    if (r == 0) {
        r = shale_ls(s, x.image, x.paths, 1, &lo, &c->e);
        files_error(f, r, &c->e);
        look_fetched(&fetched, o->quiet);
    }
    if (r == 0)
        r = files_end(f, &out, &c->e);
    files_free(f);
    return r < 0 ? r : cli_print(c, &out);
}

const struct cmd cmd_tree = {
    .brief = "Show files of an image as a tree",
    .usage = "[OPTIONS] IMAGE[:/PATH] [PATH]",
    .text =
        "What the image shows, as its layers say it: no container is made, nothing is mounted.\n"
        "Of a file with several names (hard links) the bytes count once in a directory's "
        "size.\n" LOOK_REMOTE_TEXT "All of its layers are needed.",
    .example = "shale tree -L 2 debian:12 /var\n"
               "shale tree -a -s --layers app:1.0:/srv",
    .opts = opts,
    .opts_size = sizeof(struct tree_opts_),
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
