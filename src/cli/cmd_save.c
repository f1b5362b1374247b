/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/archive.h>
#include <unistd.h>

#include "cli/cli.h"

struct save_opts {
    const char *output;
    struct strv platform, since;
};

#define O(field) offsetof(struct save_opts, field)
static const struct opt opts[] = {
    {'o', "output", OPT_STR, O(output), NULL, "Write to a file, instead of STDOUT"},
    {0, "platform", OPT_CSV, O(platform), NULL, "Save only the given platforms: os/arch[/variant]"},
    {0, "since", OPT_LIST, O(since), "image",
     "Leave out layers of this image, which the other side has"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct save_opts *o = opts_;
    struct shale *s;

    if (!o->output && cli_is_terminal()) {
        c->e.code = SHALE_INVALID;
        snprintf(c->e.msg, sizeof c->e.msg,
                 "cowardly refusing to save to a terminal. Use the -o flag or redirect");
        return -SHALE_INVALID;
    }
    int r = cli_open(c, &s);
    if (r < 0)
        return r;
    struct shale_save_opts q = {
        .size = sizeof q,
        .platforms = (const char *const *)o->platform.v,
        .output = o->output,
        .fd = STDOUT_FILENO,
        .since = (const char *const *)o->since.v,
    };
    r = shale_save(s, (const char *const *)args, (size_t)n, &q, &c->e);
    if (r == 0 && o->since.n)
        fprintf(stderr, "Note: nothing was left out, no layer is common with %s\n", o->since.v[0]);
    return r < 0 ? r : 0;
}

const struct cmd cmd_save = {
    .brief = "Save one or more images to a tar archive (streamed to STDOUT by default)",
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .text =
        "The archive is an OCI image layout and a docker-archive in one: docker, podman, skopeo\n"
        "and containerd read it. Layers are in it as they were published, so that digests stay.\n"
        "An image of several platforms is saved whole if all of it is here, else the one that the\n"
        "name points at. One --platform saves that image alone, several save the list with these.\n"
        "With --since the archive has only the layers that this image lacks: it can be loaded\n"
        "where that image is.\n"
        "A name without tag stands for all tags of its repository. A file that is named with -o\n"
        "is replaced only when the archive is whole.",
    .example = "shale save -o alpine.tar alpine:3.20\n"
               "shale save --platform linux/amd64,linux/arm64 -o alpine.tar alpine:3.20\n"
               "shale save --since app:1 -o app-2.tar app:2\n"
               "shale save alpine:3.20 debian:12 | gzip >images.tar.gz",
    .opts = opts,
    .opts_size = sizeof(struct save_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
