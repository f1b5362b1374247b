/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/edit.h>

#include "cli/cli.h"
#include "cli/edited.h"

struct rebase_cmd_opts {
    const char *onto, *from, *tag, *platform, *format;
};

#define O(field) offsetof(struct rebase_cmd_opts, field)
static const struct opt opts[] = {
    {0, "format", OPT_STR, O(format), NULL,
     "Format the result using a custom template:\n'table', 'json' or 'TEMPLATE'"},
    {0, "from", OPT_STR, O(from), "IMAGE",
     "The base that the image was built on (default: found among the\nimages of the new base's "
     "repository)"},
    {0, "onto", OPT_STR, O(onto), "IMAGE", "The new base"},
    {0, "platform", OPT_STR, O(platform), NULL,
     "Image for this platform, of several behind the name: os/arch[/variant]"},
    {'t', "tag", OPT_STR, O(tag), NULL, "Name of the new image, as name:tag"},
    {0},
};
#undef O

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct rebase_cmd_opts *o = opts_;
    struct shale_rebase_opts q = {.size = sizeof q,
                                  .name = o->tag,
                                  .onto = o->onto,
                                  .from = o->from,
                                  .platform = o->platform};
    struct shale_edited *made = NULL;
    struct shale *s;

    (void)n;
    if (!o->onto || !*o->onto)
        return cli_usage_error(c, "the new base is missing: name it with --onto");
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_rebase(s, args[0], &q, &made, &c->e);
    return edited_end(c, r, made, o->format);
}

const struct cmd cmd_rebase = {
    .brief = "Create a new image with the layers of an image on another base",
    .usage = "--onto BASE [OPTIONS] IMAGE",
    .text =
        "The layers that an image has above its old base, and their history, are put on the new\n"
        "one without building anything; settings (environment, command, user …) are the image's.\n"
        "The old base is looked for among the images that tags of the new base's repository stand\n"
        "for, or that its tag has stood for; --from names it. Whether the layers go well with the\n"
        "new base is not looked at: they bring the files that they have. The old image stays.",
    .example = "shale pull debian:12 && shale rebase --onto debian:12 -t app app\n"
               "shale rebase --from alpine:3.19 --onto alpine:3.20 -t app:new app",
    .opts = opts,
    .opts_size = sizeof(struct rebase_cmd_opts),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
