/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"
#include "view/images.h"

struct hist_opts {
    const char *format, *platform;
    bool human, layers, no_trunc, quiet;
};
static const struct hist_opts preset = {.human = true};

#define O(field) offsetof(struct hist_opts, field)
static const struct opt opts[] = {
    {0, "format", OPT_STR, O(format), NULL,
     "Format output using a custom template: 'table', 'table\nTEMPLATE', 'json' or 'TEMPLATE'"},
    {'H', "human", OPT_BOOL, O(human), NULL, "Print sizes and dates in human readable format", 0,
     "true"},
    {0, "layers", OPT_BOOL, O(layers), NULL,
     "Show the layers: which step made each, its sizes, who shares it, what of it is hidden"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {0, "platform", OPT_STR, O(platform), NULL, "Show history for the given platform"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only show image IDs"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct hist_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_history *h = NULL;
    struct shale_layer_uses *l = NULL;
    struct shale *s = NULL;
    int r = cli_open(c, &s);
    if (r == 0 && o->layers)
        r = shale_layer_uses(s, args[0], o->platform, &l, &c->e);
    else if (r == 0)
        r = shale_history(s, args[0], o->platform, &h, &c->e);
    if (r < 0)
        return r;
    struct history_opts v = {
        .format = o->format,
        .no_trunc = o->no_trunc,
        .quiet = o->quiet,
        .human = o->human,
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };
    r = o->layers ? layers_print(l, &v, &out, &c->e) : history_print(h, &v, &out, &c->e);
    if (r == 0)
        r = cli_print(c, &out);
    shale_free(l);
    shale_free(h);
    return r;
}

const struct cmd cmd_history = {
    .brief = "Show the history of an image",
    .usage = "[OPTIONS] IMAGE",
    .text =
        "With --layers only steps that made a layer are shown, with the layer's diffID, the blob\n"
        "that it came as, its size compressed and unpacked, other images that share it, and how\n"
        "many bytes of its files the image does not show, because later layers removed or\n"
        "replaced them. --quiet then prints diffIDs.",
    .example = "shale history alpine\n"
               "shale history --layers alpine\n"
               "shale history --no-trunc --format '{{.Size}}\\t{{.CreatedBy}}' alpine",
    .opts = opts,
    .opts_size = sizeof(struct hist_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
