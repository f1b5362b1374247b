/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/archive.h>
#include <unistd.h>

#include "cli/cli.h"

struct load_opts {
    const char *input;
    struct strv platform;
    bool quiet;
};

#define O(field) offsetof(struct load_opts, field)
static const struct opt opts[] = {
    {'i', "input", OPT_STR, O(input), NULL, "Read from a tar archive file, instead of STDIN"},
    {0, "platform", OPT_CSV, O(platform), NULL, "Load only the given platforms: os/arch[/variant]"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Suppress the load output"},
    {0},
};

static int show(struct cli *c, const struct shale_loaded *i)
{
    int r = 0;

    if (i->replaced)
        r = cli_printf(c,
                       "The image %s already exists, renaming the old one with ID %s to empty "
                       "string\n",
                       i->ref, i->replaced);
    if (r < 0)
        return r;
    return i->ref ? cli_printf(c, "Loaded image: %s\n", i->ref)
                  : cli_printf(c, "Loaded image ID: %s\n", i->id);
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct load_opts *o = opts_;
    struct shale_load_result *res = NULL;
    struct shale *s;

    if (!o->input && isatty(STDIN_FILENO)) {
        c->e.code = SHALE_INVALID;
        snprintf(c->e.msg, sizeof c->e.msg, "requested load from stdin, but stdin is empty");
        return -SHALE_INVALID;
    }
    int r = cli_open(c, &s);
    if (r < 0)
        return r;
    struct shale_load_opts q = {
        .size = sizeof q,
        .platforms = (const char *const *)o->platform.v,
        .input = o->input,
        .fd = STDIN_FILENO,
    };
    r = shale_load(s, &q, &res, &c->e);
    for (size_t i = 0; r >= 0 && i < res->n_images; i++)
        r = show(c, &res->images[i]);
    shale_free(res);
    return r < 0 ? r : 0;
}

const struct cmd cmd_load = {
    .brief = "Load an image from a tar archive or STDIN",
    .usage = "[OPTIONS]",
    .text =
        "Archives of docker save (1.10 and later), podman and skopeo, and OCI image layouts as a\n"
        "tar or a folder; plain or packed with gzip, zstd, xz or bzip2. An image that loses its\n"
        "name to a loaded one stays, without a name. Of an image of several platforms all that "
        "the\n"
        "archive has is loaded.",
    .example = "shale load -i alpine.tar\n"
               "zcat images.tar.gz | shale load\n"
               "shale load -i layout-folder",
    .opts = opts,
    .opts_size = sizeof(struct load_opts),
    .max_args = 0,
    .run = run,
};
