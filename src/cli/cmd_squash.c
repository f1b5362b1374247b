/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/edit.h>

#include "cli/cli.h"
#include "cli/edited.h"

struct squash_cmd_opts {
    const char *from, *tag, *platform, *message, *format;
};

#define O(field) offsetof(struct squash_cmd_opts, field)
static const struct opt opts[] = {
    {0, "format", OPT_STR, O(format), NULL,
     "Format the result using a custom template:\n'table', 'json' or 'TEMPLATE'"},
    {0, "from", OPT_STR, O(from), "LAYER|IMAGE",
     "The first layer that is merged, by its number in history --layers, or\nthe image that the "
     "layers below are of (default: all are merged)"},
    {'m', "message", OPT_STR, O(message), NULL, "Comment for the history"},
    {0, "platform", OPT_STR, O(platform), NULL,
     "Image for this platform, of several behind the name: os/arch[/variant]"},
    {'t', "tag", OPT_STR, O(tag), NULL, "Name of the new image, as name:tag"},
    {0},
};
#undef O

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct squash_cmd_opts *o = opts_;
    struct shale_squash_opts q = {.size = sizeof q,
                                  .name = o->tag,
                                  .from = o->from,
                                  .platform = o->platform,
                                  .message = o->message};
    struct shale_edited *made = NULL;
    struct shale *s;
    int r = cli_open(c, &s);

    (void)n;
    if (r == 0)
        r = shale_squash(s, args[0], &q, &made, &c->e);
    return edited_end(c, r, made, o->format);
}

const struct cmd cmd_squash = {
    .brief = "Create a new image with the layers of an image merged into one",
    .usage = "[OPTIONS] IMAGE",
    .text = "The new image shows the same files and has the same settings; what upper layers hide\n"
            "of lower ones is not in it any more. No container is needed. The history stays, with\n"
            "an entry for the new layer behind it. The same image gives the same new image, byte\n"
            "for byte. The old image stays.\n"
            "With --from the layers below it are kept, and go on being shared with other images.",
    .example = "shale squash -t app:flat app\n"
               "shale squash --from debian:12 -t app app\n"
               "shale history --layers app && shale squash --from 3 -t app app",
    .opts = opts,
    .opts_size = sizeof(struct squash_cmd_opts),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
