/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/look.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/look.h"
#include "view/differences.h"

#define STATUS_DIFFERENT 1
#define STATUS_TROUBLE   2

struct diff_opts {
    const char *format, *platform;
    struct strv only;
    bool no_trunc, quiet, remote;
};

#define O(field) offsetof(struct diff_opts, field)
static const struct opt opts[] = {
    {0, "format", OPT_STR, O(format), NULL,
     "Format output using a custom template: 'table', 'table\nTEMPLATE', 'json' or 'TEMPLATE'"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {0, "only", OPT_CSV, O(only), NULL,
     "Compare these only: 'config', 'history', 'packages', 'files'"},
    {0, "platform", OPT_STR, O(platform), NULL, "Compare the images for the given platform"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Print nothing: the exit status says it"},
    {0, "remote", OPT_BOOL, O(remote), NULL,
     "The images in their registries, without pulling them"},
    {0},
};
#undef O

static int parts_of(struct cli *c, const struct strv *only, unsigned *ret)
{
    static const struct {
        const char *name;
        enum shale_image_part part;
    } parts[] = {
        {"config", SHALE_PART_CONFIG},    {"file", SHALE_PART_FILES},
        {"files", SHALE_PART_FILES},      {"history", SHALE_PART_HISTORY},
        {"package", SHALE_PART_PACKAGES}, {"packages", SHALE_PART_PACKAGES},
    };

    *ret = 0;
    for (size_t i = 0; i < only->n; i++) {
        unsigned part = 0;
        for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
            if (streq(parts[k].name, only->v[i]))
                part = parts[k].part;
        if (!part)
            return cli_usage_error(
                c, "--only takes config, history, packages and files, not \"%s\"", only->v[i]);
        *ret |= part;
    }
    return 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct diff_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct differences d = {0};
    struct shale_fetched fetched = {0};
    struct shale_image_diff_opts io = {
        .size = sizeof io,
        .platform = o->platform,
        .on_difference = o->quiet ? NULL : differences_add,
        .arg = &d,
        .remote = o->remote,
        .fetched = &fetched,
    };
    struct shale *s = NULL;
    int r, differs = 0;

    (void)n;
    r = parts_of(c, &o->only, &io.parts);
    if (r != 0)
        return r;
    c->fail_status = STATUS_TROUBLE;
    r = cli_open(c, &s);
    if (r == 0)
        r = differences_begin(&d, o->format, o->no_trunc, cli_is_terminal(), &c->e);
    if (r == 0)
        r = differs = shale_image_diff(s, args[0], args[1], &io, &c->e);
    look_fetched(&fetched, o->quiet);
    if (r < 0 && d.e.code)
        c->e = d.e;
    if (r > 0 && !o->quiet)
        r = list_end(&d.l, &out, &c->e);
    if (r >= 0)
        r = cli_print(c, &out);
    list_clear(&d.l);
    return r < 0 ? r : differs ? STATUS_DIFFERENT : 0;
}

const struct cmd cmd_image_diff = {
    .brief = "Compare two images",
    .usage = "[OPTIONS] IMAGE IMAGE",
    .text =
        "Compared are, in this order, what containers get of the images' configs (environment,\n"
        "command, entrypoint, labels, user, ports and so on; platform and author), the steps of\n"
        "their histories, the packages of dpkg, apk and rpm, and the files. What the second image\n"
        "has and the first one has not is added; what it lacks is removed.\n"
        "\n"
        "Files are changed in type, content, mode, owner, xattr, link or device. Times are not\n"
        "looked at, nor in which layer something is. Only contents of files that are not from\n"
        "the same layer and have the same size are read.\n"
        "\n"
        "With --remote both images are looked at where they are, in their registries;\n"
        "docker://IMAGE is one that is. Layers are fetched and checked, but not stored, each "
        "once;\n"
        "those that the store has are read there. For config and history none is needed.\n"
        "\n"
        "The exit status is 0 when there is no difference, 1 when there are some, 2 after an\n"
        "error, and 125 for a wrong use.",
    .example = "shale image diff app:1.0 app:1.1\n"
               "shale image diff --only packages,config app:1.0 app:1.1\n"
               "shale image diff app:1.0 docker://registry.example.com/app:1.1\n"
               "shale image diff -q app:1.0 app:1.1 || echo changed",
    .opts = opts,
    .opts_size = sizeof(struct diff_opts),
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
